//! `GET /v1/explain/volumes/{id}` and `/v1/explain/block-volumes/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_api::{BlockExplanation, ErrorBody, Explanation};
use mortar_heketi::WireError;
use mortar_model::{BlockVolumeId, VolumeId};

use crate::convert;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::state::App;

/// The chain of a volume down to its nodes: what is recorded beside what is seen there now.
#[utoipa::path(get, path = "/v1/explain/volumes/{id}", operation_id = "explain_volume", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "The chain", body = Explanation),
    (status = 404, description = "No such volume", body = ErrorBody),
))]
pub(crate) async fn explain_volume(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: VolumeId = id.of()?;
    let seen = app.engine.look_at_volume(id).await.ok_or(WireError::IdNotFound)?;
    let chain = app
        .engine
        .view(|landscape| convert::sight::explanation(id, &seen, landscape));
    Ok(answer::json(StatusCode::OK, &chain.ok_or(WireError::IdNotFound)?))
}

/// The chain of a block volume: its hosts, the volume that holds it, and down to its nodes. What initiators prove themselves with is
/// not told.
#[utoipa::path(get, path = "/v1/explain/block-volumes/{id}", operation_id = "explain_block_volume", tag = "v1", params(("id" = String, Path)),
    responses(
    (status = 200, description = "The chain", body = BlockExplanation),
    (status = 404, description = "No such block volume", body = ErrorBody),
))]
pub(crate) async fn explain_block(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: BlockVolumeId = id.of()?;
    let seen = app.engine.look_at_block(id).await.ok_or(WireError::IdNotFound)?;
    let chain = app
        .engine
        .view(|landscape| convert::block_sight::block_explanation(id, &seen, landscape));
    Ok(answer::json(StatusCode::OK, &chain.ok_or(WireError::IdNotFound)?))
}
