//! What Heketi remembers, in the form of its JSON export: names, order and what is left out are Heketi's. Ids are texts: a
//! database that somebody edited may hold anything.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use crate::json::{go_float, is_false, is_zero};

/// A whole database. Each member is by id; attributes are by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Database {
    /// Trusted pools.
    #[serde(rename = "clusterentries")]
    pub clusters: BTreeMap<String, ClusterEntry>,
    /// Volumes.
    #[serde(rename = "volumeentries")]
    pub volumes: BTreeMap<String, VolumeEntry>,
    /// Bricks.
    #[serde(rename = "brickentries")]
    pub bricks: BTreeMap<String, BrickEntry>,
    /// Nodes.
    #[serde(rename = "nodeentries")]
    pub nodes: BTreeMap<String, NodeEntry>,
    /// Devices.
    #[serde(rename = "deviceentries")]
    pub devices: BTreeMap<String, DeviceEntry>,
    /// Block volumes.
    #[serde(rename = "blockvolumeentries")]
    pub block_volumes: BTreeMap<String, BlockVolumeEntry>,
    /// What Heketi noted of the database itself.
    #[serde(rename = "dbattributeentries")]
    pub attributes: BTreeMap<String, AttributeEntry>,
    /// Operations that were under way.
    #[serde(rename = "pendingoperations")]
    pub operations: BTreeMap<String, PendingOperation>,
    /// Entries that are not among those above.
    #[serde(skip)]
    pub unread: Vec<Unread>,
}

/// An entry that is there, and is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// What it is: `volume`, `brick`, …
    pub kind: &'static str,
    /// Its key.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: left out: {}", self.kind, self.key, self.why)
    }
}

/// The operation that an entry belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pending {
    /// Its id; empty for an entry that is settled.
    #[serde(rename = "Id")]
    pub id: String,
}

/// A trusted pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClusterEntry {
    /// All of it.
    #[serde(rename = "Info")]
    pub info: ClusterInfo,
}

/// What is known of a trusted pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClusterInfo {
    /// Its id.
    pub id: String,
    /// Its nodes.
    pub nodes: Vec<String>,
    /// Its volumes.
    pub volumes: Vec<String>,
    /// Whether it takes block volumes.
    pub block: bool,
    /// Whether it takes file volumes. Databases before version 6 say neither, and mean both.
    pub file: bool,
    /// Its block volumes.
    pub blockvolumes: Vec<String>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NodeEntry {
    /// `online`, `offline` or `failed`.
    #[serde(rename = "State")]
    pub state: String,
    /// All else.
    #[serde(rename = "Info")]
    pub info: NodeInfo,
    /// Its devices.
    #[serde(rename = "Devices")]
    pub devices: Vec<String>,
}

/// What is known of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NodeInfo {
    /// Its failure domain.
    pub zone: i64,
    /// Where it is reached.
    pub hostnames: Hostnames,
    /// Its cluster.
    pub cluster: String,
    /// Its labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its id.
    pub id: String,
}

/// Where a node is reached; only the first of each counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Hostnames {
    /// By commands.
    pub manage: Vec<String>,
    /// By GlusterFS and its clients.
    pub storage: Vec<String>,
}

/// A device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceEntry {
    /// `online`, `offline` or `failed`.
    #[serde(rename = "State")]
    pub state: String,
    /// What it is.
    #[serde(rename = "Info")]
    pub info: DeviceInfo,
    /// Its bricks.
    #[serde(rename = "Bricks")]
    pub bricks: Vec<String>,
    /// Its node.
    #[serde(rename = "NodeId")]
    pub node: String,
    /// KiB of an extent of its volume group.
    #[serde(rename = "ExtentSize")]
    pub extent_size: u64,
}

/// What is known of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// Its path.
    pub name: String,
    /// Its labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// How full it is.
    pub storage: StorageSize,
    /// Its id.
    pub id: String,
    /// All its paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// UUID of its physical volume; unknown before version 10.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pv_uuid: String,
}

/// How full a device is, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StorageSize {
    /// Room for bricks.
    pub total: u64,
    /// What is left.
    pub free: u64,
    /// What bricks take.
    pub used: u64,
}

/// A brick.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BrickEntry {
    /// Where it is.
    #[serde(rename = "Info")]
    pub info: BrickInfo,
    /// KiB of its thin pool.
    #[serde(rename = "TpSize")]
    pub pool_size: u64,
    /// KiB of its thin pool's metadata.
    #[serde(rename = "PoolMetadataSize")]
    pub metadata_size: u64,
    /// The operation that it belongs to.
    #[serde(rename = "Pending")]
    pub pending: Pending,
    /// Name of its thin pool; empty for `tp_<brick>`.
    #[serde(rename = "LvmThinPool")]
    pub thin_pool: String,
    /// Name of its logical volume; empty for `brick_<brick>`.
    #[serde(rename = "LvmLv")]
    pub logical_volume: String,
    /// 0 unknown (before version 7), 1 one that holds data, 2 an arbiter.
    #[serde(rename = "SubType")]
    pub sub_type: i64,
}

/// Where a brick is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BrickInfo {
    /// Its id.
    pub id: String,
    /// Its folder, as GlusterFS knows it.
    pub path: String,
    /// Its device.
    pub device: String,
    /// Its node.
    pub node: String,
    /// Its volume; empty before version 5.
    pub volume: String,
    /// KiB of its file system.
    pub size: u64,
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VolumeEntry {
    /// What it is.
    #[serde(rename = "Info")]
    pub info: VolumeInfo,
    /// Its bricks, by id: which of them are one set is not told.
    #[serde(rename = "Bricks")]
    pub bricks: Vec<String>,
    /// Options that were set when it was made; `None` where the database tells of none.
    #[serde(rename = "GlusterVolumeOptions")]
    pub options: Option<Vec<String>>,
    /// The operation that it belongs to.
    #[serde(rename = "Pending")]
    pub pending: Pending,
}

/// What is known of a volume.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VolumeInfo {
    /// GiB, as asked for.
    pub size: i64,
    /// Clusters it was asked for on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Its name in GlusterFS.
    pub name: String,
    /// How it survives the loss of bricks.
    pub durability: Durability,
    /// Group that owns its root.
    #[serde(skip_serializing_if = "is_zero")]
    pub gid: i64,
    /// Options as asked for.
    #[serde(rename = "glustervolumeoptions", skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Whether it holds block volumes.
    #[serde(skip_serializing_if = "is_false")]
    pub block: bool,
    /// Room for snapshots.
    pub snapshot: Snapshot,
    /// Its id.
    pub id: String,
    /// Its cluster.
    pub cluster: String,
    /// How clients mount it.
    pub mount: Mount,
    /// What it has left for block volumes.
    pub blockinfo: BlockInfo,
}

/// How a volume survives the loss of bricks. Only what goes with the type counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Durability {
    /// `none`, `replicate` or `disperse`; empty means none.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Copies.
    pub replicate: Replicate,
    /// Pieces.
    pub disperse: Disperse,
}

/// Copies of each file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replicate {
    /// How many; 0 means 2.
    #[serde(skip_serializing_if = "is_zero")]
    pub replica: i64,
}

/// Pieces of each file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disperse {
    /// Those that are needed.
    #[serde(skip_serializing_if = "is_zero")]
    pub data: i64,
    /// Those that may be lost.
    #[serde(skip_serializing_if = "is_zero")]
    pub redundancy: i64,
}

/// Room for snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// Whether there is some.
    pub enable: bool,
    /// Thin pool size over brick size.
    #[serde(serialize_with = "go_float")]
    pub factor: f64,
}

/// How clients mount a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// With GlusterFS's own protocol.
    pub glusterfs: GlusterFsMount,
}

/// How clients mount a volume with GlusterFS's own protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GlusterFsMount {
    /// Storage hosts of the cluster's nodes.
    pub hosts: Vec<String>,
    /// What to mount.
    pub device: String,
    /// Mount options.
    pub options: BTreeMap<String, String>,
}

/// What a volume has left for block volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlockInfo {
    /// Free GiB.
    #[serde(skip_serializing_if = "is_zero")]
    pub freesize: i64,
    /// GiB kept back.
    #[serde(skip_serializing_if = "is_zero")]
    pub reservedsize: i64,
    /// Its block volumes.
    #[serde(rename = "blockvolume", skip_serializing_if = "Vec::is_empty")]
    pub blockvolumes: Vec<String>,
    /// Empty, `locked` or `locked-by-update`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub restriction: String,
}

/// A block volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlockVolumeEntry {
    /// What it is.
    #[serde(rename = "Info")]
    pub info: BlockVolumeInfo,
    /// The operation that it belongs to.
    #[serde(rename = "Pending")]
    pub pending: Pending,
}

/// What is known of a block volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BlockVolumeInfo {
    /// GiB, as asked for.
    pub size: i64,
    /// Clusters it was asked for on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Its name.
    pub name: String,
    /// Hosts that serve it.
    #[serde(skip_serializing_if = "is_zero")]
    pub hacount: i64,
    /// Whether initiators must say who they are.
    #[serde(skip_serializing_if = "is_false")]
    pub auth: bool,
    /// Its id.
    pub id: String,
    /// How initiators reach it.
    pub blockvolume: Target,
    /// Its cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The volume that holds it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub blockhostingvolume: String,
    /// GiB that can be used; unknown before version 10.
    #[serde(skip_serializing_if = "is_zero")]
    pub usablesize: i64,
}

/// How initiators reach a block volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BlockTarget)]
pub struct Target {
    /// Hosts that serve it.
    pub hosts: Vec<String>,
    /// The target's name.
    pub iqn: String,
    /// The unit's number.
    pub lun: i64,
    /// The initiators' name; empty when none is asked for.
    pub username: String,
    /// Their secret.
    pub password: String,
}

/// What Heketi noted of the database itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AttributeEntry {
    /// Its name.
    #[serde(rename = "Key")]
    pub key: String,
    /// Its value.
    #[serde(rename = "Value")]
    pub value: String,
}

/// An operation that was under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PendingOperation {
    /// Its id.
    #[serde(rename = "Id")]
    pub id: String,
    /// Seconds since 1970 when it began.
    #[serde(rename = "Timestamp")]
    pub timestamp: i64,
    /// What it does: [`operation_name`].
    #[serde(rename = "Type")]
    pub kind: i64,
    /// What it changes.
    #[serde(rename = "Actions")]
    pub actions: Vec<Action>,
    /// Empty, `stale` or `failed`.
    #[serde(rename = "Status")]
    pub status: String,
}

/// A change that is part of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Action {
    /// What is changed: [`change_name`].
    #[serde(rename = "Change")]
    pub change: i64,
    /// The thing.
    #[serde(rename = "Id")]
    pub id: String,
    /// GiB by which a volume grows, or to which a block volume does. Written as Go writes a whole number.
    #[serde(rename = "Delta")]
    pub delta: Option<i64>,
}

/// What an operation of this type is called on Heketi's wire.
pub const fn operation_name(kind: i64) -> &'static str {
    match kind {
        1 => "create-volume",
        2 => "delete-volume",
        3 => "expand-volume",
        4 => "create-block-volume",
        5 => "delete-block-volume",
        6 => "remove-device",
        7 => "clone-volume",
        8 => "evict-brick",
        9 => "expand-block-volume",
        _ => "unknown",
    }
}

/// What a change is called on Heketi's wire.
pub const fn change_name(change: i64) -> &'static str {
    match change {
        1 => "Add brick",
        2 => "Add volume",
        3 => "Delete brick",
        4 => "Delete volume",
        5 => "Expand volume",
        6 => "Add block volume",
        7 => "Delete block volume",
        8 => "Remove device",
        9 => "Clone volume from",
        10 => "Snapshot volume",
        11 => "Expand volume to",
        12 => "Performing child operation",
        13 => "Belongs to parent operation",
        14 => "Expand block volume",
        _ => "Unknown",
    }
}
