//! Which nodes may use a volume.
//!
//! The record keeps two nodes from one volume that only one may have, and a volume from being removed while nodes use it. It cuts
//! nobody off: a GlusterFS client that runs goes on.

use mortar_model::{AccessMode, Attachment, Attachments, ClientNode, VolumeId};

use crate::landscape::Landscape;
use crate::plan::{Change, Plan, Subject};
use crate::refusal::Refusal;

/// Why a volume is not attached to a node, or not removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttachRefusal {
    /// Other nodes have it, and not all of them may at once.
    #[error(
        "volume {volume} is attached to node {node} ({has}), and {wanted} on another node does not go with that: detach it there first, \
         when nothing there uses it any more"
    )]
    Elsewhere {
        /// The volume.
        volume: VolumeId,
        /// A node that has it.
        node: ClientNode,
        /// How that one has it.
        has: AccessMode,
        /// How it is wanted.
        wanted: AccessMode,
    },
    /// The node has it otherwise.
    #[error("volume {volume} is attached to node {node} already, as {has}{}: detach it there first", if *.read_only { ", read-only" } else { "" })]
    Otherwise {
        /// The volume.
        volume: VolumeId,
        /// The node.
        node: ClientNode,
        /// How it has it.
        has: AccessMode,
        /// Whether it may only read there.
        read_only: bool,
    },
    /// The node has as many volumes as it may have.
    #[error("node {node} has {has} volumes attached and may have {most}")]
    NodeFull {
        /// The node.
        node: ClientNode,
        /// Volumes it has.
        has: usize,
        /// Volumes it may have.
        most: u32,
    },
    /// A volume that is to be removed is used.
    #[error(
        "volume {volume} is attached to {}: it is removed when no node uses it any more ('mortar volume detach' says so where nobody \
         else does)",
        nodes_in_words(.nodes)
    )]
    Used {
        /// The volume.
        volume: VolumeId,
        /// The nodes that have it.
        nodes: Vec<ClientNode>,
    },
}

/// Most nodes that a text names.
const NAMED: usize = 5;

fn nodes_in_words(nodes: &[ClientNode]) -> String {
    let named: Vec<&str> = nodes.iter().take(NAMED).map(ClientNode::as_str).collect();
    let more = nodes.len().saturating_sub(NAMED);
    let rest = (more > 0).then(|| format!(" and {more} more nodes"));
    let word = if nodes.len() == 1 { "node" } else { "nodes" };
    format!("{word} {}{}", named.join(", "), rest.unwrap_or_default())
}

/// Plans that a node may use a volume; nothing where it may already. `most` is how many volumes the node may have.
///
/// # Errors
/// The volume is unknown or being removed, other nodes have it, this one has it otherwise, or has too many.
pub fn attach(
    landscape: &Landscape,
    volume: VolumeId,
    wanted: &Attachment,
    most: Option<u32>,
) -> Result<Option<Plan>, Refusal> {
    let inventory = landscape.inventory();
    let known = attached(landscape, volume)?;
    if let Some(has) = known.iter().find(|has| has.node == wanted.node) {
        if has.is_like(wanted) {
            return Ok(None);
        }
        return Err(AttachRefusal::Otherwise {
            volume,
            node: has.node.clone(),
            has: has.mode,
            read_only: has.read_only,
        }
        .into());
    }
    if let Some(has) = known.iter().find(|has| !has.goes_with(wanted)) {
        return Err(AttachRefusal::Elsewhere {
            volume,
            node: has.node.clone(),
            has: has.mode,
            wanted: wanted.mode,
        }
        .into());
    }
    let has = inventory.attached_to(&wanted.node);
    if let Some(most) = most.filter(|most| has >= *most as usize) {
        let node = wanted.node.clone();
        return Err(AttachRefusal::NodeFull { node, has, most }.into());
    }
    let mut nodes = known.to_vec();
    let at = nodes.partition_point(|has| has.node < wanted.node);
    nodes.insert(at, wanted.clone());
    Ok(Some(put(volume, nodes)))
}

/// Plans that a node may not use a volume any more, or that none may; nothing where that is so already.
///
/// # Errors
/// The volume is unknown or being removed.
pub fn detach(
    landscape: &Landscape,
    volume: VolumeId,
    node: Option<&ClientNode>,
) -> Result<Option<Plan>, Refusal> {
    let known = attached(landscape, volume)?;
    let stays = |has: &&Attachment| node.is_some_and(|node| has.node != *node);
    let nodes: Vec<Attachment> = known.iter().filter(stays).cloned().collect();
    Ok((nodes.len() < known.len()).then(|| put(volume, nodes)))
}

fn put(volume: VolumeId, nodes: Vec<Attachment>) -> Plan {
    Plan::record(vec![Change::PutAttachments(Attachments { volume, nodes })])
}

/// The nodes that have a volume which stays.
fn attached(landscape: &Landscape, volume: VolumeId) -> Result<&[Attachment], Refusal> {
    let inventory = landscape.inventory();
    let known = inventory.volume(volume);
    known.ok_or_else(|| Refusal::Unknown("volume", volume.to_string()))?;
    match landscape.remover(volume) {
        Some(operation) => Err(Refusal::Busy("volume", volume.to_string(), operation)),
        None => Ok(inventory.attachments_of(volume)),
    }
}

/// No node uses the volume, nor is about to.
pub(crate) fn unused(landscape: &Landscape, volume: VolumeId) -> Result<(), Refusal> {
    let nodes = landscape.inventory().attachments_of(volume);
    if !nodes.is_empty() {
        let nodes = nodes.iter().map(|has| has.node.clone()).collect();
        return Err(AttachRefusal::Used { volume, nodes }.into());
    }
    match landscape.holder(Subject::Attachments(volume)) {
        Some(operation) => Err(Refusal::Busy("volume", volume.to_string(), operation)),
        None => Ok(()),
    }
}
