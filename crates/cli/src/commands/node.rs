//! `mortar node …`

use mortar_api::{AddressRequest, NodeEntry, NodePage, Topology, TopologyNode};
use mortar_heketi::node::{HostAddresses, NodeAddRequest, NodeInfo, StateRequest};

use super::{Session, hindrance, tags};
use crate::args::NodeCommand;
use crate::client::{Filter, Finished, nodes, read};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show;

pub(super) async fn run(session: &Session, command: NodeCommand) -> Result<()> {
    match command {
        NodeCommand::Add {
            cluster,
            zone,
            manage,
            storage,
            tags,
        } => {
            let hostnames = HostAddresses {
                manage: vec![manage],
                storage: vec![storage],
            };
            let tags = tags.into_iter().collect();
            add(
                session,
                NodeAddRequest {
                    zone: i64::from(zone),
                    hostnames,
                    cluster,
                    tags,
                },
            )
            .await
        }
        NodeCommand::List {
            cluster,
            zone,
            state,
            tag,
        } => {
            let zone = zone.map(|zone| zone.to_string());
            let filter = [
                ("cluster", cluster.as_deref()),
                ("zone", zone.as_deref()),
                ("state", state.as_deref()),
                ("tag", tag.as_deref()),
            ];
            list(session, &filter).await
        }
        NodeCommand::Info { node } => info(session, &node).await,
        NodeCommand::Drain { node, dead } => {
            let attempt = format!("drain the node {node}");
            let id = session.client.node_id(&node, &attempt).await?;
            let done = format!("Node {node} has no bricks any more and takes none.");
            super::brick::drain(session, &format!("/v1/nodes/{id}"), dead, &attempt, done).await
        }
        NodeCommand::Replace { node } => replace(session, &node).await,
        NodeCommand::Forget { node } => forget(session, &node).await,
        NodeCommand::Delete { node } => delete(session, &node).await,
        NodeCommand::Enable { node } => set_state(session, &node, "online").await,
        NodeCommand::Disable { node } => set_state(session, &node, "offline").await,
        NodeCommand::SetAddress { node, manage } => set_address(session, &node, manage).await,
        NodeCommand::Tags { node, change } => {
            let attempt = format!("change the labels of the node {node}");
            let id = session.client.node_id(&node, &attempt).await?;
            tags::run(session, &format!("/nodes/{id}"), change, &attempt).await
        }
    }
}

async fn add(session: &Session, request: NodeAddRequest) -> Result<()> {
    let host = request.hostnames.manage.join(" ");
    let attempt = format!("add the node {host}");
    let accepted = session.client.post("/nodes", &request, &attempt).await?;
    let work = session
        .client
        .finish(accepted, &attempt, &session.progress)
        .await?;
    match &work.finished {
        Finished::Resource(body) if session.out.is_json() => session.out.wire(body),
        Finished::Resource(body) => {
            let info: NodeInfo = read(body, &attempt)?;
            session.out.line(format!("Added node {host}: {}", info.id))
        }
        _ => session.tell(&work, format!("Added node {host}.")),
    }
}

async fn list(session: &Session, filter: Filter<'_>) -> Result<()> {
    let nodes = session.client.nodes(filter, "list nodes").await?;
    if session.out.is_json() {
        return session.out.json(&NodePage { nodes, next: None });
    }
    let row = |NodeEntry { cluster, node }: NodeEntry| {
        vec![
            node.id,
            node.manage,
            node.storage,
            node.zone.to_string(),
            session.out.paint().state(&node.state),
            session.out.paint().health(node.health),
            node.devices.len().to_string(),
            cluster,
        ]
    };
    let head = [
        "ID", "MANAGE", "STORAGE", ">ZONE", "STATE", "HEALTH", ">DEVICES", "CLUSTER",
    ];
    session
        .out
        .text(&show::table(&head, nodes.into_iter().map(row).collect()))
}

async fn info(session: &Session, node: &str) -> Result<()> {
    let attempt = format!("show the node {node}");
    let id = session.client.node_id(node, &attempt).await?;
    if session.out.is_json() {
        return session
            .out
            .wire(&session.client.get(&format!("/nodes/{id}"), &attempt).await?);
    }
    let topology = session.client.topology(&attempt).await?;
    session
        .out
        .text(&show::node(found(&topology, &id, &attempt)?, session.out.paint()))
}

fn found<'a>(topology: &'a Topology, id: &str, attempt: &str) -> Result<&'a TopologyNode> {
    let hit = nodes(topology).find(|hit| hit.node.id == id).map(|hit| hit.node);
    hit.ok_or_else(|| {
        Error::new(Exit::NotFound, attempt, format!("there is no node {id}"))
            .advise("see them: 'mortar node list'")
    })
}

async fn forget(session: &Session, node: &str) -> Result<()> {
    let attempt = format!("forget the node {node}");
    let id = session.client.node_id(node, &attempt).await?;
    let accepted = session
        .client
        .post(&format!("/v1/nodes/{id}/forget"), &(), &attempt)
        .await?;
    session
        .follow(accepted, &attempt, format!("Node {node} is forgotten."))
        .await
}

/// What is to be done next follows from the devices that the node has.
async fn replace(session: &Session, node: &str) -> Result<()> {
    let attempt = format!("let a new machine take the place of the node {node}");
    let id = session.client.node_id(node, &attempt).await?;
    let accepted = session
        .client
        .post(&format!("/v1/nodes/{id}/replace"), &(), &attempt)
        .await?;
    let work = session
        .client
        .finish(accepted, &attempt, &session.progress)
        .await?;
    let topology = session.client.topology(&attempt).await?;
    let mut told = format!("The machine at {node} has the place of the node in its trusted pool.");
    let devices = &found(&topology, &id, &attempt)?.devices;
    let bricks = devices.iter().filter(|device| !device.bricks.is_empty());
    let drains: Vec<String> = bricks
        .map(|device| format!("\n  mortar device drain --dead {}", device.id))
        .collect();
    if !drains.is_empty() {
        told.push_str(&format!(
            " Bricks that went with the old one are next:\n  mortar device add --node {node} --name PATH{}",
            drains.concat()
        ));
    }
    session.tell(&work, told)
}

async fn set_address(session: &Session, node: &str, manage: String) -> Result<()> {
    let attempt = format!("reach the node {node} at {manage}");
    let id = session.client.node_id(node, &attempt).await?;
    let told = format!("Node {node} is reached at {manage}.");
    let accepted = session
        .client
        .post(
            &format!("/v1/nodes/{id}/address"),
            &AddressRequest { manage },
            &attempt,
        )
        .await?;
    session.follow(accepted, &attempt, told).await
}

async fn delete(session: &Session, node: &str) -> Result<()> {
    let attempt = format!("remove the node {node}");
    let id = session.client.node_id(node, &attempt).await?;
    let accepted = session.client.delete(&format!("/nodes/{id}"), &attempt).await;
    let accepted = match accepted {
        Err(error) if error.exit == Exit::Conflict => {
            return Err(hindrance::of_node(session, node, &id, error).await);
        }
        other => other?,
    };
    session
        .follow(accepted, &attempt, format!("Removed node {node}."))
        .await
}

async fn set_state(session: &Session, node: &str, state: &str) -> Result<()> {
    let attempt = format!("set the node {node} {state}");
    let id = session.client.node_id(node, &attempt).await?;
    let request = StateRequest {
        state: state.to_owned(),
        healcheck: String::new(),
    };
    let accepted = session
        .client
        .post(&format!("/nodes/{id}/state"), &request, &attempt)
        .await?;
    session
        .follow(accepted, &attempt, format!("Node {node} is {state}."))
        .await
}
