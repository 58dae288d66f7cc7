//! `ControllerModifyVolume`: options of a volume that is in use.

use tonic::Status;

use super::Controller;
use super::mutable::Mutable;
use crate::deadline::Deadline;
use crate::proto::{ControllerModifyVolumeRequest, ControllerModifyVolumeResponse};
use crate::room::Use;
use crate::trouble::{Trouble, invalid, required};

impl Controller {
    pub(super) async fn modify(
        &self,
        request: &ControllerModifyVolumeRequest,
        deadline: Deadline,
    ) -> Result<ControllerModifyVolumeResponse, Status> {
        const ATTEMPT: &str = "modify the volume";
        let id = required(&request.volume_id, "volume_id")?;
        if request.mutable_parameters.is_empty() {
            return Err(invalid("mutable_parameters is missing"));
        }
        let _turn = self.busy.take(id)?;
        let told = |trouble: Trouble| trouble.status(ATTEMPT);
        let volume = self.volume(id).await.map_err(told)?;
        let volume = volume.ok_or_else(|| Status::not_found(format!("there is no volume {id}")))?;
        let wanted = Mutable::read(&request.mutable_parameters, Use::of(&volume))?;
        let missing = wanted.missing(&volume);
        if missing.is_empty() {
            return Ok(ControllerModifyVolumeResponse {});
        }
        let work = match self.mortar.set_options(id, missing).await {
            Ok(work) => work,
            Err(trouble) => return Err(trouble.refusal(ATTEMPT)),
        };
        self.mortar.finish(&work, deadline).await.map_err(told)?;
        Ok(ControllerModifyVolumeResponse {})
    }
}
