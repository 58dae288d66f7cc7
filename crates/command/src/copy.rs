//! A copy of a brick in use, as a part of a snapshot: an image beside the brick's, or a thin volume beside the brick's in its
//! pool. It shares the brick's blocks.
//!
//! All bricks of a volume are frozen before the first is copied. A frozen XFS has written down everything and takes nothing
//! until it thaws, so whatever a client was told to be done is in all copies of its set, and nothing that came later is in
//! any. That each brick was frozen all the time is proven at the end by thawing it: a file system that is not frozen cannot
//! be thawed.
//!
//! A freeze ends by itself. Before it begins, a process of its own is left on the node which thaws the file system
//! after [`LONGEST`] seconds, whatever became of everybody else. Whoever removes the mark has ended the freeze: it can only be
//! removed once.

mod image;
mod thin;

use mortar_argv::{Batch, Command, Report};
use mortar_model::work::{CopyPart, CopySpec, Facts, FailureKind, Seen, Verdict};
use mortar_model::{BrickSpace, layout};

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

/// Freezes `$2`. The mark `$1` goes only when somebody else has frozen it, whose freeze is not ours to end: whatever else went wrong,
/// it may be frozen now, and what ends that needs the mark.
const FREEZE: &str = "words=$(xfs_freeze -f \"$2\" 2>&1) && exit 0; case $words in *\"resource busy\") rm -f \"$1\" ;; esac; \
                      printf '%s\\n' \"$words\" >&2; exit 1";

/// Ends the freeze of `$2`, and then takes the mark `$1` away: what could not be thawed is left to the watch. What is not frozen, or not
/// there any more, needs none.
const UNFREEZE: &str = "words=$(xfs_freeze -u \"$2\" 2>&1) || case $words in *\"Invalid argument\" | *\"No such file or directory\") ;; *) \
                        printf '%s\\n' \"$words\" >&2; exit 1 ;; esac; rm -f \"$1\"";

fn mark(spec: &CopySpec) -> String {
    layout::freeze_mark(spec.copy)
}

fn mount_point(spec: &CopySpec) -> String {
    spec.brick.place().mount_point()
}

fn end_freeze(spec: &CopySpec, settings: &Settings) -> Command {
    program::program(settings, "xfs_freeze")
        .arg("-u")
        .arg(mount_point(spec))
}

fn is_thin(spec: &CopySpec) -> bool {
    spec.brick.space != BrickSpace::Image
}

pub(crate) fn look(spec: &CopySpec, settings: &Settings) -> Batch {
    match spec.part {
        CopyPart::Frozen => Batch::new().ask(program::test(settings, "-e", mark(spec))),
        _ if is_thin(spec) => thin::look(spec, settings),
        _ => image::look(spec, settings),
    }
}

pub(crate) fn judge_look(spec: &CopySpec, report: &Report) -> Result<Seen, Unreadable> {
    match spec.part {
        CopyPart::Frozen => Ok(
            if answer::ran(report, 0, "whether the brick is frozen")?.success() {
                Seen::Present(Facts::None)
            } else {
                Seen::Absent
            },
        ),
        _ if is_thin(spec) => thin::judge_look(spec, report),
        _ => image::judge_look(spec, report),
    }
}

/// What is known of a copy's parts: the one with its name, the file that tells whose it is, the one in the making.
fn whole(spec: &CopySpec, named: bool, told: bool, making: bool) -> Seen {
    match (named, told, making) {
        (true, true, false) => Seen::Present(Facts::None),
        (false, false, false) => Seen::Absent,
        _ => Seen::Partial(format!("copy {} is not whole", spec.copy)),
    }
}

/// Whether the brick is as in its copy, by what is there of that and by what was written down when it was brought back.
///
/// As long as the volume has not started again, a brick can be brought back as often as one likes.
fn back(spec: &CopySpec, there: bool, restored: Option<&str>) -> Seen {
    let brick = spec.brick.brick;
    if restored == Some(&spec.text) {
        Seen::Present(Facts::None)
    } else if there {
        Seen::Partial(format!("brick {brick} may not be brought back yet"))
    } else {
        Seen::Foreign(format!("copy {} of brick {brick} is gone", spec.copy))
    }
}

pub(crate) fn make(spec: &CopySpec, settings: &Settings) -> Batch {
    match spec.part {
        CopyPart::Frozen => make_frozen(spec, settings),
        // Before anything is frozen there is time to wait for a heal.
        CopyPart::Room if spec.names_missed => make_of_kind(spec, settings).run(missed(spec, settings)),
        _ => make_of_kind(spec, settings),
    }
}

fn make_of_kind(spec: &CopySpec, settings: &Settings) -> Batch {
    if is_thin(spec) {
        thin::make(spec, settings)
    } else {
        image::make(spec, settings)
    }
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
        .run(
            program::program(settings, "sh")
                .args(["-c", FREEZE, "mortar-freeze"])
                .args([mark(spec), mount_point(spec)]),
        )
        // One of ours that took longer than it may last has been ended by the watch.
        .run(program::test(settings, "-e", mark(spec)))
}

/// Nothing is copied of what is not frozen, nor of a brick that holds what others have missed.
fn make_image(spec: &CopySpec, settings: &Settings, copy: Command) -> Batch {
    let batch = Batch::new()
        .run(program::test(settings, "-e", mark(spec)))
        .run(copy);
    if spec.names_missed {
        batch.run(missed(spec, settings))
    } else {
        batch
    }
}

/// Names a file that another brick of the set has missed a change of: GlusterFS keeps them here, beside one that is always there.
fn missed(spec: &CopySpec, settings: &Settings) -> Command {
    let folder = spec.brick.place().brick_path();
    program::program(settings, "find")
        .arg(format!("{folder}/.glusterfs/indices/xattrop"))
        .args(["-mindepth", "1", "-maxdepth", "1", "-not", "-name", "xattrop-*"])
        .args(["-print", "-quit"])
}

/// Whether it was frozen until now: `there` says that its copy was made meanwhile.
fn thaw(spec: &CopySpec, settings: &Settings, there: Command) -> Batch {
    Batch::new()
        .run(there)
        .run(end_freeze(spec, settings))
        .run(program::program(settings, "rm").arg(mark(spec)))
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
            (CopyPart::Room, Some((1, why))) if !is_thin(spec) => image::no_sharing(spec, &why),
            (CopyPart::Frozen, Some((3, why))) => complaint::refused(format!(
                "brick {brick} was not frozen, as it is when somebody else freezes it: {why}"
            )),
            (CopyPart::Frozen, Some((4, _))) => complaint::refused(format!(
                "brick {brick} was not frozen: it took longer than {LONGEST} seconds"
            )),
            (CopyPart::Image, Some((0, _))) | (CopyPart::Whole, Some((1 | 2, _))) => {
                complaint::refused(format!(
                    "brick {brick} thawed before all bricks of its volume were copied, within {LONGEST} seconds: ask again when \
                 the nodes have less to do"
                ))
            }
            _ => Verdict::Failed(failure),
        },
        Verdict::Done(_) if spec.part == CopyPart::Room => judge_room(spec, report),
        Verdict::Done(_) if spec.part == CopyPart::Image && spec.names_missed => {
            judge_missed(spec, report, FailureKind::Refused)
        }
        verdict => verdict,
    }
}

/// A brick that was away for a moment is healed within seconds: that is worth waiting for.
fn judge_room(spec: &CopySpec, report: &Report) -> Verdict {
    let room = if is_thin(spec) {
        thin::judge_room(spec, report)
    } else {
        Verdict::Done(Facts::None)
    };
    match room {
        Verdict::Done(_) if spec.names_missed => judge_missed(spec, report, FailureKind::Busy),
        verdict => verdict,
    }
}

/// `kind`: whether it is worth waiting for.
fn judge_missed(spec: &CopySpec, report: &Report, kind: FailureKind) -> Verdict {
    let missed = report.outcomes.len().saturating_sub(1);
    match answer::ran(report, missed, "what other bricks have missed") {
        Ok(output) if output.stdout.trim().is_empty() => Verdict::Done(Facts::None),
        Ok(_) => {
            let reason = format!(
                "brick {} holds changes that another brick of its set has missed, and a copy would not know that any more: \
                 ask again when the volume is healed",
                spec.brick.brick
            );
            complaint::failed(kind, reason)
        }
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}

pub(crate) fn unmake(spec: &CopySpec, settings: &Settings) -> Batch {
    match spec.part {
        CopyPart::Frozen => Batch::new().only_if(
            program::test(settings, "-e", mark(spec)),
            program::program(settings, "sh")
                .args(["-c", UNFREEZE, "mortar-unfreeze"])
                .args([mark(spec), mount_point(spec)]),
        ),
        // What the brick held is not there any more.
        CopyPart::Back => Batch::new().run(program::program(settings, "false")),
        _ if is_thin(spec) => thin::unmake(spec, settings),
        _ => image::unmake(spec, settings),
    }
}

/// What was on a disk that is gone is gone.
pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    complaint::judge(report, crate::answer::no_group)
}
