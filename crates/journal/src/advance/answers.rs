//! What an answer makes of its step.

use std::time::Duration;

use mortar_model::OperationKind;
use mortar_model::work::{Facts, Failure, FailureKind, Goal, Seen, Thing, Verdict};

use super::{Machine, Persist};
use crate::operation::{Direction, Mark, Phase};

impl Machine<'_> {
    /// Nothing is under way. Marks on disk may be older than what was done: on the way forward, what stands there as
    /// untouched may have been touched, except beyond a point of no return that was never passed; on the way back, what
    /// stands there as reached may have been undone, and on the way forward, what stands there as returned (it has turned
    /// twice) may have been done again. They are never older than the last turn, which is synced.
    pub(super) fn resume(&mut self) {
        let back = self.direction() == Direction::Back;
        // One that clears up after others has come for what they deferred.
        let clears = self.operation.kind == OperationKind::Cleanup;
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
            state.forgive();
            let stale = match state.mark {
                Mark::Untouched => !back && reachable,
                Mark::Reached => back,
                Mark::Returned => !back,
                Mark::Deferred => clears,
                _ => false,
            };
            if stale {
                state.mark = Mark::Touched;
            }
        }
        self.operation.take_up();
        self.note(Persist::Lazy);
    }

    pub(super) fn did(&mut self, step: usize, verdict: Verdict) {
        let Some(direction) = self.take_running(step) else {
            return;
        };
        self.note(Persist::Lazy);
        match verdict {
            Verdict::Done(facts) => {
                self.learn(facts);
                let keeps = self.step(step).thing.keeps();
                self.settle(step, if keeps { Direction::Forward } else { direction });
            }
            Verdict::Unknown(why) => self.lost(step, direction, &why),
            Verdict::Failed(failure) => self.failed(step, direction, &failure),
        }
    }

    pub(super) fn looked(&mut self, step: usize, seen: Seen) {
        let Some(direction) = self.take_running(step) else {
            return;
        };
        if self.direction() != direction {
            // The operation turned while this look was under way: whatever it saw, the step may be touched.
            self.operation.steps[step].mark = Mark::Touched;
            return;
        }
        if direction == Direction::Back && self.step(step).thing.keeps() {
            return self.looked_at_what_stays(step, seen);
        }
        match (seen, self.goal(step, direction)) {
            (Seen::Unknown(why), _) => self.unseen(step, direction, &why, false),
            (Seen::Unreached(why), _) if self.may_wait(step, direction, FailureKind::Unreached) => {
                self.defer(step, why);
            }
            (Seen::Away(why), _) if self.may_wait(step, direction, FailureKind::Away) => {
                self.defer(step, why);
            }
            (Seen::Unreached(why) | Seen::Away(why), _) => self.unseen(step, direction, &why, true),
            // Nothing of ours is left: what stands in its place is somebody else's, and stays.
            (Seen::Foreign(_) | Seen::Absent, Goal::Absent) => self.settle(step, direction),
            (Seen::Foreign(reason), Goal::Present) => {
                let kind = FailureKind::Refused;
                self.failed(step, direction, &Failure { kind, reason });
            }
            (Seen::Present(facts), Goal::Present) => {
                self.learn(facts);
                self.settle(step, direction);
            }
            (Seen::Absent, Goal::Present) if direction == Direction::Back => self.cannot_return(step),
            (seen, goal) => self.start(step, goal, Some(seen), Duration::ZERO),
        }
    }

    /// On the way back it is as it was before or as it is to be: what is neither is brought to its end, since it cannot be taken back.
    fn looked_at_what_stays(&mut self, step: usize, seen: Seen) {
        match seen {
            Seen::Present(_) => self.settle(step, Direction::Forward),
            Seen::Absent | Seen::Foreign(_) => self.settle(step, Direction::Back),
            Seen::Partial(_) => self.start(step, Goal::Present, Some(seen), Duration::ZERO),
            Seen::Unknown(why) => self.unseen(step, Direction::Back, &why, false),
            Seen::Unreached(why) | Seen::Away(why) => self.unseen(step, Direction::Back, &why, true),
        }
    }

    /// What was to be destroyed is gone, though the destroying failed: the only way is forward after all.
    fn cannot_return(&mut self, step: usize) {
        self.operation.phase = Phase::Forward;
        self.note(Persist::Synced);
        self.take_back_deferred();
        self.settle(step, Direction::Forward);
    }

    /// What was wanted of the step holds.
    fn settle(&mut self, step: usize, direction: Direction) {
        let state = &mut self.operation.steps[step];
        state.mark = match direction {
            Direction::Forward => Mark::Reached,
            Direction::Back => Mark::Returned,
        };
        state.trouble = None;
        state.forgive();
        self.note(Persist::Lazy);
    }

    fn learn(&mut self, facts: Facts) {
        if facts != Facts::None {
            self.operation.facts = facts;
        }
    }

    /// Nobody knows what became of it: it stays touched, and is looked at next.
    fn trouble(&mut self, step: usize, why: &str) {
        let state = &mut self.operation.steps[step];
        state.mark = Mark::Touched;
        state.trouble = Some(why.to_owned());
    }

    /// A `Do` whose outcome was lost. A look tells what became of it; but where looks are answered and the doing
    /// never is, this ends as well.
    fn lost(&mut self, step: usize, direction: Direction, why: &str) {
        self.trouble(step, why);
        self.operation.steps[step].lost += 1;
        if self.operation.steps[step].lost > self.policy.unknown_tries {
            self.give_up(step, direction, why, false);
        }
    }

    /// A look that saw nothing. After the last try the operation turns, or waits.
    fn unseen(&mut self, step: usize, direction: Direction, why: &str, away: bool) {
        self.trouble(step, why);
        self.operation.steps[step].lost += 1;
        if self.operation.steps[step].lost >= self.policy.unknown_tries {
            self.give_up(step, direction, why, away);
        }
    }

    fn failed(&mut self, step: usize, direction: Direction, failure: &Failure) {
        let nothing_done = failure.kind == FailureKind::Unreached && self.operation.steps[step].fresh;
        self.trouble(step, &failure.reason);
        if nothing_done {
            self.operation.steps[step].mark = Mark::Untouched;
        }
        if self.may_wait(step, direction, failure.kind) {
            self.defer(step, failure.reason.clone());
            return;
        }
        let stubborn = direction == Direction::Back || self.operation.committed;
        let state = &mut self.operation.steps[step];
        let (tries, most, away) = match failure.kind {
            FailureKind::Busy => {
                state.busy += 1;
                (state.busy, self.policy.busy_tries, false)
            }
            // Nobody loses patience; only the waits grow.
            FailureKind::Underway => {
                state.busy = (state.busy + 1).min(self.policy.busy_tries / 2);
                (0, 1, false)
            }
            FailureKind::Refused | FailureKind::NoSpace => {
                state.tries += 1;
                let most = if stubborn { self.policy.stubborn_tries } else { 1 };
                (state.tries, most, false)
            }
            // It comes back when it comes back: whoever watches over nodes tells.
            FailureKind::Unreached | FailureKind::Away => (1, 1, true),
        };
        if tries >= most {
            self.give_up(step, direction, &failure.reason, away);
        }
    }

    /// Whether the operation can go on without this step, whose node is away, and leave it to another.
    ///
    /// Only what is to be gone, and nobody uses: bricks that a volume uses may hold data, so taking them out of it is
    /// waited for. A volume has to be stopped at least, which a node that was not reached cannot tell.
    fn may_wait(&self, step: usize, direction: Direction, kind: FailureKind) -> bool {
        let reason = matches!(kind, FailureKind::Unreached | FailureKind::Away);
        if !reason || self.direction() != direction || self.goal(step, direction) != Goal::Absent {
            return false;
        }
        if self.operation.kind == OperationKind::Cleanup {
            return true;
        }
        match &self.step(step).thing {
            Thing::Brick(_) => true,
            Thing::Volume(_) => kind == FailureKind::Away,
            // Whoever asks for a device or a node to be removed is told that it is not there.
            Thing::Device(_) | Thing::Peer(_) | Thing::NodeFile(_) => direction == Direction::Back,
            Thing::AddedBricks(_)
            | Thing::Copies(_)
            | Thing::Rebalance(_)
            | Thing::Seat(_)
            | Thing::Heal(_)
            | Thing::Bricks(_)
            | Thing::Member(_)
            | Thing::Identity(_)
            | Thing::Growth(_)
            | Thing::DeviceSize(_)
            | Thing::ChangedOptions(_)
            | Thing::Block(_)
            | Thing::Stopped(_) => false,
            // What is not a copy yet is in nobody's way, and nobody reads it. A freeze ends by itself.
            Thing::Copy(_) => true,
            // A repair that does not get there is left; the next one finds the same again.
            Thing::Mount(_) | Thing::Started(_) | Thing::VolumeOptions(_) | Thing::Remains(_) => false,
        }
    }

    fn defer(&mut self, step: usize, why: String) {
        let state = &mut self.operation.steps[step];
        state.mark = Mark::Deferred;
        state.trouble = Some(why);
        state.forgive();
        self.note(Persist::Lazy);
    }
}
