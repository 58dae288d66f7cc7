//! What a demo has on this machine, known by what is never used again, and the proof that it is gone.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Ground, success};

/// The parts of a demo that is up.
#[derive(Debug)]
pub(super) struct Footprint {
    folder: String,
    bridge: String,
    loops: BTreeSet<String>,
    /// All in the nodes' namespaces, and those that mention the demo's folders: server and clients. Known by id and
    /// start time: ids, and numbers of namespaces, are used again at once.
    processes: BTreeSet<(String, String)>,
    mounts: usize,
}

impl Footprint {
    /// Of a demo whose lab is up.
    pub(super) fn of(ground: &Ground) -> Self {
        let status = success(&ground.mortar(&["lab", "status", "--json"]).output().unwrap());
        let status: Value = serde_json::from_str(&status).unwrap();
        let nodes = status["nodes"].as_array().unwrap().iter();
        let namespaces = nodes.flat_map(|node| node["namespaces"].as_array().unwrap().clone());
        let own: BTreeSet<String> = namespaces_of("self").collect();
        let spaces: BTreeSet<String> = namespaces
            .map(|name| name.as_str().unwrap().to_owned())
            .filter(|name| !own.contains(name))
            .collect();
        let inside = processes().filter(|pid| namespaces_of(pid).any(|name| spaces.contains(&name)));
        let folder = ground.folder.path().to_str().unwrap().to_owned();
        Self {
            bridge: status["bridge"].as_str().unwrap().to_owned(),
            loops: loops_on(&ground.labs()),
            processes: inside.map(identity).chain(mentioning(&folder)).collect(),
            mounts: mounts(&folder),
            folder,
        }
    }

    /// So that the proof below cannot succeed by having looked at nothing.
    pub(super) fn assert_is_all_there(&self) {
        assert!(links(&self.bridge) >= 4, "{self:?}");
        // A disk of each node, and a brick's image in it.
        assert_eq!(self.loops.len(), 6, "{self:?}");
        // Three nodes with glusterd, sshd, brick and self-heal daemon each, a server, two node plug-ins with a client each.
        assert!(self.processes.len() >= 3 * 5 + 5, "{self:?}");
        // A client's mount and a pod's on each of two machines.
        assert_eq!(self.mounts, 4, "{self:?}");
    }

    /// A server, two node plug-ins with their clients and most of the nodes: the demo may be about to kill one.
    pub(super) fn is_up(&self) -> bool {
        self.mounts == 4 && self.processes.len() >= 2 * 5 + 5
    }

    /// None of its processes runs any more; another demo may be up in its place.
    pub(super) fn assert_processes_gone(&self) {
        let running = processes().map(identity).collect();
        let left: Vec<_> = self.processes.intersection(&running).collect();
        assert!(left.is_empty(), "processes are left: {left:?}");
    }

    /// Nothing of it is on this machine any more.
    pub(super) fn assert_gone(&self) {
        self.assert_processes_gone();
        let left = mentioning(&self.folder);
        assert!(left.is_empty(), "processes are left: {left:?}");
        let left: Vec<_> = self.loops.intersection(&loop_lines()).cloned().collect();
        assert!(left.is_empty(), "loop devices are left: {left:?}");
        assert_eq!(links(&self.bridge), 0, "links are left");
        assert_eq!(mounts(&self.folder), 0, "mounts are left");
    }
}

/// Running processes; one that has ended and only waits to be noticed by its parent is not one.
fn processes() -> impl Iterator<Item = String> {
    let running = |pid: &String| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
    };
    names("/proc")
        .into_iter()
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()))
        .filter(running)
}

fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

fn namespaces_of(pid: &str) -> impl Iterator<Item = String> {
    ["net", "mnt", "pid", "uts"].into_iter().filter_map(move |kind| {
        let target = fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok()?;
        Some(target.to_str()?.to_owned())
    })
}

/// Processes with the folder in their arguments or in their environment, but for this one.
fn mentioning(folder: &str) -> BTreeSet<(String, String)> {
    let own = std::process::id().to_string();
    let has = |pid: &String, file: &str| {
        let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).contains(folder)
    };
    processes()
        .filter(|pid| *pid != own && (has(pid, "cmdline") || has(pid, "environ")))
        .map(identity)
        .collect()
}

/// A process by its id and the time it started.
fn identity(pid: String) -> (String, String) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let started = after_name.split_ascii_whitespace().nth(19).unwrap_or_default();
    (pid, started.to_owned())
}

fn mounts(folder: &str) -> usize {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    table.lines().filter(|line| line.contains(folder)).count()
}

fn links(bridge: &str) -> usize {
    names("/sys/class/net")
        .iter()
        .filter(|name| name.starts_with(bridge))
        .count()
}

/// Loop devices on the disk images of the labs in a folder, and those on files in these. Known by the inode and
/// the device of what they are on: a path of another mount namespace may read as anything.
fn loops_on(labs: &Path) -> BTreeSet<String> {
    let all = loop_lines();
    let column = |line: &str, number: usize| line.split(' ').nth(number).unwrap_or_default().to_owned();
    let images: BTreeSet<(String, String)> = images(labs)
        .iter()
        .map(|image| fs::metadata(image).unwrap())
        .map(|metadata| (metadata.ino().to_string(), device(metadata.dev())))
        .collect();
    let mut own: BTreeSet<String> = all
        .iter()
        .filter(|line| images.contains(&(column(line, 1), column(line, 2))))
        .cloned()
        .collect();
    let outer: Vec<String> = own
        .iter()
        .map(|line| column(line, 0).replace("/dev/loop", "7:"))
        .collect();
    own.extend(
        all.iter()
            .filter(|line| outer.contains(&column(line, 2)))
            .cloned(),
    );
    own
}

/// `MAJOR:MINOR` of a device number, in the way of the C library.
fn device(number: u64) -> String {
    let major = ((number >> 8) & 0xfff) | ((number >> 32) & 0xffff_f000);
    let minor = (number & 0xff) | ((number >> 12) & 0xffff_ff00);
    format!("{major}:{minor}")
}

fn images(labs: &Path) -> Vec<PathBuf> {
    let inside = |folder: PathBuf| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let nodes = inside(labs.to_owned())
        .into_iter()
        .flat_map(|lab| inside(lab.join("nodes")));
    nodes.flat_map(|node| inside(node.join("disks"))).collect()
}

/// `NAME INODE DEVICE FILE` of every loop device in use. Inodes and numbers are used again, the names of bricks and
/// of a test's folder are not.
fn loop_lines() -> BTreeSet<String> {
    let mut command = Command::new("losetup");
    let columns = "NAME,BACK-INO,BACK-MAJ:MIN,BACK-FILE";
    let output = command
        .args(["--list", "--noheadings", "--raw", "--output", columns])
        .output()
        .unwrap();
    let line = |line: &str| {
        // Raw output writes blanks as codes: those that pad a column, and the one before the mark of a removed file.
        let line = line.replace("\\x20", "").replace("(deleted)", "");
        match line.split_once("/mortar-bricks/") {
            // The path before it is another mount namespace's.
            Some((front, name)) => {
                let columns: Vec<&str> = front.split(' ').take(3).collect();
                format!("{} {name}", columns.join(" "))
            }
            None => line,
        }
    };
    success(&output).lines().map(line).collect()
}
