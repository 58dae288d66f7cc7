//! Several commands for one node, in order.

use std::time::Duration;

use crate::Command;

/// When a command of a batch is run at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Always.
    Always,
    /// Only when this command fails (exit status other than 0). This is how a step finds its thing already there.
    Unless(Command),
    /// Only when this command succeeds. This is how an undo step finds its thing already gone.
    OnlyIf(Command),
}

/// What a failed command means for those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The rest of the batch is not run.
    Stop,
    /// The rest of the batch is run all the same: used for looking, where each answer stands alone.
    Continue,
}

/// One guarded command of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// When to run it.
    pub guard: Guard,
    /// What to run.
    pub command: Command,
    /// What its failure means for the items after it.
    pub on_failure: OnFailure,
}

/// Commands for one node, run in order in one round trip.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    items: Vec<Item>,
    lock: Option<String>,
    prints: usize,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a command that always runs and whose failure ends the batch.
    #[must_use]
    pub fn run(self, command: Command) -> Self {
        self.item(Guard::Always, command, OnFailure::Stop)
    }

    /// Adds a command that always runs; the batch goes on whatever it says.
    #[must_use]
    pub fn ask(self, command: Command) -> Self {
        self.item(Guard::Always, command, OnFailure::Continue)
    }

    /// Adds a command that runs unless `test` succeeds.
    #[must_use]
    pub fn unless(self, test: Command, command: Command) -> Self {
        self.item(Guard::Unless(test), command, OnFailure::Stop)
    }

    /// Adds a command that runs only if `test` succeeds.
    #[must_use]
    pub fn only_if(self, test: Command, command: Command) -> Self {
        self.item(Guard::OnlyIf(test), command, OnFailure::Stop)
    }

    /// Adds an item.
    #[must_use]
    pub fn item(mut self, guard: Guard, command: Command, on_failure: OnFailure) -> Self {
        self.items.push(Item {
            guard,
            command,
            on_failure,
        });
        self
    }

    /// Names a lock that the node holds while the batch runs (`[a-z0-9-]`, other characters are dropped). A
    /// batch whose connection broke may still be running there; the next one with the same lock waits for it.
    #[must_use]
    pub fn lock(mut self, name: &str) -> Self {
        let name: String = name
            .chars()
            .filter(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .collect();
        self.lock = Some(name);
        self
    }

    /// Says that up to so many bytes of output are to be kept, where that is more than is kept of others.
    #[must_use]
    pub fn prints(mut self, bytes: usize) -> Self {
        self.prints = self.prints.max(bytes);
        self
    }

    /// Appends the items of `other`; the lock stays this batch's.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.items.extend(other.items);
        self.prints = self.prints.max(other.prints);
        self
    }

    /// The items in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The name of the lock held while the batch runs.
    pub fn lock_name(&self) -> Option<&str> {
        self.lock.as_deref()
    }

    /// How much of each stream is to be kept, where `usual` is kept of others.
    pub fn output_limit(&self, usual: usize) -> usize {
        usual.max(self.prints)
    }

    /// How long the whole batch may take: the sum of its commands' limits.
    pub fn time_limit(&self) -> Duration {
        self.items.iter().map(|item| item.command.time_limit()).sum()
    }
}
