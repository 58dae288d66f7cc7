//! `/v1/snapshots`, and clones.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A volume as it was at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// Its id.
    pub id: String,
    /// Its name: no other snapshot has it.
    pub name: String,
    /// When it was asked for.
    pub created: String,
    /// The volume that it is of, by id.
    pub volume: String,
    /// That volume's name.
    pub volume_name: String,
    /// The cluster that it is on.
    pub cluster: String,
    /// Usable bytes of the volume then, and of a volume made of it.
    pub size: u64,
    /// How the volume survived the loss of bricks then, in words (`none`, `replicate 3`, `arbiter`, `disperse 4+2`).
    #[serde(default)]
    pub durability: String,
    /// Group that owned its root; 0 is root's own.
    #[serde(default)]
    pub gid: u32,
    /// Options that were asked for until then.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Thin pool size over brick size; absent when no room for snapshots was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_factor: Option<f64>,
    /// Zones in which its cluster has nodes.
    #[serde(default)]
    pub zones: Vec<u32>,
    /// Bytes of devices that are kept for it.
    pub taken: u64,
    /// Copies of bricks that it consists of.
    pub bricks: u32,
    /// The group that it was made with, by id; absent when it was made alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// That group's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
    /// The operation that removes or uses it just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Snapshots, by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotList {
    /// The snapshots.
    pub snapshots: Vec<Snapshot>,
    /// The id after which the next page begins; absent when this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The operation that is just making or removing the snapshot of the name that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Which snapshots are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SnapshotQuery {
    /// Only those of the volume with this id.
    pub volume: Option<String>,
    /// Only the one of this name.
    pub name: Option<String>,
    /// Only those after this id.
    pub after: Option<String>,
    /// How many at most; all unless told otherwise.
    pub limit: Option<u32>,
}

/// A snapshot that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRequest {
    /// The volume, by id.
    pub volume: String,
    /// The snapshot's name; asked again by it, the same snapshot is the answer. `snap_` and its id when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A volume that begins with what a snapshot or another volume holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneRequest {
    /// Its name; asked again by it, the same volume is the answer. `vol_` and its id when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its GlusterFS options, all of them; those that its origin had when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<BTreeMap<String, String>>,
}
