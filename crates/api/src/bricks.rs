//! `GET /v1/bricks`, `POST /v1/bricks/{id}/evict`, and the same for all bricks of a device or a node.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::TopologyBrick;

/// How bricks are moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// Whether the bricks themselves need not run: whatever only they hold is given up.
    #[serde(default)]
    pub dead: bool,
}

/// Which bricks are listed, here and on `/bricks`. Filters go together: what is listed passes all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BrickQuery {
    /// Only those of the cluster with this id.
    pub cluster: Option<String>,
    /// Only those on the node with this id.
    pub node: Option<String>,
    /// Only those on the device with this id.
    pub device: Option<String>,
    /// Only those of the volume with this id.
    pub volume: Option<String>,
    /// Only those after this id.
    pub after: Option<String>,
    /// How many at most. `/v1` lists 1000 unless told otherwise, and never more.
    pub limit: Option<u32>,
}

/// A brick, as the topology has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrickEntry {
    /// Its node's id.
    pub node: String,
    /// Where commands reach that node.
    pub host: String,
    /// Its device's id.
    pub device: String,
    /// That device's path.
    pub path: String,
    /// The brick.
    #[serde(flatten)]
    pub brick: TopologyBrick,
}

/// Bricks in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrickPage {
    /// The bricks.
    pub bricks: Vec<BrickEntry>,
    /// The id after which the next page begins; absent when this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
