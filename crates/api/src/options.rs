//! `PATCH /v1/volumes/{id}/options`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Options of a volume that are to be others; those that are not named stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionsRequest {
    /// By full name: the new value, or null for GlusterFS's own.
    #[schema(example = json!({"performance.readdir-ahead": "off", "network.ping-timeout": null}))]
    pub options: BTreeMap<String, Option<String>>,
}
