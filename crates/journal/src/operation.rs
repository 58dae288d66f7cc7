//! An operation's record: what the store keeps of a change that is under way.

use std::collections::BTreeSet;

use mortar_model::work::{Facts, Thing};
use mortar_model::{Brick, ByteSize, ClusterId, DeviceId, NodeId, OperationId, OperationKind};
use mortar_plan::{Change, Place, Plan, Step};
use serde::{Deserialize, Serialize};

/// Which way an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Towards its goal.
    Forward,
    /// Back to where it began.
    Back,
}

/// Where an operation stands as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "phase")]
pub enum Phase {
    /// Going towards its goal.
    Forward,
    /// Going back, because of this.
    Back {
        /// What stood in the way.
        reason: String,
    },
    /// Every needed step is done.
    Done,
    /// Everything is as before, because of this.
    Undone {
        /// What stood in the way.
        reason: String,
    },
    /// Neither way can be gone for now.
    Attention {
        /// What stands in the way.
        reason: String,
        /// Why it went back, if it did.
        because: Option<String>,
        /// Which way it goes when it is taken up again.
        direction: Direction,
        /// Whether nodes that are away are all that stands in the way: nobody has to do anything but wait.
        #[serde(default)]
        waits: bool,
    },
}

/// What is known of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Nothing was done.
    Untouched,
    /// Something may have been done.
    Touched,
    /// Its goal holds.
    Reached,
    /// It was undone.
    Returned,
    /// It was not needed, could not be done, and was left.
    Skipped,
    /// It removes something from a node that is away; the operation goes on without it, and leaves it to another.
    Deferred,
}

/// A step's mark and how often it was tried in vain since the last change of direction. Each kind of failure is counted
/// apart: somebody else's lock, met many times, must not use up the patience with a node that falls silent or says no once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// What is known of it.
    pub mark: Mark,
    /// Tries that were refused.
    #[serde(default)]
    pub tries: u32,
    /// Tries that met somebody else's lock.
    #[serde(default)]
    pub busy: u32,
    /// Tries whose answer was lost.
    #[serde(default)]
    pub lost: u32,
    /// What went wrong at the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Which way an action for it is under way. Not stored: after a restart none is.
    #[serde(skip)]
    pub running: Option<Direction>,
    /// Whether nothing was done before the action that is under way.
    #[serde(skip)]
    pub fresh: bool,
}

impl StepState {
    const UNTOUCHED: Self = Self {
        mark: Mark::Untouched,
        tries: 0,
        busy: 0,
        lost: 0,
        trouble: None,
        running: None,
        fresh: false,
    };

    /// Tries in vain, of whatever kind.
    pub const fn in_vain(&self) -> u32 {
        self.tries.saturating_add(self.busy).saturating_add(self.lost)
    }

    /// From here on it is counted anew.
    pub(crate) const fn forgive(&mut self) {
        (self.tries, self.busy, self.lost) = (0, 0, 0);
    }
}

/// A change that was asked for and has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// Its id; also its queue id on the REST door.
    pub id: OperationId,
    /// What kind of change.
    pub kind: OperationKind,
    /// When it was asked for, in milliseconds since 1970.
    pub created: u64,
    /// What has to happen.
    pub plan: Plan,
    /// Where it stands.
    #[serde(flatten)]
    pub phase: Phase,
    /// Whether the point of no return is passed. Durable before any step beyond it.
    #[serde(default)]
    pub committed: bool,
    /// One state per step, in the plan's order.
    pub steps: Vec<StepState>,
    /// What its steps taught.
    #[serde(default)]
    pub facts: Facts,
    /// Steps that were not needed and failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The operation and step whose locks on the nodes the steps take, where those are not its own: scripts of the
    /// operation that left them over may still run there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<(OperationId, usize)>,
}

impl Operation {
    /// An operation that is about to begin.
    ///
    /// What a repair finds may be in any state, and may have changed since somebody saw it: its steps count as touched from
    /// the start, so that each is looked at before anything is done.
    pub fn new(id: OperationId, kind: OperationKind, created: u64, plan: Plan) -> Self {
        let mark = match kind {
            OperationKind::Repair => Mark::Touched,
            _ => Mark::Untouched,
        };
        let begin = StepState {
            mark,
            ..StepState::UNTOUCHED
        };
        let steps = vec![begin; plan.steps().count()];
        let (phase, facts) = (Phase::Forward, Facts::None);
        Self {
            id,
            kind,
            created,
            plan,
            phase,
            committed: false,
            steps,
            facts,
            warnings: Vec::new(),
            locks: Vec::new(),
        }
    }

    /// Whether it has ended, done or undone.
    pub const fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Done | Phase::Undone { .. })
    }

    /// Whether it waits for somebody.
    pub const fn needs_attention(&self) -> bool {
        matches!(self.phase, Phase::Attention { .. })
    }

    /// Ends the wait for somebody: it stands where it stood, on the way that it was going. Answers whether it waited.
    pub fn take_up(&mut self) -> bool {
        let Phase::Attention {
            because, direction, ..
        } = &self.phase
        else {
            return false;
        };
        self.phase = match (direction, because) {
            (Direction::Back, Some(because)) => Phase::Back {
                reason: because.clone(),
            },
            _ => Phase::Forward,
        };
        true
    }

    /// Whether it waits for nodes and for nobody else.
    pub const fn waits_for_nodes(&self) -> bool {
        matches!(self.phase, Phase::Attention { waits: true, .. })
    }

    /// Whether that node, back in its cluster, may let it go on.
    pub fn may_need(&self, node: NodeId, cluster: ClusterId) -> bool {
        self.left().any(|(step, _)| match &step.place {
            Place::Node(other) => *other == node,
            Place::Pool(pool, _) => *pool == cluster,
        })
    }

    /// Steps that are not where the operation's way, or its end, wants them.
    pub fn left(&self) -> impl Iterator<Item = (&Step, &StepState)> {
        let back = match &self.phase {
            Phase::Back { .. } | Phase::Undone { .. } => true,
            Phase::Attention { direction, .. } => *direction == Direction::Back,
            Phase::Forward | Phase::Done => false,
        };
        let steps = self.plan.steps().map(|(_, step)| step);
        steps
            .zip(&self.steps)
            .filter(move |(step, state)| match state.mark {
                Mark::Untouched => !back,
                Mark::Touched | Mark::Deferred => true,
                Mark::Skipped => back,
                Mark::Reached => back && !step.thing.keeps(),
                Mark::Returned => false,
            })
    }

    /// What is recorded at its end: all that was planned when it is done; when it is undone, how large the thin pools are that it made
    /// larger, or may have.
    pub fn changes(&self) -> Vec<Change> {
        match &self.phase {
            Phase::Done => self.plan.changes.clone(),
            Phase::Undone { .. } => self.kept(),
            Phase::Forward | Phase::Back { .. } | Phase::Attention { .. } => Vec::new(),
        }
    }

    fn kept(&self) -> Vec<Change> {
        let pools: BTreeSet<(DeviceId, String)> = self
            .plan
            .steps()
            .zip(&self.steps)
            .filter(|(_, state)| matches!(state.mark, Mark::Reached | Mark::Touched))
            .filter_map(|((_, step), _)| match &step.thing {
                thing @ Thing::Growth(spec) if thing.keeps() => {
                    Some((spec.brick.device, spec.brick.place().thin_pool()))
                }
                _ => None,
            })
            .collect();
        let kept = |change: &Change| {
            let Change::GrowBricks { volume, by, bricks } = change else {
                return None;
            };
            let is_larger = |brick: &&Brick| pools.contains(&(brick.device, brick.place().thin_pool()));
            let bricks: Vec<Brick> = bricks.iter().filter(is_larger).cloned().collect();
            (*by == ByteSize::ZERO && !bricks.is_empty()).then_some(Change::GrowBricks {
                volume: *volume,
                by: *by,
                bricks,
            })
        };
        self.plan.changes.iter().filter_map(kept).collect()
    }

    /// Whose lock a step takes on its node.
    pub fn lock_of(&self, step: usize) -> (OperationId, usize) {
        self.locks.get(step).copied().unwrap_or((self.id, step))
    }

    /// Ends it where it stands, if it waits for somebody: as done where there is no way back any more, else as
    /// undone. What is not where it should be then stays so, and is left to nobody. Answers whether it waited.
    pub fn abandon(&mut self) -> bool {
        let Phase::Attention { reason, because, .. } = &self.phase else {
            return false;
        };
        self.phase = if self.committed {
            Phase::Done
        } else {
            Phase::Undone {
                reason: because.as_ref().unwrap_or(reason).clone(),
            }
        };
        for state in &mut self.steps {
            if state.mark == Mark::Deferred {
                state.mark = Mark::Touched;
            }
        }
        true
    }
}
