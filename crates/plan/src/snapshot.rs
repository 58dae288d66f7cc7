//! Snapshots: copies of all bricks of a volume that show the same moment, each on its brick's device.
//!
//! All bricks are frozen before the first is copied, and each must still be frozen when all copies are made: else nothing
//! is certain, and the copies are removed again.

use std::collections::BTreeMap;

use mortar_model::work::{CopyPart, CopySpec, Goal, GrowthPart, StartedSpec, Thing};
use mortar_model::{
    Brick, BrickCopy, BrickId, BrickSpace, ByteSize, Device, DeviceId, Durability, Inventory, OperationId,
    Snapshot, SnapshotId, Volume, VolumeId, VolumeName,
};

use crate::create::{addresses, brick_steps, pool_step};
use crate::group::GroupRefusal;
use crate::identity;
use crate::landscape::Landscape;
use crate::placement::{name_refusals, rules_against};
use crate::plan::{Change, Plan, Stage, Step, Subject};
use crate::pools::{Pools, promised};
use crate::refusal::{NoCopies, Refusal, Rule};
use crate::seed::Seed;

/// A snapshot that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateSnapshot {
    /// The volume.
    pub volume: VolumeId,
    /// The snapshot's name; `snap_<id>` when none is given.
    pub name: Option<VolumeName>,
    /// What time it is, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What becomes of a request for a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub enum SnapshotCreation {
    /// It is new, and this makes it.
    New(Plan),
    /// It was asked for before: it is there, or this operation is just making it.
    Known(SnapshotId, Option<OperationId>),
}

/// Plans a snapshot of a volume; or finds it, when it was asked for by name before.
///
/// # Errors
/// The volume is unknown or being changed, its devices make no copies or have no room for them, or the name is another
/// snapshot's.
pub fn create_snapshot(
    landscape: &Landscape,
    request: &CreateSnapshot,
    seed: &mut Seed,
) -> Result<SnapshotCreation, Refusal> {
    let inventory = landscape.inventory();
    if let Some((known, operation)) = known(landscape, request)? {
        return Ok(SnapshotCreation::Known(known, operation));
    }
    let volume = landscape.unchanged_volume(request.volume)?;
    let id = SnapshotId::from_u128(seed.next_u128());
    let name = match &request.name {
        Some(name) => name.clone(),
        None => VolumeName::new(format!("snap_{id}")).expect("snap_ and hex digits are a name"),
    };
    let snapshot = snapshot_of(inventory, volume, id, name, request.now_ms, seed);
    let pools = Pools::for_copies(landscape, snapshot.bricks.iter())?;
    let what = format!("snapshot of volume {}", volume.name);
    check_copies(landscape, &what, std::slice::from_ref(&snapshot), &pools)?;
    let stages = copy_stages(inventory, &snapshot, &pools);
    let kept = kept(inventory, std::slice::from_ref(&snapshot), &pools);
    let mut changes = vec![Change::AddSnapshot(snapshot)];
    changes.extend(kept);
    Ok(SnapshotCreation::New(Plan {
        stages,
        forward_from: None,
        changes,
    }))
}

/// The volumes whose bricks are copied, and those that are in the same thin pools: all are held meanwhile.
pub(crate) fn kept(inventory: &Inventory, snapshots: &[Snapshot], pools: &Pools) -> Vec<Change> {
    let mut changes = pools.changes(inventory);
    for snapshot in snapshots {
        let subject = Subject::Volume(snapshot.volume.id);
        if changes.iter().all(|change| change.subject() != subject) {
            changes.push(Change::Keep(subject));
        }
    }
    changes
}

/// Whether the devices have room for copies of all bricks, side by side, and for what their pools must have more for them.
pub(crate) fn check_copies(
    landscape: &Landscape,
    what: &str,
    snapshots: &[Snapshot],
    pools: &Pools,
) -> Result<(), Refusal> {
    let copies = snapshots.iter().flat_map(|snapshot| &snapshot.bricks);
    let copies = copies.map(|copy| (copy.brick.device, copy.footprint()));
    let wanted: Vec<(DeviceId, ByteSize)> = copies.chain(pools.needs(landscape.inventory())).collect();
    check_room(landscape, what, &wanted, forbids_copies)
}

/// The snapshot that the request asks for, if it was asked for by name before.
fn known(
    landscape: &Landscape,
    request: &CreateSnapshot,
) -> Result<Option<(SnapshotId, Option<OperationId>)>, Refusal> {
    let Some(name) = &request.name else {
        return Ok(None);
    };
    let made = landscape
        .inventory()
        .snapshot_by_name(name)
        .map(|made| (None, made));
    let coming = || {
        let (operation, snapshot) = landscape.snapshot_to_come(name)?;
        Some((Some(operation), snapshot))
    };
    let Some((operation, snapshot)) = made.or_else(coming) else {
        return Ok(None);
    };
    if let Some(remover) = landscape.snapshot_remover(snapshot.id) {
        return Err(Refusal::SnapshotLeaving(name.clone(), remover));
    }
    if snapshot.volume.id != request.volume {
        return Err(Refusal::SnapshotTaken {
            name: name.clone(),
            snapshot: snapshot.id,
            volume: snapshot.volume.name.clone(),
        });
    }
    Ok(Some((snapshot.id, operation)))
}

/// Plans the end of a snapshot.
///
/// # Errors
/// It is unknown or being used, or one of a group.
pub fn delete_snapshot(landscape: &Landscape, id: SnapshotId) -> Result<Plan, Refusal> {
    let snapshot = unused_snapshot(landscape, id)?;
    if let Some(group) = &snapshot.group {
        return Err(GroupRefusal::Member(snapshot.name.clone(), group.name.clone()).into());
    }
    Ok(Plan {
        stages: vec![Stage {
            title: "remove its copies".into(),
            steps: copy_steps(landscape.inventory(), snapshot, CopyPart::Whole, Goal::Absent),
        }],
        // A copy that is removed is not there any more.
        forward_from: Some(0),
        changes: vec![Change::RemoveSnapshot(id)],
    })
}

/// Plans how a volume is brought back to what its snapshot holds. What was written since is lost; whoever has the volume
/// mounted is cut off meanwhile.
///
/// # Errors
/// The snapshot is unknown or being used, or its volume is being changed or has other bricks by now.
pub fn restore_snapshot(landscape: &Landscape, id: SnapshotId, seed: &mut Seed) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let snapshot = unused_snapshot(landscape, id)?;
    let volume = landscape.unchanged_volume(snapshot.volume.id)?;
    // What initiators have in use would change under them, and which block volumes there are.
    if inventory.blocks_on(volume.id).next().is_some() {
        return Err(Refusal::InUse("volume", volume.id.to_string(), "block volumes"));
    }
    if let Some(operation) = landscape.blocks_come(volume.id) {
        return Err(Refusal::Busy("volume", volume.id.to_string(), operation));
    }
    let bricks: Vec<Brick> = inventory.bricks_of(volume.id).cloned().collect();
    if let Some(what) = changed(&bricks, snapshot) {
        return Err(Refusal::Changed {
            name: volume.name.clone(),
            snapshot: snapshot.name.clone(),
            what,
        });
    }
    let what = format!("way back to snapshot {}", snapshot.name);
    let nothing: Vec<(DeviceId, ByteSize)> = bricks
        .iter()
        .map(|brick| (brick.device, ByteSize::ZERO))
        .collect();
    check_room(landscape, &what, &nothing, |_, rule| {
        matches!(rule, Rule::NodeUnhealthy)
    })?;
    let started = StartedSpec {
        volume: volume.id,
        name: volume.name.clone(),
        bricks: addresses(inventory, &bricks),
        stopped: true,
    };
    let on_pool = |thing| pool_step(inventory, volume.cluster, &bricks, thing, Goal::Present);
    let mut back = copy_steps(inventory, snapshot, CopyPart::Back, Goal::Present);
    let time = format!("{:032x}\n", seed.next_u128());
    for step in &mut back {
        if let Thing::Copy(spec) = &mut step.thing {
            spec.text.clone_from(&time);
        }
    }
    let mut room = copy_steps(inventory, snapshot, CopyPart::Room, Goal::Present);
    for step in &mut room {
        if let Thing::Copy(spec) = &mut step.thing {
            // What bricks have missed since is gone with the rest of what they hold.
            spec.names_missed = false;
        }
    }
    let stage = |title: &str, steps| Stage {
        title: title.into(),
        steps,
    };
    Ok(Plan {
        stages: vec![
            stage("see that its bricks can be brought back", room),
            stage("stop the volume", vec![on_pool(Thing::Stopped(started.clone()))]),
            stage("bring its bricks back", back),
            stage("start the volume", vec![on_pool(Thing::Started(started))]),
        ],
        // What a brick held is gone with the first that is brought back.
        forward_from: Some(2),
        changes: vec![
            Change::Keep(Subject::Volume(volume.id)),
            Change::Keep(Subject::Snapshot(id)),
        ],
    })
}

/// In what the volume's bricks are not those that the snapshot was made of.
fn changed(bricks: &[Brick], snapshot: &Snapshot) -> Option<&'static str> {
    let then: Vec<&Brick> = snapshot.bricks.iter().map(|copy| &copy.brick).collect();
    if bricks.len() != then.len() {
        return Some("became more");
    }
    let same =
        |by: fn(&Brick) -> (BrickId, ByteSize)| bricks.iter().map(by).eq(then.iter().map(|brick| by(brick)));
    if !same(|brick| (brick.id, ByteSize::ZERO)) {
        return Some("moved to other devices");
    }
    (!same(|brick| (brick.id, brick.size))).then_some("became larger")
}

/// The snapshot, if no operation uses it.
pub(crate) fn unused_snapshot(landscape: &Landscape, id: SnapshotId) -> Result<&Snapshot, Refusal> {
    let snapshot = landscape.inventory().snapshot(id);
    let snapshot = snapshot.ok_or_else(|| Refusal::Unknown("snapshot", id.to_string()))?;
    match landscape.holder(Subject::Snapshot(id)) {
        Some(operation) => Err(Refusal::Busy("snapshot", id.to_string(), operation)),
        None => Ok(snapshot),
    }
}

/// The volume as it is, with names for copies of its bricks.
pub(crate) fn snapshot_of(
    inventory: &Inventory,
    volume: &Volume,
    id: SnapshotId,
    name: VolumeName,
    created_ms: u64,
    seed: &mut Seed,
) -> Snapshot {
    let copy = |brick: &Brick| BrickCopy {
        id: BrickId::from_u128(seed.next_u128()),
        brick: brick.clone(),
    };
    Snapshot {
        id,
        name,
        created_ms,
        volume: volume.clone(),
        bricks: inventory.bricks_of(volume.id).map(copy).collect(),
        group: None,
    }
}

/// Copies that are in the thin pool of the brick alone, which goes with it.
pub(crate) fn copies_beside<'a>(
    inventory: &'a Inventory,
    brick: &'a Brick,
) -> impl Iterator<Item = &'a BrickCopy> {
    let own = matches!(brick.space, BrickSpace::ThinPool { .. });
    let snapshots = inventory.snapshots_of(brick.volume).filter(move |_| own);
    snapshots
        .flat_map(|snapshot| &snapshot.bricks)
        .filter(|copy| copy.brick.id == brick.id)
}

/// Whether the rule keeps copies off the device. One that takes no new bricks still keeps copies of those that it has.
pub(crate) const fn forbids_copies(device: &Device, rule: &Rule) -> bool {
    match rule {
        Rule::NodeUnhealthy | Rule::Adopted => true,
        // Every copy is more that may run into what the pool really has.
        Rule::TooFull(_) => device.kind.shared().is_some(),
        _ => false,
    }
}

/// Whether each device has that much room, and none is refused by a rule that `counts`.
pub(crate) fn check_room(
    landscape: &Landscape,
    what: &str,
    wanted: &[(DeviceId, ByteSize)],
    counts: impl Fn(&Device, &Rule) -> bool,
) -> Result<(), Refusal> {
    let mut sums: BTreeMap<DeviceId, ByteSize> = BTreeMap::new();
    for (device, size) in wanted {
        *sums.entry(*device).or_default() += *size;
    }
    let mut rules = Vec::new();
    for (id, needed) in sums {
        let Some(device) = landscape.inventory().device(id) else {
            continue;
        };
        let free = device.total.minus(landscape.used(id));
        let full = needed > ByteSize::ZERO && free <= needed;
        let full = || full.then_some(Rule::Full { needed, free });
        if let Some(rule) = rules_against(landscape, device)
            .find(|rule| counts(device, rule))
            .or_else(full)
        {
            rules.push((id, rule));
        }
    }
    if rules.is_empty() {
        return Ok(());
    }
    let (devices, more) = name_refusals(landscape.inventory(), &rules);
    Err(Refusal::NoCopiesRoom(Box::new(NoCopies {
        what: what.into(),
        devices,
        more,
    })))
}

/// The way to copies of all bricks that show the same moment.
pub(crate) fn copy_stages(inventory: &Inventory, snapshot: &Snapshot, pools: &Pools) -> Vec<Stage> {
    let stage = |title: &str, part| Stage {
        title: title.into(),
        steps: copy_steps(inventory, snapshot, part, Goal::Present),
    };
    let stages = [
        stage("freeze its bricks", CopyPart::Frozen),
        stage("copy their images", CopyPart::Image),
        stage("thaw them, and name the copies", CopyPart::Whole),
    ];
    let room = Stage {
        title: "see that its bricks can be copied".into(),
        steps: room_steps(inventory, snapshot, pools),
    };
    let all = std::iter::once(room).chain(pools.stage(inventory));
    all.chain(stages).collect()
}

/// Looks at whether bricks can be copied, and at whether their devices have what their pools lack for it.
pub(crate) fn room_steps(inventory: &Inventory, snapshot: &Snapshot, pools: &Pools) -> Vec<Step> {
    let mut steps = copy_steps(inventory, snapshot, CopyPart::Room, Goal::Present);
    for (step, copy) in steps.iter_mut().zip(&snapshot.bricks) {
        if let Thing::Copy(spec) = &mut step.thing {
            spec.promised = pools.promised(&copy.brick);
        }
    }
    steps.extend(pools.steps(inventory, GrowthPart::Room));
    steps
}

/// One step per brick of the snapshot, on the brick's node.
pub(crate) fn copy_steps(
    inventory: &Inventory,
    snapshot: &Snapshot,
    part: CopyPart,
    goal: Goal,
) -> Vec<Step> {
    let volume = &snapshot.volume;
    // Only where it is written: each step of an operation is in its record.
    let text = if part == CopyPart::Whole && goal == Goal::Present {
        identity::snapshot_file(snapshot)
    } else {
        String::new()
    };
    let names_missed = matches!(volume.durability, Durability::Replicate(_) | Durability::Arbiter);
    let step = |copy: &BrickCopy| {
        let mut step = brick_steps(inventory, volume, std::slice::from_ref(&copy.brick), goal).pop()?;
        let Thing::Brick(brick) = step.thing else {
            return None;
        };
        step.thing = Thing::Copy(CopySpec {
            part,
            snapshot: snapshot.id,
            copy: copy.id,
            brick,
            names_missed,
            name: (names_missed && part == CopyPart::Room).then(|| volume.name.clone()),
            text: text.clone(),
            // Where a brick is brought back, its copy is there: what is promised stays as it is.
            promised: if part == CopyPart::Room {
                promised(inventory, &copy.brick)
            } else {
                ByteSize::ZERO
            },
        });
        Some(step)
    };
    snapshot.bricks.iter().filter_map(step).collect()
}
