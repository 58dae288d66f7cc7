//! An engine on simulated nodes, with a store that can die.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mortar_engine::{Clock, Config, DrainPlan, Engine, Entropy, OperationState, Outcome, Parts};
use mortar_executor::{Hosts, SimHosts};
use mortar_journal::Policy;
use mortar_model::{
    BlockVolumeId, ByteSize, ClusterId, DeviceId, DevicePath, HostName, Inventory, NodeId, OperationId,
    OperationKind, Overcommit, Tags, VolumeId, VolumeName,
};
use mortar_plan::{AddDevice, AddNode, BlockPolicy, Limits, Seed};
use mortar_simulator::{World, WorldConfig};
use mortar_store::{Durability, Kind, MemoryStore, Store, StoreError, View, Visit, Write};

use super::truth::{self, Ground};

/// How often nodes are looked after where the harness decides when they are back: not while it runs.
const UNWATCHED: Duration = Duration::from_secs(3600);
/// Longest that anything may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Where the program dies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    Never,
    BeforeWrite(u64),
    AfterWrite(u64),
    AfterCommand(u64),
}

/// Runs a test on a runtime of its own; what is left of it dies with the runtime.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let result = runtime.block_on(test);
    runtime.shutdown_background();
    result
}

struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now_ms(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Chance that repeats with its seed.
pub(crate) struct Chance(Mutex<Seed>);

impl Chance {
    /// Chance that is wholly determined by `seed`.
    pub(crate) fn new(seed: u128) -> Self {
        Self(Mutex::new(Seed::new(seed)))
    }
}

impl Entropy for Chance {
    fn draw(&self) -> u128 {
        self.0.lock().unwrap().next_u128()
    }
}

/// A store whose process can die: from then on nothing is written, and the nodes hear nothing.
struct MortalStore {
    store: Arc<MemoryStore>,
    hosts: SimHosts,
    stop: Stop,
    first_command: u64,
    writes: AtomicU64,
    dead: AtomicBool,
}

impl MortalStore {
    fn die(&self) -> StoreError {
        if !self.dead.swap(true, Ordering::SeqCst) {
            self.hosts.world(|world| world.halt_after(world.commands_run()));
        }
        StoreError::Closed
    }

    fn is_dead(&self) -> bool {
        let out_of_commands = matches!(self.stop, Stop::AfterCommand(nth)
            if self.hosts.world(|world| world.commands_run()) >= self.first_command + nth);
        out_of_commands || self.dead.load(Ordering::SeqCst)
    }
}

impl Store for MortalStore {
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        // Dying by count of commands means that none before the first one dies: the intent is written.
        if self.is_dead()
            && !matches!(self.stop, Stop::AfterCommand(0) if self.writes.load(Ordering::SeqCst) == 0)
        {
            return Err(self.die());
        }
        let nth = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
        match self.stop {
            Stop::BeforeWrite(at) if at == nth => Err(self.die()),
            Stop::AfterWrite(at) if at == nth => {
                self.store.apply(writes, durability)?;
                Err(self.die())
            }
            _ => self.store.apply(writes, durability),
        }
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

/// A pool as it was, to begin many runs from.
pub(crate) struct Saved {
    pub(crate) world: String,
    pub(crate) store: Vec<u8>,
}

pub(crate) struct Bed {
    pub(crate) hosts: SimHosts,
    pub(crate) engine: Engine,
    store: Arc<MemoryStore>,
    mortal: Arc<MortalStore>,
}

impl Bed {
    /// Five nodes that exist and belong to nobody yet, each with two disks and two directories of this size.
    pub(crate) fn new(gib: u64) -> Self {
        let size = gib << 30;
        let config = WorldConfig {
            disk_size: size,
            directories: vec![("/disks/one".into(), size), ("/disks/two".into(), size)],
            ..WorldConfig::default()
        };
        let mut world = World::new(config);
        for node in 1..=5 {
            world.add_node(&format!("n{node}"));
        }
        Self::with(SimHosts::new(world), Arc::new(MemoryStore::new()), Stop::Never, 1)
    }

    pub(crate) fn load(saved: &Saved, stop: Stop) -> Self {
        Self::load_behind(saved, stop, |hosts| Arc::new(hosts))
    }

    /// The same with an engine that looks after its nodes all the time.
    pub(crate) fn load_watching(saved: &Saved) -> Self {
        let store = MemoryStore::new();
        mortar_store::import(&store, &saved.store).unwrap();
        let hosts = SimHosts::new(World::load(&saved.world).unwrap());
        let reached = Arc::new(hosts.clone());
        let interval = Duration::from_millis(10);
        Self::with_reached(hosts, reached, Arc::new(store), (Stop::Never, interval), 2)
    }

    /// The same with something between the engine and its nodes.
    pub(crate) fn load_behind(
        saved: &Saved,
        stop: Stop,
        between: impl FnOnce(SimHosts) -> Arc<dyn Hosts>,
    ) -> Self {
        let store = MemoryStore::new();
        mortar_store::import(&store, &saved.store).unwrap();
        let hosts = SimHosts::new(World::load(&saved.world).unwrap());
        let reached = between(hosts.clone());
        Self::with_reached(hosts, reached, Arc::new(store), (stop, UNWATCHED), 2)
    }

    /// The next life of the program, after it died or the machine did.
    pub(crate) fn reopen(world: World, store: Arc<MemoryStore>) -> Self {
        store.crash();
        let hosts = SimHosts::new(world);
        hosts.world(World::resume);
        Self::with(hosts, store, Stop::Never, 3)
    }

    fn with(hosts: SimHosts, store: Arc<MemoryStore>, stop: Stop, seed: u128) -> Self {
        let reached = Arc::new(hosts.clone());
        Self::with_reached(hosts, reached, store, (stop, UNWATCHED), seed)
    }

    fn with_reached(
        hosts: SimHosts,
        reached: Arc<dyn Hosts>,
        store: Arc<MemoryStore>,
        (stop, interval): (Stop, Duration),
        seed: u128,
    ) -> Self {
        let first_command = hosts.world(|world| world.commands_run());
        if let Stop::AfterCommand(nth) = stop {
            hosts.world(|world| world.halt_after(first_command + nth));
        }
        let (writes, dead) = (AtomicU64::new(0), AtomicBool::new(false));
        let mortal = MortalStore {
            store: Arc::clone(&store),
            hosts: hosts.clone(),
            stop,
            first_command,
            writes,
            dead,
        };
        let mortal = Arc::new(mortal);
        let policy = Policy {
            busy_tries: 5,
            unknown_tries: 3,
            stubborn_tries: 3,
            first_wait: Duration::ZERO,
            longest_wait: Duration::ZERO,
        };
        let config = Config {
            policy,
            health_interval: interval,
            recovery_interval: interval,
            cure: None,
            // Soon, so that a drain comes to all its ends; the patience lasts until somebody attends to a move.
            drain: DrainPlan {
                look: Duration::ZERO,
                pause: Duration::ZERO,
                patience: LIMIT / 4,
                ..DrainPlan::default()
            },
            limits: Limits {
                blocks: BlockPolicy {
                    make_hosting: true,
                    hosting_size: ByteSize::from_gib(10),
                    ..BlockPolicy::default()
                },
                ..Limits::default()
            },
            ..Config::default()
        };
        let parts = Parts {
            store: Arc::new(Arc::clone(&mortal)),
            hosts: reached,
            clock: Arc::new(Ticks(AtomicU64::new(1))),
            entropy: Arc::new(Chance::new(seed)),
        };
        let engine = Engine::open(parts, config).unwrap();
        Self {
            hosts,
            engine,
            store,
            mortal,
        }
    }

    pub(crate) fn save(&self) -> Saved {
        let mut store = Vec::new();
        mortar_store::export(self.store.as_ref(), &mut store).unwrap();
        Saved {
            world: self.hosts.world(|world| world.save().unwrap()),
            store,
        }
    }

    /// What the nodes and the disk of the server are when the program is gone.
    pub(crate) fn remains(self) -> (World, Arc<MemoryStore>) {
        let Self {
            hosts,
            engine,
            store,
            mortal,
        } = self;
        drop((engine, mortal));
        let world = hosts.world(|world| World::load(&world.save().unwrap()).unwrap());
        (world, store)
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.mortal.is_dead()
    }

    pub(crate) fn store(&self) -> &MemoryStore {
        &self.store
    }

    pub(crate) fn changes(&self) -> u64 {
        self.hosts.world(|world| world.changes_run())
    }

    pub(crate) fn commands(&self) -> u64 {
        self.hosts.world(|world| world.commands_run())
    }

    pub(crate) fn store_writes(&self) -> u64 {
        self.mortal.writes.load(Ordering::SeqCst)
    }

    /// A cluster of n1, n2 and n3, each with a disk and a directory; n4 belongs to nobody yet.
    pub(crate) async fn make_pool(&self) {
        let cluster = self.engine.create_cluster(true, true).await.unwrap().id;
        for number in 1..=3 {
            let node = self.add_node(cluster, number).await;
            self.add_device(node, "/dev/sdb", "disk").await;
            self.add_device(node, "/disks/one", "directory").await;
        }
    }

    pub(crate) fn node_request(cluster: ClusterId, number: u32) -> AddNode {
        let host = HostName::new(format!("n{number}")).unwrap();
        AddNode {
            cluster,
            zone: number,
            manage: host.clone(),
            storage: host,
            tags: Tags::new(),
        }
    }

    pub(crate) async fn add_node(&self, cluster: ClusterId, number: u32) -> NodeId {
        let id = self
            .engine
            .add_node(Self::node_request(cluster, number))
            .await
            .unwrap();
        self.done(id).await;
        self.node(number)
    }

    pub(crate) async fn add_device(&self, node: NodeId, path: &str, media: &str) {
        self.add_device_with(node, path, media, None).await;
    }

    /// The disks at `/dev/sdc` of n1, n2 and n3, each with a thin pool for all bricks that promises twice what it has.
    pub(crate) async fn add_shared_pools(&self) {
        for number in 1..=3 {
            let twice = Overcommit::from_hundredths(200).unwrap();
            self.add_device_with(self.node(number), "/dev/sdc", "pool", Some(twice))
                .await;
        }
    }

    async fn add_device_with(&self, node: NodeId, path: &str, media: &str, shared: Option<Overcommit>) {
        let path = DevicePath::new(path).unwrap();
        let tags = Tags::from([("media".to_owned(), media.to_owned())]);
        let id = self
            .engine
            .add_device(AddDevice {
                node,
                path,
                tags,
                destroy: false,
                shared,
            })
            .await
            .unwrap();
        self.done(id).await;
    }

    pub(crate) fn block(&self, name: &str) -> BlockVolumeId {
        self.inventory(|inventory| {
            let mut blocks = inventory.blocks();
            blocks.find(|block| block.name.as_str() == name).unwrap().id
        })
    }

    pub(crate) fn inventory<T>(&self, look: impl FnOnce(&Inventory) -> T) -> T {
        self.engine.view(|landscape| look(landscape.inventory()))
    }

    pub(crate) fn cluster(&self) -> ClusterId {
        self.inventory(|inventory| inventory.clusters().next().unwrap().id)
    }

    pub(crate) fn node(&self, number: u32) -> NodeId {
        let host = HostName::new(format!("n{number}")).unwrap();
        self.inventory(|inventory| inventory.node_by_host(&host).unwrap().id)
    }

    pub(crate) fn device(&self, number: u32, path: &str) -> DeviceId {
        let node = self.node(number);
        self.inventory(|inventory| {
            inventory
                .devices_of(node)
                .find(|device| device.path.as_str() == path)
                .unwrap()
                .id
        })
    }

    pub(crate) fn snapshot(&self, name: &str) -> mortar_model::SnapshotId {
        let name = VolumeName::new(name).unwrap();
        self.inventory(|inventory| inventory.snapshot_by_name(&name).unwrap().id)
    }

    pub(crate) fn volume(&self, name: &str) -> VolumeId {
        let (cluster, name) = (self.cluster(), VolumeName::new(name).unwrap());
        self.inventory(|inventory| inventory.volume_by_name(cluster, &name).unwrap().id)
    }

    pub(crate) fn is_done(&self, id: OperationId) -> bool {
        matches!(self.engine.operation(id), Some(OperationState::Ended(ended)) if matches!(ended.outcome, Outcome::Done { .. }))
    }

    pub(crate) async fn done(&self, id: OperationId) {
        self.engine.wait(id, LIMIT).await;
        assert!(self.is_done(id), "{:?}", self.engine.operation(id));
    }

    /// Operations that have not ended.
    pub(crate) fn open(&self) -> Vec<OperationId> {
        truth::open(&self.engine)
    }

    /// Lets every host answer again, and compares what there is.
    pub(crate) fn assert_agreement(&self, story: &str) {
        self.all_on();
        let ground = Ground {
            engine: &self.engine,
            hosts: &self.hosts,
            store: &self.store,
            resize_given_up: &|_| false,
        };
        truth::assert_agreement(ground, story);
    }

    /// Waits until the operation ends, or the program has died.
    pub(crate) async fn rest_or_death(&self, id: OperationId) {
        loop {
            let state = self.engine.wait(id, Duration::from_millis(2)).await;
            self.mend_what_it_waits_for(id);
            if self.mortal.is_dead() || state.is_none_or(|state| state.at_rest()) {
                return;
            }
        }
    }

    /// Waits until the operation is at rest; then mends what broke (nodes have power again) and takes it up as often as
    /// it needs, a few times at most.
    pub(crate) async fn settle(&self, id: OperationId, story: &str) {
        for _ in 0..5 {
            let state = self.wait_for_rest(id, story).await;
            if matches!(state, OperationState::Ended(_)) {
                return;
            }
            self.hosts.world(|world| {
                world.clear_faults();
                for host in world.hosts() {
                    world.start_node(&host);
                }
            });
            self.engine.retry(id);
        }
        panic!("{story}: still needs attention: {:?}", self.engine.operation(id));
    }

    /// The same for the operation, and for what it left to another.
    pub(crate) async fn settle_all(&self, id: OperationId, story: &str) {
        self.settle(id, story).await;
        while let Some(left) = self.open().first() {
            self.settle(*left, story).await;
        }
    }

    /// The same, or until the program has died.
    pub(crate) async fn settle_all_or_die(&self, id: OperationId) {
        self.rest_or_death(id).await;
        for _ in 0..5 {
            for id in self.open() {
                self.rest_or_death(id).await;
            }
            if self.mortal.is_dead() || self.open().is_empty() {
                return;
            }
            self.all_on();
            for id in self.open() {
                self.engine.retry(id);
            }
        }
    }

    /// A drain does not rest while a move that it began waits for somebody: that somebody comes.
    fn mend_what_it_waits_for(&self, id: OperationId) {
        let kind = |id| match self.engine.operation(id) {
            Some(OperationState::Open(operation)) => Some((operation.kind, operation.needs_attention())),
            _ => None,
        };
        if !matches!(
            kind(id),
            Some((OperationKind::DrainDevice | OperationKind::DrainNode, false))
        ) {
            return;
        }
        for other in self.open() {
            if kind(other) == Some((OperationKind::EvictBrick, true)) {
                self.all_on();
                self.engine.retry(other);
            }
        }
    }

    async fn wait_for_rest(&self, id: OperationId, story: &str) -> OperationState {
        let begun = std::time::Instant::now();
        let mut state = self.engine.wait(id, Duration::from_millis(2)).await;
        while begun.elapsed() < LIMIT && state.as_ref().is_some_and(|state| !state.at_rest()) {
            self.mend_what_it_waits_for(id);
            state = self.engine.wait(id, Duration::from_millis(2)).await;
        }
        let state = state.unwrap_or_else(|| panic!("{story}: the operation is not known any more"));
        assert!(state.at_rest(), "{story}: does not come to rest: {state:?}");
        state
    }

    /// Lets every host answer again after the run.
    pub(crate) fn all_on(&self) {
        self.hosts.world(|world| {
            world.clear_faults();
            for host in world.hosts() {
                world.start_node(&host);
            }
        });
    }
}
