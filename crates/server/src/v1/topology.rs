//! `GET /v1/topology`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_api::Topology;

use crate::convert;
use crate::http::answer::{self, Answer};
use crate::state::App;

/// Every cluster with its nodes, devices, bricks and volumes, as recorded.
#[utoipa::path(get, path = "/v1/topology", operation_id = "get_topology", tag = "v1", responses(
    (status = 200, description = "All that exists", body = Topology),
))]
pub(crate) async fn show(State(app): State<App>) -> Answer {
    let topology = app.engine.view(convert::topology::topology);
    answer::json(StatusCode::OK, &topology)
}
