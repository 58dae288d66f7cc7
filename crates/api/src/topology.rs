//! `GET /v1/topology`: every cluster with its nodes, devices, bricks and volumes, as recorded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Kind of a device that is driven through LVM.
pub const DEVICE_LVM: &str = "lvm";
/// Kind of a device that is a directory.
pub const DEVICE_DIRECTORY: &str = "directory";
/// Kind of a device that is a file system with bricks that others made: it was adopted, and takes no others.
pub const DEVICE_ADOPTED: &str = "adopted";

/// What of it is asked for, here and on `/topology`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TopologyQuery {
    /// Only the cluster with this id.
    pub cluster: Option<String>,
}

/// All that exists, as recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Topology {
    /// The clusters, by id.
    pub clusters: Vec<TopologyCluster>,
}

/// One trusted pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopologyCluster {
    /// Its id.
    pub id: String,
    /// Whether file volumes may be made here.
    pub file: bool,
    /// Whether block volumes may be made here.
    pub block: bool,
    /// Its nodes, by id.
    pub nodes: Vec<TopologyNode>,
    /// Its volumes, by id.
    pub volumes: Vec<TopologyVolume>,
}

/// Whether a node answers, as the server last saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeHealth {
    /// It does.
    Answers,
    /// It does not: it gets no new bricks until it is back.
    Away,
    /// Not told, by a server that is too old for it.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A member of a trusted pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopologyNode {
    /// Its id.
    pub id: String,
    /// Failure domain.
    pub zone: u32,
    /// Where commands reach it.
    pub manage: String,
    /// Its name in the trusted pool.
    pub storage: String,
    /// What is wanted of it: `online`, `offline` or `failed`.
    pub state: String,
    /// How it is.
    #[serde(default)]
    pub health: NodeHealth,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its devices, by id.
    pub devices: Vec<TopologyDevice>,
}

/// A disk, or a directory that stands for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopologyDevice {
    /// Its id.
    pub id: String,
    /// The path it was added by.
    pub path: String,
    /// `lvm` or `directory`.
    pub kind: String,
    /// `online`, `offline` or `failed`.
    pub state: String,
    /// Labels; they override the node's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What its thin pool for all bricks may promise over what it has, in per cent; absent where it has no such pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overcommit_percent: Option<u32>,
    /// Bytes it has for bricks; what a shared pool may promise.
    pub size: u64,
    /// Bytes its bricks take.
    pub used: u64,
    /// Why it takes no bricks although it is online: which part of it is nearly full, as the last check saw it; empty when none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub too_full: String,
    /// Its bricks, by id.
    pub bricks: Vec<TopologyBrick>,
}

/// A brick, on its device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopologyBrick {
    /// Its id.
    pub id: String,
    /// Its volume's id.
    pub volume: String,
    /// Its volume's name.
    pub volume_name: String,
    /// Number of its set, from 0.
    pub set: u32,
    /// Place in the set, from 0.
    pub position: u32,
    /// Size of its file system, bytes.
    pub size: u64,
    /// Bytes that it takes of the device.
    pub footprint: u64,
}

/// A volume of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopologyVolume {
    /// Its id.
    pub id: String,
    /// Its name in GlusterFS.
    pub name: String,
    /// Usable size, bytes.
    pub size: u64,
    /// How it survives the loss of bricks, in words (`none`, `replicate 3`, `arbiter`, `disperse 4+2`).
    pub durability: String,
    /// Number of its bricks.
    pub bricks: u32,
}
