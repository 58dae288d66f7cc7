//! Operations as `/v1` shows them.

use jiff::Timestamp;
use mortar_api::{self as api, Attention, ErrorKind, Subject};
use mortar_engine::plan::{Change, Landscape, Place, Plan, Step, Subject as Thing};
use mortar_engine::{
    Ended, Load, Mark, Operation, OperationState, Outcome, Phase, StageEnded, StepEnded, StepState,
};
use mortar_model::NodeId;
use mortar_model::work::Goal;

/// An operation; with its stages when `whole`.
pub(crate) fn operation(state: &OperationState, landscape: &Landscape, whole: bool) -> api::Operation {
    match state {
        OperationState::Open(operation) => open(operation, landscape, whole),
        OperationState::Ended(operation) => ended(operation, landscape, whole),
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
    let (error, reason) = match &operation.phase {
        Phase::Attention { reason, because, .. } => (because.clone(), Some(reason.clone())),
        Phase::Back { reason } | Phase::Undone { reason } => (Some(reason.clone()), None),
        Phase::Forward | Phase::Done => (None, None),
    };
    let waits = operation.waits_for_nodes();
    let mut subject = subject(operation.plan.subject(), landscape);
    if let Some(name) = called(operation) {
        subject.name = name;
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
        error_kind: match (&error, &reason) {
            (_, Some(_)) if !waits || error.is_some() => Some(ErrorKind::NeedsAttention),
            (Some(_), None) => Some(ErrorKind::NodeFailed),
            _ => None,
        },
        error,
        attention: reason.map(|reason| attention(operation, reason)),
        warnings: operation.warnings.clone(),
        cleanup: None,
        waits_for: if waits {
            waits_for(operation, landscape)
        } else {
            Vec::new()
        },
    }
}

/// The name of something that is no record yet, or none any more.
fn called(operation: &Operation) -> Option<String> {
    operation.plan.changes.iter().find_map(|change| match change {
        Change::AddVolume(volume, _) => Some(volume.name.to_string()),
        Change::Clear(remains) => Some(remains.called.clone()),
        _ => None,
    })
}

fn attention(operation: &Operation, reason: String) -> Attention {
    Attention {
        reason,
        command: format!("mortar operation retry {}", operation.id),
        give_up: format!("mortar operation abandon {}", operation.id),
    }
}

/// Nodes that are away and that steps of the operation are on, or members of their pools.
fn waits_for(operation: &Operation, landscape: &Landscape) -> Vec<String> {
    let nodes = landscape
        .unhealthy()
        .filter_map(|id| landscape.inventory().node(id));
    nodes
        .filter(|node| operation.may_need(node.id, node.cluster))
        .map(|node| node.manage.to_string())
        .collect()
}

fn ended(operation: &Ended, landscape: &Landscape, whole: bool) -> api::Operation {
    let (phase, error) = match &operation.outcome {
        Outcome::Done { .. } => (api::Phase::Done, None),
        Outcome::Failed { reason } => (api::Phase::Undone, Some(reason.clone())),
    };
    let stages = operation.steps.stages.iter().filter(|_| whole);
    api::Operation {
        id: operation.id.to_string(),
        kind: operation.kind.name().into(),
        subject: subject(operation.subject, landscape),
        phase,
        started: time(operation.created),
        ended: Some(time(operation.ended)),
        steps_done: count(operation.steps.reached),
        steps_total: count(operation.steps.total),
        stages: stages.map(|stage| stage_ended(stage, landscape)).collect(),
        error_kind: error.as_ref().map(|_| ErrorKind::NodeFailed),
        error,
        attention: None,
        warnings: operation.warnings.clone(),
        cleanup: operation.cleanup.map(|id| id.to_string()),
        waits_for: Vec::new(),
    }
}

fn stage_ended(stage: &StageEnded, landscape: &Landscape) -> api::Stage {
    let step = |step: &StepEnded| api::Step {
        title: step.title.clone(),
        goal: goal(step.goal),
        host: step.node.map(|id| node_name(id, landscape)).unwrap_or_default(),
        state: marked(step.mark),
        text: step.trouble.clone().unwrap_or_default(),
    };
    api::Stage {
        title: stage.title.clone(),
        steps: stage.steps.iter().map(step).collect(),
    }
}

fn phase(operation: &Operation) -> api::Phase {
    let untouched = |step: &StepState| step.mark == Mark::Untouched && step.running.is_none();
    match operation.phase {
        Phase::Forward if operation.steps.iter().all(untouched) => api::Phase::Waiting,
        Phase::Forward => api::Phase::Running,
        Phase::Back { .. } => api::Phase::Undoing,
        Phase::Attention { waits: true, .. } => api::Phase::WaitingForNode,
        Phase::Attention { waits: false, .. } => api::Phase::NeedsAttention,
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

/// The stages of a plan that is only shown, or that an operation has just begun.
pub(crate) fn planned_stages(plan: &Plan, landscape: &Landscape) -> Vec<api::Stage> {
    let planned = |step: &Step| api::Step {
        title: step.thing.title(),
        goal: goal(step.goal),
        host: host(&step.place, landscape),
        state: api::StepState::Waiting,
        text: String::new(),
    };
    let stages = plan.stages.iter().map(|stage| api::Stage {
        title: stage.title.clone(),
        steps: stage.steps.iter().map(planned).collect(),
    });
    stages.collect()
}

fn of_step(step: &Step, state: &StepState, landscape: &Landscape) -> api::Step {
    api::Step {
        title: step.thing.title(),
        goal: goal(step.goal),
        host: host(&step.place, landscape),
        state: step_state(state),
        text: state.trouble.clone().unwrap_or_default(),
    }
}

fn goal(goal: Goal) -> String {
    let name = match goal {
        Goal::Present => "present",
        Goal::Absent => "absent",
    };
    name.into()
}

fn step_state(state: &StepState) -> api::StepState {
    match state.running {
        Some(_) => api::StepState::Running,
        None => marked(state.mark),
    }
}

const fn marked(mark: Mark) -> api::StepState {
    match mark {
        Mark::Untouched => api::StepState::Waiting,
        Mark::Touched => api::StepState::Unknown,
        Mark::Reached => api::StepState::Done,
        Mark::Returned => api::StepState::Undone,
        Mark::Skipped => api::StepState::Failed,
        Mark::Deferred => api::StepState::Deferred,
    }
}

/// Where a step is done; of a pool, the member that is asked first.
fn host(place: &Place, landscape: &Landscape) -> String {
    let node = match place {
        Place::Node(node) => Some(node),
        Place::Pool(_, nodes) => nodes.first(),
    };
    node.map(|id| node_name(*id, landscape)).unwrap_or_default()
}

fn node_name(id: NodeId, landscape: &Landscape) -> String {
    landscape
        .inventory()
        .node(id)
        .map_or_else(|| id.to_string(), |node| node.manage.to_string())
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
        Thing::Node(id) | Thing::Member(id) => inventory.node(id).map(|node| node.manage.to_string()),
        Thing::Device(id) => inventory.device(id).map(|device| device.path.to_string()),
        Thing::Volume(id) | Thing::Attachments(id) => {
            inventory.volume(id).map(|volume| volume.name.to_string())
        }
        Thing::Group(id) => inventory.group(id).map(|group| group.name.to_string()),
        Thing::Snapshot(id) => inventory.snapshot(id).map(|snapshot| snapshot.name.to_string()),
        Thing::Block(id) => inventory.block(id).map(|block| block.name.to_string()),
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
