//! Lists of ids that Heketi did not serve, in the form of those that it did.

use mortar_model::{BrickId, DeviceId, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Answer of `GET /nodes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeList {
    /// All nodes, sorted.
    #[schema(value_type = Vec<String>)]
    pub nodes: Vec<NodeId>,
}

/// Answer of `GET /devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceList {
    /// All devices, sorted.
    #[schema(value_type = Vec<String>)]
    pub devices: Vec<DeviceId>,
}

/// Answer of `GET /bricks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrickList {
    /// All bricks, sorted.
    #[schema(value_type = Vec<String>)]
    pub bricks: Vec<BrickId>,
}
