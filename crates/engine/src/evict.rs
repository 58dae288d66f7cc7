//! A brick that is moved to another device.

use mortar_command as command;
use mortar_model::work::{FailureKind, Goal, Thing, Verdict};
use mortar_model::{BrickId, OperationId, OperationKind};
use mortar_plan::{Place, Plan, Refusal, Seed, Step};

use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::{act, away, witness};

impl Engine {
    /// Replaces a brick by one on another device. With `dead`, its node need not answer.
    ///
    /// # Errors
    /// It cannot be planned, or the other bricks of its set cannot do without it for now.
    pub async fn evict_brick(&self, id: BrickId, dead: bool) -> Result<OperationId, EngineError> {
        // Planned once without holding anything, to know whom to ask: what cannot be is answered at once.
        let plan = self.view(|landscape| mortar_plan::evict_brick(landscape, id, dead, &mut Seed::new(0)))?;
        can_move(&self.inner, id, &plan).await?;
        self.submit(OperationKind::EvictBrick, |landscape, seed| {
            mortar_plan::evict_brick(landscape, id, dead, seed)
        })
        .await
    }
}

/// Whether the set can do without the brick. It is looked at again right before the replacement; what may only be so for
/// a moment (files that are being healed) is left to that.
async fn can_move(inner: &Inner, id: BrickId, plan: &Plan) -> Result<(), EngineError> {
    let seats = plan.steps().map(|(_, step)| step);
    for step in seats.filter(|step| matches!(step.thing, Thing::Seat(_))) {
        if let Some(Verdict::Failed(failure)) = before(inner, step, step.goal).await
            && failure.kind == FailureKind::Refused
        {
            return Err(Refusal::Needed(id, failure.reason).into());
        }
    }
    Ok(())
}

/// What is found of that which has to hold before the step is done; `None` where nothing has to.
pub(crate) async fn before(inner: &Inner, step: &Step, goal: Goal) -> Option<Verdict> {
    let batch = command::before(&step.thing, goal, &inner.config.settings)?;
    let nodes = match &step.place {
        Place::Node(node) => vec![*node],
        Place::Pool(pool, nodes) => away::best_members(inner, *pool, nodes).await,
    };
    let what = format!("look before the {}", step.thing.kind());
    let report = act::send(inner, &step.place, nodes, &batch, &what).await;
    let verdict = command::judge_before(&step.thing, &report);
    Some(witness::confirm(inner, step, goal, verdict).await)
}
