//! Batches on simulated nodes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use mortar_argv::{Batch, Report};
use mortar_simulator::World;

use crate::Hosts;

/// Runs batches in a simulated [`World`]. Clones share it.
#[derive(Clone, Debug)]
pub struct SimHosts {
    world: Arc<Mutex<World>>,
    latency: Duration,
}

impl SimHosts {
    /// Nodes of `world`, which answer at once.
    pub fn new(world: World) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
            latency: Duration::ZERO,
        }
    }

    /// Makes each batch take this long before its commands are run: what runs side by side on the runtime's
    /// clock is then seen to do so. A batch that is dropped before that was not run.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Looks at the world or changes it, between two batches. Must not be called from within `work`.
    pub fn world<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        // A panic in a test's closure leaves a world that others may still look at.
        work(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Hosts for SimHosts {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            if batch.items().is_empty() {
                return Report::default();
            }
            if !self.latency.is_zero() {
                tokio::time::sleep(self.latency).await;
            }
            self.world(|world| world.run(host, batch))
        }
        .boxed()
    }
}
