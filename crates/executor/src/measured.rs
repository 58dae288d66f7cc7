//! Tells somebody how long batches took and how their commands ended.
//!
//! A batch is one round trip, so there is one duration for it and none for its commands. It is told under the
//! kind of command that the batch is there for: the one with the longest time limit (the last of them, if there
//! are several). The commands are counted one by one.

use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt as _};
use mortar_argv::{Batch, Outcome, Report};

use crate::Hosts;

/// How one command of a batch ended, as a metric sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CommandEnd {
    /// Exit status 0.
    Done,
    /// Another exit status.
    Failed,
    /// Its guard said that there was nothing to do.
    Skipped,
    /// It surely did not run.
    NotRun,
    /// Nobody knows.
    Unknown,
}

impl CommandEnd {
    /// A word for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::NotRun => "not_run",
            Self::Unknown => "unknown",
        }
    }
}

/// What is told of one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measurement<'a> {
    /// Where it ran.
    pub host: &'a str,
    /// The kind of command that it was for; empty for an empty batch.
    pub kind: String,
    /// From the call to the report, with the wait for a connection and a free session.
    pub duration: Duration,
    /// The kind of each command and how it ended, in order.
    pub commands: Vec<(String, CommandEnd)>,
}

/// Hosts that tell `observe` about each batch when it has ended. A batch whose future is dropped is not told.
#[derive(Clone, Debug)]
pub struct Measured<H, F> {
    hosts: H,
    observe: F,
}

impl<H: Hosts, F: Fn(Measurement<'_>) + Send + Sync + 'static> Measured<H, F> {
    /// Wraps `hosts`. `observe` is called on the task that ran the batch and must not block.
    pub fn new(hosts: H, observe: F) -> Self {
        Self { hosts, observe }
    }
}

impl<H: Hosts, F: Fn(Measurement<'_>) + Send + Sync + 'static> Hosts for Measured<H, F> {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            let start = Instant::now();
            let report = self.hosts.run(host, batch).await;
            (self.observe)(measure(host, batch, &report, start.elapsed()));
            report
        }
        .boxed()
    }
}

fn measure<'a>(host: &'a str, batch: &Batch, report: &Report, duration: Duration) -> Measurement<'a> {
    let main = batch.items().iter().max_by_key(|item| item.command.time_limit());
    let ends = report.outcomes.iter().map(|outcome| match outcome {
        Outcome::Ran(output) if output.success() => CommandEnd::Done,
        Outcome::Ran(_) => CommandEnd::Failed,
        Outcome::Skipped => CommandEnd::Skipped,
        Outcome::NotRun => CommandEnd::NotRun,
        Outcome::Unknown => CommandEnd::Unknown,
    });
    let kinds = batch.items().iter().map(|item| item.command.kind());
    Measurement {
        host,
        kind: main.map(|item| item.command.kind()).unwrap_or_default(),
        duration,
        commands: kinds.zip(ends).collect(),
    }
}
