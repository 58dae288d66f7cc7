//! Making one connection: reach the host, check its key, log in.

use std::borrow::Cow;
use std::net::{Shutdown, TcpStream as StdStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::Preferred;
use russh::client::{self, Config, DisconnectReason, Handle};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::known_hosts::{self, HostKeys, Verdict};
use super::{Shared, SshError, SshOptions};

/// The types of host keys that can be checked, best first.
const HOST_KEYS: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
];

/// How many signs of life may be asked for without an answer.
const UNANSWERED: usize = 2;

/// A connection that is logged in.
pub(super) struct Connection {
    pub(super) handle: Handle<Watcher>,
    pub(super) notes: Arc<Mutex<Notes>>,
    _hang_up: HangUp,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Why the connection ended, as far as that is known.
    pub(super) fn end(&self) -> String {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes
            .end
            .clone()
            .unwrap_or_else(|| "the connection was lost".to_owned())
    }
}

/// What the connection's own task has to tell.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Why the host's key was refused.
    refusal: Option<SshError>,
    /// Why the connection ended.
    end: Option<String>,
}

/// Shuts the socket when dropped: a peer that says nothing would otherwise keep the connection's task for ever.
struct HangUp(StdStream);

impl Drop for HangUp {
    fn drop(&mut self) {
        // Already shut is as good.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Looks at what happens on a connection.
pub(super) struct Watcher {
    host: String,
    options: SshOptions,
    keys: HostKeys,
    notes: Arc<Mutex<Notes>>,
}

impl Watcher {
    fn refusal(&self, shown: &PublicKey) -> Option<SshError> {
        let (host, port, path) = (
            self.host.clone(),
            self.options.port,
            self.options.known_hosts.clone(),
        );
        let fingerprint = fingerprint(shown);
        match self.keys.judge(shown) {
            Verdict::Known => None,
            Verdict::Unknown(types) => {
                let types: Vec<_> = types.iter().map(ToString::to_string).collect();
                let others = match types.is_empty() {
                    true => String::new(),
                    false => format!(
                        ", and only its {} key is in {}",
                        types.join(" and "),
                        path.display()
                    ),
                };
                Some(SshError::UnknownHostKey {
                    host,
                    port,
                    fingerprint,
                    others,
                    path,
                })
            }
            Verdict::Changed(line) => {
                let name = known_hosts::name(&host, port);
                Some(SshError::ChangedHostKey {
                    host,
                    port,
                    name,
                    fingerprint,
                    path,
                    line,
                })
            }
            Verdict::Revoked(line) => Some(SshError::RevokedHostKey {
                host,
                port,
                fingerprint,
                path,
                line,
            }),
        }
    }
}

impl client::Handler for Watcher {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let refusal = self.refusal(&shown.public_key());
        let known = refusal.is_none();
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).refusal = refusal;
        Ok(known)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        let end = match &reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                format!("the node ended the connection: {}", info.message)
            }
            DisconnectReason::Error(russh::Error::KeepaliveTimeout) => {
                format!("the node gave no sign of life for {:?}", self.options.silence())
            }
            DisconnectReason::Error(error) => format!("the connection was lost: {error}"),
        };
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).end = Some(end);
        Ok(())
    }
}

impl SshOptions {
    /// How long a node may be silent before its connection counts as lost.
    fn silence(&self) -> Duration {
        self.keepalive * (UNANSWERED as u32 + 1)
    }
}

pub(super) fn fingerprint(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm(), key.fingerprint(HashAlg::Sha256))
}

/// Makes a connection to `host`.
pub(super) async fn connect(host: &str, shared: &Shared) -> Result<Connection, SshError> {
    let options = &shared.options;
    let (port, limit) = (options.port, options.connect_timeout);
    let known = std::fs::read_to_string(&options.known_hosts).map_err(|error| SshError::KnownHosts {
        host: host.to_owned(),
        port,
        path: options.known_hosts.clone(),
        reason: error.to_string(),
    })?;
    let keys = HostKeys::of(host, port, &known);
    let timed_out = |during| SshError::TimedOut {
        host: host.to_owned(),
        port,
        limit,
        during,
    };
    let (stream, hang_up) = timeout(limit, reach(host, port))
        .await
        .map_err(|_| timed_out("connecting"))??;
    let notes = Arc::new(Mutex::new(Notes::default()));
    let watcher = Watcher {
        host: host.to_owned(),
        options: options.clone(),
        keys: keys.clone(),
        notes: Arc::clone(&notes),
    };
    let broken = |during| {
        let notes = Arc::clone(&notes);
        move |error: russh::Error| {
            let refusal = notes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .refusal
                .take();
            refusal.unwrap_or_else(|| protocol_error(host, port, during, &error))
        }
    };
    let making = client::connect_stream(config(options, &keys), stream, watcher);
    let mut handle = timeout(limit, making)
        .await
        .map_err(|_| timed_out("agreeing on keys"))?
        .map_err(broken("agreeing on keys"))?;
    let login = handle.authenticate_publickey(
        &options.user,
        PrivateKeyWithHashAlg::new(Arc::clone(&shared.key), None),
    );
    let login = timeout(limit, login)
        .await
        .map_err(|_| timed_out("logging in"))?
        .map_err(broken("logging in"))?;
    if !login.success() {
        return Err(SshError::Refused {
            host: host.to_owned(),
            port,
            user: options.user.clone(),
            key_file: options.key_file.clone(),
            fingerprint: fingerprint(shared.key.public_key()),
        });
    }
    Ok(Connection {
        handle,
        notes,
        _hang_up: hang_up,
    })
}

/// Connects to the first address of `host` that answers.
async fn reach(host: &str, port: u16) -> Result<(TcpStream, HangUp), SshError> {
    let resolve = |reason: String| SshError::Resolve {
        host: host.to_owned(),
        reason,
    };
    let addresses: Vec<_> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| resolve(error.to_string()))?
        .collect();
    let mut last = None;
    for address in &addresses {
        match TcpStream::connect(address).await.and_then(prepare) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        None => resolve("it has none".to_owned()),
        Some(error) => SshError::Connect {
            host: host.to_owned(),
            port,
            reason: error.to_string(),
        },
    })
}

fn prepare(stream: TcpStream) -> std::io::Result<(TcpStream, HangUp)> {
    // Each message is a question that somebody waits for.
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let hang_up = HangUp(stream.try_clone()?);
    Ok((TcpStream::from_std(stream)?, hang_up))
}

fn config(options: &SshOptions, keys: &HostKeys) -> Arc<Config> {
    Arc::new(Config {
        keepalive_interval: Some(options.keepalive),
        keepalive_max: UNANSWERED,
        preferred: Preferred {
            key: Cow::Owned(keys.preferred(&HOST_KEYS)),
            ..Preferred::DEFAULT
        },
        ..Config::default()
    })
}

fn protocol_error(host: &str, port: u16, during: &'static str, error: &russh::Error) -> SshError {
    let reason = match error {
        russh::Error::NoCommonAlgo { kind, theirs, .. } => {
            format!(
                "no common algorithm ({kind:?}): the node offers {}",
                theirs.join(", ")
            )
        }
        russh::Error::HUP | russh::Error::Disconnect => {
            "the node ended the connection; its sshd may be overloaded (MaxStartups) or refuse this address"
                .to_owned()
        }
        other => other.to_string(),
    };
    SshError::Protocol {
        host: host.to_owned(),
        port,
        during,
        reason,
    }
}
