//! How full is a device?

use mortar_argv::{Batch, Report};
use mortar_model::{ByteSize, DeviceKind, DevicePath};

use crate::answer::{self, Unreadable};
use crate::{Settings, program};

/// Space of a device, as its node counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceUsage {
    /// Space for bricks, taken or not.
    pub total: ByteSize,
    /// Space that is not taken. Of a directory, more than what is promised is free: images are sparse.
    pub free: ByteSize,
}

/// What to run.
pub fn ask(settings: &Settings, path: &DevicePath) -> Batch {
    let path = path.as_str();
    let ask = if path.starts_with("/dev/") {
        program::lvm_report(settings, "pvs", answer::PV_COLUMNS).arg(path)
    } else {
        program::program(settings, "df").args(["--block-size=1", "--output=size,avail,fstype", path])
    };
    Batch::new().ask(ask)
}

/// Reads the answer.
///
/// # Errors
/// The node did not answer, or the device is not there or not ready for bricks.
pub fn read(path: &DevicePath, report: &Report) -> Result<DeviceUsage, Unreadable> {
    if !DeviceKind::is_block_path(path) {
        let (total, free) = answer::free_space(report, 0)?;
        return Ok(DeviceUsage { total, free });
    }
    match answer::physical_volume(report, 0)? {
        Some(pv) if !pv.vg_name.is_empty() => Ok(DeviceUsage {
            total: pv.vg_size,
            free: pv.vg_free,
        }),
        _ => Err(Unreadable::new(
            "how full the device is",
            format!("{path} has no volume group"),
        )),
    }
}
