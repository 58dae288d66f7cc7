//! One move of an operation: from what happened to what is next.

mod answers;
mod moves;
mod turns;

use std::time::Duration;

use mortar_model::work::{Goal, Seen, Verdict};
use mortar_plan::Step;

pub use turns::CANCELLED;

use crate::operation::{Direction, Mark, Operation, Phase};
use crate::policy::Policy;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The operation is durable and may begin.
    Begin,
    /// Somebody does not want it any more. Where there is a way back, it is gone; else this changes nothing.
    Cancel,
    /// The program came up again, or somebody takes up an operation that needed attention. No action is under way.
    Resume,
    /// A `Do` action ended.
    Did {
        /// The step.
        step: usize,
        /// What became of it.
        verdict: Verdict,
    },
    /// A `Look` action ended.
    Looked {
        /// The step.
        step: usize,
        /// What was seen.
        seen: Seen,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Bring the step's thing to `goal`, after `wait`.
    Do {
        /// The step.
        step: usize,
        /// Which way.
        goal: Goal,
        /// What a look just saw: a half-made thing goes on from there.
        seen: Option<Seen>,
        /// How long to wait first.
        wait: Duration,
    },
    /// Look at the step's thing, after `wait`.
    Look {
        /// The step.
        step: usize,
        /// How long to wait first.
        wait: Duration,
    },
    /// The operation has ended: record its outcome (and, when done, its changes) in one transaction.
    Finish,
    /// The operation needs attention: record that and tell.
    Park,
}

/// What must be on disk before the actions run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Persist {
    /// Nothing new.
    Not,
    /// The new state, but its loss would only cost a look.
    Lazy,
    /// The new state, synced.
    Synced,
}

/// The answer of [`advance`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// What must be on disk first.
    pub persist: Persist,
    /// What to do then, side by side.
    pub actions: Vec<Action>,
}

/// Moves the operation on.
///
/// Events for steps that have no action under way are ignored: an answer that comes twice changes nothing.
pub fn advance(operation: &mut Operation, event: Event, policy: &Policy) -> Advance {
    if operation.has_ended() {
        return Advance {
            persist: Persist::Not,
            actions: Vec::new(),
        };
    }
    let mut machine = Machine {
        operation,
        policy,
        persist: Persist::Not,
        actions: Vec::new(),
    };
    match event {
        Event::Begin => {}
        Event::Cancel => machine.cancel(),
        Event::Resume => machine.resume(),
        Event::Did { step, verdict } => machine.did(step, verdict),
        Event::Looked { step, seen } => machine.looked(step, seen),
    }
    machine.go_on();
    Advance {
        persist: machine.persist,
        actions: machine.actions,
    }
}

struct Machine<'a> {
    operation: &'a mut Operation,
    policy: &'a Policy,
    persist: Persist,
    actions: Vec<Action>,
}

impl Machine<'_> {
    fn note(&mut self, persist: Persist) {
        self.persist = self.persist.max(persist);
    }

    const fn direction(&self) -> Direction {
        match self.operation.phase {
            Phase::Back { .. } | Phase::Undone { .. } => Direction::Back,
            Phase::Attention { direction, .. } => direction,
            Phase::Forward | Phase::Done => Direction::Forward,
        }
    }

    fn step(&self, step: usize) -> &Step {
        self.operation
            .plan
            .steps()
            .nth(step)
            .map(|(_, step)| step)
            .expect("a running step is a step of the plan")
    }

    /// What an action that goes that way wants of the step.
    fn goal(&self, step: usize, direction: Direction) -> Goal {
        let goal = self.step(step).goal;
        match direction {
            Direction::Forward => goal,
            Direction::Back => goal.opposite(),
        }
    }

    /// Stage and mark of each step.
    fn marks(&self) -> Vec<(usize, Mark)> {
        let stages = self.operation.plan.steps().map(|(stage, _)| stage);
        stages
            .zip(&self.operation.steps)
            .map(|(stage, state)| (stage, state.mark))
            .collect()
    }
}
