//! Devices with more than Heketi's language can say of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What pools the bricks of a disk are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolMode {
    /// Each brick in a thin pool of its own.
    #[default]
    Own,
    /// All bricks in one thin pool.
    Shared,
}

/// A device that is to be made ready for bricks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceRequest {
    /// The node it is on: 32 hex digits.
    pub node: String,
    /// Its path: a block device, or a directory.
    pub name: String,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whether what is on it may be wiped.
    #[serde(default)]
    pub destroy: bool,
    /// What pools its bricks are in. A directory has none.
    #[serde(default)]
    pub pool: PoolMode,
    /// What a shared pool may promise over what it has, in per cent: 100 to 1000. 100 where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overcommit_percent: Option<u32>,
}
