//! What a lab looks like right now, from the outside.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::Serialize;

use crate::client;
use crate::error::LabError;
use crate::holder;
use crate::network::Links;
use crate::process::{self, Identity};
use crate::state::{Folder, Node, Record};
use crate::tree;

/// A lab as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LabStatus {
    /// Its name.
    pub name: String,
    /// The folder that holds all of it.
    pub folder: PathBuf,
    /// The network link that joins its nodes on this machine.
    pub bridge: String,
    /// The addresses of the lab, as `ADDRESS/PREFIX`.
    pub subnet: String,
    /// This machine's own address on the bridge.
    pub host_address: Ipv4Addr,
    /// Its nodes.
    pub nodes: Vec<NodeStatus>,
    /// Where this machine has volumes of the lab mounted.
    pub mounts: Vec<PathBuf>,
}

/// A node as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its zone.
    pub zone: u32,
    /// The process that holds its namespaces; none when the node is down. `nsenter --target` takes it.
    pub holder: Option<i32>,
    /// Its namespaces, as `kind:[number]`, in the way `/proc/PID/ns` and `lsns` name them.
    pub namespaces: Vec<String>,
    /// Its glusterd, when running.
    pub glusterd: Option<i32>,
    /// Its ssh daemon, when running.
    pub sshd: Option<i32>,
    /// Running processes of its bricks.
    pub bricks: Vec<i32>,
    /// Whether its cable is joined.
    pub link_up: bool,
    /// Its disks.
    pub disks: Vec<DiskStatus>,
}

/// A disk as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiskStatus {
    /// Its path inside the node.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What it takes of this machine's disk, in bytes.
    pub used_bytes: u64,
    /// Whether the node has it mounted.
    pub mounted: bool,
}

pub(crate) fn of_lab(folder: &Folder, record: &Record, links: &Links) -> Result<LabStatus, LabError> {
    Ok(LabStatus {
        name: folder.name().to_owned(),
        folder: folder.path(),
        bridge: links.bridge().to_owned(),
        subnet: record.subnet.to_string(),
        host_address: record.subnet.host(),
        nodes: record
            .nodes()
            .iter()
            .map(|node| of_node(folder, record, links, node))
            .collect(),
        mounts: client::mounts(record.subnet)?,
    })
}

fn of_node(folder: &Folder, record: &Record, links: &Links, node: &Node) -> NodeStatus {
    let holder = holder::find(folder, node);
    let inside = holder.map(process::sharing).unwrap_or_default();
    let named = |name: &str| -> Vec<i32> {
        let pids = inside.iter().map(|process| process.pid);
        pids.filter(|pid| process::short_name(*pid).as_deref() == Some(name))
            .collect()
    };
    // Sessions of an older sshd have its name too; the daemon itself belongs to the first process of the node.
    let daemon = |pid: &i32| holder.is_some_and(|holder| process::parent(*pid) == Some(holder.pid));
    let mounts = holder.map(mount_points).unwrap_or_default();
    NodeStatus {
        name: node.name.clone(),
        address: node.address,
        zone: node.zone,
        holder: holder.map(|holder| holder.pid),
        namespaces: holder.map(namespaces).unwrap_or_default(),
        glusterd: named("glusterd").into_iter().find(daemon),
        sshd: named("sshd").into_iter().find(daemon),
        bricks: named("glusterfsd"),
        link_up: links.cable_up(node),
        disks: (1..=record.spec.disks)
            .map(|number| of_disk(folder, record, links, node, number, &mounts))
            .collect(),
    }
}

fn of_disk(
    folder: &Folder,
    record: &Record,
    links: &Links,
    node: &Node,
    number: u32,
    mounts: &[String],
) -> DiskStatus {
    use std::os::unix::fs::MetadataExt;

    const BLOCK: u64 = 512;
    let path = tree::disk(record, links, node, number);
    let metadata = std::fs::metadata(tree::disk_image(folder, node, number)).ok();
    DiskStatus {
        bytes: metadata.as_ref().map_or(0, MetadataExt::size),
        used_bytes: metadata.as_ref().map_or(0, |metadata| metadata.blocks() * BLOCK),
        mounted: mounts.contains(&path),
        path,
    }
}

fn namespaces(holder: Identity) -> Vec<String> {
    let number = |kind: &str| Some(format!("{kind}:[{}]", process::namespace(holder.pid, kind)?));
    ["net", "mnt", "uts", "pid"]
        .into_iter()
        .filter_map(number)
        .collect()
}

/// Mount points as the node sees them.
fn mount_points(holder: Identity) -> Vec<String> {
    let text = std::fs::read_to_string(format!("/proc/{}/mountinfo", holder.pid)).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(str::to_owned)
        .collect()
}
