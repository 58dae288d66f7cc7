//! `/v1/devices`: devices with more than Heketi's language can say of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::TopologyDevice;

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

/// `POST /v1/devices/{id}/overcommit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OvercommitRequest {
    /// What the device's pool for all bricks may promise over what it has, in per cent: 100 to 1000.
    pub overcommit_percent: u32,
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

/// Which devices are listed, here and on `/devices`. Filters go together: what is listed passes all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeviceQuery {
    /// Only those of the cluster with this id.
    pub cluster: Option<String>,
    /// Only those of the node with this id.
    pub node: Option<String>,
    /// Only those in this state: `online`, `offline` or `failed`.
    pub state: Option<String>,
    /// Only those with this label, `KEY` or `KEY=VALUE`; a device without a label has its node's.
    pub tag: Option<String>,
    /// Only those after this id.
    pub after: Option<String>,
    /// How many at most. `/v1` lists 1000 unless told otherwise, and never more.
    pub limit: Option<u32>,
}

/// A device, as the topology has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceEntry {
    /// Its node's id.
    pub node: String,
    /// Where commands reach that node.
    pub host: String,
    /// The device.
    #[serde(flatten)]
    pub device: TopologyDevice,
}

/// Devices in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DevicePage {
    /// The devices.
    pub devices: Vec<DeviceEntry>,
    /// The id after which the next page begins; absent when this is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
