//! Which nodes may use a volume: a record that whoever attaches volumes reads and writes.
//!
//! It is apart from the volume's own: a volume that grows, heals or moves for hours is attached and detached meanwhile.

use mortar_model::{AccessMode, Attachment, ClientNode, VolumeId};
use mortar_plan::{Landscape, Plan, Refusal};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::submit::to_the_end;

/// How a node is to have a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attach {
    /// The node.
    pub node: ClientNode,
    /// How, and with how many others.
    pub mode: AccessMode,
    /// Whether it may only read, whatever the mode.
    pub read_only: bool,
    /// How many volumes the node may have; any number when none.
    pub most: Option<u32>,
}

impl Engine {
    /// Records that a node may use a volume. Asked again, it is recorded once.
    ///
    /// # Errors
    /// The volume is unknown or being removed; other nodes have it, this one has it otherwise, or has too many; or it could not be
    /// recorded.
    pub async fn attach_volume(&self, volume: VolumeId, wanted: Attach) -> Result<(), EngineError> {
        let attachment = Attachment {
            node: wanted.node,
            mode: wanted.mode,
            read_only: wanted.read_only,
            since: self.inner.clock.now_ms(),
        };
        let most = wanted.most;
        self.change_attachments(move |landscape| mortar_plan::attach(landscape, volume, &attachment, most))
            .await
    }

    /// Records that a node may not use a volume any more, or that none may.
    ///
    /// # Errors
    /// The volume is unknown or being removed, or it could not be recorded.
    pub async fn detach_volume(&self, volume: VolumeId, node: Option<ClientNode>) -> Result<(), EngineError> {
        self.change_attachments(move |landscape| mortar_plan::detach(landscape, volume, node.as_ref()))
            .await
    }

    /// One change at a time, to its end: who comes next decides on what it has recorded.
    async fn change_attachments(
        &self,
        decide: impl Fn(&Landscape) -> Result<Option<Plan>, Refusal> + Send + Sync + 'static,
    ) -> Result<(), EngineError> {
        let engine = self.clone();
        to_the_end(async move {
            let _turn = engine.inner.attaching.lock().await;
            if engine.view(&decide)?.is_some() {
                let plan = |landscape: &Landscape| Ok(decide(landscape)?.unwrap_or_default());
                engine.record(plan).await?;
            }
            Ok(())
        })
        .await
    }
}
