//! `/v1/devices`: which there are, and devices that are added with more than Heketi's language can say.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{
    DeviceEntry, DevicePage, DeviceQuery, DeviceRequest, ErrorBody, OvercommitRequest, PoolMode,
};
use mortar_engine::plan::AddDevice;
use mortar_heketi::WireError;
use mortar_heketi::device::DeviceAddRequest;
use mortar_model::{Device, DeviceId, Node, Overcommit};

use super::page;
use crate::convert::{self, topology};
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;
use crate::wanted::Devices;

/// Devices in the order of their ids, page by page, each with its bricks.
#[utoipa::path(get, path = "/v1/devices", operation_id = "list_devices_by_page", tag = "v1", params(DeviceQuery), responses(
    (status = 200, description = "Devices", body = DevicePage),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<DeviceQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let (wanted, limit) = (Devices::read(&query)?, page::length(query.limit));
    let page = app.engine.view(|landscape| {
        let shown = |(node, device): (&Node, &Device)| DeviceEntry {
            node: node.id.to_string(),
            host: node.manage.to_string(),
            device: topology::device(device, landscape),
        };
        let found = wanted.of(landscape.inventory());
        let (devices, next) = page::cut(found, limit, shown, |entry| &entry.device.id);
        DevicePage { devices, next }
    });
    Ok(answer::json(StatusCode::OK, &page))
}

/// Makes a disk, or a directory, ready for bricks: those of a disk in thin pools of their own, or in one pool that may promise more
/// than it has.
#[utoipa::path(post, path = "/v1/devices", operation_id = "v1_add_device", tag = "v1", request_body = DeviceRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 400, description = "The body cannot be read, or a rule is broken", body = ErrorBody),
    (status = 404, description = "No such node", body = ErrorBody),
    (status = 409, description = "The node has a device at that path", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn add(State(app): State<App>, body: Result<Payload, BodyError>) -> Result<Answer, Rich> {
    let request: DeviceRequest = body.map_err(WireError::from)?.read_strictly()?;
    let begun = app.engine.add_device(checked(request)?).await;
    Ok(queued(begun, Asked::AddDevice)?)
}

/// Changes what the thin pool that all bricks of a device share may promise over what it has. Less than it has promised already is refused.
#[utoipa::path(post, path = "/v1/devices/{id}/overcommit", operation_id = "set_overcommit", tag = "v1", params(("id" = String, Path)),
    request_body = OvercommitRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 400, description = "The body cannot be read, the device has no such pool, or has promised more already", body = ErrorBody),
    (status = 404, description = "No such device", body = ErrorBody),
    (status = 409, description = "It is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
))]
pub(crate) async fn set_overcommit(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: OvercommitRequest = body.map_err(WireError::from)?.read_strictly()?;
    let id: DeviceId = id.of()?;
    let wanted =
        Overcommit::from_hundredths(request.overcommit_percent).map_err(|error| wrong(error.to_string()))?;
    let begun = app.engine.set_overcommit(id, wanted).await;
    Ok(queued(begun, Asked::Thing)?)
}

fn checked(request: DeviceRequest) -> Result<AddDevice, WireError> {
    let shared = shared(request.pool, request.overcommit_percent)?;
    // The rest is checked by the same rules as in the old language.
    let old = DeviceAddRequest {
        node: request.node,
        name: request.name,
        tags: request.tags,
        destroydata: request.destroy,
    };
    Ok(AddDevice {
        shared,
        ..convert::request::device(old.validate()?)
    })
}

fn shared(pool: PoolMode, percent: Option<u32>) -> Result<Option<Overcommit>, WireError> {
    match (pool, percent) {
        (PoolMode::Own, None) => Ok(None),
        (PoolMode::Own, Some(_)) => Err(wrong("only a shared pool promises more than it has".into())),
        (PoolMode::Shared, None) => Ok(Some(Overcommit::NONE)),
        (PoolMode::Shared, Some(percent)) => Overcommit::from_hundredths(percent)
            .map(Some)
            .map_err(|error| wrong(error.to_string())),
    }
}

fn wrong(text: String) -> WireError {
    page::problem("overcommit_percent", text)
}
