//! A script of a step whose connection broke, and that goes on: nothing is decided beside it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Outcome, Report, script};
use mortar_engine::{Config, Engine, OperationState, Outcome as End, Parts, SystemClock, SystemEntropy};
use mortar_executor::{Hosts, SimHosts};
use mortar_journal::Policy;
use mortar_model::{ByteSize, DevicePath, Durability, HostName, OperationId, Snapshots, Tags, VolumeName};
use mortar_plan::{AddDevice, AddNode, CreateVolume};
use mortar_simulator::{World, WorldConfig};
use mortar_store::MemoryStore;

const LIMIT: Duration = Duration::from_secs(20);

/// What happened to a script that went on without us.
struct Left {
    host: String,
    batch: Batch,
    /// How often somebody is told yet that it still runs.
    asked: u32,
}

/// Simulated nodes. The first `gluster volume create` loses its connection before it did anything, and does its work when
/// `asked` words were told that it still runs, or the node was found again.
struct Nodes {
    hosts: SimHosts,
    armed: Mutex<Option<u32>>,
    left: Mutex<Option<Left>>,
    /// Hosts that do not answer us, though their pool sees them.
    unheard: Mutex<BTreeSet<String>>,
    /// Whether the node of the script falls silent with its connection.
    falls_silent: bool,
    /// What was looked at while the script was still to come.
    looks: Mutex<Vec<String>>,
}

impl Nodes {
    fn finish(&self) {
        if let Some(left) = self.left.lock().unwrap().take() {
            self.hosts.world(|world| world.run(&left.host, &left.batch));
        }
    }

    fn still_runs(&self, host: &str, batch: &Batch) -> bool {
        let mut left = self.left.lock().unwrap();
        let Some(found) = left
            .as_mut()
            .filter(|left| left.host == host && left.batch.lock_name() == batch.lock_name())
        else {
            return false;
        };
        let still = found.asked > 0;
        found.asked = found.asked.saturating_sub(1);
        drop(left);
        if !still {
            self.finish();
        }
        still
    }
}

impl Hosts for Nodes {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            let items = batch.items().len();
            if self.unheard.lock().unwrap().contains(host) {
                return Report::not_run(items, "no route to host");
            }
            let has = |kind: &str| batch.items().iter().any(|item| item.command.kind() == kind);
            if has("gluster volume create")
                && let Some(asked) = self.armed.lock().unwrap().take()
            {
                let (host, batch) = (host.to_owned(), batch.clone());
                if self.falls_silent {
                    self.unheard.lock().unwrap().insert(host.clone());
                }
                *self.left.lock().unwrap() = Some(Left { host, batch, asked });
                return Report {
                    outcomes: vec![Outcome::Unknown; items],
                    broken: Some("the connection broke".into()),
                };
            }
            if batch.lock_name().is_some() && self.still_runs(host, batch) {
                return Report::not_run(items, script::STILL_RUNNING);
            }
            if has("gluster volume info") && self.left.lock().unwrap().is_some() {
                self.looks.lock().unwrap().push(host.to_owned());
            }
            self.hosts.run(host, batch).await
        }
        .boxed()
    }
}

async fn bed(falls_silent: bool) -> (Engine, Arc<Nodes>) {
    let mut world = World::new(WorldConfig::default());
    for host in ["n1", "n2", "n3"] {
        world.add_node(host);
    }
    let nodes = Arc::new(Nodes {
        hosts: SimHosts::new(world),
        armed: Mutex::new(None),
        left: Mutex::new(None),
        unheard: Mutex::default(),
        falls_silent,
        looks: Mutex::default(),
    });
    let parts = Parts {
        store: Arc::new(MemoryStore::new()),
        hosts: Arc::clone(&nodes) as Arc<dyn Hosts>,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::open().unwrap()),
    };
    let hour = Duration::from_secs(3600);
    let config = Config {
        policy: Policy {
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(1),
            ..Policy::default()
        },
        health_interval: hour,
        recovery_interval: hour,
        attention_first: hour,
        ..Config::default()
    };
    let engine = Engine::open(parts, config).unwrap();
    let cluster = engine.create_cluster(true, false).await.unwrap().id;
    for host in ["n1", "n2", "n3"] {
        let host = HostName::new(host).unwrap();
        let request = AddNode {
            cluster,
            zone: 1,
            manage: host.clone(),
            storage: host.clone(),
            tags: Tags::new(),
        };
        done(&engine, engine.add_node(request).await.unwrap()).await;
        let node = engine.view(|landscape| landscape.inventory().node_by_host(&host).unwrap().id);
        let device = AddDevice {
            node,
            path: DevicePath::new("/dev/sdb").unwrap(),
            tags: Tags::new(),
            destroy: false,
            shared: None,
        };
        done(&engine, engine.add_device(device).await.unwrap()).await;
    }
    (engine, nodes)
}

async fn create(engine: &Engine) -> OperationId {
    let request = CreateVolume {
        size: ByteSize::from_gib(1),
        name: Some(VolumeName::new("v").unwrap()),
        by_user: false,
        clusters: Vec::new(),
        durability: Durability::Replicate(3),
        gid: 0,
        options: Vec::new(),
        snapshots: Snapshots::default(),
        block: false,
        zone_checking: None,
    };
    engine.create_volume(request).await.unwrap()
}

async fn done(engine: &Engine, id: OperationId) {
    match engine.wait(id, LIMIT).await {
        Some(OperationState::Ended(ended)) if matches!(ended.outcome, End::Done { .. }) => {}
        state => panic!("{state:?}"),
    }
}

/// While the script runs nobody looks; when it has ended, its work is found and nothing is made twice.
#[tokio::test]
async fn a_script_that_goes_on_is_waited_for() {
    let (engine, nodes) = bed(false).await;
    *nodes.armed.lock().unwrap() = Some(2);
    let id = create(&engine).await;
    done(&engine, id).await;
    assert!(nodes.left.lock().unwrap().is_none(), "it was waited for");
    assert_eq!(*nodes.looks.lock().unwrap(), Vec::<String>::new());
}

/// Its node does not answer us any more, and its pool still counts it as connected: its script may do anything yet. What
/// another member says does not count until the node is back.
#[tokio::test]
async fn a_member_that_only_we_do_not_reach_is_not_taken_for_gone() {
    let (engine, nodes) = bed(true).await;
    *nodes.armed.lock().unwrap() = Some(0);
    let id = create(&engine).await;
    let state = engine.wait(id, LIMIT).await.unwrap();
    let OperationState::Open(operation) = &state else {
        panic!("{state:?}")
    };
    assert!(operation.waits_for_nodes(), "{operation:?}");
    assert_eq!(*nodes.looks.lock().unwrap(), Vec::<String>::new());

    // The script does its work, then the node is found again: the volume is there and is taken back.
    nodes.finish();
    nodes.unheard.lock().unwrap().clear();
    assert!(engine.retry(id));
    let state = engine.wait(id, LIMIT).await.unwrap();
    assert!(matches!(state, OperationState::Ended(_)), "{state:?}");
    nodes.hosts.world(|world| {
        assert!(world.volume("n1", "v").is_none());
        for host in world.hosts() {
            assert!(world.host(&host).unwrap().mounts.is_empty(), "{host}");
        }
    });
}

/// A node that its pool does not see either can change nothing for the others: nobody waits for it.
#[tokio::test]
async fn a_member_that_its_pool_has_lost_is_over() {
    let (engine, nodes) = bed(false).await;
    *nodes.armed.lock().unwrap() = Some(u32::MAX);
    let id = create(&engine).await;
    // The connection broke because the node was lost.
    let begun = tokio::time::Instant::now();
    while nodes.left.lock().unwrap().is_none() {
        assert!(begun.elapsed() < LIMIT);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let host = nodes.left.lock().unwrap().as_ref().unwrap().host.clone();
    nodes.hosts.world(|world| world.kill_node(&host));
    nodes.unheard.lock().unwrap().insert(host);
    let state = engine.wait(id, LIMIT).await.unwrap();
    assert!(
        matches!(&state, OperationState::Ended(ended) if matches!(ended.outcome, End::Failed { .. })),
        "{state:?}"
    );
}
