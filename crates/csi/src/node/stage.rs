//! `NodeStageVolume` and `NodeUnstageVolume`: the client of a volume on this node, once for all its pods.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use tonic::Status;

use super::client::{self, ClientSpec};
use super::record::Record;
use super::{Node, block, failed, mounts, paths};
use crate::capability::{self, Access};
use crate::context;
use crate::names;
use crate::proto::{
    NodeStageVolumeRequest, NodeStageVolumeResponse, NodeUnstageVolumeRequest, NodeUnstageVolumeResponse,
};
use crate::trouble::{invalid, required};

/// How long a client may take to end after its last mount went.
const FAREWELL: Duration = Duration::from_secs(5);

/// What there is at a staging path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Staged {
    /// Nothing.
    Absent,
    /// The volume, and its client lives.
    Alive,
    /// The volume's mount, whose client is gone.
    Dead,
}

impl Node {
    pub(super) async fn stage(
        &self,
        request: &NodeStageVolumeRequest,
    ) -> Result<NodeStageVolumeResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?.to_owned();
        let staging = &request.staging_target_path;
        required(staging, "staging_target_path")?;
        let access = Access::read(request.volume_capability.as_ref())?;
        let staging = paths::inside(&self.options.kubelet, staging, "staging_target_path")?;
        let context = context::read(&request.volume_context)?;
        if context.block != access.block {
            return Err(invalid(
                "the volume was made for the other access type: mount or block",
            ));
        }
        let _turn = self.busy.take(&id)?;
        self.see_no_link(&staging, "staging_target_path").await?;
        let known = self
            .records
            .read(&id)
            .map_err(|error| failed("reading what is staged", &error))?;
        let mut record = Record::new(context, access.flags, staging);
        if let Some(known) = known {
            if known.staging != record.staging && mounted(&known)? {
                let place = known.staging.display();
                return Err(Status::already_exists(format!(
                    "the volume is staged at {place} on this node"
                )));
            }
            record.targets = known.targets;
            record.size = record.size.max(known.size);
        }
        self.keep(&id, &record).await?;
        self.see_to_client(&id, &record).await?;
        if record.block {
            let staged = record.clone();
            self.aside(move |_| block::attach(&staged, false)).await?;
        }
        Ok(NodeStageVolumeResponse {})
    }

    /// Writes down what is to be, before it is.
    pub(super) async fn keep(&self, id: &str, record: &Record) -> Result<(), Status> {
        let (id, record) = (id.to_owned(), record.clone());
        self.aside(move |node| {
            let written = node.records.write(&id, &record);
            written.map_err(|error| failed("writing down what is staged", &error))
        })
        .await
    }

    pub(super) fn pid_file(&self, id: &str) -> PathBuf {
        let name = &names::digest([id])[..32];
        self.options.state.join("clients").join(format!("{name}.pid"))
    }

    /// Sees to it that the volume is mounted at its staging path, by a client that lives.
    pub(super) async fn see_to_client(&self, id: &str, record: &Record) -> Result<(), Status> {
        match self.staged(id, record)? {
            Staged::Alive => return self.reachable(&record.staging).await,
            Staged::Dead => {
                tracing::warn!(volume = id, "its client is gone: it is mounted anew");
                let record = record.clone();
                self.aside(move |_| clear(&record)).await?;
            }
            Staged::Absent => {}
        }
        let path = record.staging.clone();
        self.aside(move |_| make_folder(&path)).await?;
        let spec = ClientSpec {
            volume: record.name.clone(),
            servers: record.servers.clone(),
            arguments: capability::arguments(&record.flags)?,
            path: record.staging.clone(),
            pid_file: self.pid_file(id),
            log: self.options.logs.join(format!("mortar-{}.log", record.name)),
        };
        let started = self.options.runner.start(&spec).await;
        started.map_err(|why| Status::unavailable(format!("mounting the volume {}: {why}", record.name)))?;
        let reached = self.reachable(&record.staging).await;
        if reached.is_err() && self.staged(id, record)? == Staged::Dead {
            let record = record.clone();
            self.aside(move |_| clear(&record)).await?;
        }
        reached
    }

    /// What there is at the volume's staging path.
    pub(super) fn staged(&self, id: &str, record: &Record) -> Result<Staged, Status> {
        let mount =
            mounts::at(&record.staging).map_err(|error| failed("reading the table of mounts", &error))?;
        match mount {
            None => Ok(Staged::Absent),
            Some(mount) if mount.is_volume(&record.name) => {
                let lives = client::lives(&self.pid_file(id));
                let lives = lives.map_err(|error| failed("looking for the volume's client", &error))?;
                Ok(if lives { Staged::Alive } else { Staged::Dead })
            }
            Some(mount) => Err(Status::failed_precondition(format!(
                "something else is mounted at {}: {} of kind {}",
                record.staging.display(),
                mount.source,
                mount.kind
            ))),
        }
    }

    /// Whether the volume answers.
    pub(super) async fn reachable(&self, path: &Path) -> Result<(), Status> {
        let place = path.to_owned();
        let how_large = move || match rustix::fs::statvfs(&place) {
            Ok(_) => Ok(()),
            Err(error) => Err(Status::unavailable(format!(
                "the volume does not answer: {error}"
            ))),
        };
        self.look("the volume", how_large).await
    }

    pub(super) async fn unstage(
        &self,
        request: &NodeUnstageVolumeRequest,
    ) -> Result<NodeUnstageVolumeResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?.to_owned();
        let staging = paths::inside(
            &self.options.kubelet,
            &request.staging_target_path,
            "staging_target_path",
        )?;
        let _turn = self.busy.take(&id)?;
        self.see_no_link(&staging, "staging_target_path").await?;
        let pid_file = self.pid_file(&id);
        self.aside(move |node| node.unstage_now(&id, &staging)).await?;
        // Best effort: who removes the volume next should meet no client of it.
        let begun = tokio::time::Instant::now();
        while client::lives(&pid_file).unwrap_or(false) && begun.elapsed() < FAREWELL {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(NodeUnstageVolumeResponse {})
    }

    fn unstage_now(&self, id: &str, staging: &Path) -> Result<(), Status> {
        let record = self
            .records
            .read(id)
            .map_err(|error| failed("reading what is staged", &error))?;
        let Some(record) = record.filter(|record| record.staging == staging) else {
            // Nothing that is known: then nothing may be mounted there that could be ours.
            let mount = mounts::at(staging).map_err(|error| failed("reading the table of mounts", &error))?;
            return match mount {
                Some(mount) if mount.could_be_ours() => leave(staging, Leaving::Busy),
                _ => Ok(()),
            };
        };
        if record.block {
            block::detach(&record)?;
        }
        while let Staged::Alive | Staged::Dead = self.staged(id, &record)? {
            leave(staging, Leaving::Busy)?;
        }
        self.records
            .remove(id)
            .map_err(|error| failed("forgetting what was staged", &error))
    }
}

fn mounted(record: &Record) -> Result<bool, Status> {
    let mount = mounts::at(&record.staging).map_err(|error| failed("reading the table of mounts", &error))?;
    Ok(mount.is_some_and(|mount| mount.is_volume(&record.name)))
}

/// Takes away what a dead client left.
fn clear(record: &Record) -> Result<(), Status> {
    if record.block {
        block::detach(record)?;
    }
    while mounted(record)? {
        leave(&record.staging, Leaving::Anyhow)?;
    }
    Ok(())
}

/// What becomes of a mount that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// It stays, unless its client is gone.
    Busy,
    /// It goes out of the way now, and is freed by its last user.
    Anyhow,
}

/// Unmounts a path; nothing there is fine.
pub(super) fn leave(path: &Path, leaving: Leaving) -> Result<(), Status> {
    let done = match unmount(path, UnmountFlags::NOFOLLOW) {
        Err(Errno::BUSY) if leaving == Leaving::Anyhow => {
            unmount(path, UnmountFlags::NOFOLLOW | UnmountFlags::DETACH)
        }
        Err(Errno::NOTCONN) => unmount(path, UnmountFlags::NOFOLLOW | UnmountFlags::DETACH),
        other => other,
    };
    match done {
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        Err(Errno::BUSY) => Err(Status::failed_precondition(format!(
            "{} is in use: what holds files open there has to end first",
            path.display()
        ))),
        Err(error) => Err(failed(format!("unmounting {}", path.display()), &error.into())),
    }
}

/// Makes a folder that is not there.
pub(super) fn make_folder(path: &Path) -> Result<(), Status> {
    match fs::create_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(failed(format!("making {}", path.display()), &error))
        }
        _ => Ok(()),
    }
}
