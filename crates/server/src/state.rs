//! What all requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mortar_engine::Engine;
use mortar_heketi::token::Keys;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::admin::{Admin, LogDial};
use crate::heketi::cleanup::Cleanups;
use crate::http::limits::HttpLimits;
use crate::http::paths::Paths;
use crate::metrics::HttpMetrics;
use crate::server::VolumeOptions;

/// What all requests share.
pub(crate) type App = Arc<Shared>;

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    /// None: every request passes, and tokens are not looked at.
    pub(crate) keys: Option<Keys>,
    pub(crate) limits: HttpLimits,
    pub(crate) admin: Arc<Admin>,
    pub(crate) log: Arc<LogDial>,
    pub(crate) volume_options: VolumeOptions,
    pub(crate) cleanups: Cleanups,
    pub(crate) paths: Paths,
    pub(crate) metrics: HttpMetrics,
    pub(crate) registry: Registry,
    /// The OpenAPI document, as it is answered.
    pub(crate) document: String,
    pub(crate) stopping: AtomicBool,
    /// Becomes true when nothing more is waited for.
    pub(crate) ended: watch::Sender<bool>,
}

impl Shared {
    /// Whether no new work is taken.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits for the end of the server.
    pub(crate) async fn end(&self) {
        // The sender lives in self: it cannot be gone.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }
}
