//! What can go wrong on purpose.

use mortar_argv::{Command, Output};
use serde::{Deserialize, Serialize};

/// Which command a [`Fault`] meets. Each fault strikes once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// The Nth changing command of the world from now on, on any node; the next one is 1.
    Change(u64),
    /// The Nth command from now on that looks like this; the next one is 1.
    Command {
        /// [`Command::kind`], such as `lvcreate` or `gluster volume create`.
        kind: String,
        /// Only on this host; `None` for any.
        host: Option<String>,
        /// How many of them until it strikes.
        nth: u64,
    },
}

/// What a [`Fault`] does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// The command fails and has done nothing. The text is its standard error.
    Fail {
        /// Exit status.
        status: i32,
        /// Standard error.
        text: String,
    },
    /// The command does its work and then fails all the same.
    FailAfter {
        /// Exit status.
        status: i32,
        /// Standard error.
        text: String,
    },
    /// The command does its work, its answer is lost, and the script ends: what comes after is not run, but
    /// nobody knows.
    LoseAnswer,
    /// The command and those after it in its batch do their work, and all their answers are lost: a connection
    /// that broke while the script goes on.
    LoseRest,
    /// The command never runs, and nobody knows.
    LoseCommand,
    /// The command hangs without having done anything until its limit has passed.
    Hang,
    /// The command does its work only after its limit has passed, when nobody waits for it any more. Until then its
    /// script holds its lock.
    Late,
    /// The node loses its power right after the command did its work.
    PowerCut,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which command it meets.
    pub when: When,
    /// What happens to it.
    pub effect: Effect,
}

impl Fault {
    /// A failure without effect of the Nth changing command.
    pub fn fail_change(nth: u64) -> Self {
        let effect = Effect::Fail {
            status: 1,
            text: "injected failure: nothing was done".into(),
        };
        Self {
            when: When::Change(nth),
            effect,
        }
    }

    /// glusterd's answer when another change of the same volume holds its lock: worth a retry.
    pub fn volume_locked(kind: &str, volume: &str) -> Self {
        let text = format!(
            "{}: failed: Another transaction is in progress for {volume}. Please try again after some time.",
            kind.trim_start_matches("gluster ")
        );
        Self {
            when: When::Command {
                kind: kind.to_owned(),
                host: None,
                nth: 1,
            },
            effect: Effect::Fail { status: 1, text },
        }
    }
}

/// The faults to come, each with how many commands it still lets pass.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
    struck: Vec<Struck>,
}

/// A fault that has struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Struck {
    /// Where.
    pub host: String,
    /// What it met, as [`Command::kind`] tells it.
    pub kind: String,
    /// What it did.
    pub effect: Effect,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn count(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn take_struck(&mut self) -> Vec<Struck> {
        std::mem::take(&mut self.struck)
    }

    /// Counts a command against the faults; gives the effect of the first that strikes.
    pub(crate) fn meet(&mut self, host: &str, command: &Command, changes: bool) -> Option<Effect> {
        if self.waiting.is_empty() {
            return None;
        }
        let kind = command.kind();
        let mut struck = None;
        for (index, fault) in self.waiting.iter_mut().enumerate() {
            let left = match &mut fault.when {
                When::Change(left) if changes => left,
                When::Command {
                    kind: wanted,
                    host: on,
                    nth,
                } if *wanted == kind && on.as_ref().is_none_or(|on| on == host) => nth,
                _ => continue,
            };
            *left = left.saturating_sub(1);
            if *left == 0 && struck.is_none() {
                struck = Some(index);
            }
        }
        let effect = self.waiting.remove(struck?).effect;
        self.struck.push(Struck {
            host: host.to_owned(),
            kind,
            effect: effect.clone(),
        });
        Some(effect)
    }
}

/// What a fault makes of a failed command.
pub(crate) fn failure(status: i32, text: &str) -> Output {
    Output {
        status,
        stdout: String::new(),
        stderr: format!("{text}\n"),
    }
}

/// Whether a command may change something: told by its program and its verb, not by what it would find.
pub(crate) fn changes(command: &Command) -> bool {
    const LOOKS: [&str; 26] = [
        "true",
        "false",
        "test",
        "find",
        "stat",
        "getfattr",
        "cat",
        "grep",
        "mountpoint",
        "findmnt",
        "losetup",
        "df",
        "du",
        "lsblk",
        "blkid",
        "udevadm",
        "pgrep",
        "tail",
        "pvs",
        "vgs",
        "lvs",
        "sync",
        "ls",
        "id",
        "hostname",
        "is-active",
    ];
    let program = command.program().rsplit('/').next().unwrap_or_default();
    if program == "systemctl" {
        return command
            .arguments()
            .iter()
            .any(|word| word == "start" || word == "stop");
    }
    let has = |word: &str| command.arguments().iter().any(|argument| argument == word);
    match program {
        "find" | "losetup" if has("--set-capacity") => return true,
        "xfs_growfs" => return !has("-n"),
        "gluster" => {}
        "gluster-block" => return crate::gluster_block::changes(command.arguments()),
        _ => return !LOOKS.contains(&program),
    }
    let words: Vec<&str> = command
        .arguments()
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with("--"))
        .collect();
    !matches!(
        words[..],
        ["pool" | "snapshot", "list", ..]
            | ["peer", "status"]
            | ["volume", "list" | "info" | "status" | "get", ..]
            | ["volume", "heal", _, "info", ..]
            | ["volume", "rebalance", _, "status"]
    ) && words.last() != Some(&"status")
}
