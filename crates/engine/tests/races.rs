//! What happens beside the way of one operation: callers who go away, a halt, a retry, a node that is still at work.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Report, script};
use mortar_engine::{Config, Engine, OperationState, Parts, SystemClock, SystemEntropy};
use mortar_executor::{Hosts, SimHosts};
use mortar_journal::Policy;
use mortar_model::{ClusterId, DeviceId, DevicePath, HostName, OperationId, Tags};
use mortar_plan::{AddDevice, AddNode};
use mortar_simulator::{World, WorldConfig};
use mortar_store::{Durability, GroupCommit, Kind, MemoryStore, Store, StoreError, View, Visit, Write};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const LIMIT: Duration = Duration::from_secs(20);

fn world() -> SimHosts {
    let mut world = World::new(WorldConfig::default());
    for host in ["n1", "n2", "n3"] {
        world.add_node(host);
    }
    SimHosts::new(world)
}

fn engine(store: Arc<dyn Store>, hosts: Arc<dyn Hosts>) -> Engine {
    // Nodes are not looked after: each test decides what is known of them.
    engine_that_looks(store, hosts, Duration::from_secs(3600))
}

fn engine_that_looks(store: Arc<dyn Store>, hosts: Arc<dyn Hosts>, interval: Duration) -> Engine {
    let policy = Policy {
        first_wait: Duration::ZERO,
        longest_wait: Duration::ZERO,
        ..Policy::default()
    };
    let config = Config {
        policy,
        patience: Duration::from_millis(200),
        health_interval: interval,
        recovery_interval: interval,
        ..Config::default()
    };
    let parts = Parts {
        store,
        hosts,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::open().unwrap()),
    };
    Engine::open(parts, config).unwrap()
}

async fn ended(engine: &Engine, id: OperationId) {
    let state = engine.wait(id, LIMIT).await;
    assert!(matches!(state, Some(OperationState::Ended(_))), "{state:?}");
}

fn node(cluster: ClusterId, host: &str) -> AddNode {
    let host = HostName::new(host).unwrap();
    AddNode {
        cluster,
        zone: 1,
        manage: host.clone(),
        storage: host,
        tags: Tags::new(),
    }
}

/// A cluster whose only node has one disk.
async fn with_device(engine: &Engine) -> DeviceId {
    let cluster = engine.create_cluster(true, false).await.unwrap().id;
    ended(engine, engine.add_node(node(cluster, "n1")).await.unwrap()).await;
    let request = AddDevice {
        node: engine.view(|landscape| landscape.inventory().nodes().next().unwrap().id),
        path: DevicePath::new("/dev/sdb").unwrap(),
        tags: Tags::new(),
        destroy: false,
        shared: None,
    };
    ended(engine, engine.add_device(request).await.unwrap()).await;
    engine.view(|landscape| landscape.inventory().devices().next().unwrap().id)
}

/// A store that tells of each transaction and makes it when it is let.
struct Held {
    store: MemoryStore,
    entered: UnboundedSender<()>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Held {
    fn new() -> (Arc<Self>, UnboundedReceiver<()>) {
        let (entered, wait) = unbounded_channel();
        let held = Self {
            store: MemoryStore::new(),
            entered,
            open: Mutex::new(true),
            opened: Condvar::new(),
        };
        (Arc::new(held), wait)
    }

    fn set_open(&self, open: bool) {
        *self.open.lock().unwrap() = open;
        self.opened.notify_all();
    }
}

impl Store for Held {
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        let _ = self.entered.send(());
        drop(
            self.opened
                .wait_while(self.open.lock().unwrap(), |open| !*open)
                .unwrap(),
        );
        self.store.apply(writes, durability)
    }
    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(kind, key)
    }
    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.store.scan(kind, from, visit)
    }
    fn view(&self) -> Result<Box<dyn View>, StoreError> {
        self.store.view()
    }
}

/// What the store is handed is written also when nobody waits for it: memory must say the same.
#[tokio::test]
async fn a_caller_who_goes_away_leaves_nothing_half_begun() {
    let (store, mut entered) = Held::new();
    let group = GroupCommit::new(Arc::clone(&store)).unwrap();
    let engine = engine(Arc::new(group), Arc::new(world()));
    let cluster = engine.create_cluster(true, false).await.unwrap().id;
    while entered.try_recv().is_ok() {}
    store.set_open(false);
    let record = tokio::spawn({
        let engine = engine.clone();
        async move { engine.set_cluster_flags(cluster, true, true).await }
    });
    entered.recv().await.unwrap();
    let operation = tokio::spawn({
        let engine = engine.clone();
        async move { engine.create_cluster(false, true).await }
    });
    record.abort();
    assert!(record.await.unwrap_err().is_cancelled());
    store.set_open(true);
    // The second is behind the first in the store's line.
    operation.await.unwrap().unwrap();
    assert!(engine.view(|landscape| landscape.inventory().cluster(cluster).unwrap().block));

    while entered.try_recv().is_ok() {}
    store.set_open(false);
    let asked = tokio::spawn({
        let engine = engine.clone();
        async move { engine.add_node(node(cluster, "n1")).await }
    });
    entered.recv().await.unwrap();
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    store.set_open(true);
    engine.create_cluster(false, true).await.unwrap();
    let (all, _) = engine.operations(1000);
    let joins = all
        .iter()
        .filter(|state| match state {
            OperationState::Open(operation) => operation.kind,
            OperationState::Ended(operation) => operation.kind,
        } == mortar_model::OperationKind::AddNode);
    let ids: Vec<OperationId> = joins.map(OperationState::id).collect();
    assert_eq!(ids.len(), 1, "{all:?}");
    ended(&engine, ids[0]).await;
    assert_eq!(engine.view(|landscape| landscape.inventory().nodes().count()), 1);
}

/// What could not be recorded before the program ends is not done either.
#[tokio::test]
async fn a_halt_while_the_store_refuses_begins_nothing() {
    let (store, hosts) = (Arc::new(MemoryStore::new()), world());
    let engine = engine(Arc::new(Arc::clone(&store)), Arc::new(hosts.clone()));
    let device = with_device(&engine).await;
    let before = hosts.world(|world| world.commands_run());
    // The intent is written; that there is no way back from here on is not.
    for nth in 2..100 {
        store.fail_apply(nth, StoreError::Closed);
    }
    engine.remove_device(device, false).await.unwrap();
    engine.stop(Duration::from_millis(50)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hosts.world(|world| world.commands_run()), before);
}

/// Whoever takes an operation up and asks at once sees it under way, however long its turn takes.
#[tokio::test]
async fn a_retry_is_seen_at_once_and_counts_stay_true_over_a_restart() {
    let (store, hosts) = (Arc::new(MemoryStore::new()), world());
    let first = engine(Arc::new(Arc::clone(&store)), Arc::new(hosts.clone()));
    let device = with_device(&first).await;
    hosts.world(|world| world.kill_node("n1"));
    let id = first.remove_device(device, false).await.unwrap();
    let state = first.wait(id, LIMIT).await.unwrap();
    assert!(
        matches!(&state, OperationState::Open(operation) if operation.needs_attention()),
        "{state:?}"
    );
    assert!(first.retry(id));
    assert!(!first.operation(id).unwrap().at_rest());
    assert!(!first.retry(id), "it is taken up already");
    let state = first.wait(id, LIMIT).await.unwrap();
    assert!(state.at_rest(), "{state:?}");
    first.stop(LIMIT).await;
    drop(first);

    hosts.world(|world| world.start_node("n1"));
    let second = engine(Arc::new(store), Arc::new(hosts));
    second.start();
    ended(&second, id).await;
    let mut registry = prometheus_client::registry::Registry::default();
    second.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("\nmortar_operations_open 0\n"), "{text}");
}

/// Nodes of which the first that is asked to change something is still busy with it, a few times.
struct Occupied {
    hosts: SimHosts,
    left: Mutex<u32>,
    asked: Mutex<Vec<String>>,
}

impl Hosts for Occupied {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            if batch.lock_name().is_some() {
                // A word under the lock is no work.
                if batch.items().iter().any(|item| item.command.program() != "true") {
                    self.asked.lock().unwrap().push(host.to_owned());
                }
                let mut left = self.left.lock().unwrap();
                if let Some(fewer) = left.checked_sub(1) {
                    *left = fewer;
                    return Report::not_run(batch.items().len(), script::STILL_RUNNING);
                }
            }
            self.hosts.run(host, batch).await
        }
        .boxed()
    }
}

/// Two members of a pool must not work on the same step side by side, and one that works is not ill.
#[tokio::test]
async fn while_a_member_is_still_at_work_no_other_is_asked() {
    let hosts = Arc::new(Occupied {
        hosts: world(),
        left: Mutex::new(0),
        asked: Mutex::default(),
    });
    let engine = engine(Arc::new(MemoryStore::new()), Arc::clone(&hosts) as Arc<dyn Hosts>);
    let cluster = engine.create_cluster(true, false).await.unwrap().id;
    for host in ["n1", "n2"] {
        ended(&engine, engine.add_node(node(cluster, host)).await.unwrap()).await;
    }
    hosts.asked.lock().unwrap().clear();
    *hosts.left.lock().unwrap() = 2;
    ended(&engine, engine.add_node(node(cluster, "n3")).await.unwrap()).await;
    let asked = hosts.asked.lock().unwrap().clone();
    assert!(
        asked.len() > 1 && asked.iter().all(|host| *host == asked[0]),
        "{asked:?}"
    );
    assert_eq!(engine.view(|landscape| landscape.inventory().nodes().count()), 3);
    assert_eq!(engine.view(|landscape| landscape.unhealthy().count()), 0);
}

/// Nodes of which one takes a question and never answers.
struct Silent {
    hosts: SimHosts,
    silent: Mutex<Option<&'static str>>,
}

impl Hosts for Silent {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        if *self.silent.lock().unwrap() == Some(host) {
            return std::future::pending().boxed();
        }
        self.hosts.run(host, batch)
    }
}

/// Nobody waits for a node that is stuck: not the watch, not who adds a node. Nor is it taken for one that is away.
#[tokio::test]
async fn a_stuck_node_keeps_no_other_from_being_asked() {
    let hosts = Arc::new(Silent {
        hosts: world(),
        silent: Mutex::new(None),
    });
    let engine = engine_that_looks(
        Arc::new(MemoryStore::new()),
        Arc::clone(&hosts) as Arc<dyn Hosts>,
        Duration::from_millis(20),
    );
    let cluster = engine.create_cluster(true, false).await.unwrap().id;
    for host in ["n1", "n2"] {
        ended(&engine, engine.add_node(node(cluster, host)).await.unwrap()).await;
    }
    let healthy = |host: &str| {
        let host = HostName::new(host).unwrap();
        engine.view(|landscape| {
            let node = landscape.inventory().node_by_host(&host).unwrap();
            landscape.is_healthy(node.id)
        })
    };
    *hosts.silent.lock().unwrap() = Some("n1");
    hosts.hosts.world(|world| world.kill_node("n2"));
    engine.start();
    let until = async |n1: bool, n2: bool| {
        let begun = Instant::now();
        while (healthy("n1"), healthy("n2")) != (n1, n2) {
            assert!(begun.elapsed() < LIMIT, "{:?}", (healthy("n1"), healthy("n2")));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    until(true, false).await;
    hosts.hosts.world(|world| world.start_node("n2"));
    until(true, true).await;
    *hosts.silent.lock().unwrap() = Some("n3");
    let refused = engine.add_node(node(cluster, "n3")).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "node n3 does not answer: no answer within 200ms"
    );
}

/// Nodes of which one takes its time to detach a peer.
struct Slow {
    hosts: SimHosts,
    detaching: Mutex<Option<tokio::sync::oneshot::Sender<()>>>,
    detach: tokio::sync::Mutex<Option<tokio::sync::oneshot::Receiver<()>>>,
    asked: Mutex<Vec<String>>,
}

impl Hosts for Slow {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            let kinds = || batch.items().iter().map(|item| item.command.kind());
            let detaches = kinds().any(|kind| kind == "gluster peer detach");
            let of_pool = kinds().any(|kind| kind.starts_with("gluster"));
            let report = self.hosts.run(host, batch).await;
            if detaches {
                // The peer is gone, and nobody knows it yet.
                if let Some(detaching) = self.detaching.lock().unwrap().take() {
                    detaching.send(()).unwrap();
                }
                if let Some(detach) = self.detach.lock().await.take() {
                    detach.await.unwrap();
                }
            } else if of_pool && batch.lock_name().is_some() {
                self.asked.lock().unwrap().push(host.to_owned());
            }
            report
        }
        .boxed()
    }
}

/// A node that is being removed is alone in a pool of its own from some moment on: one that joins through it would be lost.
#[tokio::test]
async fn a_node_that_leaves_is_not_asked_about_its_pool() {
    let (detaching, begun) = tokio::sync::oneshot::channel();
    let (end, detach) = tokio::sync::oneshot::channel();
    let mut world = World::new(WorldConfig::default());
    for host in ["n1", "n2", "n3", "n4"] {
        world.add_node(host);
    }
    let hosts = Arc::new(Slow {
        hosts: SimHosts::new(world),
        detaching: Mutex::new(Some(detaching)),
        detach: tokio::sync::Mutex::new(Some(detach)),
        asked: Mutex::default(),
    });
    let engine = engine(Arc::new(MemoryStore::new()), Arc::clone(&hosts) as Arc<dyn Hosts>);
    let cluster = engine.create_cluster(true, false).await.unwrap().id;
    for host in ["n1", "n2", "n3"] {
        ended(&engine, engine.add_node(node(cluster, host)).await.unwrap()).await;
    }
    // The one that would be asked first.
    let first = engine.view(|landscape| landscape.inventory().nodes_of(cluster).next().unwrap().clone());
    hosts.asked.lock().unwrap().clear();
    let leaves = engine.remove_node(first.id).await.unwrap();
    begun.await.unwrap();
    let joins = engine.add_node(node(cluster, "n4")).await.unwrap();
    ended(&engine, joins).await;
    end.send(()).unwrap();
    ended(&engine, leaves).await;
    let asked = hosts.asked.lock().unwrap().clone();
    assert!(
        !asked.is_empty() && !asked.contains(&first.manage.to_string()),
        "{first:?} was asked: {asked:?}"
    );
    let members = hosts.hosts.world(|world| world.pool("n4").unwrap().members);
    assert_eq!(members.len(), 3, "{members:?}");
}
