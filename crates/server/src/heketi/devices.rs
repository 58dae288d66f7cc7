//! `/devices`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_heketi::device::{DeviceAddRequest, DeviceDeleteRequest, DeviceInfo};
use mortar_heketi::node::StateRequest;
use mortar_heketi::{TagsChangeRequest, WireError};
use mortar_model::{DeviceId, State as Condition, Tags};

use super::{Id, StateRules};
use crate::convert;
use crate::http::answer::{self, Answer, Plain};
use crate::http::body::Payload;
use crate::refusal::{Asked, failure, queued};
use crate::state::App;

/// Makes a disk, or a directory, ready for bricks.
#[utoipa::path(post, path = "/devices", operation_id = "add_device", tag = "devices", request_body = DeviceAddRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such node", body = String),
    (status = 409, description = "The node has a device at that path", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way", body = String),
))]
pub(crate) async fn add(State(app): State<App>, body: Payload) -> Result<Answer, Plain> {
    let request = body.read::<DeviceAddRequest>()?.validate()?;
    let begun = app.engine.add_device(convert::request::device(request)).await;
    Ok(queued(begun, Asked::AddDevice)?)
}

/// A device with its bricks.
#[utoipa::path(get, path = "/devices/{id}", operation_id = "get_device", tag = "devices", params(("id" = String, Path)), responses(
    (status = 200, description = "The device", body = DeviceInfo),
    (status = 404, description = "No such device", body = String),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let id: DeviceId = id.of()?;
    let leaving = app.leaving(|inventory| inventory.bricks_on(id).map(|brick| brick.volume).collect());
    let info = app
        .engine
        .view(|landscape| convert::heketi::device(landscape, id, &leaving));
    Ok(answer::json(StatusCode::OK, &info.ok_or(WireError::IdNotFound)?))
}

/// Gives a device back, bare. It must have no bricks and be in state `failed`.
#[utoipa::path(delete, path = "/devices/{id}", operation_id = "delete_device", tag = "devices", params(("id" = String, Path)),
    request_body = Option<DeviceDeleteRequest>, responses(
    (status = 202, description = "Begun: Location names its place in the queue"),
    (status = 400, description = "It is not in state failed", body = String),
    (status = 404, description = "No such device", body = String),
    (status = 409, description = "It has bricks", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way", body = String),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let request: DeviceDeleteRequest = body.read_optional()?;
    let id: DeviceId = id.of()?;
    let now = app.engine.view(|landscape| {
        let inventory = landscape.inventory();
        inventory
            .device(id)
            .map(|device| (device.state, inventory.brick_count(id) > 0))
    });
    match now.ok_or(WireError::IdNotFound)? {
        (_, true) => Err(WireError::DeviceInUse(id.to_string()).into()),
        (Condition::Failed, false) => {
            let begun = app.engine.remove_device(id, request.forceforget).await;
            Ok(queued(begun, Asked::Thing)?)
        }
        (_, false) => Err(WireError::DeviceNotFailed(id.to_string()).into()),
    }
}

/// Says whether a device takes new bricks. `failed` moves those it has to other devices first; with `healcheck` `disable`
/// they need not run.
#[utoipa::path(post, path = "/devices/{id}/state", operation_id = "set_device_state", tag = "devices", params(("id" = String, Path)),
    request_body = StateRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such device", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 500, description = "Its present state forbids it", body = String),
))]
pub(crate) async fn set_state(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let change = body.read::<StateRequest>()?.validate()?;
    let id: DeviceId = id.of()?;
    let now = app.engine.view(|landscape| {
        let inventory = landscape.inventory();
        inventory
            .device(id)
            .map(|device| (device.state, inventory.brick_count(id) > 0))
    });
    let (old, bricks) = now.ok_or(WireError::IdNotFound)?;
    let rules = StateRules {
        not_offline: WireError::DeviceNotOffline(id.to_string()),
        is_failed: WireError::DeviceFailed,
    };
    rules.check(old, change.state)?;
    let begun = if change.state == Condition::Failed && bricks {
        app.engine.drain_device(id, !change.heal_check).await
    } else {
        app.engine.set_device_state(id, change.state).await
    };
    Ok(queued(begun, Asked::Thing)?)
}

/// Takes a device's size up to what its disk, or its directory's file system, has. Heketi asks for it with GET.
#[utoipa::path(get, path = "/devices/{id}/resync", operation_id = "resync_device", tag = "devices", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 404, description = "No such device", body = String),
    (status = 409, description = "Another operation works on it", body = String),
    (status = 429, description = "Too much is under way", body = String),
))]
pub(crate) async fn resync(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let begun = app.engine.resize_device(id.of()?).await;
    Ok(queued(begun, Asked::Thing)?)
}

/// Changes a device's labels.
#[utoipa::path(post, path = "/devices/{id}/tags", operation_id = "set_device_tags", tag = "devices", params(("id" = String, Path)),
    request_body = TagsChangeRequest, responses(
    (status = 200, description = "All its labels after the change", body = Tags),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such device", body = String),
    (status = 422, description = "The body cannot be read", body = String),
))]
pub(crate) async fn set_tags(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let change = body.read::<TagsChangeRequest>()?.validate()?;
    let mut refused = None;
    let tags = app
        .engine
        .set_device_tags(id.of()?, |tags| change.apply_to(tags, &mut refused))
        .await;
    let tags = tags.map_err(|error| failure(&error, Asked::Thing))?;
    refused.map_or(Ok(()), Err)?;
    Ok(answer::json(StatusCode::OK, &tags))
}
