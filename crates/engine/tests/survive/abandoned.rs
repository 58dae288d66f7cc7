//! Giving up on command: whatever waits is ended, what it left is named, and nothing is held for it any more.

use mortar_engine::{Ended, OperationState, Outcome};
use mortar_model::OperationId;
use mortar_simulator::{Effect, Fault, When};
use mortar_store::Kind;

use crate::cases::{ALL, Case};
use crate::runs;
use crate::support::bed::{self, Bed, Saved, Stop};

fn case(name: &str) -> &'static Case {
    ALL.iter().find(|case| case.name == name).unwrap()
}

/// Runs the case with n3 away or lost at a command, and gives what is open when everything is at rest.
async fn at_rest(bed: &Bed, case: &Case, lost_at: Option<u64>) -> Vec<OperationId> {
    bed.engine.start();
    match (case.lost, lost_at) {
        (Some(host), _) => {
            bed.hosts.world(|world| world.kill_node(host));
        }
        (None, Some(nth)) => bed.hosts.world(|world| {
            world.inject(Fault {
                when: When::Change(nth),
                effect: Effect::PowerCut,
            });
        }),
        (None, None) => {}
    }
    let id = (case.run)(bed).await.unwrap();
    bed.rest_or_death(id).await;
    for id in bed.open() {
        bed.rest_or_death(id).await;
    }
    bed.open()
}

async fn give_up(bed: &Bed, id: OperationId) -> Ended {
    match bed.engine.abandon(id).await {
        Some(OperationState::Ended(ended)) => ended,
        state => panic!("{state:?}"),
    }
}

/// Nothing is open, nothing is held, and the store says the same as memory.
fn assert_free(bed: &Bed, story: &str) {
    assert_eq!(bed.open(), Vec::new(), "{story}");
    bed.engine.view(|landscape| {
        let inventory = landscape.inventory();
        for device in inventory.devices() {
            assert_eq!(landscape.used(device.id), inventory.used(device.id), "{story}");
        }
    });
    let store: &dyn mortar_store::Store = bed.store();
    store
        .scan(Kind::Operation, None, &mut |key, _| {
            panic!("{story}: operation {key} is still recorded")
        })
        .unwrap();
}

#[test]
fn what_a_deletion_left_can_be_given_up() {
    let case = case("delete_without_a_node_on_disks");
    let saved = runs::prepared(case);
    bed::run(async {
        let bed = Bed::load(&saved, Stop::Never);
        let brick = bed.inventory(|inventory| {
            let on = |brick: &&mortar_model::Brick| {
                inventory
                    .node_of_brick(brick)
                    .is_some_and(|node| node.manage.as_str() == "n3")
            };
            inventory.bricks().find(on).unwrap().id
        });
        let open = at_rest(&bed, case, None).await;
        let [cleanup] = open.as_slice() else {
            panic!("{open:?}")
        };
        let Some(OperationState::Open(waiting)) = bed.engine.operation(*cleanup) else {
            panic!("it waits")
        };
        assert!(waiting.waits_for_nodes(), "{waiting:?}");
        // Its room is taken, its name is not free.
        bed.engine.view(|landscape| {
            let inventory = landscape.inventory();
            let taken = inventory
                .devices()
                .filter(|device| landscape.used(device.id) > inventory.used(device.id));
            assert_eq!(taken.count(), 1);
        });
        let ended = give_up(&bed, *cleanup).await;
        assert!(matches!(ended.outcome, Outcome::Done { .. }), "{ended:?}");
        assert_eq!(
            ended.warnings,
            [
                "given up: volume data in its trusted pool is left as it is".to_owned(),
                format!("given up: brick {brick} on n3 is left as it is"),
            ]
        );
        assert_free(&bed, "given up");
        assert!(bed.engine.abandon(*cleanup).await.is_none(), "it has ended");
    });
}

/// Wherever the node is lost: after giving up nothing is held, also after a restart.
fn everywhere(name: &str) {
    let case = case(name);
    let saved: Saved = runs::prepared(case);
    let mut given_up = 0;
    for nth in 1..=runs::measure(case, &saved).changes {
        let story = format!("{name}: node lost at change {nth}");
        let (world, store) = bed::run(async {
            let bed = Bed::load(&saved, Stop::Never);
            for id in at_rest(&bed, case, Some(nth)).await {
                let ended = give_up(&bed, id).await;
                assert!(!ended.warnings.is_empty(), "{story}: {ended:?}");
                given_up += 1;
            }
            assert_free(&bed, &story);
            bed.remains()
        });
        bed::run(async {
            let bed = Bed::reopen(world, store);
            bed.engine.start();
            assert_free(&bed, &story);
        });
    }
    assert!(given_up > 0, "{name}: nothing had to be given up");
}

#[test]
fn a_create_that_lost_a_node_can_be_given_up() {
    everywhere("create_on_disks");
}

#[test]
fn an_expansion_that_lost_a_node_can_be_given_up() {
    everywhere("expand_on_disks");
}

#[test]
fn a_deletion_that_lost_a_node_can_be_given_up() {
    everywhere("delete_on_directories");
}

#[test]
fn a_group_of_snapshots_that_lost_a_node_can_be_given_up() {
    everywhere("create_snapshot_group");
}
