//! A device made ready for bricks: a block device through LVM, or a directory.

mod directory;
mod disk;
mod pool;
pub(crate) mod size;
mod traps;

use mortar_argv::{Batch, Report};
use mortar_model::work::{DeviceFacts, DeviceSpec, Facts, Seen, Verdict};
use mortar_model::{ByteSize, DeviceKind, layout};

use crate::answer::Unreadable;
use crate::{Settings, complaint, program};

/// A device with less room than this holds no brick worth having.
const SMALLEST: ByteSize = ByteSize::from_gib(1);

/// Items of [`facts`].
const fn facts_count(spec: &DeviceSpec) -> usize {
    if spec.shared.is_some() { 3 } else { 2 }
}

fn is_disk(spec: &DeviceSpec) -> bool {
    DeviceKind::is_block_path(&spec.path)
}

pub(crate) fn look(spec: &DeviceSpec, settings: &Settings) -> Batch {
    if is_disk(spec) {
        disk::look(spec, settings)
    } else {
        directory::look(spec, settings)
    }
}

pub(crate) fn judge_look(spec: &DeviceSpec, report: &Report) -> Result<Seen, Unreadable> {
    if is_disk(spec) {
        disk::judge_look(spec, report)
    } else {
        directory::judge_look(spec, report)
    }
}

pub(crate) fn make(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let batch = end_mount_entries(settings);
    let batch = if is_disk(spec) {
        disk::make(spec, settings, batch)
    } else {
        directory::make(spec, settings, batch)
    };
    batch.then(facts(spec, settings))
}

pub(crate) fn resume(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let batch = end_mount_entries(settings);
    let batch = if is_disk(spec) {
        disk::resume(spec, settings, batch)
    } else {
        directory::resume(spec, settings, batch)
    };
    batch.then(facts(spec, settings))
}

/// What is asked at the end of `make` and `resume`: the device's size and identity, and its shared pool where it has one.
pub(crate) fn facts(spec: &DeviceSpec, settings: &Settings) -> Batch {
    if is_disk(spec) {
        disk::facts(spec, settings)
    } else {
        directory::facts(spec, settings)
    }
}

/// Bricks append their mount entries: a file whose last line has no end (an editor's or a person's doing) would
/// join two entries into one. `$a\` ends that line and changes nothing else.
fn end_mount_entries(settings: &Settings) -> Batch {
    let sed = program::locked(settings, "sed")
        .args(["-i", "-e", "$a\\"])
        .arg(&settings.fstab);
    Batch::new().only_if(program::test(settings, "-s", settings.fstab.clone()), sed)
}

/// The questions at the end are no part of the work: what they cannot tell is unknown, not failed.
pub(crate) fn judge_made(spec: &DeviceSpec, report: &Report) -> Verdict {
    let mut work = report.clone();
    work.outcomes
        .truncate(report.outcomes.len().saturating_sub(facts_count(spec)));
    let verdict = complaint::judge(&work, complaint::nothing_tolerated);
    if !matches!(verdict, Verdict::Done(_)) {
        return verdict;
    }
    match read_facts(spec, report) {
        Ok(facts) => Verdict::Done(Facts::Device(facts)),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}

/// Reads the answers to [`facts`], which are the last of the report.
fn read_facts(spec: &DeviceSpec, report: &Report) -> Result<DeviceFacts, Unreadable> {
    if is_disk(spec) {
        disk::read_facts(spec, report)
    } else {
        directory::read_facts(spec, report)
    }
}

pub(crate) fn unmake(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let folder = layout::mount_folder(spec.device);
    let batch = if is_disk(spec) {
        disk::unmake(spec, settings)
    } else {
        directory::unmake(spec, settings)
    };
    batch.only_if(
        program::test(settings, "-d", folder.clone()),
        program::program(settings, "rmdir").arg(folder),
    )
}

pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    complaint::judge(report, |words| {
        words.contains("volume group") && words.contains("not found")
    })
}
