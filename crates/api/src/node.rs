//! `POST /v1/nodes/{id}/address`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Under which name a node is reached from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressRequest {
    /// Host name or address where commands reach the node.
    pub manage: String,
}
