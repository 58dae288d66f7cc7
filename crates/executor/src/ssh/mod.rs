//! Batches over ssh.
//!
//! One connection per host is made when the first batch needs it, kept, and made anew after it died. Each batch
//! is one session on it: `sh -s` (or `sudo -n sh -s`) with the script on standard input. Keepalives tell within
//! about 12 seconds that a node is gone, also in the middle of a long command.
//!
//! What is known when something breaks: until the script is sent whole, nothing of it runs; from then on, the
//! markers that arrived tell what ran, and the rest is unknown.

mod connection;
mod error;
mod key;
mod known_hosts;
mod line;
mod session;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use mortar_argv::{Batch, Report};
use russh::keys::PrivateKey;

use crate::output::DEFAULT_LIMIT;
use crate::{Hosts, token};
pub use error::SshError;
use line::{Line, NoSession};

/// How to reach the nodes.
#[derive(Clone, Debug)]
pub struct SshOptions {
    /// The user to log in as.
    pub user: String,
    /// The port of sshd on the nodes.
    pub port: u16,
    /// The private key: OpenSSH format, ed25519 or ecdsa, not encrypted, readable by its owner only.
    pub key_file: PathBuf,
    /// The file that says which key each host must show, in OpenSSH's format. Read at each new connection.
    pub known_hosts: PathBuf,
    /// Whether commands run through `sudo -n`.
    pub sudo: bool,
    /// How long connecting, logging in and opening a session may take, each.
    pub connect_timeout: Duration,
    /// After how much silence a sign of life is asked for; a connection without an answer to two of them is
    /// lost after three times this.
    pub keepalive: Duration,
    /// How many batches run at once on one host; more wait. OpenSSH allows 10 sessions by default.
    pub sessions: usize,
    /// How many bytes of each stream of a batch are kept; a batch that prints more is cut off.
    pub output_limit: usize,
}

impl SshOptions {
    /// The usual options: port 22, no sudo, 5 s to connect, 4 s keepalive, 8 sessions, 16 MiB of output.
    pub fn new(
        user: impl Into<String>,
        key_file: impl Into<PathBuf>,
        known_hosts: impl Into<PathBuf>,
    ) -> Self {
        Self {
            user: user.into(),
            port: 22,
            key_file: key_file.into(),
            known_hosts: known_hosts.into(),
            sudo: false,
            connect_timeout: Duration::from_secs(5),
            keepalive: Duration::from_secs(4),
            sessions: 8,
            output_limit: DEFAULT_LIMIT,
        }
    }
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    options: SshOptions,
    key: Arc<PrivateKey>,
}

/// Runs batches over ssh.
#[derive(Debug)]
pub struct SshHosts {
    shared: Arc<Shared>,
    lines: Mutex<HashMap<String, Arc<Line>>>,
}

impl SshHosts {
    /// Reads the private key. Connects to nothing yet.
    pub fn new(options: SshOptions) -> Result<Self, SshError> {
        let key = Arc::new(key::load(&options.key_file)?);
        Ok(Self {
            shared: Arc::new(Shared { options, key }),
            lines: Mutex::default(),
        })
    }

    fn line(&self, host: &str) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(host) {
            return Arc::clone(line);
        }
        let line = Arc::new(Line::new(host, Arc::clone(&self.shared)));
        lines.insert(host.to_owned(), Arc::clone(&line));
        line
    }

    async fn run_there(&self, host: &str, batch: &Batch) -> Report {
        let items = batch.items().len();
        if items == 0 {
            return Report::default();
        }
        let line = self.line(host);
        let _turn = line.turn().await;
        let token = match token::random() {
            Ok(token) => token,
            Err(error) => return Report::not_run(items, format!("cannot draw a random token: {error}")),
        };
        // A kept connection may turn out to be dead: nothing was sent then, and a new one is tried, once.
        let session = match line.session().await {
            Err(NoSession::ConnectionDied(_)) => line.session().await,
            result => result,
        };
        match session {
            Ok(session) => session.run(batch, &token, &self.shared.options).await,
            Err(NoSession::ConnectionDied(error) | NoSession::Refused(error)) => {
                Report::not_run(items, error.to_string())
            }
            Err(NoSession::NoConnection(error)) => Report::not_run(items, error),
        }
    }
}

impl Hosts for SshHosts {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        self.run_there(host, batch).boxed()
    }

    /// Its connection is closed when its last batch has ended.
    fn forget(&self, host: &str) {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(host);
    }
}
