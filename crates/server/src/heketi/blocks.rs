//! `/blockvolumes`, what volumes hold of them, and whether a volume takes new ones.

use axum::extract::State;
use axum::http::StatusCode;
use mortar_engine::plan::Landscape;
use mortar_heketi::WireError;
use mortar_heketi::block::{
    BlockRestrictionRequest, BlockVolumeCreateRequest, BlockVolumeExpandRequest, BlockVolumeInfo,
    BlockVolumeList,
};
use mortar_heketi::db;
use mortar_heketi::volume::BlockInfo;
use mortar_model::{BlockRestriction, BlockVolume, BlockVolumeId, ByteSize, ClusterId, Volume, VolumeId};

use super::Id;
use crate::convert;
use crate::http::answer::{self, Answer, Plain};
use crate::http::body::Payload;
use crate::refusal::{Asked, queued};
use crate::state::App;

/// Ids of those on a cluster that stay, sorted.
pub(crate) fn on(landscape: &Landscape, cluster: ClusterId) -> Vec<String> {
    let mut ids: Vec<String> = landscape
        .inventory()
        .blocks_of(cluster)
        .filter(|block| landscape.block_remover(block.id).is_none())
        .map(|block| block.id.to_string())
        .collect();
    ids.sort_unstable();
    ids
}

/// What a volume says of those that it holds.
pub(crate) fn held_by(landscape: &Landscape, volume: &Volume) -> BlockInfo {
    if !volume.block {
        return BlockInfo::default();
    }
    let gib = |size: ByteSize| i64::try_from(size.gib()).unwrap_or(i64::MAX);
    let held = landscape.inventory().blocks_on(volume.id);
    let stays = held.filter(|block| landscape.block_remover(block.id).is_none());
    BlockInfo {
        freesize: gib(landscape.room_for_blocks(volume)),
        reservedsize: gib(volume.size.minus(volume.room_for_blocks())),
        blockvolume: stays.map(|block| block.id.to_string()).collect(),
        restriction: volume.block_restriction.word().to_owned(),
    }
}

/// All block volumes.
#[utoipa::path(get, path = "/blockvolumes", operation_id = "list_block_volumes", tag = "volumes", responses(
    (status = 200, description = "Their ids, sorted", body = BlockVolumeList),
))]
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let blockvolumes = app.engine.view(|landscape| {
        let all = landscape.inventory().blocks();
        let stay = all.filter(|block| landscape.block_remover(block.id).is_none());
        stay.map(|block| block.id.to_string()).collect()
    });
    answer::json(StatusCode::OK, &BlockVolumeList { blockvolumes })
}

/// A block volume, with what initiators need to reach it.
#[utoipa::path(get, path = "/blockvolumes/{id}", operation_id = "get_block_volume", tag = "volumes", params(("id" = String, Path)), responses(
    (status = 200, description = "The block volume", body = BlockVolumeInfo),
    (status = 404, description = "No such block volume, or it is just being made or deleted", body = String),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let id: BlockVolumeId = id.of()?;
    let info = app.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let block = inventory
            .block(id)
            .filter(|_| landscape.block_remover(id).is_none())?;
        Some(shown(block, inventory.volume(block.hosting)?.cluster))
    });
    Ok(answer::json(StatusCode::OK, &info.ok_or(WireError::IdNotFound)?))
}

fn shown(block: &BlockVolume, cluster: ClusterId) -> BlockVolumeInfo {
    let gib = |size: ByteSize| i64::try_from(size.gib()).unwrap_or(i64::MAX);
    BlockVolumeInfo {
        size: gib(block.size),
        name: block.name.to_string(),
        hacount: i64::from(block.ha),
        id: block.id.to_string(),
        blockvolume: db::Target {
            hosts: block.hosts.iter().map(ToString::to_string).collect(),
            iqn: block.target.iqn.clone(),
            lun: block.target.lun,
            username: block.target.username.clone(),
            password: block.target.password.reveal().to_owned(),
        },
        cluster: cluster.to_string(),
        blockhostingvolume: block.hosting.to_string(),
        usablesize: gib(block.usable),
    }
}

/// Makes a block volume, and a volume to hold it where none has the room and that is wanted. Asked again by the same name, it leads to
/// the same block volume.
#[utoipa::path(post, path = "/blockvolumes", operation_id = "create_block_volume", tag = "volumes",
    request_body = BlockVolumeCreateRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the block volume"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way, or a hosting volume is just being made", body = String),
    (status = 500, description = "No hosting volume has the room. The header mortar-error-kind tells which rule", body = String),
))]
pub(crate) async fn create(State(app): State<App>, body: Payload) -> Result<Answer, Plain> {
    let request: BlockVolumeCreateRequest = body.read()?;
    request.validate()?;
    let request = app
        .engine
        .view(|landscape| convert::request::block(&request, landscape))?;
    let begun = app.engine.create_block(request).await;
    let begun = begun.inspect_err(|error| tracing::info!(%error, "no block volume"));
    Ok(queued(begun, Asked::CreateBlock)?)
}

/// Removes a block volume and all that is in it.
#[utoipa::path(delete, path = "/blockvolumes/{id}", operation_id = "delete_block_volume", tag = "volumes", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue"),
    (status = 404, description = "No such block volume", body = String),
    (status = 429, description = "Too much is under way", body = String),
    (status = 500, description = "Another operation works on it", body = String),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let begun = app.engine.delete_block(id.of()?).await;
    Ok(queued(begun, Asked::DeleteBlock)?)
}

/// Makes a block volume larger.
#[utoipa::path(post, path = "/blockvolumes/{id}/expand", operation_id = "expand_block_volume", tag = "volumes", params(("id" = String, Path)),
    request_body = BlockVolumeExpandRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the block volume"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such block volume", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way", body = String),
    (status = 500, description = "It has that size, or its hosting volume has not the room", body = String),
))]
pub(crate) async fn expand(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let size = body.read::<BlockVolumeExpandRequest>()?.validate()?;
    let begun = app.engine.expand_block(id.of()?, ByteSize::from_gib(size)).await;
    let begun = begun.inspect_err(|error| tracing::info!(%error, "no expansion of a block volume"));
    Ok(queued(begun, Asked::ExpandBlock)?)
}

/// Says whether a volume takes new block volumes.
#[utoipa::path(post, path = "/volumes/{id}/block-restriction", operation_id = "restrict_volume", tag = "volumes", params(("id" = String, Path)),
    request_body = BlockRestrictionRequest, responses(
    (status = 202, description = "Done: Location names its place in the queue, which leads to the volume"),
    (status = 400, description = "There is no such restriction", body = String),
    (status = 404, description = "No such volume", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 500, description = "It is not meant to hold block volumes", body = String),
))]
pub(crate) async fn restrict(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let request = body.read::<BlockRestrictionRequest>()?;
    request.validate()?;
    let id: VolumeId = id.of()?;
    let restriction = BlockRestriction::of_word(&request.restriction).unwrap_or_default();
    let done = app.engine.restrict_blocks(id, restriction).await;
    Ok(queued(done, Asked::Restrict)?)
}
