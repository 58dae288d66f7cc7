//! `/v1/volumes/{id}/attachments`: which nodes may use a volume. Nothing happens on any node; it is a record that keeps two nodes
//! from a volume that one may have, and a volume from being removed under those who use it.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{AttachRequest, AttachmentList, DetachQuery, ErrorBody};
use mortar_heketi::WireError;
use mortar_model::VolumeId;

use super::page;
use crate::convert::attachment;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, failure};
use crate::state::App;

/// Records that a node may use a volume. Asked again, it is recorded once.
#[utoipa::path(post, path = "/v1/volumes/{id}/attachments", operation_id = "attach_volume", tag = "v1", params(("id" = String, Path)),
    request_body = AttachRequest, responses(
    (status = 200, description = "It may: recorded now, or before", body = AttachmentList),
    (status = 400, description = "The body cannot be read, or a field is not of its form", body = ErrorBody),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "Other nodes have it and not all of them may at once, this one has it otherwise, or it is just being removed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 507, description = "The node has as many volumes as it may have", body = ErrorBody),
))]
pub(crate) async fn attach(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: AttachRequest = body.map_err(WireError::from)?.read_strictly()?;
    let (id, wanted) = (id.of()?, attachment::request(request)?);
    let done = app.engine.attach_volume(id, wanted).await;
    done.map_err(|error| failure(&error, Asked::Thing))?;
    Ok(list(&app, id))
}

/// Records that a node may not use a volume any more, or that none may. Asked again, nothing changes.
#[utoipa::path(delete, path = "/v1/volumes/{id}/attachments", operation_id = "detach_volume", tag = "v1",
    params(("id" = String, Path), DetachQuery), responses(
    (status = 200, description = "It may not: recorded now, or before", body = AttachmentList),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "It is just being removed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn detach(
    State(app): State<App>,
    id: Id,
    query: Result<Query<DetachQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let (query, id) = (page::query(query)?, id.of()?);
    let node = attachment::node(query)?;
    let done = app.engine.detach_volume(id, node).await;
    done.map_err(|error| failure(&error, Asked::Thing))?;
    Ok(list(&app, id))
}

fn list(app: &App, id: VolumeId) -> Answer {
    let attachments = app
        .engine
        .view(|landscape| attachment::attachments(landscape.inventory(), id));
    answer::json(StatusCode::OK, &AttachmentList { attachments })
}
