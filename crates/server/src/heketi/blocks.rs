//! `/blockvolumes`, and what volumes hold of block volumes: those that were taken over from Heketi are shown, and guarded.
//!
//! This version makes, changes and removes none: each request for that is checked as Heketi checks it, and refused then.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use mortar_engine::Engine;
use mortar_heketi::WireError;
use mortar_heketi::block::{
    BlockRestrictionRequest, BlockVolumeCreateRequest, BlockVolumeExpandRequest, BlockVolumeInfo,
    BlockVolumeList,
};
use mortar_heketi::db;
use mortar_heketi::takeover::{KEPT, Kept};
use mortar_heketi::volume::BlockInfo;
use mortar_model::{ClusterId, Inventory, VolumeId};

use super::Id;
use crate::http::answer::{self, Answer, Plain};
use crate::http::body::Payload;
use crate::state::App;

/// Block volumes that were taken over, and what their hosting volumes say of them. They never change.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    volumes: BTreeMap<String, db::BlockVolumeInfo>,
    hosts: BTreeMap<String, db::BlockInfo>,
}

impl Blocks {
    /// What the store keeps of them. One that cannot be read is told in the log; nothing else depends on it.
    pub(crate) fn of(engine: &Engine) -> Self {
        let kept: Option<Kept> = engine.note(KEPT).unwrap_or_else(|error| {
            tracing::error!(%error, "what was taken over from Heketi cannot be read");
            None
        });
        let entries = kept.unwrap_or_default().entries().unwrap_or_else(|error| {
            tracing::error!(%error, "what was taken over from Heketi cannot be read");
            db::Database::default()
        });
        let volumes = entries
            .block_volumes
            .into_iter()
            .map(|(id, entry)| (id, entry.info));
        let hosts = entries
            .volumes
            .into_iter()
            .map(|(id, entry)| (id, entry.info.blockinfo));
        Self {
            volumes: volumes.collect(),
            hosts: hosts.collect(),
        }
    }

    /// Those whose hosting volume is still there.
    fn there<'a>(&'a self, inventory: &'a Inventory) -> impl Iterator<Item = &'a db::BlockVolumeInfo> + 'a {
        self.volumes.values().filter(|block| {
            let host: Option<VolumeId> = block.blockhostingvolume.parse().ok();
            host.is_some_and(|host| inventory.volume(host).is_some())
        })
    }

    /// Ids of those on a cluster.
    pub(crate) fn on(&self, cluster: ClusterId, inventory: &Inventory) -> Vec<String> {
        let cluster = cluster.to_string();
        let on = self.there(inventory).filter(|block| block.cluster == cluster);
        on.map(|block| block.id.clone()).collect()
    }

    /// What a volume says of those that it holds.
    pub(crate) fn held_by(&self, volume: VolumeId) -> BlockInfo {
        let Some(info) = self.hosts.get(&volume.to_string()) else {
            return BlockInfo::default();
        };
        BlockInfo {
            freesize: info.freesize,
            reservedsize: info.reservedsize,
            blockvolume: info.blockvolumes.clone(),
            restriction: info.restriction.clone(),
        }
    }

    /// Whether a volume holds any.
    pub(crate) fn any_on(&self, volume: VolumeId) -> bool {
        let id = volume.to_string();
        self.volumes.values().any(|block| block.blockhostingvolume == id)
    }
}

/// All block volumes.
#[utoipa::path(get, path = "/blockvolumes", operation_id = "list_block_volumes", tag = "volumes", responses(
    (status = 200, description = "Their ids, sorted", body = BlockVolumeList),
))]
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let blockvolumes = app.engine.view(|landscape| {
        let there = app.blocks.there(landscape.inventory());
        there.map(|block| block.id.clone()).collect()
    });
    answer::json(StatusCode::OK, &BlockVolumeList { blockvolumes })
}

/// A block volume, as it was taken over.
#[utoipa::path(get, path = "/blockvolumes/{id}", operation_id = "get_block_volume", tag = "volumes", params(("id" = String, Path)), responses(
    (status = 200, description = "The block volume", body = BlockVolumeInfo),
    (status = 404, description = "No such block volume", body = String),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    Ok(answer::json(StatusCode::OK, &found(&app, &id)?))
}

fn found(app: &App, id: &Id) -> Result<BlockVolumeInfo, WireError> {
    let found = app.engine.view(|landscape| {
        let mut there = app.blocks.there(landscape.inventory());
        there
            .find(|block| block.id == id.text())
            .map(BlockVolumeInfo::from)
    });
    found.ok_or(WireError::IdNotFound)
}

fn not_supported(what: &str) -> Plain {
    WireError::NotSupported(what.to_owned()).into()
}

/// Not done by this version: it refuses what Heketi refuses, and then the rest.
#[utoipa::path(post, path = "/blockvolumes", operation_id = "create_block_volume", tag = "volumes",
    request_body = BlockVolumeCreateRequest, responses(
    (status = 400, description = "A rule is broken, or else: not supported", body = String),
    (status = 422, description = "The body cannot be read", body = String),
))]
pub(crate) async fn create(body: Payload) -> Result<Answer, Plain> {
    body.read::<BlockVolumeCreateRequest>()?.validate()?;
    Err(not_supported("New block volumes are"))
}

/// Not done by this version.
#[utoipa::path(delete, path = "/blockvolumes/{id}", operation_id = "delete_block_volume", tag = "volumes", params(("id" = String, Path)), responses(
    (status = 400, description = "Not supported", body = String),
    (status = 404, description = "No such block volume", body = String),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    found(&app, &id)?;
    Err(not_supported("Removing block volumes is"))
}

/// Not done by this version.
#[utoipa::path(post, path = "/blockvolumes/{id}/expand", operation_id = "expand_block_volume", tag = "volumes", params(("id" = String, Path)),
    request_body = BlockVolumeExpandRequest, responses(
    (status = 400, description = "A rule is broken, or else: not supported", body = String),
    (status = 404, description = "No such block volume", body = String),
    (status = 422, description = "The body cannot be read", body = String),
))]
pub(crate) async fn expand(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    body.read::<BlockVolumeExpandRequest>()?.validate()?;
    found(&app, &id)?;
    Err(not_supported("Larger block volumes are"))
}

/// Says whether a volume takes new block volumes. This version gives it none.
#[utoipa::path(post, path = "/volumes/{id}/block-restriction", operation_id = "restrict_volume", tag = "volumes", params(("id" = String, Path)),
    request_body = BlockRestrictionRequest, responses(
    (status = 400, description = "There is no such restriction, or else: not supported", body = String),
    (status = 404, description = "No such volume", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 500, description = "It is not meant to hold block volumes", body = String),
))]
pub(crate) async fn restrict(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    body.read::<BlockRestrictionRequest>()?.validate()?;
    let id: VolumeId = id.of()?;
    let block = app.engine.view(|landscape| {
        let volume = landscape.inventory().volume(id);
        volume.map(|volume| volume.block)
    });
    if block.ok_or(WireError::IdNotFound)? {
        Err(not_supported("Restrictions of block volumes are"))
    } else {
        Err(WireError::RestrictionOfFile.into())
    }
}
