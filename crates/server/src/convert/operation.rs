//! Operations as `/v1` shows them.

use jiff::Timestamp;
use mortar_api::{self as api, Attention, ErrorKind, Subject};
use mortar_engine::plan::{Landscape, Place, Step, Subject as Thing};
use mortar_engine::{Ended, Load, Mark, Operation, OperationState, Outcome, Phase, StepState};
use mortar_model::work::Goal;

/// An operation; with its stages when `whole`.
pub(crate) fn operation(state: &OperationState, landscape: &Landscape, whole: bool) -> api::Operation {
    match state {
        OperationState::Open(operation) => open(operation, landscape, whole),
        OperationState::Ended(operation) => ended(operation, landscape),
    }
}

/// How much there is to do.
pub(crate) fn load(load: Load) -> api::Load {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    api::Load {
        open: count(load.open),
        open_limit: count(load.open_limit),
        running: count(load.running),
        running_limit: count(load.running_limit),
        waiting: count(load.waiting),
        attention: count(load.attention),
        pool_waiting: count(load.pool_waiting),
    }
}

fn open(operation: &Operation, landscape: &Landscape, whole: bool) -> api::Operation {
    let done = operation
        .steps
        .iter()
        .filter(|step| step.mark == Mark::Reached)
        .count();
    let (error, attention) = match &operation.phase {
        Phase::Attention { reason, because, .. } => (because.clone(), Some(reason.clone())),
        Phase::Back { reason } | Phase::Undone { reason } => (Some(reason.clone()), None),
        Phase::Forward | Phase::Done => (None, None),
    };
    let mut subject = subject(operation.plan.subject(), landscape);
    if let Some(volume) = operation.plan.new_volume() {
        subject.name = volume.name.to_string();
    }
    api::Operation {
        id: operation.id.to_string(),
        kind: operation.kind.name().into(),
        subject,
        phase: phase(operation),
        started: time(operation.created),
        ended: None,
        steps_done: count(done),
        steps_total: count(operation.steps.len()),
        stages: if whole {
            stages(operation, landscape)
        } else {
            Vec::new()
        },
        error_kind: match (&error, &attention) {
            (_, Some(_)) => Some(ErrorKind::NeedsAttention),
            (Some(_), None) => Some(ErrorKind::NodeFailed),
            (None, None) => None,
        },
        error,
        attention: attention.map(|reason| Attention {
            reason,
            command: format!("mortar operation retry {}", operation.id),
        }),
    }
}

fn ended(operation: &Ended, landscape: &Landscape) -> api::Operation {
    let (phase, error) = match &operation.outcome {
        Outcome::Done { .. } => (api::Phase::Done, None),
        Outcome::Failed { reason } => (api::Phase::Undone, Some(reason.clone())),
    };
    api::Operation {
        id: operation.id.to_string(),
        kind: operation.kind.name().into(),
        subject: subject(operation.subject, landscape),
        phase,
        started: time(operation.created),
        ended: Some(time(operation.ended)),
        // Its steps are forgotten; all of them were done, or none is left done.
        steps_done: 0,
        steps_total: 0,
        stages: Vec::new(),
        error_kind: error.as_ref().map(|_| ErrorKind::NodeFailed),
        error,
        attention: None,
    }
}

fn phase(operation: &Operation) -> api::Phase {
    let untouched = |step: &StepState| step.mark == Mark::Untouched && step.running.is_none();
    match operation.phase {
        Phase::Forward if operation.steps.iter().all(untouched) => api::Phase::Waiting,
        Phase::Forward => api::Phase::Running,
        Phase::Back { .. } => api::Phase::Undoing,
        Phase::Attention { .. } => api::Phase::NeedsAttention,
        Phase::Done => api::Phase::Done,
        Phase::Undone { .. } => api::Phase::Undone,
    }
}

fn stages(operation: &Operation, landscape: &Landscape) -> Vec<api::Stage> {
    let mut states = operation.steps.iter();
    let stage = |stage: &mortar_engine::plan::Stage| api::Stage {
        title: stage.title.clone(),
        // The states stand in the order of the steps over all stages.
        steps: stage
            .steps
            .iter()
            .zip(states.by_ref())
            .map(|(step, state)| of_step(step, state, landscape))
            .collect(),
    };
    operation.plan.stages.iter().map(stage).collect()
}

fn of_step(step: &Step, state: &StepState, landscape: &Landscape) -> api::Step {
    let goal = match step.goal {
        Goal::Present => "present",
        Goal::Absent => "absent",
    };
    api::Step {
        title: step.thing.title(),
        goal: goal.into(),
        host: host(&step.place, landscape),
        state: step_state(state),
        text: state.trouble.clone().unwrap_or_default(),
    }
}

fn step_state(state: &StepState) -> api::StepState {
    match state.mark {
        _ if state.running.is_some() => api::StepState::Running,
        Mark::Untouched => api::StepState::Waiting,
        Mark::Touched => api::StepState::Unknown,
        Mark::Reached => api::StepState::Done,
        Mark::Returned => api::StepState::Undone,
        Mark::Skipped => api::StepState::Failed,
    }
}

/// Where a step is done; of a pool, the member that is asked first.
fn host(place: &Place, landscape: &Landscape) -> String {
    let node = match place {
        Place::Node(node) => Some(node),
        Place::Pool(_, nodes) => nodes.first(),
    };
    let name = |id| {
        landscape
            .inventory()
            .node(id)
            .map_or_else(|| id.to_string(), |node| node.manage.to_string())
    };
    node.map(|id| name(*id)).unwrap_or_default()
}

fn subject(thing: Option<Thing>, landscape: &Landscape) -> Subject {
    let Some(thing) = thing else {
        return Subject {
            kind: String::new(),
            id: String::new(),
            name: String::new(),
        };
    };
    let inventory = landscape.inventory();
    let name = match thing {
        Thing::Cluster(_) => None,
        Thing::Node(id) => inventory.node(id).map(|node| node.manage.to_string()),
        Thing::Device(id) => inventory.device(id).map(|device| device.path.to_string()),
        Thing::Volume(id) => inventory.volume(id).map(|volume| volume.name.to_string()),
    };
    Subject {
        kind: thing.kind().into(),
        id: thing.id(),
        name: name.unwrap_or_default(),
    }
}

/// Milliseconds since 1970 as RFC 3339; a time that no calendar has as it is.
pub(crate) fn time(milliseconds: u64) -> String {
    let known = i64::try_from(milliseconds)
        .ok()
        .and_then(|time| Timestamp::from_millisecond(time).ok());
    known.map_or_else(|| milliseconds.to_string(), |time| time.to_string())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(time(u64::MAX), u64::MAX.to_string());
    }
}
