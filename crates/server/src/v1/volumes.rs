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

use super::page::{self, problem};
use crate::convert::{heketi::Leaving, volume};
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;
use crate::v1::hindrance;

/// Most volumes of a page.
const MOST: u32 = 1000;

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
    let after = query.after.as_deref().map(str::parse::<VolumeId>).transpose();
    let after = after.map_err(|_| problem("after", "is a volume's id"))?;
    let limit = query.limit.unwrap_or(MOST).clamp(1, MOST) as usize;
    let page = match query.name {
        Some(name) => {
            let name = VolumeName::new(name).map_err(|error| problem("name", error))?;
            named(&app, &name, Whose::of(role))
        }
        None => page(&app, after, limit, Whose::of(role)),
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

fn page(app: &App, after: Option<VolumeId>, limit: usize, whose: Whose) -> VolumePage {
    let mut ids: Vec<VolumeId> = app.engine.view(|landscape| {
        let volumes = landscape.inventory().volumes_after(after);
        let volumes = volumes.filter(|volume| whose.has(volume));
        volumes.map(|volume| volume.id).take(limit + 1).collect()
    });
    let more = ids.len() > limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_| more).map(ToString::to_string);
    VolumePage {
        volumes: shown(app, &ids),
        next,
        operation: None,
    }
}

fn named(app: &App, name: &VolumeName, whose: Whose) -> VolumePage {
    let (ids, operation) = app.engine.view(|landscape| {
        let clusters = landscape.inventory().clusters();
        let (mut ids, mut under_way) = (Vec::new(), None);
        for cluster in clusters.map(|cluster| cluster.id) {
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
    let found = shown(&app, &[id.of()?]).pop().ok_or(WireError::IdNotFound)?;
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
