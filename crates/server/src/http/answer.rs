//! The forms of answers.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use mortar_api::ERROR_KIND_HEADER;
use serde::Serialize;

use super::failure::Failure;

/// An answer.
pub(crate) type Answer = Response<Body>;

const JSON: &str = "application/json; charset=UTF-8";
const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// How long a client is asked to wait when the server is busy or stopping and nothing better is known. Heketi's Go
/// client adds its own random pause.
const RETRY: Duration = Duration::from_secs(2);

fn build(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// JSON, as Heketi writes it.
pub(crate) fn json<T: Serialize>(status: StatusCode, value: &T) -> Answer {
    build(status, JSON, mortar_heketi::json::write(value))
}

/// JSON that is written already.
pub(crate) fn json_text(text: String) -> Answer {
    build(StatusCode::OK, JSON, text)
}

/// JSON without a body, as Heketi answers some requests.
pub(crate) fn empty_json() -> Answer {
    build(StatusCode::OK, JSON, Body::empty())
}

/// Plain text, as it is.
pub(crate) fn text(content: impl Into<Body>) -> Answer {
    build(StatusCode::OK, PLAIN, content)
}

/// A file to be kept under this name, which needs no escapes.
pub(crate) fn attachment(name: &str, bytes: Vec<u8>) -> Answer {
    let mut answer = build(StatusCode::OK, "application/octet-stream", bytes);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        answer.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    answer
}

/// Nothing but a status.
pub(crate) fn bare(status: StatusCode) -> Answer {
    status.into_response()
}

/// 202: the operation's result will be at `/queue/ID`.
pub(crate) fn accepted(operation: impl std::fmt::Display) -> Answer {
    let mut answer = bare(StatusCode::ACCEPTED);
    locate(&mut answer, &format!("/queue/{operation}"));
    answer
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    answer
}

/// 301 or 303 with the small page that Go's server writes for it.
pub(crate) fn redirect(status: StatusCode, path: &str) -> Answer {
    let reason = status.canonical_reason().unwrap_or_default();
    // Only paths of known routes come here: letters, hex digits and slashes.
    let mut answer = build(status, HTML, format!("<a href=\"{path}\">{reason}</a>.\n\n"));
    locate(&mut answer, path);
    answer
}

fn locate(answer: &mut Answer, path: &str) {
    if let Ok(value) = HeaderValue::from_str(path) {
        answer.headers_mut().insert(LOCATION, value);
    }
}

/// A failure on one of Heketi's routes: plain text with a newline.
pub(crate) fn plain_failure(failure: &Failure) -> Answer {
    let status = StatusCode::from_u16(failure.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = build(status, PLAIN, format!("{}\n", failure.text));
    answer
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
        .headers_mut()
        .insert(ERROR_KIND_HEADER, HeaderValue::from_static(failure.kind.name()));
    ask_to_retry(&mut answer, failure.retry_after);
    answer
}

/// A failure on one of Mortar's own routes: JSON.
pub(crate) fn json_failure(failure: &Failure) -> Answer {
    let status = StatusCode::from_u16(failure.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = json(status, &failure.body());
    answer
        .headers_mut()
        .insert(ERROR_KIND_HEADER, HeaderValue::from_static(failure.kind.name()));
    ask_to_retry(&mut answer, failure.retry_after);
    answer
}

fn ask_to_retry(answer: &mut Answer, after: Option<Duration>) {
    if matches!(
        answer.status(),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    ) {
        // The header takes whole seconds; a place that is free in less is worth the rest of one.
        let seconds = after.unwrap_or(RETRY).as_millis().div_ceil(1000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// What a handler of Heketi's routes answers when it cannot go on.
#[derive(Debug)]
pub(crate) struct Plain(pub(crate) Failure);

impl<E: Into<Failure>> From<E> for Plain {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Plain {
    fn into_response(self) -> Answer {
        plain_failure(&self.0)
    }
}

/// What a handler of Mortar's own routes answers when it cannot go on.
#[derive(Debug)]
pub(crate) struct Rich(pub(crate) Failure);

impl<E: Into<Failure>> From<E> for Rich {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Rich {
    fn into_response(self) -> Answer {
        json_failure(&self.0)
    }
}
