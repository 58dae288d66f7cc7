//! How volumes are.

use mortar_api::{Harm, VolumeHealth};
use tonic::Status;

use super::Controller;
use super::pages::Page;
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
        let page = Page::read(request.max_entries, &request.starting_token)?;
        let ask = |after: Option<String>, left: Option<u32>| async move {
            let got = self.mortar.unwell(after.as_deref(), left).await?;
            Ok((got.volumes, got.next))
        };
        let filled = page.fill(ask).await;
        let (volumes, next_token) =
            filled.map_err(|trouble| trouble.status("list volumes that are not well"))?;
        Ok(ControllerListVolumeHealthResponse {
            entries: volumes.iter().map(told).collect(),
            next_token,
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
