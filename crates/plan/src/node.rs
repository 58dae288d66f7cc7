//! Nodes that join and leave a trusted pool.

use mortar_model::work::{Goal, NodeFileSpec, PeerSpec, Thing};
use mortar_model::{Inventory, Node, NodeId, State};

use crate::create::pool_nodes;
use crate::identity;
use crate::landscape::Landscape;
use crate::plan::{Change, Place, Plan, Stage, Step, Subject};
use crate::refusal::Refusal;
use crate::request::AddNode;
use crate::seed::Seed;

/// Plans a node's way into its cluster's pool. The first node of a cluster is its pool.
///
/// # Errors
/// The cluster is unknown, being changed or getting its first node, or a host name belongs to another node or to one that is just being added.
pub fn add_node(landscape: &Landscape, request: &AddNode, seed: &mut Seed) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    inventory
        .cluster(request.cluster)
        .ok_or(Refusal::UnknownCluster(request.cluster))?;
    if let Some(operation) = landscape.holder(Subject::Cluster(request.cluster)) {
        return Err(Refusal::Busy("cluster", request.cluster.to_string(), operation));
    }
    for host in [&request.manage, &request.storage] {
        if let Some(other) = inventory.node_by_host(host) {
            return Err(Refusal::HostTaken(host.clone(), other.id));
        }
        if let Some(operation) = landscape.host_holder(host) {
            return Err(Refusal::Busy("host", host.to_string(), operation));
        }
    }
    let node = Node {
        id: NodeId::from_u128(seed.next_u128()),
        cluster: request.cluster,
        zone: request.zone,
        manage: request.manage.clone(),
        storage: request.storage.clone(),
        tags: request.tags.clone(),
        state: State::Online,
    };
    let members = pool_nodes(inventory, request.cluster, std::iter::empty());
    // Two that both come first would both be the pool, each alone; and one cannot join the last that leaves.
    let first = if members.is_empty() {
        landscape.nodes_to_come(request.cluster)
    } else {
        let mut held = members.iter().map(|id| landscape.holder(Subject::Member(*id)));
        held.try_fold(None, |_, holder| holder.map(Some)).flatten()
    };
    if let Some(operation) = first {
        return Err(Refusal::Busy("cluster", request.cluster.to_string(), operation));
    }
    let stages = peer_stage(&node, members, Goal::Present, false)
        .into_iter()
        .collect();
    Ok(Plan {
        stages,
        forward_from: None,
        changes: vec![Change::PutNode(node)],
    })
}

/// Plans a node's way out of its pool.
///
/// # Errors
/// The node is unknown, being changed, has devices or gets one, or is the only one that can take in another.
pub fn remove_node(landscape: &Landscape, id: NodeId) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let node = inventory
        .node(id)
        .ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
    if let Some(operation) = landscape
        .holder(Subject::Node(id))
        .or_else(|| landscape.holder(Subject::Member(id)))
        .or_else(|| landscape.devices_to_come(id))
    {
        return Err(Refusal::Busy("node", id.to_string(), operation));
    }
    if inventory.devices_of(id).next().is_some() {
        return Err(Refusal::InUse("node", id.to_string(), "devices"));
    }
    let members = left_behind(landscape, node)?;
    let leave = peer_stage(node, members, Goal::Absent, false);
    // A node that is away keeps its file: nobody waits for it.
    let forget = landscape
        .is_healthy(id)
        .then(|| file_stage(inventory, id))
        .flatten();
    Ok(Plan {
        stages: leave.into_iter().chain(forget).collect(),
        forward_from: None,
        changes: vec![Change::RemoveNode(id)],
    })
}

/// The members that a node leaves behind in its pool, where it may leave at all.
fn left_behind(landscape: &Landscape, node: &Node) -> Result<Vec<NodeId>, Refusal> {
    serves_nothing(landscape, node)?;
    let mut members = pool_nodes(landscape.inventory(), node.cluster, std::iter::empty());
    members.retain(|member| *member != node.id);
    match landscape.nodes_to_come(node.cluster) {
        Some(operation) if members.is_empty() => Err(Refusal::Busy("node", node.id.to_string(), operation)),
        _ => Ok(members),
    }
}

/// Block volumes that are named when a node is not removed because of them.
const NAMED: usize = 5;

/// gluster-block neither enlarges nor removes a block volume while one of its hosts is not there.
fn serves_nothing(landscape: &Landscape, node: &Node) -> Result<(), Refusal> {
    let names = landscape
        .blocks_of_host(&node.storage)
        .map(|block| block.name.as_str());
    let names: std::collections::BTreeSet<&str> = names.collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut told: Vec<&str> = names.iter().copied().take(NAMED).collect();
    if names.len() > NAMED {
        told.push("…");
    }
    let count = if names.len() == 1 {
        "block volume"
    } else {
        "block volumes"
    };
    Err(Refusal::ServesBlocks(
        node.id.to_string(),
        format!("{count} {}", told.join(", ")),
    ))
}

/// Plans the end of a node that never comes back: the others take it out of the pool, and it is not asked. Its devices,
/// which must hold no bricks any more, are forgotten with it.
///
/// # Errors
/// The node is unknown, it or a device of it is being changed, or it holds bricks.
pub fn forget_node(landscape: &Landscape, id: NodeId) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let node = inventory
        .node(id)
        .ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
    let devices = || inventory.devices_of(id).map(|device| device.id);
    let mut held = devices()
        .map(Subject::Device)
        .chain([Subject::Node(id), Subject::Member(id)])
        .filter_map(|thing| landscape.holder(thing));
    if let Some(operation) = held.next().or_else(|| landscape.devices_to_come(id)) {
        return Err(Refusal::Busy("node", id.to_string(), operation));
    }
    if devices().any(|device| inventory.brick_count(device) > 0 || landscape.bricks_to_come(device) > 0) {
        return Err(Refusal::InUse("node", id.to_string(), "bricks"));
    }
    if devices().any(|device| inventory.copies_on(device).next().is_some()) {
        return Err(Refusal::InUse("node", id.to_string(), "parts of snapshots"));
    }
    let members = left_behind(landscape, node)?;
    Ok(Plan {
        stages: peer_stage(node, members, Goal::Absent, true)
            .into_iter()
            .collect(),
        forward_from: None,
        // Nobody else begins anything with its devices: they go with it.
        changes: std::iter::once(Change::ForgetNode(id))
            .chain(devices().map(|device| Change::Keep(Subject::Device(device))))
            .collect(),
    })
}

/// The node's own file goes: a node that is in no cluster must not say that it is in one.
fn file_stage(inventory: &Inventory, node: NodeId) -> Option<Stage> {
    let text = identity::any_node_file(inventory, inventory.node(node)?)?;
    let step = Step {
        place: Place::Node(node),
        thing: Thing::NodeFile(NodeFileSpec { node, text }),
        goal: Goal::Absent,
        needed: false,
    };
    Some(Stage {
        title: "remove the node's file".into(),
        steps: vec![step],
    })
}

/// What the other members do about the node; nothing when there are none.
fn peer_stage(node: &Node, members: Vec<NodeId>, goal: Goal, force: bool) -> Option<Stage> {
    if members.is_empty() {
        return None;
    }
    let thing = Thing::Peer(PeerSpec {
        node: node.id,
        host: node.storage.clone(),
        force,
    });
    let title = match goal {
        Goal::Present => "join the trusted pool",
        Goal::Absent => "leave the trusted pool",
    };
    let step = Step {
        place: Place::Pool(node.cluster, members),
        thing,
        goal,
        needed: true,
    };
    Some(Stage {
        title: title.into(),
        steps: vec![step],
    })
}
