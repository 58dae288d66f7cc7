//! `/topology`: what Heketi's clients put together of many answers, in one.

use axum::extract::State;
use axum::http::StatusCode;
use mortar_heketi::lists::{TopologyCluster, TopologyInfo};

use crate::convert::heketi;
use crate::http::answer::{self, Answer};
use crate::state::App;

/// All that exists, in the shape of Heketi's Go client.
#[utoipa::path(get, path = "/topology", operation_id = "get_whole_topology", tag = "server", responses(
    (status = 200, description = "Clusters with their volumes and nodes", body = TopologyInfo),
))]
pub(crate) async fn show(State(app): State<App>) -> Answer {
    let leaving = app.leaving(|inventory| inventory.volumes().map(|volume| volume.id).collect());
    let topology = app.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let of_cluster = |cluster: &mortar_model::Cluster| TopologyCluster {
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
        TopologyInfo {
            clusters: inventory.clusters().map(of_cluster).collect(),
        }
    });
    answer::json(StatusCode::OK, &topology)
}
