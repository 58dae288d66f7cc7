//! `POST /v1/adopt`

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::StatusCode;
use mortar_api::{AdoptAnswer, AdoptRequest, ErrorBody};
use mortar_heketi::{Problems, WireError};
use mortar_model::VolumeName;

use super::rebuild::hosts;
use crate::convert;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, failure};
use crate::state::App;

/// Takes volumes that somebody made by hand under management, where they are. Nothing is changed on any node.
#[utoipa::path(post, path = "/v1/adopt", operation_id = "adopt", tag = "v1", request_body = AdoptRequest, responses(
    (status = 200, description = "What was adopted, or with dry_run what would be", body = AdoptAnswer),
    (status = 400, description = "No node is named, or a name is none", body = ErrorBody),
    (status = 409, description = "Operations are under way, a volume that was named is recorded already, or what was found collides with the records", body = ErrorBody),
))]
pub(crate) async fn adopt(State(app): State<App>, body: Result<Payload, BodyError>) -> Result<Answer, Rich> {
    let request: AdoptRequest = body.map_err(WireError::from)?.read_strictly()?;
    let hosts = hosts(&request.nodes)?;
    let only = request.volumes.as_deref().map(volumes).transpose()?;
    let done = app.engine.adopt(&hosts, only.as_ref(), request.dry_run).await;
    let done = done.map_err(|error| failure(&error, Asked::Thing))?;
    let answer = convert::adopt::answer(&done, request.dry_run);
    Ok(answer::json(StatusCode::OK, &answer))
}

fn volumes(names: &[String]) -> Result<BTreeSet<VolumeName>, WireError> {
    let mut problems = Problems::default();
    let mut volumes = BTreeSet::new();
    for (number, name) in names.iter().enumerate() {
        match VolumeName::new(name.as_str()) {
            Ok(name) => {
                volumes.insert(name);
            }
            Err(error) => problems.add("volumes", format!("number {}: {error}", number + 1)),
        }
    }
    if names.is_empty() {
        problems.add("volumes", "cannot be empty: leave it out for all");
    }
    if problems.is_empty() {
        Ok(volumes)
    } else {
        Err(problems.into())
    }
}
