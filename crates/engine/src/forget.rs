//! Nodes that never come back: taken out of their pool and the records, with what only waits for them.

use mortar_model::{NodeId, OperationId, OperationKind};
use mortar_plan::{Place, Refusal};

use crate::away;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::submit::OperationState;

impl Engine {
    /// Takes a node that never comes back out of its pool and the records, with its devices. What only waits for that
    /// node to be back is given up, once nothing else stands in the way.
    ///
    /// # Errors
    /// The node is unknown or being changed, has bricks, or answers and has devices: forgetting them would leave what they
    /// are made of on its disks.
    pub async fn forget_node(&self, id: NodeId) -> Result<OperationId, EngineError> {
        let has_devices = can_be_forgotten(&self.inner, id, &self.waits_for_node_alone(id))?;
        if has_devices && away::answers(&self.inner, id).await {
            let wanted = "what answers is not forgotten, but given back with 'mortar device delete' and 'mortar node delete'; if it \
                          shall never come back, shut it down first";
            return Err(EngineError::Refused(Refusal::WrongState {
                what: "node",
                id: id.to_string(),
                state: "there".into(),
                wanted,
            }));
        }
        // Much may have been begun while the node was asked.
        let cleanups = self.waits_for_node_alone(id);
        can_be_forgotten(&self.inner, id, &cleanups)?;
        for cleanup in cleanups {
            self.abandon(cleanup).await;
        }
        self.submit(OperationKind::RemoveNode, |landscape, _| {
            mortar_plan::forget_node(landscape, id)
        })
        .await
    }

    /// Cleanups that wait, and have nothing left to do but on that node.
    fn waits_for_node_alone(&self, id: NodeId) -> Vec<OperationId> {
        let (open, _) = self.operations(0);
        let waiting = open.into_iter().filter_map(|state| match state {
            OperationState::Open(operation) if operation.kind == OperationKind::Cleanup => Some(operation),
            _ => None,
        });
        waiting
            .filter(|operation| {
                operation.needs_attention() && operation.left().all(|(step, _)| step.place == Place::Node(id))
            })
            .map(|operation| operation.id)
            .collect()
    }
}

/// Whether the node has devices, when it can be forgotten once these cleanups are given up: what is given up does not
/// come back, so nothing is before that is known.
///
/// # Errors
/// It cannot be forgotten even then.
fn can_be_forgotten(inner: &Inner, id: NodeId, cleanups: &[OperationId]) -> Result<bool, Refusal> {
    let landscape = inner.landscape();
    let has_devices = landscape.inventory().devices_of(id).next().is_some();
    if cleanups.is_empty() {
        mortar_plan::forget_node(&landscape, id)?;
    } else {
        let mut without = landscape.clone();
        drop(landscape);
        for cleanup in cleanups {
            without.release(*cleanup);
        }
        mortar_plan::forget_node(&without, id)?;
    }
    Ok(has_devices)
}
