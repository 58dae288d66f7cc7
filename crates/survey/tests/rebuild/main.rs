//! Records made again from what nodes show: the same as before when the nodes show all, and honest when they do not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod damage;
#[path = "../shown/mod.rs"]
mod shown;
mod world;

use mortar_model::check;
use mortar_plan::Seed;
use mortar_survey::rebuild::{Heard, Rebuilt, rebuild};
use proptest::prelude::*;

use world::{Records, World, made};

pub(crate) fn rebuilt(heard: &Heard) -> Rebuilt {
    rebuild(heard, &mut Seed::new(99))
}

/// As many as are asked for, else enough to meet every kind of damage.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        // Many a random pool is of one node.
        max_global_rejects: 4 * cases(),
        ..ProptestConfig::default()
    })]

    /// What the nodes show is enough: the same records, and nothing to be told.
    #[test]
    fn whole_nodes_give_the_same_records(seed: u64, volumes in 0_usize..12) {
        let world = World::random(seed, volumes);
        let rebuilt = rebuilt(&world.heard());
        prop_assert_eq!((&rebuilt.gaps, &rebuilt.found, &rebuilt.contradictions), (&vec![], &vec![], &vec![]));
        prop_assert_eq!(Records::of(made(&rebuilt.changes).inventory()), Records::of(world.inventory()));
    }

    /// One node that does not answer is known by its neighbours, and told of.
    #[test]
    fn one_dead_node_of_a_pool_changes_no_record(seed: u64, volumes in 0_usize..12, which: proptest::sample::Index) {
        let world = World::random(seed, volumes);
        let mut heard = world.heard();
        let nodes: Vec<_> = world.inventory().nodes().cloned().collect();
        let node = which.get(&nodes);
        prop_assume!(world.inventory().nodes_of(node.cluster).count() > 1);
        *heard.hosts.get_mut(&node.manage).unwrap() = Err("connection refused".into());
        heard.pools.remove(&node.manage);
        let unreplicated = world.inventory().volumes().filter(|volume| volume.durability.bricks_per_set() == 1);
        let lost = unreplicated.filter(|volume| {
            world.inventory().bricks_of(volume.id).any(|brick| world.inventory().node_of_brick(brick).unwrap().id == node.id)
        }).count();
        let rebuilt = rebuilt(&heard);
        let about = format!("node {}", node.manage);
        prop_assert!(rebuilt.gaps.iter().any(|gap| gap.about == about && gap.unknown.contains("connection refused")));
        prop_assert!(lost > 0 || rebuilt.contradictions.is_empty(), "{:?}", rebuilt.contradictions);
        prop_assert_eq!(rebuilt.found.iter().filter(|found| found.about.starts_with("volume ")).count(), lost);
        let records = made(&rebuilt.changes);
        if lost == 0 && !mixed(&world, node.id) {
            prop_assert_eq!(Records::of(records.inventory()), Records::of(world.inventory()));
        }
        prop_assert_eq!(check::check(records.inventory()), vec![]);
    }

    /// Whatever the nodes show: no panic, sound records, nothing made up, nothing promised twice, and what is missing is
    /// named.
    #[test]
    fn damage_is_told_and_nothing_is_made_up(seed: u64, volumes in 0_usize..10, hits in 1_usize..6) {
        let mut world = World::random(seed, volumes);
        let mut heard = world.heard();
        let mut story = Vec::new();
        for _ in 0..hits {
            story.push(damage::hit(&mut world, &mut heard));
        }
        let first = rebuilt(&heard);
        prop_assert_eq!(&first, &rebuilt(&heard), "not the same twice: {:?}", story);
        let records = made(&first.changes);
        prop_assert_eq!(check::check(records.inventory()), vec![], "{:?}", story);
        damage::nothing_made_up(&world, &heard, records.inventory(), &story);
        damage::nothing_promised_twice(&heard, &records, &story);
        damage::missing_is_named(&world, &heard, records.inventory(), &first, &story);
    }
}

/// Whether a brick of the node may be of another size than its twins: on another kind of device.
fn mixed(world: &World, node: mortar_model::NodeId) -> bool {
    let inventory = world.inventory();
    let directory = |brick: &mortar_model::Brick| brick.space == mortar_model::BrickSpace::Image;
    let own = |brick: &&mortar_model::Brick| inventory.node_of_brick(brick).unwrap().id == node;
    // An arbiter's size follows from any other brick's, and nothing follows from an arbiter's.
    let arbiter = |brick: &mortar_model::Brick| {
        let volume = inventory.volume(brick.volume).unwrap();
        volume.durability.is_arbiter(brick.position)
    };
    inventory
        .bricks()
        .filter(own)
        .filter(|brick| !arbiter(brick))
        .any(|brick| {
            let mut twins = inventory
                .bricks_of(brick.volume)
                .filter(|twin| twin.set == brick.set && twin.id != brick.id && !arbiter(twin));
            !twins.any(|twin| directory(twin) == directory(brick))
        })
}
