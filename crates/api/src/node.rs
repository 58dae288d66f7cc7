//! `GET /v1/nodes` and `POST /v1/nodes/{id}/address`.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::TopologyNode;

/// Under which name a node is reached from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressRequest {
    /// Host name or address where commands reach the node.
    pub manage: String,
}

/// Which nodes are listed, here and on `/nodes`. Filters go together: what is listed passes all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NodeQuery {
    /// Only those of the cluster with this id.
    pub cluster: Option<String>,
    /// Only those of this zone.
    pub zone: Option<u32>,
    /// Only those in this state: `online`, `offline` or `failed`.
    pub state: Option<String>,
    /// Only those with this label, `KEY` or `KEY=VALUE`.
    pub tag: Option<String>,
    /// Only those after this id.
    pub after: Option<String>,
    /// How many at most. `/v1` lists 1000 unless told otherwise, and never more.
    pub limit: Option<u32>,
}

/// A node, as the topology has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeEntry {
    /// Its cluster's id.
    pub cluster: String,
    /// The node.
    #[serde(flatten)]
    pub node: TopologyNode,
}

/// Nodes in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodePage {
    /// The nodes.
    pub nodes: Vec<NodeEntry>,
    /// The id after which the next page begins; absent when this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
