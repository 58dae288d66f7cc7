//! `/v1/check` and `/v1/repair`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_api::{CheckAnswer, ErrorBody, RepairAnswer, RepairRequest};
use mortar_engine::Check;
use mortar_heketi::WireError;
use mortar_heketi::takeover::{KEPT, Kept};

use crate::convert;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::state::App;

/// What the last check found, and what was mended by itself.
#[utoipa::path(get, path = "/v1/check", operation_id = "get_check", tag = "v1", responses(
    (status = 200, description = "The last check since the server started, if there was one", body = CheckAnswer),
))]
pub(crate) async fn last(State(app): State<App>) -> Answer {
    let check = app.engine.last_check();
    show(&app, check.as_deref())
}

/// Compares the records with what the nodes show now. Changes nothing; who asks meanwhile shares the next check.
#[utoipa::path(post, path = "/v1/check", operation_id = "check", tag = "v1", responses(
    (status = 200, description = "What was found", body = CheckAnswer),
))]
pub(crate) async fn fresh(State(app): State<App>) -> Answer {
    let check = app.engine.check().await;
    show(&app, Some(&check))
}

fn show(app: &App, check: Option<&Check>) -> Answer {
    let answer = CheckAnswer {
        check: app
            .engine
            .view(|landscape| check.map(|check| convert::check::check(check, landscape))),
        reconciled: app.engine.last_reconciled().map(convert::check::reconciled),
        takeover: taken_over(app).and_then(convert::check::takeover),
    };
    answer::json(StatusCode::OK, &answer)
}

/// What a takeover of Heketi's database wrote down. That it cannot be read now is no reason to tell nothing of the nodes.
fn taken_over(app: &App) -> Option<Kept> {
    let kept = app.engine.note(KEPT);
    kept.unwrap_or_else(|error| {
        tracing::error!(%error, "what was taken over from Heketi cannot be read");
        None
    })
}

/// Checks, and shows what would mend the differences; with `dry_run` false, mends them. Each repair is an operation.
/// Nothing is removed but what is proven to be Mortar's own, in no record, and used by no volume.
#[utoipa::path(post, path = "/v1/repair", operation_id = "repair", tag = "v1", request_body = RepairRequest, responses(
    (status = 200, description = "What would be done, or was begun", body = RepairAnswer),
    (status = 400, description = "The request cannot be read", body = ErrorBody),
))]
pub(crate) async fn repair(State(app): State<App>, body: Result<Payload, BodyError>) -> Result<Answer, Rich> {
    let body = body.map_err(WireError::from)?;
    let request = if body.is_empty() {
        RepairRequest::default()
    } else {
        body.read_strictly()?
    };
    let run = app.engine.repair(request.items.as_deref(), request.dry_run).await;
    let answer = app
        .engine
        .view(|landscape| convert::check::repair(run, request.dry_run, landscape));
    Ok(answer::json(StatusCode::OK, &answer))
}
