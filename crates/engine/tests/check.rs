//! Checks on simulated nodes: each accident is found with its proof, what can be mended is mended, and operations that
//! run meanwhile are never taken for drift.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use mortar_engine::{
    Begun, Config, Engine, Kind, OperationState, Outcome, Parts, Remedy, SystemClock, SystemEntropy,
};
use mortar_executor::SimHosts;
use mortar_journal::Policy;
use mortar_model::{
    ByteSize, DevicePath, Durability, HostName, NodeId, OperationId, OperationKind, State, Tags, VolumeName,
    layout,
};
use mortar_plan::{AddDevice, AddNode, CreateVolume};
use mortar_simulator::{Effect, Fault, When, World, WorldConfig};
use mortar_store::MemoryStore;

const LIMIT: Duration = Duration::from_secs(30);
const DIRECTORY: &str = "/disks/one";

struct Bed {
    hosts: SimHosts,
    store: Arc<MemoryStore>,
    engine: Engine,
}

/// Nothing is done by the clock, unless a test says so.
fn quiet() -> Config {
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
    async fn new(config: Config, latency: Duration) -> Self {
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
                };
                bed.done(bed.engine.add_device(request).await.unwrap()).await;
            }
        }
        for media in ["disk", "directory"] {
            bed.create(&format!("on-{media}"), media).await;
        }
        bed
    }

    fn open(hosts: SimHosts, store: Arc<MemoryStore>, config: Config) -> Self {
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
    fn again(self, config: Config) -> Self {
        Self::open(self.hosts, self.store, config)
    }

    async fn quiet() -> Self {
        Self::new(quiet(), Duration::ZERO).await
    }

    async fn create(&self, name: &str, media: &str) {
        let mut request = CreateVolume::new(ByteSize::from_gib(1), Durability::Replicate(3));
        request.name = Some(VolumeName::new(name).unwrap());
        let rule = mortar_model::VolumeOption::new("user.mortar.device-tag-match", format!("media={media}"));
        request.options = vec![rule.unwrap()];
        self.done(self.engine.create_volume(request).await.unwrap()).await;
    }

    async fn done(&self, id: OperationId) {
        let state = self.engine.wait(id, LIMIT).await;
        let done = matches!(&state, Some(OperationState::Ended(ended))
            if matches!(ended.outcome, Outcome::Done { .. }) && ended.warnings.is_empty());
        assert!(done, "{state:?}");
    }

    fn node(&self, number: u32) -> NodeId {
        let host = HostName::new(format!("n{number}")).unwrap();
        self.engine
            .view(|landscape| landscape.inventory().node_by_host(&host).unwrap().id)
    }

    /// Mount points and folders of the bricks of a node.
    fn bricks(&self, number: u32) -> Vec<(String, String)> {
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

    async fn kinds(&self) -> Vec<Kind> {
        let check = self.engine.check().await;
        check.findings.iter().map(|finding| finding.kind).collect()
    }

    fn all_served(&self) -> bool {
        self.hosts.world(|world| {
            let pool = world.pool("n1").unwrap();
            pool.volumes
                .iter()
                .all(|volume| volume.online.iter().all(|online| *online))
        })
    }

    /// Text of the node's own file.
    fn node_file(&self, host: &str) -> Option<String> {
        let batch = mortar_argv::Batch::new().ask(mortar_argv::Command::new("cat").arg(layout::NODE_FILE));
        let report = self.hosts.world(|world| world.run(host, &batch));
        let output = report.output(0).unwrap();
        output.success().then(|| output.stdout.clone())
    }
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// What is done to node 2; answers whether it could be.
type Accident = fn(&mut World, &Bed) -> bool;

const DRILLS: &[(&str, Accident, &[Kind])] = &[
    (
        "power lost",
        |world, _| {
            world.kill_node("n2");
            true
        },
        &[Kind::NodeSilent],
    ),
    (
        "network lost",
        |world, _| {
            world.cut("n2");
            true
        },
        &[Kind::NodeSilent],
    ),
    (
        "no glusterd",
        |world, _| {
            world.stop_glusterd("n2");
            true
        },
        &[Kind::GlusterdDown],
    ),
    (
        "a brick's process ended",
        |world, bed| world.kill_brick("n2", &bed.bricks(2)[0].1),
        &[],
    ),
    (
        "a brick unmounted",
        |world, bed| world.lose_mount("n2", &bed.bricks(2)[0].0),
        &[Kind::BrickUnmounted],
    ),
    (
        "a file system dead",
        |world, bed| world.break_mount("n2", &bed.bricks(2)[0].0),
        &[Kind::BrickUnreadable],
    ),
    (
        "a disk grown",
        |world, _| world.resize_device("n2", "/dev/sdb", 101 << 30),
        &[Kind::DeviceSize],
    ),
    (
        "a disk replaced",
        |world, _| world.replace_device("n2", "/dev/sdb"),
        &[Kind::DeviceMissing],
    ),
    (
        "a directory replaced",
        |world, _| world.replace_device("n2", DIRECTORY),
        &[Kind::DeviceMissing],
    ),
    (
        "a directory dead",
        |world, _| world.break_mount("n2", DIRECTORY),
        &[Kind::DeviceUnreadable],
    ),
    (
        "a node installed anew",
        |world, _| world.reinstall_node("n2"),
        &[
            Kind::GlusterdDown,
            Kind::NodeFile,
            Kind::BrickUnmounted,
            Kind::BrickUnmounted,
            Kind::EntryMissing,
            Kind::EntryMissing,
        ],
    ),
];

#[tokio::test]
async fn each_accident_is_found() {
    for (name, drill, kinds) in DRILLS {
        let bed = Bed::quiet().await;
        bed.engine.reconcile().await;
        assert_eq!(bed.kinds().await, [], "{name}: before");
        assert!(bed.hosts.world(|world| drill(world, &bed)), "{name}");
        let check = bed.engine.check().await;
        let found: Vec<Kind> = check.findings.iter().map(|finding| finding.kind).collect();
        let mut expected = kinds.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}: {:#?}", check.findings);
        assert!(
            check
                .findings
                .iter()
                .all(|finding| finding.node == Some(bed.node(2))),
            "{name}"
        );
        assert_eq!(check.is_clean(), kinds.is_empty(), "{name}");
    }
}

/// What the reconciler mends: everything that a start without mounts leaves, on all nodes at once.
#[tokio::test]
async fn bricks_that_are_not_mounted_are_mounted_again_and_served() {
    let bed = Bed::quiet().await;
    let first = bed.engine.reconcile().await;
    assert_eq!(
        (first.files, first.failed.len()),
        (3, 0),
        "the nodes' files are written"
    );
    for number in 1..=3 {
        for (target, _) in bed.bricks(number) {
            let host = format!("n{number}");
            assert!(bed.hosts.world(|world| world.lose_mount(&host, &target)));
        }
    }
    assert_eq!(bed.kinds().await, vec![Kind::BrickUnmounted; 6]);
    assert!(!bed.all_served());
    let mended = bed.engine.reconcile().await;
    assert_eq!((mended.mended.len(), mended.failed.as_slice()), (6, &[][..]));
    assert!(bed.all_served());
    let after = bed.engine.last_check().unwrap();
    assert_eq!((after.number, after.findings.as_slice()), (mended.check, &[][..]));
}

/// A brick whose process does not start after it was mounted is not forgotten, though no check sees it.
#[tokio::test]
async fn a_brick_that_was_mounted_and_not_served_is_tried_again() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    let (target, _) = bed.bricks(2)[0].clone();
    bed.hosts.world(|world| {
        world.lose_mount("n2", &target);
        // The pool cannot be asked to start anything, whatever member is asked.
        for host in ["n1", "n2", "n3"] {
            world.stop_glusterd(host);
        }
    });
    let tried = bed.engine.reconcile().await;
    assert_eq!((tried.mended.len(), tried.failed.len()), (0, 1), "{tried:?}");
    bed.hosts.world(|world| {
        for host in ["n1", "n2", "n3"] {
            world.start_glusterd(host);
        }
        let (_, path) = bed.bricks(2)[0].clone();
        world.kill_brick("n2", &path);
    });
    // It is mounted: no check finds anything.
    assert_eq!(bed.kinds().await, []);
    assert!(!bed.all_served());
    let tried = bed.engine.reconcile().await;
    assert_eq!(tried.failed, []);
    assert!(bed.all_served());
    // Nothing is left to be tried.
    let operations = bed.engine.operations(1000).0.len();
    bed.engine.reconcile().await;
    assert_eq!(bed.engine.operations(1000).0.len(), operations);
}

/// A volume that somebody stopped is not started by itself, also when its bricks are mounted again.
#[tokio::test]
async fn a_stopped_volume_stays_stopped_until_somebody_says_so() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    let stop = mortar_argv::Command::new("gluster").args(["--mode=script", "volume", "stop", "on-disk"]);
    let batch = mortar_argv::Batch::new().run(stop);
    assert!(bed.hosts.world(|world| world.run("n1", &batch)).success());
    let (target, _) = bed.bricks(2)[0].clone();
    bed.hosts.world(|world| world.lose_mount("n2", &target));
    assert_eq!(bed.kinds().await, [Kind::BrickUnmounted, Kind::VolumeStopped]);
    let mended = bed.engine.reconcile().await;
    assert_eq!((mended.mended.len(), mended.failed.as_slice()), (1, &[][..]));
    assert_eq!(bed.kinds().await, [Kind::VolumeStopped]);

    // Shown first, and nothing done.
    let shown = bed.engine.repair(None, true).await;
    assert!(matches!(shown.tasks[..], [ref task] if task.begun == Begun::Planned));
    assert_eq!(bed.kinds().await, [Kind::VolumeStopped]);
    let id = shown.tasks[0].findings.clone();
    let other = bed.engine.repair(Some(&["volume_stopped/x".into()]), false).await;
    assert_eq!(
        (other.tasks.len(), other.not_found),
        (0, vec!["volume_stopped/x".to_owned()])
    );
    let run = bed.engine.repair(Some(&id), false).await;
    let Begun::Operation(operation) = run.tasks[0].begun else {
        panic!("{run:?}")
    };
    bed.done(operation).await;
    assert_eq!(bed.kinds().await, []);
    assert!(bed.all_served());
}

/// The nodes' files follow the records within seconds, and go with the node.
#[tokio::test]
async fn files_of_nodes_follow_the_records() {
    let config = Config {
        recovery_interval: Duration::from_millis(50),
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    let says = |host: &str, text: &str| bed.node_file(host).is_some_and(|file| file.contains(text));
    eventually("every node has its file", || {
        ["n1", "n2", "n3"].iter().all(|host| says(host, DIRECTORY))
    })
    .await;
    bed.engine
        .set_node_state(bed.node(2), State::Offline)
        .await
        .unwrap();
    eventually("its state is told", || says("n2", "offline")).await;
    bed.engine
        .set_node_state(bed.node(2), State::Online)
        .await
        .unwrap();
    eventually("its state is told again", || !says("n2", "offline")).await;

    bed.hosts.world(|world| world.add_node("n4"));
    let host = HostName::new("n4").unwrap();
    let cluster = bed
        .engine
        .view(|landscape| landscape.inventory().clusters().next().unwrap().id);
    let request = AddNode {
        cluster,
        zone: 7,
        manage: host.clone(),
        storage: host,
        tags: Tags::new(),
    };
    bed.done(bed.engine.add_node(request).await.unwrap()).await;
    eventually("a new node has its file", || says("n4", "\"zone\": 7")).await;
    bed.done(bed.engine.remove_node(bed.node(4)).await.unwrap()).await;
    assert_eq!(bed.node_file("n4"), None, "a node that left says nothing");
}

/// A file that tells of more than the records, as after an old store was restored, is not written over by itself.
#[tokio::test]
async fn a_file_that_knows_more_is_left_alone() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    let (mine, other) = (bed.node(2), bed.node(3));
    let text = bed
        .node_file("n2")
        .unwrap()
        .replace(&mine.to_string(), &other.to_string());
    let write = mortar_argv::Command::new("tee")
        .arg(layout::NODE_FILE)
        .input(text.clone());
    let batch = mortar_argv::Batch::new().run(write);
    assert!(bed.hosts.world(|world| world.run("n2", &batch)).success());
    let passed = bed.engine.reconcile().await;
    assert_eq!((passed.files, bed.node_file("n2")), (0, Some(text)));
    bed.engine.set_node_state(mine, State::Offline).await.unwrap();
    // It is told of in the files of its neighbours, and not in its own.
    assert_eq!(bed.engine.reconcile().await.files, 2);
    assert!(!bed.node_file("n2").unwrap().contains("offline"));
    // Told so, it is written.
    let run = bed.engine.repair(None, false).await;
    assert!(
        matches!(run.tasks[..], [ref task] if task.begun == Begun::Written),
        "{run:?}"
    );
    assert_eq!(bed.kinds().await, []);
    assert!(bed.node_file("n2").unwrap().contains("offline"));
}

/// A disk that grew is used as it is now, when somebody says so.
#[tokio::test]
async fn the_new_size_of_a_disk_is_recorded_on_command() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    let total = |bed: &Bed| {
        let node = bed.node(2);
        bed.engine.view(|landscape| {
            let mut devices = landscape.inventory().devices_of(node);
            let disk = devices.find(|device| device.path.as_str() == "/dev/sdb");
            disk.unwrap().total
        })
    };
    let before = total(&bed);
    assert!(
        bed.hosts
            .world(|world| world.resize_device("n2", "/dev/sdb", 101 << 30))
    );
    assert_eq!(bed.kinds().await, [Kind::DeviceSize]);
    assert_eq!(bed.engine.reconcile().await.mended.len(), 0, "not by itself");
    let shown = bed.engine.repair(None, true).await;
    assert!(matches!(shown.tasks[..], [ref task] if task.begun == Begun::Planned));
    assert_eq!(total(&bed), before);
    let run = bed.engine.repair(None, false).await;
    let Begun::Operation(operation) = run.tasks[0].begun else {
        panic!("{run:?}")
    };
    bed.done(operation).await;
    assert_eq!(total(&bed), before + ByteSize::from_gib(1));
    // The nodes' own files tell of it, and follow.
    bed.engine.reconcile().await;
    assert_eq!(bed.kinds().await, []);
}

/// What a deletion left on a node that was away is no orphan: an operation is there to remove it.
#[tokio::test]
async fn what_a_cleanup_has_to_remove_is_no_drift() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    bed.hosts.world(|world| world.kill_node("n2"));
    let volumes: Vec<_> = bed
        .engine
        .view(|landscape| landscape.inventory().volumes().map(|volume| volume.id).collect());
    for volume in volumes {
        let id = bed.engine.delete_volume(volume).await.unwrap();
        let state = bed.engine.wait(id, LIMIT).await;
        let Some(OperationState::Ended(ended)) = state else {
            panic!("{state:?}")
        };
        let cleanup = bed.engine.wait(ended.cleanup.unwrap(), LIMIT).await.unwrap();
        assert!(matches!(&cleanup, OperationState::Open(open) if open.waits_for_nodes()));
    }
    assert_eq!(bed.kinds().await, [Kind::NodeSilent]);

    // It is back, its bricks are mounted, and the cleanups have not heard of it yet.
    bed.hosts.world(|world| world.start_node("n2"));
    let check = bed.engine.check().await;
    assert_eq!(check.findings, []);
    assert!(check.left_out >= 2, "{check:?}");
    let run = bed.engine.repair(None, false).await;
    assert_eq!(run.tasks, []);
    let (open, _) = bed.engine.operations(0);
    assert_eq!(open.len(), 2);
    for cleanup in open {
        assert!(bed.engine.retry(cleanup.id()));
        bed.done(cleanup.id()).await;
    }
    let check = bed.engine.check().await;
    assert_eq!((check.findings.as_slice(), check.left_out), (&[][..], 0));
}

/// By the clock, and soon after the start: nobody asks.
#[tokio::test]
async fn the_reconciler_works_by_itself() {
    let config = Config {
        recovery_interval: Duration::from_millis(50),
        check_interval: Duration::from_millis(100),
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    for (target, _) in bed.bricks(2) {
        bed.hosts.world(|world| world.lose_mount("n2", &target));
    }
    eventually("its bricks are served again", || bed.all_served()).await;
    let mended = |bed: &Bed| bed.engine.last_reconciled().is_some_and(|last| last.check > 1);
    eventually("it tells what it did", || mended(&bed)).await;
}

/// What could not be mended is tried again soon, not at the next check.
#[tokio::test]
async fn what_failed_is_tried_again_soon() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    bed.engine.stop(LIMIT).await;
    let (target, _) = bed.bricks(2)[0].clone();
    bed.hosts.world(|world| {
        world.lose_mount("n2", &target);
        world.inject(Fault {
            when: When::Command {
                kind: "mount".into(),
                host: Some("n2".into()),
                nth: 1,
            },
            effect: Effect::Fail {
                status: 1,
                text: "not now".into(),
            },
        });
    });
    let config = Config {
        recovery_interval: Duration::from_millis(20),
        attention_first: Duration::from_millis(20),
        ..quiet()
    };
    let bed = bed.again(config);
    eventually("its brick is served again", || bed.all_served()).await;
    let (all, _) = bed.engine.operations(1000);
    let failed = |state: &&OperationState| match state {
        OperationState::Ended(ended) => {
            ended.kind == OperationKind::Repair && ended.warnings.iter().any(|why| why.contains("not now"))
        }
        OperationState::Open(_) => false,
    };
    assert_eq!(all.iter().filter(failed).count(), 1, "{all:?}");
}

/// Switched off, it only tells.
#[tokio::test]
async fn nothing_is_mended_where_that_is_switched_off() {
    let config = Config {
        automatic: false,
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    let (target, _) = bed.bricks(2)[0].clone();
    bed.hosts.world(|world| world.lose_mount("n2", &target));
    let passed = bed.engine.reconcile().await;
    assert_eq!(
        (passed.mended.len(), passed.failed.len(), passed.files),
        (0, 0, 0)
    );
    let kinds: BTreeSet<Kind> = bed.kinds().await.into_iter().collect();
    assert_eq!(kinds, BTreeSet::from([Kind::NodeFile, Kind::BrickUnmounted]));
}

/// Those who ask while a check runs share the next one.
#[tokio::test]
async fn checks_are_shared() {
    let bed = Bed::new(quiet(), Duration::from_millis(2)).await;
    let first = bed.engine.check().await.number;
    let checks = join_all((0..20).map(|_| bed.engine.check())).await;
    let numbers: BTreeSet<u64> = checks.iter().map(|check| check.number).collect();
    assert_eq!(numbers, BTreeSet::from([first + 1, first + 2]));
}

/// Volumes come and go while checks run one after the other: none of it is ever drift.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_are_never_taken_for_drift() {
    let bed = Bed::new(quiet(), Duration::from_millis(1)).await;
    bed.engine.reconcile().await;
    let engine = bed.engine.clone();
    let churn = async {
        let one = |number: usize| {
            let bed = &bed;
            async move {
                for round in 0..6 {
                    let name = format!("churn-{number}-{round}");
                    bed.create(&name, ["disk", "directory"][round % 2]).await;
                    let id = bed.engine.view(|landscape| {
                        let mut volumes = landscape.inventory().volumes();
                        volumes.find(|volume| volume.name.as_str() == name).unwrap().id
                    });
                    bed.done(bed.engine.expand_volume(id, ByteSize::from_gib(1)).await.unwrap())
                        .await;
                    bed.done(bed.engine.delete_volume(id).await.unwrap()).await;
                }
            }
        };
        join_all((0..6).map(one)).await;
    };
    let looking = async {
        let (mut checks, mut left_out) = (0, 0);
        loop {
            let check = engine.check().await;
            assert_eq!(check.findings, [], "in check {}", check.number);
            checks += 1;
            left_out += check.left_out;
            tokio::task::yield_now().await;
            if checks > 1000 {
                break (checks, left_out);
            }
        }
    };
    let seen = tokio::select! {
        () = churn => None,
        seen = looking => Some(seen),
    };
    assert_eq!(seen, None, "operations do not come to an end");
    let check = bed.engine.check().await;
    assert_eq!((check.findings.as_slice(), check.left_out), (&[][..], 0));
    assert!(
        check.number > 5,
        "only {} checks ran beside the operations",
        check.number
    );
}

/// What was found is exported, each kind by its name.
#[tokio::test]
async fn findings_are_counted() {
    let bed = Bed::quiet().await;
    let (target, _) = bed.bricks(2)[0].clone();
    bed.engine.reconcile().await;
    bed.hosts.world(|world| world.lose_mount("n2", &target));
    let check = bed.engine.check().await;
    assert!(matches!(check.findings[0].remedy, Remedy::Automatic(_)));
    let mut registry = prometheus_client::registry::Registry::default();
    bed.engine.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "mortar_check_findings{kind=\"brick_unmounted\"} 1",
        "mortar_check_findings{kind=\"orphan_brick\"} 0",
        "mortar_check_findings_left_out 0",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} is not in {text}");
    }
    assert!(text.contains("\nmortar_check_last_time_seconds "), "{text}");
}
