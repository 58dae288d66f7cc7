//! What every request passes, in Heketi's order: token, role, path, then the router.
//!
//! Only `GET /hello` and `GET /metrics` are open: an unknown path without a token is a 401.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use futures::FutureExt;
use mortar_heketi::WireError;
use mortar_heketi::admin::AdminState;
use mortar_heketi::token::{Role, authorise};
use mortar_model::VolumeId;
use tracing::Instrument;

use super::answer::{self, Answer};
use super::connection::Peer;
use super::failure::Failure;
use super::paths::Found;
use crate::inside::FromInside;
use crate::state::App;

/// Watches a request from its arrival to its answer, and lets it through the gate.
pub(crate) async fn pass(State(app): State<App>, request: Request, next: Next) -> Answer {
    let began = Instant::now();
    let method = request.method().clone();
    let path = decoded(request.uri().path());
    // The path only, and tame: a query or a header may hold secrets.
    let span = tracing::info_span!("request", %method, path = %path.escape_debug());
    let (route, answer) = AssertUnwindSafe(through(&app, &path, request, next))
        .catch_unwind()
        .instrument(span.clone())
        .await
        .unwrap_or_else(|_| {
            app.engine.metrics().panicked("request");
            tracing::error!(parent: &span, "a bug in Mortar ended the request; only this one is hurt");
            (String::new(), refuse(&path, &WireError::Internal.into()))
        });
    let took = began.elapsed();
    app.metrics.observe(&method, &route, answer.status(), took);
    span.in_scope(|| tell(&method, &answer, took));
    answer
}

/// One line per answer. Clients that poll would fill the log with what went well: that is for debugging.
fn tell(method: &Method, answer: &Answer, took: Duration) {
    let (status, micros) = (answer.status().as_u16(), took.as_micros() as u64);
    let place = answer
        .headers()
        .get(LOCATION)
        .and_then(|value| value.to_str().ok());
    match place.and_then(|place| place.strip_prefix("/queue/")) {
        Some(operation) => tracing::info!(status, micros, operation, "accepted"),
        None if method == Method::GET && status < 400 => tracing::debug!(status, micros, "answered"),
        None => tracing::info!(status, micros, "answered"),
    }
}

/// Answers with the pattern of the route, empty when there is none.
async fn through(app: &App, path: &str, mut request: Request, next: Next) -> (String, Answer) {
    match admit(app, request.method(), path, &request) {
        Ok(None) => {}
        Ok(Some(role)) => {
            request.extensions_mut().insert(role);
        }
        Err(failure) => return (String::new(), refuse(path, &failure)),
    }
    let method = request.method();
    if !serves(app, method, path, &request) {
        return (String::new(), refuse(path, &WireError::Maintenance.into()));
    }
    let route = match app.paths.find(path) {
        Found::Pattern(route) => route.to_owned(),
        Found::SlashTooMany => {
            return (
                String::new(),
                answer::redirect(StatusCode::MOVED_PERMANENTLY, path.trim_end_matches('/')),
            );
        }
        Found::Nothing => return (String::new(), refuse(path, &WireError::InvalidPath.into())),
    };
    // The router would answer HEAD as GET; Heketi's did not.
    if method == Method::HEAD {
        return (route, answer::bare(StatusCode::METHOD_NOT_ALLOWED));
    }
    if app.is_stopping() && changes_something(method, &route) {
        return (route, refuse(path, &WireError::Stopping.into()));
    }
    if method == Method::GET {
        return (route, next.run(request).await);
    }
    // In a task of its own: a client that goes away must not leave a change half asked for.
    let work = tokio::spawn(next.run(request).in_current_span());
    let answer = work.await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => refuse(path, &WireError::Stopping.into()),
    });
    (route, answer)
}

/// Whether the request may begin new work; all else is answered until the last moment.
fn changes_something(method: &Method, route: &str) -> bool {
    method != Method::GET && route != "/v1/plan"
}

/// Whether the administrator lets this request through. Heketi's client for `/admin` is served in read-only, too: with Heketi, only
/// a signal led out of it.
fn serves(app: &App, method: &Method, path: &str, request: &Request) -> bool {
    let looks =
        matches!(*method, Method::GET | Method::HEAD) && !path.ends_with("/resync") || path == "/v1/plan";
    match app.admin.state() {
        AdminState::Normal => true,
        AdminState::ReadOnly => looks || path == "/admin",
        AdminState::LocalClient => looks || is_local(request),
    }
}

/// From this machine, or from this process.
fn is_local(request: &Request) -> bool {
    let peer = request.extensions().get::<Peer>();
    peer.is_none_or(|peer| peer.0.to_canonical().is_loopback())
}

/// Who asks, where that matters.
fn admit(app: &App, method: &Method, path: &str, request: &Request) -> Result<Option<Role>, Failure> {
    let open = method == Method::GET && (path == "/hello" || path == "/metrics");
    let inside = request.extensions().get::<FromInside>().is_some();
    let Some(keys) = app.keys.as_ref().filter(|_| !open && !inside) else {
        return Ok(None);
    };
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or("?"));
    let owns = |id: &str| is_users_own(app, id);
    Ok(Some(authorise(header, method.as_str(), path, now(), keys, owns)?))
}

/// Whether the user role asked for this volume. A missing volume belongs to nobody, so the user role cannot tell it from somebody else's.
fn is_users_own(app: &App, id: &str) -> bool {
    let Ok(id) = id.parse::<VolumeId>() else {
        return false;
    };
    app.engine.view(|landscape| {
        let volume = landscape.inventory().volume(id);
        volume.is_some_and(|volume| volume.by_user)
    })
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// A failure in the language of the path.
fn refuse(path: &str, failure: &Failure) -> Answer {
    if path.starts_with("/v1/") {
        answer::json_failure(failure)
    } else {
        answer::plain_failure(failure)
    }
}

/// The path with its percent escapes decoded, as tokens are made for it. One that cannot be decoded stays as it is.
fn decoded(path: &str) -> String {
    fn byte(pair: &[u8]) -> Option<u8> {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        u8::try_from(digit(0)? * 16 + digit(1)?).ok()
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (*first, byte(after)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (other, _) => {
                bytes.push(other);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;

    use super::{Peer, decoded, is_local};

    #[test]
    fn local_is_this_machine_and_this_process() {
        let from = |address: Option<&str>| {
            let mut request = Request::new(Body::empty());
            if let Some(address) = address {
                request.extensions_mut().insert(Peer(address.parse().unwrap()));
            }
            is_local(&request)
        };
        assert!(from(None) && from(Some("127.0.0.1")) && from(Some("::1")));
        assert!(!from(Some("10.0.0.1")) && !from(Some("fd00::1")));
    }

    #[test]
    fn escapes_are_decoded_once() {
        for (path, text) in [
            ("/volumes", "/volumes"),
            ("/%76olumes", "/volumes"),
            ("/a%2Fb", "/a/b"),
            ("/a%25%32F", "/a%2F"),
            ("/a%", "/a%"),
            ("/a%4", "/a%4"),
            ("/a%zz", "/a%zz"),
            ("/%c3%bc", "/ü"),
            ("/%ff", "/%ff"),
        ] {
            assert_eq!(decoded(path), text);
        }
    }
}
