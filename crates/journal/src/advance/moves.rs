//! What can go on now.

use std::time::Duration;

use mortar_model::OperationKind;
use mortar_model::work::{Goal, Seen};

use super::{Action, Machine, Persist};
use crate::operation::{Direction, Mark, Phase};

impl Machine<'_> {
    /// Starts everything that can go on now.
    pub(super) fn go_on(&mut self) {
        match &self.operation.phase {
            Phase::Forward => self.go_forward(),
            Phase::Back { reason } => {
                let reason = reason.clone();
                self.go_back(reason);
            }
            Phase::Attention { .. } => {
                if self.operation.steps.iter().all(|state| state.running.is_none()) {
                    self.note(Persist::Synced);
                    self.actions.push(Action::Park);
                }
            }
            Phase::Done | Phase::Undone { .. } => {}
        }
    }

    fn go_forward(&mut self) {
        if self.any_runs(Direction::Back) {
            return;
        }
        let open = |mark: Mark| !matches!(mark, Mark::Reached | Mark::Skipped | Mark::Deferred);
        let marks = self.marks();
        let Some(stage) = marks
            .iter()
            .filter(|(_, mark)| open(*mark))
            .map(|(stage, _)| *stage)
            .min()
        else {
            self.end_forward();
            return;
        };
        let no_return = self.operation.plan.forward_from;
        if no_return.is_some_and(|first| stage >= first) && !self.operation.committed {
            self.operation.committed = true;
            self.note(Persist::Synced);
        }
        for (step, (_, mark)) in marks.iter().enumerate().filter(|(_, (of, _))| *of == stage) {
            if !open(*mark) || self.operation.steps[step].running.is_some() {
                continue;
            }
            let wait = self.wait(step);
            let plan_step = self.step(step);
            // A fresh step is done at once; the unknown, and what may hold somebody's data, is looked at first.
            let known = *mark == Mark::Untouched
                && !(plan_step.goal == Goal::Present && plan_step.thing.look_first());
            if known {
                let goal = plan_step.goal;
                self.start(step, goal, None, wait);
            } else {
                self.look(step, wait);
            }
        }
    }

    /// Nothing is left to do now. One that clears up after others has nobody to leave the rest to.
    fn end_forward(&mut self) {
        let mut deferred = self.operation.left().map(|(step, state)| {
            let why = state.trouble.as_deref().unwrap_or("its node is away");
            format!("{}: {why}", step.thing.title())
        });
        match deferred.next() {
            Some(reason) if self.operation.kind == OperationKind::Cleanup => {
                drop(deferred);
                self.wait_for_somebody(reason, Direction::Forward, true);
                self.note(Persist::Synced);
                self.actions.push(Action::Park);
            }
            _ => {
                drop(deferred);
                self.operation.phase = Phase::Done;
                self.actions.push(Action::Finish);
            }
        }
    }

    fn go_back(&mut self, reason: String) {
        if self.any_runs(Direction::Forward) {
            return;
        }
        self.return_what_stays();
        let marks = self.marks();
        let keeps: Vec<bool> = self
            .operation
            .plan
            .steps()
            .map(|(_, step)| step.thing.keeps())
            .collect();
        let open = |step: usize, mark: Mark| match mark {
            Mark::Touched | Mark::Skipped => true,
            Mark::Reached => !keeps[step],
            Mark::Untouched | Mark::Returned | Mark::Deferred => false,
        };
        let of_open = |(step, (stage, mark)): (usize, &(usize, Mark))| open(step, *mark).then_some(*stage);
        let Some(stage) = marks.iter().enumerate().filter_map(of_open).max() else {
            self.operation.phase = Phase::Undone { reason };
            self.actions.push(Action::Finish);
            return;
        };
        for (step, (_, mark)) in marks.iter().enumerate().filter(|(_, (of, _))| *of == stage) {
            if !open(step, *mark) || self.operation.steps[step].running.is_some() {
                continue;
            }
            let wait = self.wait(step);
            if *mark == Mark::Reached && self.operation.steps[step].in_vain() == 0 {
                let goal = self.step(step).goal.opposite();
                self.start(step, goal, None, wait);
            } else {
                self.look(step, wait);
            }
        }
    }

    /// Where there is nothing to undo, nobody is asked: a node that is away must not hold up the way back for it.
    fn return_what_stays(&mut self) {
        let plan = &self.operation.plan;
        let steps = plan.steps().zip(&mut self.operation.steps);
        for ((_, step), state) in steps {
            if step.thing.stays() && state.mark != Mark::Untouched {
                state.mark = Mark::Returned;
            }
        }
    }

    /// Whether actions of that way are still under way: after a turn their answers come first.
    fn any_runs(&self, direction: Direction) -> bool {
        self.operation
            .steps
            .iter()
            .any(|state| state.running == Some(direction))
    }

    pub(super) fn start(&mut self, step: usize, goal: Goal, seen: Option<Seen>, wait: Duration) {
        let direction = self.direction();
        let state = &mut self.operation.steps[step];
        state.fresh = state.mark == Mark::Untouched;
        (state.mark, state.running) = (Mark::Touched, Some(direction));
        self.actions.push(Action::Do {
            step,
            goal,
            seen,
            wait,
        });
    }

    fn look(&mut self, step: usize, wait: Duration) {
        self.operation.steps[step].running = Some(self.direction());
        self.actions.push(Action::Look { step, wait });
    }

    pub(super) fn take_running(&mut self, step: usize) -> Option<Direction> {
        self.operation.steps.get_mut(step)?.running.take()
    }

    fn wait(&self, step: usize) -> Duration {
        match self.operation.steps[step].in_vain() {
            0 => Duration::ZERO,
            tries => self.policy.wait(tries),
        }
    }
}
