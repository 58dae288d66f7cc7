//! `GET /v1/operations` and `GET /v1/operations/{id}`: the changes that were asked for and how far they are.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ErrorKind;

/// Which operations are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OperationQuery {
    /// Only those that are not at an end, or that need attention.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// At most this many; the server has a bound of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Operations, the youngest first. Their stages are left out: ask for one to see them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationList {
    /// The youngest of them.
    pub operations: Vec<Operation>,
    /// How many more there are that the list leaves out.
    #[serde(default)]
    pub more: u64,
    /// What waits and what runs.
    #[serde(default)]
    pub load: Load,
}

/// How much the server has to do, and the bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Load {
    /// Operations under way: those that wait for their turn or for a person included, those that wait for nodes that are away not.
    pub open: u64,
    /// As many may be under way; over it, what would begin another is answered with 429.
    pub open_limit: u64,
    /// Operations that run.
    pub running: u64,
    /// As many may run side by side.
    pub running_limit: u64,
    /// Operations that wait for their turn.
    pub waiting: u64,
    /// Operations that wait for a person.
    pub attention: u64,
    /// Changes that wait for their trusted pool's turn.
    pub pool_waiting: u64,
}

/// Header that tells the [`Phase`]'s name on `GET /queue/{id}` while nothing happens there: only
/// [`WaitingForNode`](Phase::WaitingForNode). Old clients do not read it, and go on asking.
pub const PHASE_HEADER: &str = "mortar-phase";

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Recorded, and waiting for its turn.
    Waiting,
    /// Its steps run.
    Running,
    /// A step failed: what was done is being undone.
    Undoing,
    /// At an end: all is as asked.
    Done,
    /// At an end: it failed, and all is as it was before.
    Undone,
    /// It can go neither on nor back by itself.
    NeedsAttention,
    /// It goes on by itself when a node that is away is back.
    WaitingForNode,
    /// Something this program is too old to know.
    #[serde(other)]
    Unknown,
}

impl Phase {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Undoing => "undoing",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::NeedsAttention => "needs-attention",
            Self::WaitingForNode => "waiting-for-node",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nothing more will happen for now.
    pub const fn at_rest(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Undone | Self::NeedsAttention | Self::WaitingForNode
        )
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Begun.
    Running,
    /// Its goal holds.
    Done,
    /// Its goal does not hold.
    Failed,
    /// Taken back.
    Undone,
    /// Left for when its node is back.
    Deferred,
    /// Nobody knows: it is looked at before anything else is done there.
    #[serde(other)]
    Unknown,
}

impl StepState {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Undone => "undone",
            Self::Deferred => "deferred",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for StepState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an operation is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subject {
    /// `volume`, `device`, `node` or `cluster`.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// Its name, path or host name; empty when it has none.
    #[serde(default)]
    pub name: String,
}

/// A change that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Its id; also its queue id on Heketi's routes.
    pub id: String,
    /// What kind of change (`create-volume`, `add-device`, …).
    pub kind: String,
    /// What it is about.
    pub subject: Subject,
    /// How far it is.
    pub phase: Phase,
    /// When it was recorded, RFC 3339.
    pub started: String,
    /// When it came to an end, RFC 3339; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Steps whose goal holds.
    pub steps_done: u32,
    /// Steps in all.
    pub steps_total: u32,
    /// Its stages in order, each with its steps; left out in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Why it failed; absent when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Which kind of error that is; absent when it did not fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// What a person must do; absent when nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// What went wrong and did not keep it from its end, and what it left behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The operation that removes what this one left on nodes that were away; absent when it left nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleanup: Option<String>,
    /// Names of the nodes that it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
}

/// Steps that may run side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stage {
    /// What the stage does, in a few words.
    pub title: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One thing on one node, present or absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// The thing, in a few words (`brick 3f…`).
    pub title: String,
    /// `present` or `absent`.
    pub goal: String,
    /// Name of the node where it is done.
    pub host: String,
    /// How far it is.
    pub state: StepState,
    /// What was said of it last; empty when nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// Why a person must look, and what settles it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attention {
    /// What is known and what is not.
    pub reason: String,
    /// The command that settles it.
    pub command: String,
    /// The command that gives it up instead: it ends, and what it did not reach is left as it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub give_up: String,
}

#[cfg(test)]
mod tests {
    use super::{Phase, StepState};

    #[test]
    fn the_shown_name_is_the_wire_name() {
        use Phase::{Done, NeedsAttention, Running, Undoing, Undone, Unknown, Waiting, WaitingForNode};
        for phase in [
            Waiting,
            Running,
            Undoing,
            Done,
            Undone,
            NeedsAttention,
            WaitingForNode,
            Unknown,
        ] {
            assert_eq!(serde_json::to_string(&phase).unwrap(), format!("\"{phase}\""));
        }
        for state in [
            StepState::Waiting,
            StepState::Running,
            StepState::Done,
            StepState::Failed,
            StepState::Undone,
            StepState::Deferred,
        ] {
            assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{state}\""));
        }
        assert_eq!(serde_json::from_str::<Phase>("\"paused\"").unwrap(), Unknown);
    }
}
