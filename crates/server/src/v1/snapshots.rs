//! `/v1/snapshots`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{CloneRequest, ErrorBody, Snapshot, SnapshotList, SnapshotQuery, SnapshotRequest};
use mortar_heketi::{Problems, WireError};
use mortar_model::{SnapshotId, VolumeId, VolumeName};

use crate::convert;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, failure};
use crate::state::App;

/// What cannot be read, told of the field that it stands in.
fn problem(field: &'static str, why: impl std::fmt::Display) -> WireError {
    let mut problems = Problems::default();
    problems.add(field, why.to_string());
    problems.into()
}

/// A name that a request gives, if it gives one.
pub(crate) fn name(text: Option<String>) -> Result<Option<VolumeName>, WireError> {
    let read = text.map(VolumeName::new).transpose();
    read.map_err(|why| problem("name", why))
}

/// Snapshots: all, or those of one volume.
#[utoipa::path(get, path = "/v1/snapshots", operation_id = "list_snapshots", tag = "v1", params(SnapshotQuery), responses(
    (status = 200, description = "Snapshots, by id", body = SnapshotList),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<SnapshotQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let Ok(Query(query)) = query else {
        return Err(problem("query", "volume is a volume's id").into());
    };
    let volume: Option<VolumeId> = match query.volume.as_deref().map(str::parse).transpose() {
        Ok(volume) => volume,
        Err(why) => return Err(problem("volume", why).into()),
    };
    let snapshots = app.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let shown = |snapshot| convert::snapshot::snapshot(landscape, snapshot);
        match volume {
            Some(id) => inventory.snapshots_of(id).map(shown).collect(),
            None => inventory.snapshots().map(shown).collect(),
        }
    });
    Ok(answer::json(StatusCode::OK, &SnapshotList { snapshots }))
}

/// Keeps a volume as it is now, while it is in use: every change that a client was told to be done before is in the
/// snapshot, and none that is asked for afterwards. Its bricks take no writes for some seconds at most. Only for volumes on
/// directory devices whose file system lets files share blocks.
#[utoipa::path(post, path = "/v1/snapshots", operation_id = "create_snapshot", tag = "v1", request_body = SnapshotRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the snapshot"),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "The volume is being changed, its devices make no copies, or the name is another snapshot's", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 502, description = "A node that has a brick of it does not answer", body = ErrorBody),
    (status = 507, description = "No room for it; the details name each device with its rule", body = ErrorBody),
))]
pub(crate) async fn create(State(app): State<App>, body: Result<Payload, BodyError>) -> Result<Answer, Rich> {
    let request: SnapshotRequest = body.map_err(WireError::from)?.read_strictly()?;
    let volume: VolumeId = request.volume.parse().map_err(|why| problem("volume", why))?;
    let begun = app.engine.create_snapshot(volume, name(request.name)?).await;
    Ok(answer::accepted(
        begun.map_err(|error| failure(&error, Asked::Snapshot))?,
    ))
}

/// One snapshot.
#[utoipa::path(get, path = "/v1/snapshots/{id}", operation_id = "get_snapshot", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "The snapshot", body = Snapshot),
    (status = 404, description = "No such snapshot, or it is just being made", body = ErrorBody),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: SnapshotId = id.of()?;
    let found = app.engine.view(|landscape| {
        let snapshot = landscape.inventory().snapshot(id)?;
        Some(convert::snapshot::snapshot(landscape, snapshot))
    });
    Ok(answer::json(StatusCode::OK, &found.ok_or(WireError::IdNotFound)?))
}

/// Removes a snapshot. Volumes that were made of it stay.
#[utoipa::path(delete, path = "/v1/snapshots/{id}", operation_id = "delete_snapshot", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 404, description = "No such snapshot", body = ErrorBody),
    (status = 409, description = "It is being used", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let begun = app.engine.delete_snapshot(id.of()?).await;
    Ok(answer::accepted(
        begun.map_err(|error| failure(&error, Asked::Snapshot))?,
    ))
}

/// Brings a volume back to what its snapshot holds. What was written since is lost. The volume is stopped meanwhile: who has
/// it mounted mounts it anew. Refused when its bricks moved, grew or became more since: make a new volume of it then.
#[utoipa::path(post, path = "/v1/snapshots/{id}/restore", operation_id = "restore_snapshot", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 404, description = "No such snapshot", body = ErrorBody),
    (status = 409, description = "It is being used, or its volume is being changed or has other bricks by now", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 502, description = "A node that has a brick of it does not answer", body = ErrorBody),
))]
pub(crate) async fn restore(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let begun = app.engine.restore_snapshot(id.of()?).await;
    Ok(answer::accepted(
        begun.map_err(|error| failure(&error, Asked::Snapshot))?,
    ))
}

/// Makes a volume that begins with what a snapshot holds, on the same devices. It needs neither the snapshot nor the snapshot's
/// volume from then on.
#[utoipa::path(post, path = "/v1/snapshots/{id}/clone", operation_id = "clone_snapshot", tag = "v1", params(("id" = String, Path)),
    request_body = CloneRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the volume"),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 404, description = "No such snapshot", body = ErrorBody),
    (status = 409, description = "It is being used, or the name is another volume's", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 502, description = "A node that has a part of it does not answer", body = ErrorBody),
    (status = 507, description = "No room for it; the details name each device with its rule", body = ErrorBody),
))]
pub(crate) async fn clone(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: CloneRequest = body.map_err(WireError::from)?.read_strictly()?;
    let begun = app.engine.clone_snapshot(id.of()?, name(request.name)?).await;
    Ok(answer::accepted(
        begun.map_err(|error| failure(&error, Asked::Snapshot))?,
    ))
}
