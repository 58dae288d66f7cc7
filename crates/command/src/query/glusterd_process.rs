//! How was glusterd started on the node, and if it does not run, why?

use mortar_argv::{Batch, Outcome, Output, Report};
use mortar_model::VolumeName;
use mortar_model::work::Starter;

use crate::answer::{self, Unreadable};
use crate::{Settings, program};

const WHAT: &str = "how glusterd was started";

/// There where systemd runs the machine.
const SYSTEMD: &str = "/run/systemd/system";
/// Lines at the end of glusterd's log that tell of its last start.
const LINES: &str = "40";
/// What glusterd 10.3 says of a record that it cannot read, before it ends.
const UNREADABLE: &str = "Unable to restore volume: ";
/// What it says when it begins.
const BEGINS: &str = "Started running version";
/// What it says when somebody asks it to end. The file with its id stays, as when it is killed.
const ASKED_TO_END: &str = "received signum (15)";
/// Longest command line that is believed, in words.
const MOST_WORDS: usize = 64;

/// Where the answers are.
const BY_SYSTEMD: usize = 0;
const FAILED: usize = 1;
const PID: usize = 2;
const LOG: usize = 3;

/// What is known of a glusterd's process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Whether systemd starts it.
    pub by_systemd: bool,
    /// Whether, if it does not run, it ended without being asked to.
    pub died: bool,
    /// Its id, as it wrote it down.
    pub pid: Option<u32>,
    /// The volume whose record kept it from starting at its last try.
    pub unreadable: Option<VolumeName>,
}

/// What to run.
pub fn ask(settings: &Settings) -> Batch {
    let systemctl = |verb: &str| program::program(settings, "systemctl").args([verb, "--quiet", "glusterd"]);
    Batch::new()
        .ask(program::test(settings, "-d", SYSTEMD))
        .item(
            mortar_argv::Guard::OnlyIf(program::test(settings, "-d", SYSTEMD)),
            systemctl("is-failed"),
            mortar_argv::OnFailure::Continue,
        )
        .ask(program::read(settings, &settings.glusterd_pid_file))
        .ask(program::program(settings, "tail").args(["-n", LINES, &settings.glusterd_log]))
}

/// What the answers say.
///
/// # Errors
/// The node did not answer.
pub fn read(report: &Report) -> Result<Process, Unreadable> {
    let by_systemd = answer::ran(report, BY_SYSTEMD, WHAT)?.success();
    let failed = matches!(report.outcomes.get(FAILED), Some(Outcome::Ran(output)) if output.success());
    let pid_file = answer::text_of(report, PID, WHAT)?;
    let log = answer::ran(report, LOG, WHAT)?;
    Ok(Process {
        by_systemd,
        died: if by_systemd {
            failed
        } else {
            pid_file.is_some() && !asked_to_end(log)
        },
        pid: pid_file.and_then(|text| text.trim().parse().ok()),
        unreadable: unreadable(log),
    })
}

fn asked_to_end(log: &Output) -> bool {
    let mut last = log.stdout.lines().rev();
    last.find(|line| line.contains(BEGINS) || line.contains(ASKED_TO_END))
        .is_some_and(|line| line.contains(ASKED_TO_END))
}

fn unreadable(log: &Output) -> Option<VolumeName> {
    let mut last = log.stdout.lines().rev().take_while(|line| !line.contains(BEGINS));
    let last = last.find(|line| line.contains(UNREADABLE))?;
    let name = last.split_once(UNREADABLE)?.1.split_whitespace().next()?;
    VolumeName::new(name).ok()
}

/// What to run to see the command line of that process.
pub fn ask_command(settings: &Settings, pid: u32) -> Batch {
    Batch::new().ask(program::read(settings, format!("/proc/{pid}/cmdline")))
}

/// How it is started again: as it was, or where that is not known, as it starts by itself with its id where it is
/// looked for.
pub fn starter(process: &Process, command: Option<&Report>, settings: &Settings) -> Starter {
    if process.by_systemd {
        return Starter::Systemd;
    }
    let text = command
        .and_then(|report| report.output(0))
        .map(|output| output.stdout.as_str());
    let words: Vec<String> = text
        .unwrap_or_default()
        .split('\0')
        .map(str::trim_end)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    let named = words
        .first()
        .is_some_and(|first| first.rsplit('/').next() == Some("glusterd"));
    if named && words.len() <= MOST_WORDS {
        return Starter::Command(words);
    }
    let usual = ["glusterd", "-p", &settings.glusterd_pid_file];
    Starter::Command(usual.map(str::to_owned).to_vec())
}
