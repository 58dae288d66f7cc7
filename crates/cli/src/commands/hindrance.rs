//! What stands in the way of a removal, beside the server's word for it, and the commands that clear it away.

use std::collections::BTreeSet;

use mortar_api::{Topology, TopologyDevice};

use super::Session;
use crate::client::{devices, nodes};
use crate::error::Error;

/// Most things that are named; the rest is counted.
const NAMED: usize = 20;

/// The same error with the volumes whose bricks keep the device.
pub(super) async fn of_device(session: &Session, device: &str, id: &str, error: Error) -> Error {
    let Ok(topology) = session.client.topology(&error.attempt).await else {
        return error;
    };
    let Some(hit) = devices(&topology).find(|hit| hit.device.id == id) else {
        return error;
    };
    if hit.device.bricks.is_empty() {
        return error
            .advise("see what else is kept there: 'mortar snapshot list', 'mortar operation list --open'");
    }
    let lines = bricks(hit.device);
    named(error, lines).advise(format!(
        "move its bricks to other devices: 'mortar device drain {device}'"
    ))
}

/// How many bricks of which volumes there are.
fn bricks(device: &TopologyDevice) -> Vec<String> {
    let volumes: BTreeSet<&str> = device
        .bricks
        .iter()
        .map(|brick| brick.volume_name.as_str())
        .collect();
    let line = |name: &str| {
        let count = device.bricks.iter().filter(|brick| brick.volume_name == name);
        match count.count() {
            1 => format!("1 brick of the volume {name}"),
            count => format!("{count} bricks of the volume {name}"),
        }
    };
    volumes.into_iter().map(line).collect()
}

/// The same error with the node's devices.
pub(super) async fn of_node(session: &Session, node: &str, id: &str, error: Error) -> Error {
    let Ok(topology) = session.client.topology(&error.attempt).await else {
        return error;
    };
    let Some(hit) = nodes(&topology).find(|hit| hit.node.id == id) else {
        return error;
    };
    if hit.node.devices.is_empty() {
        return error;
    }
    let mut has_bricks = false;
    let mut lines = Vec::new();
    for device in &hit.node.devices {
        let place = format!("{}:{}", hit.node.manage, device.path);
        let count = device.bricks.len();
        has_bricks |= count > 0;
        lines.push(match count {
            0 => format!("device {place}: mortar device delete {place}"),
            1 => format!("device {place}, with 1 brick"),
            _ => format!("device {place}, with {count} bricks"),
        });
    }
    named(error, lines).advise(if has_bricks {
        format!("move its bricks to other nodes: 'mortar node drain {node}'; then 'mortar device delete' each of its devices")
    } else {
        "remove its devices as above, then the node".to_owned()
    })
}

/// The same error with the cluster's volumes and nodes.
pub(super) async fn of_cluster(session: &Session, id: &str, error: Error) -> Error {
    let Ok(topology) = session.client.topology(&error.attempt).await else {
        return error;
    };
    let lines = parts(&topology, id);
    if lines.is_empty() {
        return error;
    }
    named(error, lines).advise("remove what is named, then the cluster")
}

fn parts(topology: &Topology, id: &str) -> Vec<String> {
    let cluster = topology.clusters.iter().find(|cluster| cluster.id == id);
    let volumes = cluster.into_iter().flat_map(|cluster| &cluster.volumes);
    let volumes = volumes.map(|volume| format!("volume {0}: mortar volume delete {0}", volume.name));
    let nodes = cluster.into_iter().flat_map(|cluster| &cluster.nodes);
    let nodes = nodes.map(|node| format!("node {0}: mortar node delete {0}", node.manage));
    volumes.chain(nodes).collect()
}

fn named(error: Error, mut lines: Vec<String>) -> Error {
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    if more > 0 {
        lines.push(format!("and {more} more: see 'mortar topology show'"));
    }
    error.with_details(lines)
}
