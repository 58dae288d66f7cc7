//! A lab as the topology file that Heketi and Mortar load.

use serde_json::{Value, json};

use crate::state::{Node, Record};
use crate::tree;

/// One cluster of all nodes, each with its zone, address and disks.
pub(crate) fn of(record: &Record) -> Value {
    let nodes: Vec<Value> = record.nodes().iter().map(|node| of_node(record, node)).collect();
    json!({ "clusters": [{ "nodes": nodes }] })
}

fn of_node(record: &Record, node: &Node) -> Value {
    let devices: Vec<String> = (1..=record.spec.disks).map(tree::disk).collect();
    json!({
        "node": {
            "hostnames": { "manage": [node.address], "storage": [node.address] },
            "zone": node.zone,
        },
        "devices": devices,
    })
}
