//! More bricks of a volume that exists.

use mortar_argv::{Batch, Command, Report};
use mortar_model::layout;
use mortar_model::work::{AddedBricksSpec, Facts, FailureKind, Seen, Verdict};

use crate::answer::Unreadable;
use crate::query::volume_info;
use crate::volume::addresses;
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
    let wanted = addresses(&spec.bricks);
    let there = wanted.iter().filter(|brick| info.bricks.contains(brick)).count();
    let options = spec
        .options
        .iter()
        .all(|option| info.option(option.key()) == Some(option.value()));
    Ok(match there {
        0 => Seen::Absent,
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

pub(crate) fn make(spec: &AddedBricksSpec, settings: &Settings) -> Batch {
    let add = program::volume(settings, "add-brick", &spec.name).args(addresses(&spec.bricks));
    finish(spec, settings, Batch::new().run(add))
}

/// `add-brick` takes all its bricks or none, so only the options can be left.
pub(crate) fn resume(spec: &AddedBricksSpec, settings: &Settings) -> Batch {
    finish(spec, settings, Batch::new())
}

fn finish(spec: &AddedBricksSpec, settings: &Settings, batch: Batch) -> Batch {
    if spec.options.is_empty() {
        return batch;
    }
    let options = spec
        .options
        .iter()
        .flat_map(|option| [option.key(), option.value()]);
    batch.run(program::volume(settings, "set", &spec.name).args(options))
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
/// that is busy, and the same batch again goes on from there. Nothing is forced, so no file is lost.
pub(crate) fn unmake(spec: &AddedBricksSpec, settings: &Settings) -> Batch {
    let remove = |verb: &str| -> Command {
        program::volume(settings, "remove-brick", &spec.name)
            .args(addresses(&spec.bricks))
            .arg(verb)
    };
    Batch::new()
        .ask(remove("start"))
        .ask(remove("commit"))
        .then(volume_info::ask(settings, &spec.name))
}

/// What counts is whether the bricks are gone; the complaints only tell why not.
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
                _ if left == 0 => Verdict::Done(Facts::None),
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
