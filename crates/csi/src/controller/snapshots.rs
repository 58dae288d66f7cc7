//! Snapshots: the name that a caller gives is a key, as a claim's is.

use std::collections::HashMap;

use mortar_api::{ErrorKind, Phase, Snapshot, Volume};
use tonic::Status;

use super::Controller;
use super::pages::Page;
use super::wanted::TOPOLOGY_OPTION;
use crate::deadline::Deadline;
use crate::names::{self, FIELD};
use crate::proto::list_snapshots_response::Entry;
use crate::proto::{
    self, CreateSnapshotRequest, CreateSnapshotResponse, DeleteSnapshotRequest, DeleteSnapshotResponse,
    GetSnapshotRequest, GetSnapshotResponse, ListSnapshotsRequest, ListSnapshotsResponse,
};
use crate::room::{self, Use};
use crate::topology;
use crate::trouble::{Trouble, invalid, required};

const CREATE: &str = "create the snapshot";

/// What a snapshotter adds when it is started with `--extra-create-metadata`.
const ABOUT_SNAPSHOT: &str = "csi.storage.k8s.io/volumesnapshot";

impl Controller {
    pub(super) async fn make_snapshot(
        &self,
        request: &CreateSnapshotRequest,
        deadline: Deadline,
    ) -> Result<CreateSnapshotResponse, Status> {
        let wanted = Wanted::read(request)?;
        let _turn = self.busy.take(&wanted.name)?;
        let told = |trouble: Trouble| trouble.status(CREATE);
        let known = self.mortar.snapshot_named(&wanted.name).await.map_err(told)?;
        if let Some(snapshot) = known.snapshots.first() {
            return wanted.found(snapshot);
        }
        let volume = self.volume(wanted.volume).await.map_err(told)?;
        let volume =
            volume.ok_or_else(|| Status::not_found(format!("there is no volume {}", wanted.volume)))?;
        wanted.reaches(&volume)?;
        let work = match self.mortar.create_snapshot(&volume.id, &wanted.name).await {
            Ok(work) => work,
            Err(trouble) if trouble.is(ErrorKind::Conflict) => {
                return Err(self.refused_snapshot(&wanted, &trouble).await);
            }
            Err(trouble) => return Err(trouble.refusal(CREATE)),
        };
        self.mortar.finish(&work, deadline).await.map_err(told)?;
        let made = self.mortar.snapshot_named(&wanted.name).await.map_err(told)?;
        match made.snapshots.first() {
            Some(snapshot) => wanted.found(snapshot),
            // Somebody else removed it meanwhile: the next call begins anew.
            None => Err(Status::aborted(format!("{CREATE}: it was removed again"))),
        }
    }

    /// Something has the name, or is in the way.
    async fn refused_snapshot(&self, wanted: &Wanted<'_>, trouble: &Trouble) -> Status {
        let text = format!("{CREATE}: {}", trouble.text());
        let (known, volume) = match (
            self.mortar.snapshot_named(&wanted.name).await,
            self.volume(wanted.volume).await,
        ) {
            (Ok(known), Ok(volume)) => (known, volume),
            (Err(trouble), _) | (_, Err(trouble)) => return trouble.status(CREATE),
        };
        if let Some(snapshot) = known.snapshots.first() {
            let found = wanted.found(snapshot);
            return found.err().unwrap_or_else(|| trouble.status(CREATE));
        }
        if let Some(id) = known.operation {
            // One of the same volume would have been joined.
            return match self.mortar.operation(&id).await {
                Ok(operation)
                    if operation.kind == "create-snapshot"
                        && matches!(operation.phase, Phase::Waiting | Phase::Running) =>
                {
                    Status::already_exists(text)
                }
                _ => trouble.status(CREATE),
            };
        }
        match volume {
            // Nothing is under way: its devices make no copies.
            Some(volume) if volume.operation.is_none() => Status::failed_precondition(text),
            _ => trouble.status(CREATE),
        }
    }

    pub(super) async fn remove_snapshot(
        &self,
        request: &DeleteSnapshotRequest,
        deadline: Deadline,
    ) -> Result<DeleteSnapshotResponse, Status> {
        const ATTEMPT: &str = "delete the snapshot";
        let id = required(&request.snapshot_id, "snapshot_id")?;
        let _turn = self.busy.take(id)?;
        if !names::is_id(id) {
            return Ok(DeleteSnapshotResponse {});
        }
        let work = match self.mortar.delete_snapshot(id).await {
            Ok(work) => work,
            Err(trouble) if trouble.is_not_found() => return Ok(DeleteSnapshotResponse {}),
            Err(trouble) if trouble.is(ErrorKind::Conflict) => {
                return Err(match self.mortar.snapshot(id).await {
                    Ok(Some(Snapshot { group: Some(_), .. })) => {
                        invalid(format!("{ATTEMPT}: {}", trouble.text()))
                    }
                    Ok(_) => trouble.status(ATTEMPT),
                    Err(unknown) => unknown.status(ATTEMPT),
                });
            }
            Err(trouble) => return Err(trouble.status(ATTEMPT)),
        };
        match self.mortar.finish(&work, deadline).await {
            Ok(_) => Ok(DeleteSnapshotResponse {}),
            Err(trouble) => Err(trouble.status(ATTEMPT)),
        }
    }

    pub(super) async fn snapshots(
        &self,
        request: &ListSnapshotsRequest,
    ) -> Result<ListSnapshotsResponse, Status> {
        let attempt = |trouble: Trouble| trouble.status("list snapshots");
        let page = Page::read(request.max_entries, &request.starting_token)?;
        let of = Some(request.source_volume_id.as_str()).filter(|id| !id.is_empty());
        if !request.snapshot_id.is_empty() {
            let found = self
                .mortar
                .snapshot(&request.snapshot_id)
                .await
                .map_err(attempt)?;
            let found = found.filter(|snapshot| of.is_none_or(|volume| snapshot.volume == volume));
            return Ok(listed(found.iter(), String::new()));
        }
        // Nothing is of a volume whose id is none.
        if of.is_some_and(|volume| !names::is_id(volume)) {
            return Ok(ListSnapshotsResponse::default());
        }
        let ask = |after: Option<String>, left: Option<u32>| async move {
            let got = self.mortar.snapshots(of, after.as_deref(), left).await?;
            Ok((got.snapshots, got.next))
        };
        let (snapshots, next) = page.fill(ask).await.map_err(attempt)?;
        Ok(listed(snapshots.iter(), next))
    }

    pub(super) async fn snapshot(&self, request: &GetSnapshotRequest) -> Result<GetSnapshotResponse, Status> {
        let id = required(&request.snapshot_id, "snapshot_id")?;
        let found = self.mortar.snapshot(id).await;
        let found = found.map_err(|trouble| trouble.status("look for the snapshot"))?;
        let found = found.ok_or_else(|| Status::not_found(format!("there is no snapshot {id}")))?;
        Ok(GetSnapshotResponse {
            snapshot: Some(told(&found)),
        })
    }
}

/// A request that is of its form.
struct Wanted<'a> {
    name: String,
    volume: &'a str,
    zones: Vec<u32>,
}

impl<'a> Wanted<'a> {
    fn read(request: &'a CreateSnapshotRequest) -> Result<Self, Status> {
        let name = name(&request.name)?;
        let volume = required(&request.source_volume_id, "source_volume_id")?;
        check(&request.parameters, ABOUT_SNAPSHOT)?;
        Ok(Self {
            name: names::snapshot(name),
            volume,
            zones: topology::zones(request.accessibility_requirements.as_ref())?,
        })
    }

    /// Whether what is made of the volume can be reached from where it is asked for.
    fn reaches(&self, volume: &Volume) -> Result<(), Status> {
        let zonal = volume.options.contains_key(TOPOLOGY_OPTION);
        let reached = self.zones.iter().any(|zone| volume.zones.contains(zone));
        if self.zones.is_empty() || !zonal || reached {
            return Ok(());
        }
        Err(Status::resource_exhausted(format!(
            "{CREATE}: its volume is in none of the zones that are asked for"
        )))
    }

    /// A snapshot has the name: it is this one, or of another volume.
    fn found(&self, snapshot: &Snapshot) -> Result<CreateSnapshotResponse, Status> {
        if snapshot.volume != self.volume {
            return Err(Status::already_exists(format!(
                "a snapshot of this name is of volume {}",
                snapshot.volume
            )));
        }
        let mut told = told(snapshot);
        if !self.zones.is_empty() {
            let asked = |place: &proto::Topology| {
                topology::zone(place).is_ok_and(|zone| zone.is_none_or(|zone| self.zones.contains(&zone)))
            };
            told.accessible_topology.retain(asked);
        }
        Ok(CreateSnapshotResponse { snapshot: Some(told) })
    }
}

/// A name that a caller gives.
pub(super) fn name(text: &str) -> Result<&str, Status> {
    let name = required(text, "name")?;
    if name.len() > FIELD || name.chars().any(char::is_control) {
        return Err(invalid(format!(
            "name has more than {FIELD} bytes, or control characters"
        )));
    }
    Ok(name)
}

/// The classes of snapshots and their groups have no parameters of their own here: only what the sidecar adds, `about` them.
pub(super) fn check(parameters: &HashMap<String, String>, about: &str) -> Result<(), Status> {
    let mut unknown = parameters.keys().filter(|name| !name.starts_with(about));
    match unknown.next() {
        None => Ok(()),
        Some(name) => Err(invalid(format!("parameter {name}: is not known"))),
    }
}

fn listed<'a>(snapshots: impl Iterator<Item = &'a Snapshot>, next_token: String) -> ListSnapshotsResponse {
    let entry = |snapshot| Entry {
        snapshot: Some(told(snapshot)),
    };
    ListSnapshotsResponse {
        entries: snapshots.map(entry).collect(),
        next_token,
    }
}

/// A snapshot as callers are told of it. One that Mortar shows can be used.
pub(super) fn told(snapshot: &Snapshot) -> proto::Snapshot {
    let data = room::data_bricks(&snapshot.durability);
    let size = Use::named(&snapshot.options).claim_size(snapshot.size, data);
    let zonal = snapshot.options.contains_key(TOPOLOGY_OPTION);
    proto::Snapshot {
        size_bytes: i64::try_from(size).unwrap_or(i64::MAX),
        snapshot_id: snapshot.id.clone(),
        source_volume_id: snapshot.volume.clone(),
        creation_time: snapshot.created.parse().ok(),
        ready_to_use: true,
        group_snapshot_id: snapshot.group.clone().unwrap_or_default(),
        accessible_topology: snapshot
            .zones
            .iter()
            .filter(|_| zonal)
            .map(|zone| topology::of(*zone))
            .collect(),
    }
}
