//! `/v1/snapshots`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{CloneRequest, ErrorBody, SnapshotList, SnapshotQuery, SnapshotRequest};
use mortar_engine::plan::Landscape;
use mortar_heketi::WireError;
use mortar_model::{Snapshot, SnapshotId, VolumeId, VolumeName, VolumeOption};

use super::page::{self, problem};
use crate::convert;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;

/// A name that a request gives, if it gives one.
pub(crate) fn name(text: Option<String>) -> Result<Option<VolumeName>, WireError> {
    let read = text.map(VolumeName::new).transpose();
    read.map_err(|why| problem("name", why))
}

/// Snapshots: all, those of one volume, or the one of a name; page by page where a limit is given.
#[utoipa::path(get, path = "/v1/snapshots", operation_id = "list_snapshots", tag = "v1", params(SnapshotQuery), responses(
    (status = 200, description = "Snapshots, by id", body = SnapshotList),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<SnapshotQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let volume: Option<VolumeId> = page::id("volume", query.volume.as_deref())?;
    let after = page::id("after", query.after.as_deref())?;
    let name = name(query.name)?;
    let limit = query.limit.map_or(usize::MAX, |limit| limit.max(1) as usize);
    let list = app.engine.view(|landscape| {
        let wanted = |snapshot: &&Snapshot| {
            volume.is_none_or(|id| snapshot.volume.id == id)
                && name.as_ref().is_none_or(|name| snapshot.name == *name)
        };
        let found = landscape.inventory().snapshots_after(after).filter(wanted);
        let shown = |found| convert::snapshot::snapshot(landscape, found);
        let (snapshots, next) = page::cut(found, limit, shown, |snapshot| &snapshot.id);
        SnapshotList {
            snapshots,
            next,
            operation: name.as_ref().and_then(|name| changes(landscape, name)),
        }
    });
    Ok(answer::json(StatusCode::OK, &list))
}

/// The operation that just makes or removes the snapshot of this name.
fn changes(landscape: &Landscape, name: &VolumeName) -> Option<String> {
    let coming = landscape.snapshot_to_come(name).map(|(operation, _)| operation);
    let leaving = || {
        let made = landscape.inventory().snapshot_by_name(name)?;
        landscape.snapshot_remover(made.id)
    };
    coming.or_else(leaving).map(|operation| operation.to_string())
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
    Ok(queued(begun, Asked::Snapshot)?)
}

/// One snapshot.
#[utoipa::path(get, path = "/v1/snapshots/{id}", operation_id = "get_snapshot", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "The snapshot", body = mortar_api::Snapshot),
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
    (status = 409, description = "It is being used, or one of a group, which is removed as a whole", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let begun = app.engine.delete_snapshot(id.of()?).await;
    Ok(queued(begun, Asked::Snapshot)?)
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
    Ok(queued(begun, Asked::Snapshot)?)
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
    let (name, options) = wanted(body)?;
    let begun = app.engine.clone_snapshot(id.of()?, name, options).await;
    Ok(queued(begun, Asked::Snapshot)?)
}

/// Makes a volume that begins with what another one holds now, on the same devices, while that is in use. It does not need the
/// other one from then on.
#[utoipa::path(post, path = "/v1/volumes/{id}/clone", operation_id = "clone_volume_by_id", tag = "v1", params(("id" = String, Path)),
    request_body = CloneRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the new volume"),
    (status = 400, description = "The body cannot be read, or an option cannot be set", body = ErrorBody),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "It is being changed, its devices make no copies, or the name is another volume's", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 502, description = "A node that has a brick of it does not answer", body = ErrorBody),
    (status = 507, description = "No room for it; the details name each device with its rule", body = ErrorBody),
))]
pub(crate) async fn clone_volume(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let (name, options) = wanted(body)?;
    let begun = app.engine.clone_volume(id.of()?, name, options).await;
    Ok(queued(begun, Asked::Snapshot)?)
}

/// The name and the options of a clone, where it gives some.
fn wanted(
    body: Result<Payload, BodyError>,
) -> Result<(Option<VolumeName>, Option<Vec<VolumeOption>>), WireError> {
    let request: CloneRequest = body.map_err(WireError::from)?.read_strictly()?;
    let options = request.options.map(convert::volume::options).transpose();
    let options = options.map_err(|why| problem("options", why))?;
    Ok((name(request.name)?, options))
}
