//! How far files of a volume are spread over all its bricks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far files of a volume are spread over all its bricks (GlusterFS's rebalance).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rebalance {
    /// How far it is.
    pub state: RebalanceState,
    /// Why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Files that have moved.
    pub files: u64,
    /// Bytes that they hold.
    pub size: u64,
    /// Files that were looked at.
    pub scanned: u64,
    /// Files that could not move.
    pub failures: u64,
    /// Files that were left where they are: there is less room where they belong, or they are in use.
    pub skipped: u64,
}

impl Rebalance {
    /// One of which nothing could be read.
    pub fn unknown(reason: String) -> Self {
        Self {
            state: RebalanceState::Unknown,
            reason: Some(reason),
            files: 0,
            size: 0,
            scanned: 0,
            failures: 0,
            skipped: 0,
        }
    }
}

/// How far a rebalance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RebalanceState {
    /// It runs.
    Running,
    /// It came to its end.
    Completed,
    /// Somebody ended it.
    Stopped,
    /// It failed on a node at least.
    Failed,
    /// Nothing could be read.
    Unknown,
}
