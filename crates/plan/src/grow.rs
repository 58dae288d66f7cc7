//! A larger volume by larger bricks, where they are and while they are in use.
//!
//! Neither a thin pool nor XFS becomes smaller again. So all bricks are looked at first, which changes nothing and can be
//! taken back; from then on the operation only goes forward. What is under each brick grows before any file system does:
//! where that fails, room is left over and nobody sees bricks of different sizes.

use std::collections::BTreeMap;

use mortar_model::work::{Goal, GrowthPart, GrowthSpec, OptionsSpec, Thing};
use mortar_model::{
    Brick, BrickSpace, ByteSize, DeviceId, DeviceKind, Durability, Inventory, Volume, VolumeId,
};

use crate::create::{addresses, brick_steps, factor, pool_step};
use crate::identity;
use crate::landscape::Landscape;
use crate::limits::Limits;
use crate::placement::{name_refusals, unusable};
use crate::plan::{Change, Plan, Stage, Step};
use crate::pools::{data_for, families, promised};
use crate::refusal::{NoRoom, Refusal, Rule};
use crate::space::{BrickSize, brick_space, growth_needs, metadata_of, whole};
use crate::steering::Steering;

/// The least by which a brick becomes larger: XFS leaves less than 256 KiB unused.
const LEAST: ByteSize = ByteSize::from_mib(1);

/// The stage from which on there is no way back.
const SPACE: usize = 1;

/// Plans `by` more for the volume without further bricks: each of its sets becomes larger by the same.
///
/// # Errors
/// A device cannot hold its brick any larger, or `by` is next to nothing.
pub(crate) fn grow_in_place(
    landscape: &Landscape,
    limits: &Limits,
    volume: &Volume,
    by: ByteSize,
) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let old: Vec<Brick> = inventory.bricks_of(volume.id).cloned().collect();
    let grown = grown(inventory, volume, &old, by)?;
    check_room(landscape, limits, &old, &grown)?;
    let others = others(landscape, volume.id, &grown)?;
    let stages = stages(inventory, volume, &old, &grown, by);
    let mut changes = vec![Change::GrowBricks {
        volume: volume.id,
        by,
        bricks: grown,
    }];
    changes.extend(others);
    Ok(Plan {
        stages,
        forward_from: Some(SPACE),
        changes,
    })
}

/// Those bricks that become larger, as they are to be. What rounding left over in the sets counts, so that many small
/// expansions come to the same as one large one.
fn grown(inventory: &Inventory, volume: &Volume, old: &[Brick], by: ByteSize) -> Result<Vec<Brick>, Refusal> {
    let steering = Steering::of_volume(volume)?;
    let shape = steering.needs(volume.cluster, volume.durability).shape;
    let sets = sets(old);
    let holds: ByteSize = sets.values().map(|set| usable(volume.durability, set)).sum();
    let (count, data) = (
        u64::try_from(sets.len()).unwrap_or(u64::MAX),
        u64::from(volume.durability.data_bricks()),
    );
    let smallest = LEAST.times(count.saturating_mul(data));
    if by < smallest {
        return Err(Refusal::TooSmall { size: by, smallest });
    }
    let missing = (volume.size + by).minus(holds);
    let share = missing
        .divide_up(count.saturating_mul(data))
        .round_up(ByteSize::from_kib(4));
    let mut grown = Vec::new();
    for set in sets.values() {
        let target = BrickSize {
            size: usable(volume.durability, set).divide_up(data) + share,
            snapshot_factor: factor(volume.snapshots),
        };
        for brick in set {
            let Some(device) = inventory.device(brick.device) else {
                continue;
            };
            let target = shape.brick(brick.position, target);
            let size = brick.size.max(whole(target.size, &device.kind));
            let space = larger(brick.space, brick_space(target, &device.kind));
            let larger = Brick {
                size,
                space: beside_others(inventory, brick, size, space, &device.kind),
                ..brick.clone()
            };
            if larger != *brick {
                grown.push(larger);
            }
        }
    }
    Ok(grown)
}

fn sets(bricks: &[Brick]) -> BTreeMap<u32, Vec<Brick>> {
    let mut sets: BTreeMap<u32, Vec<Brick>> = BTreeMap::new();
    for brick in bricks {
        sets.entry(brick.set).or_default().push(brick.clone());
    }
    sets
}

fn usable(durability: Durability, set: &[Brick]) -> ByteSize {
    durability.usable(set.iter().map(|brick| (brick.position, brick.size)))
}

/// Nothing becomes smaller, however it came to be as large as it is.
fn larger(now: BrickSpace, wanted: BrickSpace) -> BrickSpace {
    match (now, wanted) {
        (
            BrickSpace::ThinPool { pool, metadata },
            BrickSpace::ThinPool {
                pool: wanted,
                metadata: beside,
            },
        ) => BrickSpace::ThinPool {
            pool: pool.max(wanted),
            metadata: metadata.max(beside),
        },
        (now, _) => now,
    }
}

/// What the pool of a brick must have when that becomes as large: what else is in it keeps its room.
fn beside_others(
    inventory: &Inventory,
    brick: &Brick,
    size: ByteSize,
    wanted: BrickSpace,
    kind: &DeviceKind,
) -> BrickSpace {
    let BrickSpace::ThinPool { pool, metadata } = wanted else {
        return wanted;
    };
    let (data, beside) = inventory.pool_size(brick.device, &brick.place().thin_pool());
    let more = size.minus(brick.size);
    let data = data_for(data, promised(inventory, brick), more).round_up(kind.extent());
    let pool = pool.max(data);
    BrickSpace::ThinPool {
        pool,
        metadata: metadata.max(beside).max(metadata_of(data, kind.extent())),
    }
}

/// The records of other bricks in the pools of these, which become larger with them; and their volumes, held meanwhile.
fn others(landscape: &Landscape, volume: VolumeId, grown: &[Brick]) -> Result<Vec<Change>, Refusal> {
    let then = |other: &Brick| {
        let pool = other.place().thin_pool();
        let mut grown = grown.iter();
        let found = grown.find(|brick| brick.device == other.device && brick.place().thin_pool() == pool)?;
        Some(Brick {
            space: found.space,
            ..other.clone()
        })
    };
    let mut families = families(landscape, grown.iter())?;
    families.remove(&volume);
    let change = |(volume, bricks): (VolumeId, Vec<Brick>)| Change::GrowBricks {
        volume,
        by: ByteSize::ZERO,
        bricks: bricks.iter().filter_map(then).collect(),
    };
    Ok(families.into_iter().map(change).collect())
}

/// Whether each device holds what its bricks are to take, by the rules of placement.
fn check_room(landscape: &Landscape, limits: &Limits, old: &[Brick], grown: &[Brick]) -> Result<(), Refusal> {
    let mut needed: BTreeMap<DeviceId, ByteSize> = BTreeMap::new();
    let mut rules: BTreeMap<DeviceId, Rule> = BTreeMap::new();
    for brick in grown {
        let now = old.iter().find(|now| now.id == brick.id).unwrap_or(brick);
        *needed.entry(brick.device).or_default() += growth_needs(now, brick);
        if brick.size > limits.brick_max {
            let (size, most) = (brick.size, limits.brick_max);
            rules.insert(brick.device, Rule::TooLarge { size, most });
        }
    }
    for (id, needed) in needed {
        let Some(device) = landscape.inventory().device(id) else {
            continue;
        };
        let free = device.total.minus(landscape.used(id));
        let full = || (free <= needed).then_some(Rule::Full { needed, free });
        if let Some(rule) = unusable(landscape, device).or_else(full) {
            rules.entry(id).or_insert(rule);
        }
    }
    if rules.is_empty() {
        return Ok(());
    }
    let rules: Vec<(DeviceId, Rule)> = rules.into_iter().collect();
    let (devices, more) = name_refusals(landscape.inventory(), &rules);
    Err(Refusal::NoRoom(Box::new(NoRoom { devices, more })))
}

fn stages(
    inventory: &Inventory,
    volume: &Volume,
    old: &[Brick],
    grown: &[Brick],
    by: ByteSize,
) -> Vec<Stage> {
    let stage = |title: &str, steps| Stage {
        title: title.into(),
        steps,
    };
    let part = |part| growth_steps(inventory, volume, old, grown, part);
    let options = OptionsSpec {
        volume: volume.id,
        name: volume.name.clone(),
        bricks: addresses(inventory, old),
        options: identity::volume_options(volume, volume.size + by),
    };
    let options = pool_step(
        inventory,
        volume.cluster,
        old,
        Thing::VolumeOptions(options),
        Goal::Present,
    );
    vec![
        stage("see that its bricks can become larger", part(GrowthPart::Room)),
        stage("make what is under them larger", part(GrowthPart::Space)),
        stage("make their file systems larger", part(GrowthPart::FileSystem)),
        stage("write down the volume's size", vec![options]),
    ]
}

fn growth_steps(
    inventory: &Inventory,
    volume: &Volume,
    old: &[Brick],
    grown: &[Brick],
    part: GrowthPart,
) -> Vec<Step> {
    let mut steps = brick_steps(inventory, volume, grown, Goal::Present);
    for step in &mut steps {
        let Thing::Brick(brick) = &step.thing else {
            continue;
        };
        let before = old.iter().find(|now| now.id == brick.brick);
        step.thing = Thing::Growth(GrowthSpec {
            part,
            space_before: before.map_or(brick.space, |before| before.space),
            brick: brick.clone(),
        });
    }
    steps
}
