//! `/admin` and `/internal/logging`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_heketi::admin::{AdminStatus, LogLevelInfo};

use crate::http::answer::{self, Answer, Plain};
use crate::http::body::Payload;
use crate::state::App;

/// Whom the server serves.
#[utoipa::path(get, path = "/admin", operation_id = "get_admin_state", tag = "server", responses(
    (status = 200, description = "normal, read-only or local-client", body = AdminStatus),
))]
pub(crate) async fn state(State(app): State<App>) -> Answer {
    answer::json(StatusCode::OK, &AdminStatus::of(app.admin.state()))
}

/// Says whom the server serves from now on, until its next start. This route itself is served in read-only, so that there is a way back.
#[utoipa::path(post, path = "/admin", operation_id = "set_admin_state", tag = "server", request_body = AdminStatus, responses(
    (status = 204, description = "It does"),
    (status = 400, description = "The body cannot be read, or there is no such state", body = String),
))]
pub(crate) async fn set_state(State(app): State<App>, body: Payload) -> Result<Answer, Plain> {
    let state = body.read_or_tell::<AdminStatus>()?.validate()?;
    app.admin.set(state);
    Ok(answer::bare(StatusCode::NO_CONTENT))
}

/// How much is logged.
#[utoipa::path(get, path = "/internal/logging", operation_id = "get_log_level", tag = "server", responses(
    (status = 200, description = "none, critical, error, warning, info or debug", body = LogLevelInfo),
))]
pub(crate) async fn level(State(app): State<App>) -> Answer {
    answer::json(StatusCode::OK, &LogLevelInfo::of(app.log.level()))
}

/// Says how much is logged from now on, until the next start.
#[utoipa::path(post, path = "/internal/logging", operation_id = "set_log_level", tag = "server", request_body = LogLevelInfo, responses(
    (status = 200, description = "The level", body = LogLevelInfo),
    (status = 400, description = "The body cannot be read", body = String),
    (status = 422, description = "There is no such level, or no such logger", body = String),
))]
pub(crate) async fn set_level(State(app): State<App>, body: Payload) -> Result<Answer, Plain> {
    let level = body.read_or_tell::<LogLevelInfo>()?.validate()?;
    app.log.set(level);
    Ok(answer::json(StatusCode::OK, &LogLevelInfo::of(app.log.level())))
}
