//! `/v1/operations`

use std::cmp::Reverse;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{ErrorBody, Operation, OperationList, OperationQuery};
use mortar_heketi::WireError;
use mortar_model::OperationId;

use super::page;
use crate::convert;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::state::App;

/// Most operations that are listed, and how many when the request does not say.
const MOST: u32 = 1000;
const USUAL: u32 = 100;

/// The changes that were asked for: those under way, and those that ended within the last hour (failed drains, moves and changes of copies: within a week), the youngest first.
#[utoipa::path(get, path = "/v1/operations", operation_id = "list_operations", tag = "v1", params(OperationQuery), responses(
    (status = 200, description = "Operations without their stages", body = OperationList),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<OperationQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let Ok(Query(query)) = query else {
        return Err(page::problem("query", "open is true or false, limit a number").into());
    };
    let limit = query.limit.unwrap_or(USUAL).min(MOST) as usize;
    let ended = if query.open == Some(true) { 0 } else { limit };
    let (mut states, unseen) = app.engine.operations(ended);
    let unseen = if query.open == Some(true) { 0 } else { unseen };
    let left_out = states.len().saturating_sub(limit);
    // Those under way stand first: none of them is left out for one that has ended.
    states.truncate(limit);
    // By the instant, not by its text, which tells seconds: of those that ended the engine says which one is younger.
    states.sort_by_key(|state| Reverse(state.created()));
    let operations: Vec<Operation> = app.engine.view(|landscape| {
        states
            .iter()
            .map(|state| convert::operation::operation(state, landscape, false))
            .collect()
    });
    let more = u64::try_from(left_out + unseen).unwrap_or(u64::MAX);
    let load = convert::operation::load(app.engine.load());
    let list = OperationList {
        operations,
        more,
        load,
    };
    Ok(answer::json(StatusCode::OK, &list))
}

/// One operation with its stages and steps.
#[utoipa::path(get, path = "/v1/operations/{id}", operation_id = "get_operation", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "The operation", body = Operation),
    (status = 404, description = "Unknown, or ended longer ago than it is kept for", body = ErrorBody),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let state = app.engine.operation(id.of()?).ok_or(WireError::IdNotFound)?;
    let operation = app
        .engine
        .view(|landscape| convert::operation::operation(&state, landscape, true));
    Ok(answer::json(StatusCode::OK, &operation))
}

/// Takes up an operation that needs attention, or waits for nodes that are away, once more.
#[utoipa::path(post, path = "/v1/operations/{id}/retry", operation_id = "retry_operation", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Taken up: Location names its place in the queue"),
    (status = 404, description = "Unknown", body = ErrorBody),
    (status = 409, description = "It does not need attention", body = ErrorBody),
))]
pub(crate) async fn retry(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: OperationId = id.of()?;
    app.engine.operation(id).ok_or(WireError::IdNotFound)?;
    if app.engine.retry(id) {
        Ok(answer::accepted(id))
    } else {
        Err(WireError::NoAttention(id.to_string()).into())
    }
}

/// Turns back an operation that moves bricks. A drain moves no more of them, and ends when the move that is under way does;
/// what has moved stays where it is now. A single move can be turned back until the new brick has the old one's place.
#[utoipa::path(post, path = "/v1/operations/{id}/cancel", operation_id = "cancel_operation", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "It turns: Location names its place in the queue"),
    (status = 404, description = "Unknown", body = ErrorBody),
    (status = 409, description = "It moves no bricks, or has no way back any more", body = ErrorBody),
))]
pub(crate) async fn cancel(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: OperationId = id.of()?;
    app.engine.operation(id).ok_or(WireError::IdNotFound)?;
    if app.engine.cancel(id) {
        Ok(answer::accepted(id))
    } else {
        Err(WireError::NoWayBack(id.to_string()).into())
    }
}

/// Gives up an operation that waits for a person or for nodes that are away. It ends where it stands: as done where it was
/// past its point of no return, else as undone. What it held is given back; what it did not reach stays as it is and is
/// named in its warnings.
#[utoipa::path(post, path = "/v1/operations/{id}/abandon", operation_id = "abandon_operation", tag = "v1", params(("id" = String, Path)), responses(
    (status = 200, description = "It has ended", body = Operation),
    (status = 404, description = "Unknown", body = ErrorBody),
    (status = 409, description = "It does not wait for anything", body = ErrorBody),
))]
pub(crate) async fn abandon(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: OperationId = id.of()?;
    app.engine.operation(id).ok_or(WireError::IdNotFound)?;
    let Some(state) = app.engine.abandon(id).await else {
        return Err(WireError::NoAttention(id.to_string()).into());
    };
    let operation = app
        .engine
        .view(|landscape| convert::operation::operation(&state, landscape, true));
    Ok(answer::json(StatusCode::OK, &operation))
}
