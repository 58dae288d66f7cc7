//! `ControllerExpandVolume`: online, and without the nodes, but for the image of a block device, which grows where it is used.

use tonic::Status;

use super::Controller;
use super::range::{Range, growth};
use crate::capability::Access;
use crate::deadline::Deadline;
use crate::proto::{ControllerExpandVolumeRequest, ControllerExpandVolumeResponse};
use crate::room::{self, Use};
use crate::trouble::{invalid, required};

impl Controller {
    pub(super) async fn expand(
        &self,
        request: &ControllerExpandVolumeRequest,
        deadline: Deadline,
    ) -> Result<ControllerExpandVolumeResponse, Status> {
        const ATTEMPT: &str = "expand the volume";
        let id = required(&request.volume_id, "volume_id")?;
        let range = request
            .capacity_range
            .as_ref()
            .ok_or_else(|| invalid("capacity_range is missing"))?;
        let range = Range::read(Some(range))?;
        if let Some(capability) = &request.volume_capability {
            Access::read(Some(capability))?;
        }
        let _turn = self.busy.take(id)?;
        let told = |trouble: crate::trouble::Trouble| trouble.status(ATTEMPT);
        let volume = self.volume(id).await.map_err(told)?;
        let volume = volume.ok_or_else(|| Status::not_found(format!("there is no volume {id}")))?;
        let (kind, has) = (Use::of(&volume), room::claim_size(&volume));
        let answer = |bytes: u64| ControllerExpandVolumeResponse {
            capacity_bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
            node_expansion_required: kind == Use::Block,
        };
        if has >= range.least {
            return if range.holds(has) {
                Ok(answer(has))
            } else {
                Err(Status::out_of_range(format!(
                    "the volume has {has} bytes, and volumes do not become smaller"
                )))
            };
        }
        let data = room::data_bricks(&volume.durability);
        let (by, will_have) = growth(kind, volume.size, data, range.least);
        if !range.holds(will_have) {
            return Err(Status::out_of_range(format!(
                "the volume has {has} bytes, and the next size that it can have is {will_have}"
            )));
        }
        let work = match self.mortar.expand_volume(id, volume.size, by).await {
            Ok(work) => work,
            Err(trouble) => return Err(trouble.refusal(ATTEMPT)),
        };
        self.mortar.finish(&work, deadline).await.map_err(told)?;
        Ok(answer(will_have))
    }
}
