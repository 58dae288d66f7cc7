//! A brick that moves: another one is made elsewhere, takes its place, is healed, and then the old one goes.

use mortar_model::work::{Goal, HealSpec, SeatSpec, Thing};
use mortar_model::{Brick, BrickId, Durability, Inventory, Volume};

use crate::create::{addresses, brick_steps, factor, pool_step};
use crate::landscape::Landscape;
use crate::placement::{Search, name_refusals};
use crate::plan::{Change, Plan, Stage, Subject};
use crate::refusal::{NoSpace, Refusal};
use crate::seed::Seed;
use crate::snapshot::copies_beside;
use crate::space::{BrickSize, brick_space, whole};
use crate::steering::Steering;

/// Plans how a brick is replaced by one on another device. With `dead`, its own node need not answer: what only that
/// brick holds is given up.
///
/// # Errors
/// The brick is unknown or has no copies, its volume is being changed, or no other device can take it.
pub fn evict_brick(landscape: &Landscape, id: BrickId, dead: bool, seed: &mut Seed) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let unknown = || Refusal::Unknown("brick", id.to_string());
    let old = inventory.brick(id).ok_or_else(unknown)?.clone();
    let volume = inventory.volume(old.volume).ok_or_else(unknown)?;
    if let Some(operation) = landscape.holder(Subject::Volume(volume.id)) {
        return Err(Refusal::Busy("volume", volume.id.to_string(), operation));
    }
    if volume.durability == Durability::None {
        return Err(Refusal::NoCopies {
            brick: id,
            name: volume.name.clone(),
        });
    }
    if volume.sets_guessed {
        return Err(Refusal::SetsGuessed {
            brick: id,
            name: volume.name.clone(),
        });
    }
    // They are in its pool, which would be counted no more.
    if copies_beside(inventory, &old).next().is_some() {
        let why = "snapshots of its volume are in its thin pool: delete them first ('mortar snapshot list')";
        return Err(Refusal::Needed(id, why.into()));
    }
    let others: Vec<Brick> = inventory
        .bricks_of(volume.id)
        .filter(|brick| brick.set == old.set && brick.id != id)
        .cloned()
        .collect();
    let new = place(landscape, volume, &old, &others, seed)?;
    Ok(Plan {
        stages: stages(inventory, volume, &old, &new, &others, dead),
        // From the replacement on the old brick is not written to any more.
        forward_from: Some(HEAL),
        changes: vec![Change::ReplaceBrick { old: id, new }],
    })
}

/// The new brick: as large as the old one, with its place.
fn place(
    landscape: &Landscape,
    volume: &Volume,
    old: &Brick,
    others: &[Brick],
    seed: &mut Seed,
) -> Result<Brick, Refusal> {
    let steering = Steering::of_volume(volume)?;
    let needs = steering.needs(volume.cluster, volume.durability);
    // An arbiter's size follows from that of the bricks beside it.
    let data = if volume.durability.is_arbiter(old.position) {
        others.iter().map(|brick| brick.size).max().unwrap_or(old.size)
    } else {
        old.size
    };
    let data = BrickSize {
        size: data,
        snapshot_factor: factor(volume.snapshots),
    };
    let size = needs.shape.brick(old.position, data);
    let beside = others.iter().map(|brick| brick.device);
    let found = Search::new(landscape, &needs, data).place_beside(old.position, beside, old.device, seed);
    let inventory = landscape.inventory();
    let device = found.map_err(|rules| {
        let (devices, more) = name_refusals(inventory, &rules);
        Refusal::NoSpace(Box::new(NoSpace {
            sets_tried: vec![1],
            brick: old.size,
            bricks_per_set: needs.shape.bricks_per_set(),
            stopped_by: "a brick that moves keeps its size",
            devices,
            more,
        }))
    })?;
    let device = inventory
        .device(device)
        .ok_or_else(|| Refusal::Unknown("device", device.to_string()))?;
    Ok(Brick {
        id: BrickId::from_u128(seed.next_u128()),
        device: device.id,
        size: whole(size.size, &device.kind),
        space: brick_space(size, &device.kind),
        names: None,
        pool: None,
        ..*old
    })
}

/// The stage from which on there is no way back.
const HEAL: usize = 2;

fn stages(
    inventory: &Inventory,
    volume: &Volume,
    old: &Brick,
    new: &Brick,
    others: &[Brick],
    dead: bool,
) -> Vec<Stage> {
    let others_at = addresses(inventory, others);
    let at = |brick: &Brick| addresses(inventory, std::slice::from_ref(brick)).pop();
    let (Some(old_at), Some(new_at)) = (at(old), at(new)) else {
        return Vec::new();
    };
    let heal = HealSpec {
        volume: volume.id,
        name: volume.name.clone(),
        bricks: others_at
            .iter()
            .cloned()
            .chain(std::iter::once(new_at.clone()))
            .collect(),
        pieces: matches!(volume.durability, Durability::Disperse(_)),
    };
    let seat = SeatSpec {
        volume: volume.id,
        name: volume.name.clone(),
        old: old_at,
        new: new_at,
        others: others_at,
        dead,
        alike: !matches!(volume.durability, Durability::Replicate(_)),
        pieces: heal.pieces,
    };
    // Members with the other bricks are asked first: the old one's node may be gone.
    let on_pool = |thing, goal| pool_step(inventory, volume.cluster, others, thing, goal);
    let stage = |title: &str, steps| Stage {
        title: title.into(),
        steps,
    };
    vec![
        stage(
            "make the new brick",
            brick_steps(inventory, volume, std::slice::from_ref(new), Goal::Present),
        ),
        stage(
            "give it the old one's place",
            vec![on_pool(Thing::Seat(seat), Goal::Absent)],
        ),
        stage("heal it", vec![on_pool(Thing::Heal(heal), Goal::Present)]),
        stage(
            "remove the old brick",
            brick_steps(inventory, volume, std::slice::from_ref(old), Goal::Absent),
        ),
    ]
}
