//! Where a lab keeps what on this machine, and what it remembers of itself.
//!
//! Everything of a lab lies in one folder, `STATE_ROOT/NAME`; beside it a lock file exists while the lab does.
//! Links, holders and loop devices are found again from the folder's path alone, so a lab whose record was
//! never written, or is damaged, can still be removed.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Attempt as _, LabError};
use crate::network::Subnet;
use crate::process::Identity;
use crate::spec::LabSpec;
use crate::steps::step;

/// How long a command waits for another one that works on the same lab.
const PATIENCE: Duration = Duration::from_secs(30);

/// The paths of one lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    root: PathBuf,
    name: String,
}

impl Folder {
    pub(crate) fn new(root: &Path, name: &str) -> Self {
        Self {
            root: root.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.path().join("keys")
    }

    /// Logs of the clients that mount this lab's volumes.
    pub(crate) fn clients(&self) -> PathBuf {
        self.path().join("clients")
    }

    pub(crate) fn nodes(&self) -> PathBuf {
        self.path().join("nodes")
    }

    pub(crate) fn node(&self, node: &Node) -> PathBuf {
        self.nodes().join(&node.name)
    }

    fn record(&self) -> PathBuf {
        self.path().join("lab.json")
    }

    fn lock(&self) -> PathBuf {
        self.root.join(format!("{}.lock", self.name))
    }
}

/// A storage node of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name, also the host name inside it: `node1`, `node2`, …
    pub name: String,
    /// Its address on the lab's bridge.
    pub address: Ipv4Addr,
    /// Its failure zone, from 1.
    pub zone: u32,
    pub(crate) index: u32,
}

/// How far a lab has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    Building,
    Ready,
}

/// What a lab remembers of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) version: u32,
    pub(crate) spec: LabSpec,
    pub(crate) phase: Phase,
    /// The start of the machine that this lab belongs to: namespaces and mounts do not outlive it.
    pub(crate) boot: String,
    pub(crate) subnet: Subnet,
}

const VERSION: u32 = 1;
const ZONES: u32 = 3;

impl Record {
    pub(crate) fn new(spec: LabSpec, subnet: Subnet) -> Result<Self, LabError> {
        Ok(Self {
            version: VERSION,
            spec,
            phase: Phase::Building,
            boot: boot_id()?,
            subnet,
        })
    }

    /// The record of a lab; `None` when there is none or it does not make sense (an interrupted or foreign one).
    pub(crate) fn load(folder: &Folder) -> Option<Self> {
        read_json::<Self>(&folder.record()).filter(|record| record.version == VERSION)
    }

    pub(crate) fn save(&self, folder: &Folder) -> Result<(), LabError> {
        write_json(&folder.record(), self)
    }

    /// Whether the lab was finished, and since the machine was last started.
    pub(crate) fn current(&self) -> Result<bool, LabError> {
        Ok(self.phase == Phase::Ready && self.boot == boot_id()?)
    }

    pub(crate) fn nodes(&self) -> Vec<Node> {
        (1..=self.spec.nodes)
            .map(|index| Node {
                name: format!("node{index}"),
                address: self.subnet.node(index),
                zone: (index - 1) % ZONES + 1,
                index,
            })
            .collect()
    }
}

/// The process that holds the namespaces of a node, as written down when it was started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HolderRecord {
    pub(crate) process: Identity,
    pub(crate) boot: String,
}

pub(crate) fn boot_id() -> Result<String, LabError> {
    let path = "/proc/sys/kernel/random/boot_id";
    let text = fs::read_to_string(path).attempt(|| format!("reading {path}"))?;
    Ok(text.trim().to_owned())
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Writes a file whole or not at all.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), LabError> {
    let what = || format!("writing {}", path.display());
    step();
    let text = serde_json::to_vec_pretty(value).attempt(what)?;
    let beside = path.with_extension("json.new");
    fs::write(&beside, text).attempt(what)?;
    fs::rename(&beside, path).attempt(what)
}

pub(crate) fn make_folder(path: &Path) -> Result<(), LabError> {
    step();
    fs::create_dir_all(path).attempt(|| format!("making the folder {}", path.display()))
}

/// The right to change a lab, held by one program at a time and given back when that program ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, waiting for another program to finish.
    pub(crate) fn take(folder: &Folder) -> Result<Self, LabError> {
        let path = folder.lock();
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            make_folder(folder.root())?;
            let opened = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path);
            let file = match opened {
                // The state folder went away with the last lab in it, just now.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                other => other.attempt(|| format!("opening {}", path.display()))?,
            };
            match file.try_lock() {
                Ok(()) if same_file(&file, &path) => return Ok(Self { file, path }),
                // Locked, but removed in between by the one who had it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(10)),
                Err(TryLockError::Error(error)) => {
                    return Err(error).attempt(|| format!("locking {}", path.display()));
                }
            }
        }
        Err(LabError::Busy {
            name: folder.name().to_owned(),
            seconds: PATIENCE.as_secs(),
        })
    }

    /// Gives the lock back and removes its file, and the state folder when nothing else is in it.
    pub(crate) fn remove(self) -> Result<(), LabError> {
        fs::remove_file(&self.path).attempt(|| format!("removing {}", self.path.display()))?;
        if let Some(root) = self.path.parent() {
            // Other labs may live there; then it stays.
            let _ = fs::remove_dir(root);
        }
        drop(self.file);
        Ok(())
    }
}

fn same_file(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::{Folder, Lock, Phase, Record, boot_id};
    use crate::network::Subnet;
    use crate::spec::LabSpec;

    #[test]
    fn a_lock_is_one_at_a_time_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(&root.path().join("labs"), "a");
        let first = Lock::take(&folder).unwrap();
        let (sender, receiver) = mpsc::channel();
        let other = folder.clone();
        let waiter = thread::spawn(move || {
            let lock = Lock::take(&other).unwrap();
            sender.send(()).unwrap();
            lock.remove().unwrap();
        });
        assert!(receiver.recv_timeout(Duration::from_millis(50)).is_err());
        first.remove().unwrap();
        receiver.recv_timeout(Duration::from_secs(5)).unwrap();
        waiter.join().unwrap();
        assert!(!folder.root().exists());
    }

    #[test]
    fn a_record_is_current_only_when_ready_since_this_start_of_the_machine() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path(), "a");
        std::fs::create_dir(folder.path()).unwrap();
        assert_eq!(Record::load(&folder), None);
        let mut record = Record::new(LabSpec::named("a"), Subnet::new(10, 177, 3)).unwrap();
        record.save(&folder).unwrap();
        assert!(!Record::load(&folder).unwrap().current().unwrap());
        record.phase = Phase::Ready;
        assert!(record.current().unwrap());
        record.boot = "another".to_owned();
        assert!(!record.current().unwrap());
        assert_ne!(boot_id().unwrap(), "another");
        std::fs::write(folder.path().join("lab.json"), "{\"version\": 1, ").unwrap();
        assert_eq!(Record::load(&folder), None);
    }

    #[test]
    fn nodes_have_names_addresses_and_zones() {
        let spec = LabSpec {
            nodes: 4,
            ..LabSpec::named("a")
        };
        let nodes = Record::new(spec, Subnet::new(10, 177, 3)).unwrap().nodes();
        assert_eq!(nodes[3].name, "node4");
        assert_eq!(nodes[3].address.to_string(), "10.177.3.14");
        assert_eq!(
            nodes.iter().map(|node| node.zone).collect::<Vec<_>>(),
            [1, 2, 3, 1]
        );
    }
}
