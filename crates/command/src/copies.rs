//! Bricks by which each file of a volume has more copies.

use mortar_argv::{Batch, Command, Report};
use mortar_model::layout;
use mortar_model::work::{CopiesSpec, Facts, FailureKind, Seen, Verdict};

use crate::answer::Unreadable;
use crate::heal::{self, running, sum};
use crate::query::heal_info;
use crate::query::volume_info;
use crate::volume::{self, addresses};
use crate::{Settings, complaint, program};

/// GlusterFS changes the count and all bricks in one: a volume that is between was changed by somebody else.
pub(crate) fn judge_look(spec: &CopiesSpec, report: &Report) -> Result<Seen, Unreadable> {
    let Some(info) = volume_info::read(report)? else {
        return Ok(Seen::Unknown(format!("volume {} does not exist", spec.name)));
    };
    let id = info.option(layout::VOLUME_ID_OPTION);
    if id.is_some_and(|id| id != spec.volume.to_string()) {
        return Ok(Seen::Unknown(format!(
            "volume {} is not Mortar's any more",
            spec.name
        )));
    }
    if info.bricks.is_empty() {
        return Ok(Seen::Unknown(volume::half_read_text(spec.name.as_str())));
    }
    let wanted = addresses(&spec.bricks);
    let there = wanted.iter().filter(|brick| info.bricks.contains(brick)).count();
    Ok(match (there, info.replica.max(1)) {
        (all, count) if all == wanted.len() && count == spec.many => Seen::Present(Facts::None),
        (0, count) if count == spec.few => Seen::Absent,
        (some, count) => Seen::Unknown(format!(
            "volume {} has {count} copies and {some} of {} bricks: somebody else changed it",
            spec.name,
            wanted.len()
        )),
    })
}

pub(crate) fn make(spec: &CopiesSpec, settings: &Settings) -> Batch {
    let add = program::volume(settings, "add-brick", &spec.name)
        .arg("replica")
        .arg(spec.many.to_string());
    let add = if spec.arbiter {
        add.args(["arbiter", "1"])
    } else {
        add
    };
    Batch::new().run(add.args(addresses(&spec.bricks)))
}

/// A brick that is in a volume already may be in this one: an earlier `add-brick` got through.
pub(crate) fn judge_made(report: &Report) -> Verdict {
    match complaint::judge(report, complaint::nothing_tolerated) {
        Verdict::Failed(failure) if failure.reason.contains("contained by an existing brick") => {
            Verdict::Unknown(failure.reason)
        }
        verdict => verdict,
    }
}

/// `force` is GlusterFS's only form of it: no files have to move, the others of each set have them.
pub(crate) fn unmake(spec: &CopiesSpec, settings: &Settings) -> Batch {
    let remove: Command = program::volume(settings, "remove-brick", &spec.name)
        .arg("replica")
        .arg(spec.few.to_string())
        .args(addresses(&spec.bricks))
        .arg("force");
    Batch::new().run(remove)
}

/// One that is not in the volume any more left it by an earlier try.
pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    match complaint::judge(report, complaint::nothing_tolerated) {
        Verdict::Failed(failure) if failure.reason.to_lowercase().contains("incorrect brick") => {
            Verdict::Unknown(failure.reason)
        }
        verdict => verdict,
    }
}

/// What to run right before bricks are taken out.
pub(crate) fn before(spec: &CopiesSpec, settings: &Settings) -> Batch {
    heal_info::ask(settings, &spec.name)
}

/// Whether the volume can do without these bricks: all others run and do not blame each other, and these hold nothing that
/// others lack.
pub(crate) fn judge_before(spec: &CopiesSpec, report: &Report) -> Verdict {
    let answer = match heal::told(report) {
        Ok(answer) => answer,
        Err(verdict) => return verdict,
    };
    let all = || addresses(&spec.others).into_iter().chain(addresses(&spec.bricks));
    if let Some(down) = all().find(|wanted| running(&answer, wanted).is_none()) {
        return complaint::refused(format!(
            "{down} does not run: whether all files are on the bricks that stay cannot be seen (start it again with \
             'gluster volume start {} force' when its node is well)",
            spec.name
        ));
    }
    let split: u64 = sum(&answer, &spec.others, |brick| brick.split_brain);
    if split > 0 {
        return complaint::refused(format!(
            "the bricks that stay have {split} files in split-brain, for which one that leaves may be right: choose a copy \
             for each first (gluster volume heal {} info split-brain)",
            spec.name
        ));
    }
    match sum(&answer, &spec.bricks, |brick| brick.entries) {
        0 => Verdict::Done(Facts::None),
        entries => complaint::failed(
            FailureKind::Busy,
            format!(
                "bricks that leave volume {} hold {entries} files and folders that others lack: they must be healed first",
                spec.name
            ),
        ),
    }
}
