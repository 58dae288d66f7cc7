//! `POST /v1/rebuild`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_api::{ErrorBody, RebuildAnswer, RebuildRequest};
use mortar_heketi::{Problems, WireError};
use mortar_model::HostName;

use crate::convert;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, failure};
use crate::state::App;

/// Most nodes that one request names. One of each pool is enough.
const MOST: usize = 10_000;

/// Restores the records from the nodes, for a store that was lost. Nothing is changed on any node.
#[utoipa::path(post, path = "/v1/rebuild", operation_id = "rebuild", tag = "v1", request_body = RebuildRequest, responses(
    (status = 200, description = "What was restored, or with dry_run what would be", body = RebuildAnswer),
    (status = 400, description = "No node is named, or a name is none", body = ErrorBody),
    (status = 409, description = "Operations are under way, or all of what was found is recorded already, or its names belong to others", body = ErrorBody),
))]
pub(crate) async fn rebuild(
    State(app): State<App>,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: RebuildRequest = body.map_err(WireError::from)?.read_strictly()?;
    let hosts = hosts(&request.nodes)?;
    let done = app.engine.rebuild(&hosts, request.dry_run).await;
    let done = done.map_err(|error| failure(&error, Asked::Thing))?;
    Ok(answer::json(
        StatusCode::OK,
        &convert::rebuild::answer(&done, request.dry_run),
    ))
}

/// The hosts of a request that are asked first.
pub(super) fn hosts(nodes: &[String]) -> Result<Vec<HostName>, WireError> {
    let mut problems = Problems::default();
    if nodes.is_empty() {
        problems.add("nodes", "cannot be empty: name one node of each trusted pool");
    }
    if nodes.len() > MOST {
        problems.add("nodes", format!("has at most {MOST}"));
    }
    let mut hosts = Vec::with_capacity(nodes.len());
    for (number, name) in nodes.iter().enumerate() {
        match HostName::new(name.as_str()) {
            Ok(host) => hosts.push(host),
            Err(error) => problems.add("nodes", format!("number {}: {error}", number + 1)),
        }
    }
    if problems.is_empty() {
        Ok(hosts)
    } else {
        Err(problems.into())
    }
}
