//! `GET /v1/openapi.json`

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;

use crate::http::answer::{self, Answer};
use crate::state::App;

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "get_document", tag = "v1", responses(
    (status = 200, description = "The OpenAPI document of this server", body = serde_json::Value),
))]
pub(crate) async fn show(State(app): State<App>) -> Answer {
    let mut answer = answer::text(app.document.clone());
    answer.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=UTF-8"),
    );
    answer
}
