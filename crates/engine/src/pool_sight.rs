//! Thin pools that may promise more than they have: looked at more often than all else, and before bricks are given to them. One that
//! runs full stops all its bricks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use mortar_command::query::survey;
use mortar_model::{Device, DeviceId, NodeId};
use mortar_survey::pool_fills;
use tokio::time::Instant;

use crate::drive::rest_or_halt;
use crate::engine::Inner;
use crate::{away, check, panics};

/// Nodes that are asked side by side.
const WIDTH: usize = 16;
/// How old a look may be on which bricks are given to a pool.
const FRESH: Duration = Duration::from_secs(10);

/// When pools were looked at last.
#[derive(Default)]
pub(crate) struct PoolSight(Mutex<BTreeMap<DeviceId, Instant>>);

impl PoolSight {
    fn seen(&self) -> MutexGuard<'_, BTreeMap<DeviceId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at all of them by the clock, until the engine is gone or halts.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    panics::keep(inner, "pool watch", watch);
}

async fn watch(engine: Weak<Inner>) {
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let interval = inner.config.pool_interval;
        if rest_or_halt(inner, interval).await {
            return;
        }
        let Some(inner) = engine.upgrade() else { return };
        let pools: Vec<Device> = inner.landscape().inventory().overcommitted().cloned().collect();
        let there: BTreeSet<DeviceId> = pools.iter().map(|device| device.id).collect();
        inner.pool_sight.seen().retain(|id, _| there.contains(id));
        look(&inner, pools).await;
    }
}

/// Looks at those of these devices that have such a pool, where the last look is not fresh. Answers whether there was one.
pub(crate) async fn refresh(inner: &Inner, devices: impl Iterator<Item = DeviceId>) -> bool {
    let ids: BTreeSet<DeviceId> = devices.collect();
    let pools: Vec<Device> = {
        let landscape = inner.landscape();
        let devices = landscape.inventory().overcommitted();
        devices
            .filter(|device| ids.contains(&device.id))
            .cloned()
            .collect()
    };
    let stale: Vec<Device> = {
        let seen = inner.pool_sight.seen();
        let is_fresh = |device: &Device| seen.get(&device.id).is_some_and(|at| at.elapsed() < FRESH);
        pools.into_iter().filter(|device| !is_fresh(device)).collect()
    };
    let any = !stale.is_empty();
    look(inner, stale).await;
    any
}

/// A node that does not answer tells nothing new.
async fn look(inner: &Inner, devices: Vec<Device>) {
    let mut nodes = BTreeMap::<NodeId, Vec<Device>>::new();
    for device in devices {
        nodes.entry(device.node).or_default().push(device);
    }
    stream::iter(nodes)
        .for_each_concurrent(WIDTH, |(node, devices)| async move {
            let batch = survey::ask_volumes(&inner.config.settings);
            let report = away::ask(inner, node, &batch, "ask how full pools are").await;
            match survey::read_volumes(&report) {
                Ok(volumes) => {
                    check::learn_stops(inner, &pool_fills(devices.iter(), &volumes));
                }
                Err(error) => tracing::debug!(%node, %error, "cannot tell how full pools are"),
            }
            let now = Instant::now();
            inner
                .pool_sight
                .seen()
                .extend(devices.iter().map(|device| (device.id, now)));
        })
        .await;
}
