//! Block volumes, and whether a volume takes new ones.

use mortar_model::{BlockRestriction, BlockVolumeId, ByteSize, OperationId, OperationKind, VolumeId};
use mortar_plan::{BlockCreation, CreateBlock, Landscape, ReplaceBlockHost, Seed, Subject};

use crate::create::Planned;
use crate::engine::Engine;
use crate::error::EngineError;

impl From<BlockCreation> for Planned {
    fn from(creation: BlockCreation) -> Self {
        match creation {
            BlockCreation::New(plan) => Self::New(plan),
            BlockCreation::Known(id, operation) => Self::Known(Subject::Block(id), operation),
        }
    }
}

impl Engine {
    /// Makes a block volume, and a volume to hold it where none has the room and the site wants that. Asked again by the same name,
    /// it answers with the operation that makes it, or with one that has ended and is about the block volume that was made.
    ///
    /// # Errors
    /// It cannot be planned, or its name is another one's; the refusal says why.
    pub async fn create_block(&self, request: CreateBlock) -> Result<OperationId, EngineError> {
        let limits = &self.inner.config.limits;
        let kind = OperationKind::CreateBlock;
        let plan = |landscape: &Landscape, seed: &mut Seed| {
            mortar_plan::create_block(landscape, limits, &request, seed).map(Planned::from)
        };
        self.once(kind, || self.decide_named(kind, plan)).await
    }

    /// Makes a block volume as large as `size`, while it is in use.
    ///
    /// # Errors
    /// It is unknown or being changed, is as large already, or its hosting volume has not the room.
    pub async fn expand_block(&self, id: BlockVolumeId, size: ByteSize) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::ExpandBlock, |landscape, _| {
            mortar_plan::expand_block(landscape, id, size)
        })
        .await
    }

    /// Lets another host serve a block volume in place of one.
    ///
    /// # Errors
    /// It is unknown or being changed, the old host does not serve it, or no other can.
    pub async fn replace_block_host(&self, request: ReplaceBlockHost) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::ReplaceBlockHost, |landscape, _| {
            mortar_plan::replace_block_host(landscape, &request)
        })
        .await
    }

    /// Removes a block volume with what is in it.
    ///
    /// # Errors
    /// It is unknown or being changed.
    pub async fn delete_block(&self, id: BlockVolumeId) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::DeleteBlock, |landscape, _| {
            mortar_plan::delete_block(landscape, id)
        })
        .await
    }

    /// Says whether a volume takes new block volumes.
    ///
    /// # Errors
    /// It is unknown, being changed, or not meant to hold any.
    pub async fn restrict_blocks(
        &self,
        id: VolumeId,
        restriction: BlockRestriction,
    ) -> Result<OperationId, EngineError> {
        self.record(|landscape| mortar_plan::restrict_blocks(landscape, id, restriction))
            .await
    }
}
