//! `GET /v1/explain/volumes/{id}` and `/v1/explain/block-volumes/{id}`: the chain (block volume →) volume → bricks → logical volumes or
//! images → devices → nodes, what is recorded beside what is seen on the nodes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Attachment, Rebalance};

/// How what is seen stands to what is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SightState {
    /// Seen, and as recorded.
    Ok,
    /// Surely not there.
    Missing,
    /// There, and not as recorded.
    Different,
    /// Not seen: the node did not answer, or its answer was not understood.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What was seen of a thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sight {
    /// How it stands to the record.
    pub state: SightState,
    /// What was seen, or why nothing was, in a few words; empty when there is nothing to add.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

impl Sight {
    /// Seen as recorded.
    pub const fn ok() -> Self {
        Self {
            state: SightState::Ok,
            text: String::new(),
        }
    }

    /// A sight with words.
    pub fn new(state: SightState, text: impl Into<String>) -> Self {
        Self {
            state,
            text: text.into(),
        }
    }
}

/// The chain of a volume, all the way down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The claim that rests on the volume, as its door names it; absent when none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// The volume.
    pub volume: ExplainedVolume,
    /// Its bricks, by set and position, each with all that it rests on.
    pub bricks: Vec<ExplainedBrick>,
    /// When the nodes were looked at, RFC 3339.
    pub looked_at: String,
}

/// The chain of a block volume: its hosts, the volume that holds it, and all the way down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockExplanation {
    /// The block volume.
    pub block: ExplainedBlock,
    /// The volume that holds it.
    pub hosting: Explanation,
}

/// The block volume, recorded and seen. What initiators prove themselves with is not among it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedBlock {
    /// Its id.
    pub id: String,
    /// Its name in gluster-block.
    pub name: String,
    /// What it takes of the volume that holds it, bytes.
    pub size: u64,
    /// What initiators see of it, bytes.
    pub usable: u64,
    /// How many hosts serve it.
    pub ha: u32,
    /// Whether initiators must prove who they are.
    pub auth: bool,
    /// Its name in iSCSI.
    pub iqn: String,
    /// Its number there.
    pub lun: i64,
    /// Hosts that may serve it.
    pub hosts: Vec<ExplainedHost>,
    /// What gluster-block says of it.
    pub sight: Sight,
}

/// A host that may serve a block volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedHost {
    /// Its name, as initiators reach it.
    pub host: String,
    /// The id of its node; absent where no node has that name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// What gluster-block says of it.
    pub sight: Sight,
}

/// How clients mount a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mount {
    /// Hosts that a client may ask first.
    pub hosts: Vec<String>,
    /// What is mounted: `HOST:NAME`.
    pub device: String,
    /// Options of the mount.
    pub options: BTreeMap<String, String>,
    /// The whole command, with a mount point to replace.
    pub line: String,
}

/// The volume, recorded and seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedVolume {
    /// Its id.
    pub id: String,
    /// Its name in GlusterFS.
    pub name: String,
    /// Its cluster's id.
    pub cluster: String,
    /// Usable size, bytes.
    pub size: u64,
    /// How it survives the loss of bricks, in words (`none`, `replicate 3`, `arbiter`, `disperse 4+2`).
    pub durability: String,
    /// Group that owns its root; 0 is root's own.
    #[serde(default)]
    pub gid: u32,
    /// Options that were asked for, `key value`.
    #[serde(default)]
    pub options: Vec<String>,
    /// Nodes that may use it, as far as those who attach volumes have said so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// How clients mount it.
    pub mount: Mount,
    /// What GlusterFS says of it.
    pub sight: Sight,
    /// What all its bricks list together; absent when it has no copies or nobody tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<Heal>,
    /// What of it nobody tells, and why: bricks that could not be asked, or all of them. Absent when all is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal_unknown: Option<String>,
    /// How far its files are spread over all its bricks; absent when it has one set of bricks, or none was ever added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<Rebalance>,
}

/// What waits to be healed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Heal {
    /// Files and folders that wait for a heal.
    pub pending: u64,
    /// Of these, those whose copies contradict each other: a person must choose.
    pub split_brain: u64,
}

/// One brick and all that it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedBrick {
    /// Its id.
    pub id: String,
    /// Number of its set, from 0.
    pub set: u32,
    /// Place in the set, from 0.
    pub position: u32,
    /// Its folder as GlusterFS knows it.
    pub path: String,
    /// Size of its file system, bytes.
    pub size: u64,
    /// What GlusterFS says of its process.
    pub sight: Sight,
    /// What waits to be healed from it; absent when not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<Heal>,
    /// The file system it lives in.
    pub file_system: FileSystem,
    /// The logical volume or image that holds the file system.
    pub space: ExplainedSpace,
    /// The device that the space is cut from.
    pub device: ExplainedDevice,
    /// The node that the device is in.
    pub node: ExplainedNode,
}

/// A brick's file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileSystem {
    /// Where it is mounted.
    pub mount_point: String,
    /// Bytes it holds, as seen; absent when not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Bytes in use, as seen; absent when not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// What the node says of the mount.
    pub sight: Sight,
}

/// What a brick's file system is made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SpaceKind {
    /// A thin logical volume in a thin pool of its own.
    LogicalVolume,
    /// An image file on a loop device.
    Image,
    /// A folder on a file system that others made: it was adopted.
    Folder,
    /// Something this program is too old to know.
    #[serde(other)]
    Unknown,
}

/// The logical volume or image of a brick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedSpace {
    /// Which of the two.
    pub kind: SpaceKind,
    /// `VOLUME-GROUP/LOGICAL-VOLUME`, or the image file's path.
    pub name: String,
    /// Bytes that it takes of the device, with pool and metadata.
    pub footprint: u64,
    /// Name of the thin pool; absent for an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thin_pool: Option<String>,
    /// Fill of the thin pool in percent, as seen; absent when not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thin_pool_percent: Option<u8>,
    /// What the node says of it.
    pub sight: Sight,
}

/// The device below a brick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedDevice {
    /// Its id.
    pub id: String,
    /// Its path on the node.
    pub path: String,
    /// `lvm` or `directory`.
    pub kind: String,
    /// Bytes it has for bricks.
    pub size: u64,
    /// Bytes its bricks take.
    pub used: u64,
    /// `online`, `offline` or `failed`.
    pub state: String,
    /// What the node says of it.
    pub sight: Sight,
}

/// The node below a brick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedNode {
    /// Its id.
    pub id: String,
    /// Where commands reach it.
    pub manage: String,
    /// Its name in the trusted pool.
    pub storage: String,
    /// Its zone.
    pub zone: u32,
    /// `online`, `offline` or `failed`.
    pub state: String,
    /// Whether it answered.
    pub sight: Sight,
}
