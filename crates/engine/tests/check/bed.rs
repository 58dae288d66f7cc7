//! Three simulated nodes with a volume over their disks and one over their directories, and an engine over them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mortar_engine::{Config, Engine, Kind, OperationState, Outcome, Parts, SystemClock, SystemEntropy};
use mortar_executor::SimHosts;
use mortar_journal::Policy;
use mortar_model::{
    ByteSize, DevicePath, Durability, HostName, NodeId, OperationId, Tags, VolumeName, layout,
};
use mortar_plan::{AddDevice, AddNode, CreateVolume};
use mortar_simulator::{World, WorldConfig};
use mortar_store::MemoryStore;

pub(crate) const LIMIT: Duration = Duration::from_secs(30);
pub(crate) const DIRECTORY: &str = "/disks/one";

pub(crate) struct Bed {
    pub(crate) hosts: SimHosts,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) engine: Engine,
}

/// Nothing is done by the clock, unless a test says so.
pub(crate) fn quiet() -> Config {
    Config {
        policy: Policy {
            busy_tries: 5,
            first_wait: Duration::ZERO,
            longest_wait: Duration::ZERO,
            ..Policy::default()
        },
        health_interval: Duration::from_secs(3600),
        recovery_interval: Duration::from_secs(3600),
        ..Config::default()
    }
}

impl Bed {
    /// Three nodes, each with a disk and a directory, with a volume over each.
    pub(crate) async fn new(config: Config, latency: Duration) -> Self {
        let mut world = World::new(WorldConfig {
            directories: vec![(DIRECTORY.into(), 100 << 30)],
            disk_size: 100 << 30,
            ..WorldConfig::default()
        });
        for host in ["n1", "n2", "n3"] {
            world.add_node(host);
        }
        let hosts = SimHosts::new(world).latency(latency);
        let bed = Self::open(hosts, Arc::new(MemoryStore::new()), config);
        let cluster = bed.engine.create_cluster(true, false).await.unwrap().id;
        for number in 1..=3 {
            let host = HostName::new(format!("n{number}")).unwrap();
            let request = AddNode {
                cluster,
                zone: number,
                manage: host.clone(),
                storage: host.clone(),
                tags: Tags::new(),
            };
            bed.done(bed.engine.add_node(request).await.unwrap()).await;
            for (path, media) in [("/dev/sdb", "disk"), (DIRECTORY, "directory")] {
                let request = AddDevice {
                    node: bed.node(number),
                    path: DevicePath::new(path).unwrap(),
                    tags: Tags::from([("media".to_owned(), media.to_owned())]),
                    destroy: false,
                    shared: None,
                };
                bed.done(bed.engine.add_device(request).await.unwrap()).await;
            }
        }
        for media in ["disk", "directory"] {
            bed.create(&format!("on-{media}"), media).await;
        }
        bed
    }

    pub(crate) fn open(hosts: SimHosts, store: Arc<MemoryStore>, config: Config) -> Self {
        let parts = Parts {
            store: Arc::clone(&store) as Arc<dyn mortar_store::Store>,
            hosts: Arc::new(hosts.clone()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::open().unwrap()),
        };
        let engine = Engine::open(parts, config).unwrap();
        engine.start();
        Self { hosts, store, engine }
    }

    /// Another life of the server.
    pub(crate) fn again(self, config: Config) -> Self {
        Self::open(self.hosts, self.store, config)
    }

    pub(crate) async fn quiet() -> Self {
        Self::new(quiet(), Duration::ZERO).await
    }

    pub(crate) async fn create(&self, name: &str, media: &str) {
        let mut request = CreateVolume::new(ByteSize::from_gib(1), Durability::Replicate(3));
        request.name = Some(VolumeName::new(name).unwrap());
        let rule = mortar_model::VolumeOption::new("user.mortar.device-tag-match", format!("media={media}"));
        request.options = vec![rule.unwrap()];
        self.done(self.engine.create_volume(request).await.unwrap()).await;
    }

    pub(crate) async fn done(&self, id: OperationId) {
        let state = self.engine.wait(id, LIMIT).await;
        let done = matches!(&state, Some(OperationState::Ended(ended))
            if matches!(ended.outcome, Outcome::Done { .. }) && ended.warnings.is_empty());
        assert!(done, "{state:?}");
    }

    pub(crate) fn node(&self, number: u32) -> NodeId {
        let host = HostName::new(format!("n{number}")).unwrap();
        self.engine
            .view(|landscape| landscape.inventory().node_by_host(&host).unwrap().id)
    }

    /// Mount points and folders of the bricks of a node.
    pub(crate) fn bricks(&self, number: u32) -> Vec<(String, String)> {
        let node = self.node(number);
        self.engine.view(|landscape| {
            let inventory = landscape.inventory();
            let devices = inventory.devices_of(node);
            devices
                .flat_map(|device| inventory.bricks_on(device.id))
                .map(|brick| {
                    (
                        layout::mount_point(brick.device, brick.id),
                        layout::brick_path(brick.device, brick.id),
                    )
                })
                .collect()
        })
    }

    pub(crate) async fn kinds(&self) -> Vec<Kind> {
        let check = self.engine.check().await;
        check.findings.iter().map(|finding| finding.kind).collect()
    }

    pub(crate) fn all_served(&self) -> bool {
        self.hosts.world(|world| {
            let pool = world.pool("n1").unwrap();
            pool.volumes
                .iter()
                .all(|volume| volume.online.iter().all(|online| *online))
        })
    }

    /// Text of the node's own file.
    pub(crate) fn node_file(&self, host: &str) -> Option<String> {
        let batch = mortar_argv::Batch::new().ask(mortar_argv::Command::new("cat").arg(layout::NODE_FILE));
        let report = self.hosts.world(|world| world.run(host, &batch));
        let output = report.output(0).unwrap();
        output.success().then(|| output.stdout.clone())
    }
}

pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
