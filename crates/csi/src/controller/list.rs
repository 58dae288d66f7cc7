//! `ListVolumes` and `ControllerGetVolume`. Pages go by id: one that is made or removed meanwhile moves no other.

use mortar_api::Volume;
use tonic::Status;

use super::Controller;
use super::create::told;
use crate::names;
use crate::proto::list_volumes_response::{Entry, VolumeStatus};
use crate::proto::{
    ControllerGetVolumeRequest, ControllerGetVolumeResponse, ListVolumesRequest, ListVolumesResponse,
    controller_get_volume_response,
};
use crate::trouble::{invalid, required};

/// Which page a caller wants: after which id, and how many; none for all.
///
/// # Errors
/// INVALID_ARGUMENT for less than nothing, ABORTED for a token that was not given out.
pub(super) fn page(max_entries: i32, token: &str) -> Result<(Option<&str>, Option<u32>), Status> {
    let limit = u32::try_from(max_entries).map_err(|_| invalid("max_entries is less than nothing"))?;
    if !token.is_empty() && !names::is_id(token) {
        return Err(Status::aborted(
            "starting_token is not one that was given out: begin anew",
        ));
    }
    let after = Some(token).filter(|token| !token.is_empty());
    Ok((after, Some(limit).filter(|limit| *limit > 0)))
}

impl Controller {
    pub(super) async fn list(&self, request: &ListVolumesRequest) -> Result<ListVolumesResponse, Status> {
        let (after, limit) = page(request.max_entries, &request.starting_token)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut next = after.map(str::to_owned);
        loop {
            let left = limit.map(|limit| limit - u32::try_from(entries.len()).unwrap_or(limit));
            let got = self.mortar.volumes(next.as_deref(), left).await;
            let got = got.map_err(|trouble| trouble.status("list volumes"))?;
            entries.extend(got.volumes.iter().map(entry));
            next = got.next;
            let full = limit.is_some_and(|limit| entries.len() >= limit as usize);
            if next.is_none() || full {
                break;
            }
        }
        Ok(ListVolumesResponse {
            entries,
            next_token: next.unwrap_or_default(),
        })
    }

    pub(super) async fn get(
        &self,
        request: &ControllerGetVolumeRequest,
    ) -> Result<ControllerGetVolumeResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?;
        let volume = self.mortar.volume(id).await;
        let volume = volume.map_err(|trouble| trouble.status("look for the volume"))?;
        let volume = volume.ok_or_else(|| Status::not_found(format!("there is no volume {id}")))?;
        Ok(ControllerGetVolumeResponse {
            volume: Some(told(&volume)),
            status: Some(controller_get_volume_response::VolumeStatus::default()),
        })
    }
}

fn entry(volume: &Volume) -> Entry {
    Entry {
        volume: Some(told(volume)),
        status: Some(VolumeStatus::default()),
    }
}
