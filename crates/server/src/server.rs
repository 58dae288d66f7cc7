//! The server as a whole: made from an engine, run on a listener, stopped gracefully.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::{Router, middleware};
use mortar_engine::Engine;
use mortar_heketi::WireError;
use mortar_heketi::token::Keys;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::http::answer::Plain;
use crate::http::limits::HttpLimits;
use crate::http::paths::Paths;
use crate::http::{connection, gate};
use crate::metrics::HttpMetrics;
use crate::routes;
use crate::state::{App, Shared};

/// How the door behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The keys that tokens are checked with; without them every request passes.
    pub keys: Option<Keys>,
    /// Bounds on what clients may ask.
    pub limits: HttpLimits,
}

/// The door for REST over one engine.
pub struct Server {
    app: App,
    router: Router,
}

impl Server {
    /// A door for this engine, not open yet.
    pub fn new(engine: Engine, options: Options) -> Self {
        let (router, document) = routes::routes().split_for_parts();
        let mut registry = Registry::default();
        engine.metrics().register(&mut registry);
        let app = Arc::new(Shared {
            engine,
            keys: options.keys,
            limits: options.limits,
            paths: Paths::new(document.paths.paths.keys().map(String::as_str)),
            metrics: HttpMetrics::new(&mut registry),
            registry,
            document: routes::text(&document),
            stopping: AtomicBool::new(false),
            ended: watch::Sender::new(false),
        });
        // The gate knows decoded paths; the router may still find none that is escaped in an unusual place.
        let router = router
            .fallback(|| async { Plain::from(WireError::InvalidPath) })
            .with_state(Arc::clone(&app))
            .layer(middleware::from_fn_with_state(Arc::clone(&app), gate::pass));
        Self { app, router }
    }

    /// Serves until `stop` completes. Then no new work is taken; what runs may end within `patience`, what is left
    /// then goes on after the next start; at last open connections end.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()> + Send, patience: Duration) {
        let Self { app, router } = self;
        let ended = app.ended.subscribe();
        let doors = connection::serve_all(&listener, router, &app.limits, ended);
        let stopping = async {
            stop.await;
            app.stopping.store(true, Ordering::Release);
            tracing::info!("stopping: no new work is taken");
            app.engine.stop(patience).await;
            app.ended.send_replace(true);
        };
        tokio::join!(doors, stopping);
        tracing::info!("stopped");
    }
}
