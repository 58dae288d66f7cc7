//! Checks by the clock, and what is mended by itself: bricks that are not mounted after a reboot, entries, identities, the nodes'
//! own files. Nothing is ever removed here.
//!
//! The reconciler takes no input: it is the same pass on a timer and on a nudge, over what is recorded and what is seen
//! then. A nudge only says that it is worth looking sooner.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use mortar_journal::{Ended, Outcome};
use mortar_model::{BrickId, Inventory, OperationKind, VolumeId};
use mortar_plan::{Change, Subject};
use mortar_survey::{Finding, Group, Kind, Remedy, Repair, Scan, groups};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::check::check;
use crate::engine::{Config, Engine, Inner};
use crate::files::{self, Files, Trust};
use crate::panics;
use crate::submit::OperationState;

/// Repairs that run side by side: a node that comes back with many bricks must not take the operations' whole bound.
const WIDTH: usize = 8;
/// How long a repair is waited for; it goes on after that.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long changes of records are gathered before the nodes' files follow them.
const GATHER: Duration = Duration::from_millis(250);

/// What became of the last pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// When it ended, in milliseconds since 1970.
    pub ended: u64,
    /// Number of the check that it rests on.
    pub check: u64,
    /// Ids of the findings that were mended.
    pub mended: Vec<String>,
    /// What was tried and failed: the findings' ids, and why.
    pub failed: Vec<(Vec<String>, String)>,
    /// Nodes' files that were written.
    pub files: usize,
    /// Nodes' files that could not be written, and why.
    pub files_failed: Vec<String>,
}

/// What the reconciler is woken by, and what it remembers.
#[derive(Default)]
pub(crate) struct Reconciler {
    wake: Notify,
    records: AtomicBool,
    soon: AtomicBool,
    pub(crate) files: Files,
    /// Bricks that were mounted again and whose process was not seen to run yet. No check sees that: it asks for no status of
    /// all volumes.
    unserved: Mutex<BTreeMap<VolumeId, BTreeSet<BrickId>>>,
    last: Mutex<Option<Reconciled>>,
}

impl Reconciler {
    /// Records changed: where that is told in nodes' files, these follow.
    pub(crate) fn records_changed(&self, changes: &[Change]) {
        if changes.iter().any(Change::changes_node_files) {
            self.records.store(true, Ordering::Release);
            self.wake.notify_one();
        }
    }

    /// An operation has ended, and is about to be recorded in memory.
    pub(crate) fn ends(&self, ended: &Ended) {
        if let (OperationKind::AddNode, Outcome::Done { .. }, Some(Subject::Node(node))) =
            (ended.kind, &ended.outcome, ended.subject)
        {
            self.files.joined(node);
        }
    }

    /// A node answers again: what it lost is looked for soon.
    pub(crate) fn node_came_back(&self) {
        self.soon.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Takes in what a check saw of the nodes' files.
    pub(crate) fn learn(&self, scan: &Scan, findings: &[Finding]) {
        self.files.learn(scan, findings);
    }

    /// Bricks that are still to be served: not those that are in no record any more, nor those of a volume that somebody
    /// stopped.
    fn unserved(&self, inventory: &Inventory, findings: &[Finding]) -> BTreeMap<VolumeId, BTreeSet<BrickId>> {
        let stopped = |volume: &VolumeId| {
            let mut stopped = findings
                .iter()
                .filter(|finding| finding.kind == Kind::VolumeStopped);
            stopped.any(|finding| finding.subject.id == volume.to_string())
        };
        let mut unserved = self.unserved.lock().unwrap_or_else(PoisonError::into_inner);
        for bricks in unserved.values_mut() {
            bricks.retain(|brick| inventory.brick(*brick).is_some());
        }
        unserved.retain(|volume, bricks| !bricks.is_empty() && !stopped(volume));
        unserved.clone()
    }

    fn set_served(&self, group: &Group, served: bool) {
        let mut unserved = self.unserved.lock().unwrap_or_else(PoisonError::into_inner);
        for repair in &group.repairs {
            if let Repair::Mount {
                brick,
                volume,
                start: true,
            } = repair
            {
                let bricks = unserved.entry(*volume).or_default();
                if served {
                    bricks.remove(brick);
                } else {
                    bricks.insert(*brick);
                }
            }
        }
        unserved.retain(|_, bricks| !bricks.is_empty());
    }
}

impl Engine {
    /// What became of the last pass of the reconciler, since the program started.
    pub fn last_reconciled(&self) -> Option<Reconciled> {
        let last = &self.inner.reconciler.last;
        last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One pass: a check, what can be mended by itself, and, when something was, a check that tells whether it helped.
    /// The reconciler does the same by the clock.
    pub async fn reconcile(&self) -> Reconciled {
        let mut reconciled = self.pass().await;
        if !reconciled.mended.is_empty() || reconciled.files > 0 {
            reconciled.check = check(&self.inner).await.number;
        }
        reconciled.ended = self.inner.clock.now_ms();
        if !reconciled.mended.is_empty() || !reconciled.failed.is_empty() {
            tracing::info!(mended = reconciled.mended.len(), failed = ?reconciled.failed, "nodes mended");
        }
        tell_failed(&reconciled.files_failed);
        let last = &self.inner.reconciler.last;
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(reconciled.clone());
        reconciled
    }

    async fn pass(&self) -> Reconciled {
        let inner = &self.inner;
        let check = check(inner).await;
        let mut reconciled = Reconciled {
            check: check.number,
            ..Reconciled::default()
        };
        if !inner.config.automatic {
            return reconciled;
        }
        let automatic = check
            .findings
            .iter()
            .filter(|finding| matches!(finding.remedy, Remedy::Automatic(_)));
        let mut due = groups(automatic);
        let unserved =
            self.view(|landscape| inner.reconciler.unserved(landscape.inventory(), &check.findings));
        add_unserved(&mut due, &unserved);
        let ends: Vec<(Group, Result<(), String>)> = stream::iter(due)
            .map(|group| async {
                let end = self.mend_now(&group).await;
                (group, end)
            })
            .buffer_unordered(WIDTH)
            .collect()
            .await;
        for (group, end) in ends {
            inner.reconciler.set_served(&group, end.is_ok());
            match end {
                Ok(()) => reconciled.mended.extend(group.findings),
                Err(why) => reconciled.failed.push((group.findings, why)),
            }
        }
        let followed = files::follow(inner, Trust::Check).await;
        (reconciled.files, reconciled.files_failed) = (followed.written, followed.failed);
        reconciled
    }

    /// Carries the repairs of one thing out and waits for their end.
    async fn mend_now(&self, group: &Group) -> Result<(), String> {
        let operation = self
            .begin_repair(group)
            .await
            .map_err(|error| error.to_string())?;
        match self.wait(operation, PATIENCE).await {
            Some(OperationState::Ended(ended)) => match ended.outcome {
                Outcome::Done { .. } if ended.warnings.is_empty() => Ok(()),
                Outcome::Done { .. } => Err(ended.warnings.join("; ")),
                Outcome::Failed { reason } => Err(reason),
            },
            _ => Err(format!(
                "operation {operation} is not at its end after {PATIENCE:?}"
            )),
        }
    }
}

/// Adds what was mounted before and not served: to mount it again does nothing, and to serve it is tried once more.
fn add_unserved(groups: &mut Vec<Group>, unserved: &BTreeMap<VolumeId, BTreeSet<BrickId>>) {
    for (volume, bricks) in unserved {
        let subject = Subject::Volume(*volume);
        if !groups.iter().any(|group| group.subject == subject) {
            groups.push(Group {
                subject,
                repairs: Vec::new(),
                findings: Vec::new(),
            });
        }
        for group in groups.iter_mut().filter(|group| group.subject == subject) {
            let repairs = bricks.iter().map(|brick| Repair::Mount {
                brick: *brick,
                volume: *volume,
                start: true,
            });
            group.repairs.extend(repairs);
        }
    }
}

/// Starts the reconciler; it runs until the engine is gone or halts.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    let reconciler = Arc::clone(&inner.reconciler);
    panics::keep(inner, "reconciler", move |engine| {
        run(engine, Arc::clone(&reconciler))
    });
}

async fn run(engine: Weak<Inner>, reconciler: Arc<Reconciler>) {
    let Some(mut due) = engine
        .upgrade()
        .map(|inner| Instant::now() + inner.config.recovery_interval)
    else {
        return;
    };
    // Waits after passes that could not mend all: as those of operations that need attention.
    let mut failed = 0_u32;
    loop {
        let Some(halt) = engine.upgrade().map(|inner| Arc::clone(&inner.halt)) else {
            return;
        };
        let halted = halt.notified();
        if engine.upgrade().is_none_or(|inner| inner.is_halted()) {
            return;
        }
        // An engine that nobody has any more must not live on for the length of the wait: nothing of it is held here.
        tokio::select! {
            biased;
            () = halted => return,
            () = reconciler.wake.notified() => {}
            () = tokio::time::sleep_until(due) => {}
        }
        let Some(inner) = engine.upgrade() else { return };
        if reconciler.soon.swap(false, Ordering::AcqRel) {
            due = due.min(Instant::now() + inner.config.recovery_interval);
        }
        let halted = halt.notified();
        if inner.is_halted() {
            return;
        }
        let work = async {
            if reconciler.records.swap(false, Ordering::AcqRel) && inner.config.automatic {
                tokio::time::sleep(GATHER).await;
                let followed = files::follow(&inner, Trust::Health).await;
                tell_failed(&followed.failed);
                if followed.unread || !followed.failed.is_empty() {
                    due = due.min(Instant::now() + inner.config.recovery_interval);
                }
            }
            if Instant::now() >= due {
                let engine = Engine {
                    inner: Arc::clone(&inner),
                };
                let passed = engine.reconcile().await;
                failed = if passed.failed.is_empty() && passed.files_failed.is_empty() {
                    0
                } else {
                    failed.saturating_add(1)
                };
                due = Instant::now() + next(&inner.config, failed);
            }
        };
        tokio::select! {
            biased;
            () = halted => return,
            () = work => {}
        }
    }
}

fn tell_failed(files: &[String]) {
    if !files.is_empty() {
        tracing::warn!(failed = ?files, "nodes' files could not be written; they are tried again");
    }
}

/// Wait before the next pass, after so many in a row that could not mend all.
fn next(config: &Config, failed: u32) -> Duration {
    match failed.checked_sub(1) {
        None => config.check_interval,
        Some(doubled) => {
            let wait = config
                .attention_first
                .saturating_mul(2_u32.saturating_pow(doubled));
            wait.min(config.check_interval)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::next;
    use crate::Config;

    #[test]
    fn what_failed_is_tried_again_sooner_each_time_later() {
        let config = Config::default();
        let waits: Vec<u64> = (0..8).map(|failed| next(&config, failed).as_secs()).collect();
        assert_eq!(waits, [600, 30, 60, 120, 240, 480, 600, 600]);
        assert_eq!(next(&config, u32::MAX), Duration::from_secs(600));
    }
}
