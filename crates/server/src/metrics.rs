//! What the door counts, and the page that shows it with what the engine counts.

use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use mortar_heketi::WireError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::http::answer::{self, Answer, Plain};
use crate::state::App;

/// Bounds of the answer times' histogram, in seconds; a long poll may take a minute.
const SECONDS: [f64; 12] = [
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 10.0, 60.0,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    method: &'static str,
    route: String,
}

/// The door's counters and histograms.
#[derive(Clone, Debug)]
pub(crate) struct HttpMetrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
}

impl HttpMetrics {
    /// Fresh metrics, shown in `registry`.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
        };
        let registry = registry.sub_registry_with_prefix("mortar");
        registry.register("http_requests", "Answered requests", metrics.requests.clone());
        let text = "Time from a request's head to its answer";
        registry.register_with_unit(
            "http_request_duration",
            text,
            Unit::Seconds,
            metrics.seconds.clone(),
        );
        metrics
    }

    /// Counts an answer. The route is a pattern, so that labels stay few; it is empty for paths that are not known.
    pub(crate) fn observe(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = name(method);
        let (route, status) = (route.to_owned(), status.as_u16());
        self.seconds
            .get_or_create(&RouteLabels {
                method,
                route: route.clone(),
            })
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&RequestLabels {
                method,
                route,
                status,
            })
            .inc();
    }
}

/// A method's name; methods of a client's own making share one.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// What the program counts, for Prometheus.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "server", security(()), responses(
    (status = 200, description = "All metrics in the OpenMetrics text form", body = String),
))]
pub(crate) async fn show(State(app): State<App>) -> Result<Answer, Plain> {
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &app.registry).map_err(|_| WireError::Internal)?;
    let mut answer = answer::text(page);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(answer)
}
