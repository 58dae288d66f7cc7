//! `POST /v1/plan`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_api::{ErrorBody, PlanAnswer};
use mortar_engine::plan::Creation;
use mortar_heketi::WireError;
use mortar_heketi::volume::VolumeCreateRequest;

use crate::convert::{placement, request};
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, refused};
use crate::state::App;

/// Where a volume would go now, and why not elsewhere. Nothing is reserved, nothing is done.
#[utoipa::path(post, path = "/v1/plan", operation_id = "plan_volume", tag = "v1", request_body = VolumeCreateRequest, responses(
    (status = 200, description = "Where it would go, or why it could not be made", body = PlanAnswer),
    (status = 400, description = "The request could never succeed", body = ErrorBody),
))]
pub(crate) async fn plan(State(app): State<App>, body: Result<Payload, BodyError>) -> Result<Answer, Rich> {
    let wanted = body
        .map_err(WireError::from)?
        .read::<VolumeCreateRequest>()?
        .validate()?;
    let wanted = app.engine.view(|landscape| request::volume(wanted, landscape))?;
    let answer = match app.engine.plan_volume(&wanted) {
        Ok((Creation::Known(known), ..)) => placement::existing(&wanted, known),
        Ok((Creation::New(plan), verdicts, more)) => app
            .engine
            .view(|landscape| placement::possible(&wanted, &plan, &verdicts, more, landscape)),
        Err(refusal) => placement::impossible(
            &wanted,
            &refusal,
            refused(&refusal, Asked::CreateVolume, &|_| false).info(),
        ),
    };
    Ok(answer::json(StatusCode::OK, &answer))
}
