//! More copies of each file, or fewer: always a whole volume of the wanted shape, on distinct nodes, with room for each brick.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use mortar_model::work::{Facts, Thing};
use mortar_model::{Brick, ByteSize, DeviceId, Durability, NodeId, OperationId, VolumeId, check};
use mortar_plan::{
    CreateVolume, Creation, Landscape, Limits, Plan, Refusal, Rule, Seed, TooFull, change_replicas,
    create_volume,
};
use proptest::prelude::*;

const NODES: u128 = 5;

/// Five nodes with a device of this size each.
fn landscape(total: ByteSize) -> Landscape {
    common::disks(NODES, |number| u32::try_from(number).unwrap(), total)
}

fn made(landscape: &mut Landscape, gib: u64, durability: Durability) -> Option<VolumeId> {
    let request = CreateVolume::new(ByteSize::from_gib(gib), durability);
    let seed = &mut Seed::new(landscape.inventory().volumes().count() as u128);
    let creation = create_volume(landscape, &Limits::default(), &request, seed);
    let Ok(Creation::New(plan)) = creation else {
        return None;
    };
    apply(landscape, &plan);
    plan.new_volume().map(|volume| volume.id)
}

fn apply(landscape: &mut Landscape, plan: &Plan) {
    for change in &plan.changes {
        landscape.apply(change, &Facts::None).unwrap();
    }
}

fn change(landscape: &Landscape, id: VolumeId, wanted: Durability, seed: u128) -> Result<Plan, Refusal> {
    change_replicas(landscape, id, wanted, &mut Seed::new(seed))
}

fn durability() -> impl Strategy<Value = Durability> {
    prop_oneof![
        Just(Durability::None),
        (1..6_u32).prop_map(Durability::Replicate),
        Just(Durability::Arbiter),
        Just(Durability::disperse(2, 1)),
    ]
}

proptest! {
    #[test]
    fn volumes_change_their_shape_whole_or_not_at_all(
        total in 6..60_u64,
        volumes in prop::collection::vec((1..12_u64, durability()), 1..6),
        asked in prop::collection::vec((any::<prop::sample::Index>(), durability()), 1..12),
    ) {
        let mut landscape = landscape(ByteSize::from_gib(total));
        let made: Vec<VolumeId> = volumes
            .iter()
            .filter_map(|(gib, durability)| made(&mut landscape, *gib, *durability))
            .collect();
        prop_assume!(!made.is_empty());
        for (number, (index, wanted)) in (100..).zip(asked) {
            let id = *index.get(&made);
            let before = landscape.inventory().volume(id).unwrap().clone();
            let Ok(plan) = change(&landscape, id, wanted, number) else {
                continue;
            };
            // What it needs is spoken for, and given back.
            let used: Vec<ByteSize> = landscape.inventory().devices().map(|device| landscape.used(device.id)).collect();
            landscape.hold(OperationId::from_u128(1), &plan);
            for device in landscape.inventory().devices() {
                prop_assert!(landscape.used(device.id) < device.total);
            }
            landscape.release(OperationId::from_u128(1));
            let now: Vec<ByteSize> = landscape.inventory().devices().map(|device| landscape.used(device.id)).collect();
            prop_assert_eq!(now, used);
            apply(&mut landscape, &plan);
            let inventory = landscape.inventory();
            let volume = inventory.volume(id).unwrap();
            prop_assert_eq!((volume.durability, volume.size), (wanted, before.size));
            prop_assert_eq!(check::check(inventory), Vec::new());
            let bricks: Vec<Brick> = inventory.bricks_of(id).cloned().collect();
            for set in bricks.chunk_by(|a, b| a.set == b.set) {
                let positions: Vec<u32> = set.iter().map(|brick| brick.position).collect();
                prop_assert_eq!(positions, (0..wanted.bricks_per_set()).collect::<Vec<_>>());
                let mut nodes: Vec<NodeId> =
                    set.iter().map(|brick| inventory.node_of_brick(brick).unwrap().id).collect();
                nodes.sort_unstable();
                nodes.dedup();
                prop_assert_eq!(nodes.len(), set.len());
                prop_assert!(wanted.usable(set.iter().map(|brick| (brick.position, brick.size)))
                    >= before.durability.usable(set.iter().take(1).map(|brick| (0, brick.size))));
            }
        }
    }
}

#[test]
fn what_has_no_way_is_refused_with_the_way_there_is() {
    let mut landscape = landscape(ByteSize::from_gib(100));
    let mut refusal = |from: Durability, to: Durability| {
        let id = made(&mut landscape, 2, from).unwrap();
        change(&landscape, id, to, 1).unwrap_err().to_string()
    };
    let (one, three) = (Durability::None, Durability::Replicate(3));
    for (from, to, words) in [
        (three, three, "has replicate 3 already"),
        (three, Durability::Replicate(1), "keeps at least two copies"),
        (one, Durability::Arbiter, "ask for 2 first"),
        (three, Durability::Arbiter, "ask for 2 first"),
        (Durability::Arbiter, three, "ask for 2 first"),
        (Durability::disperse(2, 1), three, "has pieces"),
        (three, Durability::disperse(2, 1), "has pieces"),
        (three, Durability::Replicate(6), "no place for a brick"),
    ] {
        let told = refusal(from, to);
        assert!(told.contains(words), "{from} to {to}: {told}");
    }
}

#[test]
fn a_device_that_is_nearly_full_takes_none_and_is_named() {
    let mut landscape = landscape(ByteSize::from_gib(100));
    let full = TooFull {
        part: "the metadata of a thin pool",
        percent: 97,
        limit: 90,
    };
    let devices = [3, 4, 5].map(DeviceId::from_u128);
    landscape.set_too_full(devices.map(|device| (device, Some(full))));
    let id = made(&mut landscape, 1, Durability::Replicate(2)).unwrap();
    let Err(Refusal::NoSpace(refused)) = change(&landscape, id, Durability::Replicate(3), 1) else {
        panic!("it takes one");
    };
    for device in refused
        .devices
        .iter()
        .filter(|refused| devices.contains(&refused.device))
    {
        assert_eq!(device.rule, Rule::TooFull(full));
    }
    assert!(
        refused
            .to_string()
            .contains("(make room there until it is less than 90 % full)")
    );
    landscape.set_too_full(devices.map(|device| (device, None)));
    let plan = change(&landscape, id, Durability::Replicate(3), 1).unwrap();
    assert!(
        plan.steps()
            .any(|(_, step)| matches!(step.thing, Thing::Copies(_)))
    );
}
