//! `/v1/nodes`: which there are, nodes that are reached in another way, and new machines in the place of lost ones.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{AddressRequest, ErrorBody, NodeEntry, NodePage, NodeQuery};
use mortar_heketi::WireError;
use mortar_model::{HostName, Node, NodeId};

use super::page;
use crate::convert::topology;
use crate::heketi::Id;
use crate::http::answer::{self, Answer, Rich};
use crate::http::body::{BodyError, Payload};
use crate::refusal::{Asked, queued};
use crate::state::App;
use crate::wanted::Nodes;

/// Nodes in the order of their ids, page by page, each with its devices and their bricks.
#[utoipa::path(get, path = "/v1/nodes", operation_id = "list_nodes_by_page", tag = "v1", params(NodeQuery), responses(
    (status = 200, description = "Nodes", body = NodePage),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<App>,
    query: Result<Query<NodeQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let (wanted, limit) = (Nodes::read(&query)?, page::length(query.limit));
    let page = app.engine.view(|landscape| {
        let shown = |node: &Node| NodeEntry {
            cluster: node.cluster.to_string(),
            node: topology::node(node, landscape),
        };
        let (nodes, next) = page::cut(wanted.of(landscape.inventory()), limit, shown, |entry| {
            &entry.node.id
        });
        NodePage { nodes, next }
    });
    Ok(answer::json(StatusCode::OK, &page))
}

/// Changes the name or address under which commands reach a node, once the node itself was found there: by its own file, or
/// by glusterd's id of it. The name in the trusted pool, which clients use, cannot be changed.
#[utoipa::path(post, path = "/v1/nodes/{id}/address", operation_id = "set_node_address", tag = "v1", params(("id" = String, Path)),
    request_body = AddressRequest, responses(
    (status = 202, description = "Recorded: Location names its place in the queue, which ends with 204"),
    (status = 400, description = "The body cannot be read, or the name is none", body = ErrorBody),
    (status = 404, description = "No such node", body = ErrorBody),
    (status = 409, description = "It is being changed, or the name is another node's", body = ErrorBody),
    (status = 502, description = "Nothing answers there, or it is not known to be this node", body = ErrorBody),
))]
pub(crate) async fn set_address(
    State(app): State<App>,
    id: Id,
    body: Result<Payload, BodyError>,
) -> Result<Answer, Rich> {
    let request: AddressRequest = body.map_err(WireError::from)?.read_strictly()?;
    let id: NodeId = id.of()?;
    let host = HostName::new(request.manage).map_err(|why| page::problem("manage", why))?;
    let begun = app.engine.set_node_address(id, host).await;
    Ok(queued(begun, Asked::Thing)?)
}

/// Gives a new machine, which answers under the name of a node that is lost, the node's identity in its trusted pool. Devices that went
/// with the old machine are left as they are: disks of the new one are added, and the old ones drained as dead.
#[utoipa::path(post, path = "/v1/nodes/{id}/replace", operation_id = "replace_node", tag = "v1", params(("id" = String, Path)), responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204"),
    (status = 404, description = "No such node", body = ErrorBody),
    (status = 409, description = "Its place in the pool is being changed", body = ErrorBody),
    (status = 429, description = "Too much is under way", body = ErrorBody),
    (status = 502, description = "The machine does not answer, is the node itself or another one, or no member of the pool tells the identity", body = ErrorBody),
))]
pub(crate) async fn replace(State(app): State<App>, id: Id) -> Result<Answer, Rich> {
    let id: NodeId = id.of()?;
    let begun = app.engine.replace_node(id).await;
    Ok(queued(begun, Asked::Thing)?)
}
