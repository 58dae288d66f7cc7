//! The bodies of the store's fuzz targets over their corpus, and over mutilated pieces of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

#[path = "../../../fuzz/mutilated.rs"]
mod damage;
#[path = "../../../fuzz/records.rs"]
mod records;

use std::path::Path;

use proptest::prelude::*;

use mortar_store::{Durability, Kind, MemoryStore, Record, Store as _, Write, read_document};

type Body = fn(&[u8]);

const TARGETS: [(&str, Body); 2] = [("store_records", record), ("backup_document", document)];

/// The target's body, and what an engine that starts says to a store with this record: an error or nothing, never a
/// panic.
fn record(data: &[u8]) {
    records::store_records(data);
    for kind in Kind::ALL {
        let record = Record {
            kind,
            key: "a".into(),
            value: data.to_vec(),
        };
        start(&[Write::Put(record)]);
    }
}

/// The same with a whole store.
fn document(data: &[u8]) {
    records::backup_document(data);
    if let Ok(read) = read_document(data) {
        start(&read.writes);
    }
}

fn start(writes: &[Write]) {
    let store = MemoryStore::new();
    store.apply(writes, Durability::Synced).unwrap();
    let _ = mortar_engine::inspect(&store);
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn the_corpus_runs() {
    for (name, body) in TARGETS {
        let files = corpus(name);
        assert!(files.len() >= 6, "{name} has a corpus");
        for (_, data) in files {
            body(&data);
        }
    }
}

/// The corpus is of what the engine stores now: it would be worth little if all of it were refused.
#[test]
fn the_corpus_has_every_kind_of_record_and_of_operation() {
    use mortar_journal::{Ended, Operation};
    use mortar_model::{
        Attachments, BlockVolume, Brick, Cluster, Device, Node, OperationKind, Snapshot, Volume,
    };
    use mortar_store::decode;
    let files = corpus("store_records");
    let count = |reads: &dyn Fn(&[u8]) -> bool| files.iter().filter(|(_, data)| reads(data)).count();
    let counts = [
        count(&|data| decode::<Cluster>(Kind::Cluster, "", data).is_ok()),
        count(&|data| decode::<Node>(Kind::Node, "", data).is_ok()),
        count(&|data| decode::<Device>(Kind::Device, "", data).is_ok()),
        count(&|data| decode::<Brick>(Kind::Brick, "", data).is_ok()),
        count(&|data| decode::<Volume>(Kind::Volume, "", data).is_ok()),
        count(&|data| decode::<Snapshot>(Kind::Snapshot, "", data).is_ok()),
        count(&|data| decode::<BlockVolume>(Kind::BlockVolume, "", data).is_ok()),
        count(&|data| decode::<Attachments>(Kind::Attachment, "", data).is_ok()),
    ];
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    for kind in OperationKind::ALL {
        let is = |data: &[u8]| {
            let open = decode::<Operation>(Kind::Operation, "", data).is_ok_and(|one| one.kind == kind);
            open || decode::<Ended>(Kind::Ended, "", data).is_ok_and(|one| one.kind == kind)
        };
        assert!(count(&is) > 0, "no record of {kind}");
    }
}

/// A file of the corpus, damaged.
fn mutilated(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    damage::mutilated(corpus(target).into_iter().map(|(_, data)| data).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutilated_records_run(data in mutilated("store_records")) {
        record(&data);
    }

    #[test]
    fn mutilated_documents_run(data in mutilated("backup_document")) {
        document(&data);
    }

    #[test]
    fn any_bytes_run_through_every_target(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (_, body) in TARGETS {
            body(&data);
        }
    }
}
