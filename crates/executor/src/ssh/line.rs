//! The kept connection to one host.
//!
//! Whoever needs a connection first makes it; the others wait for that one attempt and share what came of it.
//! After a failed attempt, all are told its reason at once for a while, so that a hundred batches for a dead
//! node do not wait for it in turn.

use std::sync::Arc;
use std::time::Duration;

use russh::client::Msg;
use russh::{Channel, ChannelOpenFailure, Error};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Connection, connect};
use super::session::Session;
use super::{Shared, SshError};

/// How long a failed attempt counts at first, and at most; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long to wait after a refused session at first, and at most; doubled each time.
const REFUSED_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// The way to one host.
#[derive(Debug)]
pub(super) struct Line {
    host: String,
    shared: Arc<Shared>,
    turns: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connection: Option<Arc<Connection>>,
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Failure {
    error: SshError,
    at: Instant,
    pause: Duration,
}

/// Why there is no session. Nothing was sent to the host.
#[derive(Debug)]
pub(super) enum NoSession {
    /// There is no connection: why, as text.
    NoConnection(String),
    /// The kept connection did not answer and was given up; a new one may be tried.
    ConnectionDied(SshError),
    /// The host refused.
    Refused(SshError),
}

impl Line {
    pub(super) fn new(host: &str, shared: Arc<Shared>) -> Self {
        let turns = Semaphore::new(shared.options.sessions.max(1));
        Self {
            host: host.to_owned(),
            shared,
            turns,
            state: Mutex::default(),
        }
    }

    /// Waits until one more batch may run.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed, so always there.
        self.turns.acquire().await.ok()
    }

    /// Opens a session, on a new connection if need be.
    ///
    /// A refusal is tried again for a while: sshd frees a session a moment after it was closed, so the next one
    /// may come too early although no more than allowed are in use.
    pub(super) async fn session(&self) -> Result<Session, NoSession> {
        let connection = self.connection().await?;
        let limit = self.shared.options.connect_timeout;
        let enough = Instant::now() + limit;
        let mut pause = REFUSED_PAUSE;
        loop {
            match timeout(limit, connection.handle.channel_open_session()).await {
                Ok(Ok(channel)) => return Ok(self.started(channel, connection)),
                Ok(Err(Error::ChannelOpenFailure(reason))) if !connection.handle.is_closed() => {
                    if Instant::now() + pause >= enough {
                        return Err(NoSession::Refused(self.refused(&reason)));
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_REFUSED_PAUSE);
                }
                Ok(Err(_)) => return Err(self.died(&connection, connection.end()).await),
                Err(_) => return Err(self.died(&connection, "no answer".to_owned()).await),
            }
        }
    }

    fn refused(&self, reason: &ChannelOpenFailure) -> SshError {
        let options = &self.shared.options;
        let (host, port, sessions) = (self.host.clone(), options.port, options.sessions);
        SshError::NoSession {
            host,
            port,
            reason: format!("{reason:?}"),
            sessions,
        }
    }

    /// Lets go of a connection that is of no use any more, unless another has taken its place already.
    async fn died(&self, connection: &Arc<Connection>, reason: String) -> NoSession {
        let mut state = self.state.lock().await;
        if state
            .connection
            .as_ref()
            .is_some_and(|kept| Arc::ptr_eq(kept, connection))
        {
            state.connection = None;
        }
        let (host, port) = (self.host.clone(), self.shared.options.port);
        NoSession::ConnectionDied(SshError::Protocol {
            host,
            port,
            during: "opening a session",
            reason,
        })
    }

    fn started(&self, channel: Channel<Msg>, connection: Arc<Connection>) -> Session {
        Session {
            host: self.host.clone(),
            channel,
            connection,
        }
    }

    async fn connection(&self) -> Result<Arc<Connection>, NoSession> {
        // Held while connecting: the others wait for this attempt.
        let mut state = self.state.lock().await;
        if let Some(connection) = state
            .connection
            .as_ref()
            .filter(|connection| !connection.handle.is_closed())
        {
            return Ok(Arc::clone(connection));
        }
        state.connection = None;
        if let Some(failure) = &state.failure
            && failure.at.elapsed() < failure.pause
        {
            let (ago, next) = (
                failure.at.elapsed(),
                failure.pause.saturating_sub(failure.at.elapsed()),
            );
            return Err(NoSession::NoConnection(format!(
                "{} (tried {:.1} s ago; next in {:.1} s)",
                failure.error,
                ago.as_secs_f32(),
                next.as_secs_f32()
            )));
        }
        match connect(&self.host, &self.shared).await {
            Ok(connection) => {
                tracing::debug!(host = self.host, "connected over ssh");
                let connection = Arc::new(connection);
                *state = State {
                    connection: Some(Arc::clone(&connection)),
                    failure: None,
                };
                Ok(connection)
            }
            Err(error) => {
                let pause = match &state.failure {
                    None => FIRST_PAUSE,
                    Some(before) => (before.pause * 2).min(LONGEST_PAUSE),
                };
                tracing::debug!(host = self.host, %error, ?pause, "cannot connect over ssh");
                let text = error.to_string();
                state.failure = Some(Failure {
                    error,
                    at: Instant::now(),
                    pause,
                });
                Err(NoSession::NoConnection(text))
            }
        }
    }
}
