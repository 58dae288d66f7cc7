//! `/topology`: what Heketi's clients put together of many answers, in one.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::TopologyQuery;
use mortar_heketi::lists::{TopologyCluster, TopologyInfo};
use mortar_model::{Cluster, ClusterId};

use crate::convert::heketi;
use crate::http::answer::{self, Answer, Plain};
use crate::state::App;
use crate::v1::page;

/// All that exists, or one cluster, in the shape of Heketi's Go client.
#[utoipa::path(get, path = "/topology", operation_id = "get_whole_topology", tag = "server", params(TopologyQuery), responses(
    (status = 200, description = "Clusters with their volumes and nodes", body = TopologyInfo),
    (status = 400, description = "A parameter cannot be read", body = String),
))]
pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<TopologyQuery>, QueryRejection>,
) -> Result<Answer, Plain> {
    let only: Option<ClusterId> = page::id("cluster", page::query(query)?.cluster.as_deref())?;
    let leaving = app.leaving(|inventory| inventory.volumes().map(|volume| volume.id).collect());
    let topology = app.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let of_cluster = |cluster: &Cluster| TopologyCluster {
            volumes: inventory
                .volumes_of(cluster.id)
                .filter(|volume| !leaving.contains(&volume.id))
                .filter_map(|volume| heketi::volume(landscape, volume.id))
                .collect(),
            nodes: inventory
                .nodes_of(cluster.id)
                .filter_map(|node| heketi::node(landscape, node.id, &leaving))
                .collect(),
            id: cluster.id,
            block: cluster.block,
            file: cluster.file,
        };
        let clusters = inventory.clusters();
        let clusters = clusters.filter(|cluster| only.is_none_or(|only| cluster.id == only));
        TopologyInfo {
            clusters: clusters.map(of_cluster).collect(),
        }
    });
    Ok(answer::json(StatusCode::OK, &topology))
}
