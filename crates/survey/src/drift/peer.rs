//! The trusted pool as its members see it, beside the nodes of the cluster.
//!
//! Members are told apart by glusterd's id: a peer may know the same node by a name or by an address. What all members say is told
//! once, in the words of one: the one that knows and reaches the most of the others.

use mortar_command::query::pool::{self, Member};
use mortar_model::{ClusterId, Node, NodeId};
use mortar_plan::Subject as Thing;

use super::{About, Found, Ground};
use crate::finding::{Finding, Proof, Remedy, Repair, Subject};
use crate::kind::Kind;

/// A node that answers, with the members that its glusterd lists.
struct View<'a> {
    node: &'a Node,
    members: &'a [Member],
}

impl<'a> View<'a> {
    /// glusterd's id of the node itself, which lists itself as `localhost`.
    fn own_id(&self) -> Option<&'a str> {
        pool::own_id(self.members)
    }
}

pub(super) fn compare(ground: &Ground<'_>, cluster: ClusterId, found: &mut Found<'_>) {
    let nodes: Vec<&Node> = ground.inventory.nodes_of(cluster).collect();
    let views: Vec<View<'_>> = nodes
        .iter()
        .filter_map(|node| {
            let survey = ground.scan.nodes.get(&node.id)?.as_ref().ok()?;
            let members = survey.members.as_deref().ok()?;
            Some(View { node, members })
        })
        .collect();
    let Some(teller) = teller(&nodes, &views) else {
        return;
    };
    let unknown: Vec<&Member> = teller
        .members
        .iter()
        .filter(|member| !nodes.iter().any(|node| is(member, node, teller, &views)))
        .collect();
    // A member of another name may be a node that does not answer: then neither is missing nor unknown for sure.
    let hidden = |node: &Node| !views.iter().any(|view| view.node.id == node.id);
    let mut unsure = false;
    for node in &nodes {
        match find(teller, node, &views) {
            None if hidden(node) && !unknown.is_empty() => unsure = true,
            None => missing(teller, node, &views, found),
            Some(member) => listed(teller, node, member, &views, found),
        }
    }
    if !unsure {
        for member in unknown {
            stranger(ground, teller, cluster, member, found);
        }
    }
}

/// The first of the views that know the most, are known by the most, and reach the most.
fn teller<'v, 'a>(nodes: &[&Node], views: &'v [View<'a>]) -> Option<&'v View<'a>> {
    let knows = |view: &View<'_>| {
        nodes
            .iter()
            .filter(|node| find(view, node, views).is_some())
            .count()
    };
    let known = |view: &View<'_>| {
        let lists = |other: &&View<'_>| {
            other
                .members
                .iter()
                .any(|member| Some(member.uuid.as_str()) == view.own_id())
        };
        views.iter().filter(lists).count()
    };
    let reaches = |view: &View<'_>| view.members.iter().filter(|member| member.connected).count();
    views
        .iter()
        .rev()
        .max_by_key(|view| (knows(view), known(view), reaches(view)))
}

/// Whether a member that `view` lists is this node.
fn is(member: &Member, node: &Node, view: &View<'_>, views: &[View<'_>]) -> bool {
    if view.node.id == node.id {
        return view.own_id() == Some(member.uuid.as_str());
    }
    let answers = views.iter().find(|other| other.node.id == node.id);
    member.is_called(node) || answers.and_then(View::own_id) == Some(member.uuid.as_str())
}

fn find<'a>(view: &View<'a>, node: &Node, views: &[View<'_>]) -> Option<&'a Member> {
    view.members.iter().find(|member| is(member, node, view, views))
}

fn finding(kind: Kind, node: &Node, teller: &Node, seen: String, remedy: Remedy) -> Finding {
    Finding {
        kind,
        subject: Subject {
            kind: "peer",
            id: node.id.to_string(),
            name: node.storage.to_string(),
        },
        node: Some(node.id),
        proof: Proof {
            recorded: format!("a member of the trusted pool of cluster {}", node.cluster),
            seen,
            place: format!("gluster pool list on {}", teller.manage),
        },
        remedy,
    }
}

fn about(node: &Node) -> [About<'_>; 3] {
    [
        About::Thing(Thing::Node(node.id)),
        About::Host(node.storage.as_str()),
        About::Host(node.manage.as_str()),
    ]
}

/// A node that the pool does not list. One that answers and is alone can be asked in again without harm.
fn missing(teller: &View<'_>, node: &Node, views: &[View<'_>], found: &mut Found<'_>) {
    let own = views.iter().find(|view| view.node.id == node.id);
    let remedy = match own {
        Some(view) if view.members.len() == 1 => Remedy::OnCommand(Repair::Probe(node.id)),
        Some(view) => Remedy::ByHand(format!(
            "{} is in a trusted pool with {} others: detach it there, then ask it in again",
            node.manage,
            view.members.len().saturating_sub(1)
        )),
        None => Remedy::ByHand(format!(
            "see that {} runs with glusterd, then ask it in again: 'mortar repair'",
            node.manage
        )),
    };
    let seen = "not among its members".to_owned();
    found.add(
        &about(node),
        finding(Kind::PeerMissing, node, teller.node, seen, remedy),
    );
}

/// A node that the pool lists: is it the same glusterd, for good, and do they reach each other?
fn listed(teller: &View<'_>, node: &Node, member: &Member, views: &[View<'_>], found: &mut Found<'_>) {
    let own = views.iter().find(|view| view.node.id == node.id);
    let Some(own) = own.filter(|_| teller.node.id != node.id) else {
        return;
    };
    if let Some(id) = own.own_id().filter(|id| *id != member.uuid) {
        let remedy = Remedy::ByHand(format!(
            "glusterd on {} lost its identity, as after a new installation, or on a new machine: 'mortar node replace {}' gives it \
             back",
            node.manage, node.manage
        ));
        let seen = format!("listed with id {}, and it says that it is {id}", member.uuid);
        let finding = finding(Kind::PeerMissing, node, teller.node, seen, remedy);
        return found.add(&about(node), finding);
    }
    if !member.settled {
        let seen = format!("listed as {}", member.state);
        let remedy = Remedy::OnCommand(Repair::Probe(node.id));
        let finding = finding(Kind::PeerMissing, node, teller.node, seen, remedy);
        return found.add(&about(node), finding);
    }
    let back = find(own, teller.node, views);
    let apart = match back {
        None => Some((
            own.node,
            format!("{} is not among its members", teller.node.storage),
        )),
        Some(back) if !back.connected => Some((own.node, format!("{} is disconnected", teller.node.storage))),
        Some(_) if !member.connected => Some((teller.node, "disconnected".to_owned())),
        Some(_) => None,
    };
    if let Some((who, seen)) = apart {
        let remedy = Remedy::ByHand(format!(
            "see that {} and {} reach each other on port 24007",
            teller.node.storage, node.storage
        ));
        found.add(
            &about(node),
            finding(Kind::PeerDisconnected, node, who, seen, remedy),
        );
    }
}

fn stranger(
    ground: &Ground<'_>,
    teller: &View<'_>,
    cluster: ClusterId,
    member: &Member,
    found: &mut Found<'_>,
) {
    let name = member.hosts.first().cloned().unwrap_or_default();
    let other: Option<NodeId> = ground
        .inventory
        .nodes()
        .find(|node| member.is_called(node))
        .map(|node| node.id);
    let recorded = other.map_or(String::new(), |id| format!("node {id} of another cluster"));
    let about: Vec<About<'_>> = member.hosts.iter().map(|host| About::Host(host)).collect();
    let finding = Finding {
        kind: Kind::PeerUnknown,
        subject: Subject {
            kind: "peer",
            id: member.uuid.clone(),
            name: name.clone(),
        },
        node: None,
        proof: Proof {
            recorded,
            seen: format!("{name} is a member of the trusted pool of cluster {cluster}"),
            place: format!("gluster pool list on {}", teller.node.manage),
        },
        remedy: Remedy::ByHand(format!(
            "add it ('mortar node add'), or take it out: gluster peer detach {name}"
        )),
    };
    found.add(&about, finding);
}
