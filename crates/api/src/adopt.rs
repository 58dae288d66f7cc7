//! `POST /v1/adopt`: a trusted pool that nobody manages, taken under management.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RebuildHost;

/// What is to be adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptRequest {
    /// Names or addresses where commands reach nodes; one of each trusted pool is enough, it names its peers.
    pub nodes: Vec<String>,
    /// Names of volumes; absent for all that are understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<String>>,
    /// Whether to only tell what would be adopted; so it is unless this says `false`.
    #[serde(default = "yes")]
    pub dry_run: bool,
}

const fn yes() -> bool {
    true
}

/// What was adopted, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdoptAnswer {
    /// Whether nothing was to be recorded.
    pub dry_run: bool,
    /// The operation that recorded it; absent when nothing was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The hosts that were asked.
    pub asked: Vec<RebuildHost>,
    /// Every volume that was found, by name.
    pub volumes: Vec<AdoptVolume>,
    /// Nodes that were recorded, or would be, by the name that commands reach them by.
    pub nodes: Vec<String>,
    /// What is to be told of nodes and pools.
    pub remarks: Vec<AdoptRemark>,
}

/// A volume that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdoptVolume {
    /// Its name.
    pub name: String,
    /// `understood`, `limited` (it is adopted, and `why` tells what of it is not as Mortar makes it), `not-understood` (it is left
    /// alone, and `why` tells why), or `recorded` (it is under management already).
    pub understanding: String,
    /// What of it is limited, or not understood.
    pub why: Vec<String>,
    /// GlusterFS's word for its kind.
    pub kind: String,
    /// How many bricks GlusterFS lists.
    pub bricks: usize,
    /// Its id, when it is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How it survives the loss of bricks, when it is adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<String>,
    /// Its usable size in bytes, when it is adopted: the least brick of each set counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
}

/// What [`AdoptVolume::understanding`] says of one that is understood whole.
pub const ADOPT_UNDERSTOOD: &str = "understood";
/// What [`AdoptVolume::understanding`] says of one that is adopted with limits.
pub const ADOPT_LIMITED: &str = "limited";
/// What [`AdoptVolume::understanding`] says of one that is left alone.
pub const ADOPT_NOT: &str = "not-understood";
/// What [`AdoptVolume::understanding`] says of one that is under management already.
pub const ADOPT_RECORDED: &str = "recorded";

/// Something to be told of a node or a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdoptRemark {
    /// The thing: its kind and its name.
    pub about: String,
    /// What is to be told.
    pub what: String,
}

#[cfg(test)]
mod tests {
    use super::AdoptRequest;

    #[test]
    fn nothing_is_recorded_unless_it_is_said() {
        let read = |text| serde_json::from_str::<AdoptRequest>(text).unwrap();
        assert!(read(r#"{"nodes":["n"]}"#).dry_run);
        assert!(!read(r#"{"nodes":["n"],"dry_run":false}"#).dry_run);
        assert!(serde_json::from_str::<AdoptRequest>(r#"{"nodes":["n"],"dryrun":false}"#).is_err());
    }
}
