//! How a server dies: at a write of its store, at a command on a node, or at some moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Report};
use mortar_executor::{Hosts, SimHosts};
use tokio::sync::Notify;

/// When a server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// When the Nth transaction from now on is to be written.
    BeforeWrite(u64),
    /// When it is written and nobody has been told.
    AfterWrite(u64),
    /// While the Nth command from now on is under way on a node.
    Command(u64),
    /// After so much time.
    Time(Duration),
}

impl Moment {
    /// What kind of moment.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::BeforeWrite(_) => "before a write",
            Self::AfterWrite(_) => "after a write",
            Self::Command(_) => "at a command",
            Self::Time(_) => "at a moment",
        }
    }
}

/// What is asked at each point at which a server may die.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    Write,
    Written,
    Command,
}

/// Whether a server lives, and until when.
#[derive(Default)]
pub(crate) struct Death {
    dead: AtomicBool,
    moment: Mutex<Option<Moment>>,
    bell: Notify,
}

impl Death {
    /// Sets when it dies.
    pub(crate) fn set(&self, moment: Moment) {
        *self.moment.lock().unwrap_or_else(PoisonError::into_inner) = Some(moment);
    }

    /// It dies now: from here on it says and does nothing more.
    pub(crate) fn strike(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.bell.notify_one();
    }

    /// Whether it is dead.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Returns when it dies.
    pub(crate) async fn comes(&self) {
        self.bell.notified().await;
    }

    /// It has come to such a point. Answers whether it is dead now.
    pub(crate) fn meets(&self, point: Point) -> bool {
        let mut moment = self.moment.lock().unwrap_or_else(PoisonError::into_inner);
        let left = match (&mut *moment, point) {
            (Some(Moment::BeforeWrite(left)), Point::Write)
            | (Some(Moment::AfterWrite(left)), Point::Written)
            | (Some(Moment::Command(left)), Point::Command) => left,
            _ => return self.is_dead(),
        };
        *left = left.saturating_sub(1);
        if *left == 0 {
            *moment = None;
            self.strike();
        }
        self.is_dead()
    }
}

/// Nodes as a server reaches them that may die: nothing is sent after its death, and no answer comes.
pub(crate) struct MortalHosts {
    pub(crate) hosts: SimHosts,
    pub(crate) death: std::sync::Arc<Death>,
    /// Told of each batch, where somebody wants to read it.
    pub(crate) tell: Option<Tell>,
}

/// Takes a line of the story.
pub(crate) type Tell = Box<dyn Fn(String) + Send + Sync>;

impl Hosts for MortalHosts {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            if self.death.is_dead() {
                return std::future::pending().await;
            }
            if let Some(tell) = &self.tell {
                tell(format!("    {host}: sent {}", told(batch)));
            }
            let report = self.hosts.run(host, batch).await;
            if self.death.is_dead() {
                return std::future::pending().await;
            }
            if let Some(tell) = &self.tell {
                let ends: Vec<String> = report.outcomes.iter().map(end).collect();
                let broken = report.broken.as_deref().unwrap_or("");
                tell(format!(
                    "    {host}: {} → {} {broken}",
                    told(batch),
                    ends.join(" ")
                ));
            }
            report
        }
        .boxed()
    }
}

fn told(batch: &Batch) -> String {
    let commands = batch.items().iter().map(|item| item.command.kind());
    let lock = batch.lock_name().map_or("-", |name| &name[..8.min(name.len())]);
    format!("[{lock}] {}", commands.collect::<Vec<_>>().join(", "))
}

fn end(outcome: &mortar_argv::Outcome) -> String {
    use mortar_argv::Outcome;
    match outcome {
        Outcome::Ran(output) if output.success() => "ok".into(),
        Outcome::Ran(output) => format!("{}({})", output.status, output.complaint()),
        Outcome::Skipped => "skipped".into(),
        Outcome::NotRun => "not-run".into(),
        Outcome::Unknown => "unknown".into(),
    }
}
