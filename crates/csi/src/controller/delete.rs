//! `DeleteVolume`: what is not there is deleted.

use mortar_api::{ErrorKind, Volume};
use tonic::Status;

use super::Controller;
use super::archive::is_archived;
use super::wanted::at_end;
use crate::deadline::Deadline;
use crate::parameters::AtEnd;
use crate::proto::{DeleteVolumeRequest, DeleteVolumeResponse};
use crate::trouble::{Trouble, required};

/// The volume that holds Heketi's own database: it is never deleted through the API.
const DATABASE: &str = "heketidbstorage";

const ATTEMPT: &str = "delete the volume";

impl Controller {
    pub(super) async fn delete(
        &self,
        request: &DeleteVolumeRequest,
        deadline: Deadline,
    ) -> Result<DeleteVolumeResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?;
        let _turn = self.busy.take(id)?;
        if !crate::names::is_id(id) {
            return Ok(DeleteVolumeResponse {});
        }
        // One that is just being removed is not shown, and its end is waited for all the same.
        let volume = self
            .mortar
            .volume(id)
            .await
            .map_err(|trouble| trouble.status(ATTEMPT))?;
        if let Some(volume) = volume.as_ref().filter(|volume| !volume.attachments.is_empty()) {
            return Err(used(volume));
        }
        match volume.as_ref().map(at_end) {
            Some(AtEnd::Retain) => {
                tracing::info!(volume = id, "left as it is: its class retains volumes");
                return Ok(DeleteVolumeResponse {});
            }
            Some(AtEnd::Archive) => {
                if !volume.as_ref().is_some_and(is_archived) {
                    self.archive(id, ATTEMPT, deadline).await?;
                    tracing::info!(volume = id, "archived, as its class says: it goes by hand");
                }
                return Ok(DeleteVolumeResponse {});
            }
            Some(AtEnd::Delete) | None => {}
        }
        let work = match self.mortar.delete_volume(id).await {
            Ok(work) => work,
            Err(trouble) if trouble.is_not_found() => return Ok(DeleteVolumeResponse {}),
            Err(trouble)
                if trouble.is(ErrorKind::Conflict)
                    && volume.is_some_and(|volume| volume.name == DATABASE) =>
            {
                return Err(Status::failed_precondition(format!(
                    "{ATTEMPT}: {}",
                    trouble.text()
                )));
            }
            Err(trouble) if trouble.is(ErrorKind::Conflict) => {
                return Err(self.kept(id, &trouble).await);
            }
            Err(trouble) => return Err(trouble.status(ATTEMPT)),
        };
        match self.mortar.finish(&work, deadline).await {
            Ok(_) => Ok(DeleteVolumeResponse {}),
            Err(trouble) => Err(trouble.status(ATTEMPT)),
        }
    }

    /// The status for a volume that was not taken: it was attached meanwhile, has snapshots, or is being changed.
    async fn kept(&self, id: &str, trouble: &Trouble) -> Status {
        match self.mortar.volume(id).await {
            Ok(Some(volume)) if !volume.attachments.is_empty() => return used(&volume),
            Ok(_) => {}
            Err(trouble) => return trouble.status(ATTEMPT),
        }
        match self.mortar.snapshots(Some(id), None, Some(1)).await {
            Ok(list) if !list.snapshots.is_empty() => Status::failed_precondition(format!(
                "{ATTEMPT}: it has snapshots, which go first: {}",
                trouble.text()
            )),
            Ok(_) => trouble.status(ATTEMPT),
            Err(trouble) => trouble.status(ATTEMPT),
        }
    }
}

/// The status for a volume that nodes use, whatever its class does with it at the end.
fn used(volume: &Volume) -> Status {
    let nodes: Vec<&str> = volume.attachments.iter().map(|has| has.node.as_str()).collect();
    Status::failed_precondition(format!(
        "{ATTEMPT}: it is attached to {}, and is deleted when no node uses it any more",
        nodes.join(", ")
    ))
}
