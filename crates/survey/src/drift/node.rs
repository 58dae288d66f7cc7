//! A node as a whole: whether it answers, which of its tools do, and what it says of itself.

use std::collections::BTreeSet;

use mortar_model::{DeviceId, DeviceKind, Node, layout};
use mortar_plan::Subject as Thing;
use mortar_plan::identity::{self, NodeIdentity};

use super::sight::Sight;
use super::{About, Found, Ground};
use crate::finding::{Finding, Proof, Remedy, Repair, Subject};
use crate::kind::Kind;

fn finding(kind: Kind, node: &Node, proof: Proof, remedy: Remedy) -> Finding {
    Finding {
        kind,
        subject: Subject {
            kind: "node",
            id: node.id.to_string(),
            name: node.manage.to_string(),
        },
        node: Some(node.id),
        proof,
        remedy,
    }
}

fn seen(seen: impl Into<String>) -> Proof {
    Proof {
        seen: seen.into(),
        ..Proof::default()
    }
}

/// What an operation that changes the node itself has to do with; one on a device of it does not hide that it is silent.
fn about(node: &Node) -> [About<'_>; 1] {
    [About::Thing(Thing::Node(node.id))]
}

pub(super) fn silent(node: &Node, reason: &str, found: &mut Found<'_>) {
    let remedy = Remedy::ByHand(format!(
        "see that {} runs and can be reached; nothing of it is judged before",
        node.manage
    ));
    found.add(
        &about(node),
        finding(Kind::NodeSilent, node, seen(reason), remedy),
    );
}

pub(super) fn compare(ground: &Ground<'_>, sight: &Sight<'_>, found: &mut Found<'_>) {
    let node = sight.node;
    if let Err(reason) = &sight.survey.members {
        let remedy = Remedy::ByHand(format!(
            "start glusterd on {} (systemctl start glusterd); its log tells why it does not run",
            node.manage
        ));
        found.add(
            &about(node),
            finding(Kind::GlusterdDown, node, seen(reason), remedy),
        );
    }
    let unclear = unclear(ground, sight);
    if !unclear.is_empty() {
        let remedy = Remedy::ByHand(format!(
            "run the tool that is named on {} and mend what it complains of",
            node.manage
        ));
        found.add(
            &about(node),
            finding(Kind::NodeUnclear, node, seen(unclear.join("; ")), remedy),
        );
    }
    file(ground, sight, found);
}

/// What the node's tools could not tell, of what the records need them for.
fn unclear(ground: &Ground<'_>, sight: &Sight<'_>) -> Vec<String> {
    let survey = sight.survey;
    let devices = || ground.inventory.devices_of(sight.node.id);
    let disks = devices().any(|device| matches!(device.kind, DeviceKind::Lvm { .. }));
    let images = devices().any(|device| device.kind == DeviceKind::Directory);
    let own = devices().filter(|device| device.kind != DeviceKind::Adopted);
    let bricks = own
        .map(|device| device.id)
        .any(|device| ground.inventory.brick_count(device) > 0);
    let directories = images || devices().any(|device| device.kind == DeviceKind::Adopted);
    let parts = [
        (true, survey.node_file.as_ref().err()),
        (disks, survey.groups.as_ref().err()),
        (disks, survey.volumes.as_ref().err()),
        (directories, survey.directories.as_ref().err()),
        (images, survey.images.as_ref().err()),
        (images && bricks, survey.loops.as_ref().err()),
        (bricks, survey.mounts.as_ref().err()),
        (bricks, survey.entries.as_ref().err()),
        (bricks, survey.folders.as_ref().err()),
        (bricks, survey.identities.as_ref().err()),
    ];
    let mut said: Vec<String> = parts
        .into_iter()
        .filter(|(needed, _)| *needed)
        .filter_map(|(_, error)| error.cloned())
        .collect();
    said.dedup();
    said
}

fn file(ground: &Ground<'_>, sight: &Sight<'_>, found: &mut Found<'_>) {
    let node = sight.node;
    let (Ok(text), Some(wanted)) = (
        &sight.survey.node_file,
        identity::node_file(ground.inventory, node.id),
    ) else {
        return;
    };
    if text.as_deref() == Some(wanted.as_str()) {
        return;
    }
    let write = Repair::WriteNodeFile(node.id);
    let (said, remedy) = match text {
        None => ("there is no such file".to_owned(), Remedy::Automatic(write)),
        Some(text) => match tells_of_others(ground, sight, text) {
            None => (older(text, &wanted), Remedy::Automatic(write)),
            Some(others) => (others, Remedy::OnCommand(write)),
        },
    };
    let files = [text.as_deref().unwrap_or_default(), wanted.as_str()];
    let about = told_in(node, &files.map(|text| identity::read_node_file(text).ok()));
    let proof = Proof {
        recorded: "what is recorded of the node, its devices and its cluster".into(),
        seen: said,
        place: layout::NODE_FILE.into(),
    };
    found.add(&about, finding(Kind::NodeFile, node, proof, remedy));
}

/// What an old file says otherwise than the records.
fn older(text: &str, wanted: &str) -> String {
    let (Ok(said), Ok(wanted)) = (identity::read_node_file(text), identity::read_node_file(wanted)) else {
        return "it cannot be read".into();
    };
    let parts = [
        (said.node != wanted.node, "the node"),
        (said.cluster != wanted.cluster, "its cluster"),
        (said.devices != wanted.devices, "its devices"),
        (said.neighbours != wanted.neighbours, "its neighbours"),
    ];
    let others: Vec<&str> = parts
        .into_iter()
        .filter_map(|(other, what)| other.then_some(what))
        .collect();
    if others.is_empty() {
        return "it says the same in another form".into();
    }
    format!("it says something older of {}", others.join(", "))
}

/// Everything that a node's file tells of, as it is and as it should be: the node, its cluster, its neighbours, their devices.
fn told_in(node: &Node, files: &[Option<NodeIdentity>]) -> Vec<About<'static>> {
    let mut about = vec![
        About::Thing(Thing::Node(node.id)),
        About::Thing(Thing::Cluster(node.cluster)),
    ];
    for file in files.iter().flatten() {
        let neighbours = file.neighbours.iter();
        let devices = file
            .devices
            .iter()
            .chain(neighbours.clone().flat_map(|other| &other.devices));
        about.extend(devices.map(|device| About::Thing(Thing::Device(device.id))));
        about.extend(neighbours.map(|other| About::Thing(Thing::Node(other.node.id))));
    }
    about
}

/// What the file knows that the records do not, though it is there. Records that were restored from an old copy look like
/// this, and then the file is the better one: it is not written over without being told.
fn tells_of_others(ground: &Ground<'_>, sight: &Sight<'_>, text: &str) -> Option<String> {
    let file = identity::read_node_file(text).ok()?;
    if file.node.id != sight.node.id && !was_it(&file, sight.node) {
        return Some(format!(
            "it says that the node is {} of cluster {}",
            file.node.id, file.node.cluster
        ));
    }
    let known: BTreeSet<DeviceId> = ground
        .inventory
        .devices_of(sight.node.id)
        .map(|device| device.id)
        .collect();
    let other = sight.groups.as_ref().and_then(|groups| {
        let mut devices = file.devices.iter().map(|device| device.id);
        devices.find(|id| !known.contains(id) && groups.contains_key(layout::volume_group(*id).as_str()))
    });
    if let Some(other) = other {
        return Some(format!(
            "it tells of device {other}, whose volume group is there and which is in no record"
        ));
    }
    let neighbour = file.neighbours.iter().map(|neighbour| &neighbour.node);
    let lost = neighbour
        .filter(|other| ground.inventory.node(other.id).is_none() && !came_back(ground, other))
        .find(|other| is_member(sight, other))?;
    Some(format!(
        "it tells of node {}, which is a member of the trusted pool and in no record",
        lost.manage
    ))
}

/// Whether the file is of this machine before it left its pool, with nothing that could be lost, and was added again: one that
/// was away when it left has kept its file.
fn was_it(file: &NodeIdentity, node: &Node) -> bool {
    file.node.cluster == node.cluster && file.node.storage == node.storage && file.devices.is_empty()
}

/// Whether the machine is recorded under another id, and says so itself: a node that left and was added again.
fn came_back(ground: &Ground<'_>, other: &Node) -> bool {
    let says = |id| {
        let survey = ground.scan.nodes.get(&id)?.as_ref().ok()?;
        let text = survey.node_file.as_ref().ok()?.as_deref()?;
        Some(identity::read_node_file(text).ok()?.node.id)
    };
    let mut members = ground.inventory.nodes_of(other.cluster);
    members.any(|member| member.storage == other.storage && says(member.id) == Some(member.id))
}

/// Whether the node's glusterd lists the other one.
fn is_member(sight: &Sight<'_>, other: &Node) -> bool {
    let members = sight.survey.members.iter().flatten();
    members.into_iter().any(|member| member.is_called(other))
}
