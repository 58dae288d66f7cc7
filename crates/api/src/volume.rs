//! `/v1/volumes`: volumes with sizes in bytes, page by page and by name; what may be asked for, what there is room for, and how
//! volumes are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{Attachment, LastHeal};

/// The option of a volume that names the claim of Kubernetes that it was made for, `NAMESPACE/NAME`.
pub const CLAIM_OPTION: &str = "user.csi.claim";

/// A volume that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeRequest {
    /// Its name in GlusterFS. Asked again by the same name, the answer leads to the same volume.
    pub name: String,
    /// Its usable size, bytes.
    #[schema(minimum = 1)]
    pub size: u64,
    /// How it survives the loss of bricks, in words (`none`, `replicate 3`, `arbiter`, `disperse 4+2`).
    pub durability: String,
    /// Ids of the clusters that it may be on, the preferred ones first; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Only clusters that have a node in one of these zones, those of the first zone first; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<u32>,
    /// Group that owns its root; 0 is root's own.
    #[serde(default)]
    pub gid: u32,
    /// GlusterFS options to set on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Thin pool size over brick size, 1 to 100; no room for snapshots is kept when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_factor: Option<f64>,
}

/// A volume, as recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Volume {
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
    /// Options that were asked for.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Thin pool size over brick size; absent when no room for snapshots is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_factor: Option<f64>,
    /// Hosts that clients may ask for its description, those that hold bricks of it first; 16 at most.
    pub servers: Vec<String>,
    /// Zones in which its cluster has nodes.
    pub zones: Vec<u32>,
    /// Nodes that may use it, in the order of their names, as far as those who attach volumes have said so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// What was to be healed when it was last asked for; absent in lists, where it keeps no copies, and where nobody asked yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<LastHeal>,
    /// The operation that changes it or keeps it as it is just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Which volumes are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VolumeQuery {
    /// Only those after this id.
    pub after: Option<String>,
    /// How many at most: 1000 unless told otherwise, and never more.
    pub limit: Option<u32>,
    /// Only those of this name, one per cluster at most.
    pub name: Option<String>,
    /// Only those of the cluster with this id.
    pub cluster: Option<String>,
}

/// Volumes in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VolumePage {
    /// The volumes.
    pub volumes: Vec<Volume>,
    /// The id after which the next page begins; absent when this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The operation that is just making or removing a volume of the name that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Bounds that placement keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Smallest brick that is made, bytes. The smallest volume has one set of them.
    pub brick_min: u64,
    /// Largest brick that is made, bytes.
    pub brick_max: u64,
    /// Most bricks of one volume.
    pub bricks_per_volume: u32,
}

/// For what kind of volume room is looked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CapacityQuery {
    /// How it survives the loss of bricks, in words (`none`, `replicate 3`, `arbiter`, `disperse 4+2`).
    pub durability: String,
    /// Ids of the clusters that it may be on, with commas between; any when absent.
    pub clusters: Option<String>,
    /// Only clusters that have a node in one of these zones, with commas between; any when absent.
    pub zones: Option<String>,
    /// Thin pool size over brick size, 1 to 100; no room for snapshots is kept when absent.
    pub snapshot_factor: Option<f64>,
}

/// Room for volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Capacity {
    /// Usable bytes that the free space of all devices would give, if it could be cut without loss.
    pub available: u64,
    /// The largest volume that could be made now, bytes; 0 when none could.
    pub largest: u64,
    /// The smallest volume that is made, bytes.
    pub smallest: u64,
}

/// How a volume is for those who use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeHealth {
    /// The volume's id.
    pub id: String,
    /// What is wrong; empty when nothing is.
    pub troubles: Vec<Trouble>,
}

/// What is wrong with a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trouble {
    /// How bad it is.
    pub harm: Harm,
    /// Which kind of thing is wrong, in CamelCase (`BrickDown`, `QuorumLost`, `HealPending`, `SplitBrain`, …).
    pub reason: String,
    /// The same for people.
    pub message: String,
}

/// How bad something is for those who use a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// It works, and would survive less than it should.
    Degraded,
    /// It cannot be written, or not be reached at all.
    Inaccessible,
    /// Data is lost, or contradicts itself.
    DataLoss,
    /// Something this program is too old to know.
    #[serde(other)]
    Unknown,
}

/// Volumes with which something is wrong, page by page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeHealthPage {
    /// Those with which something is wrong, as far as is known without asking the nodes now.
    pub volumes: Vec<VolumeHealth>,
    /// The id after which the next page begins; absent when this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
