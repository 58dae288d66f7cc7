//! A node's life: started from its folder, ended like a machine that loses power.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::error::LabError;
use crate::holder::{self, enter};
use crate::keys;
use crate::loops;
use crate::lvm;
use crate::network::Links;
use crate::preflight::OpenSsh;
use crate::process::{self, Identity};
use crate::run::{LIMIT, complaint, finish, run, wait_until};
use crate::spec::DeviceKind;
use crate::state::{Folder, Node, Record};
use crate::tree;

const SSH_PORT: u16 = 22;
/// How long daemons may take to answer: a glusterd with many volumes needs several seconds.
const READY: Duration = Duration::from_secs(60);
/// Folders that programs expect in `/run`, which is empty after a start.
const RUN_FOLDERS: [&str; 3] = ["/run/gluster", "/run/lock", "/run/sshd"];

/// What all work on the nodes of one lab needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) record: &'a Record,
    pub(crate) links: &'a Links,
    pub(crate) ssh: OpenSsh,
}

/// What a node that starts does with the bricks of its mount entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bricks {
    /// Mounts them before its daemons start, as an init system does.
    Mounted,
    /// Leaves them as they are, as a machine does whose disks came too late.
    Left,
}

/// Starts a node: namespaces, cable, file system, bricks of its mount entries, daemons; waits until they answer.
///
/// # Errors
/// When only some bricks could not be mounted, the node is up all the same, and the error says so.
pub(crate) fn start(site: Site<'_>, node: &Node, bricks: Bricks) -> Result<(), LabError> {
    let bare = site.record.spec.devices == DeviceKind::Lvm;
    tree::prepare(site.folder, site.record, site.links, node)?;
    keys::prepare_node(site.folder, node, site.ssh)?;
    if bare {
        lvm::attach(site.folder, site.record, site.links, node)?;
    }
    let holder = holder::start(site.folder, node)?;
    site.links.connect(node, holder)?;
    build_file_system(site.folder, node, holder)?;
    if bare {
        lvm::activate(node, holder)?;
    }
    let mounted = match bricks {
        Bricks::Mounted => mount_bricks(node, holder),
        Bricks::Left => Ok(()),
    };
    start_daemons(site.folder, node, holder)?;
    mounted
}

fn build_file_system(folder: &Folder, node: &Node, holder: Identity) -> Result<(), LabError> {
    let root = tree::root(folder, node);
    let attempt = format!("mounting the file systems of {}", node.name);
    run(
        enter(holder, "mount")
            .args(["--all", "--fstab"])
            .arg(tree::mount_table(folder, node)),
        &attempt,
    )?;
    let old = root.join(tree::OLD_ROOT.trim_start_matches('/'));
    run(enter(holder, "pivot_root").arg(&root).arg(old), &attempt)?;
    run(enter(holder, "umount").args(["--lazy", tree::OLD_ROOT]), &attempt)?;
    run(enter(holder, "mkdir").args(RUN_FOLDERS), &attempt)?;
    Ok(())
}

/// Mounts what Mortar wrote down for this node. One bad entry does not stop the others.
fn mount_bricks(node: &Node, holder: Identity) -> Result<(), LabError> {
    let attempt = format!("mounting the bricks of {}", node.name);
    let output = finish(
        enter(holder, "mount").args(["--all", "--fstab", tree::FSTAB]),
        "",
        &attempt,
        READY,
    )?;
    if output.status.success() {
        return Ok(());
    }
    Err(LabError::failed(
        attempt,
        format!(
            "the node is up, but not all entries of its {} could be mounted: {}",
            tree::FSTAB,
            complaint(&output)
        ),
        "mend or remove those entries inside the node",
    ))
}

fn start_daemons(folder: &Folder, node: &Node, holder: Identity) -> Result<(), LabError> {
    let attempt = format!("starting sshd on {}", node.name);
    run(
        enter(holder, "/usr/sbin/sshd").args(["-f", keys::CONFIG]),
        &attempt,
    )?;
    let attempt = format!("starting glusterd on {}", node.name);
    run(
        enter(holder, "glusterd").args(["-p", "/run/glusterd.pid"]),
        &attempt,
    )
    .map_err(|error| with_log(&error, folder, node))?;
    wait_until(
        &format!("waiting for sshd on {}", node.name),
        READY,
        "see whether a firewall drops the lab's packets",
        || Ok(greeting(node)),
    )?;
    wait_until(&attempt, READY, "see its log", || {
        let output = finish(
            enter(holder, "gluster").args(["--mode=script", "pool", "list"]),
            "",
            &attempt,
            LIMIT,
        )?;
        Ok(if output.status.success() {
            Ok(())
        } else {
            Err(complaint(&output))
        })
    })
    .map_err(|error| with_log(&error, folder, node))
}

/// Connects to a node's ssh daemon from this machine, the way its users do.
fn greeting(node: &Node) -> Result<(), String> {
    let address = SocketAddr::from((node.address, SSH_PORT));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))
        .map_err(|error| format!("{address} cannot be reached: {error}"))?;
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .map_err(|error| error.to_string())?;
    let mut begin = [0; 4];
    match stream.read_exact(&mut begin) {
        Ok(()) if begin == *b"SSH-" => Ok(()),
        Ok(()) => Err(format!("something else than ssh answers at {address}")),
        Err(error) => Err(format!("{address} does not answer: {error}")),
    }
}

/// Adds the end of glusterd's log to an error: the lab, and the log with it, may be removed next.
fn with_log(error: &LabError, folder: &Folder, node: &Node) -> LabError {
    const LINES: usize = 12;
    let path = tree::root(folder, node).join("var/log/glusterfs/glusterd.log");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let end = lines[lines.len().saturating_sub(LINES)..].join("\n");
    LabError::failed(
        format!("preparing {}", node.name),
        error.to_string(),
        format!("the end of glusterd's log:\n{end}"),
    )
}

/// Ends a node as a power cut does: every process at once, then its mounts, loop devices and link.
pub(crate) fn kill(folder: &Folder, links: &Links, node: &Node, holder: Identity) -> Result<(), LabError> {
    end(holder)?;
    holder::forget(folder, node)?;
    links.remove_cable(node)?;
    lvm::release(&folder.node(node))?;
    loops::detach(&folder.node(node))
}

/// Ends a holder with all that lives in its namespaces, also those who only visit (`nsenter` from outside).
pub(crate) fn end(holder: Identity) -> Result<(), LabError> {
    let inside = process::sharing(holder);
    holder.kill()?;
    process::end(&inside, LIMIT)?;
    process::end(&[holder], LIMIT)
}

/// The root of a running node's file system, as seen from this machine.
pub(crate) fn live_root(holder: Identity) -> std::path::PathBuf {
    Path::new("/proc").join(holder.pid.to_string()).join("root")
}
