//! Snapshots, and volumes that are made of them.

use mortar_model::{OperationId, OperationKind, SnapshotId, VolumeId, VolumeName, VolumeOption};
use mortar_plan::{
    CloneVolume, CreateSnapshot, Creation, Landscape, Refusal, Seed, SnapshotCreation, Subject,
};

use crate::create::{Decided, Planned};
use crate::engine::Engine;
use crate::error::EngineError;

impl From<SnapshotCreation> for Planned {
    fn from(creation: SnapshotCreation) -> Self {
        match creation {
            SnapshotCreation::New(plan) => Self::New(plan),
            SnapshotCreation::Known(id, operation) => Self::Known(Subject::Snapshot(id), operation),
        }
    }
}

impl Engine {
    /// Makes a snapshot of a volume, which goes on meanwhile. Asked again by the same name, it answers with the operation that
    /// makes it, or with one that has ended and is about the snapshot that was made.
    ///
    /// # Errors
    /// It cannot be planned, or its name is another snapshot's; the refusal says why.
    pub async fn create_snapshot(
        &self,
        volume: VolumeId,
        name: Option<VolumeName>,
    ) -> Result<OperationId, EngineError> {
        let request = CreateSnapshot {
            volume,
            name,
            now_ms: self.inner.clock.now_ms(),
        };
        let kind = OperationKind::CreateSnapshot;
        let plan = |landscape: &Landscape, seed: &mut Seed| {
            mortar_plan::create_snapshot(landscape, &request, seed).map(Planned::from)
        };
        self.once(kind, || self.decide_named(kind, plan)).await
    }

    /// Removes a snapshot. What was made of it stays.
    ///
    /// # Errors
    /// It is unknown or being used, or one of a group.
    pub async fn delete_snapshot(&self, id: SnapshotId) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::DeleteSnapshot, |landscape, _| {
            mortar_plan::delete_snapshot(landscape, id)
        })
        .await
    }

    /// Brings a volume back to what its snapshot holds. It is stopped meanwhile, and what was written since is lost.
    ///
    /// # Errors
    /// The snapshot is unknown or being used, or its volume is being changed or has other bricks by now.
    pub async fn restore_snapshot(&self, id: SnapshotId) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::RestoreSnapshot, |landscape, seed| {
            mortar_plan::restore_snapshot(landscape, id, seed)
        })
        .await
    }

    /// Makes a volume that begins with what a snapshot holds. Asked again by the same name, it answers with the operation
    /// that makes it, or with one that has ended and is about the volume that was made. It has these options in place of its
    /// origin's, where some are given.
    ///
    /// # Errors
    /// It cannot be planned, or its name is another volume's; the refusal says why.
    pub async fn clone_snapshot(
        &self,
        id: SnapshotId,
        name: Option<VolumeName>,
        options: Option<Vec<VolumeOption>>,
    ) -> Result<OperationId, EngineError> {
        let limits = &self.inner.config.limits;
        self.clone_by(name, options, |landscape, request, seed| {
            mortar_plan::clone_snapshot(landscape, limits, id, request, seed)
        })
        .await
    }

    /// Makes a volume that begins with what another one holds now. Asked again by the same name, it answers as
    /// [`Self::clone_snapshot`] does.
    ///
    /// # Errors
    /// It cannot be planned, or its name is another volume's; the refusal says why.
    pub async fn clone_volume(
        &self,
        id: VolumeId,
        name: Option<VolumeName>,
        options: Option<Vec<VolumeOption>>,
    ) -> Result<OperationId, EngineError> {
        let limits = &self.inner.config.limits;
        self.clone_by(name, options, |landscape, request, seed| {
            mortar_plan::clone_volume(landscape, limits, id, request, seed)
        })
        .await
    }

    async fn clone_by(
        &self,
        name: Option<VolumeName>,
        options: Option<Vec<VolumeOption>>,
        plan: impl Fn(&Landscape, &CloneVolume, &mut Seed) -> Result<Creation, Refusal> + Send + Sync,
    ) -> Result<OperationId, EngineError> {
        let request = CloneVolume {
            name,
            options,
            now_ms: self.inner.clock.now_ms(),
        };
        let kind = OperationKind::CloneVolume;
        let plan =
            |landscape: &Landscape, seed: &mut Seed| plan(landscape, &request, seed).map(Planned::from);
        self.once(kind, || self.decide_named(kind, plan)).await
    }

    /// As [`Self::decide_by`], where planning finds what was asked for before at next to no cost.
    pub(crate) fn decide_named(
        &self,
        kind: OperationKind,
        plan: impl Fn(&Landscape, &mut Seed) -> Result<Planned, Refusal>,
    ) -> Result<Decided, EngineError> {
        self.decide_by(kind, &plan, |landscape| {
            Ok(match plan(landscape, &mut Seed::new(0)) {
                Ok(Planned::Known(subject, operation)) => Some((subject, operation)),
                Ok(Planned::New(_)) | Err(_) => None,
            })
        })
    }
}
