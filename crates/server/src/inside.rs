//! The same routes for a door that is in this process: no socket, no token, and all else as over the network.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{HeaderName, LOCATION};
use axum::http::{HeaderMap, Request};
use mortar_api::{ERROR_KIND_HEADER, PHASE_HEADER};
use tower::ServiceExt as _;

/// Marks a request that did not come over the network. Nothing that does can carry it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FromInside;

/// Present only while there is no result of long work.
const PENDING: HeaderName = HeaderName::from_static("x-pending");

/// Asks the routes of a server from within its process. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Inside {
    router: Router,
}

/// What the server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsideAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Where the result is, or will be.
    pub location: Option<String>,
    /// Whether there is no result of long work yet.
    pub pending: bool,
    /// Where long work stands, while nothing happens there.
    pub phase: Option<String>,
    /// The kind of error, where it is one.
    pub kind: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Inside {
    pub(crate) const fn new(router: Router) -> Self {
        Self { router }
    }

    /// Asks; `target` is the path with its query.
    ///
    /// # Errors
    /// The request is not one, or the answer broke off: a fault of the one who asks, or of the server.
    pub async fn ask(
        &self,
        method: &str,
        target: &str,
        body: Option<Vec<u8>>,
    ) -> Result<InsideAnswer, String> {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .extension(FromInside)
            .body(body.map_or_else(Body::empty, Body::from))
            .map_err(|error| format!("{method} {target} is no request: {error}"))?;
        let Ok(answer) = self.router.clone().oneshot(request).await;
        let (head, body) = answer.into_parts();
        let text = |name| text(&head.headers, &name);
        let body = to_bytes(body, usize::MAX)
            .await
            .map_err(|error| error.to_string())?;
        Ok(InsideAnswer {
            status: head.status.as_u16(),
            location: text(LOCATION),
            pending: head.headers.contains_key(PENDING),
            phase: text(HeaderName::from_static(PHASE_HEADER)),
            kind: text(HeaderName::from_static(ERROR_KIND_HEADER)),
            body: body.to_vec(),
        })
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
