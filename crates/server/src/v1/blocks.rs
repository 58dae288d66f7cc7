//! `/v1/block-volumes`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{
    BlockHostRequest, BlockVolumeExpandRequest, BlockVolumeList, BlockVolumeQuery, BlockVolumeRequest,
    ErrorBody,
};
use mortar_engine::plan::{Landscape, ReplaceBlockHost};
use mortar_heketi::WireError;
use mortar_model::{BlockVolume, BlockVolumeId, HostName, OperationId, VolumeId, VolumeName};

use super::page::{self, problem};
use super::snapshots::name;
use crate::convert;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;

/// Block volumes in the order of their ids, page by page: all, those of one hosting volume, or those of a name. What initiators
/// prove themselves with is only told by each one's own route.
#[utoipa::path(get, path = "/v1/block-volumes", operation_id = "list_block_volumes_by_page", tag = "v1", params(BlockVolumeQuery), responses(
    (status = 200, description = "Block volumes; those that are just being removed are left out", body = BlockVolumeList),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<BlockVolumeQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let hosting: Option<VolumeId> = page::id("hosting", query.hosting.as_deref())?;
    let after = page::id("after", query.after.as_deref())?;
    let name = name(query.name)?;
    let limit = page::length(query.limit);
    let list = app.engine.view(|landscape| {
        let wanted = |block: &&BlockVolume| {
            hosting.is_none_or(|id| block.hosting == id)
                && name.as_ref().is_none_or(|name| block.name == *name)
                && landscape.block_remover(block.id).is_none()
        };
        let found = landscape.inventory().blocks_after(after).filter(wanted);
        let shown = |found| convert::block::block(landscape, found);
        let (block_volumes, next) = page::cut(found, limit, shown, |block| &block.id);
        BlockVolumeList {
            block_volumes,
            next,
            operation: name.as_ref().and_then(|name| changes(landscape, name)),
        }
    });
    Ok(answer::json(StatusCode::OK, &list))
}

/// The operation that just makes or removes a block volume of this name.
fn changes(landscape: &Landscape, name: &VolumeName) -> Option<String> {
    let inventory = landscape.inventory();
    let change = |cluster| {
        let coming = landscape
            .block_to_come(cluster, name)
            .map(|(operation, _)| operation);
        let leaving = || landscape.block_remover(inventory.block_by_name(cluster, name)?.id);
        coming.or_else(leaving)
    };
    let mut clusters = inventory.clusters().map(|cluster| cluster.id);
    clusters.find_map(change).as_ref().map(OperationId::to_string)
}

/// Makes a block volume: a file in a volume that is meant to hold such files, served by several hosts as one iSCSI disk. Where none has
/// the room, a volume to hold it is made too, if the server is set so. Asked again by the same name, it leads to the same block volume.
#[utoipa::path(post, path = "/v1/block-volumes", operation_id = "create_block_volume_by_name", tag = "v1", request_body = BlockVolumeRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the block volume"),
    (status = 400, description = "The body cannot be read, or asks for what could never be", body = ErrorBody),
    (status = 409, description = "The name is that of a block volume that is not as asked, or that is just being removed", body = ErrorBody),
    (status = 429, description = "Too much is under way, or a hosting volume is just being made", body = ErrorBody),
    (status = 507, description = "No hosting volume has the room", body = ErrorBody),
))]
pub(crate) async fn create(State(app): State<App>, body: Result<Payload, BodyError>) -> Result<Answer, Rich> {
    let wanted: BlockVolumeRequest = body.map_err(WireError::from)?.read_strictly()?;
    let request = app
        .engine
        .view(|landscape| convert::block::request(wanted, landscape))?;
    let begun = app.engine.create_block(request).await;
    let begun = begun.inspect_err(|error| tracing::info!(%error, "no block volume"));
    Ok(queued(begun, Asked::CreateBlock)?)
}

/// One block volume, with what initiators need to reach it.
#[utoipa::path(get, path = "/v1/block-volumes/{id}", operation_id = "get_block_volume_as_recorded", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "The block volume", body = mortar_api::BlockVolume),
    (status = 404, description = "No such block volume, or it is just being made or removed", body = ErrorBody),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: BlockVolumeId = id.of()?;
    let found = app.engine.view(|landscape| {
        let block = landscape.inventory().block(id)?;
        let stays = landscape.block_remover(id).is_none();
        stays.then(|| convert::block::with_secret(landscape, block))
    });
    Ok(answer::json(StatusCode::OK, &found.ok_or(WireError::IdNotFound)?))
}

/// Makes a block volume larger while it is in use. It does not become smaller again.
#[utoipa::path(post, path = "/v1/block-volumes/{id}/expand", operation_id = "expand_block_volume_to", tag = "v1", params(("id" = String, Path)),
    request_body = BlockVolumeExpandRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the block volume"),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 404, description = "No such block volume", body = ErrorBody),
    (status = 409, description = "It is being changed, or has that size or more", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 507, description = "Its hosting volume has not the room", body = ErrorBody),
))]
pub(crate) async fn expand(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let wanted: BlockVolumeExpandRequest = body.map_err(WireError::from)?.read_strictly()?;
    let size = convert::block::new_size(wanted)?;
    let begun = app.engine.expand_block(id.of()?, size).await;
    let begun = begun.inspect_err(|error| tracing::info!(%error, "no expansion of a block volume"));
    Ok(queued(begun, Asked::ExpandBlock)?)
}

/// Lets another host serve a block volume in place of one, while it is in use: before a node is removed, or after it was lost. It only
/// goes forward. With `dead`, the old host is not asked, and what it has of the block volume stays on it.
#[utoipa::path(post, path = "/v1/block-volumes/{id}/replace-host", operation_id = "replace_block_host", tag = "v1", params(("id" = String, Path)),
    request_body = BlockHostRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the block volume"),
    (status = 400, description = "The body cannot be read", body = ErrorBody),
    (status = 404, description = "No such block volume", body = ErrorBody),
    (status = 409, description = "It is being changed, or the old host does not serve it", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 507, description = "No other host can serve it", body = ErrorBody),
))]
pub(crate) async fn replace_host(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let wanted: BlockHostRequest = body.map_err(WireError::from)?.read_strictly()?;
    let request = ReplaceBlockHost {
        block: id.of()?,
        old: HostName::new(wanted.old).map_err(|why| problem("old", why))?,
        new: wanted
            .new
            .map(HostName::new)
            .transpose()
            .map_err(|why| problem("new", why))?,
        dead: wanted.dead,
    };
    let begun = app.engine.replace_block_host(request).await;
    Ok(queued(begun, Asked::Thing)?)
}

/// Removes a block volume and all that is in it.
#[utoipa::path(delete, path = "/v1/block-volumes/{id}", operation_id = "delete_block_volume_by_id", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun, or begun before: Location names its place in the queue, which ends with 204"),
    (status = 404, description = "No such block volume", body = ErrorBody),
    (status = 409, description = "It is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: BlockVolumeId = id.of()?;
    // Who lost the answer asks again, and wants to know how far it is.
    if let Some(begun) = app.engine.view(|landscape| landscape.block_remover(id)) {
        return Ok(answer::accepted(begun));
    }
    let begun = app.engine.delete_block(id).await;
    Ok(queued(begun, Asked::DeleteBlock)?)
}
