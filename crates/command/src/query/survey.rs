//! What is on a node, whatever it is called in the records: asked in one round trip, without knowing what should
//! be there. And what is in its trusted pool.
//!
//! The answer is what the tools show, sorted by name and cut to what can be Mortar's, Heketi's or in their way. What it
//! means is for others to say.
//!
//! A thousand bricks of a node fit into one batch: their answers are less than five MiB, of sixteen that an executor keeps.
//! Beyond that the batch is broken, never cut: parts whose commands had ended stand, the others say why not.

mod files;
mod node;
mod pool;

use mortar_model::ByteSize;

pub use node::{ask_node, ask_node_with, ask_volumes, read_node, read_node_with, read_volumes};
pub use pool::{ask_pool, read_pool};

use super::pool::Member;
use super::volume_info::VolumeInfo;

/// What a node shows of itself. Each part is an error text where its tool could not tell: the others stand.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSurvey {
    /// Text of the node's file; `None` when there is none.
    pub node_file: Part<Option<String>>,
    /// All volume groups with the physical volume below each. Where nodes share a machine and LVM is not told which disks
    /// are whose, each shows those of all.
    pub groups: Part<Vec<GroupSeen>>,
    /// All logical volumes, pools included.
    pub volumes: Part<Vec<VolumeSeen>>,
    /// The directories that were asked for.
    pub directories: Part<Vec<DirectorySeen>>,
    /// Image files in them, those in the making too.
    pub images: Part<Vec<ImageSeen>>,
    /// Texts of the files of copies of bricks, by path.
    pub copies: Part<Vec<(String, String)>>,
    /// All XFS mounts.
    pub mounts: Part<Vec<MountSeen>>,
    /// Entries of the file of mount entries whose file system is XFS.
    pub entries: Part<Vec<EntrySeen>>,
    /// Loop devices in use.
    pub loops: Part<Vec<LoopSeen>>,
    /// Brick folders below Mortar's mount folder; without one, a mount point is not among them.
    pub folders: Part<Vec<FolderSeen>>,
    /// Texts of identity files below Mortar's mount folder, by mount point. A file without text, or with far more than
    /// an identity has, gives an empty one.
    pub identities: Part<Vec<(String, String)>>,
    /// Mount points and asked directories that the node cannot read, with its words: a dead disk, most of the time. What
    /// they hold is in no other part, and nobody can tell whether it is there.
    pub unreadable: Vec<(String, String)>,
    /// The trusted pool as this node sees it; an error when its glusterd does not answer.
    pub members: Part<Vec<Member>>,
}

/// A part of a survey, or why it could not be had.
pub type Part<T> = Result<T, String>;

/// A volume group on one physical volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSeen {
    /// Its name.
    pub name: String,
    /// Size of all its extents.
    pub size: ByteSize,
    /// Size of those that no volume has.
    pub free: ByteSize,
    /// Size of one extent.
    pub extent: ByteSize,
    /// Path of the physical volume, as LVM names it today.
    pub path: String,
    /// UUID of the physical volume.
    pub uuid: String,
    /// Tags of the group.
    pub tags: Vec<String>,
}

/// A logical volume or a thin pool.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeSeen {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Its size: of a thin volume what it can grow to, of a pool that of its data.
    pub size: ByteSize,
    /// Size of a pool's metadata.
    pub metadata: ByteSize,
    /// Its pool, for a thin volume.
    pub pool: Option<String>,
    /// Whether it is a thin pool.
    pub is_pool: bool,
    /// Whether it is active: its block device is there.
    pub active: bool,
    /// Its tags.
    pub tags: Vec<String>,
    /// Share of the data space that is written, in per cent.
    pub data_percent: Option<f64>,
    /// The same of a pool's metadata.
    pub metadata_percent: Option<f64>,
}

/// A directory that stands for a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySeen {
    /// Its path, as asked.
    pub path: String,
    /// Text of its identity file; `None` when there is none.
    pub identity: Option<String>,
    /// Size of the file system that it is on, and free space there; `None` when the directory does not exist or cannot
    /// be read.
    pub space: Option<(ByteSize, ByteSize)>,
}

/// A brick's image file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSeen {
    /// Its path.
    pub path: String,
    /// Its size as its file system sees it.
    pub size: ByteSize,
    /// What it takes of the directory's file system.
    pub taken: ByteSize,
}

/// A mounted XFS file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountSeen {
    /// Where.
    pub target: String,
    /// Its block device.
    pub source: String,
    /// UUID of the file system; empty when the node cannot tell.
    pub uuid: String,
    /// Size of the file system.
    pub size: ByteSize,
    /// Space taken in it.
    pub used: ByteSize,
}

/// A persistent mount entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntrySeen {
    /// What is mounted: a device, an image, or `UUID=…`.
    pub source: String,
    /// Where.
    pub target: String,
}

/// A loop device in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopSeen {
    /// The device.
    pub device: String,
    /// The file behind it, as it is called now; with ` (deleted)` at its end when it has no name any more. Loop devices
    /// belong to the machine: where nodes share one (containers, the lab), each shows those of all.
    pub file: String,
}

/// A brick's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderSeen {
    /// The mount point that it is below.
    pub mount_point: String,
    /// Its group.
    pub gid: u32,
}

/// The volumes of a trusted pool, as one of its members tells.
pub type PoolSurvey = Vec<VolumeInfo>;
