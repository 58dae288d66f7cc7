//! Bounds that placement keeps. Names and defaults follow Heketi's configuration.

use mortar_model::{ByteSize, ZoneChecking};

use crate::block::BlockPolicy;

/// Bounds on bricks and volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Smallest brick that is made (Heketi: `brick_min_size_gb`, 1).
    pub brick_min: ByteSize,
    /// Largest brick that is made (Heketi: `brick_max_size_gb`, 4096).
    pub brick_max: ByteSize,
    /// Most bricks of one volume (Heketi: `max_bricks_per_volume`, 32).
    pub bricks_per_volume: u32,
    /// Most volumes of one cluster (Heketi: `max_volumes_per_cluster`, 1000); `None`, Mortar's
    /// default, is no limit.
    pub volumes_per_cluster: Option<usize>,
    /// Zone checking where the request says nothing (Heketi: `zone_checking`, none).
    pub zone_checking: ZoneChecking,
    /// What is wanted of block volumes.
    pub blocks: BlockPolicy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            brick_min: ByteSize::from_gib(1),
            brick_max: ByteSize::from_gib(4096),
            bricks_per_volume: 32,
            volumes_per_cluster: None,
            zone_checking: ZoneChecking::None,
            blocks: BlockPolicy::default(),
        }
    }
}
