//! What is counted. Names are Prometheus's; every label has few values, none comes from a user.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Bounds of time histograms in seconds: from a command's 5 ms to an operation's minutes.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct OperationLabels {
    pub(crate) kind: &'static str,
    pub(crate) outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct KindLabel {
    pub(crate) kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct CommandLabels {
    pub(crate) command: String,
    pub(crate) result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct BatchLabels {
    pub(crate) batch: String,
}

/// The engine's counters and histograms.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) operations: Family<OperationLabels, Counter>,
    pub(crate) operation_seconds: Family<KindLabel, Histogram>,
    pub(crate) open: Gauge,
    pub(crate) attention: Gauge,
    pub(crate) commands: Family<CommandLabels, Counter>,
    pub(crate) batch_seconds: Family<BatchLabels, Histogram>,
    pub(crate) refused: Family<KindLabel, Counter>,
    pub(crate) panics: Counter,
    pub(crate) unhealthy: Gauge,
    pub(crate) backup_last: Gauge,
    pub(crate) backup_failures: Counter,
    pub(crate) backups_damaged: Gauge,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Fresh metrics, not shown anywhere yet.
    pub(crate) fn new() -> Self {
        Self {
            operations: Family::default(),
            operation_seconds: Family::new_with_constructor(histogram),
            open: Gauge::default(),
            attention: Gauge::default(),
            commands: Family::default(),
            batch_seconds: Family::new_with_constructor(histogram),
            refused: Family::default(),
            panics: Counter::default(),
            unhealthy: Gauge::default(),
            backup_last: Gauge::default(),
            backup_failures: Counter::default(),
            backups_damaged: Gauge::default(),
        }
    }

    /// Notes when the youngest sound backup was taken.
    pub(crate) fn backup_succeeded(&self, at_ms: u64) {
        self.backup_last
            .set(i64::try_from(at_ms / 1000).unwrap_or(i64::MAX));
    }

    /// Shows them in `registry`, all under `mortar_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("mortar");
        registry.register("operations", "Operations that ended", self.operations.clone());
        let text = "Time from the request to the end of an operation";
        registry.register_with_unit(
            "operation_duration",
            text,
            Unit::Seconds,
            self.operation_seconds.clone(),
        );
        registry.register("operations_open", "Operations under way", self.open.clone());
        registry.register(
            "operations_needing_attention",
            "Operations that wait for somebody",
            self.attention.clone(),
        );
        registry.register(
            "node_commands",
            "Commands that ran on nodes",
            self.commands.clone(),
        );
        let text = "Time of one round trip to a node, by what it was for";
        registry.register_with_unit(
            "node_batch_duration",
            text,
            Unit::Seconds,
            self.batch_seconds.clone(),
        );
        registry.register(
            "requests_refused",
            "Requests that did not become operations",
            self.refused.clone(),
        );
        registry.register(
            "panics",
            "Operations that met a bug in Mortar",
            self.panics.clone(),
        );
        registry.register(
            "nodes_unreachable",
            "Nodes that do not answer",
            self.unhealthy.clone(),
        );
        self.register_backups(registry);
    }

    fn register_backups(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "backup_last_success_timestamp",
            "When the youngest sound backup of the store was taken; 0 when there is none",
            Unit::Seconds,
            self.backup_last.clone(),
        );
        registry.register(
            "backup_failures",
            "Backups of the store that could not be taken",
            self.backup_failures.clone(),
        );
        registry.register(
            "backups_damaged",
            "Backups of the store that are not what was written",
            self.backups_damaged.clone(),
        );
    }
}
