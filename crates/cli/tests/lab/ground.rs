//! Labs for the tests, made when first asked for and taken down when this process is gone.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use mortar_lab::{DeviceKind, Lab, LabSpec};

/// More than anything in these tests takes on a machine that is merely busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A lab and the program that waits to take it down.
pub(crate) struct Ground {
    pub(crate) lab: Lab,
    /// Holds the pipe whose end tells it that this process is gone.
    janitor: Child,
}

impl Ground {
    /// Disks of so many GiB, of which only what is written takes space.
    pub(crate) fn new(letter: char, nodes: u32, disks: u32, gib: u64) -> Self {
        let spec = LabSpec {
            nodes,
            disks,
            disk_size: gib << 30,
            devices: devices(),
            ..LabSpec::named(format!("e2e{letter}{}", std::process::id()))
        };
        let janitor = janitor(&spec);
        let lab = Lab::up(spec, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
        Self { lab, janitor }
    }
}

/// What the disks of the labs are: directories, or bare disks for LVM where `MORTAR_TEST_DEVICES` is `lvm`. The same
/// tests run on both; those that are about directories alone are in `bad_devices`.
pub(crate) fn devices() -> DeviceKind {
    match std::env::var("MORTAR_TEST_DEVICES").as_deref() {
        Err(_) | Ok("directory") => DeviceKind::Directory,
        Ok("lvm") => DeviceKind::Lvm,
        Ok(other) => panic!("MORTAR_TEST_DEVICES is directory or lvm, not {other}"),
    }
}

/// Held by those tests that have node 4 of the calm lab to themselves.
pub(crate) static NODE_4: Mutex<()> = Mutex::new(());

/// A lab whose nodes stay up. Nodes 1 to 3 are for pools that tests make, each on a disk of its own; node 4 is alone;
/// nodes 5 and 6 are a trusted pool that was made by hand.
pub(crate) fn calm() -> &'static Lab {
    static CALM: OnceLock<Ground> = OnceLock::new();
    let ground = CALM.get_or_init(|| {
        let ground = Ground::new('a', 6, 4, 10);
        let sixth = ground.lab.nodes()[5].address.to_string();
        on(
            &ground.lab,
            "node5",
            &["gluster", "--mode=script", "peer", "probe", &sixth],
        );
        until("the pool made by hand is there", || {
            on(
                &ground.lab,
                "node6",
                &["gluster", "--mode=script", "pool", "list"],
            )
            .matches("Connected")
            .count()
                == 2
        });
        ground
    });
    &ground.lab
}

/// A lab whose nodes are killed: each such test has one of its own.
pub(crate) fn stormy(letter: char) -> Ground {
    Ground::new(letter, 3, 1, 8)
}

/// Starts a node that was killed, and waits until all its peers have found it again.
pub(crate) fn start(lab: &Lab, node: &str) {
    lab.start(node).unwrap_or_else(|error| panic!("{error}"));
    let nodes = lab.nodes();
    until("the nodes see each other", || {
        nodes.iter().all(|node| {
            let members = on(lab, &node.name, &["gluster", "--mode=script", "pool", "list"]);
            members.matches("Connected").count() == nodes.len()
        })
    });
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Else the janitor would: this one is not needed any more before the others.
        drop(self.janitor.stdin.take());
        if let Err(error) = self.janitor.wait() {
            eprintln!("the lab {} may be left: {error}", self.lab.name());
        }
    }
}

/// Starts a program that waits until this process has ended and takes the lab down then. In a process group of its
/// own: what interrupts us does not interrupt it.
fn janitor(spec: &LabSpec) -> Child {
    Command::new("sh")
        .args([
            "-c",
            "cat >/dev/null; exec \"$0\" lab down --lab \"$1\" >/dev/null",
        ])
        .arg(env!("CARGO_BIN_EXE_mortar"))
        .arg(&spec.name)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Runs a program on a node that must succeed.
pub(crate) fn on(lab: &Lab, node: &str, argv: &[&str]) -> String {
    let output = lab
        .exec(node, argv, LIMIT)
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{argv:?} on {node}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Logical volumes of a device on its node, a row each with these columns of `lvs`; sizes in GiB.
pub(crate) fn volumes_on(lab: &Lab, node: &str, device: &str, columns: &str) -> Vec<Vec<String>> {
    let group = format!("vg_{device}");
    let form = ["lvs", "--noheadings", "--units", "g", "--nosuffix", "-o"];
    let said = on(lab, node, &[&form[..], &[columns, &group]].concat());
    let words = |row: &str| row.split_whitespace().map(str::to_owned).collect();
    said.lines().map(words).collect()
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
