//! Heketi's database, read and written as it is: the Bolt file that its server keeps, and the JSON export that
//! `heketi db export` makes of it. Both lead to one [`Database`]; nothing is judged here but whether it can be read.
//!
//! * [`bolt`]: the file format; [`gob`]: what its values are encoded in.
//! * [`Database`] and its entries, in the form of the export.
//! * [`check`]: what Heketi's own check finds in it.
//!
//! A file that is damaged (a page, a value that is not what gob writes) is refused: an older copy of it knows more. An entry that is
//! whole and odd is left out and named ([`Unread`]): people edit exports by hand, and one of thousands is no reason to have none.

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
    Target, Unread, VolumeEntry, VolumeInfo, change_name, operation_name,
};
use fields::Fields;
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
    let mut unread = Vec::new();
    let mut database = Database {
        clusters: bucket(&buckets, "CLUSTER", &mut unread)?,
        volumes: bucket(&buckets, "VOLUME", &mut unread)?,
        bricks: bucket(&buckets, "BRICK", &mut unread)?,
        nodes: bucket(&buckets, "NODE", &mut unread)?,
        devices: bucket(&buckets, "DEVICE", &mut unread)?,
        block_volumes: bucket(&buckets, "BLOCKVOLUME", &mut unread)?,
        attributes: bucket(&buckets, "DBATTRIBUTE", &mut unread)?,
        operations: bucket(&buckets, "PENDING_OPERATIONS", &mut unread)?,
        unread,
    };
    database.settle();
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
    let mut unread = Vec::new();
    let mut database = Database {
        clusters: member(members, "clusterentries", &mut unread)?,
        volumes: member(members, "volumeentries", &mut unread)?,
        bricks: member(members, "brickentries", &mut unread)?,
        nodes: member(members, "nodeentries", &mut unread)?,
        devices: member(members, "deviceentries", &mut unread)?,
        block_volumes: member(members, "blockvolumeentries", &mut unread)?,
        attributes: member(members, "dbattributeentries", &mut unread)?,
        operations: member(members, "pendingoperations", &mut unread)?,
        unread,
    };
    database.settle();
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
    unread: &mut Vec<Unread>,
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
        let entry = entry(&shown(key), &value, unread);
        entries.extend(entry.map(|entry| (shown(key), entry)));
    }
    Ok(entries)
}

fn member<T: Entry>(
    members: &[(String, gob::Value)],
    name: &str,
    unread: &mut Vec<Unread>,
) -> Result<BTreeMap<String, T>, ReadError> {
    let mut found = members.iter().rev();
    let Some((_, value)) = found.find(|(key, _)| key.eq_ignore_ascii_case(name)) else {
        return Ok(BTreeMap::new());
    };
    let entries = match value {
        gob::Value::Struct(entries) => entries.as_slice(),
        gob::Value::Nil => &[],
        _ => return Err(ReadError::Json(format!("its member {name} is not an object"))),
    };
    let read = |(key, value): &(String, gob::Value)| Some((key.clone(), entry(key, value, unread)?));
    Ok(entries.iter().filter_map(read).collect())
}

/// One entry; none where it is not what it should be: it is named, and the others are read.
fn entry<T: Entry>(key: &str, value: &gob::Value, unread: &mut Vec<Unread>) -> Option<T> {
    let odd = |why: String| Unread {
        kind: T::KIND,
        key: key.to_owned(),
        why,
    };
    let read = Fields::of(value, "").and_then(|fields| T::read(&fields));
    let mut entry = read
        .map_err(|why| unread.push(odd(format!("it cannot be read: {why}"))))
        .ok()?;
    match entry.id() {
        Some(id) if id.is_empty() => key.clone_into(id),
        Some(id) if id != key => {
            let why = format!("it says that it is {id}");
            unread.push(odd(why));
            return None;
        }
        _ => {}
    }
    Some(entry)
}

impl Database {
    /// Fills in what old versions left out and newer ones add at their start: which volume a brick belongs to, and that a cluster takes
    /// both kinds of volumes.
    fn settle(&mut self) {
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
    }
}
