//! Files of older and newer schemas, and what is left when the disk fails in the middle of a migration.

use std::path::Path;

use super::disk::{Disk, Fault};
use super::{Content, change, content, open, open_as};
use crate::embedded::{EmbeddedStore, Opening};
use crate::{Backups, Draft, Durability, Kind, Migration, Schema, Store as _, StoreError};

/// Moves all volumes under the nodes, and leaves a note.
fn volumes_to_nodes(draft: &mut dyn Draft) -> Result<(), StoreError> {
    for (key, value) in draft.records("volume")? {
        draft.put("node", &format!("was-{key}"), &value)?;
        draft.delete("volume", &key)?;
    }
    draft.put("gone", "a", b"1")
}

fn no_gone(draft: &mut dyn Draft) -> Result<(), StoreError> {
    assert_eq!(draft.records("gone")?.len(), 1);
    draft.drop_kind("gone")?;
    draft.put("meta", "moved", b"{\"v\":1,\"is\":true}")
}

const STEPS: [Migration; 2] = [
    Migration {
        what: "volumes become nodes",
        change: volumes_to_nodes,
    },
    Migration {
        what: "nothing is gone",
        change: no_gone,
    },
];

fn newer(backups: &Path, steps: &'static [Migration]) -> Opening {
    Opening {
        schema: Schema::new(steps),
        ..Opening::with(Backups::new(backups))
    }
}

/// A closed store of version 1, as this program writes it.
fn version_1() -> (Disk, Content) {
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    for step in 0..12 {
        store.apply(&change(step), Durability::Synced).unwrap();
    }
    let content = content(&store).unwrap();
    drop(store);
    (disk, content)
}

fn migrated(old: &Content) -> Content {
    let mut new: Content = old
        .iter()
        .map(|(name, value)| match name.strip_prefix("volume/") {
            Some(key) => (format!("node/was-{key}"), value.clone()),
            None => (name.clone(), value.clone()),
        })
        .collect();
    new.insert("meta/moved".to_owned(), b"{\"v\":1,\"is\":true}".to_vec());
    new
}

/// The version that a file says it has.
fn version_of(disk: &Disk) -> u32 {
    match open(disk) {
        Ok(_) => 1,
        Err(StoreError::NewerSchema { found, known: 1, .. }) => found,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn an_older_store_is_backed_up_and_brought_along_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, old) = version_1();
    assert!(old.keys().any(|name| name.starts_with("volume/")));
    for (steps, version) in [(1, 2), (2, 3), (2, 3)] {
        let store = open_as(&disk, newer(folder.path(), &STEPS[..steps])).unwrap();
        if steps == 2 {
            assert!(content(&store).unwrap() == migrated(&old));
        }
        drop(store);
        assert_eq!(version_of(&disk), version);
    }
    let backups = Backups::new(folder.path());
    let names: Vec<_> = backups
        .list()
        .unwrap()
        .into_iter()
        .map(|file| file.name)
        .collect();
    assert_eq!(names, ["mortar-schema-1.json", "mortar-schema-2.json"]);
    // The way back: the first backup is the old store.
    let imported = backups.verify("mortar-schema-1.json").unwrap();
    let mut restored = Content::new();
    super::apply_to(&mut restored, &imported.writes);
    assert!(restored == old);
    assert_eq!(imported.schema, 1);
    // And the way along: an old backup is brought to the newest schema as an old file is.
    let document = std::fs::read(folder.path().join("mortar-schema-1.json")).unwrap();
    let mut brought = Content::new();
    let imported = crate::import::read_with(&document, Schema::new(&STEPS)).unwrap();
    super::apply_to(&mut brought, &imported.writes);
    assert!(brought == migrated(&old));
}

fn open_newest(disk: &Disk, folder: &Path) -> Result<EmbeddedStore, StoreError> {
    open_as(disk, newer(folder, &STEPS))
}

/// At every call below the store, the power goes or the disk fails: what is there then is the old version or the new
/// one, whole, and the next start goes on from it.
#[test]
fn whatever_stops_a_migration_leaves_one_version_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (original, old) = version_1();
    let (image, new) = (original.image(), migrated(&old));
    for fault in [Fault::Power, Fault::Failing, Fault::Full] {
        let mut left_old = 0;
        for calls in 1.. {
            let disk = Disk::from(image.clone());
            disk.fault_after(calls, fault);
            let opened = open_newest(&disk, folder.path());
            let met = disk.disarm();
            if met && fault != Fault::Power {
                // The caller is told, or it was mended: never a store of neither version.
                match &opened {
                    Ok(store) => assert!(content(store).unwrap() == new),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
            drop(opened);
            disk.restart(calls);
            if version_of(&disk) == 1 {
                left_old += 1;
                assert!(
                    content(&open(&disk).unwrap()).unwrap() == old,
                    "{fault:?} {calls}"
                );
            }
            let store = open_newest(&disk, folder.path()).unwrap();
            assert!(content(&store).unwrap() == new, "{fault:?} {calls}");
            if !met {
                break;
            }
        }
        assert!(left_old > 10, "{fault:?}: {left_old}");
    }
    // The same backup was enough for all of them.
    assert_eq!(Backups::new(folder.path()).list().unwrap().len(), 1);
}

#[test]
fn a_step_that_fails_or_panics_leaves_the_old_version_and_says_which() {
    const FAILS: [Migration; 2] = [
        STEPS[0],
        Migration {
            what: "a record that is not there",
            change: |_| Err(StoreError::Closed),
        },
    ];
    const PANICS: [Migration; 1] = [Migration {
        what: "a bug",
        change: |draft| {
            draft.drop_kind("node")?;
            panic!("a bug in a migration")
        },
    }];
    let folder = tempfile::tempdir().unwrap();
    let (disk, old) = version_1();
    let error = open_as(&disk, newer(folder.path(), &FAILS)).unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("from schema version 2 to 3 (a record that is not there)"),
        "{told}"
    );
    assert!(content(&open(&disk).unwrap()).unwrap() == old);
    let error = open_as(&disk, newer(folder.path(), &PANICS)).unwrap_err();
    assert!(error.to_string().contains("a bug in a migration"), "{error}");
    assert!(content(&open(&disk).unwrap()).unwrap() == old);
}

#[test]
fn without_a_backup_there_is_no_migration() {
    let folder = tempfile::tempdir().unwrap();
    let not_a_folder = folder.path().join("file");
    std::fs::write(&not_a_folder, "mine").unwrap();
    let (disk, old) = version_1();
    let error = open_as(&disk, newer(&not_a_folder, &STEPS)).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::NotBackedUp {
                found: 1,
                known: 3,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error
            .to_string()
            .contains("not brought to version 3 without a backup")
    );
    assert!(content(&open(&disk).unwrap()).unwrap() == old);
}

#[test]
fn an_older_program_refuses_a_newer_store_by_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, _) = version_1();
    open_newest(&disk, folder.path()).unwrap();
    let error = open(&disk).unwrap_err();
    assert!(matches!(
        error,
        StoreError::NewerSchema {
            found: 3,
            known: 1,
            ..
        }
    ));
    let error = error.to_string();
    assert!(
        error.contains("version 3") && error.contains("version 1"),
        "{error}"
    );
}

/// A backup that differs is not written over one that is there.
#[test]
fn a_second_backup_of_the_same_version_gets_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = version_1();
    open_newest(&first, folder.path()).unwrap();
    let second = Disk::default();
    let store = open(&second).unwrap();
    store.apply(&change(1), Durability::Synced).unwrap();
    drop(store);
    open_newest(&second, folder.path()).unwrap();
    let names: std::collections::BTreeSet<_> = Backups::new(folder.path())
        .list()
        .unwrap()
        .into_iter()
        .map(|file| file.name)
        .collect();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        ["mortar-schema-1-2.json", "mortar-schema-1.json"]
    );
    // Never rotated away.
    assert_eq!(
        Backups::new(folder.path()).rotate(0, "").unwrap(),
        Vec::<String>::new()
    );
}

/// Kinds that came with this schema have their tables, also in a file that never held one.
#[test]
fn a_migrated_store_takes_records_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, _) = version_1();
    let store = open_newest(&disk, folder.path()).unwrap();
    for kind in Kind::ALL {
        let write = crate::Write::put(kind, "new", &1).unwrap();
        store.apply(&[write], Durability::Synced).unwrap();
    }
}
