//! A brick that is moved to another device.

use mortar_command as command;
use mortar_model::work::{FailureKind, Goal, Thing, Verdict};
use mortar_model::{BrickId, OperationId, OperationKind};
use mortar_plan::{Place, Refusal, Seed, Step};

use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::{act, away, witness};

impl Engine {
    /// Replaces a brick by one on another device. With `dead`, its node need not answer.
    ///
    /// # Errors
    /// It cannot be planned, or the other bricks of its set cannot do without it for now.
    pub async fn evict_brick(&self, id: BrickId, dead: bool) -> Result<OperationId, EngineError> {
        match self.hindrance(id, dead).await? {
            // What may only be so for a moment (files that are being healed) is left to the look right before the replacement.
            Some(Verdict::Failed(failure)) if failure.kind == FailureKind::Refused => {
                Err(Refusal::Needed(id, failure.reason).into())
            }
            _ => self.begin_move(id, dead).await,
        }
    }

    /// Why the set cannot do without the brick just now; `None` where it can. Planned without holding anything, to know whom to
    /// ask: what cannot be is answered at once.
    pub(crate) async fn hindrance(&self, id: BrickId, dead: bool) -> Result<Option<Verdict>, EngineError> {
        let plan = self.view(|landscape| mortar_plan::evict_brick(landscape, id, dead, &mut Seed::new(0)))?;
        let steps = plan.steps().map(|(_, step)| step);
        for step in steps.filter(|step| matches!(step.thing, Thing::Seat(_))) {
            let found = before(&self.inner, step, step.goal).await;
            if let Some(Verdict::Failed(_) | Verdict::Unknown(_)) = found {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The move without that look: it is looked again right before the replacement.
    pub(crate) async fn begin_move(&self, id: BrickId, dead: bool) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::EvictBrick, |landscape, seed| {
            mortar_plan::evict_brick(landscape, id, dead, seed)
        })
        .await
    }
}

/// What is found of that which has to hold before the step is done; `None` where nothing has to.
pub(crate) async fn before(inner: &Inner, step: &Step, goal: Goal) -> Option<Verdict> {
    let batch = command::before(&step.thing, goal, &inner.config.settings)?;
    let nodes = match &step.place {
        Place::Node(node) => vec![*node],
        Place::Pool(pool, nodes) => away::best_members(inner, *pool, nodes).await,
    };
    let what = format!("look before the {}", step.thing.kind());
    let report = act::send(inner, &step.place, nodes.clone(), &batch, &what).await;
    let verdict = command::judge_before(&step.thing, &report);
    if let Some(batch) = command::amends(&step.thing, goal, &verdict, &inner.config.settings) {
        act::send(inner, &step.place, nodes, &batch, &what).await;
    }
    Some(witness::confirm(inner, step, goal, verdict).await)
}
