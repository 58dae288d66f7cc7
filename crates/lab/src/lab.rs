//! The door of this room: a lab that is up.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use crate::build::build;
use crate::clean;
use crate::client;
use crate::error::{Attempt as _, LabError};
use crate::holder;
use crate::keys;
use crate::network::Links;
use crate::node::{self, Bricks, Site};
use crate::pool;
use crate::preflight::{self, OpenSsh};
use crate::process::Identity;
use crate::run::{finish, silent};
use crate::spec::{self, LabSpec};
use crate::state::{Folder, Lock, Node, Phase, Record};
use crate::status::{self, LabStatus};
use crate::topology;
use crate::tree;

/// Told, line by line, what is being done.
pub type Progress<'a> = &'a mut dyn FnMut(&str);

/// A lab that is up: a handle on its folder. Dropping it leaves the lab as it is.
#[derive(Clone, Debug)]
pub struct Lab {
    folder: Folder,
    record: Record,
    links: Links,
}

impl Lab {
    /// Looks whether this machine can carry a lab, and makes nothing.
    ///
    /// # Errors
    /// The caller is not root, or a program or a part of the kernel is missing.
    pub fn check() -> Result<(), LabError> {
        preflight::check()
    }

    /// Looks whether the caller may make and remove labs.
    ///
    /// # Errors
    /// [`LabError::NotRoot`].
    pub fn check_root() -> Result<(), LabError> {
        preflight::check_root()
    }

    /// Makes a lab. What an interrupted run of the same name left is removed first; when this one fails, what it
    /// made is removed again.
    ///
    /// # Errors
    /// [`LabError::AlreadyUp`] when a lab of this name is up since the machine was started; else what stood in
    /// the way.
    pub fn up(spec: LabSpec, progress: Progress<'_>) -> Result<Self, LabError> {
        spec.check()?;
        preflight::check()?;
        preflight::check_devices(spec.devices)?;
        let folder = Folder::new(&spec.state_root, &spec.name);
        let lock = Lock::take(&folder)?;
        if let Some(record) = Record::load(&folder)
            && record.current()?
        {
            return Err(LabError::AlreadyUp { name: spec.name });
        }
        if clean::everything(&folder)? {
            progress(&format!("removed what was left of an earlier lab {}", spec.name));
        }
        let built = build(&folder, spec, progress).map(|(record, links)| Self {
            folder: folder.clone(),
            record,
            links,
        });
        let Err(first) = built else { return built };
        if let Err(second) = clean::everything(&folder).and_then(|_| lock.remove()) {
            return Err(LabError::AndCleaning {
                first: Box::new(first),
                second: Box::new(second),
            });
        }
        Err(first)
    }

    /// The lab of this name below `state_root`.
    ///
    /// # Errors
    /// [`LabError::NotUp`] when there is none, [`LabError::Stale`] when it is from before the machine was last
    /// started or was never finished.
    pub fn open(state_root: &Path, name: &str) -> Result<Self, LabError> {
        spec::check_name(name)?;
        preflight::check_root()?;
        let folder = Folder::new(state_root, name);
        let stale = |what| LabError::Stale {
            name: name.to_owned(),
            what,
        };
        let record = match Record::load(&folder) {
            Some(record) => record,
            None if folder.path().exists() => {
                return Err(stale("was never finished, or its record is damaged"));
            }
            None => {
                return Err(LabError::NotUp {
                    name: name.to_owned(),
                    root: state_root.to_owned(),
                });
            }
        };
        if record.phase != Phase::Ready {
            return Err(stale("was never finished"));
        }
        if !record.current()? {
            return Err(stale("did not outlive the last start of this machine"));
        }
        let links = Links::of(&folder.path());
        Ok(Self {
            folder,
            record,
            links,
        })
    }

    /// Removes the lab of this name, whatever state it is in: processes, mounts, loop devices, namespaces, links
    /// and files. False when there was nothing of it.
    ///
    /// # Errors
    /// What stood in the way; calling it again goes on from there.
    pub fn down(state_root: &Path, name: &str) -> Result<bool, LabError> {
        spec::check_name(name)?;
        spec::check_root(state_root)?;
        preflight::check_root()?;
        let folder = Folder::new(state_root, name);
        let lock = Lock::take(&folder)?;
        let found = clean::everything(&folder)?;
        lock.remove()?;
        Ok(found)
    }

    /// Names of the labs below `state_root`, also of unfinished ones, sorted.
    ///
    /// # Errors
    /// When the folder is there but cannot be read.
    pub fn list(state_root: &Path) -> Result<Vec<String>, LabError> {
        if !state_root.exists() {
            return Ok(Vec::new());
        }
        let entries =
            std::fs::read_dir(state_root).attempt(|| format!("listing {}", state_root.display()))?;
        let folders = entries.flatten().filter(|entry| entry.path().is_dir());
        let mut names: Vec<String> = folders
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.retain(|name| spec::check_name(name).is_ok());
        names.sort();
        Ok(names)
    }

    /// What was asked for.
    pub fn spec(&self) -> &LabSpec {
        &self.record.spec
    }

    /// The lab's name.
    pub fn name(&self) -> &str {
        self.folder.name()
    }

    /// The folder that holds all of the lab.
    pub fn folder(&self) -> PathBuf {
        self.folder.path()
    }

    /// The nodes, running or not.
    pub fn nodes(&self) -> Vec<Node> {
        self.record.nodes()
    }

    /// This machine's address on the lab's bridge: what the nodes see Mortar and clients come from.
    pub fn host_address(&self) -> Ipv4Addr {
        self.record.subnet.host()
    }

    /// Private key that opens every node to ssh as root.
    pub fn ssh_key(&self) -> PathBuf {
        keys::private_key(&self.folder)
    }

    /// Host keys of all nodes, as a `known_hosts` file.
    pub fn known_hosts(&self) -> PathBuf {
        keys::known_hosts(&self.folder)
    }

    /// The file, inside each node, in which Mortar is to keep the mount entries of bricks. A node that starts
    /// mounts what it lists.
    pub fn fstab(&self) -> &'static str {
        tree::FSTAB
    }

    /// The lab as a topology file of Heketi's form.
    pub fn topology_json(&self) -> String {
        format!("{:#}\n", topology::of(&self.record, &self.links))
    }

    /// Path, inside a node, of its disk of this number (from 1).
    ///
    /// # Errors
    /// [`LabError::NoSuchNode`].
    pub fn disk(&self, node: &str, number: u32) -> Result<String, LabError> {
        let node = self.node(node)?;
        Ok(tree::disk(&self.record, &self.links, &node, number))
    }

    /// What the lab looks like now.
    ///
    /// # Errors
    /// When this machine's mounts cannot be read.
    pub fn status(&self) -> Result<LabStatus, LabError> {
        status::of_lab(&self.folder, &self.record, &self.links)
    }

    /// A command that will run `program` inside a node as root, for the caller to give arguments and streams.
    ///
    /// # Errors
    /// [`LabError::NoSuchNode`], [`LabError::NodeDown`].
    pub fn command(&self, node: &str, program: impl AsRef<OsStr>) -> Result<Command, LabError> {
        let (_, holder) = self.running(node)?;
        let mut command = holder::enter(holder, program);
        if let Some(terminal) = std::env::var_os("TERM") {
            command.env("TERM", terminal);
        }
        Ok(command)
    }

    /// Runs a program inside a node and waits for it, with empty input, at most `limit`.
    ///
    /// # Errors
    /// As [`Lab::command`], and when the program cannot be run or the limit passes. Its own failure is no error:
    /// look at the status.
    pub fn exec<S: AsRef<OsStr>>(&self, node: &str, argv: &[S], limit: Duration) -> Result<Output, LabError> {
        let (program, arguments) = split(argv)?;
        let mut command = self.command(node, program)?;
        let attempt = format!("running {} on {node}", program.to_string_lossy());
        finish(command.args(arguments), "", &attempt, limit)
    }

    /// Runs a program inside a node on the caller's own terminal and waits for it, without a limit.
    ///
    /// # Errors
    /// As [`Lab::command`], and when the program cannot be started at all.
    pub fn exec_attached<S: AsRef<OsStr>>(&self, node: &str, argv: &[S]) -> Result<ExitStatus, LabError> {
        let (program, arguments) = split(argv)?;
        let mut command = self.command(node, program)?;
        command
            .args(arguments)
            .status()
            .attempt(|| format!("running {} on {node}", program.to_string_lossy()))
    }

    /// Starts a program inside a node and does not wait for it; it reads and writes nothing and ends with the node.
    ///
    /// # Errors
    /// As [`Lab::command`], and when the program cannot be started at all.
    pub fn spawn<S: AsRef<OsStr>>(&self, node: &str, argv: &[S]) -> Result<std::process::Child, LabError> {
        let (program, arguments) = split(argv)?;
        let mut command = self.command(node, program)?;
        silent(command.args(arguments))
            .spawn()
            .attempt(|| format!("starting {} on {node}", program.to_string_lossy()))
    }

    /// The root of a running node's file system, as a path on this machine: to put files there or read them.
    ///
    /// # Errors
    /// [`LabError::NoSuchNode`], [`LabError::NodeDown`].
    pub fn node_root(&self, node: &str) -> Result<PathBuf, LabError> {
        self.running(node).map(|(_, holder)| node::live_root(holder))
    }

    /// Cuts a node off from the network; it runs on. Already cut is fine.
    ///
    /// # Errors
    /// [`LabError::NoSuchNode`], [`LabError::NodeDown`], or what stood in the way.
    pub fn cut(&self, node: &str) -> Result<(), LabError> {
        let _lock = Lock::take(&self.folder)?;
        let (node, _) = self.running(node)?;
        self.links.set_cable(&node, false)
    }

    /// Joins a node that was cut off. Already joined is fine.
    ///
    /// # Errors
    /// As [`Lab::cut`].
    pub fn join(&self, node: &str) -> Result<(), LabError> {
        let _lock = Lock::take(&self.folder)?;
        let (node, _) = self.running(node)?;
        self.links.set_cable(&node, true)
    }

    /// Ends a node as a power cut does: all its processes at once, then its mounts and its link. What it had
    /// written stays on its disks. Already down is fine.
    ///
    /// # Errors
    /// [`LabError::NoSuchNode`], or what stood in the way.
    pub fn kill(&self, node: &str) -> Result<(), LabError> {
        let _lock = Lock::take(&self.folder)?;
        let node = self.node(node)?;
        match holder::find(&self.folder, &node) {
            Some(holder) => node::kill(&self.folder, &self.links, &node, holder),
            None => Ok(()),
        }
    }

    /// Takes from a node that is down all that it had: its disks, and what is below `/var`. Started again, it is a new machine of the same
    /// name, address and host key.
    ///
    /// # Errors
    /// [`LabError::NoSuchNode`], [`LabError::NodeRunning`], or what stood in the way.
    pub fn wipe(&self, node: &str) -> Result<(), LabError> {
        let _lock = Lock::take(&self.folder)?;
        let node = self.node(node)?;
        if holder::find(&self.folder, &node).is_some() {
            return Err(LabError::NodeRunning { node: node.name });
        }
        tree::wipe(&self.folder, &node)
    }

    /// Starts a node that was killed: its folders, its disks, the bricks of its mount entries, its daemons.
    ///
    /// # Errors
    /// [`LabError::NoSuchNode`], [`LabError::NodeRunning`], or what stood in the way. When all is well but some
    /// bricks could not be mounted, the node is up and the error says which.
    pub fn start(&self, node: &str) -> Result<(), LabError> {
        self.start_with(node, Bricks::Mounted)
    }

    /// Starts a node that was killed, but mounts none of its bricks: its disks and daemons are there, and its
    /// mount entries are as they were. So a machine comes back whose init system gave up on its mounts.
    ///
    /// # Errors
    /// [`LabError::NoSuchNode`], [`LabError::NodeRunning`], or what stood in the way.
    pub fn start_without_mounts(&self, node: &str) -> Result<(), LabError> {
        self.start_with(node, Bricks::Left)
    }

    fn start_with(&self, node: &str, bricks: Bricks) -> Result<(), LabError> {
        let _lock = Lock::take(&self.folder)?;
        let node = self.node(node)?;
        if holder::find(&self.folder, &node).is_some() {
            return Err(LabError::NodeRunning { node: node.name });
        }
        // A start that was interrupted may have left a holder that nobody wrote down, or a cable.
        for holder in holder::of_node(&self.folder, &node) {
            node::end(holder)?;
        }
        self.links.remove_cable(&node)?;
        let ssh = OpenSsh::installed()?;
        let site = Site {
            folder: &self.folder,
            record: &self.record,
            links: &self.links,
            ssh,
        };
        node::start(site, &node, bricks)
    }

    /// Mounts a volume of the lab on this machine at `dir`, which must be there. The client's log lies in the
    /// lab's folder; [`Lab::down`] unmounts what is still mounted.
    ///
    /// # Errors
    /// When every node is down, or the mount fails: the text names the log.
    pub fn mount(&self, volume: &str, dir: &Path) -> Result<(), LabError> {
        let nodes = self.nodes();
        let up: Vec<&Node> = nodes
            .iter()
            .filter(|node| holder::find(&self.folder, node).is_some())
            .collect();
        let Some((first, others)) = up.split_first() else {
            return Err(LabError::NodeDown {
                node: nodes.first().map(|node| node.name.clone()).unwrap_or_default(),
            });
        };
        client::mount(&self.folder, first, others, volume, dir)
    }

    /// Unmounts a volume of the lab from `dir` and waits until its client has ended.
    ///
    /// # Errors
    /// When it is not mounted or still in use.
    pub fn unmount(&self, dir: &Path) -> Result<(), LabError> {
        client::leave(self.record.subnet, dir)
    }

    /// Joins all nodes to one trusted pool and waits until each sees all others connected.
    ///
    /// # Errors
    /// What stood in the way.
    pub fn form_pool(&self) -> Result<(), LabError> {
        pool::form(&self.folder, &self.nodes())
    }

    fn node(&self, name: &str) -> Result<Node, LabError> {
        let nodes = self.nodes();
        let known = nodes.iter().map(|node| node.name.clone()).collect();
        nodes
            .into_iter()
            .find(|node| node.name == name)
            .ok_or_else(|| LabError::NoSuchNode {
                node: name.to_owned(),
                known,
            })
    }

    fn running(&self, name: &str) -> Result<(Node, Identity), LabError> {
        let node = self.node(name)?;
        match holder::find(&self.folder, &node) {
            Some(holder) => Ok((node, holder)),
            None => Err(LabError::NodeDown { node: node.name }),
        }
    }
}

fn split<S: AsRef<OsStr>>(argv: &[S]) -> Result<(&OsStr, &[S]), LabError> {
    argv.split_first()
        .map(|(program, rest)| (program.as_ref(), rest))
        .ok_or_else(|| {
            LabError::failed(
                "running a program on a node",
                "none was named",
                "name it after the node and \"--\"",
            )
        })
}
