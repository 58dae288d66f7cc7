//! Giving up on command: an operation that waits is ended where it stands, and what it leaves is named.

use std::collections::BTreeMap;

use mortar_journal::Operation;
use mortar_model::{NodeId, OperationId};
use mortar_plan::{Landscape, Place};

use crate::engine::Engine;
use crate::submit::OperationState;

/// Most things that are named; the others are counted.
const MOST_NAMED: usize = 32;

impl Engine {
    /// Ends an operation that waits for a person or for nodes, as done where it was past its point of no return, else
    /// as undone; gives back what it held. What it did not reach stays as it is, and is named in its warnings.
    /// None when there is no such one, or it does not wait.
    pub async fn abandon(&self, id: OperationId) -> Option<OperationState> {
        let handle = self.inner.operations().open.get(&id).cloned()?;
        let names = self.view(|landscape| names(landscape, &handle.snapshot()));
        if !handle.abandon(|operation| left_behind(operation, &names)) {
            return None;
        }
        tracing::warn!(operation = %id, "given up on command");
        handle.rest().await;
        Some(handle.state())
    }
}

/// Host names of the nodes of an operation's steps.
fn names(landscape: &Landscape, operation: &Operation) -> BTreeMap<NodeId, String> {
    let nodes = operation.plan.steps().flat_map(|(_, step)| match &step.place {
        Place::Node(node) => std::slice::from_ref(node),
        Place::Pool(_, nodes) => nodes.as_slice(),
    });
    let name = |id: NodeId| {
        let node = landscape.inventory().node(id)?;
        Some((id, node.manage.to_string()))
    };
    nodes.filter_map(|id| name(*id)).collect()
}

/// What an operation leaves when it is given up as it stands: each thing, and where it is.
fn left_behind(operation: &Operation, names: &BTreeMap<NodeId, String>) -> Vec<String> {
    let mut left: Vec<String> = operation
        .left()
        .map(|(step, _)| {
            let place = match &step.place {
                Place::Node(id) => match names.get(id) {
                    Some(name) => format!("on {name}"),
                    None => format!("on node {id}"),
                },
                Place::Pool(..) => "in its trusted pool".to_owned(),
            };
            format!("given up: {} {place} is left as it is", step.thing.title())
        })
        .collect();
    let more = left.len().saturating_sub(MOST_NAMED);
    left.truncate(MOST_NAMED);
    if more > 0 {
        left.push(format!("given up: {more} more things are left as they are"));
    }
    left
}
