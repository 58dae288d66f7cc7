//! What is known about a batch after it ran, or after the line to the node broke.

/// What a command printed and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; 128 + N when ended by signal N.
    pub status: i32,
    /// Standard output, lossy UTF-8.
    pub stdout: String,
    /// Standard error, lossy UTF-8.
    pub stderr: String,
}

impl Output {
    /// Whether the exit status is 0.
    pub fn success(&self) -> bool {
        self.status == 0
    }

    /// The text that tells why it failed: standard error, or standard output where a tool (gluster) writes
    /// its errors there; trimmed.
    pub fn complaint(&self) -> &str {
        let stderr = self.stderr.trim();
        if stderr.is_empty() {
            self.stdout.trim()
        } else {
            stderr
        }
    }
}

/// What became of one item of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The command ran and ended.
    Ran(Output),
    /// The guard said that there is nothing to do.
    Skipped,
    /// Surely not run: an earlier item failed, or the batch never reached the node.
    NotRun,
    /// May have run, in part or whole: the connection or the time limit ended first.
    Unknown,
}

/// What is known about each item of a batch, in the batch's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One outcome per item of the batch.
    pub outcomes: Vec<Outcome>,
    /// Why the report is incomplete (connection lost, limit passed); `None` when every item is known.
    pub broken: Option<String>,
}

impl Report {
    /// A report in which none of `items` items was run, because of `why`.
    pub fn not_run(items: usize, why: impl Into<String>) -> Self {
        Self {
            outcomes: vec![Outcome::NotRun; items],
            broken: Some(why.into()),
        }
    }

    /// A report in which nobody knows what became of any of `items` items, because of `why`.
    pub fn unknown(items: usize, why: impl Into<String>) -> Self {
        Self {
            outcomes: vec![Outcome::Unknown; items],
            broken: Some(why.into()),
        }
    }

    /// Whether every item ran successfully or had nothing to do.
    pub fn success(&self) -> bool {
        self.broken.is_none()
            && self.outcomes.iter().all(|outcome| match outcome {
                Outcome::Ran(output) => output.success(),
                Outcome::Skipped => true,
                Outcome::NotRun | Outcome::Unknown => false,
            })
    }

    /// The output of item `index`, when it ran to its end.
    pub fn output(&self, index: usize) -> Option<&Output> {
        match self.outcomes.get(index) {
            Some(Outcome::Ran(output)) => Some(output),
            _ => None,
        }
    }

    /// The first item that ran and failed.
    pub fn first_failure(&self) -> Option<(usize, &Output)> {
        self.outcomes
            .iter()
            .enumerate()
            .find_map(|(index, outcome)| match outcome {
                Outcome::Ran(output) if !output.success() => Some((index, output)),
                _ => None,
            })
    }

    /// Whether any item may have run without its end being known.
    pub fn has_unknown(&self) -> bool {
        self.outcomes.contains(&Outcome::Unknown)
    }

    /// Cuts the report of several batches that were joined with [`crate::Batch::then`]: takes the first `items`
    /// outcomes out of this report.
    pub fn split_off_front(&mut self, items: usize) -> Self {
        let rest = self.outcomes.split_off(items.min(self.outcomes.len()));
        let front = std::mem::replace(&mut self.outcomes, rest);
        let broken = front
            .iter()
            .any(|outcome| matches!(outcome, Outcome::NotRun | Outcome::Unknown))
            .then(|| self.broken.clone())
            .flatten();
        Self {
            outcomes: front,
            broken,
        }
    }
}
