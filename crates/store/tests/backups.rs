//! Backups in a folder: of one moment, whole or not there, sound or told, rotated by name.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mortar_store::{
    Backups, Durability, EmbeddedStore, GroupCommit, Kind, MemoryStore, Reason, Store, StoreError, StoreFile,
    Write, decode, read_document, verify_backup,
};

const DAY: u64 = 86_400_000;
/// 2026-01-02T03:04:05.678Z
const START: u64 = 1_767_323_045_678;

fn put(kind: Kind, key: &(impl ToString + ?Sized), value: u64) -> Write {
    Write::put(kind, key, &value).unwrap()
}

fn content(store: &dyn Store) -> BTreeMap<(Kind, String), Vec<u8>> {
    let view = store.view().unwrap();
    let mut all = BTreeMap::new();
    for kind in Kind::ALL {
        let mut keep = |key: &str, value: &[u8]| {
            all.insert((kind, key.to_owned()), value.to_vec());
            Ok(())
        };
        view.scan(kind, None, &mut keep).unwrap();
    }
    all
}

fn content_of(writes: &[Write]) -> BTreeMap<(Kind, String), Vec<u8>> {
    let store = MemoryStore::new();
    store.apply(writes, Durability::Synced).unwrap();
    content(&store)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn filled(path: &Path) -> EmbeddedStore {
    let store = EmbeddedStore::create(path).unwrap();
    for kind in Kind::ALL {
        let writes: Vec<_> = (0..50).map(|n| put(kind, &n, n * 7)).collect();
        store.apply(&writes, Durability::Synced).unwrap();
    }
    store
}

#[test]
fn a_backup_is_found_again_and_restores_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(&folder.path().join("mortar.redb"));
    store
        .apply(&[put(Kind::Meta, "lazy", 1)], Durability::Lazy)
        .unwrap();
    let backups = Backups::beside(store.path());
    assert_eq!(backups.list().unwrap(), []);
    let taken = backups.take(&store, Reason::Scheduled, START).unwrap();
    assert_eq!(taken.name, "mortar-scheduled-20260102T030405.678Z.json");
    assert_eq!(
        (taken.taken_ms, taken.schema, taken.reason),
        (START, Some(mortar_store::SCHEMA_VERSION), Reason::Scheduled)
    );
    let file = folder.path().join("backups").join(&taken.name);
    let about = file.metadata().unwrap();
    assert_eq!(
        (about.len(), about.permissions().mode() & 0o777),
        (taken.bytes, 0o600)
    );
    assert_eq!(backups.list().unwrap(), [taken]);

    let copy = folder.path().join("copy.redb");
    EmbeddedStore::restore(&copy, &verify_backup(&file).unwrap().writes).unwrap();
    assert_eq!(content(&EmbeddedStore::open(&copy).unwrap()), content(&store));
    let again = EmbeddedStore::restore(&copy, &[]).unwrap_err();
    assert!(matches!(again, StoreError::Exists { .. }), "{again}");
    assert_eq!(names(folder.path()), ["backups", "copy.redb", "mortar.redb"]);
}

/// Each change sets one record of every kind to the same number; a backup in the middle of such changes holds one
/// number.
#[test]
fn a_backup_is_one_moment_of_all_kinds() {
    for memory in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let store: Arc<dyn Store> = if memory {
            Arc::new(GroupCommit::new(MemoryStore::new()).unwrap())
        } else {
            Arc::new(GroupCommit::new(EmbeddedStore::create(&path).unwrap()).unwrap())
        };
        let set = |number: u64| -> Vec<_> {
            let mut writes: Vec<_> = Kind::ALL.map(|kind| put(kind, "a", number)).into();
            // Enough that writing the backup takes a while.
            writes.push(Write::put(Kind::Volume, &(number % 200), &"x".repeat(5000)).unwrap());
            writes
        };
        store.apply(&set(0), Durability::Synced).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let writer = std::thread::spawn({
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            move || {
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    store.apply(&set(number), Durability::Lazy).unwrap();
                }
                number
            }
        });
        let backups = Backups::new(folder.path().join("backups"));
        let mut moments = std::collections::BTreeSet::new();
        let begin = Instant::now();
        // Until the writer has come between several of them.
        for n in 0.. {
            let taken = backups.take(&store, Reason::Requested, START + n).unwrap();
            let writes = backups.verify(&taken.name).unwrap().writes;
            let numbers: Vec<u64> = writes
                .iter()
                .filter(|write| write.key() == "a")
                .map(|write| decode(write.kind(), "a", write.value().unwrap()).unwrap())
                .collect();
            assert_eq!(numbers.len(), Kind::ALL.len());
            assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
            moments.insert(numbers[0]);
            if moments.len() > 8 {
                break;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(60),
                "the writer does not come on"
            );
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 8);
    }
}

#[test]
fn every_turned_bit_and_every_missing_end_is_refused_with_its_place() {
    let store = MemoryStore::new();
    let writes: Vec<_> = (0..4).map(|n| put(Kind::Brick, &n, n)).collect();
    store.apply(&writes, Durability::Synced).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let backups = Backups::new(folder.path());
    let taken = backups.take(&store, Reason::Requested, START).unwrap();
    let path = folder.path().join(&taken.name);
    let document = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = verify_backup(&path).unwrap_err();
        let StoreError::Unsound { reason, .. } = error else {
            panic!("{what}: {error:?}")
        };
        // An import of it, which takes documents without a seal too, is not fooled either.
        assert!(read_document(bytes).is_err(), "{what} is imported");
        reason
    };
    for bit in 0..document.len() * 8 {
        let mut turned = document.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        let reason = refused(&turned, &format!("bit {bit}"));
        assert!(
            reason.contains("line ") || reason.contains("checksum"),
            "bit {bit}: {reason}"
        );
    }
    for end in 0..document.len() {
        refused(&document[..end], &format!("cut to {end}"));
    }
    std::fs::write(&path, &document).unwrap();
    verify_backup(&path).unwrap();
    // What was mended by hand is no backup any more, and an import once its seal is taken off.
    let text = String::from_utf8(document)
        .unwrap()
        .replace("\"is\":3", "\"is\":9");
    let reason = refused(text.as_bytes(), "mended by hand");
    assert!(reason.contains("(brick 3) is not what was written"), "{reason}");
    let (unsealed, _) = text.split_once(",\n\"lines\"").unwrap();
    read_document(format!("{unsealed}\n}}\n").as_bytes()).unwrap();
}

#[test]
fn rotation_removes_the_oldest_of_its_own_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemoryStore::new();
    let backups = Backups::new(folder.path());
    let foreign = [
        "mortar-schema-1.json",
        "mortar-scheduled-20200101T000000.000Z.json.bak",
        "mortar-scheduled-yesterday.json",
        "notes.txt",
    ];
    for name in foreign {
        std::fs::write(folder.path().join(name), "mine").unwrap();
    }
    std::fs::create_dir(folder.path().join("mortar-scheduled-20200101T000000.000Z.json")).unwrap();
    std::os::unix::fs::symlink(
        "notes.txt",
        folder.path().join("mortar-scheduled-20200102T000000.000Z.json"),
    )
    .unwrap();
    for day in 0..5 {
        backups
            .take(&store, Reason::Scheduled, START + day * DAY)
            .unwrap();
        backups
            .take(&store, Reason::Requested, START + day * DAY)
            .unwrap();
    }
    let kept = names(folder.path()).len();
    let gone = backups.rotate(3, "").unwrap();
    assert_eq!(
        gone,
        [
            "mortar-scheduled-20260103T030405.678Z.json",
            "mortar-scheduled-20260102T030405.678Z.json",
            "mortar-requested-20260103T030405.678Z.json",
            "mortar-requested-20260102T030405.678Z.json"
        ]
    );
    assert_eq!(names(folder.path()).len(), kept - 4);
    // A clock that went back makes the new backup the oldest: it is kept all the same.
    let taken = backups.take(&store, Reason::Scheduled, START - 9 * DAY).unwrap();
    backups.rotate(3, &taken.name).unwrap();
    assert!(names(folder.path()).contains(&taken.name));
    // One of that name is there already, and stays.
    let again = backups
        .take(&store, Reason::Scheduled, START - 9 * DAY)
        .unwrap_err();
    assert!(matches!(again, StoreError::Exists { .. }), "{again}");
    backups.verify(&taken.name).unwrap();
}

#[test]
fn a_draft_of_a_dead_program_goes_and_one_that_is_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    let backups = Backups::new(folder.path());
    let draft = |pid: u32| {
        folder
            .path()
            .join(format!(".mortar-scheduled-20260102T030405.678Z.json.draft-{pid}"))
    };
    std::fs::write(draft(1), "half").unwrap();
    std::fs::write(folder.path().join(".mine.draft-1"), "mine").unwrap();
    let written = std::fs::File::create(draft(2)).unwrap();
    written.lock().unwrap();
    backups
        .take(&MemoryStore::new(), Reason::Requested, START)
        .unwrap();
    assert!(!draft(1).exists() && draft(2).exists());
    assert_eq!(backups.list().unwrap().len(), 1);
    drop(written);
    backups
        .take(&MemoryStore::new(), Reason::Requested, START + 1)
        .unwrap();
    assert_eq!(
        names(folder.path()),
        [
            ".mine.draft-1",
            "mortar-requested-20260102T030405.678Z.json",
            "mortar-requested-20260102T030405.679Z.json"
        ]
    );
}

#[test]
fn a_backup_that_cannot_be_taken_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = MemoryStore::new();
    let bad = Write::Put(mortar_store::Record {
        kind: Kind::Node,
        key: "k1".to_owned(),
        value: b"not json".to_vec(),
    });
    store.apply(&[bad], Durability::Synced).unwrap();
    let backups = Backups::new(folder.path().join("a/b"));
    let error = backups.take(&store, Reason::Scheduled, START).unwrap_err();
    assert!(error.to_string().contains("node k1"), "{error}");
    assert_eq!(names(&folder.path().join("a/b")), Vec::<String>::new());
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = Backups::new(folder.path().join("file/backups"))
        .take(&MemoryStore::new(), Reason::Scheduled, START)
        .unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn a_file_that_is_only_looked_at_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = filled(&path);
    let in_use = StoreFile::open(&path).unwrap_err();
    assert!(matches!(in_use, StoreError::InUse { .. }), "{in_use}");
    // What a program that dies now leaves: never closed, so that opening it would mend it.
    let crashed = folder.path().join("crashed");
    std::fs::copy(&path, &crashed).unwrap();
    let right = content(&store);
    drop(store);
    for (n, path) in (0..).zip([path, crashed]) {
        let before = std::fs::read(&path).unwrap();
        let file = StoreFile::open(&path).unwrap();
        assert_eq!(file.schema(), mortar_store::SCHEMA_VERSION);
        assert!(matches!(
            EmbeddedStore::open(&path),
            Err(StoreError::InUse { .. })
        ));
        let taken = Backups::new(folder.path().join("backups"))
            .take_of_file(&file, Reason::Requested, START + n)
            .unwrap();
        assert_eq!(
            content_of(
                &verify_backup(&folder.path().join("backups").join(taken.name))
                    .unwrap()
                    .writes
            ),
            right
        );
        let mut exported = Vec::new();
        file.export(&mut exported).unwrap();
        drop(file);
        let copy = MemoryStore::new();
        mortar_store::import(&copy, &exported).unwrap();
        assert_eq!(content(&copy), right);
        assert!(std::fs::read(&path).unwrap() == before, "{}", path.display());
    }
    let mut turned = std::fs::read(folder.path().join("crashed")).unwrap();
    let at = turned.windows(6).position(|bytes| bytes == b"\"v\":1,").unwrap();
    turned[at] ^= 4;
    std::fs::write(folder.path().join("crashed"), turned).unwrap();
    let error = StoreFile::open(folder.path().join("crashed")).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}
