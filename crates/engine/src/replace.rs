//! Bricks that were lost for longer than was stated are replaced without anybody's help, where that was asked for.
//!
//! Who sets the time says in advance what is said with `--dead` else: that a node which did not answer for so long, or a disk
//! that was not there or could not be read for so long, does not come back with anything that the others lack. So it is done
//! only where the others can know: in sets of which a majority is left. One brick of a pool moves at a time, and only when a
//! look right before that shows its loss once more; and when two nodes of a pool are lost, or half of it, it may be this
//! server that is cut off, and nothing is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mortar_model::{Brick, BrickId, ClusterId, DeviceId, Durability, Inventory, NodeId, OperationId, State};

use crate::drive::rest_or_halt;
use crate::engine::{Engine, Inner};
use crate::losses::{Losses, Lost};
use crate::panics;
use crate::submit::OperationState;
use crate::tries::Tries;

/// Wait before a brick that could not move is tried again; each further one is twice as long.
const AGAIN: Duration = Duration::from_secs(600);
/// The longest of these waits.
const AGAIN_LONGEST: Duration = Duration::from_secs(6 * 3600);

/// Starts looking for what is lost until the engine is gone or halts; not at all where that is left to people.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    if inner.config.replace_after.is_some() {
        panics::keep(inner, "replacement", watch);
    }
}

/// What is remembered between two passes.
#[derive(Default)]
struct Memory {
    losses: Losses,
    /// The move that is under way in each pool.
    moves: BTreeMap<ClusterId, OperationId>,
    tried: Tries<BrickId>,
    /// Why nothing is replaced in a pool, as it was told last.
    told: BTreeMap<ClusterId, String>,
}

async fn watch(engine: Weak<Inner>) {
    let mut memory = Memory::default();
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let Some(after) = inner.config.replace_after else {
            return;
        };
        pass(&inner, after, &mut memory).await;
        let interval = inner.config.recovery_interval;
        if rest_or_halt(inner, interval).await {
            return;
        }
    }
}

async fn pass(inner: &Arc<Inner>, after: Duration, memory: &mut Memory) {
    memory.learn(inner);
    let engine = Engine {
        inner: Arc::clone(inner),
    };
    let clusters: Vec<ClusterId> = engine.view(|landscape| {
        let clusters = landscape.inventory().clusters();
        clusters.map(|cluster| cluster.id).collect()
    });
    memory.moves.retain(|cluster, _| clusters.contains(cluster));
    for cluster in clusters {
        if let Some(mover) = memory.moves.get(&cluster)
            && matches!(engine.operation(*mover), Some(OperationState::Open(_)))
        {
            continue;
        }
        memory.moves.remove(&cluster);
        match certain(inner, cluster, after, memory).await {
            Ok(Some(brick)) => replace(&engine, cluster, brick, memory).await,
            Ok(None) => {
                memory.told.remove(&cluster);
            }
            Err(why) => memory.tell(cluster, why),
        }
    }
}

impl Memory {
    /// Takes in what was seen last.
    fn learn(&mut self, inner: &Inner) {
        self.losses.learn(inner);
        let landscape = inner.landscape();
        self.tried
            .retain(|brick| landscape.inventory().brick(*brick).is_some());
    }

    fn tell(&mut self, cluster: ClusterId, why: String) {
        if self.told.get(&cluster) != Some(&why) {
            tracing::warn!(%cluster, reason = %why, "lost bricks are not replaced");
            self.told.insert(cluster, why);
        }
    }
}

/// The brick that is to be replaced now, after a look whether that with which it was lost is lost still.
///
/// # Errors
/// Something is lost, and nothing may be replaced; the text says why.
async fn certain(
    inner: &Arc<Inner>,
    cluster: ClusterId,
    after: Duration,
    memory: &mut Memory,
) -> Result<Option<Brick>, String> {
    let Some((lost, brick)) = next(inner, cluster, after, memory)? else {
        return Ok(None);
    };
    memory.losses.confirm(inner, lost, &brick).await;
    let again = next(inner, cluster, after, memory)?;
    Ok(again
        .filter(|again| *again == (lost, brick))
        .map(|(_, brick)| brick))
}

/// The brick that comes first of those that are lost for long enough, and with what it was lost.
///
/// # Errors
/// Something is lost, and nothing may be replaced; the text says why.
fn next(
    inner: &Inner,
    cluster: ClusterId,
    after: Duration,
    memory: &Memory,
) -> Result<Option<(Lost, Brick)>, String> {
    let landscape = inner.landscape();
    let inventory = landscape.inventory();
    let silent = landscape.unhealthy().filter(|node| {
        let known = inventory.node(*node);
        known.is_some_and(|known| known.cluster == cluster)
    });
    let silent: Vec<NodeId> = silent.collect();
    let members = inventory.nodes_of(cluster).count();
    if silent.len() > 1 || silent.len() * 2 >= members.max(1) {
        return Err(format!(
            "{} of {members} nodes do not answer: it may be this server that is cut off (mortar node drain --dead says which one is lost)",
            silent.len()
        ));
    }
    let nodes = silent
        .iter()
        .filter(|node| inner.silent_since(**node).elapsed() >= after)
        .map(|node| Lost::Node(*node));
    let lost = nodes.chain(memory.losses.lasting(after));
    let bricks = lost.flat_map(|lost| {
        let bricks = bricks_of(inventory, lost);
        bricks.into_iter().map(move |brick| (lost, brick))
    });
    let mut ripe = bricks.filter(|(_, brick)| {
        let volume = inventory.volume(brick.volume);
        volume.is_some_and(|volume| volume.cluster == cluster && has_majority(volume.durability))
            && landscape
                .holder(mortar_plan::Subject::Volume(brick.volume))
                .is_none()
            && memory.tried.may(&brick.id)
    });
    Ok(ripe.next())
}

/// Bricks of what is lost, where nobody said that it is to be left as it is.
fn bricks_of(inventory: &Inventory, lost: Lost) -> Vec<Brick> {
    let on = |device: DeviceId| inventory.bricks_on(device).cloned();
    let bricks: Vec<Brick> = match lost {
        Lost::Node(node) => {
            let devices = inventory.devices_of(node);
            devices.flat_map(|device| on(device.id)).collect()
        }
        Lost::Device(device) => on(device).collect(),
        Lost::Brick(brick) => inventory.brick(brick).cloned().into_iter().collect(),
    };
    let online = |brick: &Brick| {
        let device = inventory.device(brick.device);
        let node = device.and_then(|device| inventory.node(device.node));
        device.is_some_and(|device| device.state == State::Online)
            && node.is_some_and(|node| node.state == State::Online)
    };
    bricks.into_iter().filter(online).collect()
}

/// Whether the others of a set know all that was ever acknowledged, when one of them is lost.
const fn has_majority(durability: Durability) -> bool {
    match durability {
        Durability::None => false,
        Durability::Replicate(copies) => copies >= 3,
        Durability::Arbiter | Durability::Disperse(_) => true,
    }
}

async fn replace(engine: &Engine, cluster: ClusterId, brick: Brick, memory: &mut Memory) {
    memory.tried.begin(brick.id, AGAIN, AGAIN_LONGEST);
    match engine.evict_brick(brick.id, true).await {
        Ok(operation) => {
            tracing::warn!(brick = %brick.id, %operation, "brick is lost for longer than was stated; it is replaced");
            engine.inner.metrics.replaced.inc();
            memory.moves.insert(cluster, operation);
        }
        Err(error) => memory.tell(cluster, format!("brick {}: {error}", brick.id)),
    }
}
