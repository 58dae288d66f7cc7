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
async fn told(bed: &Bed, id: OperationId, what: &str) -> String {
    loop {
        let Some(OperationState::Open(operation)) = bed.engine.wait(id, Duration::from_millis(1)).await
        else {
            panic!("{:?}", bed.engine.operation(id))
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
        told(&bed, id, "not healed from its root on").await;
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

/// The same nodes and records, with an engine that waits as it really does.
fn patient(saved: &Saved) -> Engine {
    patient_with(saved, Duration::ZERO)
}

/// The same with nodes that take so long for each answer.
fn patient_with(saved: &Saved, latency: Duration) -> Engine {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let store = MemoryStore::new();
    mortar_store::import(&store, &saved.store).unwrap();
    let parts = Parts {
        store: Arc::new(store),
        hosts: Arc::new(SimHosts::new(World::load(&saved.world).unwrap()).latency(latency)),
        clock: Arc::new(Waited(Instant::now())),
        entropy: Arc::new(bed::Chance::new(2)),
    };
    let config = Config {
        health_interval: DAY,
        recovery_interval: DAY,
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
    let engine = patient(&saved);
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
    let engine = patient_with(&saved, Duration::from_secs(60));
    let sight = engine.look_at_heal(volume).await.unwrap();
    assert!(!sight.in_the_dark(), "{sight:?}");
    let engine = patient_with(&saved, Duration::from_secs(3600));
    let sight = engine.look_at_heal(volume).await.unwrap();
    assert!(sight.in_the_dark(), "every wait has a limit: {sight:?}");
}
