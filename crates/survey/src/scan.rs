//! What was answered when everything was asked.

use std::collections::BTreeMap;

use mortar_command::query::survey::{NodeSurvey, PoolSurvey};
use mortar_model::{ClusterId, NodeId};

/// The answers of nodes and pools that are in the records, or why there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// What each node shows.
    pub nodes: BTreeMap<NodeId, Result<NodeSurvey, String>>,
    /// What the first member of each pool that answered tells of its volumes.
    pub pools: BTreeMap<ClusterId, Result<PoolSurvey, String>>,
}
