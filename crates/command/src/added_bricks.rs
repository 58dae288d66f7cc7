//! More bricks of a volume that exists.

use mortar_argv::{Batch, Command, Report};
use mortar_model::work::{AddedBricksSpec, BrickAddress, Facts, FailureKind, Seen, Verdict};
use mortar_model::{VolumeOption, layout};

use crate::answer::Unreadable;
use crate::query::volume_info::{self, VolumeInfo};
use crate::volume::{self, addresses};
use crate::{Settings, complaint, program};

pub(crate) fn judge_look(spec: &AddedBricksSpec, report: &Report) -> Result<Seen, Unreadable> {
    let Some(info) = volume_info::read(report)? else {
        return Ok(Seen::Foreign(format!(
            "volume {} itself does not exist",
            spec.name
        )));
    };
    let id = info.option(layout::VOLUME_ID_OPTION);
    if id.is_some_and(|id| id != spec.volume.to_string()) {
        return Ok(Seen::Foreign(format!(
            "volume {} is not the one that was expanded",
            spec.name
        )));
    }
    if info.bricks.is_empty() {
        return Ok(Seen::Unknown(volume::half_read_text(spec.name.as_str())));
    }
    let wanted = addresses(&spec.bricks);
    let there = wanted.iter().filter(|brick| info.bricks.contains(brick)).count();
    let options = hold(&info, &spec.options);
    Ok(match there {
        0 if hold(&info, &spec.options_back) => Seen::Absent,
        0 => Seen::Partial(format!(
            "volume {} lacks its new bricks, its options are not the old ones",
            spec.name
        )),
        some if some < wanted.len() => Seen::Partial(format!(
            "volume {} has {some} of {} new bricks",
            spec.name,
            wanted.len()
        )),
        _ if !options => Seen::Partial(format!(
            "volume {} has its new bricks, its options are old",
            spec.name
        )),
        _ => Seen::Present(Facts::None),
    })
}

fn hold(info: &VolumeInfo, options: &[VolumeOption]) -> bool {
    options
        .iter()
        .all(|option| info.option(option.key()) == Some(option.value()))
}

pub(crate) fn make(spec: &AddedBricksSpec, settings: &Settings) -> Batch {
    finish(spec, settings, Batch::new().run(add(spec, settings)))
}

/// `add-brick` takes all its bricks or none: glusterd's own record of the volume tells whether it did.
pub(crate) fn resume(spec: &AddedBricksSpec, settings: &Settings) -> Batch {
    let batch = match spec.bricks.first() {
        Some(first) => Batch::new().unless(has_brick(spec, settings, first), add(spec, settings)),
        None => Batch::new(),
    };
    finish(spec, settings, batch)
}

fn add(spec: &AddedBricksSpec, settings: &Settings) -> Command {
    program::volume(settings, "add-brick", &spec.name).args(addresses(&spec.bricks))
}

fn has_brick(spec: &AddedBricksSpec, settings: &Settings, brick: &BrickAddress) -> Command {
    program::program(settings, "grep")
        .args(["-qsF", "-e"])
        .arg(crate::volume::mark(brick))
        .arg(format!("{}/vols/{}/info", settings.gluster_state, spec.name))
}

fn finish(spec: &AddedBricksSpec, settings: &Settings, batch: Batch) -> Batch {
    match set(spec, settings, &spec.options) {
        Some(set) => batch.run(set),
        None => batch,
    }
}

fn set(spec: &AddedBricksSpec, settings: &Settings, options: &[VolumeOption]) -> Option<Command> {
    let words = options.iter().flat_map(|option| [option.key(), option.value()]);
    (!options.is_empty()).then(|| program::volume(settings, "set", &spec.name).args(words))
}

/// A brick that is in a volume already may be in this one: an earlier `add-brick` got through. And once the
/// bricks are in, files may be on them: a failure of what comes after is looked at, not taken as a reason to
/// take them out again.
pub(crate) fn judge_made(report: &Report) -> Verdict {
    let added = report.first_failure().is_some_and(|(index, _)| index > 0);
    match complaint::judge(report, complaint::nothing_tolerated) {
        Verdict::Failed(failure) if added => Verdict::Unknown(failure.reason),
        Verdict::Failed(failure) if failure.reason.contains("contained by an existing brick") => {
            Verdict::Unknown(failure.reason)
        }
        verdict => verdict,
    }
}

/// Moves the files off the bricks and then takes the bricks out. `commit` is refused while files still move:
/// that is busy, and the same batch again goes on from there. Nothing is forced, so no file is lost. Then the volume
/// says again what it said before.
pub(crate) fn unmake(spec: &AddedBricksSpec, settings: &Settings) -> Batch {
    let remove = |verb: &str| -> Command {
        program::volume(settings, "remove-brick", &spec.name)
            .args(addresses(&spec.bricks))
            .arg(verb)
    };
    let batch = Batch::new().ask(remove("start")).ask(remove("commit"));
    let batch = match set(spec, settings, &spec.options_back) {
        Some(set) => batch.ask(set),
        None => batch,
    };
    batch.then(volume_info::ask(settings, &spec.name))
}

/// Place of the command that sets the old options.
const SET_BACK: usize = 2;

/// What glusterd says to a `commit` after the files could not all be moved, as when a brick did not run. It says so until
/// the task is stopped; from then on it can be begun anew.
const MIGRATION_FAILED: &str = "migration has failed";

/// What to run before the same is tried again.
pub(crate) fn amends(spec: &AddedBricksSpec, verdict: &Verdict, settings: &Settings) -> Option<Batch> {
    let Verdict::Failed(failure) = verdict else {
        return None;
    };
    failure.reason.contains(MIGRATION_FAILED).then(|| {
        let bricks = addresses(&spec.bricks);
        let stop = program::volume(settings, "remove-brick", &spec.name)
            .args(bricks)
            .arg("stop");
        Batch::new().ask(stop)
    })
}

/// What counts is whether the bricks are gone and the options are the old ones; the complaints only tell why not.
pub(crate) fn judge_unmade(spec: &AddedBricksSpec, report: &Report) -> Verdict {
    let going_on = |words: &str| words.contains("an earlier remove-brick task exists");
    let verdict = complaint::judge(report, going_on);
    match volume_info::read_last(report) {
        Ok(None) => Verdict::Done(Facts::None),
        Ok(Some(info)) => {
            let left = addresses(&spec.bricks)
                .iter()
                .filter(|brick| info.bricks.contains(brick))
                .count();
            match verdict {
                _ if left == 0 && hold(&info, &spec.options_back) => Verdict::Done(Facts::None),
                _ if left == 0 => set_back(spec, report),
                Verdict::Done(_) => complaint::failed(
                    FailureKind::Busy,
                    format!("files still move off {left} bricks of volume {}", spec.name),
                ),
                verdict => verdict,
            }
        }
        Err(unreadable) => match verdict {
            Verdict::Done(_) => Verdict::Unknown(unreadable.to_string()),
            verdict => verdict,
        },
    }
}

/// The bricks are gone, and the options are not the old ones.
fn set_back(spec: &AddedBricksSpec, report: &Report) -> Verdict {
    let set = Report {
        outcomes: report.outcomes.iter().skip(SET_BACK).take(1).cloned().collect(),
        broken: report.broken.clone(),
    };
    match complaint::judge(&set, complaint::nothing_tolerated) {
        Verdict::Done(_) => Verdict::Unknown(format!("volume {} still has its new options", spec.name)),
        verdict => verdict,
    }
}
