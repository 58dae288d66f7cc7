//! `CreateVolume`: the claim's name is a key. The first call begins the work, every later one finds it: under way, done, or
//! something else that has the name.

use mortar_api::{ErrorKind, Operation, Phase, Volume, VolumeRequest};
use tonic::Status;

use super::Controller;
use super::archive::is_archived;
use super::source::{self, Source};
use super::wanted::{DIGEST_OPTION, TOPOLOGY_OPTION, Wanted};
use crate::context;
use crate::deadline::Deadline;
use crate::mortar::Work;
use crate::proto::{self, CreateVolumeRequest, CreateVolumeResponse};
use crate::room;
use crate::topology;
use crate::trouble::Trouble;

/// What is attempted here.
const ATTEMPT: &str = "create the volume";

impl Controller {
    pub(super) async fn create(
        &self,
        request: &CreateVolumeRequest,
        deadline: Deadline,
    ) -> Result<CreateVolumeResponse, Status> {
        let wanted = Wanted::read(request)?;
        let _turn = self.busy.take(&wanted.name)?;
        let told = |trouble: Trouble| trouble.status(ATTEMPT);
        let known = self.mortar.named(&wanted.name).await.map_err(told)?;
        if let Some(volume) = known.volumes.into_iter().next() {
            return self.found(&wanted, volume, deadline).await;
        }
        let begun = match &wanted.source {
            None => self.mortar.create_volume(&self.asked(&wanted).await?).await,
            Some(source) => self.clone_of(&wanted, source).await?,
        };
        let work = match begun {
            Ok(work) => work,
            Err(trouble) if trouble.is(ErrorKind::Conflict) => {
                return Err(self.conflict(&wanted, &trouble).await);
            }
            Err(trouble) => return Err(trouble.refusal(ATTEMPT)),
        };
        let volume = self.made(&work, deadline).await.map_err(told)?;
        self.found(&wanted, volume, deadline).await
    }

    /// The request as Mortar is asked.
    async fn asked(&self, wanted: &Wanted<'_>) -> Result<VolumeRequest, Status> {
        let limits = self.mortar.limits().await;
        let limits = limits.map_err(|trouble| trouble.status("ask for the bounds of volumes"))?;
        let data = room::data_bricks(&wanted.class.durability);
        let smallest = wanted
            .kind
            .claim_size(limits.brick_min.saturating_mul(data), data);
        let largest = limits
            .brick_max
            .saturating_mul(u64::from(limits.bricks_per_volume))
            .saturating_mul(data);
        let claim = wanted
            .range
            .choose(smallest, wanted.kind.claim_size(largest, data))?;
        Ok(VolumeRequest {
            name: wanted.name.clone(),
            size: wanted.kind.volume_size(claim, data),
            durability: wanted.class.durability.clone(),
            clusters: wanted.class.clusters.clone(),
            zones: wanted.zones.clone(),
            gid: wanted.class.group(wanted.claim),
            options: wanted.options(),
            snapshot_factor: wanted.class.snapshot_factor,
        })
    }

    async fn made(&self, work: &Work, deadline: Deadline) -> Result<Volume, Trouble> {
        let place = self.mortar.finish(work, deadline).await?;
        let id = place.as_deref().and_then(|place| place.rsplit('/').next());
        let volume = self.mortar.volume(id.unwrap_or_default()).await?;
        // Somebody else may have removed it meanwhile: the next call begins anew.
        volume.ok_or_else(|| Trouble::UnderWay("the volume was removed again".into()))
    }

    /// A volume has the name: it is this claim's, or something else. One that was made of another may still have to grow.
    async fn found(
        &self,
        wanted: &Wanted<'_>,
        volume: Volume,
        deadline: Deadline,
    ) -> Result<CreateVolumeResponse, Status> {
        if volume.options.get(DIGEST_OPTION) != Some(&wanted.digest) {
            return Err(Status::already_exists(
                "a volume of this name was made from other parameters, of something else, or for another use",
            ));
        }
        if is_archived(&volume) {
            return Err(Status::already_exists(format!(
                "a volume of this name, {}, is archived: its claim is gone",
                volume.id
            )));
        }
        let size = room::claim_size(&volume).max(source::target(&volume));
        if !wanted.range.holds(size) {
            return Err(Status::already_exists(format!(
                "a volume of this name has {size} bytes, which is not what is asked for"
            )));
        }
        let volume = self.grown(volume, deadline).await?;
        Ok(CreateVolumeResponse {
            volume: Some(told(&volume)),
        })
    }

    /// Something has the name, or is in the way.
    async fn conflict(&self, wanted: &Wanted<'_>, trouble: &Trouble) -> Status {
        let known = match self.mortar.named(&wanted.name).await {
            Ok(known) => known,
            Err(trouble) => return trouble.status(ATTEMPT),
        };
        let text = format!("{ATTEMPT}: {}", trouble.text());
        if let Some(volume) = known.volumes.first() {
            let other = volume.options.get(DIGEST_OPTION) != Some(&wanted.digest);
            return if other || !wanted.range.holds(room::claim_size(volume)) {
                Status::already_exists(text)
            } else {
                trouble.status(ATTEMPT)
            };
        }
        match (known.operation, &wanted.source) {
            (None, Some(source)) => self.unusable(source, trouble).await,
            // No name is in the way: the clusters take no more, or not such ones.
            (None, None) => Status::resource_exhausted(text),
            (Some(id), _) => match self.mortar.operation(&id).await {
                Ok(operation) if makes_another(&operation) => Status::already_exists(text),
                _ => trouble.status(ATTEMPT),
            },
        }
    }
}

/// Whether an operation is on its way to make a volume, and not back or about to remove one.
fn makes_another(operation: &Operation) -> bool {
    let makes = ["create-volume", "clone-volume"].contains(&operation.kind.as_str());
    makes && matches!(operation.phase, Phase::Waiting | Phase::Running)
}

/// A volume as callers are told of it.
pub(super) fn told(volume: &Volume) -> proto::Volume {
    let size = room::claim_size(volume);
    let zonal = volume.options.contains_key(TOPOLOGY_OPTION);
    let zones = volume.zones.iter().copied().filter(|_| zonal);
    proto::Volume {
        capacity_bytes: i64::try_from(size).unwrap_or(i64::MAX),
        volume_id: volume.id.clone(),
        volume_context: context::of(volume, size),
        content_source: Source::of(volume).map(Source::told),
        accessible_topology: zones.map(topology::of).collect(),
    }
}
