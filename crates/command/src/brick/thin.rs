//! A brick's file system on a thin logical volume, in a thin pool of its own.

use mortar_argv::{Batch, Command, Guard, OnFailure};
use mortar_model::work::BrickSpec;
use mortar_model::{ByteSize, layout};

use super::image::mkfs_options;
use crate::{Settings, program};

/// Size of a thin pool's chunk: Heketi's choice.
pub(crate) const CHUNK: &str = "256K";

/// Pool and volume in one command, file system, with the tags that tell whose they are.
pub(super) fn make(
    spec: &BrickSpec,
    settings: &Settings,
    batch: Batch,
    pool: ByteSize,
    metadata: ByteSize,
) -> Batch {
    let device = spec.place().logical_volume_device();
    let folder = program::test(settings, "-d", spec.place().brick_path());
    let create = pool_options(lvcreate(settings), spec, pool, metadata)
        .arg("--thin")
        .arg(pool_path(spec));
    batch
        .unless(
            program::test(settings, "-e", device),
            size_of_volume(create, spec),
        )
        .unless(folder, mkfs(spec, settings))
}

/// The same in steps, each of which may have been taken: `lvcreate` makes the pool before the volume, and after
/// a reboot a volume may be there and not active.
///
/// `mkfs.xfs` refuses to write over anything. One that was cut short in the middle leaves a file system that
/// has our UUID and cannot be mounted: the mount then fails, and the brick is unmade.
pub(super) fn resume(
    spec: &BrickSpec,
    settings: &Settings,
    batch: Batch,
    pool: ByteSize,
    metadata: ByteSize,
) -> Batch {
    let device = spec.place().logical_volume_device();
    let volume = format!(
        "{}/{}",
        layout::volume_group(spec.device),
        spec.place().logical_volume()
    );
    let known = |path: &str| program::lvm(settings, "lvs").arg(path);
    let create_pool = pool_options(lvcreate(settings), spec, pool, metadata)
        .args(["--type", "thin-pool", "--name", &spec.place().thin_pool()])
        .arg(layout::volume_group(spec.device));
    let create_volume = size_of_volume(lvcreate(settings).arg("--thin").arg(pool_path(spec)), spec);
    let activate = program::lvm(settings, "lvchange").args(["--activate", "y", &volume]);
    let made = super::says_uuid(settings, spec.brick, device.clone());
    batch
        .unless(known(&pool_path(spec)), create_pool)
        .unless(known(&volume), create_volume)
        .unless(program::test(settings, "-e", device), activate)
        .unless(made, mkfs(spec, settings))
}

fn pool_path(spec: &BrickSpec) -> String {
    format!(
        "{}/{}",
        layout::volume_group(spec.device),
        spec.place().thin_pool()
    )
}

/// Whatever a node's `lvm.conf` says of pools that grow by themselves: from that share on LVM would make nothing more in any
/// pool, and a way back would be refused with its volume stopped. How full is too full is Mortar's to say.
pub(crate) fn lvcreate(settings: &Settings) -> Command {
    program::lvm(settings, "lvcreate").args([
        "--yes",
        "--autobackup=n",
        "--config",
        "activation/thin_pool_autoextend_threshold=100",
    ])
}

/// The pool carries the tags: when one `lvcreate` makes pool and volume, LVM puts them there and only there.
///
/// No spare for the metadata of the group's pools (`--poolmetadataspare=n`): it would take space that no record
/// counts, and the last brick that fits by the records would not fit on the disk.
fn pool_options(command: Command, spec: &BrickSpec, pool: ByteSize, metadata: ByteSize) -> Command {
    command
        .args(["--poolmetadataspare=n", "--chunksize", CHUNK])
        .arg("--poolmetadatasize")
        .arg(format!("{}K", metadata.kib()))
        .arg("--size")
        .arg(format!("{}K", pool.kib()))
        .args([
            "--addtag",
            &layout::brick_tag(spec.brick),
            "--addtag",
            &layout::volume_tag(spec.volume),
        ])
}

pub(super) fn size_of_volume(command: Command, spec: &BrickSpec) -> Command {
    command
        .arg("--virtualsize")
        .arg(format!("{}K", spec.size.kib()))
        .args(["--name", &spec.place().logical_volume()])
}

pub(super) fn mkfs(spec: &BrickSpec, settings: &Settings) -> Command {
    program::program(settings, "mkfs.xfs")
        .args(mkfs_options(spec))
        .arg("-m")
        .arg(format!("uuid={}", layout::file_system_uuid(spec.brick)))
        .arg(spec.place().logical_volume_device())
}

/// Both by selection: what is not there is not selected, and a pool that still holds a volume (a copy, a clone) stays; it goes with the
/// last one.
pub(super) fn unmake(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let volume = remove_named(spec, settings, &spec.place().logical_volume());
    unmake_pool(
        spec,
        settings,
        batch.item(Guard::Always, volume, OnFailure::Continue),
    )
}

pub(super) fn unmake_pool(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    batch.item(
        Guard::Always,
        remove_empty_pool(spec, settings),
        OnFailure::Continue,
    )
}

/// Removes the pool that the brick is in, if it holds nothing.
pub(crate) fn remove_empty_pool(spec: &BrickSpec, settings: &Settings) -> Command {
    let what = format!("lv_name={} && thin_count=0", spec.place().thin_pool());
    remove(spec, settings, &what)
}

/// Removes one by its name, if it is there, in the group of the brick's device.
pub(crate) fn remove_named(spec: &BrickSpec, settings: &Settings, name: &str) -> Command {
    remove(spec, settings, &format!("lv_name={name}"))
}

fn remove(spec: &BrickSpec, settings: &Settings, what: &str) -> Command {
    program::lvm(settings, "lvremove")
        .args(["--yes", "--autobackup=n", "--select", what])
        .arg(layout::volume_group(spec.device))
}
