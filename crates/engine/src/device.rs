//! A disk that is made ready for bricks, also where another one was before; and what its pool may promise.

use mortar_command::query::device_at;
use mortar_model::{DeviceId, NodeId, OperationId, OperationKind, Overcommit};
use mortar_plan::{AddDevice, Refusal, Seed};

use crate::away;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;

impl Engine {
    /// Makes a device ready for bricks. Where another one is recorded at that path, the node is asked whether its disk is gone.
    ///
    /// # Errors
    /// It cannot be planned. That the disk itself refuses is told by the operation.
    pub async fn add_device(&self, request: AddDevice) -> Result<OperationId, EngineError> {
        // Planned once without holding anything, to know whether the path is free.
        let planned =
            self.view(|landscape| mortar_plan::add_device(landscape, &request, None, &mut Seed::new(0)));
        let gone = match planned {
            Err(Refusal::PathTaken(_, id)) if is_gone(&self.inner, request.node, id).await => Some(id),
            Err(refusal) => return Err(refusal.into()),
            Ok(_) => None,
        };
        self.submit(OperationKind::AddDevice, |landscape, seed| {
            mortar_plan::add_device(landscape, &request, gone, seed)
        })
        .await
    }

    /// Lets the one thin pool of a device's bricks promise so much over what it has.
    ///
    /// # Errors
    /// The device is unknown or being changed, has no such pool, or has promised more already.
    pub async fn set_overcommit(&self, id: DeviceId, wanted: Overcommit) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::ResizeDevice, |landscape, _| {
            mortar_plan::set_overcommit(landscape, id, wanted)
        })
        .await
    }
}

/// Whether the node shows that something else is at the path of this device by now. Where it cannot tell, the device is not gone.
async fn is_gone(inner: &Inner, node: NodeId, id: DeviceId) -> bool {
    let device = inner.landscape().inventory().device(id).cloned();
    let Some(device) = device else { return false };
    let batch = device_at::ask(&inner.config.settings, &device.path);
    let report = away::ask(inner, node, &batch, "ask what is at the path of a device").await;
    device_at::is_gone(&device, &report).unwrap_or(false)
}
