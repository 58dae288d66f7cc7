//! glusterd as a process: ended, started as the node does it, and whether it is a member then.

use mortar_argv::{Batch, Command, Guard, OnFailure, Report};
use mortar_model::work::{Facts, FailureKind, Starter, Verdict};

use crate::query::pool;
use crate::{Settings, complaint, program};

/// Ends it, in one item. Only ever the process that glusterd's own file names, and only if it is a glusterd. It is ended for sure, since
/// one that hangs hears nothing else; what it writes, it writes beside and renames. `pkill` fails where none runs, which is as well;
/// one that runs on keeps the next from starting.
pub(crate) fn end(starter: &Starter, settings: &Settings) -> Batch {
    let (command, on_failure) = match starter {
        Starter::Systemd => (
            program::program(settings, "systemctl").args(["stop", "glusterd"]),
            OnFailure::Stop,
        ),
        Starter::Command(_) => (
            program::program(settings, "pkill")
                .args(["-KILL", "-x", "-F", &settings.glusterd_pid_file])
                .arg("glusterd"),
            OnFailure::Continue,
        ),
    };
    Batch::new().item(Guard::Always, command, on_failure)
}

/// Starts it.
pub(crate) fn start(starter: &Starter, settings: &Settings) -> Command {
    match starter {
        Starter::Systemd => program::program(settings, "systemctl").args(["start", "glusterd"]),
        Starter::Command(words) => {
            let (first, rest) = words
                .split_first()
                .map_or(("glusterd", &[][..]), |(first, rest)| (first.as_str(), rest));
            program::program(settings, first).args(rest).outlives()
        }
    }
}

/// Starts it where it does not run. One that runs takes no harm from a second that finds its place taken.
pub(crate) fn runs(starter: &Starter, settings: &Settings) -> Batch {
    let runs = program::program(settings, "pgrep")
        .args(["-x", "-F", &settings.glusterd_pid_file])
        .arg("glusterd");
    match starter {
        Starter::Systemd => Batch::new().ask(start(starter, settings)),
        Starter::Command(_) => {
            Batch::new().item(Guard::Unless(runs), start(starter, settings), OnFailure::Continue)
        }
    }
}

/// What the report of [`runs`] says. Where it cannot be started, somebody else finds that, and says why.
pub(crate) fn judge_runs(report: &Report) -> Verdict {
    match complaint::judge(report, complaint::nothing_tolerated) {
        Verdict::Failed(failure) if failure.kind != FailureKind::Unreached => Verdict::Done(Facts::None),
        verdict => verdict,
    }
}

/// Whether glusterd counts its peers as members, and most of them are connected; `item` asked it for its pool.
pub(crate) fn settled(report: &Report, item: usize) -> Result<(), String> {
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
