//! Volumes that become larger, and devices whose disks did.

use axum::extract::State;
use mortar_api::{ErrorBody, ExpandRequest, ExpandWay};
use mortar_engine::plan::Expansion;
use mortar_heketi::WireError;
use mortar_model::{ByteSize, DeviceId};

use crate::heketi::Id;
use crate::http::answer::{Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;

/// Makes a volume larger: its bricks grow where they are and while they are in use, every set by the same; where their
/// devices cannot hold that, it gets more bricks. Growing bricks cannot be undone: once it is begun it is brought to its
/// end.
#[utoipa::path(post, path = "/v1/volumes/{id}/expand", operation_id = "expand_volume_by", tag = "v1", params(("id" = String, Path)),
    request_body = ExpandRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the volume"),
    (status = 400, description = "The body cannot be read, or asks for next to nothing", body = ErrorBody),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "It is being changed, or has another size than its asker takes it to have", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 502, description = "A node that has a brick of it does not answer", body = ErrorBody),
    (status = 507, description = "No room for it; the details name each device with its rule", body = ErrorBody),
))]
pub(crate) async fn expand(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: ExpandRequest = body.map_err(WireError::from)?.read_strictly()?;
    let way = match request.way {
        ExpandWay::Best => Expansion::Best,
        ExpandWay::InPlace => Expansion::InPlace,
        ExpandWay::AddBricks => Expansion::AddBricks,
    };
    let by = ByteSize::from_bytes(request.by);
    let from = request.from.map(ByteSize::from_bytes);
    let begun = app.engine.expand_volume_from(id.of()?, from, by, way).await;
    Ok(queued(begun, Asked::ExpandVolume)?)
}

/// Takes a device's size up to what its disk, or its directory's file system, has. A size that does not hold its bricks is
/// refused by the operation.
#[utoipa::path(post, path = "/v1/devices/{id}/resize", operation_id = "resize_device", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 404, description = "No such device", body = ErrorBody),
    (status = 409, description = "It is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn resize_device(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: DeviceId = id.of()?;
    let begun = app.engine.resize_device(id).await;
    Ok(queued(begun, Asked::Thing)?)
}
