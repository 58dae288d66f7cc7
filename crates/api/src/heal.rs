//! `GET /v1/volumes/{id}/heal`, and what it told the last time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Heal;

/// How the copies of a volume are, asked now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeHeal {
    /// The volume's id.
    pub id: String,
    /// Its name in GlusterFS.
    pub name: String,
    /// Whether it keeps copies or pieces that can be healed from each other.
    pub heals: bool,
    /// What all its bricks list together; absent when it keeps no copies or nobody tells. A file that two bricks hold for a
    /// third is counted twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<Heal>,
    /// Why nobody tells; absent when somebody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// Its bricks, in GlusterFS's order.
    pub bricks: Vec<BrickHeal>,
    /// When it was asked, RFC 3339.
    pub looked_at: String,
}

/// What a brick lists for others of its set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrickHeal {
    /// The brick as GlusterFS names it, `HOST:FOLDER`.
    pub brick: String,
    /// Whether it could be asked: its process runs and is reached.
    pub connected: bool,
    /// What it lists; absent when it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<Heal>,
}

/// What was to be healed in a volume when it was last asked for: the server asks one volume after the other by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastHeal {
    /// What all its bricks listed together; absent when nobody told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<Heal>,
    /// What of it nobody told, and why; absent when all is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// When it was asked, RFC 3339.
    pub looked_at: String,
}
