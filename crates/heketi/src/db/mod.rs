//! Heketi's database, read and written as it is: the Bolt file that its server keeps, and the JSON export that
//! `heketi db export` makes of it. Both lead to one [`Database`]; nothing is judged here but whether it can be read.
//!
//! * [`bolt`]: the file format; [`gob`]: what its values are encoded in.
//! * [`Database`] and its entries, in the form of the export.
//! * [`check`]: what Heketi's own check finds in it.

pub mod bolt;
pub mod check;
mod entries;
mod fields;
pub mod gob;
mod read;

use std::collections::BTreeMap;

use bolt::{Bolt, BoltError, Item};
pub use entries::{
    Action, AttributeEntry, BlockInfo, BlockVolumeEntry, BlockVolumeInfo, BrickEntry, BrickInfo,
    ClusterEntry, ClusterInfo, Database, DeviceEntry, DeviceInfo, Disperse, Durability, GlusterFsMount,
    Hostnames, Mount, NodeEntry, NodeInfo, Pending, PendingOperation, Replicate, Snapshot, StorageSize,
    Target, VolumeEntry, VolumeInfo, change_name, operation_name,
};
use fields::{Fields, WrongField};
use read::Entry;

use crate::json::{self, Json};

/// Why a database could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The file is not whole.
    #[error("the Bolt file cannot be read: {0}")]
    Bolt(#[from] BoltError),
    /// It holds nothing of Heketi.
    #[error(
        "it has none of the buckets that every Heketi database has (CLUSTER, NODE, VOLUME, DEVICE, BRICK)"
    )]
    NotHeketi,
    /// The value of an entry is not what Go's gob writes.
    #[error("entry {key} of {bucket} cannot be read: {why}")]
    Gob {
        /// The bucket.
        bucket: String,
        /// The entry's key.
        key: String,
        /// What is wrong.
        why: gob::GobError,
    },
    /// An entry has a field of another type.
    #[error("entry {key} of {bucket} cannot be read: {why}")]
    Field {
        /// The bucket, or the member of the export.
        bucket: String,
        /// The entry's key.
        key: String,
        /// Which, and what it is.
        why: WrongField,
    },
    /// An entry holds another one's id.
    #[error("entry {key} of {bucket} says that it is {said}")]
    OtherId {
        /// The bucket, or the member of the export.
        bucket: String,
        /// The entry's key.
        key: String,
        /// What it says.
        said: String,
    },
    /// It is neither Bolt nor JSON.
    #[error("it is neither a Bolt file nor a JSON export of Heketi: {0}")]
    Json(String),
}

/// Reads a database, whichever of the two forms it has.
///
/// # Errors
/// Says which page or which entry cannot be read, and why.
pub fn read(bytes: &[u8]) -> Result<Database, ReadError> {
    let text = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if text == Some(&b'{') {
        read_export(bytes)
    } else if bytes.is_empty() {
        Err(ReadError::Json("it is empty".into()))
    } else {
        read_bolt(bytes)
    }
}

/// Names of the buckets that every version makes.
const OLDEST: [&str; 5] = ["CLUSTER", "NODE", "VOLUME", "DEVICE", "BRICK"];

/// Reads a Bolt file. Buckets that its version of Heketi did not make yet count as empty.
///
/// # Errors
/// Says which page or which entry cannot be read, and why.
pub fn read_bolt(bytes: &[u8]) -> Result<Database, ReadError> {
    let root = Bolt::new(bytes)?.root();
    let mut buckets = BTreeMap::new();
    for (key, item) in root.items()? {
        if let Item::Bucket(bucket) = item {
            buckets.insert(shown(key), bucket.items()?);
        }
    }
    if !OLDEST.iter().any(|name| buckets.contains_key(*name)) {
        return Err(ReadError::NotHeketi);
    }
    let mut database = Database {
        clusters: bucket(&buckets, "CLUSTER")?,
        volumes: bucket(&buckets, "VOLUME")?,
        bricks: bucket(&buckets, "BRICK")?,
        nodes: bucket(&buckets, "NODE")?,
        devices: bucket(&buckets, "DEVICE")?,
        block_volumes: bucket(&buckets, "BLOCKVOLUME")?,
        attributes: bucket(&buckets, "DBATTRIBUTE")?,
        operations: bucket(&buckets, "PENDING_OPERATIONS")?,
    };
    database.settle()?;
    Ok(database)
}

/// Reads an export. Members that are not there count as empty.
///
/// # Errors
/// Says which entry cannot be read, and why.
pub fn read_export(bytes: &[u8]) -> Result<Database, ReadError> {
    let json: Json = serde_json::from_slice(bytes).map_err(|error| ReadError::Json(error.to_string()))?;
    let export = fields::tree(json);
    let gob::Value::Struct(members) = &export else {
        return Err(ReadError::Json("it is not an object".into()));
    };
    if !members
        .iter()
        .any(|(key, _)| key.to_ascii_lowercase().ends_with("entries"))
    {
        return Err(ReadError::Json(
            "it has no member clusterentries or the like".into(),
        ));
    }
    let mut database = Database {
        clusters: member(members, "clusterentries")?,
        volumes: member(members, "volumeentries")?,
        bricks: member(members, "brickentries")?,
        nodes: member(members, "nodeentries")?,
        devices: member(members, "deviceentries")?,
        block_volumes: member(members, "blockvolumeentries")?,
        attributes: member(members, "dbattributeentries")?,
        operations: member(members, "pendingoperations")?,
    };
    database.settle()?;
    Ok(database)
}

/// Writes a database as `heketi db export` does; `heketi db import` takes it.
pub fn write_export(database: &Database) -> String {
    json::write_indented(database)
}

type Items<'a> = Vec<(&'a [u8], Item<'a>)>;

/// A key for people: ids are ASCII, anything else is told by its bytes.
fn shown(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}

/// What Heketi keeps beside the entries: which host name is which node's, which path which device's. Not gob.
fn is_registry(bucket: &str, key: &[u8]) -> bool {
    match bucket {
        "NODE" => key.starts_with(b"MANAGE") || key.starts_with(b"STORAGE"),
        "DEVICE" => key.starts_with(b"DEVICE"),
        _ => false,
    }
}

fn bucket<T: Entry>(
    buckets: &BTreeMap<String, Items<'_>>,
    name: &str,
) -> Result<BTreeMap<String, T>, ReadError> {
    let mut entries = BTreeMap::new();
    for (key, item) in buckets.get(name).into_iter().flatten() {
        let Item::Value(bytes) = item else { continue };
        if is_registry(name, key) {
            continue;
        }
        let value = gob::decode(bytes).map_err(|why| ReadError::Gob {
            bucket: name.to_owned(),
            key: shown(key),
            why,
        })?;
        let entry = entry(name, &shown(key), &value)?;
        entries.insert(shown(key), entry);
    }
    Ok(entries)
}

fn member<T: Entry>(members: &[(String, gob::Value)], name: &str) -> Result<BTreeMap<String, T>, ReadError> {
    let mut found = members.iter().rev();
    let Some((_, value)) = found.find(|(key, _)| key.eq_ignore_ascii_case(name)) else {
        return Ok(BTreeMap::new());
    };
    let entries = match value {
        gob::Value::Struct(entries) => entries.as_slice(),
        gob::Value::Nil => &[],
        _ => return Err(ReadError::Json(format!("its member {name} is not an object"))),
    };
    entries
        .iter()
        .map(|(key, value)| Ok((key.clone(), entry(name, key, value)?)))
        .collect()
}

fn entry<T: Entry>(bucket: &str, key: &str, value: &gob::Value) -> Result<T, ReadError> {
    let read = Fields::of(value, "").and_then(|fields| T::read(&fields));
    read.map_err(|why| ReadError::Field {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        why,
    })
}

impl Database {
    /// Holds each entry to its key, and fills in what old versions left out and newer ones add at their start: which volume a brick
    /// belongs to, and that a cluster takes both kinds of volumes.
    fn settle(&mut self) -> Result<(), ReadError> {
        same_ids(
            "CLUSTER",
            self.clusters
                .iter_mut()
                .map(|(key, entry)| (key, &mut entry.info.id)),
        )?;
        same_ids(
            "NODE",
            self.nodes
                .iter_mut()
                .map(|(key, entry)| (key, &mut entry.info.id)),
        )?;
        same_ids(
            "DEVICE",
            self.devices
                .iter_mut()
                .map(|(key, entry)| (key, &mut entry.info.id)),
        )?;
        same_ids(
            "BRICK",
            self.bricks
                .iter_mut()
                .map(|(key, entry)| (key, &mut entry.info.id)),
        )?;
        same_ids(
            "VOLUME",
            self.volumes
                .iter_mut()
                .map(|(key, entry)| (key, &mut entry.info.id)),
        )?;
        same_ids(
            "BLOCKVOLUME",
            self.block_volumes
                .iter_mut()
                .map(|(key, entry)| (key, &mut entry.info.id)),
        )?;
        same_ids(
            "PENDING_OPERATIONS",
            self.operations
                .iter_mut()
                .map(|(key, entry)| (key, &mut entry.id)),
        )?;
        if !self.attributes.contains_key("DB_CLUSTER_HAS_FILE_BLOCK_FLAG") {
            for cluster in self
                .clusters
                .values_mut()
                .filter(|cluster| !cluster.info.file && !cluster.info.block)
            {
                (cluster.info.file, cluster.info.block) = (true, true);
            }
        }
        for (id, volume) in &self.volumes {
            for brick in &volume.bricks {
                if let Some(brick) = self
                    .bricks
                    .get_mut(brick)
                    .filter(|brick| brick.info.volume.is_empty())
                {
                    brick.info.volume.clone_from(id);
                }
            }
        }
        Ok(())
    }
}

/// An entry without an id takes its key's.
fn same_ids<'a>(
    bucket: &str,
    entries: impl Iterator<Item = (&'a String, &'a mut String)>,
) -> Result<(), ReadError> {
    for (key, id) in entries {
        if id.is_empty() {
            id.clone_from(key);
        } else if id != key {
            return Err(ReadError::OtherId {
                bucket: bucket.to_owned(),
                key: key.clone(),
                said: id.clone(),
            });
        }
    }
    Ok(())
}
