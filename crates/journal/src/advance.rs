//! One move of an operation: from what happened to what is next.

use std::time::Duration;

use mortar_model::work::{Facts, Failure, FailureKind, Goal, Seen, Verdict};
use mortar_plan::Step;

use crate::operation::{Direction, Mark, Operation, Phase};
use crate::policy::Policy;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The operation is durable and may begin.
    Begin,
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
    /// Nothing is under way. Marks on disk may be older than what was done: what stands there as untouched may
    /// have been touched, except beyond a point of no return that was never passed; on the way back, what stands
    /// there as reached may have been undone, and on the way forward, what stands there as returned (it has turned
    /// twice) may have been done again. They are never older than the last turn, which is synced.
    fn resume(&mut self) {
        let back = self.direction() == Direction::Back;
        let stages: Vec<usize> = self.operation.plan.steps().map(|(stage, _)| stage).collect();
        let sealed = |stage: usize| {
            !self.operation.committed
                && self
                    .operation
                    .plan
                    .forward_from
                    .is_some_and(|first| stage >= first)
        };
        let reachable: Vec<bool> = stages.iter().map(|stage| !sealed(*stage)).collect();
        for (state, reachable) in self.operation.steps.iter_mut().zip(reachable) {
            state.running = None;
            (state.tries, state.lost) = (0, 0);
            let stale = match state.mark {
                Mark::Untouched => reachable,
                Mark::Reached => back,
                Mark::Returned => !back,
                _ => false,
            };
            if stale {
                state.mark = Mark::Touched;
            }
        }
        self.operation.take_up();
        self.note(Persist::Lazy);
    }

    fn did(&mut self, step: usize, verdict: Verdict) {
        let Some(direction) = self.take_running(step) else {
            return;
        };
        self.note(Persist::Lazy);
        match verdict {
            Verdict::Done(facts) => {
                self.learn(facts);
                self.settle(step, direction);
            }
            Verdict::Unknown(why) => self.lost(step, direction, &why),
            Verdict::Failed(failure) => self.failed(step, direction, &failure),
        }
    }

    fn looked(&mut self, step: usize, seen: Seen) {
        let Some(direction) = self.take_running(step) else {
            return;
        };
        if self.direction() != direction {
            // The operation turned while this look was under way: whatever it saw, the step may be touched.
            self.operation.steps[step].mark = Mark::Touched;
            return;
        }
        let back = direction == Direction::Back;
        let goal = if back {
            self.step(step).goal.opposite()
        } else {
            self.step(step).goal
        };
        match (seen, goal) {
            (Seen::Unknown(why), _) => self.unseen(step, direction, &why),
            // Nothing of ours is left: what stands in its place is somebody else's, and stays.
            (Seen::Foreign(_) | Seen::Absent, Goal::Absent) => self.settle(step, direction),
            (Seen::Foreign(why), Goal::Present) => {
                self.failed(
                    step,
                    direction,
                    &Failure {
                        kind: FailureKind::Refused,
                        reason: why,
                    },
                );
            }
            (Seen::Present(facts), Goal::Present) => {
                self.learn(facts);
                self.settle(step, direction);
            }
            (Seen::Absent, Goal::Present) if back => self.cannot_return(step),
            (seen, goal) => self.start(step, goal, Some(seen), Duration::ZERO),
        }
    }

    /// What was to be destroyed is gone, though the destroying failed: the only way is forward after all.
    fn cannot_return(&mut self, step: usize) {
        self.operation.phase = Phase::Forward;
        self.note(Persist::Synced);
        self.settle(step, Direction::Forward);
    }

    /// What was wanted of the step holds.
    fn settle(&mut self, step: usize, direction: Direction) {
        let mark = match direction {
            Direction::Forward => Mark::Reached,
            Direction::Back => Mark::Returned,
        };
        let state = &mut self.operation.steps[step];
        (state.mark, state.tries, state.lost, state.trouble) = (mark, 0, 0, None);
        self.note(Persist::Lazy);
    }

    fn learn(&mut self, facts: Facts) {
        if facts != Facts::None {
            self.operation.facts = facts;
        }
    }

    /// Nobody knows what became of it: it stays touched, and is looked at next.
    fn trouble(&mut self, step: usize, why: String) {
        let state = &mut self.operation.steps[step];
        state.mark = Mark::Touched;
        state.tries += 1;
        state.trouble = Some(why);
    }

    /// A `Do` whose outcome was lost. A look tells what became of it; but where looks are answered and the doing
    /// never is, this ends as well.
    fn lost(&mut self, step: usize, direction: Direction, why: &str) {
        self.operation.steps[step].lost += 1;
        self.trouble(step, why.to_owned());
        if self.operation.steps[step].lost > self.policy.unknown_tries {
            self.give_up(step, direction, why);
        }
    }

    /// A look that saw nothing. After the last try the operation turns, or needs attention.
    fn unseen(&mut self, step: usize, direction: Direction, why: &str) {
        self.operation.steps[step].lost += 1;
        self.trouble(step, why.to_owned());
        if self.operation.steps[step].lost >= self.policy.unknown_tries {
            self.give_up(step, direction, why);
        }
    }

    fn failed(&mut self, step: usize, direction: Direction, failure: &Failure) {
        self.trouble(step, failure.reason.clone());
        let stubborn = direction == Direction::Back || self.operation.committed;
        let tries = match failure.kind {
            FailureKind::Busy => self.policy.busy_tries,
            FailureKind::Refused | FailureKind::NoSpace if stubborn => self.policy.stubborn_tries,
            FailureKind::Refused | FailureKind::NoSpace => 1,
        };
        if self.operation.steps[step].tries >= tries {
            self.give_up(step, direction, &failure.reason);
        }
    }

    /// The last try failed. Where the operation has turned since the step was begun, it is already on another way.
    fn give_up(&mut self, step: usize, direction: Direction, why: &str) {
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
            let because = match &self.operation.phase {
                Phase::Back { reason } => Some(reason.clone()),
                _ => None,
            };
            self.operation.phase = Phase::Attention {
                reason,
                because,
                direction,
            };
        } else {
            self.operation.phase = Phase::Back { reason };
            // Marks of the way forward must not be found again once undoing has begun.
            self.note(Persist::Synced);
            for state in &mut self.operation.steps {
                (state.tries, state.lost) = (0, 0);
            }
        }
    }

    /// Starts everything that can go on now.
    fn go_on(&mut self) {
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
        let open = |state: Mark| !matches!(state, Mark::Reached | Mark::Skipped);
        let marks = self.marks();
        let Some(stage) = marks
            .iter()
            .filter(|(_, mark)| open(*mark))
            .map(|(stage, _)| *stage)
            .min()
        else {
            self.operation.phase = Phase::Done;
            self.actions.push(Action::Finish);
            return;
        };
        if self
            .operation
            .plan
            .forward_from
            .is_some_and(|first| stage >= first)
            && !self.operation.committed
        {
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

    fn go_back(&mut self, reason: String) {
        if self.any_runs(Direction::Forward) {
            return;
        }
        let marks = self.marks();
        let open = |mark: Mark| matches!(mark, Mark::Touched | Mark::Reached | Mark::Skipped);
        let Some(stage) = marks
            .iter()
            .filter(|(_, mark)| open(*mark))
            .map(|(stage, _)| *stage)
            .max()
        else {
            self.operation.phase = Phase::Undone { reason };
            self.actions.push(Action::Finish);
            return;
        };
        for (step, (_, mark)) in marks.iter().enumerate().filter(|(_, (of, _))| *of == stage) {
            if !open(*mark) || self.operation.steps[step].running.is_some() {
                continue;
            }
            let wait = self.wait(step);
            if *mark == Mark::Reached && self.operation.steps[step].tries == 0 {
                let goal = self.step(step).goal.opposite();
                self.start(step, goal, None, wait);
            } else {
                self.look(step, wait);
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

    fn start(&mut self, step: usize, goal: Goal, seen: Option<Seen>, wait: Duration) {
        self.operation.steps[step].mark = Mark::Touched;
        self.operation.steps[step].running = Some(self.direction());
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

    fn take_running(&mut self, step: usize) -> Option<Direction> {
        self.operation.steps.get_mut(step)?.running.take()
    }

    fn note(&mut self, persist: Persist) {
        self.persist = self.persist.max(persist);
    }

    fn wait(&self, step: usize) -> Duration {
        match self.operation.steps[step].tries {
            0 => Duration::ZERO,
            tries => self.policy.wait(tries),
        }
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

    /// Stage and mark of each step.
    fn marks(&self) -> Vec<(usize, Mark)> {
        let stages = self.operation.plan.steps().map(|(stage, _)| stage);
        stages
            .zip(&self.operation.steps)
            .map(|(stage, state)| (stage, state.mark))
            .collect()
    }
}
