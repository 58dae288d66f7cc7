//! Processes as `/proc` shows them.
//!
//! A process is known by its id **and** the time it started: ids are used again, so an id alone never gets a
//! signal. Signals go through a process descriptor that is opened before the start time is compared.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::error::{Attempt as _, LabError};
use crate::run::{LIMIT, wait_until};

/// One process, not to be mistaken for a later one with the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The id as this machine sees it.
    pub pid: i32,
    /// When it started, in clock ticks since the machine did.
    pub started: u64,
}

impl Identity {
    /// The running process with this id; a zombie does not count as one.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        parse_stat(&stat)
            .filter(|(state, _)| !matches!(state, 'Z' | 'X'))
            .map(|(_, started)| Self { pid, started })
    }

    /// Running processes that were started with this value of an environment variable, but for the calling one.
    pub fn started_with(variable: &str, value: &str) -> Vec<Self> {
        let marked = |pid: &i32| self::variable(*pid, variable).as_deref() == Some(value);
        all()
            .into_iter()
            .filter(marked)
            .filter_map(Self::of)
            .filter(|process| u32::try_from(process.pid) != Ok(std::process::id()))
            .collect()
    }

    /// Whether it runs.
    pub fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Asks it to end (SIGTERM), and when `patience` passes, ends it (SIGKILL). True when asking was enough. A
    /// process that has ended already is fine.
    ///
    /// # Errors
    /// It may not be ended, or does not end even so: it waits for a disk or a mount.
    pub fn end(self, patience: Duration) -> Result<bool, LabError> {
        self.signal(Signal::TERM)?;
        let gone = wait_until("", patience, "", || {
            Ok(if self.alive() { Err(String::new()) } else { Ok(()) })
        });
        if gone.is_ok() {
            return Ok(true);
        }
        end(&[self], LIMIT)?;
        Ok(false)
    }

    /// Sends the signal that cannot be refused; a process that has ended already is fine.
    pub(crate) fn kill(self) -> Result<(), LabError> {
        self.signal(Signal::KILL)
    }

    fn signal(self, signal: Signal) -> Result<(), LabError> {
        let what = || format!("ending process {}", self.pid);
        let Some(pid) = Pid::from_raw(self.pid) else {
            return Ok(());
        };
        let descriptor = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return Ok(()),
            other => other.attempt(what)?,
        };
        if !self.alive() {
            return Ok(());
        }
        match pidfd_send_signal(descriptor, signal) {
            Err(Errno::SRCH) => Ok(()),
            other => other.attempt(what),
        }
    }
}

/// Fields of `/proc/PID/stat` that do not change: state and start time. The name in it may hold anything, so
/// counting begins after its last bracket.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    // Field 22 of the whole line is field 19 after the state (field 3).
    let started = fields.nth(18)?.parse().ok()?;
    Some((state, started))
}

/// Ids of all processes of this machine.
pub(crate) fn all() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The short name of a process (15 characters at most).
pub(crate) fn short_name(pid: i32) -> Option<String> {
    Some(
        fs::read_to_string(format!("/proc/{pid}/comm"))
            .ok()?
            .trim_end()
            .to_owned(),
    )
}

/// The arguments of a process, its program first; empty when it has ended.
pub(crate) fn arguments(pid: i32) -> Vec<String> {
    zero_separated(&format!("/proc/{pid}/cmdline"))
}

/// The value of a variable in the environment that a process was started with.
pub(crate) fn variable(pid: i32, name: &str) -> Option<String> {
    let prefix = format!("{name}=");
    let entries = zero_separated(&format!("/proc/{pid}/environ"));
    entries
        .iter()
        .find_map(|entry| entry.strip_prefix(&prefix))
        .map(str::to_owned)
}

fn zero_separated(path: &str) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let parts = bytes.split(|b| *b == 0).filter(|part| !part.is_empty());
    parts
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect()
}

/// The id of the parent of a process.
pub(crate) fn parent(pid: i32) -> Option<i32> {
    status_field(pid, "PPid:")?.parse().ok()
}

fn status_field(pid: i32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .map(|value| value.trim().to_owned())
}

/// Number of the namespace of this kind (`mnt`, `net`, `pid`, …) that a process lives in.
pub(crate) fn namespace(pid: i32, kind: &str) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{pid}/ns/{kind}")).ok()?.ino())
}

/// All processes that share a mount, network or process namespace with `holder`, itself among them. Namespaces
/// that are also our own are left out of the comparison, so that a mistake can never name the whole machine.
pub(crate) fn sharing(holder: Identity) -> Vec<Identity> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let kinds: Vec<(&str, u64)> = ["mnt", "net", "pid"]
        .into_iter()
        .filter_map(|kind| Some((kind, namespace(holder.pid, kind)?)))
        .filter(|(kind, number)| namespace(own, kind) != Some(*number))
        .collect();
    let inside = |pid: &i32| {
        kinds
            .iter()
            .any(|(kind, number)| namespace(*pid, kind) == Some(*number))
    };
    let found = all()
        .into_iter()
        .filter(|pid| *pid != own)
        .filter(inside)
        .filter_map(Identity::of)
        .collect();
    // Numbers of namespaces are used again as well: they meant the holder's all along only if it still lives.
    if holder.alive() { found } else { Vec::new() }
}

/// Ends processes and waits until they are gone.
pub(crate) fn end(processes: &[Identity], limit: Duration) -> Result<(), LabError> {
    for process in processes {
        process.kill()?;
    }
    let remedy = "a process that does not end waits for a disk or a mount: see its /proc/PID/stack";
    wait_until("ending processes", limit, remedy, || {
        let left: Vec<String> = processes
            .iter()
            .filter(|p| p.alive())
            .map(|p| p.pid.to_string())
            .collect();
        Ok(if left.is_empty() {
            Ok(())
        } else {
            Err(format!("still there: {}", left.join(", ")))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufRead as _;
    use std::time::Duration;

    use super::{Identity, end, namespace, parse_stat, sharing};
    use crate::run::program;

    #[test]
    fn a_name_full_of_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) R (b) S 1 7 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 4242 0 0";
        assert_eq!(parse_stat(stat), Some(('S', 4242)));
        assert_eq!(parse_stat("7 (a"), None);
    }

    #[test]
    fn only_the_very_process_is_ended() {
        let mut child = program("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let identity = Identity::of(pid).unwrap();
        let stranger = Identity {
            started: identity.started + 1,
            ..identity
        };
        stranger.kill().unwrap();
        assert!(identity.alive() && !stranger.alive());
        end(&[identity], Duration::from_secs(5)).unwrap();
        assert!(!identity.alive());
        child.wait().unwrap();
    }

    #[test]
    fn a_marked_process_is_found_and_ended_kindly_or_not() {
        for (script, kindly) in [
            ("exec sleep 60", true),
            ("trap '' TERM; echo; while :; do sleep 60; done", false),
        ] {
            let mark = format!("{kindly} {}", std::process::id());
            let mut command = program("sh");
            command
                .args(["-c", &format!("echo; {script}")])
                .env("MORTAR_TEST_MARK", &mark);
            let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
            let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
            for _ in 0..script.matches("echo").count() + 1 {
                lines.next().unwrap().unwrap();
            }
            let found = Identity::started_with("MORTAR_TEST_MARK", &mark);
            let own = Identity::of(i32::try_from(child.id()).unwrap()).unwrap();
            assert!(found.contains(&own), "{found:?}");
            let reaper = std::thread::spawn(move || child.wait().unwrap());
            assert_eq!(own.end(Duration::from_millis(200)).unwrap(), kindly);
            reaper.join().unwrap();
            for left in Identity::started_with("MORTAR_TEST_MARK", &mark) {
                left.end(Duration::ZERO).unwrap();
            }
        }
    }

    #[test]
    fn a_process_in_our_own_namespaces_shares_with_nobody() {
        let own = Identity::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(namespace(own.pid, "mnt").is_some());
        assert_eq!(sharing(own), Vec::new());
    }
}
