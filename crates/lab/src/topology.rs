//! A lab as the topology file that Heketi and Mortar load.

use serde_json::{Value, json};

use crate::network::Links;
use crate::state::{Node, Record};
use crate::tree;

/// One cluster of all nodes, each with its zone, address and disks.
pub(crate) fn of(record: &Record, links: &Links) -> Value {
    let nodes: Vec<Value> = record
        .nodes()
        .iter()
        .map(|node| of_node(record, links, node))
        .collect();
    json!({ "clusters": [{ "nodes": nodes }] })
}

fn of_node(record: &Record, links: &Links, node: &Node) -> Value {
    let devices: Vec<String> = (1..=record.spec.disks)
        .map(|number| tree::disk(record, links, node, number))
        .collect();
    json!({
        "node": {
            "hostnames": { "manage": [node.address], "storage": [node.address] },
            "zone": node.zone,
        },
        "devices": devices,
    })
}
