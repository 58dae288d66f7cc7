//! `/admin` and `/internal/logging` on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::json::{Fields, FromJson, Json, WrongType};
use crate::problems::{BLANK, VALUE};
use crate::{Problems, WireError};

/// Whom the server serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdminState {
    /// All.
    #[default]
    Normal,
    /// Those who only look.
    ReadOnly,
    /// Those who only look, and all on its own machine.
    LocalClient,
}

impl AdminState {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Normal, Self::ReadOnly, Self::LocalClient];

    /// Heketi's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ReadOnly => "read-only",
            Self::LocalClient => "local-client",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Body of `POST /admin`, and of the answer to `GET /admin`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct AdminStatus {
    /// `normal`, `read-only` or `local-client`.
    pub state: String,
}

impl FromJson for AdminStatus {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            state: fields.get("state")?,
        })
    }
}

impl AdminStatus {
    /// This state.
    pub fn of(state: AdminState) -> Self {
        Self {
            state: state.name().into(),
        }
    }

    /// The state that is asked for.
    ///
    /// # Errors
    /// There is no such.
    pub fn validate(&self) -> Result<AdminState, WireError> {
        let mut problems = Problems::default();
        let problem = if self.state.is_empty() { BLANK } else { VALUE };
        let state = AdminState::from_name(&self.state).ok_or_else(|| problem.to_owned());
        let state = problems.take("state", state);
        state.ok_or_else(|| problems.into())
    }
}

/// How much is logged, in Heketi's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing.
    None,
    /// As `error`: Mortar knows no other than that.
    Critical,
    /// What failed.
    Error,
    /// And what may.
    Warning,
    /// And what is done.
    #[default]
    Info,
    /// And how.
    Debug,
}

impl LogLevel {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::None,
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Info,
        Self::Debug,
    ];

    /// Heketi's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The filter of Mortar's log that comes to the same.
    pub const fn filter(self) -> &'static str {
        match self {
            Self::None => "off",
            Self::Critical | Self::Error => "error",
            Self::Warning => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// The one logger that can be asked for and set.
const LOGGER: &str = "glusterfs";

/// Body of `POST /internal/logging`, and of its and `GET`'s answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LogLevelInfo {
    /// Levels by logger; `glusterfs` is the only one.
    pub loglevel: BTreeMap<String, String>,
}

impl FromJson for LogLevelInfo {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            loglevel: fields.get("loglevel")?,
        })
    }
}

impl LogLevelInfo {
    /// This level.
    pub fn of(level: LogLevel) -> Self {
        Self {
            loglevel: [(LOGGER.to_owned(), level.name().to_owned())].into(),
        }
    }

    /// The level that is asked for.
    ///
    /// # Errors
    /// There is no such, or it is asked of another logger.
    pub fn validate(&self) -> Result<LogLevel, WireError> {
        let name = self.loglevel.get(LOGGER).ok_or(WireError::OtherLogger)?;
        let level = LogLevel::ALL.into_iter().find(|level| level.name() == name);
        level.ok_or_else(|| WireError::NoLogLevel(crate::problems::shown(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::{AdminState, AdminStatus, LogLevel, LogLevelInfo};
    use crate::json::{read, write};

    fn admin(body: &str) -> Result<AdminState, String> {
        let status: AdminStatus = read(body.as_bytes()).map_err(|error| error.to_string())?;
        status.validate().map_err(|error| error.to_string())
    }

    #[test]
    fn states() {
        for state in AdminState::ALL {
            assert_eq!(admin(&write(&AdminStatus::of(state))), Ok(state));
        }
        assert_eq!(
            admin("{}"),
            Err("validation failed: state: cannot be blank.".into())
        );
        assert_eq!(
            admin(r#"{"state":"closed"}"#),
            Err("validation failed: state: must be a valid value.".into())
        );
    }

    #[test]
    fn levels() {
        for level in LogLevel::ALL {
            let text = write(&LogLevelInfo::of(level));
            assert_eq!(
                text,
                format!("{{\"loglevel\":{{\"glusterfs\":\"{}\"}}}}\n", level.name())
            );
            let back: LogLevelInfo = read(text.as_bytes()).unwrap();
            assert_eq!(back.validate(), Ok(level));
        }
        let told = |body: &str| {
            let info: LogLevelInfo = read(body.as_bytes()).unwrap();
            let error = info.validate().unwrap_err();
            (error.status(), error.to_string())
        };
        let other = "Only \"glusterfs\" logger may be modified".to_owned();
        assert_eq!(told("{}"), (422, other.clone()));
        assert_eq!(told(r#"{"loglevel":{"x":"info"}}"#), (422, other));
        assert_eq!(
            told(r#"{"loglevel":{"glusterfs":"bad"}}"#),
            (422, "invalid log level: bad".into())
        );
    }
}
