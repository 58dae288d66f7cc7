//! `/bricks`

use axum::extract::State;
use mortar_heketi::device::BrickEvictRequest;
use mortar_model::BrickId;

use super::Id;
use crate::http::answer::{Answer, Plain};
use crate::http::body::Payload;
use crate::refusal::{Asked, queued};
use crate::state::App;

/// Moves a brick to another device. With `healcheck` `disable` the brick itself need not run: whatever it alone holds is
/// given up. The other bricks of its set must run all the same, which Heketi did not ask for then.
#[utoipa::path(post, path = "/bricks/to-evict/{id}", operation_id = "evict_brick", tag = "devices", params(("id" = String, Path)),
    request_body = Option<BrickEvictRequest>, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such brick", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way", body = String),
    (status = 500, description = "It has no copies, is needed where it is for now, or finds no other place", body = String),
))]
pub(crate) async fn evict(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let heal_check = body.read_optional::<BrickEvictRequest>()?.validate()?;
    let id: BrickId = id.of()?;
    let begun = app.engine.evict_brick(id, !heal_check).await;
    Ok(queued(begun, Asked::EvictBrick)?)
}
