//! `NodePublishVolume` and `NodeUnpublishVolume`: what is staged shown to one pod.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, mount_bind, mount_remount};
use tonic::Status;

use super::record::{Record, Target};
use super::stage::{Leaving, leave, make_folder};
use super::{Node, block, failed, mounts, paths};
use crate::attach;
use crate::capability::Access;
use crate::proto::{
    NodePublishVolumeRequest, NodePublishVolumeResponse, NodeUnpublishVolumeRequest,
    NodeUnpublishVolumeResponse,
};
use crate::trouble::{invalid, required};

impl Node {
    pub(super) async fn publish(
        &self,
        request: &NodePublishVolumeRequest,
    ) -> Result<NodePublishVolumeResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?.to_owned();
        required(&request.target_path, "target_path")?;
        let access = Access::read(request.volume_capability.as_ref())?;
        let path = paths::inside(&self.options.kubelet, &request.target_path, "target_path")?;
        let staging = &request.staging_target_path;
        if staging.is_empty() {
            return Err(Status::failed_precondition(
                "staging_target_path is missing: the volume is staged first",
            ));
        }
        let staging = paths::inside(&self.options.kubelet, staging, "staging_target_path")?;
        let _turn = self.busy.take(&id)?;
        self.see_no_link(&path, "target_path").await?;
        self.see_no_link(&staging, "staging_target_path").await?;
        let record = self
            .records
            .read(&id)
            .map_err(|error| failed("reading what is staged", &error))?;
        let mut record = record
            .filter(|record| record.staging == staging)
            .ok_or_else(|| Status::failed_precondition("the volume is not staged there on this node"))?;
        if record.block != access.block {
            return Err(invalid(
                "the volume was made for the other access type: mount or block",
            ));
        }
        let target = Target {
            read_only: request.readonly
                || access.reads_only()
                || attach::reads_only(&request.publish_context),
            exclusive: access.is_exclusive(),
        };
        alone(&mut record, &path, target)?;
        self.see_to_client(&id, &record).await?;
        record.targets.insert(path.clone(), target);
        self.keep(&id, &record).await?;
        self.aside(move |node| node.show(&id, &record, &path, target))
            .await?;
        Ok(NodePublishVolumeResponse {})
    }

    /// Mounts what is staged at the target.
    fn show(&self, id: &str, record: &Record, path: &Path, target: Target) -> Result<(), Status> {
        let source = if record.block {
            block::attach(record, target.read_only)?
        } else {
            record.staging.clone()
        };
        if self.is_shown(id, record, path, &source)? {
            return Ok(());
        }
        if record.block {
            make_file(path)?;
        } else {
            make_folder(path)?;
        }
        bind(&source, path, target.read_only).map_err(|error| {
            let _ = leave(path, Leaving::Anyhow);
            failed(format!("mounting at {}", path.display()), &error)
        })
    }

    /// Whether the target shows just this; what an ended client or an old device left there is taken away.
    fn is_shown(&self, id: &str, record: &Record, path: &Path, source: &Path) -> Result<bool, Status> {
        loop {
            let mount = mounts::at(path).map_err(|error| failed("reading the table of mounts", &error))?;
            let Some(mount) = mount else { return Ok(false) };
            let ours = if record.block {
                mount.is_device(source)
            } else {
                mount.is_volume(&record.name)
            };
            if ours && (record.block || same_file_system(path, source)) {
                return Ok(true);
            }
            if !mount.could_be_ours() || !(ours || record.targets.contains_key(path)) {
                return Err(Status::failed_precondition(format!(
                    "something else is mounted at {}: {} of kind {}",
                    path.display(),
                    mount.source,
                    mount.kind
                )));
            }
            tracing::warn!(volume = id, path = %path.display(), "what an earlier client left is mounted anew");
            leave(path, Leaving::Anyhow)?;
        }
    }

    pub(super) async fn unpublish(
        &self,
        request: &NodeUnpublishVolumeRequest,
    ) -> Result<NodeUnpublishVolumeResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?.to_owned();
        let path = paths::inside(&self.options.kubelet, &request.target_path, "target_path")?;
        let _turn = self.busy.take(&id)?;
        self.see_no_link(&path, "target_path").await?;
        self.aside(move |node| node.hide(&id, &path)).await?;
        Ok(NodeUnpublishVolumeResponse {})
    }

    fn hide(&self, id: &str, path: &PathBuf) -> Result<(), Status> {
        while let Some(mount) =
            mounts::at(path).map_err(|error| failed("reading the table of mounts", &error))?
        {
            if !mount.could_be_ours() {
                return Err(Status::failed_precondition(format!(
                    "something else is mounted at {}: {} of kind {}",
                    path.display(),
                    mount.source,
                    mount.kind
                )));
            }
            leave(path, Leaving::Busy)?;
        }
        remove_point(path)?;
        let record = self
            .records
            .read(id)
            .map_err(|error| failed("reading what is staged", &error))?;
        if let Some(mut record) = record
            && record.targets.remove(path).is_some()
        {
            let written = self.records.write(id, &record);
            written.map_err(|error| failed("writing down what is published", &error))?;
        }
        Ok(())
    }
}

/// Whether the volume may be published at this path beside where it is.
fn alone(record: &mut Record, path: &Path, target: Target) -> Result<(), Status> {
    // What was never mounted, or was unmounted by somebody else, is in nobody's way.
    let mut gone = Vec::new();
    for (other, known) in &record.targets {
        if !shows(record, other)? {
            gone.push(other.clone());
        } else if other == path {
            if *known != target {
                return Err(Status::already_exists(
                    "the volume is published there in another way: unpublish it first",
                ));
            }
        } else if known.exclusive || target.exclusive {
            let text = format!(
                "the volume is published at {}, and one of the two is to have it alone",
                other.display()
            );
            return Err(Status::failed_precondition(text));
        }
    }
    record.targets.retain(|target, _| !gone.contains(target));
    Ok(())
}

/// Whether the volume is mounted at a target, by whichever client.
fn shows(record: &Record, path: &Path) -> Result<bool, Status> {
    let mount = mounts::at(path).map_err(|error| failed("reading the table of mounts", &error))?;
    let Some(mount) = mount else { return Ok(false) };
    if record.block {
        return Ok(mount.could_be_ours());
    }
    Ok(mount.is_volume(&record.name))
}

/// Whether both paths are on the same mounted file system: a bind mount of an ended client is on another one.
fn same_file_system(one: &Path, other: &Path) -> bool {
    match (rustix::fs::stat(one), rustix::fs::stat(other)) {
        (Ok(one), Ok(other)) => one.st_dev == other.st_dev,
        _ => false,
    }
}

fn bind(source: &Path, target: &Path, read_only: bool) -> io::Result<()> {
    mount_bind(source, target)?;
    if read_only {
        mount_remount(target, MountFlags::BIND | MountFlags::RDONLY, "")?;
    }
    Ok(())
}

fn make_file(path: &Path) -> Result<(), Status> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let made = fs::File::options().create(true).append(true).open(path).map(drop);
    made.map_err(|error| failed(format!("making {}", path.display()), &error))
}

/// Removes a mount point: an empty folder or file, never what has something in it.
fn remove_point(path: &Path) -> Result<(), Status> {
    let gone = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => fs::remove_dir(path),
        Ok(found) if found.is_file() && found.len() == 0 => fs::remove_file(path),
        Ok(_) => Err(io::Error::other("it is no mount point of this driver")),
    };
    gone.map_err(|error| failed(format!("removing {}", path.display()), &error))
}
