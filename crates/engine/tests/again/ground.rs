//! An engine on three simulated nodes, whose store and nodes do what a test says.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Report};
use mortar_engine::{Clock, Config, Engine, EngineError, OperationState, Outcome, Parts, SystemEntropy};
use mortar_executor::{Hosts, SimHosts};
use mortar_journal::{Ended, Policy};
use mortar_model::{ByteSize, DevicePath, Durability, HostName, OperationId, Tags, VolumeId, VolumeName};
use mortar_plan::{AddDevice, AddNode, CreateVolume, Subject};
use mortar_simulator::{World, WorldConfig};
use mortar_store::{
    Durability as Firmness, GroupCommit, Kind, MemoryStore, Store, StoreError, View, Visit, Write,
};
use tokio::sync::watch;

/// Longest that anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
const HOSTS: [&str; 3] = ["n1", "n2", "n3"];

/// A clock that a test sets.
#[derive(Default)]
pub(crate) struct Hand(AtomicU64);

impl Hand {
    /// Time passes, on this clock and on the runtime's.
    pub(crate) async fn forward(&self, by: Duration) {
        self.0
            .fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
        tokio::time::pause();
        tokio::time::advance(by).await;
        tokio::time::resume();
    }
}

impl Clock for Hand {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// A store that makes its transactions when it is let.
pub(crate) struct Held {
    pub(crate) store: Arc<MemoryStore>,
    /// The next transaction is made, and said to be uncertain.
    pub(crate) doubts: AtomicBool,
    entered: watch::Sender<usize>,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Held {
    fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            doubts: AtomicBool::new(false),
            entered: watch::Sender::new(0),
            open: Mutex::new(true),
            opened: Condvar::new(),
        }
    }

    pub(crate) fn set_open(&self, open: bool) {
        *self.open.lock().unwrap() = open;
        self.entered.send_replace(0);
        self.opened.notify_all();
    }

    /// Returns once some transaction has come since the store was opened or closed.
    pub(crate) async fn entered(&self) {
        let mut entered = self.entered.subscribe();
        entered.wait_for(|entered| *entered > 0).await.unwrap();
    }
}

impl Store for Held {
    fn apply(&self, writes: &[Write], firmness: Firmness) -> Result<(), StoreError> {
        self.entered.send_modify(|entered| *entered += 1);
        let open = self.open.lock().unwrap();
        // A test that failed meanwhile opens it no more.
        let (open, waited) = self
            .opened
            .wait_timeout_while(open, LIMIT, |open| !*open)
            .unwrap();
        drop(open);
        if waited.timed_out() {
            return Err(StoreError::Closed);
        }
        self.store.apply(writes, firmness)?;
        if self.doubts.swap(false, Ordering::SeqCst) {
            let (path, reason) = ("/dev/doubtful".into(), "the disk was pulled".to_owned());
            return Err(StoreError::Uncertain { path, reason });
        }
        Ok(())
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

/// What a test does with a batch before it runs.
type Meets = Box<dyn Fn(&str, &Batch) + Send + Sync>;

/// Simulated nodes that can be closed: changes wait until they are opened.
pub(crate) struct Gated {
    pub(crate) hosts: SimHosts,
    open: watch::Sender<bool>,
    meets: Mutex<Meets>,
    forgotten: Mutex<Vec<String>>,
}

impl Gated {
    /// Hosts that were forgotten since this was last asked.
    pub(crate) fn take_forgotten(&self) -> Vec<String> {
        std::mem::take(&mut self.forgotten.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }

    /// From now on `meets` sees each batch before it is run.
    pub(crate) fn meet(&self, meets: impl Fn(&str, &Batch) + Send + Sync + 'static) {
        *self.meets.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(meets);
    }
}

impl Gated {
    fn tell(&self, host: &str, batch: &Batch) {
        // A panic in it must not spoil it for the next.
        let meets = self.meets.lock().unwrap_or_else(PoisonError::into_inner);
        meets(host, batch);
    }
}

/// Whether the batch may change something: only those of steps have a lock.
pub(crate) fn changes(batch: &Batch) -> bool {
    batch.lock_name().is_some()
}

impl Hosts for Gated {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            if changes(batch) {
                self.open.subscribe().wait_for(|open| *open).await.unwrap();
            }
            self.tell(host, batch);
            self.hosts.run(host, batch).await
        }
        .boxed()
    }

    fn forget(&self, host: &str) {
        let mut forgotten = self.forgotten.lock().unwrap_or_else(PoisonError::into_inner);
        forgotten.push(host.to_owned());
    }
}

/// Everything that outlives the program.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) held: Arc<Held>,
    pub(crate) nodes: Arc<Gated>,
    pub(crate) hand: Arc<Hand>,
}

pub(crate) fn config() -> Config {
    Config {
        policy: Policy {
            first_wait: Duration::ZERO,
            longest_wait: Duration::ZERO,
            ..Policy::default()
        },
        // Nodes are not looked after, except where a test says so.
        health_interval: Duration::from_secs(3600),
        recovery_interval: Duration::from_secs(3600),
        ..Config::default()
    }
}

impl Ground {
    /// A pool of three nodes with one disk each.
    pub(crate) async fn pool() -> (Self, Engine) {
        let mut world = World::new(WorldConfig {
            disk_size: 1 << 40,
            ..WorldConfig::default()
        });
        for host in HOSTS {
            world.add_node(host);
        }
        let nodes = Gated {
            hosts: SimHosts::new(world),
            open: watch::Sender::new(true),
            meets: Mutex::new(Box::new(|_, _| ())),
            forgotten: Mutex::default(),
        };
        let ground = Self {
            held: Arc::new(Held::new()),
            nodes: Arc::new(nodes),
            hand: Arc::default(),
        };
        let engine = ground.engine(config());
        let cluster = engine.create_cluster(true, false).await.unwrap().id;
        for (zone, host) in (1..).zip(HOSTS) {
            let name = HostName::new(host).unwrap();
            let node = AddNode {
                cluster,
                zone,
                manage: name.clone(),
                storage: name.clone(),
                tags: Tags::new(),
            };
            done(&engine, engine.add_node(node).await.unwrap()).await;
            let device = AddDevice {
                node: engine.view(|landscape| landscape.inventory().node_by_host(&name).unwrap().id),
                path: DevicePath::new("/dev/sdb").unwrap(),
                tags: Tags::new(),
                destroy: false,
                shared: None,
            };
            done(&engine, engine.add_device(device).await.unwrap()).await;
        }
        (ground, engine)
    }

    /// A life of the program; it runs nothing before it is started.
    pub(crate) fn engine(&self, config: Config) -> Engine {
        let parts = Parts {
            store: Arc::new(GroupCommit::new(Arc::clone(&self.held)).unwrap()),
            hosts: Arc::clone(&self.nodes) as Arc<dyn Hosts>,
            clock: Arc::clone(&self.hand) as Arc<dyn Clock>,
            entropy: Arc::new(SystemEntropy::open().unwrap()),
        };
        Engine::open(parts, config).unwrap()
    }

    /// The next life, after this one ended where it stood.
    pub(crate) async fn reborn(&self, engine: Engine) -> Engine {
        engine.stop(Duration::ZERO).await;
        drop(engine);
        let engine = self.engine(config());
        engine.start();
        engine
    }

    /// Volumes that GlusterFS has, and logical volumes: three thin ones with their pools each.
    pub(crate) fn made(&self) -> usize {
        self.nodes.hosts.world(|world| {
            assert_eq!(world.violations(), Vec::<String>::new());
            let counts = world.counts();
            assert_eq!(counts.logical_volumes % counts.volumes.max(1), 0, "{counts:?}");
            counts.volumes
        })
    }
}

pub(crate) fn named(name: &str) -> CreateVolume {
    CreateVolume {
        name: Some(VolumeName::new(name).unwrap()),
        ..CreateVolume::new(ByteSize::from_gib(2), Durability::Replicate(3))
    }
}

pub(crate) async fn ended(engine: &Engine, id: OperationId) -> Ended {
    match engine.wait(id, LIMIT).await {
        Some(OperationState::Ended(ended)) => ended,
        other => panic!("{other:?}"),
    }
}

/// Waits for an end as asked, and answers what it is about.
pub(crate) async fn done(engine: &Engine, id: OperationId) -> Option<Subject> {
    let ended = ended(engine, id).await;
    assert!(matches!(ended.outcome, Outcome::Done { .. }), "{ended:?}");
    ended.subject
}

/// Waits for an end as asked, and answers the volume.
pub(crate) async fn volume(engine: &Engine, id: OperationId) -> VolumeId {
    match done(engine, id).await {
        Some(Subject::Volume(volume)) => volume,
        other => panic!("{other:?}"),
    }
}

/// Asks in a task of its own.
pub(crate) fn ask(
    engine: &Engine,
    request: CreateVolume,
) -> tokio::task::JoinHandle<Result<OperationId, EngineError>> {
    let engine = engine.clone();
    tokio::spawn(async move { engine.create_volume(request).await })
}

/// All metrics as text.
pub(crate) fn metrics(engine: &Engine) -> String {
    let mut registry = prometheus_client::registry::Registry::default();
    engine.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}
