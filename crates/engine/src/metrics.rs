//! What is counted. Names are Prometheus's; every label has few values. None comes from a user but the names of volumes that are not
//! well, of which there is a bound.

mod fills;
mod heals;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use mortar_survey::Kind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::check::Check;

pub(crate) use fills::FillMetrics;
pub(crate) use heals::HealMetrics;

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
pub(crate) struct FindingLabels {
    pub(crate) kind: &'static str,
    pub(crate) severity: &'static str,
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

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct PanicLabels {
    /// What was hurt.
    pub(crate) place: &'static str,
}

/// The engine's counters and histograms.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub(crate) operations: Family<OperationLabels, Counter>,
    pub(crate) operation_seconds: Family<KindLabel, Histogram>,
    pub(crate) open: Gauge,
    pub(crate) admitted: Gauge,
    pub(crate) open_limit: Gauge,
    pub(crate) running: Gauge,
    pub(crate) waiting: Gauge,
    pub(crate) pool_waiting: Gauge,
    pub(crate) attention: Gauge,
    pub(crate) awaiting_nodes: Gauge,
    pub(crate) commands: Family<CommandLabels, Counter>,
    pub(crate) batch_seconds: Family<BatchLabels, Histogram>,
    pub(crate) refused: Family<KindLabel, Counter>,
    pub(crate) repeated: Counter,
    pub(crate) panics: Family<PanicLabels, Counter>,
    pub(crate) unhealthy: Gauge,
    pub(crate) members_apart: Gauge,
    pub(crate) replaced: Counter,
    pub(crate) backup_last: Gauge,
    pub(crate) backup_failures: Counter,
    pub(crate) backups_damaged: Gauge,
    pub(crate) findings: Family<FindingLabels, Gauge>,
    pub(crate) left_out: Gauge,
    pub(crate) checked_at: Gauge<f64, AtomicU64>,
    pub(crate) check_seconds: Gauge<f64, AtomicU64>,
    pub(crate) heals: HealMetrics,
    pub(crate) fills: FillMetrics,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Fresh metrics, not shown anywhere yet. As many operations may be under way.
    pub(crate) fn new(open_max: usize) -> Self {
        let panics = Family::<PanicLabels, Counter>::default();
        // Shown from the beginning: an alarm on growth needs the zero before the one.
        for place in ["operation", "request", "task", "connection"] {
            drop(panics.get_or_create(&PanicLabels { place }));
        }
        let open_limit: Gauge = Gauge::default();
        open_limit.set(i64::try_from(open_max).unwrap_or(i64::MAX));
        Self {
            operations: Family::default(),
            operation_seconds: Family::new_with_constructor(histogram),
            open: Gauge::default(),
            admitted: Gauge::default(),
            open_limit,
            running: Gauge::default(),
            waiting: Gauge::default(),
            pool_waiting: Gauge::default(),
            attention: Gauge::default(),
            awaiting_nodes: Gauge::default(),
            commands: Family::default(),
            batch_seconds: Family::new_with_constructor(histogram),
            refused: Family::default(),
            repeated: Counter::default(),
            panics,
            unhealthy: Gauge::default(),
            members_apart: Gauge::default(),
            replaced: Counter::default(),
            backup_last: Gauge::default(),
            backup_failures: Counter::default(),
            backups_damaged: Gauge::default(),
            findings: Family::default(),
            left_out: Gauge::default(),
            checked_at: Gauge::default(),
            check_seconds: Gauge::default(),
            heals: HealMetrics::default(),
            fills: FillMetrics::default(),
        }
    }

    /// Counts a bug that was met: `place` says what it hurt, one of few words.
    pub fn panicked(&self, place: &'static str) {
        self.panics.get_or_create(&PanicLabels { place }).inc();
    }

    /// Notes when the youngest sound backup was taken.
    pub(crate) fn backup_succeeded(&self, at_ms: u64) {
        self.backup_last
            .set(i64::try_from(at_ms / 1000).unwrap_or(i64::MAX));
    }

    /// Shows what a check found; kinds that it did not find stand at zero.
    pub(crate) fn show_check(&self, check: &Check) {
        for kind in Kind::ALL {
            let count = check
                .findings
                .iter()
                .filter(|finding| finding.kind == *kind)
                .count();
            let label = FindingLabels {
                kind: kind.name(),
                severity: kind.severity().name(),
            };
            self.findings
                .get_or_create(&label)
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.left_out
            .set(i64::try_from(check.left_out).unwrap_or(i64::MAX));
        self.checked_at
            .set(Duration::from_millis(check.began).as_secs_f64());
        self.check_seconds.set(check.took.as_secs_f64());
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
        self.register_load(registry);
        registry.register(
            "operations_needing_attention",
            "Operations that wait for somebody",
            self.attention.clone(),
        );
        registry.register(
            "operations_waiting_for_nodes",
            "Operations that go on when a node that is away is back",
            self.awaiting_nodes.clone(),
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
            "requests_repeated",
            "Requests for a volume that was there or under way already",
            self.repeated.clone(),
        );
        registry.register(
            "panics",
            "Bugs in Mortar that were met, by what they hurt",
            self.panics.clone(),
        );
        registry.register(
            "nodes_unreachable",
            "Nodes that do not answer",
            self.unhealthy.clone(),
        );
        registry.register(
            "pool_members_apart",
            "Members of trusted pools that differ from most others, are rejected, or have no glusterd that answers",
            self.members_apart.clone(),
        );
        registry.register(
            "bricks_replaced",
            "Replacements of lost bricks that were begun without anybody's help",
            self.replaced.clone(),
        );
        self.register_backups(registry);
        self.register_checks(registry);
        self.heals.register(registry);
        self.fills.register(registry);
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

    /// What waits and what runs.
    fn register_load(&self, registry: &mut Registry) {
        for (name, text, gauge) in [
            (
                "operations_open",
                "Operations that have not ended, those that wait for nodes that are away included",
                &self.open,
            ),
            (
                "operations_admitted",
                "Operations that have a place within the limit: those that wait for nodes that are away have none",
                &self.admitted,
            ),
            (
                "operations_open_limit",
                "Operations that may have a place at one time; more are refused",
                &self.open_limit,
            ),
            ("operations_running", "Operations that run", &self.running),
            (
                "operations_waiting",
                "Operations that wait for their turn",
                &self.waiting,
            ),
            (
                "pool_changes_waiting",
                "Changes that wait for their pool's turn",
                &self.pool_waiting,
            ),
        ] {
            registry.register(name, text, gauge.clone());
        }
    }

    /// What the last check found.
    fn register_checks(&self, registry: &mut Registry) {
        registry.register(
            "check_findings",
            "Differences between records and nodes that the last check found",
            self.findings.clone(),
        );
        registry.register(
            "check_findings_left_out",
            "Differences that the last check left out because operations were at work there",
            self.left_out.clone(),
        );
        registry.register_with_unit(
            "check_last_time",
            "When the last check began, since 1970",
            Unit::Seconds,
            self.checked_at.clone(),
        );
        registry.register_with_unit(
            "check_last_duration",
            "How long the last check took",
            Unit::Seconds,
            self.check_seconds.clone(),
        );
    }
}
