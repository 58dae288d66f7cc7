//! `POST /v1/bricks/{id}/evict`, and the same for all bricks of a device or a node.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How bricks are moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// Whether the bricks themselves need not run: whatever only they hold is given up.
    #[serde(default)]
    pub dead: bool,
}
