//! A brick's file system in an image file on a directory device.

use mortar_argv::Batch;
use mortar_model::layout;
use mortar_model::work::BrickSpec;

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
/// over (`-f`).
pub(super) fn make(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
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

pub(super) fn unmake(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let files = [
        layout::image(&spec.device_path, spec.brick),
        layout::image_in_making(&spec.device_path, spec.brick),
    ];
    batch.run(program::program(settings, "rm").arg("-f").args(files))
}
