//! An operation's record: what the store keeps of a change that is under way, and of one that has ended.

use mortar_model::work::Facts;
use mortar_model::{OperationId, OperationKind};
use mortar_plan::{Plan, Subject};
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
}

/// A step's mark and how often it was tried since the last change of direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    /// What is known of it.
    pub mark: Mark,
    /// Tries so far.
    #[serde(default)]
    pub tries: u32,
    /// Those of them whose answer was lost. Counted apart: somebody else's lock, met many times, must not use up
    /// the patience with a node that falls silent once.
    #[serde(default)]
    pub lost: u32,
    /// What went wrong at the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Which way an action for it is under way. Not stored: after a restart none is.
    #[serde(skip)]
    pub running: Option<Direction>,
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
}

impl Operation {
    /// An operation that is about to begin.
    pub fn new(id: OperationId, kind: OperationKind, created: u64, plan: Plan) -> Self {
        let untouched = StepState {
            mark: Mark::Untouched,
            tries: 0,
            lost: 0,
            trouble: None,
            running: None,
        };
        let steps = vec![untouched; plan.steps().count()];
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

    /// What remains of it when it has ended.
    pub fn ended(&self, ended: u64) -> Option<Ended> {
        let outcome = match &self.phase {
            Phase::Done => Outcome::Done {
                removed: self
                    .plan
                    .changes
                    .first()
                    .is_some_and(mortar_plan::Change::removes),
            },
            Phase::Undone { reason } => Outcome::Failed {
                reason: reason.clone(),
            },
            _ => return None,
        };
        let (id, kind, created) = (self.id, self.kind, self.created);
        let (subject, warnings) = (self.plan.subject(), self.warnings.clone());
        Some(Ended {
            id,
            kind,
            subject,
            created,
            ended,
            outcome,
            warnings,
        })
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome")]
pub enum Outcome {
    /// As asked.
    Done {
        /// Whether its subject is gone now.
        removed: bool,
    },
    /// Not at all; everything is as before.
    Failed {
        /// What stood in the way.
        reason: String,
    },
}

/// An operation that has ended, in few words: kept for those who come to ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its id.
    pub id: OperationId,
    /// What kind of change it was.
    pub kind: OperationKind,
    /// What it was about.
    pub subject: Option<Subject>,
    /// When it was asked for, in milliseconds since 1970.
    pub created: u64,
    /// When it ended, in milliseconds since 1970.
    pub ended: u64,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Steps that were not needed and failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}
