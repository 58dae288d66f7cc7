//! What the tests of the lab share: a lab that is always taken down, and a proof that nothing of it is left.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use mortar_lab::{Lab, LabSpec};
use tempfile::TempDir;

/// More than anything in these tests takes on a machine that is merely busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A state folder of its own, whose lab goes when the test ends, also when it panics.
pub(crate) struct Ground {
    pub(crate) root: PathBuf,
    name: String,
    _folder: TempDir,
}

impl Ground {
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            root: folder.path().join("labs"),
            name: name.to_owned(),
            _folder: folder,
        }
    }

    pub(crate) fn spec(&self) -> LabSpec {
        LabSpec {
            nodes: 2,
            disk_size: 2 << 30,
            state_root: self.root.clone(),
            ..LabSpec::named(self.name.as_str())
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    pub(crate) fn up(&self, spec: LabSpec) -> Lab {
        Lab::up(spec, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn down(&self) -> bool {
        Lab::down(&self.root, &self.name).unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Err(error) = Lab::down(&self.root, &self.name) {
            eprintln!("the lab {} was not removed: {error}", self.name);
        }
    }
}

/// What a lab has on this machine, by what cannot be taken for another's.
#[derive(Debug)]
pub(crate) struct Footprint {
    folder: PathBuf,
    bridge: String,
    processes: BTreeSet<(i32, String)>,
    loops: BTreeSet<String>,
}

impl Footprint {
    pub(crate) fn of(lab: &Lab) -> Self {
        let status = lab.status().unwrap();
        let holders = status.nodes.iter().filter_map(|node| node.holder);
        let spaces: BTreeSet<u64> = holders.flat_map(namespaces).collect();
        let inside = |pid: &i32| namespaces(*pid).any(|space| spaces.contains(&space));
        let processes = processes()
            .into_iter()
            .filter(inside)
            .filter_map(identity)
            .collect();
        Self {
            folder: status.folder.clone(),
            bridge: status.bridge,
            processes,
            loops: loops_of(&status.folder),
        }
    }

    /// Number of loop devices on the lab's images.
    pub(crate) fn loops(&self) -> usize {
        self.loops.len()
    }

    pub(crate) fn assert_gone(&self) {
        assert!(!self.folder.exists(), "files are left");
        let lock = self.folder.with_extension("lock");
        assert!(!lock.exists(), "{} is left", lock.display());
        assert_no_links(&self.bridge);
        let running: BTreeSet<_> = processes().into_iter().filter_map(identity).collect();
        let left: Vec<_> = self.processes.intersection(&running).collect();
        assert!(left.is_empty(), "processes are left: {left:?}");
        let left: Vec<_> = self.loops.intersection(&loop_lines()).cloned().collect();
        assert!(left.is_empty(), "loop devices are left: {left:?}");
        assert_no_mounts(&self.folder);
    }
}

/// No process of this machine sees a mount of this folder, and none was started for a node of it.
pub(crate) fn assert_no_mounts(folder: &Path) {
    let folder = folder.to_str().unwrap();
    for pid in processes() {
        let table = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        assert!(!table.contains(folder), "process {pid} has mounts of {folder}");
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let text = String::from_utf8_lossy(&environment);
        assert!(
            !text.contains(&format!("MORTAR_LAB_NODE={folder}")),
            "process {pid} holds a node of {folder}"
        );
    }
}

pub(crate) fn assert_no_links(bridge: &str) {
    let links: Vec<String> = names("/sys/class/net")
        .filter(|name| name.starts_with(bridge))
        .collect();
    assert!(links.is_empty(), "links are left: {links:?}");
}

/// Running processes; one that has ended and only waits to be noticed by its parent is not one.
fn processes() -> Vec<i32> {
    let running = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
    };
    names("/proc")
        .filter_map(|name| name.parse().ok())
        .filter(running)
        .collect()
}

/// A process by its id and the time it started; numbers of ids and of namespaces alone are used again.
fn identity(pid: i32) -> Option<(i32, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some((pid, fields.split_ascii_whitespace().nth(19)?.to_owned()))
}

fn namespaces(pid: i32) -> impl Iterator<Item = u64> {
    ["net", "mnt", "pid"]
        .into_iter()
        .filter_map(move |kind| Some(fs::metadata(format!("/proc/{pid}/ns/{kind}")).ok()?.ino()))
}

fn names(folder: &str) -> impl Iterator<Item = String> {
    fs::read_dir(folder)
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
}

/// Loop devices with the file they are on: those on a lab's images, and those on files in these. Known by inode
/// and device: a path of another mount namespace may read as anything.
fn loops_of(folder: &Path) -> BTreeSet<String> {
    let all = loop_lines();
    let on = |line: &String, inode: &str, device: &str| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        (inode.is_empty() || columns.next() == Some(inode))
            && line.split_ascii_whitespace().nth(2) == Some(device)
    };
    let mut own = BTreeSet::new();
    for image in images(folder) {
        let metadata = fs::metadata(image).unwrap();
        let (inode, device) = (metadata.ino().to_string(), metadata.dev());
        let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        own.extend(all.iter().filter(|line| on(line, &inode, &device)).cloned());
    }
    let numbers = own
        .iter()
        .filter_map(|line| line.split_ascii_whitespace().next()?.strip_prefix("/dev/loop"));
    let devices: Vec<String> = numbers.map(|number| format!("7:{number}")).collect();
    own.extend(
        all.iter()
            .filter(|line| devices.iter().any(|device| on(line, "", device)))
            .cloned(),
    );
    own
}

fn images(folder: &Path) -> Vec<PathBuf> {
    let files = |folder: PathBuf| {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    files(folder.join("nodes"))
        .flat_map(|node| files(node.join("disks")))
        .collect()
}

fn loop_lines() -> BTreeSet<String> {
    let output = run(Command::new("losetup").args([
        "--list",
        "--noheadings",
        "--raw",
        "--output",
        "NAME,BACK-INO,BACK-MAJ:MIN,BACK-FILE",
    ]));
    // Raw output writes the blanks that pad a column as codes.
    output.lines().map(|line| line.replace("\\x20", "")).collect()
}

/// Runs a program of this machine that must succeed, and gives its output.
pub(crate) fn run(command: &mut Command) -> String {
    text(&command.output().unwrap())
}

/// Runs a program on a node that must succeed, and gives its output.
pub(crate) fn on(lab: &Lab, node: &str, argv: &[&str]) -> String {
    text(
        &lab.exec(node, argv, LIMIT)
            .unwrap_or_else(|error| panic!("{error}")),
    )
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
