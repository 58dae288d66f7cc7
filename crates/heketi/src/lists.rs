//! Lists of ids that Heketi did not serve, in the form of those that it did.

use mortar_model::{BrickId, ClusterId, DeviceId, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::node::NodeInfo;
use crate::volume::VolumeInfo;

/// Answer of `GET /nodes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeList {
    /// All nodes, or those that the query asks for, sorted.
    #[schema(value_type = Vec<String>)]
    pub nodes: Vec<NodeId>,
    /// The id after which the next page begins; only where a limit was asked for, and there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<NodeId>,
}

/// Answer of `GET /devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceList {
    /// All devices, or those that the query asks for, sorted.
    #[schema(value_type = Vec<String>)]
    pub devices: Vec<DeviceId>,
    /// The id after which the next page begins; only where a limit was asked for, and there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<DeviceId>,
}

/// Answer of `GET /bricks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrickList {
    /// All bricks, or those that the query asks for, sorted.
    #[schema(value_type = Vec<String>)]
    pub bricks: Vec<BrickId>,
    /// The id after which the next page begins; only where a limit was asked for, and there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<BrickId>,
}

/// Answer of `GET /topology`: what Heketi's Go client puts together of many answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TopologyInfo {
    /// All clusters.
    pub clusters: Vec<TopologyCluster>,
}

/// A cluster with all that is in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TopologyCluster {
    /// Its volumes.
    pub volumes: Vec<VolumeInfo>,
    /// Its nodes.
    pub nodes: Vec<NodeInfo>,
    /// The cluster.
    #[schema(value_type = String)]
    pub id: ClusterId,
    /// Whether it takes block volumes.
    pub block: bool,
    /// Whether it takes volumes.
    pub file: bool,
}
