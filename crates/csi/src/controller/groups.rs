//! Groups: snapshots of several volumes at one moment. The name that a caller gives is a key, as a snapshot's is.

use std::collections::BTreeSet;

use mortar_api::{ErrorKind, Phase, Snapshot, SnapshotGroup};
use tonic::{Request, Response, Status};

use super::Controller;
use super::snapshots::{check, name, told};
use crate::deadline::Deadline;
use crate::names;
use crate::proto::group_controller_service_capability::rpc::Type as Rpc;
use crate::proto::{
    CreateVolumeGroupSnapshotRequest, CreateVolumeGroupSnapshotResponse, DeleteVolumeGroupSnapshotRequest,
    DeleteVolumeGroupSnapshotResponse, GetVolumeGroupSnapshotRequest, GetVolumeGroupSnapshotResponse,
    GroupControllerGetCapabilitiesRequest, GroupControllerGetCapabilitiesResponse,
    GroupControllerServiceCapability, VolumeGroupSnapshot, group_controller_server,
    group_controller_service_capability,
};
use crate::trouble::{Trouble, invalid, required};

const CREATE: &str = "create the group of snapshots";

/// What the snapshotter adds to the parameters when it runs with `--extra-create-metadata`.
const ABOUT_GROUP: &str = "csi.storage.k8s.io/volumegroupsnapshot";

#[tonic::async_trait]
impl group_controller_server::GroupController for Controller {
    async fn group_controller_get_capabilities(
        &self,
        _: Request<GroupControllerGetCapabilitiesRequest>,
    ) -> Result<Response<GroupControllerGetCapabilitiesResponse>, Status> {
        let kind = Rpc::CreateDeleteGetVolumeGroupSnapshot;
        let capability = GroupControllerServiceCapability {
            r#type: Some(group_controller_service_capability::Type::Rpc(
                group_controller_service_capability::Rpc { r#type: kind.into() },
            )),
        };
        Ok(Response::new(GroupControllerGetCapabilitiesResponse {
            capabilities: vec![capability],
        }))
    }

    async fn create_volume_group_snapshot(
        &self,
        request: Request<CreateVolumeGroupSnapshotRequest>,
    ) -> Result<Response<CreateVolumeGroupSnapshotResponse>, Status> {
        let deadline = Deadline::of(request.metadata());
        let made = self.make_group(request.get_ref(), deadline).await?;
        Ok(Response::new(CreateVolumeGroupSnapshotResponse {
            group_snapshot: Some(made),
        }))
    }

    async fn delete_volume_group_snapshot(
        &self,
        request: Request<DeleteVolumeGroupSnapshotRequest>,
    ) -> Result<Response<DeleteVolumeGroupSnapshotResponse>, Status> {
        let deadline = Deadline::of(request.metadata());
        self.remove_group(request.get_ref(), deadline).await?;
        Ok(Response::new(DeleteVolumeGroupSnapshotResponse {}))
    }

    async fn get_volume_group_snapshot(
        &self,
        request: Request<GetVolumeGroupSnapshotRequest>,
    ) -> Result<Response<GetVolumeGroupSnapshotResponse>, Status> {
        let request = request.get_ref();
        let id = required(&request.group_snapshot_id, "group_snapshot_id")?;
        let found = self.mortar.group(id).await;
        let found = found.map_err(|trouble| trouble.status("look for the group of snapshots"))?;
        let found = found.ok_or_else(|| Status::not_found(format!("there is no group of snapshots {id}")))?;
        members(&found, &request.snapshot_ids)?;
        Ok(Response::new(GetVolumeGroupSnapshotResponse {
            group_snapshot: Some(grouped(&found)),
        }))
    }
}

impl Controller {
    async fn make_group(
        &self,
        request: &CreateVolumeGroupSnapshotRequest,
        deadline: Deadline,
    ) -> Result<VolumeGroupSnapshot, Status> {
        let wanted = Wanted::read(request)?;
        let _turn = self.busy.take(&wanted.name)?;
        let told = |trouble: Trouble| trouble.status(CREATE);
        let known = self.mortar.group_named(&wanted.name).await.map_err(told)?;
        if let Some(group) = known.groups.first() {
            return wanted.found(group);
        }
        let volumes: Vec<&str> = wanted.volumes.iter().copied().collect();
        for id in &volumes {
            let volume = self.volume(id).await.map_err(told)?;
            volume.ok_or_else(|| Status::not_found(format!("there is no volume {id}")))?;
        }
        let work = match self.mortar.create_group(&volumes, &wanted.name).await {
            Ok(work) => work,
            Err(trouble) if trouble.is(ErrorKind::Conflict) => {
                return Err(self.refused_group(&wanted, &trouble).await);
            }
            // They are too many, or on several clusters.
            Err(trouble) if trouble.is(ErrorKind::Invalid) => {
                return Err(Status::failed_precondition(format!(
                    "{CREATE}: {}",
                    trouble.text()
                )));
            }
            Err(trouble) => return Err(trouble.refusal(CREATE)),
        };
        self.mortar.finish(&work, deadline).await.map_err(told)?;
        let made = self.mortar.group_named(&wanted.name).await.map_err(told)?;
        match made.groups.first() {
            Some(group) => wanted.found(group),
            // Somebody else removed it meanwhile: the next call begins anew.
            None => Err(Status::aborted(format!("{CREATE}: it was removed again"))),
        }
    }

    /// Something has the name, or is in the way.
    async fn refused_group(&self, wanted: &Wanted<'_>, trouble: &Trouble) -> Status {
        let text = format!("{CREATE}: {}", trouble.text());
        let known = match self.mortar.group_named(&wanted.name).await {
            Ok(known) => known,
            Err(unknown) => return unknown.status(CREATE),
        };
        if let Some(group) = known.groups.first() {
            let found = wanted.found(group);
            return found.err().unwrap_or_else(|| trouble.status(CREATE));
        }
        if let Some(id) = known.operation {
            // One of the same volumes would have been joined.
            return match self.mortar.operation(&id).await {
                Ok(operation)
                    if operation.kind == "create-snapshot-group"
                        && matches!(operation.phase, Phase::Waiting | Phase::Running) =>
                {
                    Status::already_exists(text)
                }
                _ => trouble.status(CREATE),
            };
        }
        for id in &wanted.volumes {
            match self.volume(id).await {
                Ok(Some(volume)) if volume.operation.is_none() => {}
                Ok(_) => return trouble.status(CREATE),
                Err(unknown) => return unknown.status(CREATE),
            }
        }
        // Nothing is under way: the devices of one make no copies.
        Status::failed_precondition(text)
    }

    async fn remove_group(
        &self,
        request: &DeleteVolumeGroupSnapshotRequest,
        deadline: Deadline,
    ) -> Result<(), Status> {
        const ATTEMPT: &str = "delete the group of snapshots";
        let attempt = |trouble: Trouble| trouble.status(ATTEMPT);
        let id = required(&request.group_snapshot_id, "group_snapshot_id")?;
        let _turn = self.busy.take(id)?;
        let Some(group) = self.mortar.group(id).await.map_err(attempt)? else {
            return Ok(());
        };
        members(&group, &request.snapshot_ids)?;
        let work = match self.mortar.delete_group(id).await {
            Ok(work) => work,
            Err(trouble) if trouble.is_not_found() => return Ok(()),
            Err(trouble) => return Err(attempt(trouble)),
        };
        self.mortar.finish(&work, deadline).await.map_err(attempt)?;
        Ok(())
    }
}

/// A request that is of its form.
struct Wanted<'a> {
    name: String,
    volumes: BTreeSet<&'a str>,
}

impl<'a> Wanted<'a> {
    fn read(request: &'a CreateVolumeGroupSnapshotRequest) -> Result<Self, Status> {
        let name = name(&request.name)?;
        let volumes: BTreeSet<&str> = request.source_volume_ids.iter().map(String::as_str).collect();
        if volumes.is_empty() || volumes.contains("") {
            return Err(invalid("source_volume_ids is missing, or one of them is empty"));
        }
        check(&request.parameters, ABOUT_GROUP)?;
        Ok(Self {
            name: names::group(name),
            volumes,
        })
    }

    /// A group has the name: it is this one, or of other volumes.
    fn found(&self, group: &SnapshotGroup) -> Result<VolumeGroupSnapshot, Status> {
        if !group
            .volumes
            .iter()
            .map(String::as_str)
            .eq(self.volumes.iter().copied())
        {
            return Err(Status::already_exists(format!(
                "a group of snapshots of this name is of the volumes {}",
                group.volumes.join(", ")
            )));
        }
        if group.snapshots.len() < group.volumes.len() {
            return Err(Status::failed_precondition(format!(
                "{CREATE}: of the one of this name only {} of {} snapshots were found again: delete it",
                group.snapshots.len(),
                group.volumes.len()
            )));
        }
        Ok(grouped(group))
    }
}

/// Whether the snapshots that a caller names, if he names some, are those of the group.
fn members(group: &SnapshotGroup, named: &[String]) -> Result<(), Status> {
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    let known: BTreeSet<&str> = group.snapshots.iter().map(|known| known.id.as_str()).collect();
    if named.is_empty() || named == known {
        return Ok(());
    }
    let known: Vec<&str> = known.into_iter().collect();
    Err(invalid(format!(
        "snapshot_ids are not those of the group, which are {}",
        known.join(", ")
    )))
}

/// A group as callers are told of it. One that Mortar shows can be used.
fn grouped(group: &SnapshotGroup) -> VolumeGroupSnapshot {
    VolumeGroupSnapshot {
        group_snapshot_id: group.id.clone(),
        snapshots: group
            .snapshots
            .iter()
            .map(|snapshot: &Snapshot| told(snapshot))
            .collect(),
        creation_time: group.created.parse().ok(),
        ready_to_use: true,
    }
}
