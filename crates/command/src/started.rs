//! A volume whose bricks are served.
//!
//! `volume start NAME force` starts the processes that are missing and leaves the others alone. It would also start a
//! volume that somebody stopped, so that is looked at first.

use mortar_argv::{Batch, Report};
use mortar_model::work::{Facts, FailureKind, Seen, StartedSpec, Verdict};

use crate::answer::Unreadable;
use crate::query::volume_status;
use crate::query::{volume_info, volume_status::BrickStatus};
use crate::volume::{addresses, whose};
use crate::{Settings, complaint, program};

pub(crate) fn look(spec: &StartedSpec, settings: &Settings) -> Batch {
    volume_info::ask(settings, &spec.name).then(volume_status::ask(settings, &spec.name))
}

pub(crate) fn judge_look(spec: &StartedSpec, report: &Report) -> Result<Seen, Unreadable> {
    let mut status = report.clone();
    let Some(info) = volume_info::read(&status.split_off_front(1))? else {
        return Ok(Seen::Foreign(format!("volume {} does not exist", spec.name)));
    };
    if let Some(other) = whose(spec.volume, &spec.bricks, &info) {
        return Ok(Seen::Foreign(other));
    }
    if !info.started() {
        return Ok(if spec.stopped {
            Seen::Absent
        } else {
            Seen::Foreign(format!(
                "volume {} was stopped: its bricks are served when it is started",
                spec.name
            ))
        });
    }
    Ok(match down(spec, &volume_status::read(&status)?) {
        None => Seen::Present(Facts::None),
        Some(brick) => Seen::Partial(format!("{brick} is not served")),
    })
}

/// A brick that is to be served and is not.
fn down(spec: &StartedSpec, bricks: &[BrickStatus]) -> Option<String> {
    let serves = |brick: &&String| bricks.iter().any(|found| found.online && found.brick == **brick);
    addresses(&spec.bricks)
        .iter()
        .find(|brick| !serves(brick))
        .cloned()
}

/// A volume that was stopped is started without force: where a brick is missing, a person should know.
pub(crate) fn make(spec: &StartedSpec, settings: &Settings) -> Batch {
    let start = program::volume(settings, "start", &spec.name);
    let start = if spec.stopped { start } else { start.arg("force") };
    Batch::new()
        .ask(start)
        .then(volume_status::ask(settings, &spec.name))
}

/// Done when the bricks are served: a process needs a moment to report to its glusterd.
pub(crate) fn judge_made(spec: &StartedSpec, report: &Report) -> Verdict {
    match complaint::judge(report, |words| words.contains("already started")) {
        Verdict::Done(_) => {}
        verdict => return verdict,
    }
    let mut status = report.clone();
    status.split_off_front(1);
    match volume_status::read(&status).map(|bricks| down(spec, &bricks)) {
        Ok(None) => Verdict::Done(Facts::None),
        Ok(Some(brick)) => complaint::failed(
            FailureKind::Busy,
            format!("{brick} is not served: its log on that node tells why (/var/log/glusterfs/bricks)"),
        ),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}
