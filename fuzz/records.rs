//! What the fuzz targets of the store do with their input. A plain test (`crates/engine/tests/corpus.rs`) includes this
//! file and runs it over the corpus.
//!
//! A body fails by panic: whatever stands in a record or a backup is read or refused, and what is read can be written and
//! read again.

#![allow(unreachable_pub, reason = "the targets' crate and a test share this file")]

use std::fmt::Debug;

use mortar_journal::{Ended, Operation};
use mortar_model::{Attachments, Brick, Cluster, Device, Node, Snapshot, Volume};
use mortar_store::{
    Durability, Kind, MemoryStore, Store as _, decode, encode, export, read_backup, read_document,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is read of a record stays the same when it is written and read again.
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(kind: Kind, data: &[u8]) {
    if let Ok(read) = decode::<T>(kind, "a", data) {
        let written = encode(kind, "a", &read).expect("what was read has a JSON form");
        let again: T = decode(kind, "a", &written).expect("what was written can be read");
        assert_eq!(again, read);
    }
}

/// A record of any kind that the engine stores.
pub fn store_records(data: &[u8]) {
    comes_back::<Cluster>(Kind::Cluster, data);
    comes_back::<Node>(Kind::Node, data);
    comes_back::<Device>(Kind::Device, data);
    comes_back::<Brick>(Kind::Brick, data);
    comes_back::<Volume>(Kind::Volume, data);
    comes_back::<Snapshot>(Kind::Snapshot, data);
    comes_back::<Attachments>(Kind::Attachment, data);
    comes_back::<Operation>(Kind::Operation, data);
    comes_back::<Ended>(Kind::Ended, data);
}

/// An export or a backup.
pub fn backup_document(data: &[u8]) {
    let sealed = read_backup(data).is_ok();
    let Ok(read) = read_document(data) else {
        assert!(!sealed, "a backup is a document");
        return;
    };
    let store = MemoryStore::new();
    store
        .apply(&read.writes, Durability::Synced)
        .expect("memory takes everything");
    let mut written = Vec::new();
    export(&store, &mut written).expect("what was read can be written");
    let again = read_document(&written).expect("what was written can be read");
    assert_eq!(again.writes, read.writes);
}
