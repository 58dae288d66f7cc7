//! Databases as Go's Bolt and gob wrote them (`tests/heketi/databases` builds them), whole and damaged.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

#[path = "../../../fuzz/heketi.rs"]
mod bodies;

use mortar_heketi::db::bolt::{Bolt, BoltError, Item};
use mortar_heketi::db::check::check;
use mortar_heketi::db::{self, Database, ReadError};
use proptest::prelude::*;

macro_rules! kept {
    ($($name:literal),+) => {
        [$((
            $name,
            include_bytes!(concat!("databases/", $name, ".db")).as_slice(),
            include_str!(concat!("databases/", $name, ".json")),
        )),+]
    };
}

const KEPT: [(&str, &[u8], &str); 7] = kept![
    "version-4",
    "version-6",
    "version-10",
    "under-way",
    "interrupted",
    "large",
    "faulty"
];

fn file(name: &str) -> &'static [u8] {
    KEPT.iter().find(|(other, ..)| *other == name).unwrap().1
}

fn database(name: &str) -> Database {
    db::read(file(name)).unwrap()
}

#[test]
fn file_and_export_are_one_database() {
    for (name, file, export) in KEPT {
        let read = db::read(file).unwrap();
        assert_eq!(read, db::read(export.as_bytes()).unwrap(), "{name}");
        let written = db::write_export(&read);
        assert_eq!(db::read(written.as_bytes()).unwrap(), read, "{name}");
    }
}

/// To the byte, where the database has the shape of the last version.
#[test]
fn the_export_is_written_as_heketi_writes_it() {
    for (name, file, export) in KEPT {
        if !["version-4", "version-6"].contains(&name) {
            assert_eq!(db::write_export(&db::read(file).unwrap()), export, "{name}");
        }
    }
}

#[test]
fn everything_of_the_last_version_is_read() {
    let read = database("version-10");
    assert_eq!(
        (read.clusters.len(), read.nodes.len(), read.devices.len()),
        (1, 6, 12)
    );
    assert_eq!(
        (
            read.volumes.len(),
            read.block_volumes.len(),
            read.attributes.len()
        ),
        (7, 1, 5)
    );
    let named = |name: &str| {
        read.volumes
            .values()
            .find(|volume| volume.info.name == name)
            .unwrap()
    };
    let data = named("vol_data");
    assert_eq!(
        (
            data.info.size,
            data.info.gid,
            data.info.durability.replicate.replica
        ),
        (10, 2000, 3)
    );
    assert_eq!(
        data.options.as_deref().unwrap()[1],
        "performance.readdir-ahead off"
    );
    let pools: Vec<&str> = data
        .bricks
        .iter()
        .map(|brick| &*read.bricks[brick].thin_pool)
        .collect();
    assert_eq!(
        pools.iter().filter(|pool| pool.starts_with("tp_")).count(),
        1,
        "{pools:?}"
    );
    let clone = &read.bricks[&named("vol_clone").bricks[0]];
    assert!(clone.info.path.starts_with("/run/gluster/snaps/") && !clone.logical_volume.is_empty());
    let arbiters = read.bricks.values().filter(|brick| brick.sub_type == 2);
    assert_eq!(arbiters.count(), 1);
    let disperse = named("vol_disperse").info.durability.disperse;
    assert_eq!((disperse.data, disperse.redundancy), (2, 1));
    assert_eq!(
        read.block_volumes
            .values()
            .next()
            .unwrap()
            .info
            .blockvolume
            .password,
        "secret<&>"
    );
    let offline = read.devices.values().filter(|device| device.state == "offline");
    assert_eq!(offline.count(), 1);
}

#[test]
fn old_versions_are_filled_in() {
    let read = database("version-4");
    assert!(
        read.clusters
            .values()
            .all(|cluster| cluster.info.file && cluster.info.block)
    );
    for (id, volume) in &read.volumes {
        assert!(
            volume
                .bricks
                .iter()
                .all(|brick| read.bricks[brick].info.volume == *id)
        );
        assert_eq!(volume.options, None);
    }
    assert_eq!(read.devices.len(), 12, "registry keys are no devices");
    assert!(database("version-6").operations.is_empty());
}

#[test]
fn changes_of_operations_keep_their_numbers() {
    let read = database("under-way");
    let deltas: Vec<Option<i64>> = read
        .operations
        .values()
        .flat_map(|operation| operation.actions.iter().filter(|action| action.change == 5))
        .map(|action| action.delta)
        .collect();
    let mut sorted = deltas.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [Some(1), Some(2)],
        "one is an int, one a float as after an import"
    );
    let mut statuses: Vec<&str> = read
        .operations
        .values()
        .map(|operation| &*operation.status)
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["", "failed", "stale", "stale", "stale"]);
}

#[test]
fn the_check_finds_nothing_in_what_adds_up() {
    for name in ["version-4", "version-6", "version-10", "under-way", "large"] {
        let checked = check(&database(name));
        // What it says of devices with clones is no fault: those take no space of their own, and it adds them up.
        let (of_clones, faults): (Vec<&str>, Vec<&str>) = checked
            .faults()
            .partition(|fault| fault.contains("!= aggregateBricksSize("));
        // A removed device of an operation that is under way carries no mark, and is not looked at.
        assert!(faults.is_empty(), "{name}: {faults:#?}");
        let clone = if name == "version-4" { 0 } else { 3 };
        assert_eq!(of_clones.len(), clone, "{name}: {of_clones:#?}");
        assert_eq!(checked.volumes.total, checked.volumes.ok, "{name}");
    }
    let checked = check(&database("under-way"));
    assert_eq!((checked.volumes.pending, checked.bricks.pending), (4, 5));
}

/// Each rule of Heketi's check, in its words; ids are shortened.
#[test]
fn each_fault_is_named() {
    let checked = check(&database("faulty"));
    let told: Vec<String> = checked
        .faults()
        .map(|fault| {
            let words = fault.split(' ').map(|word| {
                let is_id = word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
                if is_id { "ID" } else { word }
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    for rule in [
        "Cluster ID unknown node ID",
        "Cluster ID unknown volume ID",
        "Cluster ID unknown blockvolume ID",
        "Cluster ID no link back to cluster from node ID",
        "Cluster ID no link back to cluster from volume ID",
        "Volume ID marked pending but no pending op ID",
        "Volume ID unknown cluster ID",
        "Volume ID unknown brick ID",
        "Volume ID no link back to volume from brick ID",
        "Volume ID unknown blockvolume ID",
        "Volume ID blocksize differs aggregateSize 5 != volumeSize 20 - freeSize 13 - reservedSize 1",
        "Brick ID marked pending but no pending op ID",
        "Brick ID unknown node ID",
        "Brick ID unknown volume ID",
        "Brick ID unknown device ID",
        "Brick ID no link back to brick from volume ID",
        "Brick ID no link back to brick from device ID",
        "Node ID unknown device ID",
        "Node ID no link back to node from device ID",
        "Node ID unknown cluster ID",
        "Device ID no link back to device from node ID",
        "Device ID unknown brick ID",
        "Device ID no link back to device from brick ID",
        "BlockVolume ID unknown cluster ID",
        "BlockVolume ID unknown volume ID",
        "pending op ID id in change missing ID not found in bricks",
        "pending op ID id in change missing ID not found in volumes",
        "pending op ID id in change missing ID not found in blockvolumes",
        "Pending Op ID unexpected change type 99",
    ] {
        assert!(
            told.iter().any(|fault| fault == rule),
            "{rule} is not in {told:#?}"
        );
    }
    for part in [
        "mount hosts list([n",
        "size values differ Total(",
        "size values differ Used(",
    ] {
        assert!(
            told.iter().any(|fault| fault.contains(part)),
            "{part} is not in {told:#?}"
        );
    }
    assert_eq!(checked.totalinconsistencies, told.len());
}

#[test]
fn a_file_that_is_cut_short_says_which_page_is_missing() {
    let whole = file("version-6");
    for length in (0..whole.len()).step_by(509) {
        let error = match db::read(&whole[..length]) {
            // Bolt makes its file larger ahead of need: nothing was in what is missing.
            Ok(read) => {
                assert!(read == database("version-6"), "{length}");
                continue;
            }
            Err(error) => error,
        };
        let told = error.to_string();
        assert!(told.contains("page") || length == 0, "{length}: {told}");
        let ReadError::Bolt(BoltError::Short { missing, .. }) = error else {
            continue;
        };
        assert_eq!(missing, length as u64 / 1024);
    }
}

#[test]
fn the_other_meta_page_takes_over() {
    for name in ["version-6", "version-10"] {
        let size = if name == "version-6" { 1024 } else { 4096 };
        let whole = database(name);
        let mut answers = Vec::new();
        for page in [0, 1] {
            let mut bytes = file(name).to_vec();
            // The root's page: its checksum does not hold any more.
            bytes[page * size + 16 + 16] ^= 1;
            answers.push(db::read(&bytes));
        }
        // One of them is the newest state; the other is the one before, of which pages may be reused.
        assert!(answers.contains(&Ok(whole)), "{name}");
        let mut bytes = file(name).to_vec();
        bytes[16 + 16] ^= 1;
        bytes[size + 16 + 16] ^= 1;
        let told = db::read(&bytes).unwrap_err().to_string();
        assert!(
            told.contains("page 0 has a wrong checksum, and page 1 has a wrong checksum"),
            "{told}"
        );
    }
}

#[test]
fn what_is_no_database_is_refused() {
    for (bytes, text) in [
        (b"".as_slice(), "it is empty"),
        (b"{}", "it has no member clusterentries"),
        (
            b"{\"clusterentries\":3}",
            "member clusterentries is not an object",
        ),
        (b"\x7fELF", "it is no Bolt file: page 0 is not whole"),
    ] {
        let told = db::read(bytes).unwrap_err().to_string();
        assert!(told.contains(text), "{told}");
    }
    assert!(Bolt::is_one(file("large")) && !Bolt::is_one(b"{}"));
}

/// An entry that is whole and odd is not in what is read, and named.
#[test]
fn odd_entries_are_named() {
    for (bytes, text) in [
        (
            b"{\"clusterentries\":{\"a\":{\"Info\":{\"id\":3}}}}".as_slice(),
            "cluster a: left out: it cannot be read: its field Info.id is a whole number, and text is wanted",
        ),
        (
            b"{\"nodeentries\":{\"a\":{\"Info\":{\"id\":\"b\"}}}}",
            "node a: left out: it says that it is b",
        ),
    ] {
        let read = db::read(bytes).unwrap();
        let told: Vec<String> = read.unread.iter().map(ToString::to_string).collect();
        assert_eq!(told, [text]);
        assert!(read.clusters.is_empty() && read.nodes.is_empty());
    }
}

/// The bodies of the fuzz targets, over their corpus and over what is kept here.
#[test]
fn the_fuzz_targets_hold() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (target, body) in [
        ("heketi_database", bodies::heketi_database as fn(&[u8])),
        ("gob_stream", bodies::gob_stream),
    ] {
        let entries: Vec<_> = std::fs::read_dir(corpus.join(target)).unwrap().collect();
        assert!(!entries.is_empty(), "{target} has a corpus");
        for entry in entries {
            body(&std::fs::read(entry.unwrap().path()).unwrap());
        }
    }
    for (_, file, export) in KEPT {
        bodies::heketi_database(file);
        bodies::heketi_database(export.as_bytes());
    }
}

/// Everything below a bucket, as far as it goes.
fn walk(bucket: &mortar_heketi::db::bolt::Bucket<'_>, depth: usize) {
    for (_, item) in bucket.items().into_iter().flatten() {
        if let (Item::Bucket(inner), true) = (item, depth < 4) {
            walk(&inner, depth + 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A turned bit is told with its page or its entry, or changes a value only: never a panic, never an endless walk.
    #[test]
    fn turned_bits_are_told_or_harmless(
        which in 0..KEPT.len(),
        bits in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let mut bytes = KEPT[which].1.to_vec();
        for bit in bits {
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        match db::read(&bytes) {
            Err(error) => {
                let told = error.to_string();
                prop_assert!(told.contains("page ") || told.contains("entry ") || told.contains("neither"), "{}", told);
            }
            Ok(read) => prop_assert!(read.unread.iter().all(|odd| !odd.why.is_empty())),
        }
        if let Ok(bolt) = Bolt::new(&bytes) {
            walk(&bolt.root(), 0);
        }
    }

    #[test]
    fn a_page_of_anything_is_told(which in 0..KEPT.len(), page in any::<prop::sample::Index>(), fill: [u8; 64]) {
        let mut bytes = KEPT[which].1.to_vec();
        let start = page.index(bytes.len() / 1024) * 1024;
        bytes[start..start + 64].copy_from_slice(&fill);
        let _ = db::read(&bytes);
    }

    #[test]
    fn cut_exports_are_told(which in 0..KEPT.len(), end in any::<prop::sample::Index>()) {
        let text = KEPT[which].2.trim_end().as_bytes();
        prop_assert!(db::read(&text[..end.index(text.len())]).is_err());
    }
}
