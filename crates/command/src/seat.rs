//! A brick's place in its set, handed over to another brick.

use mortar_argv::{Batch, Report};
use mortar_model::layout;
use mortar_model::work::{BrickAddress, Facts, FailureKind, SeatSpec, Seen, Verdict};

use crate::answer::Unreadable;
use crate::heal::{self, running, sum};
use crate::query::heal_info;
use crate::query::rebalance::{self, Progress};
use crate::query::volume_info;
use crate::volume::{self, addresses};
use crate::{Settings, complaint, program};

/// A volume that has neither brick was changed by somebody else: nothing is known of it then.
pub(crate) fn judge_look(spec: &SeatSpec, report: &Report) -> Result<Seen, Unreadable> {
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
    let has = |brick: &BrickAddress| info.bricks.contains(&brick.to_string());
    Ok(match (has(&spec.old), has(&spec.new)) {
        (true, false) => Seen::Present(Facts::None),
        (false, true) => Seen::Absent,
        _ => Seen::Unknown(format!(
            "volume {} does not have one of bricks {} and {}: somebody else replaced a brick",
            spec.name, spec.old.brick, spec.new.brick
        )),
    })
}

/// The replacement. `commit force` is GlusterFS's only form of it: the old brick's node need not answer.
pub(crate) fn unmake(spec: &SeatSpec, settings: &Settings) -> Batch {
    let replace = program::volume(settings, "replace-brick", &spec.name)
        .arg(spec.old.to_string())
        .arg(spec.new.to_string())
        .args(["commit", "force"]);
    Batch::new().run(replace)
}

/// A replacement that got through earlier makes the next one fail, for either of its bricks: a look tells.
pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    match complaint::judge(report, complaint::nothing_tolerated) {
        Verdict::Failed(failure)
            if failure.reason.contains("does not exist in volume")
                || failure.reason.contains("contained by an existing brick") =>
        {
            Verdict::Unknown(failure.reason)
        }
        verdict => verdict,
    }
}

/// What to run right before the replacement.
pub(crate) fn before(spec: &SeatSpec, settings: &Settings) -> Batch {
    heal_info::ask(settings, &spec.name).then(rebalance::ask(settings, &spec.name))
}

/// Where the second question of [`before`] is answered.
const REBALANCE: usize = 1;

/// Whether the place may be handed over now.
pub(crate) fn judge_before(spec: &SeatSpec, report: &Report) -> Verdict {
    match spared(spec, report) {
        Verdict::Done(_) => rebalanced(spec, report),
        verdict => verdict,
    }
}

/// glusterd replaces no brick while it moves files of the volume. Where it does not tell, the replacement itself does.
fn rebalanced(spec: &SeatSpec, report: &Report) -> Verdict {
    match rebalance::read_item(report, REBALANCE) {
        Ok(told) if told.progress == Progress::Running => complaint::failed(
            FailureKind::Busy,
            format!(
                "files of volume {0} are being spread over its bricks ({1} have moved, {2} were looked at): GlusterFS replaces no \
                 brick meanwhile ('gluster volume rebalance {0} stop' ends it)",
                spec.name, told.files, told.scanned
            ),
        ),
        _ => Verdict::Done(Facts::None),
    }
}

/// Whether the set can do without the old brick: every other one runs, and the old one holds nothing that they lack.
/// Where the old one may be out of reach, what it lists is not known. GlusterFS takes writes only while more than half of a
/// set takes them (of two: the first), so that one of the others has each file as it was written last; where they blame
/// each other, they list it as split-brain. Where that is not enough, [`crate::witnesses`] are asked.
fn spared(spec: &SeatSpec, report: &Report) -> Verdict {
    let answer = match heal::told(report) {
        Ok(answer) => answer,
        Err(verdict) => return verdict,
    };
    if let Some(down) = addresses(&spec.others)
        .into_iter()
        .find(|wanted| running(&answer, wanted).is_none())
    {
        return complaint::refused(format!(
            "{down}, another brick of its set, does not run: too few copies would be left (start it again with \
             'gluster volume start {} force' when its node is well)",
            spec.name
        ));
    }
    let split = sum(&answer, &spec.others, |brick| brick.split_brain);
    if split > 0 {
        return complaint::refused(format!(
            "other bricks of its set have {split} files in split-brain, for which it may be the one that is right: choose \
             a copy for each first (gluster volume heal {} info split-brain)",
            spec.name
        ));
    }
    match running(&answer, &spec.old.to_string()) {
        None if spec.dead => Verdict::Done(Facts::None),
        None => complaint::refused(format!(
            "brick {} itself does not run, and whether it holds what the others lack cannot be seen: bring it back, or \
             say that it is dead",
            spec.old.brick
        )),
        Some(old) => match old.entries.unwrap_or(0) {
            0 => Verdict::Done(Facts::None),
            entries => complaint::failed(
                FailureKind::Busy,
                format!(
                    "brick {} holds {entries} files and folders that others of its set lack: they must be healed first",
                    spec.old.brick
                ),
            ),
        },
    }
}
