//! A device whose disk, or whose directory's file system, has become larger.

use mortar_argv::{Batch, Report};
use mortar_model::work::{DeviceFacts, DeviceSizeSpec, DeviceSpec, Facts, FailureKind, Seen, Verdict};
use mortar_model::{DeviceKind, layout};

use super::{FACTS, facts, read_facts};
use crate::answer::Unreadable;
use crate::{Settings, complaint, program};

fn as_device(spec: &DeviceSizeSpec) -> DeviceSpec {
    DeviceSpec {
        device: spec.device,
        path: spec.path.clone(),
        destroy: false,
    }
}

pub(crate) fn look(spec: &DeviceSizeSpec, settings: &Settings) -> Batch {
    facts(&as_device(spec), settings)
}

/// That a disk has grown nobody but the disk knows: it is asked again.
pub(crate) fn judge_look(spec: &DeviceSizeSpec, report: &Report) -> Result<Seen, Unreadable> {
    let facts = read_facts(&as_device(spec), report)?;
    Ok(Seen::Partial(format!("{} had {} so far", spec.path, facts.total)))
}

/// Only what says that it is this device is asked and changed: the path may belong to another disk by now, and a directory's
/// disk may not be mounted.
pub(crate) fn make(spec: &DeviceSizeSpec, settings: &Settings) -> Batch {
    let batch = if DeviceKind::is_block_path(&spec.path) {
        let path = spec.path.as_str();
        let uuid = format!("UUID={}", layout::physical_volume_uuid(spec.device));
        Batch::new()
            .run(program::program(settings, "blkid").args(["-c", "/dev/null", "-t", &uuid, path]))
            .run(program::lvm(settings, "pvresize").arg(path))
    } else {
        let id = spec.device.to_string();
        Batch::new().run(
            program::program(settings, "grep")
                .args(["-qsF", "-e", &id])
                .arg(layout::device_identity_file(&spec.path)),
        )
    };
    batch.then(facts(&as_device(spec), settings))
}

pub(crate) fn judge_made(spec: &DeviceSizeSpec, report: &Report) -> Verdict {
    if report.first_failure().is_some_and(|(index, _)| index == 0) {
        return complaint::refused(format!(
            "what is at {} does not say that it is device {}: see 'mortar check'",
            spec.path, spec.device
        ));
    }
    let mut work = report.clone();
    let count = report.outcomes.len().saturating_sub(FACTS);
    work.outcomes.truncate(count);
    match complaint::judge(&work, complaint::nothing_tolerated) {
        Verdict::Done(_) => {}
        verdict => return verdict,
    }
    match read_facts(&as_device(spec), report) {
        Ok(facts) => measured(spec, facts),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}

/// What is promised must be there.
fn measured(spec: &DeviceSizeSpec, facts: DeviceFacts) -> Verdict {
    if facts.total < spec.least {
        return complaint::failed(
            FailureKind::Refused,
            format!(
                "{} has {}, and its bricks take {}: move some of them away first, the recorded size stays",
                spec.path, facts.total, spec.least
            ),
        );
    }
    Verdict::Done(Facts::Device(facts))
}
