//! How volumes are.

use mortar_api::{Harm, VolumeHealth};
use tonic::Status;

use super::Controller;
use super::list::page;
use crate::proto::volume_health::VolumeHealthEntry;
use crate::proto::{
    self, ControllerGetVolumeHealthRequest, ControllerGetVolumeHealthResponse,
    ControllerListVolumeHealthRequest, ControllerListVolumeHealthResponse, VolumeHealthErrorType,
};
use crate::trouble::required;

impl Controller {
    pub(super) async fn health(
        &self,
        request: &ControllerGetVolumeHealthRequest,
    ) -> Result<ControllerGetVolumeHealthResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?;
        if !crate::names::is_id(id) {
            return Err(Status::not_found(format!("there is no volume {id}")));
        }
        match self.mortar.health(id).await {
            Ok(health) => Ok(ControllerGetVolumeHealthResponse {
                volume_health: Some(told(&health)),
            }),
            Err(trouble) => Err(trouble.status("ask how the volume is")),
        }
    }

    pub(super) async fn unwell(
        &self,
        request: &ControllerListVolumeHealthRequest,
    ) -> Result<ControllerListVolumeHealthResponse, Status> {
        let (after, limit) = page(request.max_entries, &request.starting_token)?;
        let mut entries = Vec::new();
        let mut next = after.map(str::to_owned);
        loop {
            let left = limit.map(|limit| limit - u32::try_from(entries.len()).unwrap_or(limit));
            let found = self.mortar.unwell(next.as_deref(), left).await;
            let found = found.map_err(|trouble| trouble.status("list volumes that are not well"))?;
            entries.extend(found.volumes.iter().map(told));
            next = found.next;
            if next.is_none() || limit.is_some_and(|limit| entries.len() >= limit as usize) {
                break;
            }
        }
        Ok(ControllerListVolumeHealthResponse {
            entries,
            next_token: next.unwrap_or_default(),
        })
    }
}

fn told(health: &VolumeHealth) -> proto::VolumeHealth {
    let entry = |trouble: &mortar_api::Trouble| VolumeHealthEntry {
        status: harm(trouble.harm).into(),
        reason: trouble.reason.clone(),
        message: trouble.message.clone(),
    };
    proto::VolumeHealth {
        volume_id: health.id.clone(),
        health_statuses: health.troubles.iter().map(entry).collect(),
    }
}

const fn harm(harm: Harm) -> VolumeHealthErrorType {
    match harm {
        Harm::Degraded | Harm::Unknown => VolumeHealthErrorType::Degraded,
        Harm::Inaccessible => VolumeHealthErrorType::Inaccessible,
        Harm::DataLoss => VolumeHealthErrorType::DataLoss,
    }
}
