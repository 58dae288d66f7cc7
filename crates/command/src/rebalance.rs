//! Files of a volume spread over all its bricks, after bricks were added.

use mortar_argv::{Batch, Report};
use mortar_model::work::{Facts, RebalanceSpec, Seen, Verdict};

use crate::answer::Unreadable;
use crate::query::rebalance::{self, Progress};
use crate::{Settings, complaint, program};

pub(crate) fn look(spec: &RebalanceSpec, settings: &Settings) -> Batch {
    rebalance::ask(settings, &spec.name)
}

/// An earlier rebalance that has ended looks like the new one would: only one that runs is surely there. To
/// begin one more is harmless.
pub(crate) fn judge_look(report: &Report) -> Result<Seen, Unreadable> {
    Ok(match rebalance::read(report)?.progress {
        Progress::Running => Seen::Present(Facts::None),
        Progress::Never | Progress::Completed | Progress::Stopped | Progress::Failed => Seen::Absent,
    })
}

pub(crate) fn make(spec: &RebalanceSpec, settings: &Settings) -> Batch {
    Batch::new().ask(program::volume(settings, "rebalance", &spec.name).arg("start"))
}

pub(crate) fn judge_made(report: &Report) -> Verdict {
    // A volume of one set has nothing to spread.
    complaint::judge(report, |words| {
        words.contains("not a distribute volume")
            || words.contains("is already started")
            || words.contains("already in progress")
    })
}
