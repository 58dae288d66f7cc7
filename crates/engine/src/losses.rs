//! What is lost, and since when: devices and bricks, as checks and questions for what is to be healed told it one after the
//! other.
//!
//! Both look every few minutes. So what they told last says how long something was seen to be lost, and never that it still
//! is: before anything follows from it, [`Losses::confirm`] asks anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mortar_model::work::BrickAddress;
use mortar_model::{Brick, BrickId, DeviceId, NodeId};
use mortar_plan::Landscape;
use mortar_survey::{Finding, Kind};
use tokio::time::Instant;

use crate::check::check;
use crate::engine::Inner;
use crate::heal;

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lost {
    /// A node that does not answer.
    Node(NodeId),
    /// A device that is not there, or that cannot be read.
    Device(DeviceId),
    /// A brick whose file system cannot be read, or whose process does not run though its node answers.
    Brick(BrickId),
}

/// Devices and bricks that are lost, and since when that was seen each time. After a restart all counts from the beginning:
/// that is late, never early.
#[derive(Default)]
pub(crate) struct Losses(BTreeMap<Lost, Instant>);

impl Losses {
    /// Takes in what was seen last.
    pub(crate) fn learn(&mut self, inner: &Inner) {
        let last = inner.checks.last();
        let found = last.iter().flat_map(|check| &check.findings);
        let mut lost: BTreeSet<Lost> = found.filter_map(lost_by).collect();
        lost.extend(unconnected(inner));
        self.0.retain(|known, _| lost.contains(known));
        for one in lost {
            self.0.entry(one).or_insert_with(Instant::now);
        }
    }

    /// Those that were seen to be lost for at least so long.
    pub(crate) fn lasting(&self, time: Duration) -> impl Iterator<Item = Lost> {
        let lasting = self.0.iter().filter(move |(_, since)| since.elapsed() >= time);
        lasting.map(|(lost, _)| *lost)
    }

    /// Has a look whether it is lost still; what is not is forgotten. A node that does not answer is asked all the time.
    pub(crate) async fn confirm(&mut self, inner: &Arc<Inner>, lost: Lost, brick: &Brick) {
        match lost {
            Lost::Node(_) => return,
            Lost::Device(_) => drop(check(inner).await),
            Lost::Brick(_) => {
                drop(check(inner).await);
                heal::look(inner, brick.volume).await;
            }
        }
        self.learn(inner);
    }
}

/// What such a finding says to be lost.
fn lost_by(finding: &Finding) -> Option<Lost> {
    let id = &finding.subject.id;
    match finding.kind {
        Kind::DeviceMissing | Kind::DeviceUnreadable => id.parse().ok().map(Lost::Device),
        Kind::BrickUnreadable => id.parse().ok().map(Lost::Brick),
        _ => None,
    }
}

/// Bricks that the others of their volumes did not reach, on nodes that answer.
fn unconnected(inner: &Inner) -> Vec<Lost> {
    let seen = inner.heals.unconnected();
    if seen.is_empty() {
        return Vec::new();
    }
    let landscape = &*inner.landscape();
    let inventory = landscape.inventory();
    let bricks = seen.iter().flat_map(|(volume, names)| {
        let bricks = inventory.bricks_of(*volume);
        bricks.filter(move |brick| {
            let name = name_at_healthy_node(landscape, brick);
            name.is_some_and(|name| names.contains(&name))
        })
    });
    bricks.map(|brick| Lost::Brick(brick.id)).collect()
}

/// What GlusterFS calls the brick; nothing when its node does not answer.
fn name_at_healthy_node(landscape: &Landscape, brick: &Brick) -> Option<String> {
    let node = landscape.inventory().node_of_brick(brick)?;
    landscape
        .is_healthy(node.id)
        .then(|| BrickAddress::of(brick, node).to_string())
}
