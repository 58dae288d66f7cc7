//! The one process that holds a node's namespaces.
//!
//! A node's network, mount, UTS and process namespaces all live as long as one `sleep`, the first process of the
//! node's process namespace. Chosen over namespace files under `/run/netns` and the like because ending it is a
//! whole power cut in one step: the kernel ends every process of the node with it, whoever started it, and then
//! drops the node's mounts, loop devices and network link. Nothing has to be listed, and nothing can be left.
//!
//! The holder ignores the ends of its children, so the kernel clears away daemons that were left to it: glusterd
//! tells a living brick from a dead one by its process id, and a zombie would look alive.

use std::path::Path;
use std::process::Command;

use crate::error::{Attempt as _, LabError};
use crate::process::{self, Identity};
use crate::run::{program, run};
use crate::state::{Folder, HolderRecord, Node, boot_id, read_json, write_json};

/// In the holder's environment: the folder of its node. So a holder whose record was never written is found.
const VARIABLE: &str = "MORTAR_LAB_NODE";

/// Runs in the new namespaces, outside of the new process namespace; its first child is the first process in it.
/// Also keeps ports of outgoing connections clear of those that GlusterFS gives to bricks (49152 and up).
const BEGIN: &str = "\
set -e
printf '%s\\n' \"$1\" >/proc/sys/kernel/hostname
echo 32768 49151 >/proc/sys/net/ipv4/ip_local_port_range
env --ignore-signal=CHLD setsid sleep infinity </dev/null >/dev/null 2>&1 &
echo $!
";

/// Starts the holder of a node and writes it down.
pub(crate) fn start(folder: &Folder, node: &Node) -> Result<Identity, LabError> {
    let attempt = format!("making the namespaces of {}", node.name);
    let mut command = program("unshare");
    command.args(["--net", "--mount", "--uts", "--pid", "--propagation", "private"]);
    command
        .args(["--", "sh", "-c", BEGIN, "sh", &node.name])
        .env(VARIABLE, folder.node(node));
    let output = run(&mut command, &attempt)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let process = text.trim().parse().ok().and_then(Identity::of).ok_or_else(|| {
        LabError::failed(
            &attempt,
            "their holder ended at once",
            "see whether the machine is out of memory",
        )
    })?;
    write_json(
        &record(folder, node),
        &HolderRecord {
            process,
            boot: boot_id()?,
        },
    )?;
    Ok(process)
}

/// The holder of a node, when the node runs.
pub(crate) fn find(folder: &Folder, node: &Node) -> Option<Identity> {
    let record: HolderRecord = read_json(&record(folder, node))?;
    let current = boot_id().is_ok_and(|boot| boot == record.boot);
    (current && record.process.alive()).then_some(record.process)
}

/// Forgets the holder of a node that was ended.
pub(crate) fn forget(folder: &Folder, node: &Node) -> Result<(), LabError> {
    let path = record(folder, node);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).attempt(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// All holders of the lab that lives in `folder`, written down or not.
pub(crate) fn all(folder: &Folder) -> Vec<Identity> {
    below(&folder.nodes())
}

/// All holders of one node, written down or not.
pub(crate) fn of_node(folder: &Folder, node: &Node) -> Vec<Identity> {
    below(&folder.node(node))
}

fn below(path: &Path) -> Vec<Identity> {
    let ours =
        |pid: &i32| process::variable(*pid, VARIABLE).is_some_and(|node| Path::new(&node).starts_with(path));
    process::all()
        .into_iter()
        .filter(ours)
        .filter_map(Identity::of)
        .collect()
}

/// A command that runs inside a node.
pub(crate) fn enter(holder: Identity, name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = program("nsenter");
    command
        .args([
            "--target",
            &holder.pid.to_string(),
            "--mount",
            "--uts",
            "--net",
            "--pid",
            "--",
        ])
        .arg(name);
    command
}

fn record(folder: &Folder, node: &Node) -> std::path::PathBuf {
    folder.node(node).join("holder.json")
}
