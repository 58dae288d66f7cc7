//! What Heketi's own check (`heketi db consistency-check`, `GET /db/check`) finds: its rules and its texts. It compares references
//! both ways, sizes of devices with those of their bricks, and marks of pending operations.
//!
//! One of its findings is no fault: bricks of clones share the thin pool of their origin, and are counted as if they had one each.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    BlockVolumeEntry, BrickEntry, ClusterEntry, Database, DeviceEntry, NodeEntry, PendingOperation,
    VolumeEntry,
};

/// The answer of the check, in Heketi's form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Of clusters.
    pub clusters: Bucket,
    /// Of volumes.
    pub volumes: Bucket,
    /// Of bricks.
    pub bricks: Bucket,
    /// Of nodes.
    pub nodes: Bucket,
    /// Of devices.
    pub devices: Bucket,
    /// Of block volumes.
    pub blockvolumes: Bucket,
    /// Of attributes: never looked at.
    pub dbattributes: Bucket,
    /// Of operations that were under way.
    pub pendingoperations: Bucket,
    /// How many there are in all.
    pub totalinconsistencies: usize,
}

/// What the check found in one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Entries.
    pub total: usize,
    /// Entries of unfinished operations.
    pub pending: usize,
    /// Entries without a fault.
    pub ok: usize,
    /// Entries with one or more.
    pub notok: usize,
    /// The faults; null where there are none.
    #[serde(serialize_with = "null_when_empty")]
    pub inconsistencies: Vec<String>,
}

fn null_when_empty<S: serde::Serializer>(texts: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    if texts.is_empty() {
        serializer.serialize_unit()
    } else {
        texts.serialize(serializer)
    }
}

/// Checks a database as Heketi does.
pub fn check(database: &Database) -> Checked {
    let mut checked = Checked {
        clusters: each(&database.clusters, |entry, faults| {
            cluster(database, entry, faults);
            false
        }),
        volumes: each(&database.volumes, |entry, faults| {
            volume(database, entry, faults);
            !entry.pending.id.is_empty()
        }),
        bricks: each(&database.bricks, |entry, faults| {
            brick(database, entry, faults);
            !entry.pending.id.is_empty()
        }),
        nodes: each(&database.nodes, |entry, faults| {
            node(database, entry, faults);
            false
        }),
        devices: each(&database.devices, |entry, faults| {
            device(database, entry, faults);
            false
        }),
        blockvolumes: each(&database.block_volumes, |entry, faults| {
            block_volume(database, entry, faults);
            !entry.pending.id.is_empty()
        }),
        dbattributes: Bucket::default(),
        pendingoperations: each(&database.operations, |entry, faults| {
            operation(database, entry, faults);
            false
        }),
        totalinconsistencies: 0,
    };
    checked.totalinconsistencies = checked.faults().count();
    checked
}

impl Checked {
    /// All faults, in the order of the buckets of the answer.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        let buckets = [
            &self.clusters,
            &self.volumes,
            &self.bricks,
            &self.nodes,
            &self.devices,
            &self.blockvolumes,
            &self.pendingoperations,
        ];
        buckets
            .into_iter()
            .flat_map(|bucket| bucket.inconsistencies.iter().map(String::as_str))
    }
}

/// One bucket: what the check of an entry adds to the list are its faults; it answers whether the entry is pending.
fn each<T>(entries: &BTreeMap<String, T>, mut look: impl FnMut(&T, &mut Vec<String>) -> bool) -> Bucket {
    let mut bucket = Bucket::default();
    for entry in entries.values() {
        let before = bucket.inconsistencies.len();
        bucket.total += 1;
        bucket.pending += usize::from(look(entry, &mut bucket.inconsistencies));
        if bucket.inconsistencies.len() > before {
            bucket.notok += 1;
        } else {
            bucket.ok += 1;
        }
    }
    bucket
}

/// A list as Go prints it.
fn go_list(list: &[String]) -> String {
    format!("[{}]", list.join(" "))
}

fn has(list: &[String], id: &str) -> bool {
    list.iter().any(|other| other == id)
}

fn cluster(database: &Database, entry: &ClusterEntry, faults: &mut Vec<String>) {
    let id = &entry.info.id;
    let mut links = |list: &[String], what: &str, back: &dyn Fn(&str) -> Option<bool>| {
        for other in list {
            match back(other) {
                None => faults.push(format!("Cluster {id} unknown {what} {other}")),
                Some(false) => faults.push(format!(
                    "Cluster {id} no link back to cluster from {what} {other}"
                )),
                Some(true) => {}
            }
        }
    };
    links(&entry.info.nodes, "node", &|other| {
        database.nodes.get(other).map(|other| other.info.cluster == *id)
    });
    links(&entry.info.volumes, "volume", &|other| {
        database.volumes.get(other).map(|other| other.info.cluster == *id)
    });
    links(&entry.info.blockvolumes, "blockvolume", &|other| {
        let found = database.block_volumes.get(other);
        found.map(|other| other.info.cluster == *id)
    });
}

fn node(database: &Database, entry: &NodeEntry, faults: &mut Vec<String>) {
    let id = &entry.info.id;
    for device in &entry.devices {
        match database.devices.get(device) {
            None => faults.push(format!("Node {id} unknown device {device}")),
            Some(found) if found.node != *id => {
                faults.push(format!("Node {id} no link back to node from device {device}"));
            }
            Some(_) => {}
        }
    }
    let cluster = &entry.info.cluster;
    match database.clusters.get(cluster) {
        None => faults.push(format!("Node {id} unknown cluster {cluster}")),
        Some(found) if !has(&found.info.nodes, id) => {
            faults.push(format!("Node {id} no link back to node from cluster {cluster}"));
        }
        Some(_) => {}
    }
}

fn device(database: &Database, entry: &DeviceEntry, faults: &mut Vec<String>) {
    let (id, node) = (&entry.info.id, &entry.node);
    match database.nodes.get(node) {
        None => faults.push(format!("Device {id} unknown node {node}")),
        Some(found) if !has(&found.devices, id) => {
            faults.push(format!("Device {id} no link back to device from node {node}"));
        }
        Some(_) => {}
    }
    let mut sum = 0_u64;
    for brick in &entry.bricks {
        let Some(found) = database.bricks.get(brick) else {
            faults.push(format!("Device {id} unknown brick {brick}"));
            continue;
        };
        if found.info.device != *id {
            faults.push(format!("Device {id} no link back to device from brick {brick}"));
        }
        sum = sum.saturating_add(found.pool_size.saturating_add(found.metadata_size));
    }
    let storage = &entry.info.storage;
    let (total, free, used) = (storage.total, storage.free, storage.used);
    if total != free.saturating_add(used) {
        faults.push(format!(
            "Device {id} size values differ Total({total}) != Free({free}) + Used({used})"
        ));
    }
    if sum != used {
        faults.push(format!(
            "Device {id} size values differ Used({used}) != aggregateBricksSize({sum})"
        ));
    }
}

fn brick(database: &Database, entry: &BrickEntry, faults: &mut Vec<String>) {
    let (info, pending) = (&entry.info, &entry.pending.id);
    let id = &info.id;
    if !pending.is_empty() && !database.operations.contains_key(pending) {
        faults.push(format!("Brick {id} marked pending but no pending op {pending}"));
    }
    if !database.nodes.contains_key(&info.node) {
        faults.push(format!("Brick {id} unknown node {}", info.node));
    }
    match database.volumes.get(&info.volume) {
        None => faults.push(format!("Brick {id} unknown volume {}", info.volume)),
        Some(found) if !has(&found.bricks, id) => {
            faults.push(format!(
                "Brick {id} no link back to brick from volume {}",
                info.volume
            ));
        }
        Some(_) => {}
    }
    match database.devices.get(&info.device) {
        None => faults.push(format!("Brick {id} unknown device {}", info.device)),
        Some(found) if !has(&found.bricks, id) => {
            faults.push(format!(
                "Brick {id} no link back to brick from device {}",
                info.device
            ));
        }
        Some(_) => {}
    }
}

fn volume(database: &Database, entry: &VolumeEntry, faults: &mut Vec<String>) {
    let (info, pending) = (&entry.info, &entry.pending.id);
    let id = &info.id;
    if !pending.is_empty() && !database.operations.contains_key(pending) {
        faults.push(format!("Volume {id} marked pending but no pending op {pending}"));
    }
    match database.clusters.get(&info.cluster) {
        None => faults.push(format!("Volume {id} unknown cluster {}", info.cluster)),
        Some(found) => {
            if !has(&found.info.volumes, id) {
                let cluster = &info.cluster;
                faults.push(format!(
                    "Volume {id} no link back to volume from cluster {cluster}"
                ));
            }
            let hosts = &info.mount.glusterfs.hosts;
            if hosts.len() != found.info.nodes.len() {
                faults.push(format!(
                    "Volume {id} mount hosts list({}) is not same as list of all nodes of the cluster({})",
                    go_list(hosts),
                    go_list(&found.info.nodes)
                ));
            }
        }
    }
    for brick in &entry.bricks {
        match database.bricks.get(brick) {
            None => faults.push(format!("Volume {id} unknown brick {brick}")),
            Some(found) if found.info.volume != *id => {
                faults.push(format!("Volume {id} no link back to volume from brick {brick}"));
            }
            Some(_) => {}
        }
    }
    hosted(database, entry, faults);
}

/// A volume's block volumes, and what it has left for more.
fn hosted(database: &Database, entry: &VolumeEntry, faults: &mut Vec<String>) {
    let (id, info) = (&entry.info.id, &entry.info.blockinfo);
    let mut sum = 0_i64;
    for block in &info.blockvolumes {
        let Some(found) = database.block_volumes.get(block) else {
            faults.push(format!("Volume {id} unknown blockvolume {block}"));
            continue;
        };
        if found.info.blockhostingvolume != *id {
            faults.push(format!(
                "Volume {id} no link back to volume from blockvolume {block}"
            ));
        }
        sum = sum.saturating_add(found.info.size);
    }
    let (size, free, reserved) = (entry.info.size, info.freesize, info.reservedsize);
    if !entry.info.block {
        if sum != 0 {
            faults.push(format!("Volume {id} has blockvolumes but not block flag"));
        }
    } else if sum != size.saturating_sub(free).saturating_sub(reserved) {
        faults.push(format!(
            "Volume {id} blocksize differs aggregateSize {sum} != volumeSize {size} - freeSize {free} - reservedSize {reserved}"
        ));
    }
}

fn block_volume(database: &Database, entry: &BlockVolumeEntry, faults: &mut Vec<String>) {
    let (info, pending) = (&entry.info, &entry.pending.id);
    let id = &info.id;
    if !pending.is_empty() && !database.operations.contains_key(pending) {
        faults.push(format!(
            "BlockVolume {id} marked pending but no pending op {pending}"
        ));
    }
    let (cluster, host) = (&info.cluster, &info.blockhostingvolume);
    match database.clusters.get(cluster) {
        None => faults.push(format!("BlockVolume {id} unknown cluster {cluster}")),
        Some(found) if !has(&found.info.blockvolumes, id) => {
            faults.push(format!(
                "BlockVolume {id} no link back to blockVolume from cluster {cluster}"
            ));
        }
        Some(_) => {}
    }
    match database.volumes.get(host) {
        None => faults.push(format!("BlockVolume {id} unknown volume {host}")),
        Some(found) if !has(&found.info.blockinfo.blockvolumes, id) => {
            faults.push(format!(
                "BlockVolume {id} no link back to blockVolume from volume {host}"
            ));
        }
        Some(_) => {}
    }
}

fn operation(database: &Database, entry: &PendingOperation, faults: &mut Vec<String>) {
    let owner = |what: &str, id: &str| match what {
        "bricks" => database.bricks.get(id).map(|entry| &entry.pending.id),
        "volumes" => database.volumes.get(id).map(|entry| &entry.pending.id),
        _ => database.block_volumes.get(id).map(|entry| &entry.pending.id),
    };
    for action in &entry.actions {
        let what = match action.change {
            1 | 3 => "bricks",
            2 | 4 | 5 | 9 | 10 | 11 => "volumes",
            6 | 7 | 14 => "blockvolumes",
            // A removed device carries no mark, nor do an operation's parent and child.
            8 | 12 | 13 => continue,
            other => {
                faults.push(format!("Pending Op {} unexpected change type {other}", entry.id));
                continue;
            }
        };
        if owner(what, &action.id) != Some(&entry.id) {
            faults.push(format!(
                "pending op {} id in change missing {} not found in {what}",
                entry.id, action.id
            ));
        }
    }
}
