//! `ControllerExpandVolume`: online, and without the nodes, but for the image of a block device, which grows where it is used.

use mortar_api::ErrorKind;
use tonic::Status;

use super::Controller;
use super::create::Range;
use crate::capability::Access;
use crate::deadline::Deadline;
use crate::proto::{ControllerExpandVolumeRequest, ControllerExpandVolumeResponse};
use crate::room::{self, Use};
use crate::trouble::{invalid, required};

/// The least by which a volume becomes larger, in bytes per data brick of a set: XFS leaves smaller pieces unused.
const LEAST: u64 = 8 << 20;

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
        let volume = self.mortar.volume(id).await.map_err(told)?;
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
        let by = kind.volume_size(range.least, data).saturating_sub(volume.size);
        let by = by.max(LEAST.saturating_mul(data));
        let will_have = kind.claim_size(volume.size.saturating_add(by), data);
        if !range.holds(will_have) {
            return Err(Status::out_of_range(format!(
                "the volume has {has} bytes, and the next size that it can have is {will_have}"
            )));
        }
        let work = match self.mortar.expand_volume(id, by).await {
            Ok(work) => work,
            // Nothing was begun: a node that has a brick of it is away.
            Err(trouble) if trouble.is(ErrorKind::NodeFailed) => {
                return Err(Status::unavailable(format!("{ATTEMPT}: {}", trouble.text())));
            }
            Err(trouble) => return Err(told(trouble)),
        };
        self.mortar.finish(&work, deadline).await.map_err(told)?;
        Ok(answer(will_have))
    }
}
