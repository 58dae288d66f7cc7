//! `NodeExpandVolume`: files see the larger volume by themselves; the image of a block device is made larger.

use std::path::PathBuf;

use tonic::Status;

use super::{Node, block};
use crate::controller::Range;
use crate::proto::{NodeExpandVolumeRequest, NodeExpandVolumeResponse};
use crate::trouble::required;

impl Node {
    pub(super) async fn expand(
        &self,
        request: &NodeExpandVolumeRequest,
    ) -> Result<NodeExpandVolumeResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?.to_owned();
        let path = PathBuf::from(required(&request.volume_path, "volume_path")?);
        let range = Range::read(request.capacity_range.as_ref())?;
        let _turn = self.busy.take(&id)?;
        let mut record = self.published(&id, &path)?;
        if !record.block {
            return Ok(NodeExpandVolumeResponse {
                capacity_bytes: i64::try_from(range.least).unwrap_or(i64::MAX),
            });
        }
        let wanted = range.least.max(record.size);
        if !range.holds(wanted) {
            return Err(Status::out_of_range(format!(
                "the device has {} bytes already",
                record.size
            )));
        }
        record.size = wanted;
        self.keep(&id, &record).await?;
        self.aside(move |_| block::enlarge(&record, wanted)).await?;
        Ok(NodeExpandVolumeResponse {
            capacity_bytes: i64::try_from(wanted).unwrap_or(i64::MAX),
        })
    }
}
