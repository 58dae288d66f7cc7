//! The records beside what was seen: every difference, with its proof.
//!
//! Three rules keep it honest. What could not be asked is unknown, and nothing of it is called missing. What operations
//! had to do with while the nodes were asked is left out, and counted. And a thing whose ground is gone is not told of again:
//! a device that is missing stands for its bricks, a brick that is not mounted for its folder.

mod adopted;
mod block;
mod brick;
mod copy;
mod device;
mod node;
mod orphan;
mod peer;
mod pool;
mod sight;
mod volume;

use std::collections::BTreeSet;

use mortar_model::layout::read;
use mortar_model::{
    Brick, BrickId, ClusterId, Device, DeviceId, DeviceKind, Inventory, NodeId, Volume, VolumeId,
};
use mortar_plan::{Involved, Subject as Thing};

use crate::Scan;
use crate::finding::Finding;
use sight::Sight;

/// From when on something is worth a warning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Fill of a thin pool, in per cent.
    pub pool_fill: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { pool_fill: 80.0 }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drift {
    /// The differences, by kind and name.
    pub findings: Vec<Finding>,
    /// Differences that are not among them, because operations had to do with their things meanwhile.
    pub left_out: usize,
}

/// Compares the records with what was seen. `involved` is what operations had to do with at any time since the first node
/// was asked; the records are those of now.
pub fn drift(inventory: &Inventory, involved: &Involved, scan: &Scan, limits: Limits) -> Drift {
    let ground = Ground {
        inventory,
        scan,
        limits,
        listed: listed(scan),
    };
    let mut found = Found {
        involved,
        drift: Drift::default(),
        ids: BTreeSet::new(),
    };
    for node in inventory.nodes() {
        match scan.nodes.get(&node.id) {
            None => {}
            Some(Err(reason)) => node::silent(node, reason, &mut found),
            Some(Ok(survey)) => {
                let sight = Sight::new(node, survey);
                node::compare(&ground, &sight, &mut found);
                let devices = device::compare(&ground, &sight, &mut found);
                for device in &devices {
                    if device.kind == DeviceKind::Adopted {
                        adopted::compare(&ground, &sight, device, &mut found);
                        continue;
                    }
                    brick::compare(&ground, &sight, device, &mut found);
                    copy::compare(&ground, &sight, device, &mut found);
                }
                orphan::compare(&ground, &sight, &devices, &mut found);
            }
        }
    }
    for cluster in inventory.clusters() {
        peer::compare(&ground, cluster.id, &mut found);
        volume::compare(&ground, cluster.id, &mut found);
        block::compare(&ground, cluster.id, &mut found);
    }
    let mut drift = found.drift;
    let order = |finding: &Finding| (finding.kind, finding.subject.name.clone(), finding.id());
    drift.findings.sort_by_cached_key(order);
    drift
}

/// Bricks that any volume of any pool names.
fn listed(scan: &Scan) -> BTreeSet<BrickId> {
    let pools = scan.pools.values().filter_map(|pool| pool.as_ref().ok());
    let bricks = pools.flatten().flat_map(|volume| &volume.bricks);
    bricks
        .filter_map(|brick| brick.split_once(':'))
        .filter_map(|(_, path)| read::brick_path(path))
        .map(|(_, brick)| brick)
        .collect()
}

/// What everything is compared with.
struct Ground<'a> {
    inventory: &'a Inventory,
    scan: &'a Scan,
    limits: Limits,
    listed: BTreeSet<BrickId>,
}

impl Ground<'_> {
    /// Whether the pool told of its volumes.
    fn has_told(&self, cluster: ClusterId) -> bool {
        matches!(self.scan.pools.get(&cluster), Some(Ok(_)))
    }

    /// Whether the pool told that the volume is not started.
    fn is_stopped(&self, volume: &Volume) -> bool {
        let told = self
            .scan
            .pools
            .get(&volume.cluster)
            .and_then(|pool| pool.as_ref().ok());
        told.into_iter()
            .flatten()
            .any(|info| info.name == volume.name.as_str() && !info.started())
    }
}

/// A thing that a finding has to do with: while an operation has to do with it too, the finding waits.
#[derive(Clone, Copy, Debug)]
enum About<'a> {
    Thing(Thing),
    Brick(BrickId),
    Name(ClusterId, &'a str),
    /// A block volume on the volume that holds it.
    Block(VolumeId, &'a str),
    /// Any block volume on that volume.
    Blocks(VolumeId),
    Host(&'a str),
    Path(NodeId, &'a str),
    /// How much of a device is taken.
    Room(DeviceId),
}

/// A brick, and what it is of and on.
fn about_brick(brick: &Brick, device: &Device) -> [About<'static>; 4] {
    [
        About::Brick(brick.id),
        About::Thing(Thing::Volume(brick.volume)),
        About::Thing(Thing::Device(device.id)),
        About::Thing(Thing::Node(device.node)),
    ]
}

/// The findings so far.
struct Found<'a> {
    involved: &'a Involved,
    drift: Drift,
    ids: BTreeSet<String>,
}

impl Found<'_> {
    /// Adds a finding, unless operations have to do with something of it. What two nodes show of one thing counts once.
    fn add(&mut self, about: &[About<'_>], finding: Finding) {
        if !self.ids.insert(finding.id()) {
            return;
        }
        if about.iter().any(|about| self.is_involved(*about)) {
            self.drift.left_out += 1;
        } else {
            self.drift.findings.push(finding);
        }
    }

    fn is_involved(&self, about: About<'_>) -> bool {
        let involved = self.involved;
        match about {
            About::Thing(thing) => involved.things.contains(&thing),
            About::Brick(brick) => involved.bricks.contains(&brick),
            About::Room(device) => involved.rooms.contains(&device),
            About::Name(cluster, name) => {
                let mut names = involved.names.iter();
                names.any(|(other, taken)| *other == cluster && taken.as_str() == name)
            }
            About::Block(hosting, name) => {
                let mut blocks = involved.blocks.iter();
                blocks.any(|(on, taken)| *on == hosting && taken.as_str() == name)
            }
            About::Blocks(hosting) => involved.blocks.iter().any(|(on, _)| *on == hosting),
            About::Host(host) => involved
                .hosts
                .iter()
                .any(|taken| taken.as_str().eq_ignore_ascii_case(host)),
            About::Path(node, path) => {
                let mut paths = involved.paths.iter();
                paths.any(|(other, taken)| *other == node && taken.as_str() == path)
            }
        }
    }
}
