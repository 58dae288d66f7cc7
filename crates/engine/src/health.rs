//! Which nodes answer: placement leaves out those that do not, and operations that wait for one are woken when it
//! is back. Also forgets operations that ended long ago.
//!
//! These tasks take no input: the same pass on a timer, whatever happened before.

use std::sync::{Arc, Weak};

use futures::stream::{self, StreamExt as _};
use mortar_command::query;
use mortar_model::{ClusterId, NodeId, OperationId};
use mortar_store::{Durability, Kind, Write};
use tokio::time::Instant;

use crate::drive::{Handle, rest_or_halt};
use crate::engine::Inner;
use crate::panics;
use crate::{act, away, nobody};

/// Nodes that are asked side by side.
const WIDTH: usize = 16;
/// Peers that are asked whether they have found a node again.
const PEERS_ASKED: usize = 8;
/// Ended operations that are forgotten in one transaction.
const FORGET_AT_ONCE: usize = 1000;

/// Starts looking after nodes until the engine is gone or halts.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    panics::keep(inner, "node watch", watch);
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
        let interval = inner.config.recovery_interval;
        if rest_or_halt(inner, interval).await {
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
                let own = query::pool::read(&report).unwrap_or_default();
                if found_by_peers(inner, node, &own).await {
                    inner.note_health(node, true, "");
                } else {
                    inner.note_health(node, false, nobody::WHY);
                }
            } else if let Some(reason) = &report.broken {
                inner.note_health(node, false, reason);
            }
        })
        .await;
}

/// Whether the pool has found a node again that did not answer before: its glusterd answers us some seconds before
/// that of its peers is connected to it, and until then they refuse bricks there. A new machine under the node's name is another
/// glusterd to them, connected or not; it counts nobody but itself, and may have come unnoticed.
async fn found_by_peers(inner: &Inner, node: NodeId, own: &[query::pool::Member]) -> bool {
    let (found, peers, lonely) = {
        let landscape = inner.landscape();
        let inventory = landscape.inventory();
        let lonely = nobody::lacks_peers(&landscape, node, own);
        let doubtful = lonely || !landscape.is_healthy(node);
        let Some(found) = inventory.node(node).filter(|_| doubtful) else {
            return true;
        };
        let healthy = inventory
            .nodes_of(found.cluster)
            .map(|peer| peer.id)
            .filter(|peer| *peer != node && landscape.is_healthy(*peer));
        let healthy: Vec<NodeId> = healthy.take(PEERS_ASKED).collect();
        (found.clone(), healthy, lonely)
    };
    let mut told = false;
    let batch = query::pool::ask(&inner.config.settings);
    for peer in peers {
        let report = away::ask(inner, peer, &batch, "ask for the pool").await;
        let Ok(members) = query::pool::read(&report) else {
            continue;
        };
        told = true;
        let apart = |member: &query::pool::Member| member.is_called(&found) && !member.connected;
        if members.iter().any(apart) || nobody::is_other(&found, own, &members) {
            tracing::debug!(%node, %peer, "node answers, but its peer has not found it again yet");
            return false;
        }
    }
    told || !lonely
}

impl Inner {
    /// Notes whether a node answers, and wakes what may wait for it when it is back.
    pub(crate) fn note_health(&self, node: NodeId, healthy: bool, reason: &str) {
        let (cluster, count) = {
            let mut landscape = self.landscape();
            let changed = landscape.is_healthy(node) != healthy;
            let cluster = landscape.inventory().node(node).map(|node| node.cluster);
            let Some(cluster) = cluster.filter(|_| changed) else {
                return;
            };
            landscape.set_healthy(node, healthy);
            (cluster, landscape.unhealthy().count())
        };
        self.metrics
            .unhealthy
            .set(i64::try_from(count).unwrap_or(i64::MAX));
        if healthy {
            self.silent().remove(&node);
            self.may_differ.notify_one();
            tracing::info!(%node, "node answers again");
            self.reconciler.node_came_back();
            self.wake(node, cluster);
        } else {
            self.silent().insert(node, tokio::time::Instant::now());
            self.proven.forget(node);
            tracing::warn!(%node, reason, "node does not answer; it gets no new bricks");
        }
    }
}

impl Inner {
    /// Takes up operations that may have waited for this node.
    pub(crate) fn wake(&self, node: NodeId, cluster: ClusterId) {
        let open: Vec<Arc<Handle>> = self.operations().open.values().cloned().collect();
        for handle in open.iter().filter(|handle| handle.may_need(node, cluster)) {
            handle.nudge();
        }
    }
}

async fn forget_old(inner: &Inner) {
    let old: Vec<OperationId> = inner.operations().ended.over(FORGET_AT_ONCE);
    if old.is_empty() {
        return;
    }
    let writes = old.iter().map(|id| Write::delete(Kind::Ended, id)).collect();
    match inner.write(writes, Durability::Lazy).await {
        Ok(()) => inner.operations().forget(&old),
        Err(error) => tracing::warn!(%error, "cannot forget old operations"),
    }
}
