//! Lists that Heketi's clients had to put together themselves: additions that no old client asks for. Without a query each is whole;
//! the queries are those of `/v1`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{BrickQuery, DeviceQuery, NodeQuery};
use mortar_heketi::lists::{BrickList, DeviceList, NodeList};

use crate::http::answer::{self, Answer, Plain};
use crate::state::App;
use crate::v1::page;
use crate::wanted::{Bricks, Devices, Nodes};

/// How many ids are answered.
pub(super) fn length(limit: Option<u32>) -> usize {
    limit.map_or(usize::MAX, |limit| limit.max(1) as usize)
}

/// Nodes, by id.
#[utoipa::path(get, path = "/nodes", operation_id = "list_nodes", tag = "nodes", params(NodeQuery), responses(
    (status = 200, description = "Ids", body = NodeList),
    (status = 400, description = "A parameter cannot be read", body = String),
))]
pub(crate) async fn nodes(
    State(app): State<App>,
    query: Result<Query<NodeQuery>, QueryRejection>,
) -> Result<Answer, Plain> {
    let query = page::query(query)?;
    let (wanted, limit) = (Nodes::read(&query)?, length(query.limit));
    let (nodes, next) = app
        .engine
        .view(|landscape| page::cut(wanted.of(landscape.inventory()), limit, |node| node.id, |id| id));
    Ok(answer::json(StatusCode::OK, &NodeList { nodes, next }))
}

/// Devices, by id.
#[utoipa::path(get, path = "/devices", operation_id = "list_devices", tag = "devices", params(DeviceQuery), responses(
    (status = 200, description = "Ids", body = DeviceList),
    (status = 400, description = "A parameter cannot be read", body = String),
))]
pub(crate) async fn devices(
    State(app): State<App>,
    query: Result<Query<DeviceQuery>, QueryRejection>,
) -> Result<Answer, Plain> {
    let query = page::query(query)?;
    let (wanted, limit) = (Devices::read(&query)?, length(query.limit));
    let (devices, next) = app.engine.view(|landscape| {
        let found = wanted.of(landscape.inventory());
        page::cut(found, limit, |(_, device)| device.id, |id| id)
    });
    Ok(answer::json(StatusCode::OK, &DeviceList { devices, next }))
}

/// Bricks, by id.
#[utoipa::path(get, path = "/bricks", operation_id = "list_bricks", tag = "devices", params(BrickQuery), responses(
    (status = 200, description = "Ids", body = BrickList),
    (status = 400, description = "A parameter cannot be read", body = String),
))]
pub(crate) async fn bricks(
    State(app): State<App>,
    query: Result<Query<BrickQuery>, QueryRejection>,
) -> Result<Answer, Plain> {
    let query = page::query(query)?;
    let (wanted, limit) = (Bricks::read(&query)?, length(query.limit));
    let (bricks, next) = app.engine.view(|landscape| {
        let found = wanted.of(landscape.inventory());
        page::cut(found, limit, |(.., brick)| brick.id, |id| id)
    });
    Ok(answer::json(StatusCode::OK, &BrickList { bricks, next }))
}
