//! A device whose disk, or whose directory's file system, has become larger.

use mortar_argv::{Batch, Command, Report};
use mortar_model::work::{DeviceFacts, DeviceSizeSpec, DeviceSpec, Facts, FailureKind, Seen, Verdict};
use mortar_model::{DeviceKind, layout};

use super::{directory, facts, facts_count, pool, read_facts};
use crate::answer::{self, Unreadable};
use crate::{Settings, complaint, program};

/// The kernel learns of a SCSI or NVMe disk that has grown when it is told to look; of others by itself. A file that is not there, or
/// not to be written, says that there is nothing to tell.
const RESCAN: &str = "disk=$(readlink -f -- \"$1\") || exit 1
for file in rescan rescan_controller; do
    file=/sys/class/block/${disk##*/}/device/$file
    if test -w \"$file\"; then echo 1 > \"$file\"; exit; fi
done
exit 1";

/// In the batch that resizes a directory: what its images take before anything else is measured.
const BEFORE: usize = 1;

fn as_device(spec: &DeviceSizeSpec) -> DeviceSpec {
    DeviceSpec {
        device: spec.device,
        path: spec.path.clone(),
        destroy: false,
        shared: spec.shared,
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
            // Where it does not help, the size that the kernel knows is the size.
            .only_if(rescan(path, settings), program::program(settings, "true"))
            .run(program::lvm(settings, "pvresize").arg(path))
            .then(pool::extend(&as_device(spec), settings))
            .then(pool::retag(&as_device(spec), spec.shared_before, settings))
    } else {
        let id = spec.device.to_string();
        Batch::new()
            .run(
                program::program(settings, "grep")
                    .args(["-qsF", "-e", &id])
                    .arg(layout::device_identity_file(&spec.path)),
            )
            .ask(directory::images(&spec.path, settings))
    };
    batch.then(facts(&as_device(spec), settings))
}

fn rescan(path: &str, settings: &Settings) -> Command {
    program::program(settings, "sh").args(["-c", RESCAN, "mortar-rescan", path])
}

pub(crate) fn judge_made(spec: &DeviceSizeSpec, report: &Report) -> Verdict {
    if report.first_failure().is_some_and(|(index, _)| index == 0) {
        return complaint::refused(format!(
            "what is at {} does not say that it is device {}: see 'mortar check'",
            spec.path, spec.device
        ));
    }
    let mut work = report.clone();
    let count = report
        .outcomes
        .len()
        .saturating_sub(facts_count(&as_device(spec)));
    work.outcomes.truncate(count);
    match complaint::judge(&work, crate::brick::growth::already_so) {
        Verdict::Done(_) => {}
        verdict => return verdict,
    }
    let measured = read_facts(&as_device(spec), report).and_then(|facts| {
        is_one_moment(spec, report)?;
        Ok(facts)
    });
    match measured {
        Ok(facts) => enough(spec, facts),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}

/// What is free in a directory's file system and what images take of it is asked one after the other, while other steps make and
/// remove images: their sum is a size only where the images took the same before and after.
fn is_one_moment(spec: &DeviceSizeSpec, report: &Report) -> Result<(), Unreadable> {
    if DeviceKind::is_block_path(&spec.path) {
        return Ok(());
    }
    let last = report.outcomes.len().saturating_sub(1);
    let (before, after) = (
        answer::disk_usage(report, BEFORE)?,
        answer::disk_usage(report, last)?,
    );
    if before == after {
        return Ok(());
    }
    Err(Unreadable::new(
        "how large the directory's file system is",
        "bricks on it were made or removed meanwhile",
    ))
}

/// What is promised must be there.
fn enough(spec: &DeviceSizeSpec, facts: DeviceFacts) -> Verdict {
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
