//! Machines that stand in a node's place and are not that node yet: their glusterd answers, and is nobody's peer (decision 27).
//!
//! What such a one tells of volumes is true of a pool of its own, and a volume that it is told to make exists there and nowhere else.
//! So it is asked nothing and told nothing of the node's pool. A node that stays on is seen to be itself once; one that was away is
//! looked at again before it counts as back.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use mortar_command::query::pool::{self, Member};
use mortar_model::{Node, NodeId};
use mortar_plan::Landscape;

use crate::engine::Inner;

/// What members tell of their pool; nothing where they did not answer.
pub(crate) type View = (NodeId, Option<Vec<Member>>);

/// Nodes that were seen to be themselves since they last were away, or since the start.
#[derive(Default)]
pub(crate) struct Proven(Mutex<BTreeSet<NodeId>>);

impl Proven {
    /// Whether that is known of all of these.
    pub(crate) fn all(&self, nodes: &[NodeId]) -> bool {
        let proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().all(|node| proven.contains(node))
    }

    /// It is away: who answers there next may be another one.
    pub(crate) fn forget(&self, node: NodeId) {
        let mut proven = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        proven.remove(&node);
    }
}

/// Notes which of those that told are themselves, and that those do not count as well that are nobody. Answers with the latter.
pub(crate) fn note(inner: &Inner, views: &[View]) -> Vec<NodeId> {
    let nobodies = nobodies(&inner.landscape(), views);
    for node in &nobodies {
        inner.note_health(*node, false, WHY);
    }
    let told = views.iter().filter(|(_, members)| members.is_some());
    let themselves = told
        .map(|(node, _)| *node)
        .filter(|node| !nobodies.contains(node));
    let mut proven = inner.proven.0.lock().unwrap_or_else(PoisonError::into_inner);
    proven.extend(themselves);
    nobodies
}

/// Why such a node does not count as well.
pub(crate) const WHY: &str = "what answers there is another machine than its pool knows: mortar node replace gives it the node's identity";

/// Of those that told: who has no peer, though there are others, and is another one than they know, or is known to none that tells.
pub(crate) fn nobodies(landscape: &Landscape, views: &[View]) -> Vec<NodeId> {
    let told = || {
        views
            .iter()
            .filter_map(|(node, own)| Some((*node, own.as_deref()?)))
    };
    let is_nobody = |node: NodeId, own: &[Member]| {
        let others = || told().filter(|(other, _)| *other != node);
        let known = landscape.inventory().node(node);
        known.is_some_and(|known| {
            others().next().is_none() || others().any(|(_, members)| is_other(known, own, members))
        })
    };
    let nobody = told().filter(|(node, own)| lacks_peers(landscape, *node, own) && is_nobody(*node, own));
    nobody.map(|(node, _)| node).collect()
}

/// Whether a member knows the node by another id than that which it tells itself.
pub(crate) fn is_other(node: &Node, own: &[Member], members: &[Member]) -> bool {
    let Some(own) = pool::own_id(own) else {
        return false;
    };
    members
        .iter()
        .any(|member| member.is_called(node) && member.uuid != own)
}

/// Whether a glusterd has no peer, though its pool has other nodes that stay: even those that are away are peers.
pub(crate) fn lacks_peers(landscape: &Landscape, node: NodeId, own: &[Member]) -> bool {
    let inventory = landscape.inventory();
    let Some(known) = inventory.node(node).filter(|_| own.iter().all(Member::is_itself)) else {
        return false;
    };
    let mut others = inventory.nodes_of(known.cluster).map(|other| other.id);
    others.any(|other| other != node && !landscape.is_node_leaving(other))
}
