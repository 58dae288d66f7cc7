//! `/volumes`

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::VolumeQuery;
use mortar_engine::EngineError;
use mortar_engine::plan::{Expansion, Landscape, Refusal};
use mortar_heketi::WireError;
use mortar_heketi::token::Role;
use mortar_heketi::volume::{VolumeCreateRequest, VolumeExpandRequest, VolumeInfo, VolumeList};
use mortar_model::{ClusterId, VolumeId};

use super::Id;
use super::lists::length;
use crate::convert;
use crate::http::answer::{self, Answer, Plain};
use crate::http::body::Payload;
use crate::refusal::{Asked, failure_with, queued};
use crate::state::App;
use crate::v1::page;
use crate::wanted::Volumes;

/// Heketi's own database volume: it was never to be deleted through the API.
const DATABASE_VOLUME: &str = "heketidbstorage";

/// Makes a volume. Asked again by the same name, it leads to the same volume.
#[utoipa::path(post, path = "/volumes", operation_id = "create_volume", tag = "volumes", request_body = VolumeCreateRequest, responses(
    (status = 202, description = "Placed and begun: Location names its place in the queue, which leads to the volume"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way", body = String),
    (status = 500, description = "No place for it, or its name is that of a volume that is not as asked. The header mortar-error-kind tells which", body = String),
))]
pub(crate) async fn create(
    State(app): State<App>,
    role: Option<Extension<Role>>,
    body: Payload,
) -> Result<Answer, Plain> {
    let mut request: VolumeCreateRequest = body.read()?;
    request.glustervolumeoptions = app.volume_options.around(request.glustervolumeoptions);
    let request = request.validate()?;
    let mut request = app
        .engine
        .view(|landscape| convert::request::volume(request, landscape))?;
    request.by_user = role.is_some_and(|Extension(role)| role == Role::User);
    let candidates = request.clusters.clone();
    let begun = app.engine.create_volume(request).await;
    let begun = begun.inspect_err(|error| tracing::info!(%error, "no volume"));
    let off = |cluster: Option<ClusterId>| {
        types_off(&app, cluster.as_ref().map_or(&candidates, std::slice::from_ref))
    };
    Ok(answer::accepted(begun.map_err(|error| {
        failure_with(&error, Asked::CreateVolume, &off)
    })?))
}

/// Whether none of these clusters (of all, when none is named) takes any volume.
fn types_off(app: &App, candidates: &[ClusterId]) -> bool {
    app.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let candidate = |id: &ClusterId| candidates.is_empty() || candidates.contains(id);
        inventory
            .clusters()
            .filter(|cluster| candidate(&cluster.id))
            .all(|cluster| !cluster.file && !cluster.block)
    })
}

/// All volumes, or those that the query asks for.
#[utoipa::path(get, path = "/volumes", operation_id = "list_volumes", tag = "volumes", params(VolumeQuery), responses(
    (status = 200, description = "Their ids, sorted", body = VolumeList),
    (status = 400, description = "A parameter cannot be read", body = String),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<VolumeQuery>, QueryRejection>,
) -> Result<Answer, Plain> {
    let query = page::query(query)?;
    let (wanted, limit) = (Volumes::read(&query)?, length(query.limit));
    let leaving = app.leaving(|inventory| inventory.volumes().map(|volume| volume.id).collect());
    let (volumes, next) = app.engine.view(|landscape| {
        let ids = wanted.of(landscape.inventory()).map(|volume| volume.id);
        page::cut(ids.filter(|id| !leaving.contains(id)), limit, |id| id, |id| id)
    });
    Ok(answer::json(StatusCode::OK, &VolumeList { volumes, next }))
}

/// A volume with its bricks.
#[utoipa::path(get, path = "/volumes/{id}", operation_id = "get_volume", tag = "volumes", params(("id" = String, Path)), responses(
    (status = 200, description = "The volume", body = VolumeInfo),
    (status = 404, description = "No such volume, or it is just being made or deleted", body = String),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let id: VolumeId = id.of()?;
    if !app.leaving(|_| vec![id]).is_empty() {
        return Err(WireError::IdNotFound.into());
    }
    let info = app
        .engine
        .view(|landscape| convert::heketi::volume(landscape, id));
    Ok(answer::json(StatusCode::OK, &info.ok_or(WireError::IdNotFound)?))
}

/// Makes a volume larger: by larger bricks where their devices have the room, else by more of them.
#[utoipa::path(post, path = "/volumes/{id}/expand", operation_id = "expand_volume", tag = "volumes", params(("id" = String, Path)),
    request_body = VolumeExpandRequest, responses(
    (status = 202, description = "Placed and begun: Location names its place in the queue, which leads to the volume"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such volume", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way", body = String),
    (status = 500, description = "No place for it. The header mortar-error-kind tells which rule", body = String),
))]
pub(crate) async fn expand(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let request = body.read::<VolumeExpandRequest>()?.validate()?;
    let begun = app
        .engine
        .expand_volume(id.of()?, request.by, Expansion::default())
        .await;
    let begun = begun.inspect_err(|error| tracing::info!(%error, "no expansion"));
    Ok(queued(begun, Asked::ExpandVolume)?)
}

/// Removes a volume and all that is in it.
#[utoipa::path(delete, path = "/volumes/{id}", operation_id = "delete_volume", tag = "volumes", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue"),
    (status = 404, description = "No such volume", body = String),
    (status = 409, description = "It may not be deleted", body = String),
    (status = 429, description = "Too much is under way", body = String),
    (status = 500, description = "Another operation works on it", body = String),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let id: VolumeId = id.of()?;
    may_be_deleted(&app, id)?;
    let begun = app.engine.delete_volume(id).await;
    if matches!(
        begun,
        Err(EngineError::Refused(Refusal::InUse("volume", _, "snapshots")))
    ) {
        return Err(app.engine.view(|landscape| holds_snapshots(landscape, id)).into());
    }
    Ok(queued(begun, Asked::DeleteVolume)?)
}

/// Heketi's words for a volume with snapshots.
fn holds_snapshots(landscape: &Landscape, id: VolumeId) -> WireError {
    let inventory = landscape.inventory();
    let name = inventory.volume(id).map(|volume| volume.name.to_string());
    WireError::HoldsSnapshots(name.unwrap_or_default(), inventory.snapshots_of(id).count())
}

/// Whether a volume is one that may be deleted through the API at all.
///
/// # Errors
/// It is not.
pub(crate) fn may_be_deleted(app: &App, id: VolumeId) -> Result<(), WireError> {
    let protected = app.engine.view(|landscape| {
        landscape
            .inventory()
            .volume(id)
            .is_some_and(|volume| volume.name.as_str() == DATABASE_VOLUME)
    });
    if protected {
        return Err(WireError::HoldsDatabase);
    }
    Ok(())
}
