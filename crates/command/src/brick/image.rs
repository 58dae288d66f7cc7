//! A brick's file system in an image file on a directory device.

use mortar_argv::Batch;
use mortar_model::work::BrickSpec;
use mortar_model::{BrickId, layout};

use super::made_of;
use crate::{Settings, program};

/// Options of `mkfs.xfs`, as Heketi chose them for GlusterFS: its extended attributes fit into the inode, its
/// directories are large. Nothing is discarded (`-K`): the space is new. An arbiter's inodes may take all of it: it has
/// little else.
pub(super) const fn mkfs_options(spec: &BrickSpec) -> [&'static str; 6] {
    let inodes = if spec.arbiter {
        "size=512,maxpct=100"
    } else {
        "size=512"
    };
    ["-q", "-K", "-i", inodes, "-n", "size=8192"]
}

/// The image gets its name when it is whole: a half-made one is never mistaken for a brick, and is simply made
/// over.
pub(super) fn make(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    match spec.from {
        Some(copy) => make_of(spec, copy, settings, batch),
        None => make_new(spec, settings, batch),
    }
}

/// A fresh file system, written over what an earlier try left (`-f`).
fn make_new(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let image = layout::image(&spec.device_path, spec.brick);
    let part = layout::image_in_making(&spec.device_path, spec.brick);
    let there = || program::test(settings, "-e", image.clone());
    let size = format!("--size={}", spec.size.bytes());
    let uuid = format!("uuid={}", layout::file_system_uuid(spec.brick));
    batch
        .unless(
            there(),
            program::program(settings, "truncate").arg(size).arg(part.clone()),
        )
        .unless(
            there(),
            program::program(settings, "mkfs.xfs")
                .args(mkfs_options(spec))
                .args(["-f", "-m", &uuid])
                .arg(part.clone()),
        )
        .unless(
            there(),
            program::program(settings, "mv").arg(part).arg(image.clone()),
        )
}

/// A copy of a file system in use: its log is replayed by mounting it, elsewhere and whatever UUID it has; only a clean one
/// gets a UUID of its own. What GlusterFS wrote of the volume before is taken out meanwhile.
fn make_of(spec: &BrickSpec, copy: BrickId, settings: &Settings, batch: Batch) -> Batch {
    let image = layout::image(&spec.device_path, spec.brick);
    let part = layout::image_in_making(&spec.device_path, spec.brick);
    let program = |name| program::program(settings, name);
    let share = program("cp")
        .arg("--reflink=always")
        .arg(layout::copy_image(&spec.device_path, copy))
        .arg(part.clone());
    let uuid = layout::file_system_uuid(spec.brick);
    let renew = program("xfs_admin").args(["-f", "-U", &uuid, &part]);
    let there = || program::test(settings, "-e", image.clone());
    let commands = std::iter::once(share)
        .chain(made_of::cleansed(spec, settings, "loop,nouuid", &part))
        .chain([renew, program("mv").arg(part.clone()).arg(image.clone())]);
    let batch = made_of::aside_unmounted(spec, settings, batch);
    let batch = commands.fold(batch, |batch, command| batch.unless(there(), command));
    made_of::aside_removed(spec, settings, batch)
}

pub(super) fn unmake(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let files = [
        layout::image(&spec.device_path, spec.brick),
        layout::image_in_making(&spec.device_path, spec.brick),
    ];
    let batch = made_of::aside_unmounted(spec, settings, batch)
        .run(program::program(settings, "rm").arg("-f").args(files));
    made_of::aside_removed(spec, settings, batch)
}
