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
use utoipa::openapi::OpenApi;

use crate::admin::{Admin, LogDial};
use crate::heketi::cleanup::Cleanups;
use crate::http::answer::Plain;
use crate::http::limits::HttpLimits;
use crate::http::paths::Paths;
use crate::http::{connection, gate};
use crate::inside::Inside;
use crate::metrics::HttpMetrics;
use crate::state::{App, Shared};
use crate::tls::Tls;
use crate::{old_metrics, routes};

/// Options that are added to those of each request for a volume on Heketi's route, before and after them: of two equal names the last
/// one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeOptions {
    /// Before those of the request.
    pub before: Vec<String>,
    /// After them.
    pub after: Vec<String>,
}

impl VolumeOptions {
    pub(crate) fn around(&self, asked: Vec<String>) -> Vec<String> {
        let (before, after) = (self.before.iter().cloned(), self.after.iter().cloned());
        before.chain(asked).chain(after).collect()
    }
}

/// How the door behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The keys that tokens are checked with; without them every request passes.
    pub keys: Option<Keys>,
    /// Bounds on what clients may ask.
    pub limits: HttpLimits,
    /// The certificate; without one, plain HTTP is spoken.
    pub tls: Option<Arc<Tls>>,
    /// Whom the server serves.
    pub admin: Arc<Admin>,
    /// How much it logs.
    pub log: Arc<LogDial>,
    /// What is added to requests for volumes.
    pub volume_options: VolumeOptions,
}

/// The door for REST over one engine.
pub struct Server {
    app: App,
    router: Router,
    tls: Option<Arc<Tls>>,
}

/// What all requests share, for these routes.
fn share(engine: Engine, options: Options, document: &OpenApi) -> App {
    let mut registry = Registry::default();
    engine.metrics().register(&mut registry);
    old_metrics::register(&mut registry, &engine);
    Arc::new(Shared {
        cleanups: Cleanups::default(),
        admin: options.admin,
        log: options.log,
        volume_options: options.volume_options,
        engine,
        keys: options.keys,
        limits: options.limits,
        paths: Paths::new(document.paths.paths.keys().map(String::as_str)),
        metrics: HttpMetrics::new(&mut registry),
        registry,
        document: routes::text(document),
        stopping: AtomicBool::new(false),
        ended: watch::Sender::new(false),
    })
}

fn behind_gate(router: Router<App>, app: &App) -> Router {
    let gate = middleware::from_fn_with_state(Arc::clone(app), gate::pass);
    router.with_state(Arc::clone(app)).layer(gate)
}

impl Server {
    /// A door for this engine, not open yet.
    pub fn new(engine: Engine, options: Options) -> Self {
        let (router, document) = routes::routes().split_for_parts();
        let tls = options.tls.clone();
        let app = share(engine, options, &document);
        // The gate knows decoded paths; the router may still find none that is escaped in an unusual place.
        let router = router.fallback(|| async { Plain::from(WireError::InvalidPath) });
        let router = behind_gate(router, &app);
        Self { app, router, tls }
    }

    /// Its routes for a door in this process.
    pub fn inside(&self) -> Inside {
        Inside::new(self.router.clone())
    }

    /// Serves until `stop` completes. Then no new work is taken; what runs may end within `patience`, what is left
    /// then goes on after the next start; at last open connections end.
    pub async fn run(self, listener: TcpListener, stop: impl Future<Output = ()> + Send, patience: Duration) {
        let Self { app, router, tls } = self;
        let ended = app.ended.subscribe();
        let metrics = app.engine.metrics().clone();
        let panicked = move || metrics.panicked("connection");
        let way = connection::Way {
            router,
            tls: tls.clone(),
        };
        let doors = connection::serve_all(&listener, way, &app.limits, ended, panicked);
        let stopping = async {
            stop.await;
            app.stopping.store(true, Ordering::Release);
            tracing::info!("stopping: no new work is taken");
            app.engine.stop(patience).await;
            app.ended.send_replace(true);
        };
        let served = async { tokio::join!(doors, stopping) };
        let watched = async {
            match tls {
                Some(tls) => tls.watch(app.limits.certificate_look).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = served => {}
            () = watched => {}
        }
        tracing::info!("stopped");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use axum::routing::get;
    use mortar_engine::{Config, Engine, Parts, SystemClock, SystemEntropy};
    use mortar_executor::LocalHosts;
    use mortar_store::MemoryStore;
    use tower::ServiceExt;

    use super::{Options, behind_gate, share};
    use crate::http::answer::Answer;
    use crate::routes;

    async fn bug() -> Answer {
        panic!("a secret detail")
    }

    #[tokio::test]
    async fn a_panic_hurts_its_request_only_and_tells_nothing() {
        let parts = Parts {
            store: Arc::new(MemoryStore::new()),
            hosts: Arc::new(LocalHosts::new()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::open().unwrap()),
        };
        let engine = Engine::open(parts, Config::default()).unwrap();
        let app = share(engine, Options::default(), &routes::routes().into_openapi());
        let router = Router::new()
            .route("/clusters", get(bug).post(bug))
            .route("/volumes", get(|| async { "fine" }));
        let router = behind_gate(router, &app);
        for (method, path, status, text) in [
            (
                "GET",
                "/clusters",
                500,
                "Internal error. The server's log has the details.\n",
            ),
            (
                "POST",
                "/clusters",
                500,
                "Internal error. The server's log has the details.\n",
            ),
            ("GET", "/volumes", 200, "fine"),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(Body::empty())
                .unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(
                answer.status(),
                StatusCode::from_u16(status).unwrap(),
                "{method} {path}"
            );
            assert_eq!(
                to_bytes(answer.into_body(), 1000).await.unwrap(),
                text,
                "{method} {path}"
            );
        }
        let mut metrics = String::new();
        prometheus_client::encoding::text::encode(&mut metrics, &app.registry).unwrap();
        assert!(
            metrics.contains("\nmortar_panics_total{place=\"request\"} 2\n"),
            "{metrics}"
        );
    }
}
