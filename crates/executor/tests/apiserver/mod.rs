//! What the Kubernetes tests stand on: an API server on loopback that knows pods and speaks the exec protocol as the
//! real one does, over TLS, and runs what it is asked for on this machine.
//!
//! Its certificate (`server.pem`, for 127.0.0.1) is good for a hundred years and for nothing but these tests.

#![allow(dead_code, clippy::unwrap_used)] // Each test uses a part of it; helpers of tests fail as tests do.

mod exec;

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use mortar_executor::{KubeAccess, KubeHosts, KubeOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

const CA: &str = include_str!("ca.pem");
const CERTIFICATE: &str = include_str!("server.pem");
const KEY: &str = include_str!("server.key");

/// The namespace that the pods are in.
pub(crate) const NAMESPACE: &str = "storage";

/// What it does and has seen.
pub(crate) struct Behaviour {
    /// All pods, whatever their namespace.
    pub(crate) pods: Mutex<Vec<Value>>,
    /// CSINode objects.
    pub(crate) csi_nodes: Mutex<Vec<Value>>,
    /// Whether they may be read.
    pub(crate) forbids_csi_nodes: AtomicBool,
    /// The token that it takes.
    pub(crate) token: Mutex<String>,
    /// The protocols that it speaks, best first.
    pub(crate) protocols: Mutex<Vec<&'static str>>,
    /// Pods on a page at most.
    pub(crate) page: AtomicUsize,
    /// Whether execs are forbidden.
    pub(crate) forbids_exec: AtomicBool,
    /// What it says on channel 3 instead of running anything.
    pub(crate) cannot_start: Mutex<Option<String>>,
    /// Whether it starts nothing and says nothing.
    pub(crate) never_starts: AtomicBool,
    /// After how many messages of the exec protocol, both ways together, the connection breaks.
    pub(crate) cut_after: Mutex<Option<usize>>,
    /// After how many it falls silent.
    pub(crate) silent_after: Mutex<Option<usize>>,
    /// Messages of the last exec.
    pub(crate) messages: AtomicUsize,
    /// Lists, execs (agreed to) and closed standard inputs so far.
    pub(crate) lists: AtomicUsize,
    pub(crate) execs: AtomicUsize,
    pub(crate) closed_inputs: AtomicUsize,
}

/// A pod that runs.
pub(crate) fn pod(name: &str, node: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": NAMESPACE, "uid": format!("uid-of-{name}"),
            "labels": {"glusterfs-node": "pod", "node": node},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "glusterfs", "uid": "1"}],
        },
        "spec": {"nodeName": node, "containers": [{"name": "glusterfs"}]},
        "status": {
            "phase": "Running", "hostIP": "127.0.0.1",
            "containerStatuses": [{"name": "glusterfs", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
        },
    })
}

/// An API server on a port of its own; ends when dropped.
pub(crate) struct ApiServer {
    pub(crate) port: u16,
    pub(crate) does: Arc<Behaviour>,
    pub(crate) account: TempDir,
    accepting: AbortHandle,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl ApiServer {
    /// One with a pod on node `node-1`, whose address is 127.0.0.1.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let does = Arc::new(Behaviour {
            pods: Mutex::new(vec![pod("glusterfs-abcde", "node-1")]),
            csi_nodes: Mutex::default(),
            forbids_csi_nodes: AtomicBool::default(),
            token: Mutex::new("token-1".to_owned()),
            protocols: Mutex::new(vec!["v5.channel.k8s.io", "v4.channel.k8s.io"]),
            page: AtomicUsize::new(500),
            forbids_exec: AtomicBool::default(),
            cannot_start: Mutex::default(),
            never_starts: AtomicBool::default(),
            cut_after: Mutex::default(),
            silent_after: Mutex::default(),
            messages: AtomicUsize::default(),
            lists: AtomicUsize::default(),
            execs: AtomicUsize::default(),
            closed_inputs: AtomicUsize::default(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&does))).abort_handle();
        let account = tempfile::tempdir().unwrap();
        let server = Self {
            port,
            does,
            account,
            accepting,
        };
        server.write("ca.crt", CA);
        server.write("namespace", NAMESPACE);
        server.write("token", "token-1\n");
        server
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.account.path().join(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub(crate) fn access(&self) -> KubeAccess {
        KubeAccess::ServiceAccount {
            server: self.server(),
            folder: self.account.path().to_owned(),
        }
    }

    pub(crate) fn options(&self) -> KubeOptions {
        KubeOptions::new(self.access())
    }

    pub(crate) fn hosts(&self) -> KubeHosts {
        KubeHosts::new(self.options()).unwrap()
    }

    pub(crate) fn set_pods(&self, pods: impl Into<Vec<Value>>) {
        *self.does.pods.lock().unwrap() = pods.into();
    }
}

async fn accept(listener: TcpListener, does: Arc<Behaviour>) {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(CERTIFICATE.as_bytes()).collect();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.unwrap(), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (acceptor, does) = (acceptor.clone(), Arc::clone(&does));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = hyper::service::service_fn(move |request| answer(request, Arc::clone(&does)));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades()
                .await;
        });
    }
}

type Answer = Response<Full<Bytes>>;

fn json(status: StatusCode, body: &Value) -> Answer {
    let body = Full::new(Bytes::from(body.to_string()));
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .unwrap()
}

fn failure(status: StatusCode, message: &str) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": status.as_u16()});
    json(status, &body)
}

async fn answer(mut request: Request<Incoming>, does: Arc<Behaviour>) -> Result<Answer, Infallible> {
    let bearer = format!("Bearer {}", does.token.lock().unwrap());
    if request
        .headers()
        .get(header::AUTHORIZATION)
        .is_none_or(|value| value != bearer.as_str())
    {
        return Ok(failure(StatusCode::UNAUTHORIZED, "Unauthorized"));
    }
    assert!(
        request.uri().scheme().is_none(),
        "servers are asked for paths: {}",
        request.uri()
    );
    let path = request.uri().path().to_owned();
    if let Some(name) = path.strip_prefix("/apis/storage.k8s.io/v1/csinodes/") {
        return Ok(csi_node(name, &does));
    }
    let query = Query::read(request.uri().query().unwrap_or_default());
    let rest = path.strip_prefix(&format!("/api/v1/namespaces/{NAMESPACE}/pods"));
    let rest: Vec<&str> = rest.unwrap().split('/').skip(1).collect();
    Ok(match rest.as_slice() {
        [] => list(&query, &does),
        [name] => match does
            .pods
            .lock()
            .unwrap()
            .iter()
            .find(|pod| pod["metadata"]["name"] == **name)
        {
            Some(pod) => json(StatusCode::OK, pod),
            None => failure(StatusCode::NOT_FOUND, &format!("pods \"{name}\" not found")),
        },
        [name, "exec"] => agree(&mut request, name, query, does),
        other => panic!("{other:?}"),
    })
}

fn csi_node(name: &str, does: &Behaviour) -> Answer {
    if does.forbids_csi_nodes.load(Ordering::SeqCst) {
        let text = format!("csinodes.storage.k8s.io \"{name}\" is forbidden: cannot get resource");
        return failure(StatusCode::FORBIDDEN, &text);
    }
    let known = does.csi_nodes.lock().unwrap();
    match known.iter().find(|node| node["metadata"]["name"] == name) {
        Some(node) => json(StatusCode::OK, node),
        None => failure(
            StatusCode::NOT_FOUND,
            &format!("csinodes.storage.k8s.io \"{name}\" not found"),
        ),
    }
}

fn list(query: &Query, does: &Behaviour) -> Answer {
    does.lists.fetch_add(1, Ordering::SeqCst);
    let selector = query.one("labelSelector");
    let fits = |pod: &Value| match selector.split_once('=') {
        Some((key, value)) => pod["metadata"]["labels"][key] == value,
        None => !pod["metadata"]["labels"][selector.as_str()].is_null(),
    };
    let pods: Vec<Value> = does
        .pods
        .lock()
        .unwrap()
        .iter()
        .filter(|pod| fits(pod))
        .cloned()
        .collect();
    let from = query
        .all("continue")
        .first()
        .map_or(0, |from| from.trim_start_matches("at/").parse().unwrap());
    let limit: usize = query.one("limit").parse().unwrap();
    let to = (from + limit.min(does.page.load(Ordering::SeqCst))).min(pods.len());
    let next = if to < pods.len() {
        format!("at/{to}")
    } else {
        String::new()
    };
    let body = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "1", "continue": next}, "items": pods[from..to]});
    json(StatusCode::OK, &body)
}

/// Agrees to a WebSocket, as the API server does before it has spoken to the node.
fn agree(request: &mut Request<Incoming>, name: &str, query: Query, does: Arc<Behaviour>) -> Answer {
    if does.forbids_exec.load(Ordering::SeqCst) {
        return failure(
            StatusCode::FORBIDDEN,
            "pods \"x\" is forbidden: cannot create resource \"pods/exec\"",
        );
    }
    if !does
        .pods
        .lock()
        .unwrap()
        .iter()
        .any(|pod| pod["metadata"]["name"] == name)
    {
        return failure(StatusCode::NOT_FOUND, &format!("pods \"{name}\" not found"));
    }
    let of_header = |name: header::HeaderName| request.headers()[name].to_str().unwrap().to_owned();
    let offered = of_header(header::SEC_WEBSOCKET_PROTOCOL);
    let offered: Vec<&str> = offered.split(',').map(str::trim).collect();
    let spoken = does.protocols.lock().unwrap().clone();
    let Some(protocol) = spoken.into_iter().find(|name| offered.contains(name)) else {
        return failure(StatusCode::BAD_REQUEST, "no protocol in common");
    };
    let accept = derive_accept_key(of_header(header::SEC_WEBSOCKET_KEY).as_bytes());
    let upgrading = hyper::upgrade::on(request);
    does.execs.fetch_add(1, Ordering::SeqCst);
    tokio::spawn(async move {
        let upgraded = TokioIo::new(upgrading.await.unwrap());
        exec::serve(
            upgraded,
            &query.all("command"),
            query.one("stdin") == "true",
            protocol,
            &does,
        )
        .await;
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .header(header::SEC_WEBSOCKET_PROTOCOL, protocol)
        .body(Full::default())
        .unwrap()
}

/// The words of a query.
struct Query(HashMap<String, Vec<String>>);

impl Query {
    fn read(text: &str) -> Self {
        let mut words: HashMap<String, Vec<String>> = HashMap::new();
        for word in text.split('&').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap();
            words.entry(name.to_owned()).or_default().push(decode(value));
        }
        Self(words)
    }

    fn all(&self, name: &str) -> Vec<String> {
        self.0.get(name).cloned().unwrap_or_default()
    }

    fn one(&self, name: &str) -> String {
        self.0[name][0].clone()
    }
}

fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        if *first == b'%' {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}
