//! More copies of each file of a volume, or fewer, while it is in use.
//!
//! More: bricks are made, come into their sets behind those that are there, and are healed from them. Fewer: the last bricks of
//! each set leave it, once they hold nothing that the others lack. Between three copies and an arbiter the way leads over two.

use std::collections::BTreeMap;

use mortar_model::work::{CopiesSpec, Goal, HealSpec, OptionsSpec, Thing};
use mortar_model::{Brick, BrickId, ByteSize, DeviceId, Durability, Inventory, Volume, VolumeId};

use crate::create::{addresses, brick_steps, factor, pool_step};
use crate::identity;
use crate::landscape::Landscape;
use crate::placement::{Search, name_refusals};
use crate::plan::{Change, Plan, Stage, Step};
use crate::refusal::{NoSpace, Refusal};
use crate::seed::Seed;
use crate::snapshot::copies_beside;
use crate::space::{BrickSize, brick_space, whole};
use crate::steering::Steering;

/// The stage from which on there is no way back, of more copies: bricks that clients write to are in the volume.
const HEAL: usize = 2;
/// The same of fewer copies: bricks that left were not written to any more.
const FORGET: usize = 1;

/// Plans how a volume comes to have its files in the shape `wanted`, a number of copies or two with an arbiter.
///
/// # Errors
/// The volume is unknown or being changed, has no way to that shape, or new bricks find no place.
pub fn change_replicas(
    landscape: &Landscape,
    id: VolumeId,
    wanted: Durability,
    seed: &mut Seed,
) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let volume = landscape.unchanged_volume(id)?;
    wanted.check()?;
    check_way(volume, wanted)?;
    let after = Volume {
        durability: wanted,
        ..volume.clone()
    };
    if wanted.replica() > volume.durability.replica() {
        more(landscape, volume, after, seed)
    } else {
        check_copies(inventory, volume, &after)?;
        Ok(fewer(inventory, volume, after))
    }
}

/// Whether no brick goes in whose thin pool parts of snapshots are: the pool would be counted no more.
fn check_copies(inventory: &Inventory, volume: &Volume, after: &Volume) -> Result<(), Refusal> {
    let mut leave = inventory
        .bricks_of(volume.id)
        .filter(|brick| brick.position >= after.durability.replica());
    if leave.any(|brick| copies_beside(inventory, brick).next().is_some()) {
        return Err(Refusal::Copies(format!(
            "volume {} has snapshots in the thin pools of bricks that would go: delete them first ('mortar snapshot list')",
            volume.name
        )));
    }
    Ok(())
}

fn check_way(volume: &Volume, wanted: Durability) -> Result<(), Refusal> {
    let refuse = |text: String| Err(Refusal::Copies(format!("volume {} {text}", volume.name)));
    let (has, wants) = (volume.durability.replica(), wanted.replica());
    match (volume.durability, wanted) {
        (Durability::Disperse(_), _) | (_, Durability::Disperse(_)) => {
            refuse("has pieces of files, or would have: their number is chosen when a volume is made".into())
        }
        (now, wanted) if now == wanted => refuse(format!("has {now} already")),
        _ if wants < 2 => refuse(format!(
            "keeps at least two copies once it has them (asked for {wants}): copy what is in it to a volume without copies"
        )),
        (Durability::None | Durability::Replicate(1), Durability::Arbiter) => {
            refuse("has one copy, and an arbiter stands beside two: ask for 2 first".into())
        }
        (Durability::Replicate(3..), Durability::Arbiter)
        | (Durability::Arbiter, Durability::Replicate(3..)) => refuse(format!(
            "has {}, and there is no way from there to {wanted} but over two copies: ask for 2 first",
            volume.durability
        )),
        _ if has == wants => refuse(format!("has {} already", volume.durability)),
        _ => Ok(()),
    }
}

fn sets(inventory: &Inventory, volume: &Volume) -> BTreeMap<u32, Vec<Brick>> {
    let mut sets: BTreeMap<u32, Vec<Brick>> = BTreeMap::new();
    for brick in inventory.bricks_of(volume.id) {
        sets.entry(brick.set).or_default().push(brick.clone());
    }
    sets
}

fn more(landscape: &Landscape, volume: &Volume, after: Volume, seed: &mut Seed) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let sets = sets(inventory, volume);
    let added = place(landscape, volume, &after, &sets, seed)?;
    let old: Vec<Brick> = sets.values().flatten().cloned().collect();
    let heals = sets.iter().map(|(set, bricks)| {
        let new = added.iter().filter(|brick| brick.set == *set);
        let all: Vec<Brick> = bricks.iter().chain(new).cloned().collect();
        let spec = HealSpec {
            volume: volume.id,
            name: volume.name.clone(),
            bricks: addresses(inventory, &all),
            // Volumes of pieces have as many as they were made with.
            pieces: false,
        };
        pool_step(inventory, volume.cluster, &old, Thing::Heal(spec), Goal::Present)
    });
    let copies = copies(inventory, volume, &after, &added, &old, Goal::Present);
    let stages = vec![
        stage(
            "make bricks",
            brick_steps(inventory, &after, &added, Goal::Present),
        ),
        stage("put them into the volume's sets", vec![copies]),
        stage("heal them", heals.collect()),
        stage(
            "write down how many copies it has",
            vec![told(inventory, &after, &old)],
        ),
    ];
    Ok(Plan {
        stages,
        forward_from: Some(HEAL),
        changes: vec![Change::Copies {
            volume: after,
            added,
            removed: Vec::new(),
        }],
    })
}

/// The new bricks, set by set: as large as those that are there.
fn place(
    landscape: &Landscape,
    volume: &Volume,
    after: &Volume,
    sets: &BTreeMap<u32, Vec<Brick>>,
    seed: &mut Seed,
) -> Result<Vec<Brick>, Refusal> {
    let steering = Steering::of_volume(volume)?;
    let needs = steering.needs(volume.cluster, after.durability);
    let none = BrickSize {
        size: ByteSize::ZERO,
        snapshot_factor: factor(volume.snapshots),
    };
    let mut search = Search::new(landscape, &needs, none);
    let mut added = Vec::new();
    for (set, bricks) in sets {
        let data = BrickSize {
            size: bricks.iter().map(|brick| brick.size).max().unwrap_or_default(),
            ..none
        };
        let mut devices: Vec<DeviceId> = bricks.iter().map(|brick| brick.device).collect();
        for position in volume.durability.replica()..after.durability.replica() {
            let size = needs.shape.brick(position, data);
            let found = search.add_beside(position, &devices, data, seed);
            let id = found.map_err(|rules| {
                let (devices, more) = name_refusals(landscape.inventory(), &rules);
                Refusal::NoSpace(Box::new(NoSpace {
                    sets_tried: vec![u32::try_from(sets.len()).unwrap_or(u32::MAX)],
                    brick: size.size,
                    bricks_per_set: needs.shape.bricks_per_set(),
                    stopped_by: "a further copy is as large as the others",
                    devices,
                    more,
                }))
            })?;
            let device = landscape.inventory().device(id);
            let device = device.ok_or_else(|| Refusal::Unknown("device", id.to_string()))?;
            devices.push(id);
            added.push(Brick {
                id: BrickId::from_u128(seed.next_u128()),
                volume: volume.id,
                device: id,
                size: whole(size.size, &device.kind),
                space: brick_space(size, &device.kind),
                set: *set,
                position,
                names: None,
                pool: None,
            });
        }
    }
    Ok(added)
}

fn fewer(inventory: &Inventory, volume: &Volume, after: Volume) -> Plan {
    let sets = sets(inventory, volume);
    let (stay, leave): (Vec<Brick>, Vec<Brick>) = sets
        .into_values()
        .flatten()
        .partition(|brick| brick.position < after.durability.replica());
    let copies = copies(inventory, &after, volume, &leave, &stay, Goal::Absent);
    let stages = vec![
        stage("take bricks out of the volume's sets", vec![copies]),
        stage(
            "write down how many copies it has",
            vec![told(inventory, &after, &stay)],
        ),
        stage(
            "remove those bricks",
            brick_steps(inventory, volume, &leave, Goal::Absent),
        ),
    ];
    Plan {
        stages,
        forward_from: Some(FORGET),
        changes: vec![Change::Copies {
            volume: after,
            added: Vec::new(),
            removed: leave.iter().map(|brick| brick.id).collect(),
        }],
    }
}

/// The step between the volume with fewer copies and the one with more.
fn copies(
    inventory: &Inventory,
    few: &Volume,
    many: &Volume,
    bricks: &[Brick],
    others: &[Brick],
    goal: Goal,
) -> Step {
    let spec = CopiesSpec {
        volume: many.id,
        name: many.name.clone(),
        few: few.durability.replica(),
        many: many.durability.replica(),
        arbiter: many.durability == Durability::Arbiter,
        bricks: addresses(inventory, bricks),
        others: addresses(inventory, others),
    };
    pool_step(inventory, many.cluster, others, Thing::Copies(spec), goal)
}

/// The volume's identity says its new shape.
fn told(inventory: &Inventory, after: &Volume, bricks: &[Brick]) -> Step {
    let spec = OptionsSpec {
        volume: after.id,
        name: after.name.clone(),
        bricks: addresses(inventory, bricks),
        options: identity::volume_options(after, after.size),
    };
    pool_step(
        inventory,
        after.cluster,
        bricks,
        Thing::VolumeOptions(spec),
        Goal::Present,
    )
}

fn stage(title: &str, steps: Vec<Step>) -> Stage {
    Stage {
        title: title.into(),
        steps,
    }
}
