//! A brick that is made of another one's copy: what both kinds of space do alike.
//!
//! A copy is that of a file system in use: its log is replayed by mounting it, aside and whatever UUID it has, and only a clean one
//! gets a UUID of its own. What GlusterFS wrote of the volume before is taken out meanwhile.

use mortar_argv::{Batch, Command};
use mortar_model::layout;
use mortar_model::work::BrickSpec;

use crate::{Settings, program};

/// What a brick made of a copy must not keep of the one before: whose it was. GlusterFS takes no folder into a volume that
/// has these.
const FORMER: [&str; 2] = ["trusted.glusterfs.volume-id", "trusted.gfid"];

/// Mounts `source` aside, takes out whose it was, and unmounts it.
pub(super) fn cleansed(
    spec: &BrickSpec,
    settings: &Settings,
    options: &str,
    source: &str,
) -> impl Iterator<Item = Command> {
    let aside = layout::mount_point_in_making(spec.device, spec.brick);
    let folder = layout::brick_path_in_making(spec.device, spec.brick);
    let program = |name| program::program(settings, name);
    let former = |name| program("setfattr").args(["-x", name, &folder]);
    [
        program("mkdir").arg("-p").arg(aside.clone()),
        program("mount").args(["-o", options, source, &aside]),
        former(FORMER[0]),
        former(FORMER[1]),
        program("find")
            .arg(folder.clone())
            .args(["-mindepth", "1", "-maxdepth", "1"])
            .args(["-name", ".glusterfs-anonymous-inode-*"])
            .args(["-exec", "rm", "-rf", "{}", "+"]),
        program("rm").arg("-f").arg(format!("{aside}/mortar.json")),
        program("umount").arg(aside.clone()),
    ]
    .into_iter()
}

/// What an earlier try left mounted: the brick's folder is in it.
pub(super) fn aside_unmounted(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let umount = program::program(settings, "umount");
    batch.only_if(
        program::test(
            settings,
            "-d",
            layout::brick_path_in_making(spec.device, spec.brick),
        ),
        umount.arg(layout::mount_point_in_making(spec.device, spec.brick)),
    )
}

pub(super) fn aside_removed(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let aside = layout::mount_point_in_making(spec.device, spec.brick);
    batch.only_if(
        program::test(settings, "-d", aside.clone()),
        program::program(settings, "rmdir").arg(aside),
    )
}
