//! `/v1/snapshot-groups`

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Snapshot;

/// Snapshots of several volumes that show the same moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotGroup {
    /// Its id.
    pub id: String,
    /// Its name: no other group has it.
    pub name: String,
    /// When it was asked for.
    pub created: String,
    /// The cluster that its volumes are on.
    pub cluster: String,
    /// The volumes that it was made of, by id.
    pub volumes: Vec<String>,
    /// One snapshot of each of them. Fewer only where a rebuild did not find all.
    pub snapshots: Vec<Snapshot>,
    /// The operation that removes it just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Groups of snapshots, by id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotGroupList {
    /// The groups.
    pub groups: Vec<SnapshotGroup>,
    /// The id after which the next page begins; absent when this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The operation that is just making or removing the group of the name that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Which groups are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SnapshotGroupQuery {
    /// Only the one of this name.
    pub name: Option<String>,
    /// Only those after this id.
    pub after: Option<String>,
    /// How many at most; all unless told otherwise.
    pub limit: Option<u32>,
}

/// A group of snapshots that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotGroupRequest {
    /// The volumes, by id: 1 to 32 of one cluster.
    pub volumes: Vec<String>,
    /// The group's name; asked again by it for the same volumes, the same group is the answer. `group_` and its id when none
    /// is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
