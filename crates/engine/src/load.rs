//! How much there is to do: what waits, what runs, and the bounds.

use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::SemaphorePermit;

use crate::engine::{Engine, Inner};

/// How much the engine has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Operations that have a place within the limit: those that wait for their turn or for attention included, those that
    /// wait for nodes that are away not. (The metric `mortar_operations_open` counts these, too.)
    pub open: usize,
    /// As many may have a place.
    pub open_limit: usize,
    /// Operations that run.
    pub running: usize,
    /// As many may run side by side.
    pub running_limit: usize,
    /// Operations that wait for their turn.
    pub waiting: usize,
    /// Operations that wait for somebody.
    pub attention: usize,
    /// Changes that wait for their pool's turn.
    pub pool_waiting: usize,
}

impl Engine {
    /// How much there is to do now.
    pub fn load(&self) -> Load {
        let inner = &self.inner;
        let of = |gauge: &Gauge| usize::try_from(gauge.get()).unwrap_or(0);
        Load {
            open: inner.admission.taken(),
            open_limit: inner.admission.limit(),
            running: of(&inner.metrics.running),
            running_limit: inner.config.running_max.max(1),
            waiting: of(&inner.metrics.waiting),
            attention: of(&inner.metrics.attention),
            pool_waiting: of(&inner.metrics.pool_waiting),
        }
    }
}

/// An operation's turn to run.
pub(crate) struct Turn<'a> {
    _counted: Counted,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Inner {
    /// Waits for a turn; first come, first served.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let waiting = Counted::new(&self.metrics.waiting);
        // Never closed.
        let permit = self.running.acquire().await.ok();
        drop(waiting);
        Turn {
            _counted: Counted::new(&self.metrics.running),
            _permit: permit,
        }
    }
}

/// One that a gauge counts until it is dropped, also when what it stands for is cancelled or panics.
#[derive(Debug)]
pub(crate) struct Counted(Gauge);

impl Counted {
    pub(crate) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
