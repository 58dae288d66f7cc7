//! A copy of a brick in use, as a part of a snapshot: an image beside the brick's, which shares its blocks.
//!
//! All bricks of a volume are frozen before the first is copied. A frozen XFS has written down everything and takes nothing
//! until it thaws, so whatever a client was told to be done is in all copies of its set, and nothing that came later is in
//! any. That each brick was frozen all the time is proven at the end by thawing it: a file system that is not frozen cannot
//! be thawed.
//!
//! A freeze ends by itself. Before it begins, a process of its own is left on the node which thaws the file system
//! after [`LONGEST`] seconds, whatever became of everybody else. Whoever removes the mark has ended the freeze: it can only be
//! removed once.

use mortar_argv::{Batch, Command, Guard, OnFailure, Report};
use mortar_model::layout;
use mortar_model::work::{CopyPart, CopySpec, Facts, Seen, Verdict};

use crate::answer::{self, Unreadable};
use crate::brick::is_mounted;
use crate::{Settings, complaint, program};

/// Longest freeze, in seconds. A process of a brick that cannot write for 20 seconds takes its disk for dead and ends
/// (`storage.health-check-timeout`).
const LONGEST: &str = "12";

/// Thaws `$3` when `$1` seconds are over, if the mark `$2` is still there then. A freeze that is only just beginning cannot be
/// ended yet, so it tries for a while. It keeps nothing of its batch open.
const THAW: &str = "exec </dev/null >/dev/null 2>&1; sleep \"$1\"; rm \"$2\" || exit 0; n=0; \
                    until xfs_freeze -u \"$3\" || test \"$n\" -ge 120; do sleep 1; n=$((n+1)); done";

fn image(spec: &CopySpec) -> String {
    layout::image(&spec.brick.device_path, spec.brick.brick)
}

fn copy(spec: &CopySpec) -> String {
    layout::copy_image(&spec.brick.device_path, spec.copy)
}

fn part(spec: &CopySpec) -> String {
    layout::copy_in_making(&spec.brick.device_path, spec.copy)
}

fn text(spec: &CopySpec) -> String {
    layout::copy_identity_file(&spec.brick.device_path, spec.copy)
}

/// What is copied to see whether copies can be made.
fn probe(spec: &CopySpec) -> String {
    format!("{}.probe", copy(spec))
}

fn restored(spec: &CopySpec) -> String {
    layout::copy_restored_file(&spec.brick.device_path, spec.copy)
}

fn mark(spec: &CopySpec) -> String {
    layout::freeze_mark(spec.copy)
}

fn mount_point(spec: &CopySpec) -> String {
    layout::mount_point(spec.brick.device, spec.brick.brick)
}

fn freeze(spec: &CopySpec, settings: &Settings, way: &str) -> Command {
    program::program(settings, "xfs_freeze")
        .arg(way)
        .arg(mount_point(spec))
}

fn share(settings: &Settings, from: String, to: String) -> Command {
    program::program(settings, "cp")
        .arg("--reflink=always")
        .args([from, to])
}

pub(crate) fn look(spec: &CopySpec, settings: &Settings) -> Batch {
    let there = |path| Batch::new().ask(program::test(settings, "-e", path));
    match spec.part {
        CopyPart::Room => there(probe(spec)).ask(is_mounted(&spec.brick, settings)),
        CopyPart::Frozen => there(mark(spec)),
        CopyPart::Image => there(part(spec)),
        CopyPart::Whole => there(copy(spec))
            .ask(program::test(settings, "-s", text(spec)))
            .ask(program::test(settings, "-e", part(spec))),
        CopyPart::Back => there(copy(spec)).ask(program::read(settings, restored(spec))),
    }
}

pub(crate) fn judge_look(spec: &CopySpec, report: &Report) -> Result<Seen, Unreadable> {
    let answered = |item, what| answer::ran(report, item, what).map(mortar_argv::Output::success);
    let brick = spec.brick.brick;
    Ok(match spec.part {
        CopyPart::Room if answered(0, "whether it was tried before")? => {
            Seen::Partial(format!("whether brick {brick} can be copied was being tried"))
        }
        CopyPart::Room if answered(1, "whether the brick is mounted")? => Seen::Absent,
        CopyPart::Room => Seen::Foreign(format!("brick {brick} is not mounted: see 'mortar check'")),
        CopyPart::Frozen if answered(0, "whether the brick is frozen")? => Seen::Present(Facts::None),
        CopyPart::Image if answered(0, "whether there is an image of the copy")? => {
            Seen::Partial(format!("the image of copy {} may be unfinished", spec.copy))
        }
        CopyPart::Frozen | CopyPart::Image => Seen::Absent,
        CopyPart::Whole => {
            let whole = answered(0, "whether there is a copy")?;
            let told = answered(1, "whether the copy tells whose it is")?;
            let part = answered(2, "whether there is an image of the copy")?;
            match (whole, told, part) {
                (true, true, false) => Seen::Present(Facts::None),
                (false, false, false) => Seen::Absent,
                _ => Seen::Partial(format!("copy {} is not whole", spec.copy)),
            }
        }
        // As long as the volume has not started again, a brick can be brought back as often as one likes.
        CopyPart::Back
            if answer::text_of(report, 1, "when the brick was brought back")? == Some(&spec.text) =>
        {
            Seen::Present(Facts::None)
        }
        CopyPart::Back if answered(0, "whether there is a copy")? => {
            Seen::Partial(format!("brick {brick} may not be brought back yet"))
        }
        CopyPart::Back => Seen::Foreign(format!("copy {} of brick {brick} is gone", spec.copy)),
    })
}

pub(crate) fn make(spec: &CopySpec, settings: &Settings) -> Batch {
    match spec.part {
        CopyPart::Room => make_room(spec, settings),
        CopyPart::Frozen => make_frozen(spec, settings),
        CopyPart::Image => make_image(spec, settings),
        CopyPart::Whole => make_whole(spec, settings),
        CopyPart::Back => bring_back(spec, settings),
    }
}

/// A small file is copied the way the image will be.
fn make_room(spec: &CopySpec, settings: &Settings) -> Batch {
    let small = layout::device_identity_file(&spec.brick.device_path);
    let probe = probe(spec);
    Batch::new()
        .run(is_mounted(&spec.brick, settings))
        // What could not share blocks is there all the same, and empty.
        .ask(share(settings, small, probe.clone()))
        .run(program::program(settings, "rm").arg("-f").arg(probe))
}

/// Where nothing is mounted, the file system below would be frozen: the node's own.
fn make_frozen(spec: &CopySpec, settings: &Settings) -> Batch {
    let watch = program::program(settings, "setsid")
        .args(["--fork", "sh", "-c", THAW, "mortar-thaw", LONGEST])
        .args([mark(spec), mount_point(spec)])
        .outlives();
    Batch::new()
        .run(is_mounted(&spec.brick, settings))
        .run(program::program(settings, "touch").arg(mark(spec)))
        .run(watch)
        // A freeze that is not ours is not ended by us. One of ours that took longer than it may last is ended by the watch.
        .unless(
            freeze(spec, settings, "-f"),
            program::program(settings, "rm").arg("-f").arg(mark(spec)),
        )
        .run(program::test(settings, "-e", mark(spec)))
}

fn make_image(spec: &CopySpec, settings: &Settings) -> Batch {
    let batch = Batch::new()
        .run(program::test(settings, "-e", mark(spec)))
        .run(share(settings, image(spec), part(spec)));
    if spec.names_missed {
        batch.run(missed(spec, settings))
    } else {
        batch
    }
}

/// Names a file that another brick of the set has missed a change of: GlusterFS keeps them here, beside one that is always there.
fn missed(spec: &CopySpec, settings: &Settings) -> Command {
    let folder = layout::brick_path(spec.brick.device, spec.brick.brick);
    program::program(settings, "find")
        .arg(format!("{folder}/.glusterfs/indices/xattrop"))
        .args(["-mindepth", "1", "-maxdepth", "1", "-not", "-name", "xattrop-*"])
        .args(["-print", "-quit"])
}

fn make_whole(spec: &CopySpec, settings: &Settings) -> Batch {
    let program = |name| program::program(settings, name);
    Batch::new()
        .run(program::test(settings, "-e", part(spec)))
        .run(freeze(spec, settings, "-u"))
        .run(program("rm").arg(mark(spec)))
        .run(program::write(settings, text(spec), &spec.text))
        .run(program("mv").args([part(spec), copy(spec)]))
}

/// The brick's own image stays until its successor is complete. Its file system has the brick's UUID and identity file: it is
/// the brick's, of another day.
fn bring_back(spec: &CopySpec, settings: &Settings) -> Batch {
    let part = layout::image_in_making(&spec.brick.device_path, spec.brick.brick);
    let umount = program::program(settings, "umount").arg(mount_point(spec));
    Batch::new()
        .run(program::test(settings, "-e", copy(spec)))
        .only_if(is_mounted(&spec.brick, settings), umount)
        .run(share(settings, copy(spec), part.clone()))
        .run(program::program(settings, "mv").args([part, image(spec)]))
        .run(crate::brick::mount(&spec.brick, settings))
        .run(program::write(settings, restored(spec), &spec.text))
}

pub(crate) fn judge_made(spec: &CopySpec, report: &Report) -> Verdict {
    let failed = report
        .first_failure()
        .map(|(index, output)| (index, complaint::reason(output)));
    let brick = spec.brick.brick;
    match complaint::judge(report, complaint::nothing_tolerated) {
        Verdict::Failed(failure) => match (spec.part, failed) {
            (CopyPart::Room | CopyPart::Frozen, Some((0, _))) => {
                complaint::refused(format!("brick {brick} is not mounted: see 'mortar check'"))
            }
            (CopyPart::Room, Some((1, why))) => complaint::refused(format!(
                "the file system of {} does not let files share blocks, and only so a brick is copied while it is in use ({why}): \
                 put the directory on XFS made with reflink=1, or on btrfs",
                spec.brick.device_path
            )),
            (CopyPart::Frozen, Some((4, _))) => complaint::refused(format!(
                "brick {brick} was not frozen: somebody else freezes it, or it took longer than {LONGEST} seconds"
            )),
            (CopyPart::Image, Some((0, _))) | (CopyPart::Whole, Some((1 | 2, _))) => {
                complaint::refused(format!(
                    "brick {brick} thawed before all bricks of its volume were copied, within {LONGEST} seconds: ask again when \
                 the nodes have less to do"
                ))
            }
            _ => Verdict::Failed(failure),
        },
        Verdict::Done(_) if spec.part == CopyPart::Image && spec.names_missed => judge_missed(spec, report),
        verdict => verdict,
    }
}

fn judge_missed(spec: &CopySpec, report: &Report) -> Verdict {
    let missed = report.outcomes.len().saturating_sub(1);
    match answer::ran(report, missed, "what other bricks have missed") {
        Ok(output) if output.stdout.trim().is_empty() => Verdict::Done(Facts::None),
        Ok(_) => complaint::refused(format!(
            "brick {} holds changes that another brick of its set has missed, and a copy would not know that any more: ask \
             again when the volume is healed",
            spec.brick.brick
        )),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}

pub(crate) fn unmake(spec: &CopySpec, settings: &Settings) -> Batch {
    let remove = |paths: &[String]| program::program(settings, "rm").arg("-f").args(paths.to_vec());
    match spec.part {
        CopyPart::Room => Batch::new().run(remove(&[probe(spec)])),
        CopyPart::Frozen => Batch::new()
            .item(
                Guard::OnlyIf(program::test(settings, "-e", mark(spec))),
                freeze(spec, settings, "-u"),
                OnFailure::Continue,
            )
            .run(remove(&[mark(spec)])),
        CopyPart::Image => Batch::new().run(remove(&[part(spec)])),
        CopyPart::Whole => Batch::new().run(remove(&[copy(spec), part(spec), text(spec), restored(spec)])),
        // What the brick held is not there any more.
        CopyPart::Back => Batch::new().run(program::program(settings, "false")),
    }
}

/// What has thawed by itself is thawed.
pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    complaint::judge(report, |words| {
        words.starts_with("xfs_freeze: cannot unfreeze") && words.contains("invalid argument")
    })
}
