//! More copies of each file of a volume, or fewer.

use axum::extract::State;
use mortar_api::{ErrorBody, ErrorKind, ReplicasRequest};
use mortar_heketi::WireError;
use mortar_model::{Durability, VolumeId};

use crate::heketi::Id;
use crate::http::answer::{Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::http::failure::Failure;
use crate::refusal::{Asked, queued};
use crate::state::App;

/// Gives each file of a volume more copies, or fewer, while it is in use. New bricks are healed from those that are there, and the
/// volume has its new shape when that is done. Bricks leave only when all run and those that leave hold nothing that others
/// lack. Between three copies and an arbiter the way leads over two.
#[utoipa::path(post, path = "/v1/volumes/{id}/replicas", operation_id = "change_replicas", tag = "v1", params(("id" = String, Path)),
    request_body = ReplicasRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the volume"),
    (status = 400, description = "The body cannot be read, or GlusterFS does not keep so many copies", body = ErrorBody),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "It has no way to that shape, its bricks are needed for now, or it is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 507, description = "No place for the new bricks; the details name each device with its rule", body = ErrorBody),
))]
pub(crate) async fn change(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: ReplicasRequest = body.map_err(WireError::from)?.read_strictly()?;
    let id: VolumeId = id.of()?;
    let begun = app.engine.change_replicas(id, durability(request)?).await;
    Ok(queued(begun, Asked::Thing)?)
}

fn durability(request: ReplicasRequest) -> Result<Durability, Failure> {
    match (request.replicas, request.arbiter) {
        (3, true) => Ok(Durability::Arbiter),
        (_, true) => {
            let mut failure = Failure::new(&WireError::ArbiterShape, ErrorKind::Invalid);
            failure.message = Some("an arbiter stands beside two copies: ask for 3 replicas with it".into());
            Err(failure)
        }
        (replicas, false) => Ok(Durability::Replicate(replicas)),
    }
}
