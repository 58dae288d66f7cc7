//! Groups: snapshots of several volumes that show the same moment.

use mortar_model::{GroupId, OperationId, OperationKind, VolumeId, VolumeName};
use mortar_plan::{CreateGroup, GroupCreation, Landscape, Seed, Subject};

use crate::create::Planned;
use crate::engine::Engine;
use crate::error::EngineError;

impl From<GroupCreation> for Planned {
    fn from(creation: GroupCreation) -> Self {
        match creation {
            GroupCreation::New(plan) => Self::New(plan),
            GroupCreation::Known(id, operation) => Self::Known(Subject::Group(id), operation),
        }
    }
}

impl Engine {
    /// Makes one snapshot of each volume, all of the same moment; the volumes go on meanwhile. Asked again by the same name, it
    /// answers with the operation that makes them, or with one that has ended and is about the group that was made.
    ///
    /// # Errors
    /// It cannot be planned, or its name is that of a group of other volumes; the refusal says why.
    pub async fn create_snapshot_group(
        &self,
        volumes: Vec<VolumeId>,
        name: Option<VolumeName>,
    ) -> Result<OperationId, EngineError> {
        let request = CreateGroup {
            volumes,
            name,
            now_ms: self.inner.clock.now_ms(),
        };
        let kind = OperationKind::CreateSnapshotGroup;
        let plan = |landscape: &Landscape, seed: &mut Seed| {
            mortar_plan::create_group(landscape, &request, seed).map(Planned::from)
        };
        self.once(kind, || self.decide_named(kind, plan)).await
    }

    /// Removes a group with all its snapshots. What was made of them stays.
    ///
    /// # Errors
    /// It is unknown, or one of its snapshots is being used.
    pub async fn delete_snapshot_group(&self, id: GroupId) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::DeleteSnapshotGroup, |landscape, _| {
            mortar_plan::delete_group(landscape, id)
        })
        .await
    }
}
