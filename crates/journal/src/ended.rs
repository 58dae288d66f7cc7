//! What the store keeps of an operation that has ended.

use mortar_model::work::Goal;
use mortar_model::{NodeId, OperationId, OperationKind};
use mortar_plan::{Change, Place, Stage, Step, Subject};
use serde::{Deserialize, Serialize};

use crate::operation::{Mark, Operation, Phase, StepState};

/// Most steps that are kept of one operation.
const MOST_STEPS: usize = 64;
/// Longest trouble that is kept of a step, in characters.
const LONGEST_TROUBLE: usize = 200;

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
    /// Steps that were not needed and failed, and what was left behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The operation that finishes what was left on nodes that were away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<OperationId>,
    /// How each of its steps ended.
    #[serde(default)]
    pub steps: StepsEnded,
}

/// How the steps of an operation ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepsEnded {
    /// Steps whose goal held.
    pub reached: usize,
    /// Steps in all, those that are not kept among them.
    pub total: usize,
    /// Its stages in order, without steps beyond a bound.
    pub stages: Vec<StageEnded>,
}

/// A stage of an operation that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageEnded {
    /// What it did, for people.
    pub title: String,
    /// Its steps.
    pub steps: Vec<StepEnded>,
}

/// A step of an operation that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnded {
    /// The thing in a few words.
    pub title: String,
    /// Whether it was to be there or gone.
    pub goal: Goal,
    /// Where; of a pool, the member that is asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// Where it stood at the end.
    pub mark: Mark,
    /// What went wrong with it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl Operation {
    /// What remains of it when it has ended.
    pub fn ended(&self, ended: u64) -> Option<Ended> {
        let outcome = match &self.phase {
            Phase::Done => Outcome::Done {
                removed: self.plan.changes.first().is_some_and(Change::removes),
            },
            Phase::Undone { reason } => Outcome::Failed {
                reason: reason.clone(),
            },
            _ => return None,
        };
        Some(Ended {
            id: self.id,
            kind: self.kind,
            subject: self.plan.subject(),
            created: self.created,
            ended,
            outcome,
            warnings: self.warnings.clone(),
            cleanup: None,
            steps: self.steps_ended(),
        })
    }

    fn steps_ended(&self) -> StepsEnded {
        let reached = self.steps.iter().filter(|state| state.mark == Mark::Reached);
        let mut states = self.steps.iter();
        let mut room = MOST_STEPS;
        let mut stage = |stage: &Stage| {
            let steps = stage.steps.iter().zip(states.by_ref());
            let kept: Vec<StepEnded> = steps
                .enumerate()
                .filter(|(number, _)| *number < room)
                .map(|(_, (step, state))| step_ended(step, state))
                .collect();
            room -= kept.len();
            StageEnded {
                title: stage.title.clone(),
                steps: kept,
            }
        };
        StepsEnded {
            reached: reached.count(),
            total: self.steps.len(),
            stages: self.plan.stages.iter().map(&mut stage).collect(),
        }
    }
}

fn step_ended(step: &Step, state: &StepState) -> StepEnded {
    let shortened = |trouble: &String| trouble.chars().take(LONGEST_TROUBLE).collect();
    StepEnded {
        title: step.thing.title(),
        goal: step.goal,
        node: match &step.place {
            Place::Node(node) => Some(*node),
            Place::Pool(_, nodes) => nodes.first().copied(),
        },
        mark: state.mark,
        trouble: state.trouble.as_ref().map(shortened),
    }
}
