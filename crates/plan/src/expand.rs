//! A larger volume: its bricks become larger where they are; else more sets of the same kind, then files spread over them.

use mortar_model::work::{AddedBricksSpec, Goal, RebalanceSpec, Thing};
use mortar_model::{Brick, ByteSize, Volume, VolumeId};

use crate::create::{Demand, addresses, brick_steps, factor, make_bricks, place, pool_step, smallest};
use crate::grow::grow_in_place;
use crate::identity;
use crate::landscape::Landscape;
use crate::limits::Limits;
use crate::plan::{Change, Plan, Stage, Step};
use crate::refusal::Refusal;
use crate::request::Expansion;
use crate::seed::Seed;
use crate::steering::Steering;

/// Plans `by` more for the volume.
///
/// # Errors
/// The volume is unknown or being changed, its bricks cannot become larger, or more of them find no place.
pub fn expand_volume(
    landscape: &Landscape,
    limits: &Limits,
    id: VolumeId,
    by: ByteSize,
    way: Expansion,
    seed: &mut Seed,
) -> Result<Plan, Refusal> {
    let volume = landscape.unchanged_volume(id)?;
    if way == Expansion::AddBricks {
        return add_bricks(landscape, limits, volume, by, seed);
    }
    match grow_in_place(landscape, limits, volume, by) {
        // More bricks stay for good: a node that is away for a while is no reason for them.
        Err(Refusal::NoRoom(in_place)) if way == Expansion::Best && !in_place.only_away() => {
            let added = add_bricks(landscape, limits, volume, by, seed);
            added.map_err(|why| Refusal::NeitherWay(in_place, Box::new(why)))
        }
        planned => planned,
    }
}

/// `by` more, as further sets of bricks.
fn add_bricks(
    landscape: &Landscape,
    limits: &Limits,
    volume: &Volume,
    by: ByteSize,
    seed: &mut Seed,
) -> Result<Plan, Refusal> {
    let (inventory, id) = (landscape.inventory(), volume.id);
    let smallest = smallest(limits, volume.durability);
    if by < smallest {
        return Err(Refusal::TooSmall { size: by, smallest });
    }
    let steering = Steering::of_volume(volume)?;
    let needs = steering.needs(volume.cluster, volume.durability);
    let old: Vec<Brick> = inventory.bricks_of(id).cloned().collect();
    let bricks_already = u32::try_from(old.len()).unwrap_or(u32::MAX);
    let demand = Demand {
        size: by,
        factor: factor(volume.snapshots),
        bricks_already,
    };
    let (sets, size) = place(landscape, limits, &needs, &demand, seed)?;
    let first_set = old.last().map_or(0, |brick| brick.set + 1);
    let bricks = make_bricks(inventory, id, &sets, &needs.shape, size, first_set, seed);

    let added = AddedBricksSpec {
        volume: id,
        name: volume.name.clone(),
        replica: volume.durability.replica(),
        bricks: addresses(inventory, &bricks),
        options: identity::volume_options(volume, volume.size + by),
        options_back: identity::volume_options(volume, volume.size),
    };
    let rebalance = RebalanceSpec {
        volume: id,
        name: volume.name.clone(),
    };
    let on_pool = |thing| pool_step(inventory, volume.cluster, &old, thing, Goal::Present);
    let stages = vec![
        Stage {
            title: "make bricks".into(),
            steps: brick_steps(inventory, volume, &bricks, Goal::Present),
        },
        Stage {
            title: "add them to the volume".into(),
            steps: vec![on_pool(Thing::AddedBricks(added))],
        },
        Stage {
            title: "spread the files over them".into(),
            steps: vec![Step {
                needed: false,
                ..on_pool(Thing::Rebalance(rebalance))
            }],
        },
    ];
    // Bricks that the volume uses may hold data at once: from the last stage on there is no way back.
    Ok(Plan {
        stages,
        forward_from: Some(2),
        changes: vec![Change::GrowVolume {
            volume: id,
            by,
            bricks,
        }],
    })
}
