//! What was answered when everything was asked.

use std::collections::BTreeMap;

use mortar_command::query::block_volumes::BlockSeen;
use mortar_command::query::survey::{NodeSurvey, PoolSurvey};
use mortar_model::{ClusterId, NodeId, VolumeId};

/// The answers of nodes and pools that are in the records, or why there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// What each node shows.
    pub nodes: BTreeMap<NodeId, Result<NodeSurvey, String>>,
    /// What the first member of each pool that answered tells of its volumes.
    pub pools: BTreeMap<ClusterId, Result<PoolSurvey, String>>,
    /// The block volumes that each volume holds which is meant for them and runs, as the first member told on which `gluster-block`
    /// answers.
    pub blocks: BTreeMap<VolumeId, Result<Vec<BlockSeen>, String>>,
}
