//! A volume that nobody can use for a while, because its bricks are exchanged below it.

use mortar_argv::{Batch, Report};
use mortar_model::work::{Facts, Seen, StartedSpec, Verdict};

use crate::answer::Unreadable;
use crate::query::volume_info;
use crate::volume::whose;
use crate::{Settings, complaint, program, started};

pub(crate) fn judge_look(spec: &StartedSpec, report: &Report) -> Result<Seen, Unreadable> {
    let Some(info) = volume_info::read(report)? else {
        return Ok(Seen::Foreign(format!("volume {} does not exist", spec.name)));
    };
    if let Some(other) = whose(spec.volume, &spec.bricks, &info) {
        return Ok(Seen::Foreign(other));
    }
    Ok(if info.started() {
        Seen::Absent
    } else {
        Seen::Present(Facts::None)
    })
}

/// Without force: a volume that is being rebalanced or healed by hand is not stopped under that.
pub(crate) fn make(spec: &StartedSpec, settings: &Settings) -> Batch {
    Batch::new().ask(program::volume(settings, "stop", &spec.name))
}

pub(crate) fn judge_made(report: &Report) -> Verdict {
    complaint::judge(report, |words| words.contains("is not in the started state"))
}

pub(crate) fn unmake(spec: &StartedSpec, settings: &Settings) -> Batch {
    started::make(spec, settings)
}
