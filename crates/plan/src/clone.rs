//! New volumes that begin with what another one holds: of a snapshot, or of a volume as it is.
//!
//! The new bricks are on the devices of those that they are made of, and need nothing of them any more: a thin pool that both are in
//! stays as long as one of them.

use mortar_model::work::{CopyPart, Goal, Thing};
use mortar_model::{
    Brick, BrickCopy, BrickId, BrickSpace, ByteSize, ClusterId, LvmName, Origin, Snapshot, SnapshotId,
    Volume, VolumeId, VolumeName, VolumeOption,
};

use crate::create::{own_option, plan_for};
use crate::identity;
use crate::landscape::Landscape;
use crate::limits::Limits;
use crate::plan::{Change, Plan, Stage, Subject};
use crate::pools::Pools;
use crate::refusal::Refusal;
use crate::repeat::{self, Creation, Difference, Known};
use crate::seed::Seed;
use crate::snapshot::{check_room, copy_stages, copy_steps, kept, snapshot_of, unused_snapshot};
use crate::steering::{Steering, zones_of};

/// A clone that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneVolume {
    /// Its name; `vol_<id>` when none is given.
    pub name: Option<VolumeName>,
    /// Its options, all of them; those of its origin when none are given.
    pub options: Option<Vec<VolumeOption>>,
    /// What time it is, in milliseconds since 1970.
    pub now_ms: u64,
}

/// Plans a volume that begins with what a snapshot holds; or finds it, when it was asked for by name before.
///
/// # Errors
/// The snapshot is unknown or being used, its devices have no room or take no bricks, or the name is another volume's.
pub fn clone_snapshot(
    landscape: &Landscape,
    limits: &Limits,
    id: SnapshotId,
    request: &CloneVolume,
    seed: &mut Seed,
) -> Result<Creation, Refusal> {
    let inventory = landscape.inventory();
    let snapshot = inventory.snapshot(id);
    let snapshot = snapshot.ok_or_else(|| Refusal::Unknown("snapshot", id.to_string()))?;
    let origin = Origin {
        volume: snapshot.volume.id,
        snapshot: Some(id),
    };
    if let Some(known) = known(landscape, snapshot.volume.cluster, request, origin)? {
        return Ok(Creation::Known(known));
    }
    unused_snapshot(landscape, id)?;
    if snapshot.volume.block {
        return Err(Refusal::CloneOfHosting(snapshot.volume.id));
    }
    let pools = Pools::for_copies(landscape, snapshot.bricks.iter())?;
    let (volume, bricks) = cloned(landscape, limits, snapshot, request, origin, &pools, seed)?;
    let mut plan = plan_for(inventory, volume, &bricks);
    made_of(&mut plan, snapshot);
    if let Some(stage) = pools.stage(inventory) {
        plan.stages.insert(0, stage);
    }
    plan.changes.push(Change::Keep(Subject::Snapshot(id)));
    plan.changes.extend(pools.changes(inventory));
    Ok(Creation::New(plan))
}

/// Plans a volume that begins with what another one holds now; or finds it, when it was asked for by name before. The copies
/// in between are removed at the end.
///
/// # Errors
/// The volume is unknown or being changed, its devices have no room or take no bricks, or the name is another volume's.
pub fn clone_volume(
    landscape: &Landscape,
    limits: &Limits,
    id: VolumeId,
    request: &CloneVolume,
    seed: &mut Seed,
) -> Result<Creation, Refusal> {
    let inventory = landscape.inventory();
    let volume = inventory.volume(id);
    let volume = volume.ok_or_else(|| Refusal::Unknown("volume", id.to_string()))?;
    let origin = Origin {
        volume: id,
        snapshot: None,
    };
    if let Some(known) = known(landscape, volume.cluster, request, origin)? {
        return Ok(Creation::Known(known));
    }
    landscape.unchanged_volume(id)?;
    if volume.block {
        return Err(Refusal::CloneOfHosting(id));
    }
    let between = SnapshotId::from_u128(seed.next_u128());
    let name = VolumeName::new(format!("clone_{between}")).expect("clone_ and hex digits are a name");
    let snapshot = snapshot_of(inventory, volume, between, name, request.now_ms, seed);
    let pools = Pools::for_copies(landscape, snapshot.bricks.iter())?;
    let (clone, bricks) = cloned(landscape, limits, &snapshot, request, origin, &pools, seed)?;
    let mut made = plan_for(inventory, clone, &bricks);
    made_of(&mut made, &snapshot);
    let mut stages = copy_stages(inventory, &snapshot, &pools);
    stages.append(&mut made.stages);
    let forward_from = Some(stages.len());
    stages.push(Stage {
        title: "remove the copies".into(),
        steps: copy_steps(inventory, &snapshot, CopyPart::Whole, Goal::Absent),
    });
    let mut changes = made.changes;
    changes.extend(kept(inventory, std::slice::from_ref(&snapshot), &pools));
    Ok(Creation::New(Plan {
        stages,
        forward_from,
        changes,
    }))
}

/// The volume that the request asks for, if it was asked for by name before.
fn known(
    landscape: &Landscape,
    cluster: ClusterId,
    request: &CloneVolume,
    origin: Origin,
) -> Result<Option<Known>, Refusal> {
    let Some(name) = &request.name else {
        return Ok(None);
    };
    let made = landscape
        .inventory()
        .volume_by_name(cluster, name)
        .map(|made| (None, made));
    let coming = || {
        let (operation, volume) = landscape.volume_to_come(cluster, name)?;
        Some((Some(operation), volume))
    };
    let Some((operation, volume)) = made.or_else(coming) else {
        let leaving = landscape.name_leaving(cluster, name);
        return leaving.map_or(Ok(None), |operation| {
            Err(Refusal::NameLeaving(name.clone(), operation))
        });
    };
    if let Some(remover) = landscape.remover(volume.id) {
        return Err(Refusal::NameLeaving(name.clone(), remover));
    }
    if volume.origin != Some(origin) {
        let word = |origin: Option<Origin>| match origin {
            None => "none".to_owned(),
            Some(Origin {
                snapshot: Some(snapshot),
                ..
            }) => format!("snapshot {snapshot}"),
            Some(Origin { volume, .. }) => format!("volume {volume}"),
        };
        return Err(Refusal::NameTaken {
            name: name.clone(),
            cluster,
            differences: vec![Difference {
                what: "origin".into(),
                asked: word(Some(origin)),
                has: word(volume.origin),
            }],
        });
    }
    let asked = request.options.iter();
    let differences: Vec<Difference> = asked
        .flat_map(|asked| repeat::option_differences(asked, &volume.options))
        .collect();
    if !differences.is_empty() {
        return Err(Refusal::NameTaken {
            name: name.clone(),
            cluster,
            differences,
        });
    }
    Ok(Some(Known {
        volume: volume.id,
        cluster,
        operation,
    }))
}

/// The new volume and its bricks, as large as those of the snapshot and on their devices; in their thin pools, where those have some.
fn cloned(
    landscape: &Landscape,
    limits: &Limits,
    snapshot: &Snapshot,
    request: &CloneVolume,
    origin: Origin,
    pools: &Pools,
    seed: &mut Seed,
) -> Result<(Volume, Vec<Brick>), Refusal> {
    let inventory = landscape.inventory();
    let cluster = snapshot.volume.cluster;
    let has = inventory.volume_count(cluster);
    if let Some(limit) = limits.volumes_per_cluster.filter(|limit| has >= *limit) {
        return Err(Refusal::TooManyVolumes { has, limit });
    }
    let id = VolumeId::from_u128(seed.next_u128());
    let name = match &request.name {
        Some(name) => name.clone(),
        None => VolumeName::new(format!("vol_{id}")).expect("vol_ and hex digits are a volume name"),
    };
    let brick = |copy: &BrickCopy| Brick {
        id: BrickId::from_u128(seed.next_u128()),
        volume: id,
        space: pools.space(&copy.brick),
        names: None,
        pool: pool_of(&copy.brick),
        ..copy.brick.clone()
    };
    let bricks: Vec<Brick> = snapshot.bricks.iter().map(brick).collect();
    let alone = bricks.iter().filter(|brick| brick.pool.is_none());
    let alone = alone.map(|brick| (brick.device, brick.footprint()));
    // Where its pool has the room already, the device must take bricks all the same.
    let inside = bricks.iter().map(|brick| (brick.device, ByteSize::ZERO));
    let wanted: Vec<_> = alone.chain(inside).chain(pools.needs(inventory)).collect();
    check_room(
        landscape,
        &format!("clone of volume {}", snapshot.volume.name),
        &wanted,
        |_, _| true,
    )?;
    let mut volume = Volume {
        id,
        name,
        origin: Some(origin),
        by_user: false,
        ..snapshot.volume.clone()
    };
    if let Some(options) = &request.options {
        with_options(&mut volume, options, limits)?;
    }
    Ok((volume, bricks))
}

/// The thin pool of a brick, which is to be that of its clone; none where it has none, or where its device has one for all.
fn pool_of(brick: &Brick) -> Option<Box<LvmName>> {
    let BrickSpace::ThinPool { .. } = brick.space else {
        return None;
    };
    let name = LvmName::new(brick.place().thin_pool());
    Some(Box::new(name.expect("what a brick's pool is called is a name")))
}

/// Gives a clone options of its own in place of its origin's.
fn with_options(volume: &mut Volume, options: &[VolumeOption], limits: &Limits) -> Result<(), Refusal> {
    if let Some(own) = options.iter().find(|option| own_option(option.key())) {
        return Err(Refusal::BadOption(identity::own_text(own.key())));
    }
    volume.options = options.to_vec();
    volume.zone_checking = limits.zone_checking;
    for option in options {
        volume.zone_checking = zones_of(option)?.unwrap_or(volume.zone_checking);
    }
    // Whether rules and sizes can be read.
    Steering::of_volume(volume)?;
    Ok(())
}

/// Says of which copy each new brick is made.
fn made_of(plan: &mut Plan, snapshot: &Snapshot) {
    let at = |set, position| {
        let mut copies = snapshot.bricks.iter();
        copies.find(|copy| (copy.brick.set, copy.brick.position) == (set, position))
    };
    let places: Vec<(BrickId, Option<BrickId>)> = plan
        .new_bricks()
        .map(|brick| (brick.id, at(brick.set, brick.position).map(|copy| copy.id)))
        .collect();
    for step in plan.stages.iter_mut().flat_map(|stage| &mut stage.steps) {
        if let Thing::Brick(spec) = &mut step.thing {
            spec.from = places
                .iter()
                .find(|(id, _)| *id == spec.brick)
                .and_then(|(_, copy)| *copy);
        }
    }
}
