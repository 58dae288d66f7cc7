//! `/v1/snapshot-groups`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{ErrorBody, SnapshotGroup, SnapshotGroupList, SnapshotGroupQuery, SnapshotGroupRequest};
use mortar_engine::plan::Landscape;
use mortar_heketi::WireError;
use mortar_model::{GroupId, VolumeId, VolumeName};

use super::page::{self, problem};
use super::snapshots::name;
use crate::convert;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;

/// Groups of snapshots: all, or the one of a name; page by page where a limit is given.
#[utoipa::path(get, path = "/v1/snapshot-groups", operation_id = "list_snapshot_groups", tag = "v1", params(SnapshotGroupQuery), responses(
    (status = 200, description = "Groups, by id", body = SnapshotGroupList),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<SnapshotGroupQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let after = page::id("after", query.after.as_deref())?;
    let name = name(query.name)?;
    let limit = query.limit.map_or(usize::MAX, |limit| limit.max(1) as usize);
    let list = app.engine.view(|landscape| {
        let groups = landscape.inventory().groups_after(after);
        let found = groups.filter(|group| name.as_ref().is_none_or(|name| group.name == *name));
        let shown = |found| convert::snapshot::group(landscape, found);
        let (groups, next) = page::cut(found, limit, shown, |group| &group.id);
        SnapshotGroupList {
            groups,
            next,
            operation: name.as_ref().and_then(|name| changes(landscape, name)),
        }
    });
    Ok(answer::json(StatusCode::OK, &list))
}

/// The operation that just makes or removes the group of this name.
fn changes(landscape: &Landscape, name: &VolumeName) -> Option<String> {
    let coming = landscape.group_to_come(name).map(|(operation, _)| operation);
    let leaving = || {
        let made = landscape.inventory().group_by_name(name)?;
        landscape.group_remover(made.id)
    };
    coming.or_else(leaving).map(|operation| operation.to_string())
}

/// Keeps several volumes of one cluster as they are at one moment, while they are in use: what was written to one of them before
/// something was written to another is in the snapshots if that is. The bricks of all take no writes for some seconds at most.
/// What holds for one snapshot holds for each of these, but that they are removed together.
#[utoipa::path(post, path = "/v1/snapshot-groups", operation_id = "create_snapshot_group", tag = "v1", request_body = SnapshotGroupRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the group"),
    (status = 400, description = "The body cannot be read, or the volumes are none, too many, or on several clusters", body = ErrorBody),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "A volume is being changed, its devices make no copies, or the name is that of a group of other volumes", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 502, description = "A node that has a brick of one does not answer", body = ErrorBody),
    (status = 507, description = "No room for it; the details name each device with its rule", body = ErrorBody),
))]
pub(crate) async fn create(State(app): State<App>, body: Result<Payload, BodyError>) -> Result<Answer, Rich> {
    let request: SnapshotGroupRequest = body.map_err(WireError::from)?.read_strictly()?;
    let volumes: Result<Vec<VolumeId>, _> = request.volumes.iter().map(|id| id.parse()).collect();
    let volumes = volumes.map_err(|why| problem("volumes", why))?;
    let name = name(request.name)?;
    let begun = app.engine.create_snapshot_group(volumes, name).await;
    Ok(queued(begun, Asked::Snapshot)?)
}

/// One group, with its snapshots.
#[utoipa::path(get, path = "/v1/snapshot-groups/{id}", operation_id = "get_snapshot_group", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "The group", body = SnapshotGroup),
    (status = 404, description = "No such group, or it is just being made", body = ErrorBody),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: GroupId = id.of()?;
    let found = app.engine.view(|landscape| {
        let group = landscape.inventory().group(id)?;
        Some(convert::snapshot::group(landscape, group))
    });
    Ok(answer::json(StatusCode::OK, &found.ok_or(WireError::IdNotFound)?))
}

/// Removes a group with all its snapshots. Volumes that were made of them stay.
#[utoipa::path(delete, path = "/v1/snapshot-groups/{id}", operation_id = "delete_snapshot_group", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 404, description = "No such group", body = ErrorBody),
    (status = 409, description = "One of its snapshots is being used", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let begun = app.engine.delete_snapshot_group(id.of()?).await;
    Ok(queued(begun, Asked::Snapshot)?)
}
