//! `GET /v1/volumes/{id}/health` and `GET /v1/health/volumes`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{ErrorBody, ErrorKind, VolumeHealth, VolumeHealthPage, VolumeQuery};
use mortar_heketi::WireError;
use mortar_model::VolumeId;

use super::page;
use crate::convert::health;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::failure::Failure;
use crate::state::App;
use crate::wanted::Volumes;

/// How a volume is: its pool is asked now.
#[utoipa::path(get, path = "/v1/volumes/{id}/health", operation_id = "get_volume_health", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "What is wrong with it", body = VolumeHealth),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 502, description = "No member of its pool tells of it", body = ErrorBody),
))]
pub(crate) async fn of_volume(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: VolumeId = id.of()?;
    let seen = app.engine.look_at_volume(id).await.ok_or(WireError::IdNotFound)?;
    let health = app
        .engine
        .view(|landscape| health::seen(id, &seen, landscape))
        .ok_or(WireError::IdNotFound)?;
    let health = health.map_err(|reason| {
        let mut failure = Failure::new(&WireError::NoGlusterdInCluster, ErrorKind::NodeFailed);
        failure.message = Some(format!("no member of the volume's pool tells of it: {reason}"));
        failure
    })?;
    Ok(answer::json(StatusCode::OK, &health))
}

/// The volumes with which something is wrong, as far as is known without asking the nodes now: those with bricks on nodes that
/// do not answer, and those of which the last check found something.
#[utoipa::path(get, path = "/v1/health/volumes", operation_id = "list_volume_health", tag = "v1", params(VolumeQuery), responses(
    (status = 200, description = "Volumes that are not well, in the order of their ids", body = VolumeHealthPage),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<VolumeQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let (wanted, limit) = (Volumes::read(&query)?, page::length(query.limit));
    let check = app.engine.last_check();
    let known = app
        .engine
        .view(|landscape| health::known(landscape, check.as_deref(), &wanted));
    let (volumes, next) = page::cut(known.into_iter(), limit, |volume| volume, |volume| &volume.id);
    Ok(answer::json(StatusCode::OK, &VolumeHealthPage { volumes, next }))
}
