//! Where an operation turns back, or has to wait.

use super::{Machine, Persist};
use crate::operation::{Direction, Mark, Phase};

/// Why an operation was undone that somebody did not want any more.
pub const CANCELLED: &str = "cancelled on request";

impl Machine<'_> {
    /// The last try failed; `away`: only because nodes are. Where the operation has turned since the step was begun, it
    /// is already on another way.
    pub(super) fn give_up(&mut self, step: usize, direction: Direction, why: &str, away: bool) {
        if self.direction() != direction || self.operation.needs_attention() {
            return;
        }
        let (reason, needed) = (
            format!("{}: {why}", self.step(step).thing.title()),
            self.step(step).needed,
        );
        self.note(Persist::Lazy);
        if !needed && direction == Direction::Forward {
            self.operation.steps[step].mark = Mark::Skipped;
            self.operation.warnings.push(reason);
        } else if self.operation.committed || direction == Direction::Back {
            self.wait_for_somebody(reason, direction, away);
        } else {
            self.turn_back(reason);
        }
    }

    /// Actions that are under way come to their ends first.
    pub(super) fn cancel(&mut self) {
        if self.direction() == Direction::Forward && !self.operation.committed {
            self.operation.take_up();
            self.turn_back(CANCELLED.into());
        }
    }

    fn turn_back(&mut self, reason: String) {
        self.operation.phase = Phase::Back { reason };
        // Marks of the way forward must not be found again once undoing has begun.
        self.note(Persist::Synced);
        for state in &mut self.operation.steps {
            state.forgive();
        }
        self.take_back_deferred();
    }

    /// What one way left for later, the other way wants as it was.
    pub(super) fn take_back_deferred(&mut self) {
        for state in &mut self.operation.steps {
            if state.mark == Mark::Deferred {
                state.mark = Mark::Touched;
            }
        }
    }

    pub(super) fn wait_for_somebody(&mut self, reason: String, direction: Direction, waits: bool) {
        let because = match &self.operation.phase {
            Phase::Back { reason } => Some(reason.clone()),
            _ => None,
        };
        self.operation.phase = Phase::Attention {
            reason,
            because,
            direction,
            waits,
        };
    }
}
