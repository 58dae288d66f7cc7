//! A member of a trusted pool that differs from the others: its glusterd is ended, the records that it alone believes
//! are set aside, and it is started again; it learns the rest from its peers (seen with 10.3).
//!
//! Nothing else is touched: its bricks run on, and what is set aside can be looked at for a month. A file tells that
//! glusterd was started: a second run of the batch then does nothing.

use mortar_argv::{Batch, Report};
use mortar_model::work::{Facts, FailureKind, MemberSpec, RecordSpec, Seen, Starter, Verdict};

use crate::answer::Unreadable;
use crate::query::records;
use crate::{Settings, complaint, daemon, program};

/// Days for which records that were set aside are kept.
const KEPT_DAYS: &str = "+30";

/// Where the answers of [`look`] are.
const STARTED: usize = 0;
const BEGUN: usize = 1;
const RECORDS: usize = 2;

pub(crate) fn look(spec: &MemberSpec, settings: &Settings) -> Batch {
    Batch::new()
        .ask(program::test(settings, "-e", started(spec, settings)))
        .ask(program::test(settings, "-d", folder(spec, settings)))
        .then(records::ask(settings))
}

/// Its glusterd has to answer and to count its peers as members, most of them connected. One that came to that without
/// having been started anew must say something else than it said. What exactly the others say by now, only they can tell.
pub(crate) fn judge_look(spec: &MemberSpec, report: &Report) -> Result<Seen, Unreadable> {
    judge_at(spec, report, 0)
}

fn judge_at(spec: &MemberSpec, report: &Report, from: usize) -> Result<Seen, Unreadable> {
    let said = records::read_at(report, from + RECORDS)?;
    let yes = |item: usize| {
        let output = report.output(from + item);
        output.is_some_and(mortar_argv::Output::success)
    };
    // One that the others learn from says what it said.
    let learns = |record: &&RecordSpec| record.aside || record.said.is_none();
    let differs = |record: &RecordSpec| said.get(&record.name) == record.said.as_ref();
    let is_ill = spec.anew || spec.records.iter().filter(learns).any(differs);
    Ok(match daemon::settled(report, from + RECORDS + 1) {
        Ok(()) if yes(STARTED) || !is_ill => Seen::Present(Facts::None),
        Err(why) if yes(STARTED) => Seen::Partial(format!("glusterd was started again, but {why}")),
        _ if yes(BEGUN) => Seen::Partial("glusterd is about to be started again".into()),
        _ => Seen::Absent,
    })
}

pub(crate) fn make(spec: &MemberSpec, settings: &Settings) -> Batch {
    let folder = folder(spec, settings);
    let outdated = program::program(settings, "find")
        .arg(aside(settings))
        .args(["-mindepth", "1", "-maxdepth", "1", "-mtime", KEPT_DAYS])
        .args(["-exec", "rm", "-rf", "{}", "+"]);
    let mut batch = Batch::new()
        .run(program::program(settings, "test").args(["!", "-e", &started(spec, settings)]))
        .run(program::program(settings, "mkdir").args(["-p", &folder]))
        .ask(outdated)
        .then(daemon::end(&spec.starter, settings));
    for record in spec.records.iter().filter(|record| record.aside) {
        let path = format!("{}/{}", records::folder(settings), record.name);
        batch = batch.only_if(
            program::test(settings, "-e", path.clone()),
            program::program(settings, "mv").args([&path, &folder]),
        );
    }
    batch
        .run(daemon::start(&spec.starter, settings))
        .run(program::write(settings, started(spec, settings), "started\n"))
        .then(look(spec, settings))
}

/// Where glusterd stands in a batch of [`make`]; the commands that are not asked for their failure are before it.
const END: usize = 3;
/// Items of [`make`] before the first record, and after the last one up to the look.
const BEFORE: usize = END + 1;
const AFTER: usize = 2;

pub(crate) fn judge_made(spec: &MemberSpec, report: &Report) -> Verdict {
    let restart = BEFORE + spec.records.iter().filter(|record| record.aside).count() + AFTER;
    let done_before = report.output(0).is_some_and(|output| !output.success());
    let busy = |why: String| complaint::failed(FailureKind::Busy, why);
    if done_before {
        return busy("glusterd was started again, and does not agree with the others yet".into());
    }
    let own = Report {
        outcomes: report
            .outcomes
            .iter()
            .take(restart)
            .enumerate()
            .filter(|(index, _)| *index != END || spec.starter == Starter::Systemd)
            .filter(|(index, _)| *index != END - 1)
            .map(|(_, outcome)| outcome.clone())
            .collect(),
        broken: report.broken.clone(),
    };
    match complaint::judge(&own, complaint::nothing_tolerated) {
        Verdict::Done(facts) => match judge_at(spec, report, restart) {
            Ok(Seen::Present(_)) => Verdict::Done(facts),
            Ok(Seen::Partial(why)) => busy(why),
            Ok(_) => busy("glusterd was started again".into()),
            Err(unreadable) => busy(unreadable.to_string()),
        },
        verdict => verdict,
    }
}

/// There is no way back but that glusterd runs.
pub(crate) fn unmake(spec: &MemberSpec, settings: &Settings) -> Batch {
    daemon::runs(&spec.starter, settings)
}

/// Where it cannot be started, the next look at the pool finds a member that is down, and says why.
pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    daemon::judge_runs(report)
}

/// Where records of all cures are set aside: within glusterd's folder, which it shares with other tools, so that moving
/// them is renaming them.
fn aside(settings: &Settings) -> String {
    format!("{}/mortar-aside", settings.gluster_state)
}

fn folder(spec: &MemberSpec, settings: &Settings) -> String {
    format!("{}/{}", aside(settings), spec.folder)
}

fn started(spec: &MemberSpec, settings: &Settings) -> String {
    format!("{}/started", folder(spec, settings))
}
