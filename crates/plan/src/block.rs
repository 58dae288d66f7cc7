//! Block volumes: which hosting volume holds one, which hosts serve it, and the steps that make it, enlarge it and remove it.
//!
//! A hosting volume is any volume that is meant to hold block volumes, takes new ones, and has the room (98 hundredths of it are for
//! them). Of those the emptiest is chosen, so that what is asked of the volumes spreads. Where none has the room, one is made as a
//! part of the same operation, if the site wants that; two requests at once do not make two.

use mortar_model::work::{BlockPart, BlockSpec, Goal, Thing};
use mortar_model::{
    BlockRestriction, BlockVolume, BlockVolumeId, Brick, ByteSize, ClusterId, Durability, HostName,
    Inventory, OperationId, State, Target, Volume, VolumeId, VolumeName, VolumeOption, block_group,
    room_for_blocks,
};

use crate::create::{candidates, create_volume, pool_step};
use crate::landscape::Landscape;
use crate::limits::Limits;
use crate::plan::{Change, Plan, Stage, Step, Subject};
use crate::refusal::Refusal;
use crate::repeat::Creation;
use crate::request::CreateVolume;
use crate::seed::{Seed, scatter};

/// What a site wants of block volumes. Names and defaults follow Heketi's configuration, but for the making of hosting volumes by
/// themselves, which has no default size that fits every site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPolicy {
    /// Whether a hosting volume is made where none has the room (`auto_create_block_hosting_volume`, no).
    pub make_hosting: bool,
    /// How large it is made (`block_hosting_volume_size`, 1024 GiB).
    pub hosting_size: ByteSize,
    /// Options that it gets.
    pub hosting_options: Vec<VolumeOption>,
    /// Whether a block volume takes all its room at once (`block_prealloc`, full).
    pub full: bool,
}

impl Default for BlockPolicy {
    fn default() -> Self {
        Self {
            make_hosting: false,
            hosting_size: ByteSize::from_gib(1024),
            hosting_options: block_group(),
            full: true,
        }
    }
}

/// A block volume that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateBlock {
    /// Its name; `blockvol_<id>` when none is given.
    pub name: Option<VolumeName>,
    /// Its size.
    pub size: ByteSize,
    /// Where it may be; anywhere when empty.
    pub clusters: Vec<ClusterId>,
    /// How many hosts serve it; 0 is all that can.
    pub ha: u32,
    /// Whether initiators must prove who they are.
    pub auth: bool,
}

/// What becomes of a request for a block volume.
#[derive(Clone, Debug, PartialEq)]
pub enum BlockCreation {
    /// It is new, and this makes it.
    New(Plan),
    /// It was asked for before: it is there, or this operation is just making it.
    Known(BlockVolumeId, Option<OperationId>),
}

/// Plans a block volume; or finds it, when it was asked for by name before.
///
/// # Errors
/// No hosting volume has the room and none is made, or the name is another one's.
pub fn create_block(
    landscape: &Landscape,
    limits: &Limits,
    request: &CreateBlock,
    seed: &mut Seed,
) -> Result<BlockCreation, Refusal> {
    let clusters = candidates(landscape.inventory(), &request.clusters)?;
    if let Some((known, operation)) = known(landscape, request, &clusters)? {
        return Ok(BlockCreation::Known(known, operation));
    }
    let takes_blocks = |id: &&ClusterId| {
        landscape
            .inventory()
            .cluster(**id)
            .is_some_and(|cluster| cluster.block)
    };
    let clusters: Vec<ClusterId> = clusters.iter().filter(takes_blocks).copied().collect();
    if clusters.is_empty() {
        return Err(Refusal::WrongType("block"));
    }
    let id = BlockVolumeId::from_u128(seed.next_u128());
    let found = clusters
        .iter()
        .find_map(|cluster| emptiest(landscape, *cluster, request.size));
    let (hosting, bricks, mut plan) = match found {
        Some(hosting) => {
            let bricks = landscape.inventory().bricks_of(hosting.id).cloned().collect();
            (hosting.clone(), bricks, Plan::default())
        }
        None => make_hosting(landscape, limits, &clusters, request.size, seed)?,
    };
    let hosts = hosts(landscape, hosting.cluster, request.ha, id);
    if hosts.is_empty() {
        return Err(Refusal::NoNodes);
    }
    let name = match &request.name {
        Some(name) => name.clone(),
        None => VolumeName::new(format!("blockvol_{id}")).expect("blockvol_ and hex digits are a name"),
    };
    let block = BlockVolume {
        id,
        hosting: hosting.id,
        name,
        size: request.size,
        usable: request.size,
        ha: u32::try_from(hosts.len()).unwrap_or(u32::MAX),
        hosts,
        auth: request.auth,
        target: Target::default(),
    };
    let stage = |title: &str, part| {
        let spec = BlockSpec {
            full: limits.blocks.full,
            with_hosting: landscape.inventory().volume(hosting.id).is_none(),
            ..spec(&hosting, &block, part)
        };
        let (thing, goal) = (Thing::Block(spec), Goal::Present);
        Stage {
            title: title.into(),
            steps: vec![pool_step(
                landscape.inventory(),
                hosting.cluster,
                &bricks,
                thing,
                goal,
            )],
        }
    };
    plan.stages.extend([
        stage("see that its name is free", BlockPart::Name),
        stage("make the block volume", BlockPart::Whole),
    ]);
    plan.changes.push(Change::AddBlock(block));
    Ok(BlockCreation::New(plan))
}

pub(crate) fn spec(hosting: &Volume, block: &BlockVolume, part: BlockPart) -> BlockSpec {
    BlockSpec {
        part,
        block: block.id,
        name: block.name.clone(),
        volume: hosting.id,
        hosting: hosting.name.clone(),
        size: block.size,
        ha: block.ha,
        hosts: block.hosts.clone(),
        auth: block.auth,
        full: false,
        with_hosting: false,
    }
}

/// The block volume that this name stands for on these clusters.
fn known(
    landscape: &Landscape,
    request: &CreateBlock,
    clusters: &[ClusterId],
) -> Result<Option<(BlockVolumeId, Option<OperationId>)>, Refusal> {
    let Some(name) = &request.name else {
        return Ok(None);
    };
    for cluster in clusters {
        let made = landscape
            .inventory()
            .block_by_name(*cluster, name)
            .map(|block| (block, None));
        let coming = || {
            landscape
                .block_to_come(*cluster, name)
                .map(|(id, block)| (block, Some(id)))
        };
        let Some((block, operation)) = made.or_else(coming) else {
            continue;
        };
        if let Some(remover) = landscape.block_remover(block.id) {
            return Err(Refusal::Busy("block volume", block.id.to_string(), remover));
        }
        let same = block.size == request.size
            && block.auth == request.auth
            && (request.ha == 0 || request.ha == block.ha || request.ha as usize > block.hosts.len());
        if !same {
            return Err(Refusal::BlockTaken(name.clone(), block.id));
        }
        return Ok(Some((block.id, operation)));
    }
    Ok(None)
}

/// The hosting volume of the cluster that has most left, if that is enough.
fn emptiest(landscape: &Landscape, cluster: ClusterId, size: ByteSize) -> Option<&Volume> {
    let takes = |volume: &&Volume| {
        volume.block
            && volume.block_restriction.is_none()
            && landscape.holder(Subject::Volume(volume.id)).is_none()
    };
    let volumes = landscape.inventory().volumes_of(cluster).filter(takes);
    let room = |volume: &Volume| landscape.room_for_blocks(volume);
    let fits = volumes.filter(|volume| room(volume) >= size);
    fits.max_by_key(|volume| (room(volume), std::cmp::Reverse(volume.id)))
}

/// The operation that changes a hosting volume of the cluster which would do, and which is not removed by it.
fn busy(landscape: &Landscape, cluster: ClusterId, size: ByteSize) -> Option<OperationId> {
    let takes =
        |volume: &&Volume| volume.block_restriction.is_none() && landscape.remover(volume.id).is_none();
    let mut volumes = landscape.inventory().volumes_of(cluster).filter(takes);
    volumes.find_map(|volume| {
        let holder = landscape.holder(Subject::Volume(volume.id))?;
        (landscape.room_for_blocks(volume) >= size).then_some(holder)
    })
}

/// A new hosting volume, with the plan that makes it.
fn make_hosting(
    landscape: &Landscape,
    limits: &Limits,
    clusters: &[ClusterId],
    size: ByteSize,
    seed: &mut Seed,
) -> Result<(Volume, Vec<Brick>, Plan), Refusal> {
    let policy = &limits.blocks;
    let changing = |cluster: &ClusterId| {
        let coming = landscape.hosting_to_come(*cluster);
        coming.or_else(|| busy(landscape, *cluster, size))
    };
    if let Some(operation) = clusters.iter().find_map(changing) {
        return Err(Refusal::HostingComes(operation));
    }
    if !policy.make_hosting {
        return Err(Refusal::NoHosting(size));
    }
    let room = room_for_blocks(policy.hosting_size);
    if room < size {
        return Err(Refusal::HostingTooSmall {
            configured: policy.hosting_size,
            room,
            size,
        });
    }
    let mut request = CreateVolume::new(policy.hosting_size, Durability::Replicate(3));
    request.block = true;
    request.clusters = clusters.to_vec();
    request.options.clone_from(&policy.hosting_options);
    let plan = match create_volume(landscape, limits, &request, seed)? {
        Creation::New(plan) => plan,
        Creation::Known(_) => unreachable!("a volume without a name is never known"),
    };
    let made = plan.new_volume().expect("a plan for a volume makes one").clone();
    let bricks = plan.new_bricks().cloned().collect();
    Ok((made, bricks, plan))
}

/// Hosts for a block volume: those that take work first, of these those with the fewest block volumes.
fn hosts(landscape: &Landscape, cluster: ClusterId, ha: u32, id: BlockVolumeId) -> Vec<HostName> {
    let inventory = landscape.inventory();
    let serves = |host: &HostName| {
        inventory
            .blocks_of(cluster)
            .filter(|block| block.hosts.contains(host))
            .count()
    };
    let mut nodes: Vec<_> = inventory
        .nodes_of(cluster)
        .filter(|node| !landscape.is_node_leaving(node.id))
        .map(|node| {
            let usable = node.state == State::Online && landscape.is_healthy(node.id);
            let chance = scatter(node.id.as_u128() ^ id.as_u128());
            (!usable, serves(&node.storage), chance, &node.storage)
        })
        .collect();
    nodes.sort_unstable();
    let usable = nodes.iter().filter(|(unusable, ..)| !unusable).count();
    let wanted = match ha as usize {
        0 if usable > 0 => usable,
        0 => nodes.len(),
        ha => ha,
    };
    nodes
        .into_iter()
        .take(wanted)
        .map(|(.., host)| host.clone())
        .collect()
}

/// Plans a larger block volume. Like a brick, it never becomes smaller again.
///
/// # Errors
/// It is unknown or being changed, has that size or more, or its hosting volume has not the room.
pub fn expand_block(landscape: &Landscape, id: BlockVolumeId, size: ByteSize) -> Result<Plan, Refusal> {
    let (block, hosting) = unchanged(landscape, id)?;
    if size < block.size {
        return Err(Refusal::BlockShrinks {
            has: block.size,
            asked: size,
        });
    }
    if size == block.size && block.usable >= block.size {
        return Err(Refusal::BlockAsLarge(size));
    }
    let (more, room) = (size.minus(block.size), landscape.room_for_blocks(hosting));
    if more > room {
        return Err(Refusal::NoBlockRoom { more, room });
    }
    let before = block.usable.min(block.size);
    let grown = BlockVolume {
        size,
        usable: size,
        ..block.clone()
    };
    let thing = Thing::Block(spec(hosting, &grown, BlockPart::Size { before }));
    Ok(Plan {
        stages: vec![stage(
            landscape.inventory(),
            hosting,
            "make it larger",
            thing,
            Goal::Present,
        )],
        forward_from: Some(0),
        changes: vec![Change::PutBlock(grown)],
    })
}

/// Plans the end of a block volume and what is in it.
///
/// # Errors
/// It is unknown or being changed.
pub fn delete_block(landscape: &Landscape, id: BlockVolumeId) -> Result<Plan, Refusal> {
    let (block, hosting) = unchanged(landscape, id)?;
    let thing = Thing::Block(spec(hosting, block, BlockPart::Whole));
    // A host that does not serve it any more cannot be told from one that never did.
    Ok(Plan {
        stages: vec![stage(
            landscape.inventory(),
            hosting,
            "remove the block volume",
            thing,
            Goal::Absent,
        )],
        forward_from: Some(0),
        changes: vec![Change::RemoveBlock(id)],
    })
}

pub(crate) fn stage(inventory: &Inventory, hosting: &Volume, title: &str, thing: Thing, goal: Goal) -> Stage {
    let bricks: Vec<Brick> = inventory.bricks_of(hosting.id).cloned().collect();
    let step: Step = pool_step(inventory, hosting.cluster, &bricks, thing, goal);
    Stage {
        title: title.into(),
        steps: vec![step],
    }
}

pub(crate) fn unchanged(
    landscape: &Landscape,
    id: BlockVolumeId,
) -> Result<(&BlockVolume, &Volume), Refusal> {
    let inventory = landscape.inventory();
    let unknown = || Refusal::Unknown("block volume", id.to_string());
    let block = inventory.block(id).ok_or_else(unknown)?;
    let hosting = inventory.volume(block.hosting).ok_or_else(unknown)?;
    match landscape.holder(Subject::Block(id)) {
        Some(operation) => Err(Refusal::Busy("block volume", id.to_string(), operation)),
        None => Ok((block, hosting)),
    }
}

/// Plans that a hosting volume takes no new block volumes, or takes them again.
///
/// # Errors
/// It is unknown, being changed, or not meant to hold any.
pub fn restrict_blocks(
    landscape: &Landscape,
    id: VolumeId,
    restriction: BlockRestriction,
) -> Result<Plan, Refusal> {
    let volume = landscape.unchanged_volume(id)?;
    if !volume.block {
        return Err(Refusal::NotHosting(id));
    }
    let mut changed = volume.clone();
    changed.block_restriction = restriction;
    Ok(Plan::record(vec![Change::PutVolume(changed)]))
}
