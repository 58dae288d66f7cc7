//! The queue before each pool's lock.
//!
//! glusterd takes a lock over the whole trusted pool for every change, and answers those who come meanwhile with an
//! error. A few changes side by side still pay, since a part of each is done outside the lock; more than a few
//! only make each other retry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mortar_model::ClusterId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One gate per pool.
#[derive(Debug)]
pub(crate) struct Gates {
    width: usize,
    gates: Mutex<HashMap<ClusterId, Arc<Semaphore>>>,
}

impl Gates {
    /// Gates through which `width` changes of a pool pass side by side.
    pub(crate) fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            gates: Mutex::new(HashMap::new()),
        }
    }

    /// Waits in line for the pool's turn; first come, first served.
    pub(crate) async fn enter(&self, pool: ClusterId) -> Option<OwnedSemaphorePermit> {
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(
                gates
                    .entry(pool)
                    .or_insert_with(|| Arc::new(Semaphore::new(self.width))),
            )
        };
        gate.acquire_owned().await.ok()
    }
}
