//! `POST /v1/volumes/{id}/replicas`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How many copies each file of a volume is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicasRequest {
    /// Bricks of each set, an arbiter among them.
    #[schema(minimum = 2, maximum = 16)]
    pub replicas: u32,
    /// Whether the last of them is an arbiter: of three only.
    #[serde(default)]
    pub arbiter: bool,
}
