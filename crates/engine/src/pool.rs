//! The queue before each pool's lock, and who may be asked about a pool.
//!
//! glusterd takes a lock over the whole trusted pool for every change, and answers those who come meanwhile with an
//! error. A few changes side by side still pay, since a part of each is done outside the lock; more than a few
//! only make each other retry.
//!
//! A member that leaves its pool knows nothing of it from some moment within the command that detaches it. So it leaves
//! when nobody asks it about the pool any more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mortar_model::{ClusterId, NodeId};
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock, Semaphore};

use crate::load::Counted;

/// One gate per pool.
#[derive(Debug)]
pub(crate) struct Gates {
    width: usize,
    /// Counts those that wait.
    waiting: Gauge,
    gates: Mutex<HashMap<ClusterId, Arc<Semaphore>>>,
    members: Mutex<HashMap<NodeId, Arc<RwLock<()>>>>,
    kept: Mutex<HashMap<NodeId, (u64, OwnedSemaphorePermit)>>,
    kept_so_far: AtomicU64,
}

impl Gates {
    /// Gates through which `width` changes of a pool pass side by side.
    pub(crate) fn new(width: usize, waiting: Gauge) -> Self {
        Self {
            width: width.max(1),
            waiting,
            gates: Mutex::new(HashMap::new()),
            members: Mutex::new(HashMap::new()),
            kept: Mutex::new(HashMap::new()),
            kept_so_far: AtomicU64::new(0),
        }
    }

    fn member(&self, node: NodeId) -> Arc<RwLock<()>> {
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(members.entry(node).or_default())
    }

    /// A member is asked about its pool, for as long as the answer is held.
    pub(crate) async fn ask(&self, node: NodeId) -> OwnedRwLockReadGuard<()> {
        self.member(node).read_owned().await
    }

    /// Waits until nobody asks this member any more. Those who come after it must see that it leaves.
    pub(crate) async fn leave(&self, node: NodeId) -> OwnedRwLockWriteGuard<()> {
        self.member(node).write_owned().await
    }

    /// Waits in line until no change of the pool is under way, and lets none begin while the answer is held.
    pub(crate) async fn alone(&self, pool: ClusterId) -> Option<OwnedSemaphorePermit> {
        let _waits = Counted::new(&self.waiting);
        let all = u32::try_from(self.width).unwrap_or(u32::MAX);
        self.gate(pool).acquire_many_owned(all).await.ok()
    }

    /// Keeps the pool's turn for whoever changes this member next, so that what was decided while nothing changed is done
    /// while nothing has. The answer is what [`Self::give_up`] wants.
    pub(crate) fn keep(&self, node: NodeId, turn: OwnedSemaphorePermit) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.kept_so_far.fetch_add(1, Ordering::Relaxed);
        kept.insert(node, (number, turn));
        number
    }

    /// The turn that was kept for this member.
    pub(crate) fn kept(&self, node: NodeId) -> Option<OwnedSemaphorePermit> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&node).map(|(_, turn)| turn)
    }

    /// Gives a turn back that nobody came for.
    pub(crate) fn give_up(&self, node: NodeId, number: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.get(&node).is_some_and(|(of, _)| *of == number) {
            kept.remove(&node);
        }
    }

    /// Waits in line for the pool's turn; first come, first served.
    pub(crate) async fn enter(&self, pool: ClusterId) -> Option<OwnedSemaphorePermit> {
        let _waits = Counted::new(&self.waiting);
        self.gate(pool).acquire_owned().await.ok()
    }

    fn gate(&self, pool: ClusterId) -> Arc<Semaphore> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Arc::new(Semaphore::new(self.width));
        Arc::clone(gates.entry(pool).or_insert_with(fresh))
    }
}
