//! Errors of `/v1`, and the one table from kinds of error to HTTP status and exit code.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Header that tells the [`ErrorKind`]'s name on Heketi's routes, whose bodies are plain text and whose statuses
/// do not tell enough ("no space" is a 500 there). Old clients do not read it.
pub const ERROR_KIND_HEADER: &str = "mortar-error-kind";

/// The body of every answer of `/v1` that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorInfo,
}

/// What went wrong, for people and programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorInfo {
    /// Which way on there is; programs branch on this and on nothing else.
    pub kind: ErrorKind,
    /// What was attempted, what stood in the way, what to do next.
    pub message: String,
    /// One line per thing that stood in the way (for "no space": per device, the rule that refused it).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl ErrorBody {
    /// An error without details.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            error: ErrorInfo {
                kind,
                message: message.into(),
                details: Vec::new(),
            },
        }
    }
}

/// Kinds of error. Each is another way on for the one who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The request is not one that could ever succeed: correct it.
    Invalid,
    /// The token is missing, wrong, expired or for another path.
    Unauthorized,
    /// The token is good and its role may not do this.
    Forbidden,
    /// The thing is not known.
    NotFound,
    /// The thing's present state forbids it, or a name is taken.
    Conflict,
    /// The body is larger than the server reads.
    TooLarge,
    /// No place satisfies the request.
    NoSpace,
    /// Too much is waiting: the same again, later.
    Busy,
    /// A node refused or could not be reached; what was begun was undone.
    NodeFailed,
    /// A person must look before anything else is done there.
    NeedsAttention,
    /// The server is stopping or read-only: the same again, later or elsewhere.
    Unavailable,
    /// A fault of Mortar itself; the server's log has the detail.
    #[serde(other)]
    Internal,
}

impl ErrorKind {
    /// Every kind there is.
    pub const ALL: [Self; 12] = [
        Self::Invalid,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::TooLarge,
        Self::NoSpace,
        Self::Busy,
        Self::NodeFailed,
        Self::NeedsAttention,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Name, HTTP status on `/v1`, exit code of the command line. (Heketi's routes keep Heketi's statuses.)
    const fn row(self) -> (&'static str, u16, u8) {
        match self {
            Self::Invalid => ("invalid", 400, 2),
            Self::Unauthorized => ("unauthorized", 401, 4),
            Self::Forbidden => ("forbidden", 403, 4),
            Self::NotFound => ("not-found", 404, 5),
            Self::Conflict => ("conflict", 409, 6),
            Self::TooLarge => ("too-large", 413, 2),
            Self::NoSpace => ("no-space", 507, 7),
            Self::Busy => ("busy", 429, 8),
            Self::NodeFailed => ("node-failed", 502, 1),
            Self::NeedsAttention => ("needs-attention", 500, 9),
            Self::Unavailable => ("unavailable", 503, 8),
            Self::Internal => ("internal", 500, 1),
        }
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The kind of this name; `None` for a name that is not in the table.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The HTTP status that goes with it on `/v1`.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// The exit code that the command line ends with.
    pub const fn exit_code(self) -> u8 {
        self.row().2
    }

    /// The kind that an HTTP status tells when the body tells none (Heketi's routes answer plain text).
    pub const fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            409 => Self::Conflict,
            413 => Self::TooLarge,
            429 => Self::Busy,
            502 => Self::NodeFailed,
            503 => Self::Unavailable,
            507 => Self::NoSpace,
            400..=499 => Self::Invalid,
            _ => Self::Internal,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{ErrorBody, ErrorKind};

    #[test]
    fn the_table_and_the_wire_agree() {
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(
                serde_json::from_str::<ErrorKind>(&format!("\"{kind}\"")).unwrap(),
                kind
            );
            assert!((400..600).contains(&kind.status()));
            assert!((1..=9).contains(&kind.exit_code()));
        }
    }

    #[test]
    fn a_status_leads_back_to_its_exit_code() {
        for kind in ErrorKind::ALL
            .into_iter()
            .filter(|kind| *kind != ErrorKind::NeedsAttention)
        {
            assert_eq!(
                ErrorKind::from_status(kind.status()).exit_code(),
                kind.exit_code(),
                "{kind}"
            );
        }
    }

    #[test]
    fn a_kind_of_a_later_server_is_read() {
        let body: ErrorBody =
            serde_json::from_str(r#"{"error":{"kind":"eclipse","message":"m","new":1}}"#).unwrap();
        assert_eq!(body, ErrorBody::new(ErrorKind::Internal, "m"));
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"error":{"kind":"internal","message":"m"}}"#
        );
    }
}
