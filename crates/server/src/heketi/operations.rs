//! `/operations`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_engine::plan::Change;
use mortar_engine::{Operation, OperationState, Phase};
use mortar_heketi::WireError;
use mortar_heketi::operations::{
    OperationCounts, PendingChange, PendingDetails, PendingList, PendingOperation, type_name,
};

use super::Id;
use crate::http::answer::{self, Answer, Plain};
use crate::state::{App, Shared};

/// How many operations are under way, by what they do.
#[utoipa::path(get, path = "/operations", operation_id = "count_operations", tag = "operations", responses(
    (status = 200, description = "Counts", body = OperationCounts),
))]
pub(crate) async fn counts(State(app): State<App>) -> Answer {
    answer::json(StatusCode::OK, &count(open(&app).iter()))
}

/// How many of these there are, by where they stand.
pub(crate) fn count<'a>(operations: impl Iterator<Item = &'a Operation>) -> OperationCounts {
    let mut counts = OperationCounts::default();
    for operation in operations {
        counts.total += 1;
        if needs_attention(operation) {
            counts.failed += 1;
        } else {
            counts.new += 1;
            counts.in_flight += u64::from(is_at_work(operation));
        }
    }
    counts
}

/// The operations that are under way.
#[utoipa::path(get, path = "/operations/pending", operation_id = "list_pending_operations", tag = "operations", responses(
    (status = 200, description = "Operations", body = PendingList),
))]
pub(crate) async fn pending(State(app): State<App>) -> Answer {
    let mut pendingoperations: Vec<PendingOperation> = open(&app).iter().map(shown).collect();
    pendingoperations.sort_by(|a, b| a.id.cmp(&b.id));
    answer::json(StatusCode::OK, &PendingList { pendingoperations })
}

/// One operation that is under way, with what it changes.
#[utoipa::path(get, path = "/operations/pending/{id}", operation_id = "get_pending_operation", tag = "operations",
    params(("id" = String, Path)), responses(
    (status = 200, description = "The operation", body = PendingDetails),
    (status = 404, description = "It is not under way", body = String),
))]
pub(crate) async fn details(State(app): State<App>, id: Id) -> Result<Answer, Plain> {
    let unknown = || WireError::PendingNotFound(id.text().to_owned());
    let parsed = id.of().map_err(|_| unknown())?;
    let Some(OperationState::Open(operation)) = app.engine.operation(parsed) else {
        return Err(unknown().into());
    };
    let details = PendingDetails {
        operation: shown(&operation),
        changes: operation.plan.changes.iter().flat_map(changes).collect(),
    };
    Ok(answer::json(StatusCode::OK, &details))
}

fn open(app: &Shared) -> Vec<Operation> {
    let (states, _) = app.engine.operations(0);
    let open = states.into_iter().filter_map(|state| match state {
        OperationState::Open(operation) => Some(*operation),
        OperationState::Ended(_) => None,
    });
    open.collect()
}

fn needs_attention(operation: &Operation) -> bool {
    matches!(operation.phase, Phase::Attention { waits: false, .. })
}

/// Not those that wait for a person or a node.
fn is_at_work(operation: &Operation) -> bool {
    !matches!(operation.phase, Phase::Attention { .. })
}

fn shown(operation: &Operation) -> PendingOperation {
    let status = if needs_attention(operation) { "failed" } else { "" };
    let sub_status = if is_at_work(operation) { "in-flight" } else { "" };
    PendingOperation {
        id: operation.id.to_string(),
        type_name: type_name(&operation.kind.to_string()).to_owned(),
        status: status.into(),
        sub_status: sub_status.into(),
    }
}

/// In Heketi's words, as far as it has any.
fn changes(change: &Change) -> Vec<PendingChange> {
    let one = |id: String, description: &str| PendingChange {
        id,
        description: description.into(),
    };
    match change {
        Change::AddVolume(volume, bricks) => bricks
            .iter()
            .map(|brick| one(brick.id.to_string(), "Add brick"))
            .chain([one(volume.id.to_string(), "Add volume")])
            .collect(),
        Change::GrowVolume { volume, bricks, .. } => bricks
            .iter()
            .map(|brick| one(brick.id.to_string(), "Add brick"))
            .chain([one(volume.to_string(), "Expand volume")])
            .collect(),
        Change::GrowBricks { volume, .. } => vec![one(volume.to_string(), "Expand volume")],
        Change::ReplaceBrick { old, new } => vec![
            one(old.to_string(), "Delete brick"),
            one(new.id.to_string(), "Add brick"),
        ],
        Change::RemoveVolume(id) => vec![one(id.to_string(), "Delete volume")],
        Change::AddBlock(block) => vec![one(block.id.to_string(), "Add block volume")],
        Change::PutBlock(block) => vec![one(block.id.to_string(), "Expand block volume")],
        Change::RemoveBlock(id) => vec![one(id.to_string(), "Delete block volume")],
        Change::RemoveDevice(id) => vec![one(id.to_string(), "Remove device")],
        _ => Vec::new(),
    }
}
