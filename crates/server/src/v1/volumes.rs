//! `/v1/volumes`

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{ErrorBody, Volume, VolumePage, VolumeQuery, VolumeRequest};
use mortar_engine::plan::Landscape;
use mortar_heketi::WireError;
use mortar_heketi::token::Role;
use mortar_model::{OperationId, Volume as Recorded, VolumeId, VolumeName};

use super::page;
use crate::convert::{heal, heketi::Leaving, volume};
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;
use crate::v1::hindrance;
use crate::wanted::Volumes;

/// Makes a volume. Asked again by the same name, it leads to the same volume.
#[utoipa::path(post, path = "/v1/volumes", operation_id = "create_volume_by_name", tag = "v1", request_body = VolumeRequest, responses(
    (status = 202, description = "Placed and begun: Location names its place in the queue, which leads to the volume"),
    (status = 400, description = "The body cannot be read, or asks for what could never be", body = ErrorBody),
    (status = 409, description = "The name is that of a volume that is not as asked, or that is just being removed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 507, description = "No place for it; the details name each device with its rule", body = ErrorBody),
))]
pub(crate) async fn create(State(app): State<App>, body: Result<Payload, BodyError>) -> Result<Answer, Rich> {
    let wanted: VolumeRequest = body.map_err(WireError::from)?.read_strictly()?;
    let request = app.engine.view(|landscape| volume::request(wanted, landscape))?;
    let begun = app.engine.create_volume(request).await;
    let begun = begun.inspect_err(|error| tracing::info!(%error, "no volume"));
    Ok(queued(begun, Asked::CreateVolume)?)
}

/// Volumes in the order of their ids, page by page; or those of a name, and what is just being done about that name. The role `user` sees
/// what was asked for by it, and no more.
#[utoipa::path(get, path = "/v1/volumes", operation_id = "list_volumes_by_page", tag = "v1", params(VolumeQuery), responses(
    (status = 200, description = "Volumes; those that are just being removed are left out", body = VolumePage),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    role: Option<Extension<Role>>,
    query: Result<Query<VolumeQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let (wanted, limit) = (Volumes::read(&query)?, page::length(query.limit));
    let page = match &wanted.name {
        Some(name) => named(&app, name, &wanted, Whose::of(role)),
        None => page(&app, &wanted, limit, Whose::of(role)),
    };
    Ok(answer::json(StatusCode::OK, &page))
}

/// Whose volumes are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    All,
    /// Those that were asked for by the user role.
    Users,
}

impl Whose {
    fn of(role: Option<Extension<Role>>) -> Self {
        match role {
            Some(Extension(Role::User)) => Self::Users,
            Some(Extension(Role::Admin)) | None => Self::All,
        }
    }

    fn has(self, volume: &Recorded) -> bool {
        self == Self::All || volume.by_user
    }
}

fn page(app: &App, wanted: &Volumes, limit: usize, whose: Whose) -> VolumePage {
    let (ids, next) = app.engine.view(|landscape| {
        let volumes = wanted.of(landscape.inventory());
        let volumes = volumes.filter(|volume| whose.has(volume));
        page::cut(volumes, limit, |volume| volume.id, |id| id)
    });
    VolumePage {
        volumes: shown(app, &ids),
        next: next.as_ref().map(ToString::to_string),
        operation: None,
    }
}

fn named(app: &App, name: &VolumeName, wanted: &Volumes, whose: Whose) -> VolumePage {
    let (ids, operation) = app.engine.view(|landscape| {
        let clusters = landscape.inventory().clusters().map(|cluster| cluster.id);
        let clusters = clusters.filter(|id| wanted.cluster.is_none_or(|wanted| wanted == *id));
        let (mut ids, mut under_way) = (Vec::new(), None);
        for cluster in clusters {
            let volume = landscape.inventory().volume_by_name(cluster, name);
            let volume = volume.filter(|volume| whose.has(volume));
            ids.extend(volume.map(|volume| volume.id));
            let coming = landscape.volume_to_come(cluster, name).map(|(id, _)| id);
            under_way = under_way
                .or(coming)
                .or_else(|| landscape.name_leaving(cluster, name))
                .or_else(|| volume.and_then(|volume| landscape.remover(volume.id)));
        }
        (ids, under_way)
    });
    VolumePage {
        volumes: shown(app, &ids),
        next: None,
        // Whose it is that comes or goes is not told by its name.
        operation: operation
            .as_ref()
            .filter(|_| whose == Whose::All)
            .map(OperationId::to_string),
    }
}

/// These volumes, without those that are just being removed.
fn shown(app: &App, ids: &[VolumeId]) -> Vec<Volume> {
    let leaving = app.leaving(|_| ids.to_vec());
    app.engine.view(|landscape| {
        ids.iter()
            .filter_map(|id| one(*id, &leaving, landscape))
            .collect()
    })
}

fn one(id: VolumeId, leaving: &Leaving, landscape: &Landscape) -> Option<Volume> {
    let found = landscape
        .inventory()
        .volume(id)
        .filter(|_| !leaving.contains(&id));
    found.map(|found| volume::volume(found, landscape))
}

/// One volume.
#[utoipa::path(get, path = "/v1/volumes/{id}", operation_id = "get_volume_as_recorded", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "The volume", body = Volume),
    (status = 404, description = "No such volume, or it is just being made or removed", body = ErrorBody),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: VolumeId = id.of()?;
    let mut found = shown(&app, &[id]).pop().ok_or(WireError::IdNotFound)?;
    found.heal = app.engine.last_heal(id).as_ref().map(heal::last);
    Ok(answer::json(StatusCode::OK, &found))
}

/// Removes a volume and all that is in it. One that has snapshots stays: the details name each with the command that removes it.
#[utoipa::path(delete, path = "/v1/volumes/{id}", operation_id = "delete_volume_by_id", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun, or begun before: Location names its place in the queue"),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "It may not be deleted, or is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: VolumeId = id.of()?;
    // Who lost the answer asks again, and wants to know how far it is.
    if let Some(begun) = app.engine.view(|landscape| landscape.remover(id)) {
        return Ok(answer::accepted(begun));
    }
    crate::heketi::volumes::may_be_deleted(&app, id)?;
    let begun = app.engine.delete_volume(id).await;
    let told = queued(begun, Asked::DeleteVolume);
    Ok(told.map_err(|failure| hindrance::of_removal(&app, id, failure))?)
}
