//! Lists that Heketi's clients had to put together themselves: additions that no old client asks for.

use axum::extract::State;
use axum::http::StatusCode;
use mortar_heketi::lists::{BrickList, DeviceList, NodeList};

use crate::http::answer::{self, Answer};
use crate::state::App;

/// All nodes, by id.
#[utoipa::path(get, path = "/nodes", operation_id = "list_nodes", tag = "nodes", responses(
    (status = 200, description = "Ids", body = NodeList),
))]
pub(crate) async fn nodes(State(app): State<App>) -> Answer {
    let nodes = app
        .engine
        .view(|landscape| landscape.inventory().nodes().map(|node| node.id).collect());
    answer::json(StatusCode::OK, &NodeList { nodes })
}

/// All devices, by id.
#[utoipa::path(get, path = "/devices", operation_id = "list_devices", tag = "devices", responses(
    (status = 200, description = "Ids", body = DeviceList),
))]
pub(crate) async fn devices(State(app): State<App>) -> Answer {
    let devices = app
        .engine
        .view(|landscape| landscape.inventory().devices().map(|device| device.id).collect());
    answer::json(StatusCode::OK, &DeviceList { devices })
}

/// All bricks, by id.
#[utoipa::path(get, path = "/bricks", operation_id = "list_bricks", tag = "devices", responses(
    (status = 200, description = "Ids", body = BrickList),
))]
pub(crate) async fn bricks(State(app): State<App>) -> Answer {
    let bricks = app
        .engine
        .view(|landscape| landscape.inventory().bricks().map(|brick| brick.id).collect());
    answer::json(StatusCode::OK, &BrickList { bricks })
}
