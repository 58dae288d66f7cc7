//! What the ssh tests stand on: keys, an ssh server on loopback that runs commands with `sh`, and a wire to it
//! that can be cut or frozen.

#![allow(dead_code, clippy::unwrap_used)] // Each test uses a part of it; helpers of tests fail as tests do.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mortar_executor::{SshHosts, SshOptions};
use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{self, Auth, ChannelOpenHandle, Config, Msg, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The name by which tests call the server's host.
pub(crate) const HOST: &str = "127.0.0.1";

/// A key that is the same each time: tests need no secrets.
pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "").unwrap()
}

pub(crate) const CLIENT_KEY: u8 = 1;
pub(crate) const HOST_KEY: u8 = 2;

/// A folder with the client's key and a known_hosts file for the server at `port`.
pub(crate) struct Client {
    pub(crate) folder: TempDir,
    pub(crate) port: u16,
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        let client = Self {
            folder: tempfile::tempdir().unwrap(),
            port,
        };
        client.write_key(CLIENT_KEY);
        client.know(&[key(HOST_KEY).public_key().clone()]);
        client
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    pub(crate) fn known_hosts(&self) -> PathBuf {
        self.folder.path().join("known_hosts")
    }

    pub(crate) fn write_key(&self, seed: u8) {
        std::fs::write(
            self.key_file(),
            key(seed).to_openssh(LineEnding::LF).unwrap().as_bytes(),
        )
        .unwrap();
        std::fs::set_permissions(self.key_file(), PermissionsExt::from_mode(0o600)).unwrap();
    }

    /// Makes `keys` the host's known ones.
    pub(crate) fn know(&self, keys: &[PublicKey]) {
        let lines: Vec<_> = keys
            .iter()
            .map(|key| format!("[{HOST}]:{} {}\n", self.port, key.to_openssh().unwrap()))
            .collect();
        std::fs::write(self.known_hosts(), lines.concat()).unwrap();
    }

    pub(crate) fn options(&self) -> SshOptions {
        let mut options = SshOptions::new("tester", self.key_file(), self.known_hosts());
        options.port = self.port;
        options
    }

    pub(crate) fn hosts(&self) -> SshHosts {
        SshHosts::new(self.options()).unwrap()
    }
}

/// What the server does and has seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Logins that succeeded.
    pub(crate) logins: AtomicUsize,
    /// Sessions that are open, and the most that ever were at once.
    pub(crate) open: AtomicUsize,
    pub(crate) most_open: AtomicUsize,
    /// How many sessions it allows at once; 0 for any number.
    pub(crate) allowed: AtomicUsize,
    /// Whether it refuses to run anything.
    pub(crate) refuses_exec: AtomicBool,
}

/// An ssh server on a port of its own; ends when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) seen: Arc<Seen>,
    accepting: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((HOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen::default());
        let config = Arc::new(Config {
            keys: vec![key(HOST_KEY)],
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            ..Config::default()
        });
        let of_server = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let handler = Handler {
                    seen: Arc::clone(&of_server),
                };
                let running = server::run_stream(Arc::clone(&config), stream, handler);
                tokio::spawn(async move {
                    if let Ok(session) = running.await {
                        let _ = session.await;
                    }
                });
            }
        });
        Self {
            port,
            seen,
            accepting: accepting.abort_handle(),
        }
    }
}

struct Handler {
    seen: Arc<Seen>,
}

impl server::Handler for Handler {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        user: &str,
        shown: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let right =
            user == "tester" && shown.public_key.key_data() == key(CLIENT_KEY).public_key().key_data();
        if right {
            self.seen.logins.fetch_add(1, Ordering::SeqCst);
        }
        Ok(if right { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        let open = self.seen.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.seen.most_open.fetch_max(open, Ordering::SeqCst);
        let allowed = self.seen.allowed.load(Ordering::SeqCst);
        if allowed != 0 && open > allowed {
            self.seen.open.fetch_sub(1, Ordering::SeqCst);
            return Ok(());
        }
        reply.accept().await;
        let seen = Arc::clone(&self.seen);
        tokio::spawn(async move {
            if !seen.refuses_exec.load(Ordering::SeqCst) {
                serve(channel).await;
            }
            seen.open.fetch_sub(1, Ordering::SeqCst);
        });
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.seen.refuses_exec.load(Ordering::SeqCst) {
            session.channel_failure(channel)
        } else {
            session.channel_success(channel)
        }
    }
}

/// Runs what the client asks for with `sh -c`, as sshd does.
async fn serve(mut channel: Channel<Msg>) {
    let command = loop {
        match channel.wait().await {
            Some(ChannelMsg::Exec { command, .. }) => break String::from_utf8(command).unwrap(),
            Some(_) => {}
            None => return,
        }
    };
    let (mut incoming, outgoing) = channel.split();
    let mut child = tokio::process::Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let feeding = async {
        while let Some(message) = incoming.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    if let Some(stdin) = &mut stdin {
                        let _ = stdin.write_all(&data).await;
                    }
                }
                ChannelMsg::Eof => drop(stdin.take()),
                ChannelMsg::Close => break,
                _ => {}
            }
        }
    };
    let (mut of_stdout, mut of_stderr) = (vec![0; 32 * 1024], vec![0; 32 * 1024]);
    let running = async {
        // As sshd: the status is sent when the command ends, the session closed when its output does.
        let (mut out_open, mut err_open, mut ended) = (true, true, false);
        while out_open || err_open || !ended {
            tokio::select! {
                length = stdout.read(&mut of_stdout), if out_open => {
                    let data = of_stdout[..length.unwrap()].to_vec();
                    out_open = !data.is_empty() && outgoing.data_bytes(data).await.is_ok();
                }
                length = stderr.read(&mut of_stderr), if err_open => {
                    let data = of_stderr[..length.unwrap()].to_vec();
                    err_open = !data.is_empty() && outgoing.extended_data_bytes(1, data).await.is_ok();
                }
                status = child.wait(), if !ended => {
                    ended = true;
                    let status = status.unwrap().code().unwrap_or(255);
                    let _ = outgoing.exit_status(status.cast_unsigned()).await;
                }
            }
        }
        let _ = outgoing.eof().await;
        let _ = outgoing.close().await;
    };
    // A client that closes the session leaves its command running, without readers.
    tokio::select! {
        () = running => {}
        () = feeding => {
            let _ = outgoing.close().await;
        }
    }
}

/// What a wire does with what is sent over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireState {
    /// Passes it on.
    Whole,
    /// Holds it back and says nothing, as a cable that was pulled.
    Frozen,
    /// Both ends are told that the connection is gone; new ones too.
    Cut,
}

/// A wire on a port of its own that leads to `to`; ends when dropped.
pub(crate) struct Wire {
    pub(crate) port: u16,
    state: Arc<watch::Sender<WireState>>,
    /// Connections over it that are open.
    open: Arc<AtomicUsize>,
    accepting: AbortHandle,
    /// Bytes that have passed towards the server.
    pub(crate) sent: Arc<AtomicUsize>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Wire {
    pub(crate) async fn to(to: u16) -> Self {
        let listener = TcpListener::bind((HOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(WireState::Whole));
        let (open, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (of_wire, counter, bytes) = (Arc::clone(&state), Arc::clone(&open), Arc::clone(&sent));
        let accepting = tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                let (of_wire, bytes, counter) =
                    (Arc::clone(&of_wire), Arc::clone(&bytes), Arc::clone(&counter));
                tokio::spawn(async move {
                    let _open = Counted(counter);
                    let mut cut = of_wire.subscribe();
                    if *cut.borrow() == WireState::Cut {
                        return;
                    }
                    let far = TcpStream::connect((HOST, to)).await.unwrap();
                    far.set_nodelay(true).unwrap();
                    near.set_nodelay(true).unwrap();
                    let (from_near, to_near) = near.into_split();
                    let (from_far, to_far) = far.into_split();
                    tokio::select! {
                        () = pass(from_near, to_far, of_wire.subscribe(), Some(bytes)) => {}
                        () = pass(from_far, to_near, of_wire.subscribe(), None) => {}
                        _ = cut.wait_for(|state| *state == WireState::Cut) => {}
                    }
                });
            }
        });
        Self {
            port,
            state,
            open,
            accepting: accepting.abort_handle(),
            sent,
        }
    }

    pub(crate) fn set(&self, state: WireState) {
        self.state.send_replace(state);
    }

    /// Ends the connections over it and waits until they are gone; new ones are passed on.
    pub(crate) async fn drop_connections(&self) {
        self.set(WireState::Cut);
        while self.open.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        self.set(WireState::Whole);
    }
}

/// Counts down when dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut state: watch::Receiver<WireState>,
    bytes: Option<Arc<AtomicUsize>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(length) = from.read(&mut buffer).await else {
            return;
        };
        if length == 0 || state.wait_for(|state| *state == WireState::Whole).await.is_err() {
            return;
        }
        if let Some(bytes) = &bytes {
            bytes.fetch_add(length, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// A file that tells tests about each other's progress: made by a command, waited for here.
pub(crate) async fn appears(path: &std::path::Path) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}
