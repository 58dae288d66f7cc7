//! A brick's file system on a thin logical volume in the pool that its device has for all bricks; and one that is made of a copy, in the
//! pool that the copy is in.

use mortar_argv::{Batch, Command, Guard, OnFailure};
use mortar_model::work::BrickSpec;
use mortar_model::{BrickId, layout};

use super::{made_of, thin};
use crate::{Settings, program};

fn in_group(spec: &BrickSpec, name: &str) -> String {
    format!("{}/{name}", layout::volume_group(spec.device))
}

/// The volume has the tags that tell whose it is: its pool is everybody's.
fn tagged(command: Command, spec: &BrickSpec) -> Command {
    command.args([
        "--addtag",
        &layout::brick_tag(spec.brick),
        "--addtag",
        &layout::volume_tag(spec.volume),
    ])
}

fn create(spec: &BrickSpec, settings: &Settings) -> Command {
    let create = tagged(thin::lvcreate(settings).arg("--thin"), spec);
    thin::size_of_volume(create.arg(in_group(spec, layout::SHARED_POOL)), spec)
}

pub(super) fn make(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let device = spec.place().logical_volume_device();
    let there = program::test(settings, "-e", device);
    if let Some(copy) = spec.from {
        return make_of(spec, copy, settings, batch, &there);
    }
    let folder = program::test(settings, "-d", spec.place().brick_path());
    batch
        .unless(there, create(spec, settings))
        .unless(folder, thin::mkfs(spec, settings))
}

/// The same in steps, each of which may have been taken; after a reboot a volume may be there and not active.
pub(super) fn resume(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let device = spec.place().logical_volume_device();
    let volume = in_group(spec, &spec.place().logical_volume());
    let known = program::lvm(settings, "lvs").arg(volume.clone());
    let activate = program::lvm(settings, "lvchange").args(["--activate", "y", &volume]);
    let batch = match spec.from {
        Some(copy) => make_of(spec, copy, settings, batch, &known),
        None => batch.unless(known, create(spec, settings)),
    };
    let batch = batch.unless(program::test(settings, "-e", device.clone()), activate);
    if spec.from.is_some() {
        return batch;
    }
    let made = super::says_uuid(settings, spec.brick, device);
    batch.unless(made, thin::mkfs(spec, settings))
}

/// A thin volume that begins as the copy is, and gets the brick's name when it is a file system of its own: a half-made one is
/// never mistaken for a brick, and is made anew.
fn make_of(spec: &BrickSpec, copy: BrickId, settings: &Settings, batch: Batch, there: &Command) -> Batch {
    let part = layout::logical_volume_in_making(spec.brick);
    let device = format!("/dev/{}", in_group(spec, &part));
    let begin = thin::lvcreate(settings)
        .args(["--snapshot", "--setactivationskip", "n", "--name", &part])
        .arg(in_group(spec, &layout::copy_volume(copy)));
    let uuid = layout::file_system_uuid(spec.brick);
    let renew = program::program(settings, "xfs_admin").args(["-U", &uuid, &device]);
    let name = program::lvm(settings, "lvrename")
        .args(["--yes", "--autobackup=n"])
        .args([layout::volume_group(spec.device), part.clone()])
        .arg(spec.place().logical_volume());
    let commands = [thin::remove_named(spec, settings, &part), tagged(begin, spec)]
        .into_iter()
        .chain(made_of::cleansed(spec, settings, "nouuid", &device))
        .chain([renew, name]);
    let batch = made_of::aside_unmounted(spec, settings, batch);
    let batch = commands.fold(batch, |batch, command| batch.unless(there.clone(), command));
    made_of::aside_removed(spec, settings, batch)
}

pub(super) fn unmake(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let batch = made_of::aside_unmounted(spec, settings, batch);
    let names = [
        layout::logical_volume_in_making(spec.brick),
        spec.place().logical_volume(),
    ];
    let batch = names.iter().fold(batch, |batch, name| {
        batch.item(
            Guard::Always,
            thin::remove_named(spec, settings, name),
            OnFailure::Continue,
        )
    });
    made_of::aside_removed(spec, settings, batch)
}
