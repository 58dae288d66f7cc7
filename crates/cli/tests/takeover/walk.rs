//! The walk-through of `docs/migrate-from-heketi.md`, walked: its commands as they stand there, on a pool that Heketi made.
//!
//! Four things differ from what a person does: the server looks at the nodes every second, the machine's folders are one of the test's, the nodes are simulated (so that there are
//! no host keys to collect), and what Heketi's own program would take in the end is read and checked by what Mortar knows of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use mortar_heketi::db::{self, check::check};

use crate::laid_out;

/// The commands of the page, in its order. Whoever changes one there walks it here.
const DRY_RUN: &str = "mortar import heketi.db --dry-run";
const SERVE: &str = "mortar serve --heketi-config /etc/heketi/heketi.json";
const IMPORT: &str = "mortar import heketi.db --store /var/lib/heketi/mortar.redb";
const CHECK: &str = "mortar check";
const NOTES: &str = "mortar check --takeover";
const SHOW: &str = "mortar topology show";
const EXPORT: &str = "mortar db export --heketi --store /var/lib/heketi/mortar.redb home.json";
const HOME: &str = "heketi db import --jsonfile home.json --dbfile heketi.db";

const CONFIG: &str = r#"{"port": "0", "jwt": {"admin": {"key": "a"}, "user": {"key": "u"}},
  "glusterfs": {"executor": "ssh", "sshexec": {"keyfile": "/etc/heketi/key"}, "db": "/var/lib/heketi/heketi.db"}}"#;

/// Commands that the page shows on lines of their own or inside of a line.
fn commands(page: &str) -> Vec<String> {
    let indented = |line: &str| {
        let command = line.trim_start();
        let program = command.starts_with("mortar ") || command.starts_with("heketi ");
        (line.starts_with("    ") && program).then(|| command.to_owned())
    };
    let inline = |line: &str| -> Vec<String> {
        let parts = line.split('`').skip(1).step_by(2);
        parts
            .filter(|part| part.starts_with("mortar "))
            .map(str::to_owned)
            .collect()
    };
    page.lines()
        .flat_map(|line| indented(line).map_or_else(|| inline(line), |command| vec![command]))
        .collect()
}

/// A machine on which Heketi ran.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let kept = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../heketi/tests/databases/version-4.db"
        );
        let bytes = std::fs::read(kept).unwrap();
        for folder in ["etc", "lib", "home"] {
            std::fs::create_dir(machine.at(folder)).unwrap();
        }
        std::fs::write(machine.at("lib/heketi.db"), &bytes).unwrap();
        // The copy that the first step is made on.
        std::fs::write(machine.at("home/heketi.db"), &bytes).unwrap();
        std::fs::write(machine.at("etc/heketi.json"), machine.here(CONFIG)).unwrap();
        let world = laid_out::world(&mut db::read(&bytes).unwrap());
        std::fs::write(machine.at("nodes.json"), world.save().unwrap()).unwrap();
        machine
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A text with this machine's folders in the place of a real one's.
    fn here(&self, text: &str) -> String {
        let place = |name: &str| format!("{}/", self.at(name).display());
        text.replace("/etc/heketi/", &place("etc"))
            .replace("/var/lib/heketi/", &place("lib"))
    }

    fn typed(&self, line: &str) -> Command {
        let line = self.here(line);
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], "mortar", "{line}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_mortar"));
        command
            .args(&words[1..])
            .env_clear()
            .env("MORTAR_SECRET", "a")
            .stdin(Stdio::null())
            .current_dir(self.at("home"));
        command
    }

    fn done(&self, line: &str) -> String {
        let output = self.typed(line).output().unwrap();
        assert!(output.status.success(), "{line}: {}", both(&output));
        both(&output)
    }

    fn start(&self) -> Running {
        let address = self.at("address");
        let log = std::fs::File::create(self.at("log")).unwrap();
        let child = self
            .typed(SERVE)
            .env("MORTAR_LISTEN", "127.0.0.1:0")
            .env("MORTAR_ADDRESS_FILE", &address)
            .env("MORTAR_EXECUTOR", "sim")
            .env("MORTAR_SIM_STATE", self.at("nodes.json"))
            // Nobody waits ten minutes for the second of the server's own checks.
            .env("MORTAR_CHECK_INTERVAL", "1")
            .stderr(log)
            .spawn()
            .unwrap();
        let mut running = Running {
            child,
            url: String::new(),
        };
        running.url = format!("http://{}", wait_for(|| std::fs::read_to_string(&address)).trim());
        running
    }
}

struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn asked(&self, machine: &Machine, line: &str) -> Output {
        machine
            .typed(line)
            .env("MORTAR_SERVER", &self.url)
            .output()
            .unwrap()
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn both(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

fn wait_for<T, W: std::fmt::Display>(mut look: impl FnMut() -> Result<T, W>) -> T {
    let began = Instant::now();
    loop {
        match look() {
            Ok(seen) => return seen,
            Err(why) if began.elapsed() > Duration::from_secs(30) => panic!("waited too long: {why}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn the_page_shows_what_is_walked() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/migrate-from-heketi.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(
        commands(&page),
        [DRY_RUN, SERVE, IMPORT, CHECK, NOTES, SHOW, EXPORT, HOME]
    );
}

#[test]
fn the_way_over_and_the_way_home() {
    let machine = Machine::new();
    let original = std::fs::read(machine.at("lib/heketi.db")).unwrap();
    let wanted = db::read(&original).unwrap();
    let listed = machine.done(DRY_RUN);
    assert!(
        listed.contains(&format!("{} volumes", wanted.volumes.len())),
        "{listed}"
    );
    assert!(!machine.at("lib/mortar.redb").exists());

    let server = machine.start();
    wait_for(|| {
        let checked = server.asked(&machine, CHECK);
        let found = !checked.status.success();
        if found { Err(both(&checked)) } else { Ok(()) }
    });
    let notes = server.asked(&machine, NOTES);
    assert!(
        notes.status.success() && both(&notes).contains("all of it went over just as it was"),
        "{}",
        both(&notes)
    );
    let shown = both(&server.asked(&machine, SHOW));
    for volume in wanted.volumes.values() {
        assert!(shown.contains(&volume.info.name), "{shown}");
    }
    let made = server.asked(&machine, "mortar volume create --size 1 --name fresh");
    assert!(made.status.success(), "{}", both(&made));
    server.stop();

    machine.done(EXPORT);
    let home = db::read(&std::fs::read(machine.at("home/home.json")).unwrap()).unwrap();
    let faults: Vec<String> = check(&home).faults().map(str::to_owned).collect();
    assert_eq!(faults, Vec::<String>::new());
    assert!(home.volumes.values().any(|volume| volume.info.name == "fresh"));
    for (id, brick) in &wanted.bricks {
        assert_eq!(home.bricks[id].info.path, brick.info.path);
    }
    assert_eq!(std::fs::read(machine.at("lib/heketi.db")).unwrap(), original);
}

/// The other way that the page offers: the store first, the server after.
#[test]
fn a_store_that_was_made_before_is_what_the_server_starts_on() {
    let machine = Machine::new();
    machine.done(IMPORT);
    assert!(machine.at("lib/mortar.redb").exists());
    let server = machine.start();
    let shown = both(&server.asked(&machine, SHOW));
    let wanted = db::read(&std::fs::read(machine.at("lib/heketi.db")).unwrap()).unwrap();
    for volume in wanted.volumes.values() {
        assert!(shown.contains(&volume.info.name), "{shown}");
    }
    let log = std::fs::read_to_string(machine.at("log")).unwrap();
    assert!(!log.contains("is taken over, and left as it is"), "{log}");
}
