//! What went wrong between a call and its answer, and the one table from that to gRPC codes.
//!
//! A provisioner takes CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE and ABORTED for "may still be under way: ask again", and every
//! other code for the end of it. So a final code is only given where surely nothing goes on.

use mortar_api::ErrorKind;
use tonic::{Code, Status};

/// Longest text of a status, in bytes: a refusal may name hundreds of devices, and headers have limits.
const TEXT: usize = 2000;

/// What stood in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Mortar said no.
    Refused {
        /// Which way on there is.
        kind: ErrorKind,
        /// What it said.
        text: String,
    },
    /// The work goes on, or waits for a node or a person; it is not at its end.
    UnderWay(String),
    /// There was no answer, or one that is not understood.
    Unknown(String),
}

impl Trouble {
    /// Whether the thing is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.is(ErrorKind::NotFound)
    }

    /// Whether Mortar refused with this kind.
    pub(crate) fn is(&self, wanted: ErrorKind) -> bool {
        matches!(self, Self::Refused { kind, .. } if *kind == wanted)
    }

    /// Whether surely nothing goes on.
    pub(crate) const fn is_final(&self) -> bool {
        !matches!(self.code(), Code::Aborted | Code::Unavailable)
    }

    /// What is told.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Refused { text, .. } | Self::UnderWay(text) | Self::Unknown(text) => text,
        }
    }

    /// The code that goes with it.
    pub(crate) const fn code(&self) -> Code {
        match self {
            Self::UnderWay(_) => Code::Aborted,
            Self::Unknown(_) => Code::Unavailable,
            Self::Refused { kind, .. } => match kind {
                ErrorKind::Invalid | ErrorKind::TooLarge => Code::InvalidArgument,
                ErrorKind::NotFound => Code::NotFound,
                ErrorKind::NoSpace => Code::ResourceExhausted,
                // Another operation works on the thing, or somebody has to look before anything else is done.
                ErrorKind::Conflict | ErrorKind::NeedsAttention => Code::Aborted,
                // What was begun was undone.
                ErrorKind::NodeFailed => Code::Internal,
                // A wrong key is put right, and then the same call goes on where it was.
                ErrorKind::Unauthorized
                | ErrorKind::Forbidden
                | ErrorKind::Busy
                | ErrorKind::Unavailable
                | ErrorKind::Internal => Code::Unavailable,
            },
        }
    }

    /// The status of a request that was not taken: a node that is away then is no end of it, since nothing was begun.
    pub(crate) fn refusal(&self, attempt: &str) -> Status {
        if self.is(ErrorKind::NodeFailed) {
            return Status::unavailable(short(format!("{attempt}: {}", self.text())));
        }
        self.status(attempt)
    }

    /// The status, with what was attempted.
    pub(crate) fn status(&self, attempt: &str) -> Status {
        Status::new(self.code(), short(format!("{attempt}: {}", self.text())))
    }
}

/// A text that fits into a status.
fn short(mut text: String) -> String {
    if text.len() > TEXT {
        let end = (0..=TEXT)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// A field that is missing or not of its form.
pub(crate) fn invalid(text: impl Into<String>) -> Status {
    Status::invalid_argument(short(text.into()))
}

/// A text field that must be there, within the standard's bound.
///
/// # Errors
/// It is empty or too long.
pub(crate) fn required<'a>(value: &'a str, name: &str) -> Result<&'a str, Status> {
    if value.is_empty() {
        return Err(invalid(format!("{name} is missing")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use mortar_api::ErrorKind;
    use tonic::Code;

    use super::{Trouble, short};

    #[test]
    fn a_final_code_is_only_given_where_nothing_goes_on() {
        let code = |kind| {
            Trouble::Refused {
                kind,
                text: String::new(),
            }
            .code()
        };
        for kind in ErrorKind::ALL {
            let goes_on = matches!(code(kind), Code::Aborted | Code::Unavailable);
            let may_go_on = !matches!(
                kind,
                ErrorKind::Invalid
                    | ErrorKind::TooLarge
                    | ErrorKind::NotFound
                    | ErrorKind::NoSpace
                    | ErrorKind::NodeFailed
            );
            assert_eq!(goes_on, may_go_on, "{kind}");
        }
        assert_eq!(Trouble::UnderWay(String::new()).code(), Code::Aborted);
        assert_eq!(Trouble::Unknown(String::new()).code(), Code::Unavailable);
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        let text = short("ü".repeat(2000));
        assert!(text.len() < 2010 && text.ends_with("ü…"), "{}", text.len());
        assert_eq!(short("short".into()), "short");
    }
}
