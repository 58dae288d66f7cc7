//! `/v1/block-volumes`

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A block volume, as recorded.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockVolume {
    /// Its id.
    pub id: String,
    /// Its name in gluster-block: no other one of its cluster has it.
    pub name: String,
    /// Its cluster's id.
    pub cluster: String,
    /// The volume that holds it, by id.
    pub hosting: String,
    /// That volume's name.
    pub hosting_name: String,
    /// What it takes of that volume, bytes.
    pub size: u64,
    /// What initiators see of it, bytes: less than its size where an expansion was done in part.
    pub usable: u64,
    /// How many hosts serve it.
    pub ha: u32,
    /// Hosts that may serve it.
    pub hosts: Vec<String>,
    /// Whether initiators must prove who they are.
    pub auth: bool,
    /// Its name in iSCSI.
    pub iqn: String,
    /// Its number there.
    pub lun: i64,
    /// Who initiators are; absent in lists, and where nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// How they prove it; absent in lists, and where nobody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The operation that changes it just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Without what initiators prove themselves with.
impl fmt::Debug for BlockVolume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockVolume")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("hosting", &self.hosting)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// Block volumes, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockVolumeList {
    /// The block volumes.
    pub block_volumes: Vec<BlockVolume>,
    /// The id after which the next page begins; absent when this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The operation that is just making or removing the block volume of the name that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Which block volumes are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BlockVolumeQuery {
    /// Only those that the volume with this id holds.
    pub hosting: Option<String>,
    /// Only those of this name, one per cluster at most.
    pub name: Option<String>,
    /// Only those after this id.
    pub after: Option<String>,
    /// How many at most: 1000 unless told otherwise, and never more.
    pub limit: Option<u32>,
}

/// A block volume that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockVolumeRequest {
    /// Its size, bytes: a number of whole GiB, at least one.
    #[schema(minimum = 1_073_741_824)]
    pub size: u64,
    /// Its name in gluster-block; asked again by it, the same block volume is the answer. `blockvol_` and its id when none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Ids of the clusters that it may be on; any when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// How many hosts serve it; all that can when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ha: Option<u32>,
    /// Whether initiators must prove who they are.
    #[serde(default)]
    pub auth: bool,
}

/// Another host for a block volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockHostRequest {
    /// The host that serves it, by either name of its node.
    pub old: String,
    /// The host that takes its place; the one with the fewest block volumes when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// Whether the old one is gone for good: it is not asked.
    #[serde(default)]
    pub dead: bool,
}

/// How large a block volume is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockVolumeExpandRequest {
    /// Its size afterwards, bytes: a number of whole GiB.
    #[schema(minimum = 1_073_741_824)]
    pub size: u64,
}
