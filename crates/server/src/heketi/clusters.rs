//! `/clusters`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_heketi::WireError;
use mortar_heketi::cluster::{ClusterFlags, ClusterInfo, ClusterList};
use mortar_model::ClusterId;

use super::Id;
use crate::convert;
use crate::http::answer::{self, Answer, Plain};
use crate::http::body::Payload;
use crate::refusal::{Asked, failure};
use crate::state::App;

/// Makes a cluster.
#[utoipa::path(post, path = "/clusters", operation_id = "create_cluster", tag = "clusters", request_body = ClusterFlags, responses(
    (status = 201, description = "It is there", body = ClusterInfo),
    (status = 422, description = "The body cannot be read", body = String),
))]
pub(crate) async fn create(State(app): State<App>, body: Payload) -> Result<Answer, Plain> {
    let flags: ClusterFlags = body.read()?;
    let made = app.engine.create_cluster(flags.file, flags.block).await;
    let cluster = made.map_err(|error| failure(&error, Asked::Thing))?;
    let info = ClusterInfo {
        id: cluster.id,
        nodes: Vec::new(),
        volumes: Vec::new(),
        block: cluster.block,
        file: cluster.file,
        blockvolumes: Vec::new(),
    };
    Ok(answer::json(StatusCode::CREATED, &info))
}

/// All clusters.
#[utoipa::path(get, path = "/clusters", operation_id = "list_clusters", tag = "clusters", responses(
    (status = 200, description = "Their ids, sorted", body = ClusterList),
))]
pub(crate) async fn list(State(app): State<App>) -> Answer {
    let clusters = app.engine.view(|landscape| {
        landscape
            .inventory()
            .clusters()
            .map(|cluster| cluster.id)
            .collect()
    });
    answer::json(StatusCode::OK, &ClusterList { clusters })
}

/// A cluster with the ids of its nodes and volumes.
#[utoipa::path(get, path = "/clusters/{id}", operation_id = "get_cluster", tag = "clusters", params(("id" = String, Path)), responses(
    (status = 200, description = "The cluster", body = ClusterInfo),
    (status = 404, description = "No such cluster", body = String),
))]
pub(crate) async fn info(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let id: ClusterId = id.of()?;
    let leaving = app.leaving(|inventory| inventory.volumes_of(id).map(|volume| volume.id).collect());
    let info = app
        .engine
        .view(|landscape| convert::heketi::cluster(landscape, id, &leaving));
    Ok(answer::json(StatusCode::OK, &info.ok_or(WireError::IdNotFound)?))
}

/// Says what kinds of volumes a cluster takes. A flag that is left out becomes false.
#[utoipa::path(post, path = "/clusters/{id}/flags", operation_id = "set_cluster_flags", tag = "clusters", params(("id" = String, Path)),
    request_body = ClusterFlags, responses(
    (status = 200, description = "Done; no body"),
    (status = 404, description = "No such cluster", body = String),
    (status = 422, description = "The body cannot be read", body = String),
))]
pub(crate) async fn set_flags(State(app): State<App>, id: Id, body: Payload) -> Result<Answer, Plain> {
    let flags: ClusterFlags = body.read()?;
    let set = app
        .engine
        .set_cluster_flags(id.of()?, flags.file, flags.block)
        .await;
    set.map_err(|error| failure(&error, Asked::Thing))?;
    Ok(answer::empty_json())
}

/// Removes a cluster that has neither nodes nor volumes.
#[utoipa::path(delete, path = "/clusters/{id}", operation_id = "delete_cluster", tag = "clusters", params(("id" = String, Path)), responses(
    (status = 200, description = "It is gone; no body"),
    (status = 404, description = "No such cluster", body = String),
    (status = 409, description = "It has nodes or volumes", body = String),
))]
pub(crate) async fn delete(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let deleted = app.engine.delete_cluster(id.of()?).await;
    deleted.map_err(|error| failure(&error, Asked::Thing))?;
    Ok(answer::empty_json())
}
