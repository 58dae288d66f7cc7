//! `GET /v1/topology`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{ErrorBody, Topology, TopologyQuery};

use super::page;
use crate::convert;
use crate::http::answer::{self, Answer, Rich};
use crate::state::App;

/// Every cluster, or one, with its nodes, devices, bricks and volumes, as recorded.
#[utoipa::path(get, path = "/v1/topology", operation_id = "get_topology", tag = "v1", params(TopologyQuery), responses(
    (status = 200, description = "All that exists", body = Topology),
    (status = 400, description = "A parameter cannot be read", body = ErrorBody),
))]
pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<TopologyQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let only = page::id("cluster", page::query(query)?.cluster.as_deref())?;
    let topology = app
        .engine
        .view(|landscape| convert::topology::topology(landscape, only));
    Ok(answer::json(StatusCode::OK, &topology))
}
