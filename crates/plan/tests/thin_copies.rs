//! Snapshots of thin bricks: as many as their pools hold when they come to share nothing, and no brick leaves them behind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/made.rs"]
mod made;

use made::{apply, landscape, volume};
use mortar_model::{ByteSize, Durability, VolumeId};
use mortar_plan::{
    CreateSnapshot, Landscape, Limits, Plan, Refusal, Seed, SnapshotCreation, change_replicas,
    clone_snapshot, create_snapshot, delete_snapshot, evict_brick, restore_snapshot,
};

fn snapshot(landscape: &Landscape, volume: VolumeId, seed: u128) -> Result<Plan, Refusal> {
    let request = CreateSnapshot {
        volume,
        name: None,
        now_ms: 0,
    };
    match create_snapshot(landscape, &request, &mut Seed::new(seed))? {
        SnapshotCreation::New(plan) => Ok(plan),
        SnapshotCreation::Known(..) => panic!("it has no name"),
    }
}

fn used(landscape: &Landscape) -> Vec<ByteSize> {
    let devices = landscape.inventory().devices();
    devices.map(|device| landscape.used(device.id)).collect()
}

#[test]
fn a_pool_holds_as_many_snapshots_as_it_was_made_for() {
    for (factor, count) in [(1.0, 0), (1.9, 0), (2.0, 1), (2.5, 1), (3.0, 2)] {
        let mut landscape = landscape();
        let id = volume(&mut landscape, Durability::Replicate(3), factor, 1);
        let before = used(&landscape);
        for number in 0..count {
            let plan = snapshot(&landscape, id, 10 + number).unwrap();
            apply(&mut landscape, &plan);
        }
        let refused = snapshot(&landscape, id, 20);
        assert!(
            matches!(refused, Err(Refusal::NoReserve { .. })),
            "{factor}: {refused:?}"
        );
        // They take nothing of their devices, and what one held the next one has.
        assert_eq!(used(&landscape), before, "{factor}");
        let first = landscape
            .inventory()
            .snapshots_of(id)
            .next()
            .map(|found| found.id);
        if let Some(first) = first {
            restore_snapshot(&landscape, first, &mut Seed::new(30)).unwrap();
            let plan = delete_snapshot(&landscape, first).unwrap();
            apply(&mut landscape, &plan);
            let plan = snapshot(&landscape, id, 31).unwrap();
            apply(&mut landscape, &plan);
            assert_eq!(used(&landscape), before, "{factor}");
        }
    }
}

#[test]
fn no_brick_leaves_its_snapshots_behind() {
    let mut landscape = landscape();
    let id = volume(&mut landscape, Durability::Replicate(3), 2.0, 1);
    let plan = snapshot(&landscape, id, 10).unwrap();
    apply(&mut landscape, &plan);
    let brick = landscape.inventory().bricks_of(id).next().unwrap().id;
    let made = landscape.inventory().snapshots_of(id).next().unwrap().id;
    let evict = |landscape: &Landscape, dead| evict_brick(landscape, brick, dead, &mut Seed::new(11));
    for dead in [false, true] {
        let refused = evict(&landscape, dead);
        assert!(
            matches!(&refused, Err(Refusal::Needed(_, why)) if why.contains("snapshots")),
            "{refused:?}"
        );
    }
    let fewer =
        |landscape: &Landscape| change_replicas(landscape, id, Durability::Replicate(2), &mut Seed::new(12));
    assert!(matches!(fewer(&landscape), Err(Refusal::Copies(why)) if why.contains("snapshots")));
    let clone = mortar_plan::CloneVolume {
        name: None,
        options: None,
        now_ms: 0,
    };
    let refused = clone_snapshot(&landscape, &Limits::default(), made, &clone, &mut Seed::new(13));
    assert!(matches!(refused, Err(Refusal::WrongDevice { .. })), "{refused:?}");
    let plan = delete_snapshot(&landscape, made).unwrap();
    apply(&mut landscape, &plan);
    evict(&landscape, false).unwrap();
    fewer(&landscape).unwrap();
}
