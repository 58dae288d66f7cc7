//! What an administrator sets while the server runs: whom it serves, and how much it logs.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mortar_heketi::admin::{AdminState, LogLevel};

/// Whom the server serves. All, after each start, unless it is started otherwise.
#[derive(Debug, Default)]
pub struct Admin {
    state: Mutex<AdminState>,
}

impl Admin {
    /// Begins in this state.
    pub const fn new(state: AdminState) -> Self {
        Self {
            state: Mutex::new(state),
        }
    }

    /// The state now.
    pub fn state(&self) -> AdminState {
        *held(&self.state)
    }

    /// Goes into this state.
    pub fn set(&self, state: AdminState) {
        let before = std::mem::replace(&mut *held(&self.state), state);
        if before != state {
            tracing::warn!(
                from = before.name(),
                to = state.name(),
                "the server serves others now"
            );
        }
    }
}

/// How much is logged, and what to turn to log more or less.
pub struct LogDial {
    level: Mutex<LogLevel>,
    turn: Box<dyn Fn(LogLevel) + Send + Sync>,
}

impl LogDial {
    /// A dial that stands at this level; `turn` is called with each new one.
    pub fn new(level: LogLevel, turn: impl Fn(LogLevel) + Send + Sync + 'static) -> Self {
        Self {
            level: Mutex::new(level),
            turn: Box::new(turn),
        }
    }

    pub(crate) fn level(&self) -> LogLevel {
        *held(&self.level)
    }

    pub(crate) fn set(&self, level: LogLevel) {
        let mut held = held(&self.level);
        (self.turn)(level);
        *held = level;
    }
}

impl Default for LogDial {
    /// One that nothing hangs on.
    fn default() -> Self {
        Self::new(LogLevel::default(), |_| {})
    }
}

impl fmt::Debug for LogDial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogDial")
            .field("level", &self.level())
            .finish_non_exhaustive()
    }
}

/// What is held is one word: no panic leaves it half written.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
