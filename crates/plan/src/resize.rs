//! A device whose disk, or whose directory's file system, has another size than is recorded.

use mortar_model::work::{DeviceSizeSpec, Goal, Thing};
use mortar_model::{ByteSize, Device, DeviceId, DeviceKind};

use crate::landscape::Landscape;
use crate::plan::{Change, Place, Plan, Stage, Step, Subject};
use crate::refusal::Refusal;

/// Plans how a device's size is taken up to what its disk or file system has. The step refuses a size that does not hold
/// what is promised.
///
/// # Errors
/// The device is unknown or being changed.
pub fn resize_device(landscape: &Landscape, id: DeviceId) -> Result<Plan, Refusal> {
    let device = known(landscape, id)?;
    if let Some(operation) = landscape.holder(Subject::Device(id)) {
        return Err(Refusal::Busy("device", id.to_string(), operation));
    }
    if device.kind == DeviceKind::Adopted {
        return Err(Refusal::Adopted(id, device.path.clone()));
    }
    let step = Step {
        place: Place::Node(device.node),
        thing: Thing::DeviceSize(DeviceSizeSpec {
            device: id,
            path: device.path.clone(),
            least: landscape.used(id),
            shared: device.kind.shared(),
        }),
        goal: Goal::Present,
        needed: true,
    };
    Ok(Plan {
        stages: vec![Stage {
            title: "take up the size of the disk".into(),
            steps: vec![step],
        }],
        forward_from: None,
        changes: vec![Change::ResizeDevice(device.clone())],
    })
}

/// The device with a size that was found. Bricks are never promised more than there is.
///
/// # Errors
/// The device is unknown, or what is promised of it is more.
pub fn of_size(landscape: &Landscape, id: DeviceId, total: ByteSize) -> Result<Device, Refusal> {
    let device = known(landscape, id)?;
    if landscape.used(id) > total {
        return Err(Refusal::InUse("device", id.to_string(), "bricks that take more"));
    }
    Ok(Device {
        total,
        ..device.clone()
    })
}

fn known(landscape: &Landscape, id: DeviceId) -> Result<&Device, Refusal> {
    let device = landscape.inventory().device(id);
    device.ok_or_else(|| Refusal::Unknown("device", id.to_string()))
}
