//! `GET /v1/bricks`, and bricks that move: one, those of a device, those of a node; and the end of a node that is gone.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{BrickEntry, BrickPage, BrickQuery, ErrorBody, MoveRequest};
use mortar_heketi::WireError;
use mortar_model::{BrickId, DeviceId, NodeId};

use super::page;
use crate::convert::topology;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;
use crate::wanted::{Bricks, Placed};

/// Bricks in the order of their ids, page by page.
#[utoipa::path(get, path = "/v1/bricks", operation_id = "list_bricks_by_page", tag = "v1", params(BrickQuery), responses(
    (status = 200, description = "Bricks", body = BrickPage),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<BrickQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let (wanted, limit) = (Bricks::read(&query)?, page::length(query.limit));
    let page = app.engine.view(|landscape| {
        let shown = |(node, device, brick): Placed<'_>| BrickEntry {
            node: node.id.to_string(),
            host: node.manage.to_string(),
            device: device.id.to_string(),
            path: device.path.to_string(),
            brick: topology::brick(brick, landscape),
        };
        let found = wanted.of(landscape.inventory());
        let (bricks, next) = page::cut(found, limit, shown, |entry| &entry.brick.id);
        BrickPage { bricks, next }
    });
    Ok(answer::json(StatusCode::OK, &page))
}

/// Moves a brick to another device: a new brick is made there, takes its place, is healed from the others of its set, and
/// then the old one is removed.
#[utoipa::path(post, path = "/v1/bricks/{id}/evict", operation_id = "move_brick", tag = "v1", params(("id" = String, Path)),
    request_body = MoveRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 404, description = "No such brick", body = ErrorBody),
    (status = 409, description = "It has no copies, is needed where it is for now, or its volume is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 507, description = "No other device can take it; the details name each with its rule", body = ErrorBody),
))]
pub(crate) async fn evict(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: MoveRequest = body.map_err(WireError::from)?.read_strictly()?;
    let id: BrickId = id.of()?;
    let begun = app.engine.evict_brick(id, request.dead).await;
    Ok(queued(begun, Asked::EvictBrick)?)
}

/// Moves all bricks of a device to other devices, one after the other. It takes no bricks meanwhile and is `failed` in the
/// end, so that it can be removed. What cannot move is named with the reason, and then the device is as it was.
#[utoipa::path(post, path = "/v1/devices/{id}/drain", operation_id = "drain_device", tag = "v1", params(("id" = String, Path)),
    request_body = MoveRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 404, description = "No such device", body = ErrorBody),
    (status = 409, description = "It is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn drain_device(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: MoveRequest = body.map_err(WireError::from)?.read_strictly()?;
    let id: DeviceId = id.of()?;
    let begun = app.engine.drain_device(id, request.dead).await;
    Ok(queued(begun, Asked::Thing)?)
}

/// Moves all bricks of a node's devices to other nodes, one after the other. It takes no bricks meanwhile and is `failed` in
/// the end. What cannot move is named with the reason, and then the node is as it was.
#[utoipa::path(post, path = "/v1/nodes/{id}/drain", operation_id = "drain_node", tag = "v1", params(("id" = String, Path)),
    request_body = MoveRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 404, description = "No such node", body = ErrorBody),
    (status = 409, description = "It is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn drain_node(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: MoveRequest = body.map_err(WireError::from)?.read_strictly()?;
    let id: NodeId = id.of()?;
    let begun = app.engine.drain_node(id, request.dead).await;
    Ok(queued(begun, Asked::Thing)?)
}

/// Forgets a node that never comes back, with its devices. The others take it out of their pool; it is not asked. It must
/// have no bricks; what waited only for it to be back is given up.
#[utoipa::path(post, path = "/v1/nodes/{id}/forget", operation_id = "forget_node", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 404, description = "No such node", body = ErrorBody),
    (status = 409, description = "It has bricks, or is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn forget_node(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let begun = app.engine.forget_node(id.of()?).await;
    Ok(queued(begun, Asked::Thing)?)
}
