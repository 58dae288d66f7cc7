//! `POST /volumes/{id}/clone`

use axum::extract::State;
use mortar_heketi::volume::VolumeCloneRequest;

use crate::heketi::Id;
use crate::http::answer::{Answer, Plain};
use crate::http::body::Payload;
use crate::refusal::{Asked, queued};
use crate::state::App;
use crate::v1::snapshots::name;

/// Makes a volume that begins with what another one holds now.
#[utoipa::path(post, path = "/volumes/{id}/clone", operation_id = "clone_volume", tag = "volumes", params(("id" = String, Path)),
    request_body = VolumeCloneRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the new volume"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such volume", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way", body = String),
    (status = 500, description = "It cannot be cloned. The header mortar-error-kind tells which rule", body = String),
))]
pub(crate) async fn clone(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let request = body.read::<VolumeCloneRequest>()?;
    let named = name((!request.name.is_empty()).then_some(request.name))?;
    let begun = app.engine.clone_volume(id.of()?, named, None).await;
    let begun = begun.inspect_err(|error| tracing::info!(%error, "no clone"));
    Ok(queued(begun, Asked::Snapshot)?)
}
