//! From findings to plans that mend them.
//!
//! Repairs of one thing are one plan, which holds that thing: two of them never meet. The plan is made from the records of
//! the moment, not from those of the check: what has changed since is refused here. Its steps begin as touched, so each is
//! looked at right before it is done.
//!
//! No step of a repair is *needed*: one that cannot be done is left with a warning, nothing goes back, and the thing is
//! held no longer. Whether a repair helped is what the next check says.

use std::collections::BTreeMap;

use mortar_model::work::{Goal, OptionsSpec, PeerSpec, RemainsSpec, StartedSpec, Thing};
use mortar_model::{
    BlockVolume, Brick, BrickId, ByteSize, Device, DeviceId, DeviceKind, Inventory, NodeId, Volume, VolumeId,
    VolumeOption,
};
use mortar_plan::{
    Change, Landscape, Place, Plan, Refusal, Stage, Step, Subject, any_member, brick_addresses, brick_spec,
    of_size,
};

use crate::finding::{Finding, Remains, Repair};

/// Repairs of one thing, which are carried out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The thing, held meanwhile.
    pub subject: Subject,
    /// What to do about it.
    pub repairs: Vec<Repair>,
    /// Ids of the findings that this mends.
    pub findings: Vec<String>,
}

/// Groups the repairs of these findings. A node's file is not among them: it is a copy of the records, held by nobody, and is
/// written without an operation.
pub fn groups<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Group> {
    let mut groups: BTreeMap<Subject, Group> = BTreeMap::new();
    for finding in findings {
        let Some((repair, subject)) = finding
            .remedy
            .repair()
            .and_then(|repair| Some((repair, subject(repair)?)))
        else {
            continue;
        };
        let group = groups.entry(subject).or_insert_with(|| Group {
            subject,
            repairs: Vec::new(),
            findings: Vec::new(),
        });
        group.findings.push(finding.id());
        if !group.repairs.contains(repair) {
            group.repairs.push(repair.clone());
        }
    }
    groups.into_values().collect()
}

/// What a repair holds; `None` for one that holds nothing.
const fn subject(repair: &Repair) -> Option<Subject> {
    match repair {
        Repair::WriteNodeFile(_) => None,
        Repair::Probe(node) => Some(Subject::Member(*node)),
        Repair::Mount { volume, .. }
        | Repair::Start(volume)
        | Repair::SetOptions { volume, .. }
        | Repair::RecordSets { volume, .. } => Some(Subject::Volume(*volume)),
        Repair::Remove(remains) => Some(Subject::Device(remains.device)),
        Repair::RecordSize { device, .. } | Repair::RecordPath { device, .. } => {
            Some(Subject::Device(*device))
        }
        Repair::RecordBlock { block, .. } => Some(Subject::Block(*block)),
        Repair::AddBlock(block) => Some(Subject::Block(block.id)),
    }
}

/// The plan of a group.
///
/// # Errors
/// The thing is not known any more or being changed, or what is to be removed is recorded or used after all.
pub fn plan(landscape: &Landscape, group: &Group) -> Result<Plan, Refusal> {
    let subject = group.subject;
    if let Some(operation) = landscape.holder(subject) {
        return Err(Refusal::Busy(subject.kind(), subject.id(), operation));
    }
    let stages = match subject {
        Subject::Volume(id) => of_volume(landscape.inventory(), id, &group.repairs)?,
        Subject::Node(id) | Subject::Member(id) => of_node(landscape.inventory(), id)?,
        Subject::Device(id) => of_device(landscape, id, &group.repairs)?,
        Subject::Block(_) => group.repairs.iter().map(recorded_only).collect(),
        Subject::Cluster(_) | Subject::Snapshot(_) | Subject::Group(_) | Subject::Attachments(_) => {
            Vec::new()
        }
    };
    let inventory = landscape.inventory();
    let recorded = recorded_device(landscape, &group.repairs)?
        .or(ordered(inventory, &group.repairs)?)
        .or(new_block(landscape, &group.repairs)?)
        .or(recorded_block(landscape, &group.repairs)?);
    let change = recorded.unwrap_or(Change::Keep(subject));
    Ok(Plan {
        stages,
        forward_from: None,
        changes: vec![change],
    })
}

/// The device of its new size and path. Bricks are never promised more than there is, and no two devices of a node have one path.
fn recorded_device(landscape: &Landscape, repairs: &[Repair]) -> Result<Option<Change>, Refusal> {
    let inventory = landscape.inventory();
    let mut changed: Option<Device> = None;
    for repair in repairs {
        let (Repair::RecordSize { device: id, .. } | Repair::RecordPath { device: id, .. }) = repair else {
            continue;
        };
        let known = changed.clone().or_else(|| inventory.device(*id).cloned());
        let Some(device) = known else {
            return unknown("device", id);
        };
        changed = Some(match repair {
            Repair::RecordSize { size, .. } => Device {
                total: of_size(landscape, *id, *size)?.total,
                ..device
            },
            Repair::RecordPath { path, .. } => {
                let mut others = inventory.devices_of(device.node);
                if let Some(twin) = others.find(|other| other.id != *id && other.path.is_same_place(path)) {
                    return Err(Refusal::PathTaken(path.clone(), twin.id));
                }
                device.at(path.clone())
            }
            _ => device,
        });
    }
    Ok(changed.map(Change::PutDevice))
}

/// A block volume that was in no record when it was seen, and that nobody makes or has recorded since.
fn new_block(landscape: &Landscape, repairs: &[Repair]) -> Result<Option<Change>, Refusal> {
    let told = repairs.iter().find_map(|repair| match repair {
        Repair::AddBlock(block) => Some(block),
        _ => None,
    });
    let Some(block) = told else { return Ok(None) };
    let inventory = landscape.inventory();
    let Some(hosting) = inventory.volume(block.hosting) else {
        return unknown("volume", block.hosting);
    };
    let by_id = inventory.block(block.id);
    if let Some(known) = by_id.or_else(|| inventory.block_by_name(hosting.cluster, &block.name)) {
        return Err(Refusal::BlockTaken(block.name.clone(), known.id));
    }
    let coming = landscape
        .block_to_come(hosting.cluster, &block.name)
        .map(|(operation, _)| operation);
    if let Some(operation) = coming.or_else(|| landscape.remover(hosting.id)) {
        return Err(Refusal::Busy("block volume", block.id.to_string(), operation));
    }
    fits(landscape, block)?;
    Ok(Some(Change::PutBlock((**block).clone())))
}

/// The block volume as `gluster-block` told of it.
fn recorded_block(landscape: &Landscape, repairs: &[Repair]) -> Result<Option<Change>, Refusal> {
    let inventory = landscape.inventory();
    let mut changed: Option<BlockVolume> = None;
    for repair in repairs {
        let Repair::RecordBlock {
            block: id,
            size,
            hosts,
        } = repair
        else {
            continue;
        };
        let known = changed.take().or_else(|| inventory.block(*id).cloned());
        let Some(mut block) = known else {
            return unknown("block volume", *id);
        };
        if let Some(size) = size {
            (block.size, block.usable) = (*size, *size);
        }
        if let Some(hosts) = hosts {
            block.ha = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
            block.hosts.clone_from(hosts);
        }
        changed = Some(block);
    }
    if let Some(block) = &changed {
        fits(landscape, block)?;
    }
    Ok(changed.map(Change::PutBlock))
}

/// Whether the volume that holds it has the room for what it takes more than recorded.
fn fits(landscape: &Landscape, block: &BlockVolume) -> Result<(), Refusal> {
    let inventory = landscape.inventory();
    let before = inventory
        .block(block.id)
        .map_or(ByteSize::ZERO, |known| known.size);
    let more = block.size.minus(before);
    let hosting = inventory.volume(block.hosting);
    let room = hosting.map_or(ByteSize::ZERO, |hosting| landscape.room_for_blocks(hosting));
    if more > room {
        return Err(Refusal::NoBlockRoom { more, room });
    }
    Ok(())
}

/// It has no step on any node; whoever reads the plan is told all the same.
fn recorded_only(repair: &Repair) -> Stage {
    Stage {
        title: repair.words(),
        steps: Vec::new(),
    }
}

/// The volume's bricks in the order that its pool told, by which each has its set.
fn ordered(inventory: &Inventory, repairs: &[Repair]) -> Result<Option<Change>, Refusal> {
    let told = repairs.iter().find_map(|repair| match repair {
        Repair::RecordSets { volume, bricks } => Some((*volume, bricks)),
        _ => None,
    });
    let Some((id, told)) = told else {
        return Ok(None);
    };
    let Some(volume) = inventory.volume(id) else {
        return unknown("volume", id);
    };
    let per_set = volume.durability.bricks_per_set().max(1);
    let mut bricks = Vec::with_capacity(told.len());
    for (place, brick) in (0_u32..).zip(told) {
        let Some(known) = inventory.brick(*brick).filter(|known| known.volume == id) else {
            return unknown("brick", *brick);
        };
        bricks.push(Brick {
            set: place / per_set,
            position: place % per_set,
            ..known.clone()
        });
    }
    Ok(Some(Change::OrderBricks { volume: id, bricks }))
}

fn step(place: Place, thing: Thing, goal: Goal) -> Step {
    Step {
        place,
        thing,
        goal,
        needed: false,
    }
}

fn stage(title: &str, steps: Vec<Step>) -> Option<Stage> {
    (!steps.is_empty()).then(|| Stage {
        title: title.into(),
        steps,
    })
}

fn unknown<T>(kind: &'static str, id: impl ToString + Copy) -> Result<T, Refusal> {
    Err(Refusal::Unknown(kind, id.to_string()))
}

fn of_volume(inventory: &Inventory, id: VolumeId, repairs: &[Repair]) -> Result<Vec<Stage>, Refusal> {
    let Some(volume) = inventory.volume(id) else {
        return unknown("volume", id);
    };
    let devices = || inventory.bricks_of(id).map(|brick| brick.device);
    let on_pool = |thing| {
        let place = any_member(inventory, volume.cluster, devices());
        step(place, thing, Goal::Present)
    };
    let (mut mounts, mut started, mut options) = (Vec::<BrickId>::new(), Vec::new(), Vec::new());
    let mut stopped = false;
    for repair in repairs {
        match repair {
            Repair::Mount { brick, start, .. } => {
                if !mounts.contains(brick) {
                    mounts.push(*brick);
                }
                started.extend(start.then_some(*brick));
            }
            Repair::Start(_) => stopped = true,
            Repair::SetOptions { options: set, .. } => options.extend(set.iter().cloned()),
            Repair::WriteNodeFile(_)
            | Repair::Probe(_)
            | Repair::Remove(_)
            | Repair::RecordSets { .. }
            | Repair::RecordSize { .. }
            | Repair::RecordPath { .. }
            | Repair::AddBlock(_)
            | Repair::RecordBlock { .. } => {}
        }
    }
    let mounts = mounts
        .into_iter()
        .map(|brick| mount(inventory, volume, brick))
        .collect::<Result<_, _>>()?;
    let options: Vec<Step> = set(inventory, volume, options).map(on_pool).into_iter().collect();
    let serve = stopped || !started.is_empty();
    let serve: Vec<Step> = serve
        .then(|| on_pool(Thing::Started(serving(inventory, volume, &started, stopped))))
        .into_iter()
        .collect();
    let sets = repairs
        .iter()
        .find(|repair| matches!(repair, Repair::RecordSets { .. }))
        .map(recorded_only);
    let stages = [
        sets,
        stage("mount the bricks again", mounts),
        stage("set the volume's options", options),
        stage("start the volume's bricks", serve),
    ];
    Ok(stages.into_iter().flatten().collect())
}

fn mount(inventory: &Inventory, volume: &Volume, id: BrickId) -> Result<Step, Refusal> {
    let brick = inventory.brick(id).filter(|brick| brick.volume == volume.id);
    let spec = brick.and_then(|brick| Some((brick, brick_spec(inventory, brick)?)));
    let Some((node, spec)) = spec.and_then(|(brick, spec)| Some((inventory.node_of_brick(brick)?, spec)))
    else {
        return unknown("brick", id);
    };
    Ok(step(Place::Node(node.id), Thing::Mount(spec), Goal::Present))
}

fn set(inventory: &Inventory, volume: &Volume, options: Vec<VolumeOption>) -> Option<Thing> {
    (!options.is_empty()).then(|| {
        Thing::VolumeOptions(OptionsSpec {
            volume: volume.id,
            name: volume.name.clone(),
            bricks: brick_addresses(inventory, volume),
            options,
        })
    })
}

fn serving(inventory: &Inventory, volume: &Volume, bricks: &[BrickId], stopped: bool) -> StartedSpec {
    let mut addresses = brick_addresses(inventory, volume);
    addresses.retain(|address| bricks.contains(&address.brick));
    StartedSpec {
        volume: volume.id,
        name: volume.name.clone(),
        bricks: addresses,
        stopped,
    }
}

fn of_node(inventory: &Inventory, id: NodeId) -> Result<Vec<Stage>, Refusal> {
    let Some(node) = inventory.node(id) else {
        return unknown("node", id);
    };
    let Place::Pool(cluster, mut members) = any_member(inventory, node.cluster, std::iter::empty()) else {
        return Ok(Vec::new());
    };
    members.retain(|member| *member != id);
    let thing = Thing::Peer(PeerSpec {
        node: id,
        host: node.storage.clone(),
        force: false,
    });
    let steps = vec![step(Place::Pool(cluster, members), thing, Goal::Present)];
    Ok(stage("join the trusted pool again", steps).into_iter().collect())
}

/// The one place where something is planned to be removed. It was proven to be in no record and in no volume when it was
/// found; that it is still in no record, and that no operation has begun to make it, is proven here.
fn of_device(landscape: &Landscape, id: DeviceId, repairs: &[Repair]) -> Result<Vec<Stage>, Refusal> {
    let inventory = landscape.inventory();
    let Some(device) = inventory.device(id) else {
        return unknown("device", id);
    };
    let mut steps = Vec::new();
    for repair in repairs {
        let Repair::Remove(Remains { brick, .. }) = repair else {
            continue;
        };
        if inventory.brick(*brick).is_some() {
            return Err(Refusal::InUse("brick", brick.to_string(), "data of a volume"));
        }
        if let Some(operation) = landscape.involves(*brick) {
            return Err(Refusal::Busy("brick", brick.to_string(), operation));
        }
        let thing = Thing::Remains(RemainsSpec {
            brick: *brick,
            device: id,
            device_path: device.path.clone(),
            image: device.kind == DeviceKind::Directory,
        });
        steps.push(step(Place::Node(device.node), thing, Goal::Absent));
    }
    let title = "remove what is left of bricks that are in no record";
    let mut stages: Vec<Stage> = stage(title, steps).into_iter().collect();
    let sizes = repairs
        .iter()
        .filter(|repair| matches!(repair, Repair::RecordSize { .. } | Repair::RecordPath { .. }));
    stages.extend(sizes.map(recorded_only));
    Ok(stages)
}
