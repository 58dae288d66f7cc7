//! A server in this process, and a client that says exactly what it is told to.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mortar_engine::{Config, Engine, Parts, SystemClock, SystemEntropy};
use mortar_executor::Hosts;
use mortar_heketi::token::{Keys, Role, Secret, authorization_header};
use mortar_server::{Admin, HttpLimits, LogDial, Options, Server, Tls, VolumeOptions};
use mortar_store::{MemoryStore, Store};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) mod hosts;
pub(crate) mod world;

pub(crate) const ADMIN: &str = "the admin's key";
pub(crate) const USER: &str = "the user's key";

/// How a test's server is made.
pub(crate) struct Setup {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) hosts: Arc<dyn Hosts>,
    pub(crate) engine: Config,
    pub(crate) limits: HttpLimits,
    pub(crate) keys: bool,
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) admin: Arc<Admin>,
    pub(crate) log: Arc<LogDial>,
    pub(crate) volume_options: VolumeOptions,
    /// The address of this machine that it listens at.
    pub(crate) listen: IpAddr,
}

impl Default for Setup {
    /// Nothing recorded, no node answers, tokens are checked.
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            hosts: Arc::new(hosts::Nowhere),
            engine: Config::default(),
            limits: HttpLimits::default(),
            keys: true,
            tls: None,
            admin: Arc::default(),
            log: Arc::default(),
            volume_options: VolumeOptions::default(),
            listen: Ipv4Addr::LOCALHOST.into(),
        }
    }
}

/// A running server. Dropping it ends it.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Setup {
    pub(crate) async fn open(self) -> Door {
        let parts = Parts {
            store: Arc::clone(&self.store) as Arc<dyn Store>,
            hosts: self.hosts,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::open().unwrap()),
        };
        let engine = Engine::open(parts, self.engine).unwrap();
        engine.start();
        let keys = self
            .keys
            .then(|| Keys::new(Secret::new(ADMIN), Secret::new(USER)).unwrap());
        let server = Server::new(
            engine,
            Options {
                keys,
                limits: self.limits,
                tls: self.tls,
                admin: self.admin,
                log: self.log,
                volume_options: self.volume_options,
            },
        );
        let listener = TcpListener::bind((self.listen, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move {
            // A test that drops its sender ends the server too.
            let _ = stopped.await;
        };
        let task = tokio::spawn(server.run(listener, stopped, Duration::from_millis(200)));
        Door {
            address,
            stop: Some(stop),
            task,
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

pub(crate) fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A fresh token of the administrator for this request.
pub(crate) fn admin(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap();
    authorization_header(Role::Admin, &Secret::new(ADMIN), method, path, now())
}

/// A fresh token of the user for this request.
pub(crate) fn user(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap();
    authorization_header(Role::User, &Secret::new(USER), method, path, now())
}

impl Door {
    /// Asks as administrator.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        self.ask_as(Some(&admin(method, path)), method, path, body).await
    }

    /// Asks with this `Authorization` header.
    pub(crate) async fn ask_as(
        &self,
        authorization: Option<&str>,
        method: &str,
        path: &str,
        body: &str,
    ) -> Reply {
        let token = authorization
            .map(|value| format!("Authorization: {value}\r\n"))
            .unwrap_or_default();
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}{length}\r\n");
        self.send(format!("{head}{body}").as_bytes()).await
    }

    /// Sends these bytes and reads the answer.
    pub(crate) async fn send(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_reply(&mut stream).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Begins the end of the server, and waits for it.
    pub(crate) async fn stop(mut self) {
        self.begin_stop();
        let task = std::mem::replace(&mut self.task, tokio::spawn(async {}));
        task.await.unwrap();
    }

    pub(crate) fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Asks for a change that is accepted, and for its result until there is one.
    pub(crate) async fn finish(&self, method: &str, path: &str, body: &str) -> Reply {
        let accepted = self.ask(method, path, body).await;
        assert_eq!(accepted.status, 202, "{method} {path}: {}", accepted.body);
        let place = accepted.header("location").unwrap().to_owned();
        loop {
            let reply = self.ask("GET", &format!("{place}?wait=10"), "").await;
            if reply.header("x-pending").is_none() {
                return reply;
            }
        }
    }
}

/// Reads one answer, whose connection the server closes (or whose length it tells).
pub(crate) async fn read_reply(stream: &mut (impl AsyncRead + Unpin)) -> Reply {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 << 10];
    loop {
        if let Some(reply) = parse(&bytes) {
            return reply;
        }
        let read = stream.read(&mut chunk).await.unwrap();
        if read == 0 {
            return parse_all(&bytes)
                .unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&bytes)));
        }
        bytes.extend_from_slice(&chunk[..read]);
    }
}

/// The answer, when all of it is there by its own `Content-Length`.
fn parse(bytes: &[u8]) -> Option<Reply> {
    let reply = parse_all(bytes)?;
    let length: usize = reply.header("content-length")?.parse().unwrap();
    (reply.body.len() >= length).then_some(reply)
}

fn parse_all(bytes: &[u8]) -> Option<Reply> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.into(), value.into()));
    Some(Reply {
        status,
        headers: headers.collect(),
        body: body.to_owned(),
    })
}
