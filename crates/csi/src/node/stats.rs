//! `NodeGetVolumeStats`: what `df` says in the pod.

use std::path::{Path, PathBuf};

use tonic::Status;

use super::record::Record;
use super::{Node, block, failed, mounts};
use crate::proto::volume_usage::Unit;
use crate::proto::{NodeGetVolumeStatsRequest, NodeGetVolumeStatsResponse, VolumeUsage};
use crate::trouble::required;

impl Node {
    pub(super) async fn stats(
        &self,
        request: &NodeGetVolumeStatsRequest,
    ) -> Result<NodeGetVolumeStatsResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?;
        let path = PathBuf::from(required(&request.volume_path, "volume_path")?);
        let record = self.published(id, &path)?;
        let usage = self.look("the volume", move || usage(&record, &path)).await?;
        Ok(NodeGetVolumeStatsResponse { usage })
    }

    /// The record of a volume that is mounted at this path, staged or published.
    pub(super) fn published(&self, id: &str, path: &Path) -> Result<Record, Status> {
        let record = self
            .records
            .read(id)
            .map_err(|error| failed("reading what is staged", &error))?;
        let absent = || Status::not_found(format!("the volume {id} is not at {}", path.display()));
        let record = record
            .filter(|record| record.staging == path || record.targets.contains_key(path))
            .ok_or_else(absent)?;
        let mount = mounts::at(path).map_err(|error| failed("reading the table of mounts", &error))?;
        mount.filter(mounts::Mount::could_be_ours).ok_or_else(absent)?;
        Ok(record)
    }
}

fn usage(record: &Record, path: &Path) -> Result<Vec<VolumeUsage>, Status> {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    if record.block {
        let size = block::size(record)?.ok_or_else(|| Status::not_found("the volume's device is gone"))?;
        return Ok(vec![VolumeUsage {
            total: number(size),
            unit: Unit::Bytes.into(),
            ..VolumeUsage::default()
        }]);
    }
    let seen = rustix::fs::statvfs(path);
    let seen =
        seen.map_err(|error| failed(format!("asking how full {} is", path.display()), &error.into()))?;
    let bytes = |blocks: u64| number(blocks.saturating_mul(seen.f_frsize));
    Ok(vec![
        VolumeUsage {
            available: bytes(seen.f_bavail),
            total: bytes(seen.f_blocks),
            used: bytes(seen.f_blocks.saturating_sub(seen.f_bfree)),
            unit: Unit::Bytes.into(),
        },
        VolumeUsage {
            available: number(seen.f_favail),
            total: number(seen.f_files),
            used: number(seen.f_files.saturating_sub(seen.f_ffree)),
            unit: Unit::Inodes.into(),
        },
    ])
}
