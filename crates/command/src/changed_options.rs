//! Options of a volume that exists, changed on somebody's word, or taken back to what they were.

use mortar_argv::{Batch, Command, Report};
use mortar_model::VolumeOption;
use mortar_model::work::{ChangedOptionsSpec, Facts, Seen, Verdict};

use crate::answer::Unreadable;
use crate::query::volume_info::{self, VolumeInfo};
use crate::volume::whose;
use crate::{Settings, complaint, program};

/// GlusterFS takes no option of this namespace back: what such a one was not set to before stays, and means nothing to it.
const USER: &str = "user.";

pub(crate) fn look(spec: &ChangedOptionsSpec, settings: &Settings) -> Batch {
    volume_info::ask(settings, &spec.name)
}

/// An option that was given back may show a value all the same: GlusterFS writes some of its own down. Where that is the
/// one that it had before, nobody can tell, and it is given back once more.
pub(crate) fn judge_look(spec: &ChangedOptionsSpec, report: &Report) -> Result<Seen, Unreadable> {
    let Some(info) = volume_info::read(report)? else {
        return Ok(Seen::Foreign(format!("volume {} does not exist", spec.name)));
    };
    if let Some(other) = whose(spec.volume, &spec.bricks, &info) {
        return Ok(Seen::Foreign(other));
    }
    let is_set = spec.set.iter().all(|option| has(&info, option));
    let is_reset = spec.reset.iter().all(|name| {
        let now = info.option(name.as_str());
        now.is_none() || now != was(spec, name.as_str())
    });
    Ok(match (is_set && is_reset, is_as_before(spec, &info)) {
        (true, _) => Seen::Present(Facts::None),
        (false, true) => Seen::Absent,
        (false, false) => Seen::Partial(format!("some options of volume {} are changed", spec.name)),
    })
}

fn has(info: &VolumeInfo, option: &VolumeOption) -> bool {
    info.option(option.key()) == Some(option.value())
}

fn was<'a>(spec: &'a ChangedOptionsSpec, name: &str) -> Option<&'a str> {
    let mut back = spec.back.iter();
    back.find(|option| option.key() == name).map(VolumeOption::value)
}

fn is_as_before(spec: &ChangedOptionsSpec, info: &VolumeInfo) -> bool {
    spec.back.iter().all(|option| has(info, option))
        && fresh(spec).all(|option| info.option(option.key()).is_none())
}

/// Options that were not set before, and can be given back.
fn fresh(spec: &ChangedOptionsSpec) -> impl Iterator<Item = &VolumeOption> {
    let set = spec.set.iter();
    set.filter(|option| was(spec, option.key()).is_none() && !option.key().starts_with(USER))
}

/// All values in one transaction, first: what GlusterFS refuses of them is refused before anything is changed.
pub(crate) fn make(spec: &ChangedOptionsSpec, settings: &Settings) -> Batch {
    let batch = set(spec, settings, &spec.set);
    spec.reset.iter().fold(batch, |batch, name| {
        batch.run(reset(spec, settings, name.as_str()))
    })
}

pub(crate) fn unmake(spec: &ChangedOptionsSpec, settings: &Settings) -> Batch {
    let batch = set(spec, settings, &spec.back);
    fresh(spec).fold(batch, |batch, option| {
        batch.ask(reset(spec, settings, option.key()))
    })
}

fn set(spec: &ChangedOptionsSpec, settings: &Settings, options: &[VolumeOption]) -> Batch {
    if options.is_empty() {
        return Batch::new();
    }
    let words = options.iter().flat_map(|option| [option.key(), option.value()]);
    Batch::new().run(program::volume(settings, "set", &spec.name).args(words))
}

fn reset(spec: &ChangedOptionsSpec, settings: &Settings, name: &str) -> Command {
    program::volume(settings, "reset", &spec.name).arg(name)
}

pub(crate) fn judge_made(report: &Report) -> Verdict {
    complaint::judge(report, complaint::nothing_tolerated)
}

/// What GlusterFS does not know as an option was never set.
pub(crate) fn judge_unmade(spec: &ChangedOptionsSpec, report: &Report) -> Verdict {
    let unknown = |words: &str| {
        let mut fresh = fresh(spec).map(VolumeOption::key);
        fresh.any(|name| words.contains(&format!("option {name} does not exist")))
    };
    complaint::judge(report, unknown)
}
