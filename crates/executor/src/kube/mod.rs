//! Batches through the API server of Kubernetes, in the GlusterFS pods.
//!
//! Each batch is one exec of `sh -s` over a WebSocket of its own, with the script on standard input; pings tell that
//! the API server is gone. Which pod is a node's is asked of the API server now and then (`pods`), and again when the
//! one that was known does not answer.
//!
//! What is known when something breaks is told in `session`. The locks of batches are files in the pod's `/run/lock`:
//! that folder has to be the host's, so that they also hold between an old pod and its successor.

mod access;
mod api;
mod csi_nodes;
mod error;
mod frame;
mod kubeconfig;
mod pod;
mod pods;
mod session;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use mortar_argv::{Batch, Report};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::output::DEFAULT_LIMIT;
use crate::{Hosts, token};
use access::Access;
pub use access::KubeAccess;
use api::{Api, FOR_PODS};
pub use csi_nodes::{CsiNode, CsiNodes};
pub use error::KubeError;
pub use pod::PodMatch;
use pods::{Freshness, Pods};
use session::{NotStarted, Session};

/// How to reach the nodes' pods.
#[derive(Clone, Debug)]
pub struct KubeOptions {
    /// Where the API server is, and who asks it.
    pub access: KubeAccess,
    /// Namespace of the pods; the one of the service account or the context if none is named.
    pub namespace: Option<String>,
    /// Label selector of the pods; `glusterfs-node=pod`, or `glusterfs-node` where the value or the name tells more.
    pub selector: Option<String>,
    /// How a node's management host name leads to its pod.
    pub by: PodMatch,
    /// The container that commands run in; the first if none is named.
    pub container: Option<String>,
    /// How long connecting to the API server and each of its answers may take.
    pub connect_timeout: Duration,
    /// How long a shell in a pod may take to answer. The API server itself waits for a node that is away.
    pub start_timeout: Duration,
    /// After how much silence a sign of life is asked for; a connection is lost after three times this.
    pub keepalive: Duration,
    /// How many batches run at once on one node; more wait.
    pub sessions: usize,
    /// How many run at once on all nodes; more wait.
    pub connections: usize,
    /// How many bytes of each stream of a batch are kept; a batch that prints more is cut off.
    pub output_limit: usize,
}

impl KubeOptions {
    /// The usual options: pods by their Kubernetes node, 5 s to connect, 15 s for a shell, 5 s keepalive, 8 sessions
    /// on a node, 64 on all, 16 MiB of output.
    pub fn new(access: KubeAccess) -> Self {
        Self {
            access,
            namespace: None,
            selector: None,
            by: PodMatch::Node,
            container: None,
            connect_timeout: Duration::from_secs(5),
            start_timeout: Duration::from_secs(15),
            keepalive: Duration::from_secs(5),
            sessions: 8,
            connections: 64,
            output_limit: DEFAULT_LIMIT,
        }
    }

    fn selector(&self) -> String {
        let usual = match self.by {
            PodMatch::Node => "glusterfs-node=pod",
            PodMatch::Label | PodMatch::Pod => "glusterfs-node",
        };
        self.selector.clone().unwrap_or_else(|| usual.to_owned())
    }
}

/// Runs batches in pods.
pub struct KubeHosts {
    options: KubeOptions,
    api: Api,
    pods: Pods,
    turns: Mutex<HashMap<String, Arc<Semaphore>>>,
    all: Semaphore,
}

impl std::fmt::Debug for KubeHosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KubeHosts")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl KubeHosts {
    /// Reads what the API server is reached with. Connects to nothing yet.
    ///
    /// # Errors
    /// A file that is needed for it cannot be read or used.
    pub fn new(options: KubeOptions) -> Result<Self, KubeError> {
        let access = Access::new(&options.access)?;
        let namespace = options.namespace.clone().or(access.namespace.clone());
        let namespace = namespace.unwrap_or_else(|| "default".to_owned());
        Ok(Self {
            api: Api::new(access, options.connect_timeout, FOR_PODS),
            pods: Pods::new(namespace, &options),
            turns: Mutex::default(),
            all: Semaphore::new(options.connections.max(1)),
            options,
        })
    }

    fn turns(&self, host: &str) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = turns.entry(host.to_owned());
        Arc::clone(turns.or_insert_with(|| Arc::new(Semaphore::new(self.options.sessions.max(1)))))
    }

    async fn run_there(&self, host: &str, batch: &Batch) -> Report {
        let items = batch.items().len();
        if items == 0 {
            return Report::default();
        }
        // Neither is ever closed.
        let turns = self.turns(host);
        let _turn = turns.acquire().await;
        let _of_all = self.all.acquire().await;
        let token = match token::random() {
            Ok(token) => token,
            Err(error) => return Report::not_run(items, format!("cannot draw a random token: {error}")),
        };
        let begun = Instant::now();
        let first = self.attempt(host, batch, &token, Freshness::Usual).await;
        let Err(Failed { why, pod: Some(pod) }) = first else {
            return first.unwrap_or_else(|failed| Report::not_run(items, failed.why));
        };
        // Surely nothing ran. If another pod has taken this one's place, it is tried, once.
        match self.pods.find(&self.api, host, Freshness::After(begun)).await {
            Ok(target) if target.uid != pod => {
                let second = self.attempt(host, batch, &token, Freshness::After(begun)).await;
                second.unwrap_or_else(|failed| Report::not_run(items, failed.why))
            }
            Ok(_) => Report::not_run(items, why),
            Err(error) => Report::not_run(items, format!("{why}; and {error}")),
        }
    }

    async fn attempt(
        &self,
        host: &str,
        batch: &Batch,
        token: &str,
        freshness: Freshness,
    ) -> Result<Report, Failed> {
        let target = self.pods.find(&self.api, host, freshness).await;
        let target = target.map_err(|error| Failed {
            why: error.to_string(),
            pod: None,
        })?;
        let session = Session {
            api: &self.api,
            pods: &self.pods,
            options: &self.options,
            target: &target,
            batch,
            token,
        };
        session.run().await.map_err(|NotStarted(why)| Failed {
            why,
            pod: Some(target.uid.clone()),
        })
    }
}

/// Nothing ran.
struct Failed {
    why: String,
    /// The pod that was tried.
    pod: Option<String>,
}

impl Hosts for KubeHosts {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        self.run_there(host, batch).boxed()
    }
}

/// One part of an address, so that nothing in it is taken for more than a part.
fn encode(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
