//! `POST /v1/rebuild`: records restored from the nodes, for a store that was lost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BlockVolume, Topology};

/// What is to be restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RebuildRequest {
    /// Names or addresses where commands reach nodes; one of each trusted pool is enough, it names its peers.
    pub nodes: Vec<String>,
    /// Tells what would be restored, and records nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was restored, and what has to be told beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebuildAnswer {
    /// Whether nothing was to be recorded.
    pub dry_run: bool,
    /// The operation that recorded it; absent when nothing was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The hosts that were asked.
    pub asked: Vec<RebuildHost>,
    /// What was restored, or would be, with what of it was recorded already.
    pub restored: Topology,
    /// How many of the clusters, nodes, devices, volumes, snapshots and block volumes that were found were recorded already.
    /// They are left as they are.
    #[serde(default)]
    pub recorded: u64,
    /// Block volumes that were restored, or would be, without what initiators prove themselves with.
    #[serde(default)]
    pub block_volumes: Vec<BlockVolume>,
    /// What a scan of the nodes cannot know.
    pub gaps: Vec<RebuildGap>,
    /// What is there and not in the records. It was left as it is.
    pub found: Vec<RebuildFound>,
    /// What does not fit together.
    pub contradictions: Vec<RebuildContradiction>,
}

/// A host that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebuildHost {
    /// The name under which it was asked.
    pub host: String,
    /// Why it did not answer; absent when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<String>,
}

/// Something that is not written where it could be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebuildGap {
    /// The thing: its kind and its name.
    pub about: String,
    /// What of it is not known, and why.
    pub unknown: String,
    /// What is recorded in its place.
    pub instead: String,
}

/// Something that is there and not in the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebuildFound {
    /// `unfinished` (Mortar's, in the middle of being made or removed), `unrestored` (Mortar's, and not whole enough),
    /// `heketi` or `foreign`.
    pub kind: String,
    /// The thing: its kind and its name.
    pub about: String,
    /// The host that shows it, when it is one host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// What is seen of it, and what to do about it.
    pub what: String,
    /// Bytes of a device that are kept from new bricks for it.
    pub space: u64,
}

/// What [`RebuildFound::kind`] says of something that could not be restored.
pub const FOUND_UNRESTORED: &str = "unrestored";

/// Two answers that cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RebuildContradiction {
    /// The thing: its kind and its name.
    pub about: String,
    /// What says what.
    pub found: String,
    /// What was decided.
    pub decided: String,
}
