//! `ListVolumes` and `ControllerGetVolume`.

use mortar_api::Volume;
use tonic::Status;

use super::Controller;
use super::archive::is_archived;
use super::create::told;
use super::pages::Page;
use crate::proto::list_volumes_response::{Entry, VolumeStatus};
use crate::proto::{
    ControllerGetVolumeRequest, ControllerGetVolumeResponse, ListVolumesRequest, ListVolumesResponse,
    controller_get_volume_response,
};
use crate::trouble::required;

impl Controller {
    pub(super) async fn list(&self, request: &ListVolumesRequest) -> Result<ListVolumesResponse, Status> {
        let page = Page::read(request.max_entries, &request.starting_token)?;
        let ask = |after: Option<String>, left: Option<u32>| async move {
            let got = self.mortar.volumes(after.as_deref(), left).await?;
            let all = got.volumes.into_iter();
            Ok((all.filter(|volume| !is_archived(volume)).collect(), got.next))
        };
        let filled = page.fill(ask).await;
        let (volumes, next_token) = filled.map_err(|trouble| trouble.status("list volumes"))?;
        Ok(ListVolumesResponse {
            entries: volumes.iter().map(|volume| self.entry(volume)).collect(),
            next_token,
        })
    }

    pub(super) async fn get(
        &self,
        request: &ControllerGetVolumeRequest,
    ) -> Result<ControllerGetVolumeResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?;
        let volume = self.volume(id).await;
        let volume = volume.map_err(|trouble| trouble.status("look for the volume"))?;
        let volume = volume.ok_or_else(|| Status::not_found(format!("there is no volume {id}")))?;
        Ok(ControllerGetVolumeResponse {
            volume: Some(told(&volume)),
            status: Some(controller_get_volume_response::VolumeStatus {
                published_node_ids: self.published(&volume),
            }),
        })
    }

    fn entry(&self, volume: &Volume) -> Entry {
        Entry {
            volume: Some(told(volume)),
            status: Some(VolumeStatus {
                published_node_ids: self.published(volume),
            }),
        }
    }
}
