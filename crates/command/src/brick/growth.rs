//! A brick that becomes larger while it is in use: what is under its file system first, the file system then.
//!
//! Every command may come twice: LVM says of a size that it has already that there is no change, `truncate` with `>` makes
//! nothing smaller, `xfs_growfs` takes what there is.

mod room;

use mortar_argv::{Batch, Command, Guard, OnFailure, Output, Report};
use mortar_model::work::{BrickSpec, Facts, GrowthPart, GrowthSpec, Seen, Verdict};
use mortar_model::{BrickSpace, ByteSize, layout};

use super::{is_mounted, never, site, write_identity};
use crate::answer::{self, ListedVolume, Unreadable};
use crate::query::brick_state;
use crate::{Settings, complaint, program};

/// XFS leaves what is less than 64 blocks at the end of its device unused.
const UNUSED: ByteSize = ByteSize::from_kib(256);

/// The spare that LVM makes when it extends a pool's metadata, whether it is wanted or not: no record counts it.
const SPARE: &str = "lvol0_pmspare";

/// Items of a batch that makes both parts of a pool larger in one command, beside that of the brick's own volume: those that do it in
/// two have one more, and those of a pool whose metadata stays one less.
const AT_ONCE: usize = 2;

pub(crate) fn look(spec: &GrowthSpec, settings: &Settings) -> Batch {
    let brick = &spec.brick;
    let state = || brick_state::ask(settings, &site(brick));
    match (spec.part, brick.space) {
        (GrowthPart::Room, _) => room::look(spec, settings),
        (
            GrowthPart::Pool | GrowthPart::Space,
            BrickSpace::Image | BrickSpace::Shared | BrickSpace::Folder,
        ) => state(),
        (GrowthPart::Pool | GrowthPart::Space, BrickSpace::ThinPool { .. }) => Batch::new()
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
        (GrowthPart::Room, _) => room::judge(spec, report),
        (
            GrowthPart::Pool | GrowthPart::Space,
            BrickSpace::Image | BrickSpace::Shared | BrickSpace::Folder,
        ) => judge_size(&spec.brick, report),
        (GrowthPart::Pool | GrowthPart::Space, BrickSpace::ThinPool { pool, metadata }) => {
            judge_volumes(spec, pool, metadata, report)
        }
        (GrowthPart::FileSystem, _) => judge_file_system(&spec.brick, report),
    }
}

pub(crate) fn make(spec: &GrowthSpec, settings: &Settings) -> Batch {
    if spec.brick.space == BrickSpace::Folder {
        return never(settings);
    }
    match (spec.part, spec.brick.space) {
        (GrowthPart::Room, _) => room::look(spec, settings),
        (GrowthPart::Space, BrickSpace::Image | BrickSpace::Folder) => make_image(&spec.brick, settings),
        (GrowthPart::Space, BrickSpace::Shared) => go_on(Batch::new(), extend_volume(&spec.brick, settings)),
        (GrowthPart::Pool | GrowthPart::Space, BrickSpace::ThinPool { pool, metadata }) => {
            make_volumes(spec, pool, metadata, settings)
        }
        // There is no pool to make larger.
        (GrowthPart::Pool, BrickSpace::Image | BrickSpace::Shared | BrickSpace::Folder) => never(settings),
        (GrowthPart::FileSystem, _) => make_file_system(&spec.brick, settings),
    }
}

/// Over what an earlier run left.
pub(crate) fn resume(spec: &GrowthSpec, settings: &Settings) -> Batch {
    match (spec.part, spec.brick.space) {
        (GrowthPart::Pool | GrowthPart::Space, BrickSpace::ThinPool { pool, metadata }) => {
            resume_volumes(spec, pool, metadata, settings)
        }
        _ => make(spec, settings),
    }
}

pub(crate) fn judge_made(spec: &GrowthSpec, report: &Report) -> Verdict {
    match spec.part {
        GrowthPart::Room => room::judge_made(spec, report),
        GrowthPart::Pool | GrowthPart::Space => judge_made_space(spec, report),
        GrowthPart::FileSystem => judge_made_file_system(&spec.brick, report),
    }
}

/// Neither a thin pool nor XFS becomes smaller; a look leaves nothing.
pub(crate) fn unmake(spec: &GrowthSpec, settings: &Settings) -> Batch {
    match spec.part {
        GrowthPart::Room => Batch::new(),
        GrowthPart::Pool | GrowthPart::Space | GrowthPart::FileSystem => never(settings),
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
    spec: &GrowthSpec,
    pool: ByteSize,
    metadata: ByteSize,
    report: &Report,
) -> Result<Seen, Unreadable> {
    let (brick, volumes) = (&spec.brick, answer::listed_volumes(report, 0)?);
    let named = |name: String| volumes.iter().find(|found| found.volume.lv_name == name);
    let (Some(volume), Some(found)) = (
        named(brick.place().logical_volume()),
        named(brick.place().thin_pool()),
    ) else {
        return Ok(Seen::Foreign(format!(
            "brick {} has no logical volume in thin pool {} any more",
            brick.brick,
            brick.place().thin_pool()
        )));
    };
    let large = found.volume.lv_size >= pool
        && found.lv_metadata_size >= metadata
        && (spec.part == GrowthPart::Pool || volume.volume.lv_size >= brick.size);
    let spare = answer::ran(report, 1, "whether LVM made a spare")?.success();
    Ok(if large && !spare {
        Seen::Present(Facts::None)
    } else if spec.part == GrowthPart::Pool && !spare && !is_begun(spec, found) {
        Seen::Absent
    } else {
        Seen::Partial(format!(
            "brick {} has {} in a pool of {} with {} of metadata",
            brick.brick, volume.volume.lv_size, found.volume.lv_size, found.lv_metadata_size
        ))
    })
}

/// Whether any part of the pool is larger than it was.
fn is_begun(spec: &GrowthSpec, found: &ListedVolume) -> bool {
    let BrickSpace::ThinPool { pool, metadata } = spec.space_before else {
        return true;
    };
    found.volume.lv_size > pool || found.lv_metadata_size > metadata
}

/// The pool before the volume in it, so that no volume is larger than its pool for longer than it must. Both parts of the pool in
/// one command: that is a third less work for LVM than one after the other.
fn make_volumes(spec: &GrowthSpec, pool: ByteSize, metadata: ByteSize, settings: &Settings) -> Batch {
    if !metadata_grows(spec, metadata) {
        return resume_volumes(spec, pool, metadata, settings);
    }
    let both = extend(settings, "--poolmetadatasize", metadata)
        .arg("--size")
        .arg(format!("{}K", pool.kib()));
    let batch = remove_spare(
        go_on(Batch::new(), both.arg(thin_pool(&spec.brick))),
        spec,
        settings,
    );
    with_volume(batch, spec, settings)
}

/// What is in the pool stays as it is where only that grows.
fn with_volume(batch: Batch, spec: &GrowthSpec, settings: &Settings) -> Batch {
    match spec.part {
        GrowthPart::Pool => batch,
        _ => go_on(batch, extend_volume(&spec.brick, settings)),
    }
}

/// Where a part has its size already, LVM may leave the other one as it is: one after the other. Metadata before data: LVM would
/// extend it by itself where it is too small for that much data.
fn resume_volumes(spec: &GrowthSpec, pool: ByteSize, metadata: ByteSize, settings: &Settings) -> Batch {
    let brick = &spec.brick;
    let part = |option, size| extend(settings, option, size).arg(thin_pool(brick));
    let grows = metadata_grows(spec, metadata);
    let batch = if grows {
        go_on(Batch::new(), part("--poolmetadatasize", metadata))
    } else {
        Batch::new()
    };
    let batch = go_on(batch, part("--size", pool));
    let batch = if grows {
        remove_spare(batch, spec, settings)
    } else {
        batch
    };
    with_volume(batch, spec, settings)
}

fn metadata_grows(spec: &GrowthSpec, metadata: ByteSize) -> bool {
    !matches!(spec.space_before, BrickSpace::ThinPool { metadata: before, .. } if before == metadata)
}

fn thin_pool(brick: &BrickSpec) -> String {
    format!(
        "{}/{}",
        layout::volume_group(brick.device),
        brick.place().thin_pool()
    )
}

fn extend(settings: &Settings, option: &str, size: ByteSize) -> Command {
    program::lvm(settings, "lvextend")
        .args(["--yes", "--autobackup=n", option])
        .arg(format!("{}K", size.kib()))
}

/// Where there is none, nothing is to be removed.
fn remove_spare(batch: Batch, spec: &GrowthSpec, settings: &Settings) -> Batch {
    let remove = program::lvm(settings, "lvremove")
        .args(["--yes", "--autobackup=n"])
        .arg(spare(&spec.brick));
    go_on(batch, remove)
}

fn spare(brick: &BrickSpec) -> String {
    format!("{}/{SPARE}", layout::volume_group(brick.device))
}

/// One that is as large already fails, and the rest is to be done all the same.
fn go_on(batch: Batch, command: Command) -> Batch {
    batch.item(Guard::Always, command, OnFailure::Continue)
}

fn extend_volume(brick: &BrickSpec, settings: &Settings) -> Command {
    extend(settings, "--size", brick.size).arg(format!(
        "{}/{}",
        brick.place().volume_group(),
        brick.place().logical_volume()
    ))
}

fn has_spare(brick: &BrickSpec, settings: &Settings) -> Command {
    program::lvm(settings, "lvs").arg(spare(brick))
}

fn judge_made_space(spec: &GrowthSpec, report: &Report) -> Verdict {
    let brick = &spec.brick;
    let fails_first = report.first_failure().is_some_and(|(index, _)| index == 0);
    let at_once = AT_ONCE + usize::from(spec.part == GrowthPart::Space);
    if let (BrickSpace::ThinPool { .. }, Some(output)) = (brick.space, report.output(0))
        && report.outcomes.len() == at_once
        && has_a_size_already(output)
    {
        return Verdict::Unknown(format!(
            "a part of the pool of brick {} has its size already, and the other one may not",
            brick.brick
        ));
    }
    match complaint::judge(report, |words| already_so(words) || no_spare(words)) {
        // A test says nothing when it fails.
        Verdict::Failed(failure) if brick.space == BrickSpace::Image && fails_first => complaint::failed(
            failure.kind,
            format!("brick {} has no image any more", brick.brick),
        ),
        verdict => verdict,
    }
}

/// Whether `lvextend` was asked for both parts of a pool and did not do all, because one has its size already. Of that it often
/// says nothing but that it failed (seen with 2.03.31).
fn has_a_size_already(output: &Output) -> bool {
    let words = complaint::words(output);
    !output.success() && (already_so(&words) || words.contains("command failed with status code"))
}

/// What `lvremove` says of a spare that is not there.
fn no_spare(words: &str) -> bool {
    words.contains("failed to find logical volume") && words.contains(SPARE)
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
