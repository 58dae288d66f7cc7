//! Devices that are made ready for bricks, and given back.

use mortar_model::work::{DeviceSpec, Goal, Thing};
use mortar_model::{ByteSize, Device, DeviceId, DeviceKind, DevicePath, State, layout};

use crate::landscape::Landscape;
use crate::plan::{Change, Place, Plan, Stage, Step, Subject};
use crate::refusal::Refusal;
use crate::request::AddDevice;
use crate::seed::Seed;

/// Plans how a device is made ready. Its size and identity are learned when it is. The disk of a device that is recorded at the
/// same path stands in nobody's way where it is `gone` from there: from then on it is known by what is on it.
///
/// # Errors
/// The node is unknown or being removed, or has a device at that path or gets one; or a directory is to have a thin pool.
pub fn add_device(
    landscape: &Landscape,
    request: &AddDevice,
    gone: Option<DeviceId>,
    seed: &mut Seed,
) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    inventory
        .node(request.node)
        .ok_or_else(|| Refusal::Unknown("node", request.node.to_string()))?;
    if let Some(operation) = landscape.holder(Subject::Node(request.node)) {
        return Err(Refusal::Busy("node", request.node.to_string(), operation));
    }
    let mut others = inventory.devices_of(request.node);
    let before = others
        .find(|device| device.path.is_same_place(&request.path))
        .map(|other| leaves_path(landscape, other, gone))
        .transpose()?;
    if let Some(operation) = landscape.path_holder(request.node, &request.path) {
        return Err(Refusal::Busy("device", request.path.to_string(), operation));
    }
    if request.shared.is_some() && !DeviceKind::is_block_path(&request.path) {
        return Err(Refusal::BadOption(format!(
            "a thin pool for all bricks needs a block device (below /dev), and {} is a directory: leave the pool out",
            request.path
        )));
    }
    let kind = if DeviceKind::is_block_path(&request.path) {
        DeviceKind::Lvm {
            extent: ByteSize::ZERO,
            uuid: String::new(),
            paths: Vec::new(),
            shared: request.shared,
        }
    } else {
        DeviceKind::Directory
    };
    let device = Device {
        id: DeviceId::from_u128(seed.next_u128()),
        node: request.node,
        path: request.path.clone(),
        kind,
        tags: request.tags.clone(),
        state: State::Online,
        total: ByteSize::ZERO,
    };
    let stage = device_stage(&device, request.destroy, Goal::Present);
    Ok(Plan {
        stages: vec![stage],
        forward_from: None,
        // No two devices of a node have one path at any moment.
        changes: before
            .map(Change::PutDevice)
            .into_iter()
            .chain([Change::AddDevice(device)])
            .collect(),
    })
}

/// The device that was at a path where another disk is now.
fn leaves_path(landscape: &Landscape, device: &Device, gone: Option<DeviceId>) -> Result<Device, Refusal> {
    let taken = || Refusal::PathTaken(device.path.clone(), device.id);
    if gone != Some(device.id) {
        return Err(taken());
    }
    let path = DevicePath::new(layout::path_of_lost(device)).map_err(|_| taken())?;
    if let Some(operation) = landscape.holder(Subject::Device(device.id)) {
        return Err(Refusal::Busy("device", device.id.to_string(), operation));
    }
    Ok(device.clone().at(path))
}

/// Plans how a device is given back, bare. With `forget`, no command is sent to its node.
///
/// # Errors
/// The device is unknown, being changed, or has bricks or gets some.
pub fn remove_device(landscape: &Landscape, id: DeviceId, forget: bool) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let device = inventory
        .device(id)
        .ok_or_else(|| Refusal::Unknown("device", id.to_string()))?;
    if let Some(operation) = landscape.holder(Subject::Device(id)) {
        return Err(Refusal::Busy("device", id.to_string(), operation));
    }
    if inventory.brick_count(id) > 0 || landscape.bricks_to_come(id) > 0 {
        return Err(Refusal::InUse("device", id.to_string(), "bricks"));
    }
    if inventory.copies_on(id).next().is_some() {
        return Err(Refusal::InUse("device", id.to_string(), "parts of snapshots"));
    }
    // Nothing was made of a file system that was adopted, so there is nothing to give back.
    let stages = if forget || device.kind == DeviceKind::Adopted {
        Vec::new()
    } else {
        vec![device_stage(device, false, Goal::Absent)]
    };
    // A volume group that is removed takes the device's identity with it.
    Ok(Plan {
        stages,
        forward_from: Some(0),
        changes: vec![Change::RemoveDevice(id)],
    })
}

fn device_stage(device: &Device, destroy: bool, goal: Goal) -> Stage {
    let spec = DeviceSpec {
        device: device.id,
        path: device.path.clone(),
        destroy,
        shared: device.kind.shared(),
    };
    let title = match goal {
        Goal::Present => "make the device ready",
        Goal::Absent => "give the device back",
    };
    let step = Step {
        place: Place::Node(device.node),
        thing: Thing::Device(spec),
        goal,
        needed: true,
    };
    Stage {
        title: title.into(),
        steps: vec![step],
    }
}
