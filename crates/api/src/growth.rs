//! `POST /v1/volumes/{id}/expand`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a volume becomes larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExpandWay {
    /// Its bricks become larger where they are; only where their devices cannot hold that, it gets more bricks.
    #[default]
    Best,
    /// Its bricks become larger where they are, or nothing is done.
    InPlace,
    /// It gets more bricks, and its files are spread over them.
    AddBricks,
}

/// A volume that is to be larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpandRequest {
    /// By how many bytes.
    #[schema(minimum = 1)]
    pub by: u64,
    /// The usable size, in bytes, that its asker takes it to have: refused when it has another by now. So who lost an answer can ask
    /// again without making it larger twice. Not looked at when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// How.
    #[serde(default)]
    pub way: ExpandWay,
}
