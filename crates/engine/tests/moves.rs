//! Bricks that move: never the last good copy, never one too many, and what cannot move is named.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use mortar_engine::{Clock, Config, Engine, EngineError, OperationState, Outcome, Parts};
use mortar_executor::SimHosts;
use mortar_model::{
    BrickId, ByteSize, Durability, NodeId, OperationId, OperationKind, State, VolumeName, VolumeOption,
};
use mortar_plan::{CreateBlock, CreateVolume, Refusal};
use mortar_simulator::World;
use mortar_store::MemoryStore;
use tokio::time::Instant;

use support::bed::{self, Bed, Saved};

fn request(name: &str, durability: Durability) -> CreateVolume {
    let mut request = CreateVolume::new(ByteSize::from_gib(2), durability);
    request.name = Some(VolumeName::new(name).unwrap());
    request.options = vec![VolumeOption::new("user.mortar.device-tag-match", "media=disk").unwrap()];
    request
}

/// A volume with files on n1, n2 and n3, and perhaps a spare disk on n4.
async fn prepared(spare: bool) -> Bed {
    let bed = Bed::new(100);
    bed.make_pool().await;
    made(&bed, "data", Durability::Replicate(3)).await;
    if spare {
        let node = bed.add_node(bed.cluster(), 4).await;
        bed.add_device(node, "/dev/sdb", "disk").await;
    }
    assert!(bed.hosts.world(|world| world.write_files("n1", "data", 20)));
    bed
}

async fn made(bed: &Bed, name: &str, durability: Durability) {
    let id = bed.engine.create_volume(request(name, durability)).await.unwrap();
    bed.done(id).await;
}

/// The brick of a volume on a node, and its path.
fn brick(bed: &Bed, volume: &str, node: NodeId) -> (BrickId, String) {
    let volume = bed.volume(volume);
    bed.inventory(|inventory| {
        let mut bricks = inventory.bricks_of(volume);
        let found = bricks.find(|brick| inventory.node_of_brick(brick).is_some_and(|on| on.id == node));
        let brick = found.unwrap();
        (brick.id, mortar_model::layout::brick_path(brick.device, brick.id))
    })
}

fn failure(bed: &Bed, id: OperationId) -> String {
    match bed.engine.operation(id) {
        Some(OperationState::Ended(ended)) => match ended.outcome {
            Outcome::Failed { reason } => reason,
            outcome @ Outcome::Done { .. } => panic!("{outcome:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_moves_while_another_copy_is_down() {
    bed::run(async {
        let bed = prepared(true).await;
        let (moving, _) = brick(&bed, "data", bed.node(1));
        let (_, other) = brick(&bed, "data", bed.node(2));
        assert!(bed.hosts.world(|world| world.kill_brick("n2", &other)));
        let before = bed.changes();
        for dead in [false, true] {
            let refused = bed.engine.evict_brick(moving, dead).await.unwrap_err();
            assert!(
                matches!(&refused, EngineError::Refused(Refusal::Needed(id, why)) if *id == moving && why.contains(&other)),
                "{refused}"
            );
        }
        assert_eq!(bed.changes(), before, "nothing was done anywhere");
        assert_eq!(bed.open(), []);
    });
}

#[test]
fn what_only_the_moving_brick_has_is_healed_first() {
    bed::run(async {
        let bed = prepared(true).await;
        let (moving, _) = brick(&bed, "data", bed.node(1));
        bed.hosts.world(|world| {
            world.kill_node("n2");
            assert!(world.write_files("n1", "data", 100_000));
            world.start_node("n2");
        });
        let id = bed.engine.evict_brick(moving, false).await.unwrap();
        bed.settle(id, "files are to be healed").await;
        let why = failure(&bed, id);
        assert!(why.contains(&moving.to_string()) && why.contains("lack"), "{why}");
        bed.assert_agreement("undone");
        assert_eq!(brick(&bed, "data", bed.node(1)).0, moving);
    });
}

/// A client that ended at once left names of files behind. The daemons look in ten minutes, or when they are told to.
#[test]
fn a_move_asks_for_the_heal_that_it_waits_for() {
    bed::run(async {
        let bed = prepared(true).await;
        let (moving, _) = brick(&bed, "data", bed.node(1));
        bed.hosts.world(|world| {
            world.kill_node("n2");
            assert!(world.write_files("n1", "data", 3));
            world.start_node("n2");
            world.doze("n1", "data");
        });
        let id = bed.engine.evict_brick(moving, false).await.unwrap();
        bed.done(id).await;
        bed.assert_agreement("moved");
    });
}

#[test]
fn a_brick_that_does_not_run_moves_only_as_a_dead_one() {
    bed::run(async {
        let bed = prepared(true).await;
        let (moving, _) = brick(&bed, "data", bed.node(3));
        bed.hosts.world(|world| world.kill_node("n3"));
        let refused = bed.engine.evict_brick(moving, false).await.unwrap_err();
        assert!(refused.to_string().contains("say that it is dead"), "{refused}");
        let id = bed.engine.evict_brick(moving, true).await.unwrap();
        bed.done(id).await;
        // Its own brick is left until the node is back.
        assert_eq!(bed.open().len(), 1);
        assert_eq!(bed.hosts.world(|world| world.to_be_healed("n1", "data")), Some(0));
        brick(&bed, "data", bed.node(4));

        // Or until the node is forgotten.
        let id = bed.engine.forget_node(bed.node(3)).await.unwrap();
        bed.done(id).await;
        assert_eq!(bed.open(), []);
        bed.hosts.world(|world| {
            assert_eq!(world.pool("n1").unwrap().members.len(), 3);
            assert_eq!(world.violations(), Vec::<String>::new());
        });
        assert_eq!(bed.inventory(|inventory| inventory.nodes().count()), 3);
        assert_eq!(bed.inventory(mortar_model::check::check), []);
    });
}

#[test]
fn a_brick_without_copies_stays() {
    bed::run(async {
        let bed = prepared(true).await;
        made(&bed, "plain", Durability::None).await;
        let volume = bed.volume("plain");
        let id = bed.inventory(|inventory| inventory.bricks_of(volume).next().unwrap().id);
        let refused = bed.engine.evict_brick(id, true).await.unwrap_err();
        assert!(refused.to_string().contains("has no copy"), "{refused}");
    });
}

#[test]
fn a_node_with_bricks_is_not_forgotten() {
    bed::run(async {
        let bed = prepared(true).await;
        let refused = bed.engine.forget_node(bed.node(3)).await.unwrap_err();
        assert!(
            matches!(refused, EngineError::Refused(Refusal::InUse("node", ..))),
            "{refused}"
        );
    });
}

/// Without a place for it elsewhere a brick stays, the rule that stands in the way is told for each device, and the
/// device is as it was.
#[test]
fn a_drain_names_what_cannot_move() {
    bed::run(async {
        let bed = prepared(false).await;
        made(&bed, "plain", Durability::None).await;
        let (stays, _) = brick(&bed, "data", bed.node(2));
        let device = bed.device(2, "/dev/sdb");
        let id = bed.engine.drain_device(device, false).await.unwrap();
        bed.settle(id, "no place").await;
        let why = failure(&bed, id);
        for part in [
            stays.to_string().as_str(),
            "volume data",
            "its node already has a brick of the same set",
            "the brick is to be moved off it",
        ] {
            assert!(why.contains(part), "{part}: {why}");
        }
        let state = bed.inventory(|inventory| inventory.device(device).unwrap().state);
        assert_eq!(state, State::Online);
        bed.assert_agreement("nothing moved");
        // It takes bricks again.
        made(&bed, "more", Durability::Replicate(3)).await;
    });
}

#[test]
fn a_drained_device_takes_no_bricks_and_can_go() {
    bed::run(async {
        let bed = prepared(true).await;
        made(&bed, "more", Durability::Replicate(3)).await;
        let device = bed.device(2, "/dev/sdb");
        let id = bed.engine.drain_device(device, false).await.unwrap();
        // Meanwhile no brick is placed there.
        let other = bed
            .engine
            .create_volume(request("other", Durability::Replicate(3)))
            .await
            .unwrap();
        bed.settle(id, "drained").await;
        assert!(bed.is_done(id), "{:?}", bed.engine.operation(id));
        bed.done(other).await;
        let (bricks, state) = bed.inventory(|inventory| {
            let state = inventory.device(device).unwrap().state;
            (inventory.brick_count(device), state)
        });
        assert_eq!((bricks, state), (0, State::Failed));
        assert_eq!(bed.hosts.world(|world| world.to_be_healed("n1", "data")), Some(0));
        bed.assert_agreement("drained");
        let id = bed.engine.remove_device(device, false).await.unwrap();
        bed.done(id).await;
    });
}

/// Waits until an open operation says something of its step.
async fn told(engine: &Engine, id: OperationId, what: &str) -> String {
    loop {
        let Some(OperationState::Open(operation)) = engine.wait(id, Duration::from_millis(1)).await else {
            panic!("{:?}", engine.operation(id))
        };
        let troubles = operation.left().find_map(|(_, state)| state.trouble.clone());
        if let Some(said) = troubles.filter(|said| said.contains(what)) {
            return said;
        }
    }
}

/// Between two bricks a drain can be turned back: the move under way ends, and nothing else moves.
#[test]
fn a_drain_is_cancelled_between_bricks() {
    bed::run(async {
        let bed = prepared(true).await;
        for number in 0..4 {
            let name = format!("more{number}");
            made(&bed, &name, Durability::Replicate(2)).await;
            assert!(bed.hosts.world(|world| world.write_files("n1", &name, 2000)));
        }
        assert!(bed.hosts.world(|world| world.write_files("n1", "data", 2000)));
        let node = bed.node(2);
        let before = bed.inventory(|inventory| {
            let devices = inventory.devices_of(node);
            devices
                .map(|device| inventory.brick_count(device.id))
                .sum::<usize>()
        });
        assert!(before >= 2, "{before}");
        let id = bed.engine.drain_node(node, false).await.unwrap();
        assert!(bed.engine.cancel(id));
        bed.settle(id, "cancelled").await;
        assert_eq!(failure(&bed, id), "cancelled on request");
        assert_eq!(bed.open(), [], "no move goes on after the drain has ended");
        let (left, state) = bed.inventory(|inventory| {
            let devices = inventory.devices_of(node);
            let left = devices
                .map(|device| inventory.brick_count(device.id))
                .sum::<usize>();
            (left, inventory.node(node).unwrap().state)
        });
        assert!(left + 1 >= before, "{left} of {before}");
        assert_eq!(state, State::Online);
        assert!(!bed.engine.cancel(id), "it has ended");
        bed.assert_agreement("cancelled");
    });
}

/// A drain stands still between two bricks: a stop ends with the move that is under way.
#[test]
fn a_stop_waits_for_no_drain() {
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
    bed::run(async {
        let bed = prepared(true).await;
        for name in ["data", "more", "most"] {
            if name != "data" {
                made(&bed, name, Durability::Replicate(3)).await;
            }
            assert!(bed.hosts.world(|world| world.write_files("n1", name, 2000)));
        }
        let id = bed.engine.drain_node(bed.node(2), false).await.unwrap();
        let begun = std::time::Instant::now();
        bed.engine.stop(LIMIT).await;
        assert!(begun.elapsed() < LIMIT, "it was waited for");
        let state = bed.engine.operation(id);
        assert!(matches!(state, Some(OperationState::Open(_))), "{state:?}");
    });
}

/// A dispersed volume with files on n1, n2 and n3, whose self-heal daemons do not run, and spare disks on n4 and n5.
async fn pieces() -> Bed {
    let bed = prepared(true).await;
    let node = bed.add_node(bed.cluster(), 5).await;
    bed.add_device(node, "/dev/sdb", "disk").await;
    made(&bed, "pieces", Durability::disperse(2, 1)).await;
    bed.hosts.world(|world| {
        assert!(world.write_files("n1", "pieces", 20));
        world.attend("n1", "pieces", false);
    });
    bed
}

/// The brick of the volume that was made first.
fn first(bed: &Bed, volume: &str) -> BrickId {
    let volume = bed.volume(volume);
    bed.inventory(|inventory| {
        inventory
            .bricks_of(volume)
            .min_by_key(|brick| brick.position)
            .unwrap()
            .id
    })
}

/// In a set of pieces nobody lists anything for a new brick before its root is healed. It is not called healed by that.
#[test]
fn a_piece_is_healed_from_its_root_on() {
    bed::run(async {
        let bed = pieces().await;
        let id = bed
            .engine
            .evict_brick(first(&bed, "pieces"), false)
            .await
            .unwrap();
        told(&bed.engine, id, "not healed from its root on").await;
        bed.hosts.world(|world| {
            assert_eq!(world.to_be_healed("n1", "pieces"), Some(21));
            world.attend("n1", "pieces", true);
        });
        bed.done(id).await;
        assert_eq!(
            bed.hosts.world(|world| world.to_be_healed("n1", "pieces")),
            Some(0)
        );
        let id = bed
            .engine
            .evict_brick(first(&bed, "pieces"), false)
            .await
            .unwrap();
        bed.done(id).await;
        bed.assert_agreement("two bricks of a set moved");
    });
}

/// Roots that hold files and have no version are healed to nobody: no place is handed over before that has changed.
#[test]
fn no_piece_moves_while_roots_have_no_version() {
    bed::run(async {
        let bed = prepared(true).await;
        made(&bed, "pieces", Durability::disperse(2, 1)).await;
        assert!(bed.hosts.world(|world| world.write_and_leave("n1", "pieces", 20)));
        let brick = first(&bed, "pieces");
        let id = bed.engine.evict_brick(brick, false).await.unwrap();
        bed.settle(id, "nothing would be healed").await;
        let why = failure(&bed, id);
        assert!(why.contains("has no version of that"), "{why}");
        assert_eq!(first(&bed, "pieces"), brick);
        bed.assert_agreement("it has not moved");
        assert!(bed.hosts.world(|world| world.write_files("n1", "pieces", 1)));
        let id = bed.engine.evict_brick(brick, false).await.unwrap();
        bed.done(id).await;
        bed.assert_agreement("it has moved");
    });
}

/// Somebody replaced a brick past Mortar, and its root is not healed: no other brick of its set is given up.
#[test]
fn no_piece_is_given_up_beside_an_empty_one() {
    bed::run(async {
        let bed = pieces().await;
        let volume = bed.volume("pieces");
        let bricks: Vec<(BrickId, String, String)> = bed.inventory(|inventory| {
            let mut bricks: Vec<_> = inventory.bricks_of(volume).collect();
            bricks.sort_by_key(|brick| brick.position);
            let at = |brick: &mortar_model::Brick| {
                let node = inventory.node_of_brick(brick).unwrap().manage.to_string();
                (
                    brick.id,
                    node,
                    mortar_model::layout::brick_path(brick.device, brick.id),
                )
            };
            bricks.into_iter().map(at).collect()
        });
        let (_, node, path) = &bricks[0];
        let run = |argv: &[&str]| {
            let command = mortar_argv::Command::new(argv[0]).args(argv[1..].iter().copied());
            let output = bed.hosts.world(|world| world.run_one(node, &command));
            assert!(output.success(), "{output:?}");
        };
        let (old, new) = (format!("{node}:{path}"), format!("{node}:{path}.new"));
        run(&["mkdir", "-p", &format!("{path}.new")]);
        let gluster = ["gluster", "--mode=script", "volume", "replace-brick", "pieces"];
        run(&[&gluster[..], &[&old, &new, "commit", "force"]].concat());
        // In Mortar's own records it is as before, and the two others are asked about each other.
        run(&[&gluster[..], &[&new, &old, "commit", "force"]].concat());
        let id = bed.engine.evict_brick(bricks[1].0, false).await.unwrap();
        bed.settle(id, "another brick is empty").await;
        let why = failure(&bed, id);
        assert!(why.contains("not healed from its root on"), "{why}");
        assert_eq!(bed.hosts.world(|world| world.violations()), Vec::<String>::new());
    });
}

/// What can be given back is not forgotten: its disks would be Mortar's for ever, and in no record.
#[test]
fn a_node_that_answers_is_not_forgotten() {
    bed::run(async {
        let bed = prepared(true).await;
        let refused = bed.engine.forget_node(bed.node(4)).await.unwrap_err();
        assert!(refused.to_string().contains("mortar device delete"), "{refused}");
        assert_eq!(bed.open(), []);
        bed.hosts.world(|world| world.kill_node("n4"));
        let id = bed.engine.forget_node(bed.node(4)).await.unwrap();
        bed.done(id).await;
    });
}

/// What is begun with a device that goes with its node would wait for a node that nobody knows any more.
#[test]
fn devices_of_a_node_that_is_being_forgotten_are_held() {
    bed::run(async {
        let bed = prepared(true).await;
        let node = bed.node(4);
        bed.engine.view(|landscape| {
            let plan = mortar_plan::forget_node(landscape, node).unwrap();
            let (mut held, id) = (landscape.clone(), OperationId::from_u128(1));
            held.hold(id, &plan);
            let mut devices = landscape.inventory().devices_of(node).peekable();
            assert!(devices.peek().is_some());
            for device in devices {
                let refused = mortar_plan::remove_device(&held, device.id, false).unwrap_err();
                assert!(
                    matches!(refused, Refusal::Busy("device", _, holder) if holder == id),
                    "{refused}"
                );
            }
        });
    });
}

/// What waits for a node is given up with the node, not before it is known that the node can go.
#[test]
fn a_node_that_cannot_be_forgotten_gives_nothing_up() {
    bed::run(async {
        let bed = prepared(true).await;
        let request = CreateBlock {
            name: Some(VolumeName::new("disk").unwrap()),
            size: ByteSize::from_gib(2),
            clusters: Vec::new(),
            ha: 3,
            auth: false,
        };
        bed.done(bed.engine.create_block(request).await.unwrap()).await;
        let block = bed.block("disk");
        let hosts = bed.inventory(|inventory| inventory.block(block).unwrap().hosts.clone());
        let number = (1..=3).find(|number| hosts.iter().any(|host| host.as_str() == format!("n{number}")));
        let (number, node) = (number.unwrap(), bed.node(number.unwrap()));
        bed.hosts.world(|world| world.kill_node(&format!("n{number}")));
        let id = bed.engine.drain_node(node, true).await.unwrap();
        bed.done(id).await;
        let left = bed.open();
        assert!(!left.is_empty(), "its bricks are left until it is back");
        let refused = bed.engine.forget_node(node).await.unwrap_err();
        assert!(
            matches!(refused, EngineError::Refused(Refusal::ServesBlocks(..))),
            "{refused}"
        );
        assert_eq!(bed.open(), left);
    });
}

/// Time since the test began; it passes only while everybody waits.
struct Waited(Instant);

impl Clock for Waited {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap() + 1
    }
}

/// An engine that waits as it really does, its nodes and its store.
struct Patient {
    engine: Engine,
    hosts: SimHosts,
    store: Arc<MemoryStore>,
}

/// The same nodes and records, with an engine that waits as it really does, and nodes that take so long for each answer.
fn patient(saved: &Saved, latency: Duration) -> Patient {
    let store = Arc::new(MemoryStore::new());
    mortar_store::import(store.as_ref(), &saved.store).unwrap();
    let hosts = SimHosts::new(World::load(&saved.world).unwrap()).latency(latency);
    let engine = patient_on(&hosts, &store);
    Patient { engine, hosts, store }
}

/// The same on these nodes and records.
fn patient_on(hosts: &SimHosts, store: &Arc<MemoryStore>) -> Engine {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let parts = Parts {
        store: Arc::new(Arc::clone(store)),
        hosts: Arc::new(hosts.clone()),
        clock: Arc::new(Waited(Instant::now())),
        entropy: Arc::new(bed::Chance::new(2)),
    };
    let config = Config {
        health_interval: 2 * DAY,
        recovery_interval: 2 * DAY,
        cure: None,
        ..Config::default()
    };
    Engine::open(parts, config).unwrap()
}

/// Between two bricks nobody waits.
#[tokio::test(start_paused = true)]
async fn a_drain_takes_no_longer_than_its_moves() {
    let bed = prepared(true).await;
    for number in 0..4 {
        let name = format!("more{number}");
        made(&bed, &name, Durability::Replicate(3)).await;
        assert!(bed.hosts.world(|world| world.write_files("n1", &name, 2000)));
    }
    let (node, saved) = (bed.node(2), bed.save());
    let engine = patient(&saved, Duration::ZERO).engine;
    engine.start();
    let id = engine.drain_node(node, false).await.unwrap();
    let Some(OperationState::Ended(drain)) = engine.wait(id, Duration::from_secs(3600)).await else {
        panic!("{:?}", engine.operation(id))
    };
    assert!(matches!(drain.outcome, Outcome::Done { .. }), "{drain:?}");
    let (operations, _) = engine.operations(100);
    let moves: Vec<u64> = operations
        .iter()
        .filter_map(|state| match state {
            OperationState::Ended(ended) if ended.kind == OperationKind::EvictBrick => {
                Some(ended.ended - ended.created)
            }
            _ => None,
        })
        .collect();
    let (took, all) = (drain.ended - drain.created, moves.iter().sum::<u64>());
    assert!(moves.len() >= 3 && all > 1000, "{moves:?}");
    assert!(took <= all + 100, "{took} ms for moves of {moves:?}");
}

/// The more there is to heal, the longer GlusterFS takes to tell how much: that is when it is asked for.
#[tokio::test(start_paused = true)]
async fn what_is_to_be_healed_may_take_its_time() {
    let bed = prepared(false).await;
    let (volume, saved) = (bed.volume("data"), bed.save());
    let engine = patient(&saved, Duration::from_secs(60)).engine;
    let sight = engine.look_at_heal(volume).await.unwrap();
    assert!(!sight.in_the_dark(), "{sight:?}");
    let engine = patient(&saved, Duration::from_secs(3600)).engine;
    let sight = engine.look_at_heal(volume).await.unwrap();
    assert!(sight.in_the_dark(), "every wait has a limit: {sight:?}");
}

/// Bricks of a node.
fn count(engine: &Engine, node: NodeId) -> usize {
    engine.view(|landscape| {
        let inventory = landscape.inventory();
        let devices = inventory.devices_of(node);
        devices.map(|device| inventory.brick_count(device.id)).sum()
    })
}

/// What it came to, and how long that took from now on.
async fn ends(engine: &Engine, id: OperationId) -> (Outcome, Duration) {
    let begun = Instant::now();
    let Some(OperationState::Ended(ended)) = engine.wait(id, Duration::from_secs(7 * 24 * 3600)).await else {
        panic!("{:?}", engine.operation(id))
    };
    (ended.outcome, begun.elapsed())
}

async fn ends_done(engine: &Engine, id: OperationId) {
    let (outcome, _) = ends(engine, id).await;
    assert!(matches!(outcome, Outcome::Done { .. }), "{outcome:?}");
}

/// Why it failed, and how long that took from now on.
async fn fails(engine: &Engine, id: OperationId) -> (String, Duration) {
    match ends(engine, id).await {
        (Outcome::Failed { reason }, took) => (reason, took),
        (outcome, _) => panic!("{outcome:?}"),
    }
}

/// A drain that waits ends as soon as it is cancelled, with nothing but its own end left to record.
async fn cancelled_at_once(engine: &Engine, id: OperationId) {
    assert!(engine.cancel(id));
    let (why, took) = fails(engine, id).await;
    assert_eq!(why, "cancelled on request");
    assert!(took <= SOON, "{took:?}");
}

/// How long nodes take, so that what happens in between can be seen.
const ANSWER: Duration = Duration::from_millis(10);
/// As good as at once: a look at what has to be undone.
const SOON: Duration = Duration::from_millis(200);
const HOUR: Duration = Duration::from_secs(3600);

/// Two volumes with files on n1, n2 and n3, and a spare disk on n4.
async fn two_volumes() -> Bed {
    let bed = prepared(false).await;
    made(&bed, "more", Durability::Replicate(3)).await;
    let spare = bed.add_node(bed.cluster(), 4).await;
    bed.add_device(spare, "/dev/sdb", "disk").await;
    assert!(bed.hosts.world(|world| world.write_files("n1", "more", 20)));
    bed
}

/// Bricks of a volume on n1 hold what the one on n2 lacks, and no daemon heals it.
fn to_heal(bed: &Bed, volume: &str) {
    bed.hosts.world(|world| {
        world.attend("n1", volume, false);
        world.kill_node("n2");
        assert!(world.write_files("n1", volume, 3));
        world.start_node("n2");
    });
}

/// What the moving brick alone has is healed first: a drain waits for that, moves others meanwhile, and says so once.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_while_files_are_healed() {
    let bed = two_volumes().await;
    to_heal(&bed, "data");
    let (node, saved) = (bed.node(1), bed.save());
    let Patient { engine, hosts, store } = patient(&saved, ANSWER);
    engine.start();
    let id = engine.drain_node(node, false).await.unwrap();
    let said = told(&engine, id, "must be healed first").await;
    assert!(
        said.contains("volume data") && said.contains("1 bricks left"),
        "{said}"
    );
    assert_eq!(count(&engine, node), 1, "the other one has moved");
    // However long that takes, nothing is recorded and nothing kept: all is said.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = (store.applied(), store.unsynced());
    tokio::time::sleep(20 * HOUR).await;
    assert_eq!((store.applied(), store.unsynced()), before);
    hosts.world(|world| world.attend("n1", "data", true));
    ends_done(&engine, id).await;
    assert_eq!(count(&engine, node), 0);
}

/// What does not pass is not waited for without end.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_no_longer_than_its_patience() {
    let bed = two_volumes().await;
    to_heal(&bed, "data");
    let (stays, _) = brick(&bed, "data", bed.node(1));
    let (node, saved) = (bed.node(1), bed.save());
    let engine = patient(&saved, ANSWER).engine;
    engine.start();
    let id = engine.drain_node(node, false).await.unwrap();
    let (why, took) = fails(&engine, id).await;
    for part in [
        stays.to_string().as_str(),
        "volume data",
        "must be healed first",
        "within 24 h",
        "drain it again",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(took >= 24 * HOUR && took < 25 * HOUR, "{took:?}");
    assert_eq!(count(&engine, node), 1);
}

/// What may pass is tried again a few times. In the end it is named, with what stood in the way, and the others have moved.
#[tokio::test(start_paused = true)]
async fn a_drain_tries_again_a_few_times() {
    let bed = two_volumes().await;
    let ((stays, _), (_, other)) = (brick(&bed, "data", bed.node(1)), brick(&bed, "data", bed.node(2)));
    assert!(bed.hosts.world(|world| world.kill_brick("n2", &other)));
    let (node, saved) = (bed.node(1), bed.save());
    for comes_back in [false, true] {
        let Patient { engine, hosts, store } = patient(&saved, ANSWER);
        engine.start();
        let id = engine.drain_node(node, false).await.unwrap();
        let said = told(&engine, id, "is tried again (1 of 6)").await;
        assert!(said.contains(&other), "{said}");
        let before = store.applied();
        if comes_back {
            tokio::time::sleep(Duration::from_secs(300)).await;
            let start = mortar_argv::Command::new("gluster").args([
                "--mode=script",
                "volume",
                "start",
                "data",
                "force",
            ]);
            assert!(hosts.world(|world| world.run_one("n1", &start)).success());
            ends_done(&engine, id).await;
            assert_eq!(count(&engine, node), 0);
            continue;
        }
        let (why, took) = fails(&engine, id).await;
        for part in [
            stays.to_string().as_str(),
            "volume data",
            &other,
            "does not run",
            "tried 6 times",
            "drain it again",
        ] {
            assert!(why.contains(part), "{part}: {why}");
        }
        assert!(
            took > Duration::from_secs(900) && took < Duration::from_secs(1000),
            "{took:?}"
        );
        let (written, tries) = (store.applied() - before, 5);
        assert!(written < 2 * tries + 5, "{written} records for {tries} tries");
        assert_eq!(count(&engine, node), 1);
    }
}

/// A node that is away is nothing that passes by itself: it is tried a few times, too.
#[tokio::test(start_paused = true)]
async fn a_drain_of_a_pool_that_does_not_answer_ends() {
    let bed = prepared(true).await;
    let (node, saved) = (bed.node(1), bed.save());
    let Patient { engine, hosts, .. } = patient(&saved, ANSWER);
    engine.start();
    hosts.world(|world| {
        for host in world.hosts() {
            world.kill_node(&host);
        }
    });
    let id = engine.drain_node(node, false).await.unwrap();
    let (why, took) = fails(&engine, id).await;
    assert!(why.contains("tried 6 times"), "{why}");
    assert!(took < HOUR, "{took:?}");
}

/// A drain of n1 whose move of one brick needs attention: its volume, and what was killed to that end.
async fn stuck(bed: &Bed) -> (Patient, OperationId, &'static str, String) {
    for name in ["data", "more"] {
        assert!(bed.hosts.world(|world| world.write_files("n1", name, 1000)));
    }
    let others = ["data", "more"].map(|name| (name, brick(bed, name, bed.node(2)).1));
    let patient = patient(&bed.save(), ANSWER);
    let (engine, hosts) = (&patient.engine, &patient.hosts);
    engine.start();
    assert_eq!(count(engine, bed.node(1)), 2);
    let id = engine.drain_node(bed.node(1), false).await.unwrap();
    told(engine, id, "still to be healed").await;
    // Of the volume whose brick is on its way.
    let lacking = |name: &str| hosts.world(|world| world.to_be_healed("n1", name)) > Some(0);
    let (name, other) = others.into_iter().find(|(name, _)| lacking(name)).unwrap();
    assert!(hosts.world(|world| world.kill_brick("n2", &other)));
    (patient, id, name, other)
}

/// The move of which such a drain says that it needs attention.
fn other_open(engine: &Engine, id: OperationId) -> OperationId {
    let (open, _) = engine.operations(0);
    let mut others = open.iter().map(OperationState::id).filter(|open| *open != id);
    others.next().unwrap()
}

/// A move that needs attention keeps no other brick where it is; the drain ends when that move has.
#[tokio::test(start_paused = true)]
async fn a_drain_goes_on_beside_a_move_that_needs_attention() {
    let bed = two_volumes().await;
    let node = bed.node(1);
    let (Patient { engine, hosts, .. }, id, name, other) = stuck(&bed).await;
    told(&engine, id, "needs attention").await;
    while count(&engine, node) > 1 {
        told(&engine, id, "").await;
    }
    let said = told(&engine, id, "needs attention").await;
    assert!(said.contains(&other), "{said}");
    let start =
        mortar_argv::Command::new("gluster").args(["--mode=script", "volume", "start", name, "force"]);
    assert!(hosts.world(|world| world.run_one("n1", &start)).success());
    assert!(engine.retry(other_open(&engine, id)));
    ends_done(&engine, id).await;
    assert_eq!(count(&engine, node), 0);
}

/// Nobody comes: the drain ends all the same, names the move, and leaves it to whoever comes.
#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_ever_for_somebody() {
    let bed = two_volumes().await;
    let (Patient { engine, .. }, id, _, other) = stuck(&bed).await;
    told(&engine, id, "needs attention").await;
    let (why, took) = fails(&engine, id).await;
    let left = other_open(&engine, id);
    for part in [
        left.to_string().as_str(),
        &other,
        "needs attention",
        "mortar operation info",
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
    assert!(took >= 24 * HOUR && took < 25 * HOUR, "{took:?}");
    assert!(matches!(engine.operation(left), Some(OperationState::Open(_))));
}

/// Whatever a drain waits for: cancelled, it ends at once.
#[tokio::test(start_paused = true)]
async fn a_drain_that_waits_is_cancelled_at_once() {
    let bed = two_volumes().await;
    let (node, well) = (bed.node(1), bed.save());

    // For a move that needs attention.
    let (patient_one, id, ..) = stuck(&bed).await;
    while count(&patient_one.engine, node) > 1 {
        told(&patient_one.engine, id, "").await;
    }
    told(&patient_one.engine, id, "1 bricks left; operation").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    cancelled_at_once(&patient_one.engine, id).await;

    // For the next try.
    let (_, other) = brick(&bed, "data", bed.node(2));
    let Patient { engine, hosts, .. } = patient(&well, ANSWER);
    assert!(hosts.world(|world| world.kill_brick("n2", &other)));
    engine.start();
    let id = engine.drain_node(node, false).await.unwrap();
    told(&engine, id, "(3 of 6)").await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    cancelled_at_once(&engine, id).await;

    // For nodes that are asked whether the brick may move.
    let minute = Duration::from_secs(60);
    let engine = patient(&well, minute).engine;
    engine.start();
    let id = engine.drain_node(node, false).await.unwrap();
    tokio::time::sleep(minute / 2).await;
    cancelled_at_once(&engine, id).await;

    // For what is to be healed.
    to_heal(&bed, "data");
    let engine = patient(&bed.save(), ANSWER).engine;
    engine.start();
    let id = engine.drain_node(node, false).await.unwrap();
    told(&engine, id, "must be healed first").await;
    tokio::time::sleep(HOUR).await;
    cancelled_at_once(&engine, id).await;
}

/// Whoever cancels a move that a drain began does not want it again a moment later.
#[tokio::test(start_paused = true)]
async fn a_move_that_was_cancelled_is_not_tried_again() {
    let bed = prepared(true).await;
    let (node, saved) = (bed.node(1), bed.save());
    let engine = patient(&saved, ANSWER).engine;
    engine.start();
    let id = engine.drain_node(node, false).await.unwrap();
    told(&engine, id, "moves brick").await;
    assert!(engine.cancel(other_open(&engine, id)));
    let (why, took) = fails(&engine, id).await;
    assert!(why.contains("cancelled on request"), "{why}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// After a restart a drain goes on where it was: it waits again, or tries again from the first try on.
#[tokio::test(start_paused = true)]
async fn a_restart_while_a_drain_waits_loses_nothing() {
    let bed = two_volumes().await;
    to_heal(&bed, "data");
    let (_, other) = brick(&bed, "more", bed.node(2));
    assert!(bed.hosts.world(|world| world.kill_brick("n2", &other)));
    let (node, saved) = (bed.node(1), bed.save());
    let Patient { engine, hosts, store } = patient(&saved, ANSWER);
    engine.start();
    let id = engine.drain_node(node, false).await.unwrap();
    told(&engine, id, "1 more wait").await;
    tokio::time::sleep(Duration::from_secs(700)).await;
    let begun = Instant::now();
    engine.stop(HOUR).await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "a stop waits for no drain that waits"
    );
    drop(engine);
    store.crash();
    let engine = patient_on(&hosts, &store);
    engine.start();
    tokio::time::sleep(Duration::from_secs(700)).await;
    assert!(
        matches!(engine.operation(id), Some(OperationState::Open(_))),
        "{:?}",
        engine.operation(id)
    );
    let start =
        mortar_argv::Command::new("gluster").args(["--mode=script", "volume", "start", "more", "force"]);
    hosts.world(|world| {
        assert!(world.run_one("n1", &start).success());
        world.attend("n1", "data", true);
    });
    ends_done(&engine, id).await;
    assert_eq!(count(&engine, node), 0);
}
