//! `POST /v1/plan`: where a volume would go, and why not elsewhere. The request is the body of Heketi's
//! volume create; nothing is reserved, nothing is done.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ErrorInfo;

/// Where a volume would go now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanAnswer {
    /// Whether the volume could be made.
    pub possible: bool,
    /// Why it could not be made; absent when it could.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<ErrorInfo>,
    /// The volume that has the name and is as asked: nothing would be made. Absent when it would be a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<Existing>,
    /// The cluster it would be on, or is on; absent when it could not be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// How the volume would survive the loss of bricks, in words (`none`, `replicate 3`, `arbiter`, `disperse 4+2`).
    pub durability: String,
    /// Usable size asked for, bytes.
    pub size: u64,
    /// The sets of bricks that would be made, in order.
    pub sets: Vec<PlannedSet>,
    /// What was looked at and not taken.
    pub not_chosen: NotChosen,
}

/// A volume that was asked for before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Existing {
    /// The volume's id.
    pub volume: String,
    /// The operation that is just making it; absent when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Bricks that hold the same files, each on a node of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedSet {
    /// Number of the set, from 0.
    pub set: u32,
    /// Its bricks, in order.
    pub bricks: Vec<PlannedBrick>,
}

/// One brick that would be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedBrick {
    /// Place in the set, from 0.
    pub position: u32,
    /// The node's id.
    pub node: String,
    /// The node's name where commands reach it.
    pub host: String,
    /// The node's zone.
    pub zone: u32,
    /// The device's id.
    pub device: String,
    /// The device's path on the node.
    pub path: String,
    /// Size of the brick's file system, bytes.
    pub size: u64,
    /// Bytes that it takes of the device, with pool and metadata.
    pub footprint: u64,
    /// The device's size, bytes.
    pub device_size: u64,
    /// Bytes of the device taken before.
    pub used_before: u64,
    /// Bytes of the device taken after, with all bricks of this plan.
    pub used_after: u64,
}

/// Devices that were looked at and not taken, with a bound on the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NotChosen {
    /// The first of them.
    pub devices: Vec<PassedOver>,
    /// How many more there are that the list leaves out.
    pub more: u64,
}

/// A device that was not taken, and the rule that decided it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PassedOver {
    /// The device's id.
    pub device: String,
    /// The device's path on the node.
    pub path: String,
    /// The node's id.
    pub node: String,
    /// The node's name where commands reach it.
    pub host: String,
    /// The node's zone.
    pub zone: u32,
    /// Whether a hard rule refused it; otherwise it could have been taken and others came first.
    pub refused: bool,
    /// Short name of the rule that refused or outranked it (`device-offline`, `no-space`, `fuller`, …).
    pub rule: String,
    /// The rule in words, with its numbers.
    pub reason: String,
    /// What would let it be taken; empty where nothing has to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub way: String,
}
