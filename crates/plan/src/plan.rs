//! A plan: stages of steps, and what is recorded when they are done.

use mortar_model::work::{Goal, Thing};
use mortar_model::{
    Attachments, BlockVolume, BlockVolumeId, Brick, BrickId, ByteSize, Cluster, ClusterId, Device, DeviceId,
    DevicePath, GroupId, HostName, Node, NodeId, Snapshot, SnapshotId, Volume, VolumeId, VolumeName,
};
use serde::{Deserialize, Serialize};

/// Where a step is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// On this node.
    Node(NodeId),
    /// On any member of the pool; these, in this order, until one answers. One change of a pool at a time may
    /// wait for another: glusterd holds a lock over the whole pool.
    Pool(ClusterId, Vec<NodeId>),
}

/// One thing on one node, to be present or absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Where.
    pub place: Place,
    /// What.
    pub thing: Thing,
    /// Present or absent.
    pub goal: Goal,
    /// Whether the operation fails when the step fails. An unneeded step that fails leaves a warning.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub needed: bool,
}

const fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
const fn is_yes(value: &bool) -> bool {
    *value
}

/// Steps that may run side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// What the stage does, for people.
    pub title: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A change of the records, made in one transaction when all steps are done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A cluster, new or changed.
    PutCluster(Cluster),
    /// A cluster is gone.
    RemoveCluster(ClusterId),
    /// A node, new or changed.
    PutNode(Node),
    /// A node is gone.
    RemoveNode(NodeId),
    /// A node is gone for good, and with it its devices, which hold no bricks.
    ForgetNode(NodeId),
    /// A device that exists already changed.
    PutDevice(Device),
    /// A new device, whose size and identity were learned by its step.
    AddDevice(Device),
    /// A device is gone.
    RemoveDevice(DeviceId),
    /// A new volume with its bricks.
    AddVolume(Volume, Vec<Brick>),
    /// A volume that exists already changed, its bricks did not.
    PutVolume(Volume),
    /// A volume's sets have more bricks, or fewer; it is as large as before.
    Copies {
        /// The volume as it is then.
        volume: Volume,
        /// The new bricks.
        added: Vec<Brick>,
        /// The bricks that it does without.
        removed: Vec<BrickId>,
    },
    /// A volume has more bricks, and so is larger.
    GrowVolume {
        /// The volume.
        volume: VolumeId,
        /// By this much.
        by: ByteSize,
        /// The new bricks.
        bricks: Vec<Brick>,
    },
    /// A volume's bricks are larger, and so is it.
    GrowBricks {
        /// The volume.
        volume: VolumeId,
        /// By this much.
        by: ByteSize,
        /// The bricks as they are then.
        bricks: Vec<Brick>,
    },
    /// A device has another size, learned by its step.
    ResizeDevice(Device),
    /// A brick of a volume has another one's place.
    ReplaceBrick {
        /// The brick that is gone.
        old: BrickId,
        /// The one that has its place.
        new: Brick,
    },
    /// The sets of a volume's bricks, which were a guess, are known.
    OrderBricks {
        /// The volume.
        volume: VolumeId,
        /// All its bricks, in GlusterFS's order.
        bricks: Vec<Brick>,
    },
    /// A volume and its bricks are gone.
    RemoveVolume(VolumeId),
    /// A new snapshot.
    AddSnapshot(Snapshot),
    /// A snapshot is gone.
    RemoveSnapshot(SnapshotId),
    /// A new block volume, whose target was learned by its step.
    AddBlock(BlockVolume),
    /// A block volume that exists already changed.
    PutBlock(BlockVolume),
    /// A block volume is gone.
    RemoveBlock(BlockVolumeId),
    /// Other nodes may use a volume.
    PutAttachments(Attachments),
    /// What another change left is gone. No record tells of it; it takes room and names while the plan runs.
    Clear(Remains),
    /// No record changes: the thing is only held while what is recorded of it is mended on the nodes.
    Keep(Subject),
}

/// What a change left on nodes that were away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remains {
    /// What that change was about.
    pub subject: Subject,
    /// What people call that: a volume's name, a device's path, a node's host name.
    pub called: String,
    /// Bricks, which take room on their devices. Their places within the volume are not known any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bricks: Vec<Brick>,
    /// Volumes that GlusterFS still knows, stopped: nobody else can have their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<(ClusterId, VolumeName)>,
    /// Nodes that are members of a pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostName>,
    /// Devices that are made ready for bricks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<(NodeId, DevicePath)>,
}

/// A thing that one operation at a time may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A cluster.
    Cluster(ClusterId),
    /// A node.
    Node(NodeId),
    /// A node's place in its pool, with its glusterd. Whoever empties a node leaves it as it is: it is cured meanwhile.
    Member(NodeId),
    /// A device.
    Device(DeviceId),
    /// A volume.
    Volume(VolumeId),
    /// A snapshot.
    Snapshot(SnapshotId),
    /// A group of snapshots.
    Group(GroupId),
    /// A block volume.
    Block(BlockVolumeId),
    /// Who uses a volume. Whatever else is done to the volume meanwhile, nodes come and go.
    Attachments(VolumeId),
}

impl Subject {
    /// What kind of thing it is.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Cluster(_) => "cluster",
            Self::Node(_) | Self::Member(_) => "node",
            Self::Device(_) => "device",
            Self::Volume(_) => "volume",
            Self::Snapshot(_) => "snapshot",
            Self::Group(_) => "snapshot group",
            Self::Block(_) => "block volume",
            Self::Attachments(_) => "volume",
        }
    }

    /// Its id as text.
    pub fn id(self) -> String {
        match self {
            Self::Cluster(id) => id.to_string(),
            Self::Node(id) | Self::Member(id) => id.to_string(),
            Self::Device(id) => id.to_string(),
            Self::Volume(id) | Self::Attachments(id) => id.to_string(),
            Self::Snapshot(id) => id.to_string(),
            Self::Group(id) => id.to_string(),
            Self::Block(id) => id.to_string(),
        }
    }
}

impl Change {
    /// The thing that changes.
    pub const fn subject(&self) -> Subject {
        match self {
            Self::PutCluster(cluster) => Subject::Cluster(cluster.id),
            Self::RemoveCluster(id) => Subject::Cluster(*id),
            Self::PutNode(node) => Subject::Node(node.id),
            Self::RemoveNode(id) | Self::ForgetNode(id) => Subject::Node(*id),
            Self::PutDevice(device) | Self::AddDevice(device) | Self::ResizeDevice(device) => {
                Subject::Device(device.id)
            }
            Self::RemoveDevice(id) => Subject::Device(*id),
            Self::AddVolume(volume, _) | Self::PutVolume(volume) => Subject::Volume(volume.id),
            Self::GrowVolume { volume, .. }
            | Self::GrowBricks { volume, .. }
            | Self::OrderBricks { volume, .. } => Subject::Volume(*volume),
            Self::Copies { volume, .. } => Subject::Volume(volume.id),
            Self::ReplaceBrick { new, .. } => Subject::Volume(new.volume),
            Self::RemoveVolume(id) => Subject::Volume(*id),
            Self::AddSnapshot(snapshot) => Subject::Snapshot(snapshot.id),
            Self::RemoveSnapshot(id) => Subject::Snapshot(*id),
            Self::AddBlock(block) | Self::PutBlock(block) => Subject::Block(block.id),
            Self::RemoveBlock(id) => Subject::Block(*id),
            Self::PutAttachments(attachments) => Subject::Attachments(attachments.volume),
            Self::Clear(remains) => remains.subject,
            Self::Keep(subject) => *subject,
        }
    }

    /// Whether nodes' own files tell something else afterwards: they are about nodes with their devices, and about the cluster.
    pub const fn changes_node_files(&self) -> bool {
        match self {
            Self::PutCluster(_)
            | Self::PutNode(_)
            | Self::RemoveNode(_)
            | Self::ForgetNode(_)
            | Self::PutDevice(_)
            | Self::AddDevice(_)
            | Self::ResizeDevice(_)
            | Self::RemoveDevice(_) => true,
            // A cluster that goes has no node.
            Self::RemoveCluster(_)
            | Self::AddVolume(..)
            | Self::PutVolume(_)
            | Self::Copies { .. }
            | Self::GrowVolume { .. }
            | Self::GrowBricks { .. }
            | Self::ReplaceBrick { .. }
            | Self::OrderBricks { .. }
            | Self::RemoveVolume(_)
            | Self::AddSnapshot(_)
            | Self::RemoveSnapshot(_)
            | Self::AddBlock(_)
            | Self::PutBlock(_)
            | Self::RemoveBlock(_)
            | Self::PutAttachments(_)
            | Self::Clear(_)
            | Self::Keep(_) => false,
        }
    }

    /// Whether the thing is gone afterwards.
    pub const fn removes(&self) -> bool {
        matches!(
            self,
            Self::RemoveCluster(_)
                | Self::RemoveNode(_)
                | Self::ForgetNode(_)
                | Self::RemoveDevice(_)
                | Self::RemoveVolume(_)
                | Self::RemoveSnapshot(_)
                | Self::RemoveBlock(_)
                | Self::Clear(_)
        )
    }
}

/// Everything that has to happen for one operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Stages, done one after the other.
    pub stages: Vec<Stage>,
    /// The first stage from which there is no way back: once it begins, the operation only goes forward. What
    /// it destroys cannot be made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_from: Option<usize>,
    /// What is recorded at the end.
    pub changes: Vec<Change>,
}

impl Plan {
    /// A plan without steps: only records change.
    pub fn record(changes: Vec<Change>) -> Self {
        Self {
            stages: Vec::new(),
            forward_from: None,
            changes,
        }
    }

    /// All steps in order, each with its stage's number.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.stages
            .iter()
            .enumerate()
            .flat_map(|(number, stage)| stage.steps.iter().map(move |step| (number, step)))
    }

    /// What the plan is about: the thing that its first change names; a block volume, where it makes one with its hosting volume; a device,
    /// where it makes one ready at the path of another.
    pub fn subject(&self) -> Option<Subject> {
        let made = self.changes.iter().find_map(|change| match change {
            Change::AddBlock(block) => Some(Subject::Block(block.id)),
            Change::AddDevice(device) => Some(Subject::Device(device.id)),
            _ => None,
        });
        made.or_else(|| self.changes.first().map(Change::subject))
    }

    /// The block volume that the plan brings into being.
    pub fn new_block(&self) -> Option<&BlockVolume> {
        self.changes.iter().find_map(|change| match change {
            Change::AddBlock(block) => Some(block),
            _ => None,
        })
    }

    /// The bricks that the plan brings into being: their space is spoken for while it runs.
    pub fn new_bricks(&self) -> impl Iterator<Item = &Brick> {
        self.changes.iter().flat_map(|change| match change {
            Change::AddVolume(_, bricks) | Change::GrowVolume { bricks, .. } => bricks.as_slice(),
            Change::Copies { added, .. } => added.as_slice(),
            Change::ReplaceBrick { new, .. } => std::slice::from_ref(new),
            _ => &[],
        })
    }

    /// Bricks that the plan makes larger, as they are to be: what they take more is spoken for while it runs.
    pub fn grown_bricks(&self) -> impl Iterator<Item = &Brick> {
        self.changes.iter().flat_map(|change| match change {
            Change::GrowBricks { bricks, .. } => bricks.as_slice(),
            _ => &[],
        })
    }

    /// The snapshots that the plan brings into being.
    pub fn new_snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.changes.iter().filter_map(|change| match change {
            Change::AddSnapshot(snapshot) => Some(snapshot),
            _ => None,
        })
    }

    /// The volume that the plan brings into being.
    pub fn new_volume(&self) -> Option<&Volume> {
        self.changes.iter().find_map(|change| match change {
            Change::AddVolume(volume, _) => Some(volume),
            _ => None,
        })
    }
}
