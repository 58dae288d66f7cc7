//! How the copies of volumes are: asked for one volume at a time, since each answer takes glusterd a mount of the volume.
//!
//! A pass goes over all volumes that keep copies, one after the other, by the clock; what it saw is kept and counted. Whoever
//! asks for one volume gets it fresh.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use mortar_command::query::heal_info::{self, BrickHeal};
use mortar_model::{NodeId, Volume, VolumeId};
use tokio::time::Instant;

use crate::drive::rest_or_halt;
use crate::engine::{Engine, Inner};
use crate::panics;
use crate::sight::ask_pool;

/// Longest wait for an answer: GlusterFS looks at each file that is to be healed before it gives one, so that it takes the longest
/// where most is to be told.
const PATIENCE: Duration = Duration::from_secs(300);

/// How the copies of a volume were when they were last asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealSight {
    /// What each brick lists, or why nobody tells.
    pub bricks: Result<Vec<BrickHeal>, String>,
    /// When it was asked, in milliseconds since 1970.
    pub looked_at: u64,
}

impl HealSight {
    /// What all bricks list together; a file that two of them hold for a third is listed by both.
    pub fn pending(&self) -> u64 {
        self.sum(|brick| brick.entries)
    }

    /// Those of them on whose content the copies do not agree.
    pub fn split_brain(&self) -> u64 {
        self.sum(|brick| brick.split_brain)
    }

    /// Whether a part of it is not known.
    pub fn in_the_dark(&self) -> bool {
        let known = |brick: &BrickHeal| brick.connected && brick.entries.is_some();
        !self.bricks.as_ref().is_ok_and(|bricks| bricks.iter().all(known))
    }

    fn sum(&self, of: impl Fn(&BrickHeal) -> Option<u64>) -> u64 {
        let bricks = self.bricks.iter().flatten();
        bricks.filter_map(of).sum()
    }
}

/// What was seen of all volumes.
#[derive(Debug, Default)]
pub(crate) struct Heals {
    seen: Mutex<BTreeMap<VolumeId, HealSight>>,
}

impl Heals {
    fn note(&self, id: VolumeId, sight: HealSight) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(id, sight);
    }

    /// Bricks that could not be asked, as GlusterFS calls them, by volume.
    pub(crate) fn unconnected(&self) -> Vec<(VolumeId, BTreeSet<String>)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let of_volume = |sight: &HealSight| -> BTreeSet<String> {
            let bricks = sight.bricks.iter().flatten();
            let silent = bricks.filter(|brick| !brick.connected);
            silent.map(|brick| brick.brick.clone()).collect()
        };
        let all = seen.iter().map(|(id, sight)| (*id, of_volume(sight)));
        all.filter(|(_, bricks)| !bricks.is_empty()).collect()
    }

    fn of(&self, id: VolumeId) -> Option<HealSight> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&id).cloned()
    }

    /// What is kept, of volumes that are still there.
    fn keep(&self, there: impl Fn(VolumeId) -> bool) -> BTreeMap<VolumeId, HealSight> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|id, _| there(*id));
        seen.clone()
    }
}

impl Engine {
    /// How the copies of a volume are now; no bricks where it keeps none. `None` when it is not known.
    pub async fn look_at_heal(&self, id: VolumeId) -> Option<HealSight> {
        let (volume, _) = recorded(&self.inner, id)?;
        if volume.durability.heals() {
            return look(&self.inner, id).await;
        }
        Some(HealSight {
            bricks: Ok(Vec::new()),
            looked_at: self.inner.clock.now_ms(),
        })
    }

    /// How the copies of a volume were when they were last asked for, by the clock or by somebody; `None` where they were not yet, or
    /// it keeps none.
    pub fn last_heal(&self, id: VolumeId) -> Option<HealSight> {
        self.inner.heals.of(id)
    }

    /// One pass over all volumes that keep copies, one after the other.
    pub async fn watch_heals(&self) {
        pass(&self.inner).await;
    }
}

fn recorded(inner: &Inner, id: VolumeId) -> Option<(Volume, Vec<NodeId>)> {
    let landscape = inner.landscape();
    let inventory = landscape.inventory();
    let volume = inventory.volume(id)?.clone();
    let nodes = inventory
        .bricks_of(id)
        .filter_map(|brick| inventory.node_of_brick(brick));
    let mut members: Vec<NodeId> = nodes.map(|node| node.id).collect();
    members.sort_unstable();
    members.dedup();
    Some((volume, members))
}

/// How the copies of a volume are now. `None` when it is not known.
pub(crate) async fn look(inner: &Inner, id: VolumeId) -> Option<HealSight> {
    let (volume, members) = recorded(inner, id)?;
    let batch = heal_info::ask(&inner.config.settings, &volume.name);
    let report = ask_pool(inner, &members, "ask for heal info", batch, PATIENCE).await;
    let sight = HealSight {
        bricks: heal_info::read(&report).map_err(|error| error.to_string()),
        looked_at: inner.clock.now_ms(),
    };
    inner.heals.note(id, sight.clone());
    Some(sight)
}

async fn pass(inner: &Inner) {
    let began = Instant::now();
    let due: Vec<VolumeId> = {
        let landscape = inner.landscape();
        let volumes = landscape.inventory().volumes();
        let heals = volumes.filter(|volume| volume.durability.heals());
        heals.map(|volume| volume.id).collect()
    };
    for id in due {
        if inner.is_halted() {
            return;
        }
        look(inner, id).await;
    }
    let named: Vec<(String, HealSight)> = {
        let landscape = inner.landscape();
        let inventory = landscape.inventory();
        let seen = inner.heals.keep(|id| inventory.volume(id).is_some());
        let named = seen.into_iter().filter_map(|(id, sight)| {
            let volume = inventory.volume(id)?;
            Some((volume.name.to_string(), sight))
        });
        named.collect()
    };
    inner
        .metrics
        .heals
        .show(named, inner.clock.now_ms(), began.elapsed());
}

/// Starts the passes; they go on until the engine is gone or halts.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    if let Some(interval) = inner.config.heal_interval {
        panics::keep(inner, "heals", move |engine| run(engine, interval));
    }
}

async fn run(engine: Weak<Inner>, interval: Duration) {
    loop {
        let Some(inner) = engine.upgrade() else { return };
        if rest_or_halt(inner, interval).await {
            return;
        }
        let Some(inner) = engine.upgrade() else { return };
        pass(&inner).await;
    }
}
