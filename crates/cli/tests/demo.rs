//! The demo as a newcomer runs it: whole, interrupted, and removed without a trace. Needs root, as the demo does.

mod left;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use crate::transcript::mortar;
use left::Footprint;

const STEPS: usize = 9;

/// A demo in folders of its own, removed when the test ends, also when it panics.
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    name: &'static str,
}

impl Ground {
    fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, name }
    }

    /// The program with this ground's folders.
    fn mortar(&self, words: &[&str]) -> Command {
        let mut command = mortar();
        command
            .args(words)
            .env("MORTAR_LAB_ROOT", self.labs())
            .env("MORTAR_DEMO_ROOT", self.state())
            .env("MORTAR_LAB", self.name);
        command
    }

    fn demo(&self) -> Command {
        self.mortar(&["demo", "--name", self.name])
    }

    fn down(&self) -> Output {
        self.demo().arg("--down").output().unwrap()
    }

    fn labs(&self) -> PathBuf {
        self.folder.path().join("labs")
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn place(&self) -> PathBuf {
        self.state().join(self.name)
    }

    /// Nothing is left in any folder of this ground.
    fn assert_empty(&self) {
        let left: Vec<_> = std::fs::read_dir(self.folder.path()).unwrap().flatten().collect();
        assert!(left.is_empty(), "files are left: {left:?}");
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let output = self.down();
        if !output.status.success() && !std::thread::panicking() {
            panic!("the demo was not removed: {}", text(&output.stderr));
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The output of a program that must succeed and complain of nothing.
fn success(output: &Output) -> String {
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// All steps were told in order, each with its time, and the facts that the demo is about are among them.
fn assert_whole(told: &str) {
    let mut rest = told;
    for step in 1..=STEPS {
        let title = format!("\n[{step}/{STEPS}] ");
        let (_, after) = rest
            .split_once(title.trim_start_matches(if step == 1 { "\n" } else { "" }))
            .unwrap_or_else(|| panic!("step {step} is missing:\n{told}"));
        let end = after.find("\n[").unwrap_or(after.len());
        assert!(
            after[..end].contains("✓ done in "),
            "step {step} has no time:\n{told}"
        );
        rest = after;
    }
    for fact in [
        "a request without a token was refused",
        "no write failed",
        "longest pause between two blocks: ",
        "waiting to be healed: ",
        "nothing waits to be healed",
        "so are the other 33 files there",
        "image /disks/disk1/mortar-bricks/brick_",
        "All is as recorded.",
        "claim  pvc/demo/first",
    ] {
        assert!(told.contains(fact), "{fact:?} is missing:\n{told}");
    }
    // One file, read at the second client, then at both, then on the returned brick.
    let sums: Vec<&str> = told
        .lines()
        .filter(|line| line.ends_with("…  as written"))
        .collect();
    assert_eq!(sums.len(), 5, "{told}");
    assert!(sums[1..].iter().all(|sum| *sum == sums[1]), "{told}");
    assert!(!told.contains('\r') && !told.contains('\x1b'), "{told}");
}

#[test]
fn the_whole_demo_and_nothing_left_of_it() {
    let ground = Ground::new("demo-whole");
    let told = success(&ground.demo().output().unwrap());
    assert_whole(&told);
    let footprint = Footprint::of(&ground);
    footprint.assert_is_all_there();

    // What it says to try next works as it stands.
    let export = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("export "))
        .unwrap();
    let variables: Vec<(&str, &str)> = export
        .split(' ')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let mut list = mortar();
    let list = list.args(["volume", "list"]).envs(variables.iter().copied());
    assert!(success(&list.output().unwrap()).contains(" csi_"));
    let key = variables
        .iter()
        .find(|(name, _)| *name == "MORTAR_SECRET_FILE")
        .unwrap()
        .1;
    assert_eq!(
        std::fs::metadata(key).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(success(&ground.mortar(&["lab", "status"]).output().unwrap()).contains("node3"));
    assert!(told.trim_end().ends_with(&format!(
        "demo --down --name demo-whole --state {}",
        ground.state().display()
    )));

    let gone = success(&ground.down());
    assert!(gone.contains("the server has ended"), "{gone}");
    footprint.assert_gone();
    ground.assert_empty();
    assert!(success(&ground.down()).contains("There is no demo demo-whole"));
}

#[test]
fn interrupted_made_again_and_removed_with_clients_in_use_and_no_node_left() {
    let ground = Ground::new("demo-again");
    let mut demo = ground.demo().stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let middle = lines.find(|line| {
        line.as_ref()
            .is_ok_and(|line| line.trim().starts_with("writing "))
    });
    demo.kill().unwrap();
    demo.wait().unwrap();
    assert!(middle.is_some(), "it ended before the step with the write");
    let first = Footprint::of(&ground);
    assert!(first.is_up());

    let told = success(&ground.demo().output().unwrap());
    let begin: Vec<&str> = told.lines().take(2).collect();
    assert!(
        begin[0].starts_with("[...] An earlier demo is here") && begin[1].trim() == "the server has ended",
        "{told}"
    );
    assert_whole(told.split_once("✓ done in ").unwrap().1);
    first.assert_processes_gone();

    let second = Footprint::of(&ground);
    second.assert_is_all_there();
    let mut guest = Command::new("sleep")
        .arg("600")
        .current_dir(ground.place().join("worker1/pods/writer/mount"))
        .spawn()
        .unwrap();
    for node in ["node1", "node2", "node3"] {
        success(&ground.mortar(&["lab", "kill", node]).output().unwrap());
    }
    let down = ground.down();
    guest.kill().unwrap();
    guest.wait().unwrap();
    success(&down);
    second.assert_gone();
    ground.assert_empty();
}

#[test]
fn what_stands_in_the_way_is_told_and_left_alone() {
    let ground = Ground::new("demo-not");
    std::fs::create_dir_all(ground.place()).unwrap();
    let thesis = ground.place().join("thesis");
    std::fs::write(&thesis, "years").unwrap();
    for output in [ground.demo().output().unwrap(), ground.down()] {
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{told}");
        assert!(
            told.contains("it holds files that no demo made") && told.contains("next: "),
            "{told}"
        );
    }
    assert_eq!(std::fs::read_to_string(&thesis).unwrap(), "years");
    std::fs::remove_file(&thesis).unwrap();
    let output = ground.mortar(&["demo", "--name", "../x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
