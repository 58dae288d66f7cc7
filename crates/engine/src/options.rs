//! Options of a volume that are changed, and what they are before: an undone change sets them back.

use mortar_command::query::volume_info;
use mortar_model::{OperationId, OperationKind, Volume, VolumeId, layout};
use mortar_plan::{OptionsChange, Refusal, SetNow};

use crate::act;
use crate::engine::{Engine, Inner};
use crate::error::{EngineError, NodeTrouble};

impl Engine {
    /// Sets options of a volume, or gives them back to GlusterFS.
    ///
    /// # Errors
    /// It cannot be planned, or nobody in its pool tells what its options are now. That GlusterFS does not take one is told by
    /// the operation.
    pub async fn set_options(&self, id: VolumeId, change: OptionsChange) -> Result<OperationId, EngineError> {
        let limits = self.inner.config.limits.clone();
        // Planned once without asking anybody: a request that cannot be is answered at once.
        self.view(|landscape| mortar_plan::set_options(landscape, &limits, id, &change, None))?;
        let (volume, now) = set_now(&self.inner, id).await?;
        self.submit(OperationKind::SetOptions, |landscape, _| {
            mortar_plan::set_options(landscape, &limits, id, &change, Some((&volume, &now)))
        })
        .await
    }
}

/// What a volume's options are in its pool, and the record that it had when they were asked for.
async fn set_now(inner: &Inner, id: VolumeId) -> Result<(Volume, SetNow), EngineError> {
    let asked = {
        let landscape = inner.landscape();
        let inventory = landscape.inventory();
        inventory.volume(id).map(|volume| {
            let devices = inventory.bricks_of(id).map(|brick| brick.device);
            let place = mortar_plan::any_member(inventory, volume.cluster, devices);
            (volume.clone(), place)
        })
    };
    let (volume, place) = asked.ok_or_else(|| Refusal::Unknown("volume", id.to_string()))?;
    let not_told = |reason: String| {
        EngineError::Node(NodeTrouble::NotTold {
            volume: volume.name.to_string(),
            reason,
        })
    };
    let batch = volume_info::ask(&inner.config.settings, &volume.name);
    let nodes = match &place {
        mortar_plan::Place::Node(node) => vec![*node],
        mortar_plan::Place::Pool(_, nodes) => act::healthy_first(inner, nodes),
    };
    let report = act::send(inner, &place, nodes, &batch, "ask for a volume's options").await;
    let info = volume_info::read(&report).map_err(|unreadable| not_told(unreadable.to_string()))?;
    let info = info.ok_or_else(|| not_told("its pool does not know it".into()))?;
    if info.option(layout::VOLUME_ID_OPTION) != Some(&id.to_string()) {
        let why = "the volume of that name in its pool does not say that it is this one ('mortar check' tells more)";
        return Err(not_told(why.into()));
    }
    Ok((volume, info.options.into_iter().collect()))
}
