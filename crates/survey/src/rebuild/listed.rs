//! The bricks that a volume lists, each with its node and its device.

use std::collections::BTreeSet;

use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::layout::read;
use mortar_model::{BrickId, ClusterId, DeviceId, Durability, HostName, NodeId};

use super::Work;
use super::report::FoundKind;
use super::traces::Trace;
use super::volumes::unrestored;

/// A brick as a volume lists it.
#[derive(Clone, Copy)]
pub(super) struct Listed {
    pub(super) node: NodeId,
    pub(super) device: DeviceId,
    pub(super) brick: BrickId,
}

/// The host and the path of a brick; a host may have colons, a path begins with a slash.
pub(crate) fn address(brick: &str) -> Option<(&str, &str)> {
    let at = brick.find(":/")?;
    Some((&brick[..at], &brick[at + 1..]))
}

impl<'a> Work<'a> {
    /// The bricks that a volume lists, each on a node and a device that were restored, in sets of the right size.
    pub(super) fn listed(
        &self,
        cluster: ClusterId,
        info: &VolumeInfo,
        durability: Durability,
    ) -> Result<Vec<Listed>, (FoundKind, String)> {
        let per_set = durability.bricks_per_set();
        let fits = match durability {
            Durability::None => matches!(info.kind.as_str(), "Distribute"),
            Durability::Replicate(1) => matches!(
                info.kind.as_str(),
                "Distribute" | "Replicate" | "Distributed-Replicate"
            ),
            Durability::Replicate(_) | Durability::Arbiter => {
                matches!(info.kind.as_str(), "Replicate" | "Distributed-Replicate")
            }
            Durability::Disperse(_) => matches!(info.kind.as_str(), "Disperse" | "Distributed-Disperse"),
        };
        // Of a single copy GlusterFS says that it is none.
        let shown = info.durability();
        let same = shown == durability || (shown, durability) == (Durability::None, Durability::Replicate(1));
        let count = info.bricks.len();
        let whole = per_set > 0 && count > 0 && count.is_multiple_of(per_set as usize);
        if !fits || !whole || !same {
            return Err(unrestored(format!(
                "it says that it is {durability}, and GlusterFS shows {}, {shown}, with {count} bricks",
                info.kind
            )));
        }
        let listed: Result<Vec<Listed>, String> = info
            .bricks
            .iter()
            .map(|brick| self.listed_brick(cluster, brick))
            .collect();
        let listed = listed.map_err(unrestored)?;
        for set in listed.chunks(per_set as usize) {
            let nodes: BTreeSet<NodeId> = set.iter().map(|brick| brick.node).collect();
            if nodes.len() != set.len() {
                return Err(unrestored("a set of it has two bricks on one node"));
            }
        }
        let ids: BTreeSet<BrickId> = listed.iter().map(|brick| brick.brick).collect();
        let taken = ids.iter().find_map(|id| self.inventory.brick(*id));
        match taken.and_then(|brick| self.inventory.volume(brick.volume)) {
            Some(other) => Err(unrestored(format!(
                "volume {} lists a brick of it too",
                other.name
            ))),
            None if ids.len() != listed.len() => Err(unrestored("it lists a brick twice")),
            None => Ok(listed),
        }
    }

    fn listed_brick(&self, cluster: ClusterId, brick: &str) -> Result<Listed, String> {
        let strange = || format!("its brick {brick} is none that Mortar made");
        let (host, path) = address(brick).ok_or_else(strange)?;
        let node = self.node_called(cluster, host);
        let taken = || {
            let taken = self.taken_at(node?, path)?;
            Some((taken.device, taken.brick))
        };
        let (device, id) = read::brick_path(path).or_else(taken).ok_or_else(strange)?;
        let node = node.ok_or_else(|| {
            format!(
                "its brick {brick} is on a node of which nothing is known: let it answer and rebuild again"
            )
        })?;
        match self.inventory.device(device) {
            Some(known) if known.node == node => Ok(Listed {
                node,
                device,
                brick: id,
            }),
            Some(known) => Err(format!(
                "its brick {brick} is on a device that is on node {}",
                self.host(known.node)
            )),
            None => Err(format!(
                "its brick {brick} is on a device of which nothing is known"
            )),
        }
    }

    /// The node of a cluster that its pool knows by this name.
    pub(super) fn node_called(&self, cluster: ClusterId, host: &str) -> Option<NodeId> {
        // As it is written, most of the time.
        let exact = HostName::new(host).ok();
        let exact = exact.and_then(|host| self.inventory.node_by_host(&host));
        if let Some(node) = exact.filter(|node| node.cluster == cluster && node.storage.as_str() == host) {
            return Some(node.id);
        }
        let is = |name: &str| name.eq_ignore_ascii_case(host);
        let nodes = || self.inventory.nodes_of(cluster);
        let stores = nodes().find(|node| is(node.storage.as_str()));
        let known = || {
            nodes().find(|node| {
                let placed = self.placed.get(&node.id);
                is(node.manage.as_str())
                    || placed.is_some_and(|placed| placed.names.iter().any(|name| is(name)))
            })
        };
        stores.or_else(known).map(|node| node.id)
    }

    /// What is seen of a brick.
    pub(super) fn trace(&self, listed: Listed) -> Option<&Trace<'a>> {
        let machine = self.placed.get(&listed.node)?.machine?;
        self.traces.get((machine, listed.device, listed.brick))
    }
}
