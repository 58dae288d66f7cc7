//! A mount namespace in which batches run for real, and nothing of them outlives the test.
//!
//! One process holds the namespace; each batch enters it. `/var/lib` is a file system in memory there, so mount
//! points, disks, images and the file of mount entries never touch the machine. When the holder ends, for
//! whatever reason, the kernel takes the mounts and with them the loop devices.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use mortar_argv::{Batch, Report, script};
use mortar_command::{Settings, judge, judge_look, look};
use mortar_model::work::{Goal, Seen, Thing, Verdict};

const TOKEN: &str = "5fd1c2b60be3e01e5e7ad1e0b1d3f7a9";

/// The namespace.
pub(crate) struct Room {
    holder: Child,
    /// Settings whose file of mount entries is the room's.
    pub(crate) settings: Settings,
}

impl Room {
    /// Makes a room. `setup` is run in it by a shell, after `/var/lib` is empty.
    pub(crate) fn new(setup: &str) -> Self {
        let setup =
            format!("mount -t tmpfs -o size=8g room /var/lib && {{ {setup}; }} && echo ready && exec cat");
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--", "sh", "-c", &setup])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare is there (util-linux)");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line.trim() != "ready" {
            let output = holder.wait_with_output().unwrap();
            panic!(
                "this test makes real mounts: run it as root on a machine that lets root mount ({})",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let settings = Settings {
            fstab: "/var/lib/fstab".into(),
            ..Settings::default()
        };
        Self { holder, settings }
    }

    /// A command that runs in the room.
    pub(crate) fn enter(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id()))
            .args(["--wd=/", program]);
        command
    }

    /// Runs a shell command in the room and gives back what it printed.
    pub(crate) fn shell(&self, text: &str) -> String {
        let output = self.enter("sh").args(["-c", text]).output().unwrap();
        assert!(
            output.status.success(),
            "{text}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a batch as an executor does.
    pub(crate) fn run(&self, batch: &Batch) -> Report {
        let mut shell = self
            .enter("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        shell
            .stdin
            .take()
            .unwrap()
            .write_all(script::render(batch, TOKEN).as_bytes())
            .unwrap();
        let output = shell.wait_with_output().unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        script::parse(batch, TOKEN, &out, &err, true, "the shell ended")
    }

    /// What a look sees.
    pub(crate) fn look(&self, thing: &Thing) -> Seen {
        judge_look(thing, &self.run(&look(thing, &self.settings)))
    }

    /// What running `batch` came to.
    pub(crate) fn apply(&self, thing: &Thing, goal: Goal, batch: &Batch) -> Verdict {
        judge(thing, goal, &self.run(batch))
    }

    /// Runs `batch` and demands success.
    pub(crate) fn must(&self, thing: &Thing, goal: Goal, batch: &Batch) {
        let report = self.run(batch);
        let verdict = judge(thing, goal, &report);
        assert!(
            matches!(verdict, Verdict::Done(_)),
            "{verdict:?} after {report:#?}"
        );
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // The holder ends with its standard input; killing it makes sure.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The first `count` items of a batch: what a batch did that was cut there.
pub(crate) fn prefix(batch: &Batch, count: usize) -> Batch {
    batch.items().iter().take(count).fold(Batch::new(), |cut, item| {
        cut.item(item.guard.clone(), item.command.clone(), item.on_failure)
    })
}
