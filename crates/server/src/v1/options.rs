//! Options of a volume that are changed after it was made.

use axum::extract::State;
use mortar_api::{ErrorBody, ErrorKind, OptionsRequest};
use mortar_engine::plan::OptionsChange;
use mortar_heketi::WireError;
use mortar_model::{InvalidName, OptionName, VolumeId, VolumeOption};

use crate::heketi::Id;
use crate::http::answer::{Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::http::failure::Failure;
use crate::refusal::{Asked, queued};
use crate::state::App;

/// Sets options of a volume, or gives them back to GlusterFS. All of them are set or none; what GlusterFS does not take is
/// told by the operation, which then leaves the volume as it was. Options that steer where bricks go do so for later ones.
#[utoipa::path(patch, path = "/v1/volumes/{id}/options", operation_id = "set_volume_options", tag = "v1", params(("id" = String, Path)),
    request_body = OptionsRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the volume"),
    (status = 400, description = "The body cannot be read, or an option cannot be changed", body = ErrorBody),
    (status = 404, description = "No such volume", body = ErrorBody),
    (status = 409, description = "It is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 502, description = "Nobody in its pool tells what its options are now", body = ErrorBody),
))]
pub(crate) async fn set(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: OptionsRequest = body.map_err(WireError::from)?.read_strictly()?;
    let id: VolumeId = id.of()?;
    let change = change(request).map_err(|why| invalid(&why))?;
    let begun = app.engine.set_options(id, change).await;
    Ok(queued(begun, Asked::Thing)?)
}

fn change(request: OptionsRequest) -> Result<OptionsChange, String> {
    let mut change = OptionsChange::default();
    for (name, value) in request.options {
        let told = |why: InvalidName| format!("option {}: {why}", name.escape_debug());
        match &value {
            Some(value) => change
                .set
                .push(VolumeOption::new(name.as_str(), value.as_str()).map_err(told)?),
            None => change.reset.push(OptionName::new(name.as_str()).map_err(told)?),
        }
    }
    Ok(change)
}

fn invalid(why: &str) -> Failure {
    let mut failure = Failure::new(&WireError::Unreadable, ErrorKind::Invalid);
    failure.message = Some(why.to_owned());
    failure
}
