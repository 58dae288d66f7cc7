//! Groups: snapshots of several volumes that show the same moment.
//!
//! All bricks of all volumes are frozen before the first is copied, and each must still be frozen when all copies are made. So
//! what holds for the bricks of one volume holds for those of all of them.

use mortar_model::work::{CopyPart, Goal};
use mortar_model::{
    ClusterId, Group, GroupId, Inventory, OperationId, Snapshot, SnapshotId, VolumeId, VolumeName,
};

use crate::landscape::Landscape;
use crate::plan::{Change, Plan, Stage, Subject};
use crate::pools::Pools;
use crate::refusal::Refusal;
use crate::seed::Seed;
use crate::snapshot::{check_copies, copy_steps, kept, room_steps, snapshot_of, unused_snapshot};

/// Most volumes of one group: all of their bricks are frozen at once, and a freeze lasts 12 seconds at most.
pub const MOST_VOLUMES: usize = 32;

/// Snapshots of several volumes that are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateGroup {
    /// The volumes, in any order.
    pub volumes: Vec<VolumeId>,
    /// The group's name; `group_<id>` when none is given.
    pub name: Option<VolumeName>,
    /// What time it is, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What becomes of a request for a group.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupCreation {
    /// It is new, and this makes it.
    New(Plan),
    /// It was asked for before: it is there, or this operation is just making it.
    Known(GroupId, Option<OperationId>),
}

/// Why a group is not made, or not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupRefusal {
    /// No volume is named, or too many are.
    #[error("a group of snapshots is of 1 to {MOST_VOLUMES} volumes, and not of {0}")]
    Number(usize),
    /// Its volumes are on several clusters, which share no moment.
    #[error(
        "volume {0} is on cluster {1}, and not on {2} as the others: a group of snapshots is of one cluster"
    )]
    Apart(VolumeName, ClusterId, ClusterId),
    /// The name belongs to a group of other volumes, made or just being made.
    #[error("the name {name} is already in use by the snapshot group {group}, which is of other volumes")]
    Taken {
        /// The name.
        name: VolumeName,
        /// The group that has it.
        group: GroupId,
    },
    /// The name belongs to a group that is just being removed.
    #[error("the name {0} is still in use: operation {1} is removing its snapshot group")]
    Leaving(VolumeName, OperationId),
    /// A snapshot that goes with its group only.
    #[error(
        "snapshot {0} is one of the group {1}, which is only whole a moment of all its volumes: delete the group \
         (mortar snapshot group delete {1})"
    )]
    Member(VolumeName, VolumeName),
}

impl GroupRefusal {
    /// Whether no state of things would let the request be.
    pub const fn is_of_the_request(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Apart(..))
    }
}

/// Plans snapshots of several volumes at one moment; or finds them, when they were asked for by name before.
///
/// # Errors
/// There are too many volumes or none, one is unknown, on another cluster or being changed, its devices make no copies or have
/// no room for them, or the name is that of a group of others.
pub fn create_group(
    landscape: &Landscape,
    request: &CreateGroup,
    seed: &mut Seed,
) -> Result<GroupCreation, Refusal> {
    let mut volumes = request.volumes.clone();
    volumes.sort_unstable();
    volumes.dedup();
    if let Some((known, operation)) = known(landscape, request.name.as_ref(), &volumes)? {
        return Ok(GroupCreation::Known(known, operation));
    }
    if volumes.is_empty() || volumes.len() > MOST_VOLUMES {
        return Err(GroupRefusal::Number(volumes.len()).into());
    }
    let id = GroupId::from_u128(seed.next_u128());
    let name = match &request.name {
        Some(name) => name.clone(),
        None => VolumeName::new(format!("group_{id}")).expect("group_ and hex digits are a name"),
    };
    let group = Group { id, name, volumes };
    let snapshots = snapshots_of(landscape, &group, request.now_ms, seed)?;
    let pools = Pools::for_copies(landscape, snapshots.iter().flat_map(|snapshot| &snapshot.bricks))?;
    let what = format!("group of snapshots of {} volumes", snapshots.len());
    check_copies(landscape, &what, &snapshots, &pools)?;
    let mut changes = vec![Change::Keep(Subject::Group(id))];
    let kept = kept(landscape.inventory(), &snapshots, &pools);
    let stages = stages(landscape.inventory(), &snapshots, &pools);
    changes.extend(snapshots.into_iter().map(Change::AddSnapshot));
    changes.extend(kept);
    Ok(GroupCreation::New(Plan {
        stages,
        forward_from: None,
        changes,
    }))
}

/// Plans the end of a group, with all its snapshots.
///
/// # Errors
/// It is unknown, or one of its snapshots is being used.
pub fn delete_group(landscape: &Landscape, id: GroupId) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let members: Vec<SnapshotId> = inventory.members(id).map(|member| member.id).collect();
    if members.is_empty() {
        return Err(Refusal::Unknown("snapshot group", id.to_string()));
    }
    if let Some(operation) = landscape.holder(Subject::Group(id)) {
        return Err(Refusal::Busy("snapshot group", id.to_string(), operation));
    }
    let mut steps = Vec::new();
    for member in &members {
        let snapshot = unused_snapshot(landscape, *member)?;
        steps.extend(copy_steps(inventory, snapshot, CopyPart::Whole, Goal::Absent));
    }
    let mut changes = vec![Change::Keep(Subject::Group(id))];
    changes.extend(members.into_iter().map(Change::RemoveSnapshot));
    Ok(Plan {
        stages: vec![Stage {
            title: "remove its copies".into(),
            steps,
        }],
        // A copy that is removed is not there any more.
        forward_from: Some(0),
        changes,
    })
}

/// The group that is asked for, if it was asked for by name before.
fn known(
    landscape: &Landscape,
    name: Option<&VolumeName>,
    volumes: &[VolumeId],
) -> Result<Option<(GroupId, Option<OperationId>)>, GroupRefusal> {
    let Some(name) = name else {
        return Ok(None);
    };
    let made = landscape.inventory().group_by_name(name);
    let made = made.map(|made| (None, made));
    let coming = || {
        let (operation, group) = landscape.group_to_come(name)?;
        Some((Some(operation), group))
    };
    let Some((operation, group)) = made.or_else(coming) else {
        return Ok(None);
    };
    if let Some(remover) = landscape.group_remover(group.id) {
        return Err(GroupRefusal::Leaving(name.clone(), remover));
    }
    if group.volumes != volumes {
        return Err(GroupRefusal::Taken {
            name: name.clone(),
            group: group.id,
        });
    }
    Ok(Some((group.id, operation)))
}

/// One snapshot of each volume, each with its group.
fn snapshots_of(
    landscape: &Landscape,
    group: &Group,
    now_ms: u64,
    seed: &mut Seed,
) -> Result<Vec<Snapshot>, Refusal> {
    let mut snapshots: Vec<Snapshot> = Vec::new();
    for id in &group.volumes {
        let volume = landscape.unchanged_volume(*id)?;
        if let Some(first) = snapshots.first()
            && first.volume.cluster != volume.cluster
        {
            let others = first.volume.cluster;
            return Err(GroupRefusal::Apart(volume.name.clone(), volume.cluster, others).into());
        }
        let id = SnapshotId::from_u128(seed.next_u128());
        let name = VolumeName::new(format!("snap_{id}")).expect("snap_ and hex digits are a name");
        let mut snapshot = snapshot_of(landscape.inventory(), volume, id, name, now_ms, seed);
        snapshot.group = Some(group.clone());
        snapshots.push(snapshot);
    }
    Ok(snapshots)
}

/// The way to copies of all bricks of all volumes that show the same moment.
fn stages(inventory: &Inventory, snapshots: &[Snapshot], pools: &Pools) -> Vec<Stage> {
    let stage = |title: &str, part| Stage {
        title: title.into(),
        steps: snapshots
            .iter()
            .flat_map(|snapshot| copy_steps(inventory, snapshot, part, Goal::Present))
            .collect(),
    };
    let room = snapshots.iter();
    let room = Stage {
        title: "see that all bricks can be copied".into(),
        steps: room
            .flat_map(|snapshot| room_steps(inventory, snapshot, pools))
            .collect(),
    };
    let stages = [
        stage("freeze the bricks of all volumes", CopyPart::Frozen),
        stage("copy their images", CopyPart::Image),
        stage("thaw them, and name the copies", CopyPart::Whole),
    ];
    let all = std::iter::once(room).chain(pools.stage(inventory));
    all.chain(stages).collect()
}
