//! A server with simulated nodes, the driver on a socket before it, and a caller.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_csi::proto::controller_client::ControllerClient;
use mortar_csi::proto::group_controller_client::GroupControllerClient;
use mortar_csi::proto::identity_client::IdentityClient;
use mortar_csi::proto::node_client::NodeClient;
use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::volume_capability::{AccessMode, AccessType, BlockVolume, MountVolume};
use mortar_csi::proto::{CapacityRange, CreateVolumeRequest, Volume, VolumeCapability};
use mortar_csi::{
    ClientRunner, Door, Endpoint, NamedNodes, NodeOptions, Nodes, Question, Reply, Services, Unreachable,
};
use mortar_engine::{Config, Engine, Parts, SystemClock, SystemEntropy};
use mortar_executor::SimHosts;
use mortar_server::{Inside, Options, Server};
use mortar_simulator::{World, WorldConfig};
use mortar_store::MemoryStore;
use tokio::runtime::Handle;
use tonic::transport::Channel;

pub(crate) const GIB: i64 = 1 << 30;

struct Within(Inside);

impl Door for Within {
    fn ask(&self, question: Question) -> BoxFuture<'_, Result<Reply, Unreachable>> {
        async move {
            let target = format!("{}{}", question.path, question.query);
            let answer = self.0.ask(question.method.name(), &target, question.body).await;
            let answer = answer.map_err(Unreachable)?;
            Ok(Reply {
                status: answer.status,
                location: answer.location,
                pending: answer.pending,
                phase: answer.phase,
                kind: answer.kind,
                body: answer.body,
            })
        }
        .boxed()
    }
}

/// A server whose work is its own: it goes on when who asked is gone.
struct Apart(Handle, Arc<Within>);

impl Door for Apart {
    fn ask(&self, question: Question) -> BoxFuture<'_, Result<Reply, Unreachable>> {
        let within = Arc::clone(&self.1);
        let asked = self.0.spawn(async move { within.ask(question).await });
        async move { asked.await.unwrap() }.boxed()
    }
}

/// The way to a server that runs where this is called, for callers that may be killed.
pub(crate) fn door(inside: Inside) -> Arc<dyn Door> {
    Arc::new(Apart(Handle::current(), Arc::new(Within(inside))))
}

/// A driver and its callers.
pub(crate) struct Driver {
    pub(crate) identity: IdentityClient<Channel>,
    pub(crate) controller: ControllerClient<Channel>,
    pub(crate) groups: GroupControllerClient<Channel>,
    pub(crate) node: NodeClient<Channel>,
    pub(crate) hosts: SimHosts,
    pub(crate) inside: Inside,
    pub(crate) folder: tempfile::TempDir,
}

impl Driver {
    /// Three nodes in zones 1 to 3, each with one directory of 20 GiB.
    pub(crate) async fn new() -> Self {
        Self::with(Duration::ZERO, &[]).await
    }

    /// The same; volumes are attached to these nodes.
    pub(crate) async fn attaching(nodes: &[&str]) -> Self {
        Self::with(Duration::ZERO, nodes).await
    }

    /// The same; each batch of commands takes this long.
    pub(crate) async fn with_latency(latency: Duration) -> Self {
        Self::with(latency, &[]).await
    }

    async fn with(latency: Duration, nodes: &[&str]) -> Self {
        let world = World::new(WorldConfig {
            directories: vec![("/disks/disk1".into(), 20 << 30)],
            auto_nodes: true,
            ..WorldConfig::default()
        });
        let hosts = SimHosts::new(world);
        let engine = Engine::open(
            Parts {
                store: Arc::new(MemoryStore::new()),
                hosts: Arc::new(hosts.clone().latency(latency)),
                clock: Arc::new(SystemClock),
                entropy: Arc::new(SystemEntropy::open().unwrap()),
            },
            Config::default(),
        )
        .unwrap();
        engine.start();
        let inside = Server::new(engine, Options::default()).inside();
        pool(&inside).await;
        Self::over(inside, hosts, attach(nodes)).await
    }

    async fn over(inside: Inside, hosts: SimHosts, attach: Option<Arc<dyn Nodes>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("csi.sock");
        let endpoint: Endpoint = format!("unix://{}", path.display()).parse().unwrap();
        let services = Services {
            controller: Some(Arc::new(Within(inside.clone()))),
            attach,
            node: Some(node_options(folder.path())),
        };
        let listener = endpoint.listen().await.unwrap();
        tokio::spawn(mortar_csi::serve(listener, services, std::future::pending()));
        let channel = tonic::transport::Endpoint::try_from(format!("unix://{}", path.display()))
            .unwrap()
            .connect()
            .await
            .unwrap();
        Self {
            identity: IdentityClient::new(channel.clone()),
            controller: ControllerClient::new(channel.clone()),
            groups: GroupControllerClient::new(channel.clone()),
            node: NodeClient::new(channel),
            hosts,
            inside,
            folder,
        }
    }

    /// Makes a volume that can be made.
    pub(crate) async fn made(&mut self, request: CreateVolumeRequest) -> Volume {
        let made = self.controller.create_volume(request).await.unwrap();
        made.into_inner().volume.unwrap()
    }
}

/// A list of nodes that volumes can be attached to; none where nothing is attached.
pub(crate) fn attach(nodes: &[&str]) -> Option<Arc<dyn Nodes>> {
    let list: NamedNodes = nodes.iter().map(|node| node.parse().unwrap()).collect();
    (!nodes.is_empty()).then(|| Arc::new(list) as Arc<dyn Nodes>)
}

fn node_options(folder: &std::path::Path) -> NodeOptions {
    let kubelet = folder.join("kubelet").canonicalize().unwrap_or_else(|_| {
        std::fs::create_dir(folder.join("kubelet")).unwrap();
        folder.join("kubelet").canonicalize().unwrap()
    });
    NodeOptions {
        node_id: "worker-1".into(),
        zone: Some(2),
        kubelet,
        state: folder.join("state"),
        logs: folder.join("logs"),
        runner: ClientRunner::Session,
        volumes_max: Some(7),
    }
}

async fn pool(inside: &Inside) {
    let cluster = ask(inside, "POST", "/clusters", r#"{"file": true, "block": true}"#).await;
    for zone in 1..=3 {
        let host = format!("s{zone}");
        let body = format!(
            r#"{{"zone": {zone}, "hostnames": {{"manage": ["{host}"], "storage": ["{host}"]}}, "cluster": {}}}"#,
            cluster["id"]
        );
        let node = ask(inside, "POST", "/nodes", &body).await;
        let body = format!(r#"{{"node": {}, "name": "/disks/disk1"}}"#, node["id"]);
        ask(inside, "POST", "/devices", &body).await;
    }
}

/// Asks the server directly, and waits for the end of what it began.
pub(crate) async fn ask(inside: &Inside, method: &str, path: &str, body: &str) -> serde_json::Value {
    let mut said = inside
        .ask(method, path, Some(body.as_bytes().to_vec()))
        .await
        .unwrap();
    while let Some(place) = said.location.take().or_else(|| said.pending.then(String::new)) {
        let queue = if place.starts_with("/queue/") {
            format!("{place}?wait=20")
        } else {
            place
        };
        said = inside.ask("GET", &queue, None).await.unwrap();
    }
    assert!(said.status < 300, "{method} {path}: {said:?}");
    serde_json::from_slice(&said.body).unwrap_or_default()
}

/// One capability.
pub(crate) fn capability(mode: Mode, block: bool) -> VolumeCapability {
    let access = if block {
        AccessType::Block(BlockVolume {})
    } else {
        AccessType::Mount(MountVolume::default())
    };
    VolumeCapability {
        access_mode: Some(AccessMode { mode: mode.into() }),
        access_type: Some(access),
    }
}

/// Parameters of a class.
pub(crate) fn parameters(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

/// At least, and at most; 0 is no bound.
pub(crate) fn range(required_bytes: i64, limit_bytes: i64) -> Option<CapacityRange> {
    Some(CapacityRange {
        required_bytes,
        limit_bytes,
    })
}

/// A claim of this name for 1 GiB of files.
pub(crate) fn claim(name: &str) -> CreateVolumeRequest {
    CreateVolumeRequest {
        name: name.to_owned(),
        capacity_range: range(GIB, 0),
        volume_capabilities: vec![capability(Mode::MultiNodeMultiWriter, false)],
        ..CreateVolumeRequest::default()
    }
}
