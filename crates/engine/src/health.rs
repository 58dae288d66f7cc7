//! Which nodes answer: placement leaves out those that do not, and operations that wait for one are woken when it
//! is back. Also forgets operations that ended long ago.
//!
//! These tasks take no input: the same pass on a timer, whatever happened before.

use std::sync::{Arc, Weak};
use std::time::Instant;

use futures::stream::{self, StreamExt as _};
use mortar_command::query;
use mortar_model::{NodeId, OperationId};
use mortar_store::{Durability, Kind, Write};

use crate::act;
use crate::drive::Handle;
use crate::engine::Inner;

/// Nodes that are asked side by side.
const WIDTH: usize = 16;
/// Ended operations that are forgotten in one transaction.
const FORGET_AT_ONCE: usize = 1000;

/// Starts looking after nodes until the engine is gone or halts.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    let weak = Arc::downgrade(inner);
    tokio::spawn(watch(weak));
}

async fn watch(engine: Weak<Inner>) {
    let mut last_full: Option<Instant> = None;
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let full = last_full.is_none_or(|at| at.elapsed() >= inner.config.health_interval);
        if full {
            last_full = Some(Instant::now());
        }
        ask(&inner, full).await;
        forget_old(&inner).await;
        let (interval, halt) = (inner.config.recovery_interval, Arc::clone(&inner.halt));
        let halted = halt.notified();
        if inner.is_halted() {
            return;
        }
        // An engine that nobody has any more must not live on for the length of the wait.
        drop(inner);
        if tokio::time::timeout(interval, halted).await.is_ok() {
            return;
        }
    }
}

/// Asks nodes whether glusterd runs: all of them, or those that did not answer last.
async fn ask(inner: &Inner, all: bool) {
    let nodes: Vec<NodeId> = {
        let landscape = inner.landscape();
        if all {
            landscape.inventory().nodes().map(|node| node.id).collect()
        } else {
            landscape.unhealthy().collect()
        }
    };
    let batch = query::glusterd::ask(&inner.config.settings);
    let batch = &batch;
    stream::iter(nodes)
        .for_each_concurrent(WIDTH, |node| async move {
            // One node that is stuck must not keep the others from being asked. That no answer came in time says
            // nothing of it: it may be at work for many operations.
            let answer = act::run(inner, node, batch, "ask for glusterd");
            let Ok(report) = tokio::time::timeout(inner.config.patience, answer).await else {
                tracing::warn!(%node, "node was asked for glusterd and has not answered yet");
                return;
            };
            if query::glusterd::read(&report).is_ok_and(|running| running) {
                inner.note_health(node, true, "");
            } else if let Some(reason) = &report.broken {
                inner.note_health(node, false, reason);
            }
        })
        .await;
}

impl Inner {
    /// Notes whether a node answers, and wakes what may wait for it when it is back.
    pub(crate) fn note_health(&self, node: NodeId, healthy: bool, reason: &str) {
        let (changed, count) = {
            let mut landscape = self.landscape();
            let changed = landscape.is_healthy(node) != healthy && landscape.inventory().node(node).is_some();
            if changed {
                landscape.set_healthy(node, healthy);
            }
            (changed, landscape.unhealthy().count())
        };
        if !changed {
            return;
        }
        self.metrics
            .unhealthy
            .set(i64::try_from(count).unwrap_or(i64::MAX));
        if healthy {
            tracing::info!(%node, "node answers again");
            let waiting: Vec<Arc<Handle>> = self.operations().open.values().cloned().collect();
            for handle in waiting {
                handle.nudge();
            }
        } else {
            tracing::warn!(%node, reason, "node does not answer; it gets no new bricks");
        }
    }
}

async fn forget_old(inner: &Inner) {
    let keep = u64::try_from(inner.config.keep_ended.as_millis()).unwrap_or(u64::MAX);
    let horizon = inner.clock.now_ms().saturating_sub(keep);
    let old: Vec<OperationId> = {
        let operations = inner.operations();
        let old = operations.ended.iter().take_while(|(ended, _)| *ended < horizon);
        old.take(FORGET_AT_ONCE).map(|(_, id)| *id).collect()
    };
    if old.is_empty() {
        return;
    }
    let writes = old.iter().map(|id| Write::delete(Kind::Ended, id)).collect();
    match inner.write(writes, Durability::Lazy).await {
        Ok(()) => drop(inner.operations().ended.drain(..old.len())),
        Err(error) => tracing::warn!(%error, "cannot forget old operations"),
    }
}
