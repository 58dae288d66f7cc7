//! A member of a pool that missed a deletion, and would bring the volume back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Command, Guard, Outcome, Output, Report};
use mortar_engine::{Config, Engine, OperationState, Outcome as End, Parts, SystemClock, SystemEntropy};
use mortar_executor::{Hosts, SimHosts};
use mortar_journal::Policy;
use mortar_model::{
    ByteSize, DevicePath, Durability, HostName, OperationId, Snapshots, Tags, VolumeId, VolumeName,
};
use mortar_plan::{AddDevice, AddNode, CreateVolume};
use mortar_simulator::{World, WorldConfig};
use mortar_store::MemoryStore;

const LIMIT: Duration = Duration::from_secs(20);
/// The member that was away in the wrong moment.
const BEHIND: &str = "n3";

/// What the member does with the record that it kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keeps {
    Nothing,
    /// It is asked so many times until it has heard of the deletion.
    For(u32),
    /// It tells the others, who take the volume over: these commands make it again.
    TellsOthers(Vec<Command>),
    /// It has just started and has none yet; then it writes down what it heard before, and tells the others.
    Heard(Vec<Command>),
    /// It does not answer that question, so many times.
    Silent(u32),
}

/// Simulated nodes of which one missed the deletion. The question for its record is the only batch without a lock that begins with
/// a `grep`.
struct Nodes {
    hosts: SimHosts,
    keeps: Mutex<Keeps>,
    deletions: Mutex<u32>,
}

fn has_record() -> Report {
    Report {
        outcomes: vec![Outcome::Ran(Output::default()), Outcome::Ran(Output::default())],
        broken: None,
    }
}

/// No record, and a socket that is young.
fn has_just_started() -> Report {
    let (none, young) = (
        Output {
            status: 2,
            ..Output::default()
        },
        Output {
            stdout: "/run/glusterd.socket\n".into(),
            ..Output::default()
        },
    );
    Report {
        outcomes: vec![Outcome::Ran(none), Outcome::Ran(young)],
        broken: None,
    }
}

impl Nodes {
    fn about_record(&self) -> Option<Report> {
        let mut keeps = self.keeps.lock().unwrap();
        let (answer, next) = match keeps.clone() {
            Keeps::Nothing | Keeps::For(0) | Keeps::Silent(0) => return None,
            Keeps::For(times) => (has_record(), Keeps::For(times - 1)),
            Keeps::Heard(commands) => (has_just_started(), Keeps::TellsOthers(commands)),
            Keeps::Silent(times) => (Report::not_run(2, "no route to host"), Keeps::Silent(times - 1)),
            Keeps::TellsOthers(commands) => {
                self.hosts.world(|world| {
                    for command in &commands {
                        let output = world.run_one(BEHIND, command);
                        assert!(output.success(), "{command}: {output:?}");
                    }
                });
                (has_record(), Keeps::Nothing)
            }
        };
        *keeps = next;
        Some(answer)
    }
}

impl Hosts for Nodes {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            let is = |item: &mortar_argv::Item, words: &[&str]| {
                words.iter().all(|word| item.command.to_string().contains(word))
            };
            let asks = batch.items().len() == 2
                && is(&batch.items()[0], &["grep", "/vols/"])
                && batch.items()[0].guard == Guard::Always;
            if asks
                && host == BEHIND
                && let Some(answer) = self.about_record()
            {
                return answer;
            }
            let report = self.hosts.run(host, batch).await;
            let deleted = batch.items().iter().zip(&report.outcomes).any(|(item, outcome)| {
                is(item, &["volume delete"]) && matches!(outcome, Outcome::Ran(output) if output.success())
            });
            *self.deletions.lock().unwrap() += u32::from(deleted);
            report
        }
        .boxed()
    }
}

struct Bed {
    engine: Engine,
    nodes: Arc<Nodes>,
    volume: VolumeId,
}

impl Bed {
    /// A pool of three nodes with a volume of three copies.
    async fn new() -> Self {
        let mut world = World::new(WorldConfig::default());
        for host in ["n1", "n2", "n3"] {
            world.add_node(host);
        }
        let nodes = Arc::new(Nodes {
            hosts: SimHosts::new(world),
            keeps: Mutex::new(Keeps::Nothing),
            deletions: Mutex::default(),
        });
        let engine = engine(Arc::clone(&nodes) as Arc<dyn Hosts>);
        let cluster = engine.create_cluster(true, false).await.unwrap().id;
        for host in ["n1", "n2", "n3"] {
            let host = HostName::new(host).unwrap();
            let node = AddNode {
                cluster,
                zone: 1,
                manage: host.clone(),
                storage: host,
                tags: Tags::new(),
            };
            done(&engine, engine.add_node(node).await.unwrap()).await;
        }
        let ids: Vec<_> =
            engine.view(|landscape| landscape.inventory().nodes().map(|node| node.id).collect());
        for node in ids {
            let device = AddDevice {
                node,
                path: DevicePath::new("/dev/sdb").unwrap(),
                tags: Tags::new(),
                destroy: false,
                shared: None,
            };
            done(&engine, engine.add_device(device).await.unwrap()).await;
        }
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
        done(&engine, engine.create_volume(request).await.unwrap()).await;
        let volume = engine.view(|landscape| landscape.inventory().volumes().next().unwrap().id);
        Self {
            engine,
            nodes,
            volume,
        }
    }

    /// Deletes the volume while the member keeps its record like this; nothing of it is left then.
    async fn deletes(&self, keeps: Keeps) {
        *self.nodes.keeps.lock().unwrap() = keeps;
        done(
            &self.engine,
            self.engine.delete_volume(self.volume).await.unwrap(),
        )
        .await;
        self.nodes.hosts.world(|world| {
            for host in ["n1", "n2", "n3"] {
                assert!(world.volume(host, "v").is_none(), "{host}");
                assert!(world.host(host).unwrap().mounts.is_empty(), "{host}");
            }
        });
    }

    fn deletions(&self) -> u32 {
        *self.nodes.deletions.lock().unwrap()
    }
}

fn engine(hosts: Arc<dyn Hosts>) -> Engine {
    let policy = Policy {
        first_wait: Duration::ZERO,
        longest_wait: Duration::ZERO,
        ..Policy::default()
    };
    let parts = Parts {
        store: Arc::new(MemoryStore::new()),
        hosts,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::open().unwrap()),
    };
    let config = Config {
        policy,
        ..Config::default()
    };
    Engine::open(parts, config).unwrap()
}

async fn done(engine: &Engine, id: OperationId) {
    match engine.wait(id, LIMIT).await {
        Some(OperationState::Ended(ended)) if matches!(ended.outcome, End::Done { .. }) => {}
        state => panic!("{state:?}"),
    }
}

#[tokio::test]
async fn a_deletion_waits_until_every_member_has_heard_of_it() {
    let bed = Bed::new().await;
    bed.deletes(Keeps::For(3)).await;
    assert_eq!(
        (bed.deletions(), &*bed.nodes.keeps.lock().unwrap()),
        (1, &Keeps::For(0))
    );
}

/// The commands by which a volume is there again as it was.
fn again(bed: &Bed) -> Vec<Command> {
    let view = bed.nodes.hosts.world(|world| world.volume("n1", "v").unwrap());
    let gluster = |words: &[&str]| {
        Command::new("gluster")
            .arg("--mode=script")
            .args(words.iter().copied())
    };
    let mut create = vec!["volume", "create", "v", "replica", "3"];
    create.extend(view.bricks.iter().map(String::as_str));
    create.push("force");
    let id = bed.volume.to_string();
    vec![
        gluster(&create),
        gluster(&["volume", "set", "v", "user.mortar.id", &id]),
    ]
}

#[tokio::test]
async fn a_volume_that_a_member_brings_back_is_deleted_again() {
    let bed = Bed::new().await;
    bed.deletes(Keeps::TellsOthers(again(&bed))).await;
    assert_eq!(bed.deletions(), 2);
}

#[tokio::test]
async fn a_member_that_has_just_started_is_looked_at_for_a_while() {
    let bed = Bed::new().await;
    bed.deletes(Keeps::Heard(again(&bed))).await;
    assert_eq!(bed.deletions(), 2);
}

#[tokio::test]
async fn a_member_that_does_not_answer_is_asked_until_it_does() {
    let bed = Bed::new().await;
    bed.deletes(Keeps::Silent(2)).await;
    assert_eq!(
        (bed.deletions(), &*bed.nodes.keeps.lock().unwrap()),
        (1, &Keeps::Silent(0))
    );
}
