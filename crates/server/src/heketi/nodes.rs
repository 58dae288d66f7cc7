//! `/nodes`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_heketi::node::{NodeAddRequest, NodeInfo, StateRequest};
use mortar_heketi::{TagsChangeRequest, WireError};
use mortar_model::{NodeId, State as Condition, Tags};

use super::{Id, StateRules};
use crate::convert;
use crate::http::answer::{self, Answer, Plain};
use crate::http::body::Payload;
use crate::refusal::{Asked, failure, queued};
use crate::state::App;

/// Adds a node to a cluster. Heketi asks the node first; what it says is answered at once.
#[utoipa::path(post, path = "/nodes", operation_id = "add_node", tag = "nodes", request_body = NodeAddRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which leads to the node"),
    (status = 400, description = "A rule is broken, or glusterd does not run there", body = String),
    (status = 404, description = "No such cluster", body = String),
    (status = 409, description = "A host name belongs to another node", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 429, description = "Too much is under way", body = String),
))]
pub(crate) async fn add(State(app): State<App>, body: Payload) -> Result<Answer, Plain> {
    let request = body.read::<NodeAddRequest>()?.validate()?;
    let begun = app.engine.add_node(convert::request::node(request)).await;
    Ok(queued(begun, Asked::AddNode)?)
}

/// A node with its devices and their bricks.
#[utoipa::path(get, path = "/nodes/{id}", operation_id = "get_node", tag = "nodes", params(("id" = String, Path)), responses(
    (status = 200, description = "The node", body = NodeInfo),
    (status = 404, description = "No such node", body = String),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let id: NodeId = id.of()?;
    let leaving = app.leaving(|inventory| {
        let bricks = inventory
            .devices_of(id)
            .flat_map(|device| inventory.bricks_on(device.id));
        bricks.map(|brick| brick.volume).collect()
    });
    let info = app
        .engine
        .view(|landscape| convert::heketi::node(landscape, id, &leaving));
    Ok(answer::json(StatusCode::OK, &info.ok_or(WireError::IdNotFound)?))
}

/// Removes a node that has no devices.
#[utoipa::path(delete, path = "/nodes/{id}", operation_id = "delete_node", tag = "nodes", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue"),
    (status = 404, description = "No such node", body = String),
    (status = 409, description = "It has devices", body = String),
    (status = 429, description = "Too much is under way", body = String),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let begun = app.engine.remove_node(id.of()?).await;
    Ok(queued(begun, Asked::Thing)?)
}

/// Says whether a node takes new bricks. `failed` moves those it has to other nodes first; with `healcheck` `disable`
/// they need not run.
#[utoipa::path(post, path = "/nodes/{id}/state", operation_id = "set_node_state", tag = "nodes", params(("id" = String, Path)),
    request_body = StateRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue"),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such node", body = String),
    (status = 422, description = "The body cannot be read", body = String),
    (status = 500, description = "Its present state forbids it", body = String),
))]
pub(crate) async fn set_state(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let change = body.read::<StateRequest>()?.validate()?;
    let id: NodeId = id.of()?;
    let now = app.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let bricks = inventory
            .devices_of(id)
            .any(|device| inventory.brick_count(device.id) > 0);
        inventory.node(id).map(|node| (node.state, bricks))
    });
    let (old, bricks) = now.ok_or(WireError::IdNotFound)?;
    let rules = StateRules {
        not_offline: WireError::NodeNotOffline(id.to_string()),
        is_failed: WireError::NodeFailed,
    };
    rules.check(old, change.state)?;
    let begun = if change.state == Condition::Failed && bricks {
        app.engine.drain_node(id, !change.heal_check).await
    } else {
        app.engine.set_node_state(id, change.state).await
    };
    Ok(queued(begun, Asked::Thing)?)
}

/// Changes a node's labels.
#[utoipa::path(post, path = "/nodes/{id}/tags", operation_id = "set_node_tags", tag = "nodes", params(("id" = String, Path)),
    request_body = TagsChangeRequest, responses(
    (status = 200, description = "All its labels after the change", body = Tags),
    (status = 400, description = "A rule is broken", body = String),
    (status = 404, description = "No such node", body = String),
    (status = 422, description = "The body cannot be read", body = String),
))]
pub(crate) async fn set_tags(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let change = body.read::<TagsChangeRequest>()?.validate()?;
    let mut refused = None;
    let tags = app
        .engine
        .set_node_tags(id.of()?, |tags| change.apply_to(tags, &mut refused))
        .await;
    let tags = tags.map_err(|error| failure(&error, Asked::Thing))?;
    refused.map_or(Ok(()), Err)?;
    Ok(answer::json(StatusCode::OK, &tags))
}
