//! `GET /v1/volumes/{id}/heal`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_api::{BrickHeal, ErrorBody, Heal, VolumeHeal};
use mortar_engine::{HealSight, query};
use mortar_heketi::WireError;
use mortar_model::{Volume, VolumeId};

use crate::convert::operation::time;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::state::App;

/// How the copies of a volume are: what each brick holds that others of its set lack, and on what they disagree. GlusterFS is
/// asked now, for this volume alone.
#[utoipa::path(get, path = "/v1/volumes/{id}/heal", operation_id = "volume_heal", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "What is to be healed, or why nobody tells", body = VolumeHeal),
    (status = 404, description = "No such volume", body = ErrorBody),
))]
pub(crate) async fn show(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: VolumeId = id.of()?;
    let seen = app.engine.look_at_heal(id).await.ok_or(WireError::IdNotFound)?;
    let volume = app
        .engine
        .view(|landscape| landscape.inventory().volume(id).cloned());
    let shown = heal(&volume.ok_or(WireError::IdNotFound)?, &seen);
    Ok(answer::json(StatusCode::OK, &shown))
}

fn heal(volume: &Volume, seen: &HealSight) -> VolumeHeal {
    let heals = volume.durability.heals();
    VolumeHeal {
        id: volume.id.to_string(),
        name: volume.name.to_string(),
        heals,
        heal: (heals && seen.bricks.is_ok()).then(|| Heal {
            pending: seen.pending(),
            split_brain: seen.split_brain(),
        }),
        unknown: seen.bricks.clone().err(),
        bricks: seen.bricks.iter().flatten().map(brick).collect(),
        looked_at: time(seen.looked_at),
    }
}

fn brick(seen: &query::heal_info::BrickHeal) -> BrickHeal {
    BrickHeal {
        brick: seen.brick.clone(),
        connected: seen.connected,
        heal: seen.entries.map(|pending| Heal {
            pending,
            split_brain: seen.split_brain.unwrap_or(0),
        }),
    }
}
