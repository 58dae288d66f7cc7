//! The thin pool that a device has for all its bricks, where it was added with one.
//!
//! It takes 98 % of the volume group. The rest is for its metadata, for the spare by which LVM mends that, and for both to become
//! larger. The volume group's tag tells what the pool may promise over what it has.

use mortar_argv::{Batch, Command, Guard, OnFailure, Report};
use mortar_model::work::DeviceSpec;
use mortar_model::{ByteSize, Overcommit, layout};

use super::facts_count;
use crate::answer::{self, ListedVolume, Unreadable};
use crate::{Settings, program};

/// What the pool's data takes of its volume group. A share, so that the same is asked for however large the disk turns out to be.
const SHARE: &str = "98%VG";

/// Item of the question about the pool, counted from the first of the facts.
const POOL: usize = 2;

fn path(spec: &DeviceSpec) -> String {
    format!("{}/{}", layout::volume_group(spec.device), layout::SHARED_POOL)
}

/// The commands that make it: none where each brick has a pool of its own.
pub(super) fn make(spec: &DeviceSpec, settings: &Settings) -> Option<Command> {
    spec.shared?;
    Some(
        program::lvm(settings, "lvcreate")
            .args(["--yes", "--autobackup=n", "--type", "thin-pool"])
            .args(["--chunksize", crate::brick::CHUNK, "--extents", SHARE])
            .args(["--name", layout::SHARED_POOL])
            .arg(layout::volume_group(spec.device)),
    )
}

/// Whether it is there.
pub(super) fn known(spec: &DeviceSpec, settings: &Settings) -> Command {
    program::lvm(settings, "lvs").arg(path(spec))
}

/// Takes its share of a volume group that has become larger. That it has it already is a failure of LVM's, and none here.
pub(super) fn extend(spec: &DeviceSpec, settings: &Settings) -> Batch {
    if spec.shared.is_none() {
        return Batch::new();
    }
    let extend = program::lvm(settings, "lvextend")
        .args(["--yes", "--autobackup=n", "--extents", SHARE])
        .arg(path(spec));
    Batch::new().item(Guard::Always, extend, OnFailure::Continue)
}

/// The volume group says what the pool may promise from now on, where that was another. Done again, it changes nothing.
pub(super) fn retag(spec: &DeviceSpec, before: Option<Overcommit>, settings: &Settings) -> Batch {
    let (Some(before), Some(now)) = (before, spec.shared) else {
        return Batch::new();
    };
    Batch::new().run(
        program::lvm(settings, "vgchange")
            .args(["--autobackup=n", "--deltag", &layout::overcommit_tag(before)])
            .args(["--addtag", &layout::overcommit_tag(now)])
            .arg(layout::volume_group(spec.device)),
    )
}

/// Removes it where nothing is in it: else its volume group is not given back.
pub(super) fn remove(spec: &DeviceSpec, settings: &Settings) -> Option<Command> {
    spec.shared?;
    Some(
        program::lvm(settings, "lvremove")
            .args(["--yes", "--autobackup=n", "--select"])
            .arg(format!("lv_name={} && thin_count=0", layout::SHARED_POOL))
            .arg(layout::volume_group(spec.device)),
    )
}

/// The question how large it is.
pub(super) fn ask(spec: &DeviceSpec, settings: &Settings) -> Option<Command> {
    spec.shared?;
    Some(program::lvm_report(settings, "lvs", answer::ALL_LV_COLUMNS).arg(layout::volume_group(spec.device)))
}

fn found(spec: &DeviceSpec, report: &Report) -> Result<Option<ListedVolume>, Unreadable> {
    let item = report.outcomes.len().saturating_sub(facts_count(spec)) + POOL;
    let mut volumes = answer::listed_volumes(report, item)?.into_iter();
    Ok(volumes.find(|found| found.volume.lv_name == layout::SHARED_POOL && found.lv_attr.starts_with('t')))
}

/// Whether the device has all the pool that it is to have: none is, where each brick has its own.
pub(super) fn is_there(spec: &DeviceSpec, report: &Report) -> Result<bool, Unreadable> {
    Ok(spec.shared.is_none() || found(spec, report)?.is_some())
}

/// How large it is.
pub(super) fn size(spec: &DeviceSpec, report: &Report) -> Result<ByteSize, Unreadable> {
    let unreadable = || Unreadable::new("the thin pool", format!("LVM knows no thin pool {}", path(spec)));
    let found = found(spec, report)?.ok_or_else(unreadable)?;
    Ok(found.volume.lv_size)
}
