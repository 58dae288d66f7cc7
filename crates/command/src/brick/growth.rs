//! A brick that becomes larger while it is in use: what is under its file system first, the file system then.
//!
//! Every command may come twice: LVM says of a size that it has already that there is no change, `truncate` with `>` makes
//! nothing smaller, `xfs_growfs` takes what there is.

use mortar_argv::{Batch, Command, Guard, OnFailure, Report};
use mortar_model::work::{BrickSpec, Facts, GrowthPart, GrowthSpec, Seen, Verdict};
use mortar_model::{BrickSpace, ByteSize, layout};

use super::{is_mounted, never, site, write_identity};
use crate::answer::{self, Unreadable};
use crate::query::brick_state;
use crate::{Settings, complaint, program};

/// XFS leaves what is less than 64 blocks at the end of its device unused.
const UNUSED: ByteSize = ByteSize::from_kib(256);

/// The spare that LVM makes when it extends a pool's metadata, whether it is wanted or not: no record counts it.
const SPARE: &str = "lvol0_pmspare";

pub(crate) fn look(spec: &GrowthSpec, settings: &Settings) -> Batch {
    let brick = &spec.brick;
    let state = || brick_state::ask(settings, &site(brick));
    match (spec.part, brick.space) {
        (
            GrowthPart::Room | GrowthPart::Space,
            BrickSpace::Image | BrickSpace::Shared | BrickSpace::Folder,
        ) => state(),
        (GrowthPart::Room, BrickSpace::ThinPool { .. }) => {
            state().ask(program::lvm_report(settings, "pvs", answer::PV_COLUMNS))
        }
        (GrowthPart::Space, BrickSpace::ThinPool { .. }) => Batch::new()
            .ask(
                program::lvm_report(settings, "lvs", answer::ALL_LV_COLUMNS)
                    .arg(layout::volume_group(brick.device)),
            )
            .ask(has_spare(brick, settings)),
        (GrowthPart::FileSystem, _) => state().ask(size_of_file_system(brick, settings)),
    }
}

pub(crate) fn judge_look(spec: &GrowthSpec, report: &Report) -> Result<Seen, Unreadable> {
    match (spec.part, spec.brick.space) {
        (GrowthPart::Room, _) => judge_room(spec, report),
        (GrowthPart::Space, BrickSpace::Image | BrickSpace::Shared | BrickSpace::Folder) => {
            judge_size(&spec.brick, report)
        }
        (GrowthPart::Space, BrickSpace::ThinPool { pool, metadata }) => {
            judge_volumes(&spec.brick, pool, metadata, report)
        }
        (GrowthPart::FileSystem, _) => judge_file_system(&spec.brick, report),
    }
}

pub(crate) fn make(spec: &GrowthSpec, settings: &Settings) -> Batch {
    if spec.brick.space == BrickSpace::Folder {
        return never(settings);
    }
    match (spec.part, spec.brick.space) {
        (GrowthPart::Room, _) => look(spec, settings),
        (GrowthPart::Space, BrickSpace::Image | BrickSpace::Folder) => make_image(&spec.brick, settings),
        (GrowthPart::Space, BrickSpace::Shared) => go_on(Batch::new(), extend_volume(&spec.brick, settings)),
        (GrowthPart::Space, BrickSpace::ThinPool { pool, metadata }) => {
            make_volumes(spec, pool, metadata, settings)
        }
        (GrowthPart::FileSystem, _) => make_file_system(&spec.brick, settings),
    }
}

pub(crate) fn judge_made(spec: &GrowthSpec, report: &Report) -> Verdict {
    match spec.part {
        GrowthPart::Room => judge_made_room(spec, report),
        GrowthPart::Space => judge_made_space(&spec.brick, report),
        GrowthPart::FileSystem => judge_made_file_system(&spec.brick, report),
    }
}

/// Neither a thin pool nor XFS becomes smaller; a look leaves nothing.
pub(crate) fn unmake(spec: &GrowthSpec, settings: &Settings) -> Batch {
    match spec.part {
        GrowthPart::Room => Batch::new(),
        GrowthPart::Space | GrowthPart::FileSystem => never(settings),
    }
}

/// Whether it can grow: whole, in use, and its group has the room. An image takes its space when it is written to, as
/// one that was just made does.
fn judge_room(spec: &GrowthSpec, report: &Report) -> Result<Seen, Unreadable> {
    let brick = &spec.brick;
    let state = brick_state::read(&site(brick), report)?;
    if state.space.is_none() || !state.mount.is_some_and(|mount| mount.ours) {
        return Ok(Seen::Foreign(format!(
            "brick {} is not mounted, and only then does its file system grow: see 'mortar check'",
            brick.brick
        )));
    }
    let Some(needed) = needed(spec) else {
        return Ok(Seen::Present(Facts::None));
    };
    let group = layout::volume_group(brick.device);
    let groups = answer::physical_volumes(report, report.outcomes.len().saturating_sub(1))?;
    let free = groups
        .iter()
        .find(|volume| volume.vg_name == group)
        .map(|volume| volume.vg_free);
    Ok(match free {
        Some(free) if free >= needed => Seen::Present(Facts::None),
        Some(free) => Seen::Foreign(format!(
            "volume group {group} has {free} free, and {needed} are needed: something takes room there that is in no \
             record, see 'mortar check'"
        )),
        None => Seen::Foreign(format!("volume group {group} is not there")),
    })
}

/// What the brick takes more of a volume group.
fn needed(spec: &GrowthSpec) -> Option<ByteSize> {
    let of = |space| match space {
        BrickSpace::ThinPool { pool, metadata } => Some(pool + metadata),
        BrickSpace::Shared | BrickSpace::Image | BrickSpace::Folder => None,
    };
    Some(of(spec.brick.space)?.minus(of(spec.space_before)?))
}

fn judge_made_room(spec: &GrowthSpec, report: &Report) -> Verdict {
    if let Some(why) = complaint::unreached(report) {
        return complaint::failed(mortar_model::work::FailureKind::Unreached, why);
    }
    match judge_room(spec, report) {
        Ok(Seen::Foreign(why)) => complaint::refused(why),
        Ok(_) => Verdict::Done(Facts::None),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}

fn judge_size(brick: &BrickSpec, report: &Report) -> Result<Seen, Unreadable> {
    let state = brick_state::read(&site(brick), report)?;
    Ok(match state.space {
        Some(space) if space.size >= brick.size => Seen::Present(Facts::None),
        Some(space) => Seen::Partial(format!("{} has {}", space.name, space.size)),
        None => Seen::Foreign(format!("brick {} has no {} any more", brick.brick, what(brick))),
    })
}

const fn what(brick: &BrickSpec) -> &'static str {
    match brick.space {
        BrickSpace::Image => "image",
        BrickSpace::Folder => "folder",
        BrickSpace::Shared | BrickSpace::ThinPool { .. } => "logical volume",
    }
}

fn make_image(brick: &BrickSpec, settings: &Settings) -> Batch {
    let image = layout::image(&brick.device_path, brick.brick);
    let truncate = program::program(settings, "truncate")
        .arg("--no-create")
        .arg(format!("--size=>{}", brick.size.bytes()))
        .arg(image.clone());
    Batch::new()
        .run(program::test(settings, "-e", image))
        .run(truncate)
}

fn judge_volumes(
    brick: &BrickSpec,
    pool: ByteSize,
    metadata: ByteSize,
    report: &Report,
) -> Result<Seen, Unreadable> {
    let volumes = answer::listed_volumes(report, 0)?;
    let named = |name: String| volumes.iter().find(|found| found.volume.lv_name == name);
    let (Some(volume), Some(found)) = (
        named(brick.place().logical_volume()),
        named(brick.place().thin_pool()),
    ) else {
        return Ok(Seen::Foreign(format!(
            "brick {} has no logical volume in a pool of its own any more",
            brick.brick
        )));
    };
    let large = found.volume.lv_size >= pool
        && found.lv_metadata_size >= metadata
        && volume.volume.lv_size >= brick.size;
    let spare = answer::ran(report, 1, "whether LVM made a spare")?.success();
    Ok(if large && !spare {
        Seen::Present(Facts::None)
    } else {
        Seen::Partial(format!(
            "brick {} has {} in a pool of {} with {} of metadata",
            brick.brick, volume.volume.lv_size, found.volume.lv_size, found.lv_metadata_size
        ))
    })
}

/// The pool before the volume in it, so that no volume is larger than its pool for longer than it must. Its metadata before
/// its data: LVM would extend it by itself where it is too small for that much data.
fn make_volumes(spec: &GrowthSpec, pool: ByteSize, metadata: ByteSize, settings: &Settings) -> Batch {
    let brick = &spec.brick;
    let in_group = |name: String| format!("{}/{name}", layout::volume_group(brick.device));
    let extend = |option: &str, size: ByteSize, name: String| {
        program::lvm(settings, "lvextend")
            .args(["--yes", "--autobackup=n", option])
            .arg(format!("{}K", size.kib()))
            .arg(in_group(name))
    };
    let thin_pool = || brick.place().thin_pool();
    let grows =
        !matches!(spec.space_before, BrickSpace::ThinPool { metadata: before, .. } if before == metadata);
    let batch = if grows {
        go_on(Batch::new(), extend("--poolmetadatasize", metadata, thin_pool()))
    } else {
        Batch::new()
    };
    let batch = go_on(batch, extend("--size", pool, thin_pool()));
    let batch = if grows {
        let remove = program::lvm(settings, "lvremove")
            .args(["--yes", "--autobackup=n"])
            .arg(in_group(SPARE.into()));
        batch.only_if(has_spare(brick, settings), remove)
    } else {
        batch
    };
    go_on(batch, extend_volume(brick, settings))
}

/// One that is as large already fails, and the rest is to be done all the same.
fn go_on(batch: Batch, command: Command) -> Batch {
    batch.item(Guard::Always, command, OnFailure::Continue)
}

fn extend_volume(brick: &BrickSpec, settings: &Settings) -> Command {
    program::lvm(settings, "lvextend")
        .args(["--yes", "--autobackup=n", "--size"])
        .arg(format!("{}K", brick.size.kib()))
        .arg(format!(
            "{}/{}",
            brick.place().volume_group(),
            brick.place().logical_volume()
        ))
}

fn has_spare(brick: &BrickSpec, settings: &Settings) -> Command {
    program::lvm(settings, "lvs").arg(format!("{}/{SPARE}", layout::volume_group(brick.device)))
}

fn judge_made_space(brick: &BrickSpec, report: &Report) -> Verdict {
    let fails_first = report.first_failure().is_some_and(|(index, _)| index == 0);
    match complaint::judge(report, already_so) {
        // A test says nothing when it fails.
        Verdict::Failed(failure) if brick.space == BrickSpace::Image && fails_first => complaint::failed(
            failure.kind,
            format!("brick {} has no image any more", brick.brick),
        ),
        verdict => verdict,
    }
}

/// What `lvextend` says of a size that the volume has already: the first of LVM 2.03.31, the second of 2.03.16.
pub(crate) fn already_so(words: &str) -> bool {
    [
        "no size change",
        "matches existing size",
        "not larger than existing size",
    ]
    .iter()
    .any(|phrase| words.contains(phrase))
}

fn judge_file_system(brick: &BrickSpec, report: &Report) -> Result<Seen, Unreadable> {
    let state = brick_state::read(&site(brick), report)?;
    if !state.mount.is_some_and(|mount| mount.ours) {
        return Ok(Seen::Partial(format!("brick {} is not mounted", brick.brick)));
    }
    let size = answer::xfs_size(report, report.outcomes.len().saturating_sub(1))?;
    let identity = state.identity.as_deref().unwrap_or_default().trim();
    Ok(if is_enough(size, brick) && identity == brick.identity.trim() {
        Seen::Present(Facts::None)
    } else {
        Seen::Partial(format!("the file system of brick {} has {size}", brick.brick))
    })
}

fn is_enough(size: ByteSize, brick: &BrickSpec) -> bool {
    size + UNUSED > brick.size
}

fn make_file_system(brick: &BrickSpec, settings: &Settings) -> Batch {
    let batch = Batch::new().run(is_mounted(brick, settings));
    let batch = match brick.space {
        BrickSpace::Image => batch.run(take_up_image(brick, settings)),
        BrickSpace::Shared | BrickSpace::ThinPool { .. } | BrickSpace::Folder => batch,
    };
    batch
        .run(
            program::program(settings, "xfs_growfs")
                .arg("-d")
                .arg(brick.place().mount_point()),
        )
        .run(write_identity(brick, settings))
        .ask(size_of_file_system(brick, settings))
}

/// Has the loop device of the brick's image take up the image's size. Nobody can name a loop device beforehand, and the one
/// that a look told of may serve another image by now: so it is found by what the kernel says that it serves.
fn take_up_image(brick: &BrickSpec, settings: &Settings) -> Command {
    let image = layout::image(&brick.device_path, brick.brick);
    program::program(settings, "find")
        .args(["/dev", "-mindepth", "1", "-maxdepth", "1", "-name", "loop[0-9]*"])
        .args(["-execdir", "grep", "-qsxF", "-e", &image])
        .args(["/sys/block/{}/loop/backing_file", ";"])
        .args(["-exec", "losetup", "--set-capacity", "{}", ";"])
}

/// Prints the file system's geometry and changes nothing.
fn size_of_file_system(brick: &BrickSpec, settings: &Settings) -> Command {
    program::program(settings, "xfs_growfs")
        .arg("-n")
        .arg(brick.place().mount_point())
}

fn judge_made_file_system(brick: &BrickSpec, report: &Report) -> Verdict {
    let last = report.outcomes.len().saturating_sub(1);
    match complaint::judge(report, complaint::nothing_tolerated) {
        Verdict::Done(_) => {}
        Verdict::Failed(_) if report.first_failure().is_some_and(|(index, _)| index == 0) => {
            return complaint::refused(format!(
                "brick {} is not mounted, and only then does its file system grow",
                brick.brick
            ));
        }
        verdict => return verdict,
    }
    match answer::xfs_size(report, last) {
        Ok(size) if is_enough(size, brick) => Verdict::Done(Facts::None),
        Ok(size) => complaint::refused(format!(
            "the file system of brick {} has {size}, and what is under it does not let it have {}",
            brick.brick, brick.size
        )),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}
