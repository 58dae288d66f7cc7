//! A device whose disk, or whose directory's file system, has another size than is recorded.

use mortar_model::work::{DeviceSizeSpec, Goal, Thing};
use mortar_model::{ByteSize, Device, DeviceId, DeviceKind, Overcommit};

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
    Ok(Plan {
        stages: vec![size_stage(landscape, device, None)],
        forward_from: None,
        changes: vec![Change::ResizeDevice(device.clone())],
    })
}

/// Plans how the one thin pool of a device's bricks may promise more, or less, over what it has. The disk is seen to first; from then on
/// the change is brought to its end.
///
/// # Errors
/// The device is unknown or being changed, has no such pool, or has promised more already.
pub fn set_overcommit(landscape: &Landscape, id: DeviceId, wanted: Overcommit) -> Result<Plan, Refusal> {
    let mut plan = resize_device(landscape, id)?;
    let before = known(landscape, id)?;
    let Some(now) = before.kind.shared() else {
        return Err(Refusal::BadOption(format!(
            "device {id} ({}) has no thin pool for all bricks, so it promises what it has",
            before.path
        )));
    };
    let used = landscape.used(id);
    let most = promised(before, now, wanted);
    if used > most {
        return Err(Refusal::BadOption(format!(
            "device {id} ({}) has promised {used}, and with an overcommit of {wanted} it may promise {most}: delete volumes or snapshots there, or \
             move bricks away first",
            before.path
        )));
    }
    let mut device = before.clone();
    if let DeviceKind::Lvm { shared, .. } = &mut device.kind {
        *shared = Some(wanted);
    }
    if wanted != now {
        plan.forward_from = Some(plan.stages.len());
        plan.stages.push(size_stage(landscape, &device, Some(now)));
    }
    plan.changes = vec![Change::ResizeDevice(device)];
    Ok(plan)
}

/// What the pool may promise at least, by what it may now: how large it is exactly, its node tells.
fn promised(device: &Device, now: Overcommit, wanted: Overcommit) -> ByteSize {
    let bytes = u128::from(device.total.bytes()) * 100 / u128::from(now.hundredths());
    let pool = ByteSize::from_bytes(u64::try_from(bytes).unwrap_or(u64::MAX));
    wanted.of(pool, device.kind.extent())
}

fn size_stage(landscape: &Landscape, device: &Device, shared_before: Option<Overcommit>) -> Stage {
    let step = Step {
        place: Place::Node(device.node),
        thing: Thing::DeviceSize(DeviceSizeSpec {
            device: device.id,
            path: device.path.clone(),
            least: landscape.used(device.id),
            shared: device.kind.shared(),
            shared_before,
        }),
        goal: Goal::Present,
        needed: true,
    };
    let title = match shared_before {
        None => "take up the size of the disk",
        Some(_) => "change what its pool may promise",
    };
    Stage {
        title: title.into(),
        steps: vec![step],
    }
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
