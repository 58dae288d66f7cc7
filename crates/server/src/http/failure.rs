//! What went wrong with a request, in both languages of the server at once.

use std::time::Duration;

use mortar_api::{ErrorBody, ErrorInfo, ErrorKind};
use mortar_heketi::WireError;
use mortar_heketi::token::AuthError;

/// A request that did not succeed: as Heketi says it, and as `/v1` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Status on Heketi's routes.
    pub(crate) status: u16,
    /// Text on Heketi's routes, without the newline at its end.
    pub(crate) text: String,
    /// Which way on there is.
    pub(crate) kind: ErrorKind,
    /// Text on `/v1`; the same as Heketi's when there is none.
    pub(crate) message: Option<String>,
    /// More lines on `/v1`.
    pub(crate) details: Vec<String>,
    /// When to come again, where that is known.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    /// An error of Heketi's table, of this kind.
    pub(crate) fn new(error: &WireError, kind: ErrorKind) -> Self {
        Self {
            status: error.status(),
            text: error.to_string(),
            kind,
            message: None,
            details: Vec::new(),
            retry_after: None,
        }
    }

    /// What `/v1` says of it.
    pub(crate) fn info(&self) -> ErrorInfo {
        let message = self
            .message
            .clone()
            .unwrap_or_else(|| self.text.trim_end().to_owned());
        ErrorInfo {
            kind: self.kind,
            message,
            details: self.details.clone(),
        }
    }

    /// The body on `/v1`.
    pub(crate) fn body(&self) -> ErrorBody {
        ErrorBody { error: self.info() }
    }
}

/// The kind follows from the error where the error says enough.
impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        let kind = match &error {
            WireError::VolumeBusy | WireError::NodeNotOffline(_) | WireError::DeviceNotOffline(_) => {
                ErrorKind::Conflict
            }
            WireError::NodeFailed(_) | WireError::DeviceFailed(_) | WireError::DeviceNotFailed(_) => {
                ErrorKind::Conflict
            }
            WireError::AllocateVolume(_) | WireError::AllocateExpansion(_) => ErrorKind::NoSpace,
            WireError::NoGlusterd | WireError::NoGlusterdInCluster => ErrorKind::NodeFailed,
            other => ErrorKind::from_status(other.status()),
        };
        Self::new(&error, kind)
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        let kind = match error {
            AuthError::AdminOnly => ErrorKind::Forbidden,
            _ => ErrorKind::Unauthorized,
        };
        Self {
            status: error.status(),
            text: error.to_string(),
            kind,
            message: None,
            details: Vec::new(),
            retry_after: None,
        }
    }
}
