//! A member of a trusted pool that differs from the others: its glusterd is ended, the records that it alone believes
//! are set aside, and it is started again; it learns the rest from its peers (seen with 10.3).
//!
//! Nothing else is touched: its bricks run on, and what is set aside can be looked at for a month. A file tells that
//! glusterd was started: a second run of the batch then does nothing.

use mortar_argv::{Batch, Command, Guard, OnFailure, Report};
use mortar_model::work::{Facts, FailureKind, MemberSpec, RecordSpec, Seen, Starter, Verdict};

use crate::answer::Unreadable;
use crate::query::{pool, records};
use crate::{Settings, complaint, program};

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
    Ok(match settled(report, from + RECORDS + 1) {
        Ok(()) if yes(STARTED) || !is_ill => Seen::Present(Facts::None),
        Err(why) if yes(STARTED) => Seen::Partial(format!("glusterd was started again, but {why}")),
        _ if yes(BEGUN) => Seen::Partial("glusterd is about to be started again".into()),
        _ => Seen::Absent,
    })
}

/// Whether glusterd counts its peers as members, and most of them are connected.
fn settled(report: &Report, item: usize) -> Result<(), String> {
    let members = pool::read_at(report, item).map_err(|unreadable| unreadable.to_string())?;
    let connected = members.iter().filter(|member| member.connected).count();
    if !members.iter().all(|member| member.settled) {
        return Err("its peers do not count it as a member".to_owned());
    }
    if connected * 2 <= members.len() {
        return Err(format!(
            "only {connected} of {} members are connected",
            members.len()
        ));
    }
    Ok(())
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
        .item(Guard::Always, end(spec, settings), on_failure_of_end(spec));
    for record in spec.records.iter().filter(|record| record.aside) {
        let path = format!("{}/{}", records::folder(settings), record.name);
        batch = batch.only_if(
            program::test(settings, "-e", path.clone()),
            program::program(settings, "mv").args([&path, &folder]),
        );
    }
    batch
        .run(start(spec, settings))
        .run(program::write(settings, started(spec, settings), "started\n"))
        .then(look(spec, settings))
}

/// Only ever the process that glusterd's own file names, and only if it is a glusterd. It is ended for sure, since one
/// that hangs hears nothing else; what it writes, it writes beside and renames.
fn end(spec: &MemberSpec, settings: &Settings) -> Command {
    match &spec.starter {
        Starter::Systemd => program::program(settings, "systemctl").args(["stop", "glusterd"]),
        Starter::Command(_) => program::program(settings, "pkill")
            .args(["-KILL", "-x", "-F", &settings.glusterd_pid_file])
            .arg("glusterd"),
    }
}

/// `pkill` fails where none runs, which is as well; one that runs on keeps the next from starting.
fn on_failure_of_end(spec: &MemberSpec) -> OnFailure {
    match &spec.starter {
        Starter::Systemd => OnFailure::Stop,
        Starter::Command(_) => OnFailure::Continue,
    }
}

fn start(spec: &MemberSpec, settings: &Settings) -> Command {
    match &spec.starter {
        Starter::Systemd => program::program(settings, "systemctl").args(["start", "glusterd"]),
        Starter::Command(words) => {
            let (first, rest) = words
                .split_first()
                .map_or(("glusterd", &[][..]), |(first, rest)| (first.as_str(), rest));
            program::program(settings, first).args(rest).outlives()
        }
    }
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

/// There is no way back but that glusterd runs. One that runs takes no harm from a second that finds its place taken.
pub(crate) fn unmake(spec: &MemberSpec, settings: &Settings) -> Batch {
    let runs = program::program(settings, "pgrep")
        .args(["-x", "-F", &settings.glusterd_pid_file])
        .arg("glusterd");
    match &spec.starter {
        Starter::Systemd => Batch::new().ask(start(spec, settings)),
        Starter::Command(_) => {
            Batch::new().item(Guard::Unless(runs), start(spec, settings), OnFailure::Continue)
        }
    }
}

/// Where it cannot be started, the next look at the pool finds a member that is down, and says why.
pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    match complaint::judge(report, complaint::nothing_tolerated) {
        Verdict::Failed(failure) if failure.kind != FailureKind::Unreached => Verdict::Done(Facts::None),
        verdict => verdict,
    }
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
