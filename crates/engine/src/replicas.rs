//! More copies of each file of a volume, or fewer.

use mortar_model::work::{FailureKind, Thing, Verdict};
use mortar_model::{Durability, OperationId, OperationKind, VolumeId};
use mortar_plan::{Plan, Refusal, Seed};

use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::evict;

impl Engine {
    /// Gives each file of a volume so many copies, or two and an arbiter.
    ///
    /// # Errors
    /// It cannot be planned, or the bricks that are to leave are needed for now.
    pub async fn change_replicas(
        &self,
        id: VolumeId,
        wanted: Durability,
    ) -> Result<OperationId, EngineError> {
        // Planned once without holding anything, to know whom to ask: what cannot be is answered at once.
        let plan =
            self.view(|landscape| mortar_plan::change_replicas(landscape, id, wanted, &mut Seed::new(0)))?;
        can_leave(&self.inner, &plan).await?;
        self.submit(OperationKind::ChangeReplicas, |landscape, seed| {
            mortar_plan::change_replicas(landscape, id, wanted, seed)
        })
        .await
    }
}

/// Whether the volume can do without the bricks that are to leave it. It is looked at again right before; what may only be so
/// for a moment (files that are being healed) is left to that.
async fn can_leave(inner: &Inner, plan: &Plan) -> Result<(), EngineError> {
    let steps = plan.steps().map(|(_, step)| step);
    for step in steps.filter(|step| matches!(step.thing, Thing::Copies(_))) {
        if let Some(Verdict::Failed(failure)) = evict::before(inner, step, step.goal).await
            && failure.kind == FailureKind::Refused
        {
            return Err(Refusal::Copies(failure.reason).into());
        }
    }
    Ok(())
}
