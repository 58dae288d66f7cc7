//! Options of a volume that exists, set to what is recorded. Others stay as they are.

use mortar_argv::{Batch, Report};
use mortar_model::work::{Facts, OptionsSpec, Seen, Verdict};

use crate::answer::Unreadable;
use crate::query::volume_info;
use crate::volume::whose;
use crate::{Settings, complaint, program};

pub(crate) fn look(spec: &OptionsSpec, settings: &Settings) -> Batch {
    volume_info::ask(settings, &spec.name)
}

pub(crate) fn judge_look(spec: &OptionsSpec, report: &Report) -> Result<Seen, Unreadable> {
    let Some(info) = volume_info::read(report)? else {
        return Ok(Seen::Foreign(format!("volume {} does not exist", spec.name)));
    };
    if let Some(other) = whose(spec.volume, &spec.bricks, &info) {
        return Ok(Seen::Foreign(other));
    }
    let other = spec
        .options
        .iter()
        .find(|option| info.option(option.key()) != Some(option.value()));
    Ok(match other {
        None => Seen::Present(Facts::None),
        Some(option) => Seen::Partial(format!(
            "option {} of volume {} has another value",
            option.key(),
            spec.name
        )),
    })
}

/// All options in one transaction.
pub(crate) fn make(spec: &OptionsSpec, settings: &Settings) -> Batch {
    if spec.options.is_empty() {
        return Batch::new();
    }
    let options = spec
        .options
        .iter()
        .flat_map(|option| [option.key(), option.value()]);
    Batch::new().run(program::volume(settings, "set", &spec.name).args(options))
}

pub(crate) fn judge_made(report: &Report) -> Verdict {
    complaint::judge(report, complaint::nothing_tolerated)
}
