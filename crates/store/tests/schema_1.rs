//! A store file of version 1, as a server wrote it: read by this program, and by one that knows newer versions.
//!
//! `fixtures/schema-1.redb` is never made anew: that a later program reads it is the point. `schema-1.json` is its export.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

use std::path::{Path, PathBuf};

use mortar_store::{
    Backups, Draft, EmbeddedStore, Kind, Migration, Opening, Schema, StoreError, StoreFile, export,
    verify_backup,
};
use proptest::prelude::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// A copy to work on, and the folder that it is in.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    std::fs::copy(fixture("schema-1.redb"), &path).unwrap();
    (folder, path)
}

fn text(path: &Path) -> Result<String, StoreError> {
    let mut text = Vec::new();
    export(&EmbeddedStore::open(path)?, &mut text)?;
    Ok(String::from_utf8(text).unwrap())
}

/// The records of an export, without those kinds that have none: a later program knows of more.
fn records(export: &str) -> serde_json::Value {
    let mut export: serde_json::Value = serde_json::from_str(export).unwrap();
    let mut records = export["records"].take();
    let kinds = records.as_object_mut().unwrap();
    kinds.retain(|_, of_kind| !of_kind.as_object().unwrap().is_empty());
    records
}

#[test]
fn this_program_reads_it() {
    let (_folder, path) = copy();
    let right = std::fs::read_to_string(fixture("schema-1.json")).unwrap();
    assert!(
        right.contains("\"operation\": {\n\""),
        "an operation is under way in it"
    );
    let mut looked = Vec::new();
    let file = StoreFile::open(&path).unwrap();
    assert_eq!(file.schema(), 1);
    file.export(&mut looked).unwrap();
    drop(file);
    assert_eq!(String::from_utf8(looked).unwrap(), right);
    if mortar_store::SCHEMA_VERSION == 1 {
        assert_eq!(text(&path).unwrap(), right);
    } else {
        EmbeddedStore::open(&path).unwrap();
    }
}

/// Ends every operation that is under way, in a new kind that the program of version 3 has no use for any more.
const STEPS: &[Migration] = &[
    Migration {
        what: "operations are archived",
        change: |draft: &mut dyn Draft| {
            for (key, value) in draft.records("operation")? {
                draft.put("archive", &key, &value)?;
                draft.delete("operation", &key)?;
            }
            Ok(())
        },
    },
    Migration {
        what: "the archive is counted and closed",
        change: |draft: &mut dyn Draft| {
            let count = draft.records("archive")?.len();
            draft.put(
                "meta",
                "archived",
                format!("{{\"v\":1,\"is\":{count}}}").as_bytes(),
            )?;
            draft.drop_kind("archive")
        },
    },
];

#[test]
fn a_program_that_knows_newer_versions_brings_it_along_and_keeps_it() {
    let (folder, path) = copy();
    let opening = Opening {
        schema: Schema::new(STEPS),
        ..Opening::with(Backups::new(folder.path().join("kept")))
    };
    let count = |store: &EmbeddedStore, kind| {
        let mut count = 0;
        let view = mortar_store::Store::view(store).unwrap();
        view.scan(kind, None, &mut |_, _| {
            count += 1;
            Ok(())
        })
        .unwrap();
        count
    };
    let store = EmbeddedStore::open_with(&path, opening.clone()).unwrap();
    assert_eq!(
        (count(&store, Kind::Operation), count(&store, Kind::Meta)),
        (0, 1)
    );
    assert!(count(&store, Kind::Brick) > 0);
    drop(store);
    // Once is enough.
    drop(EmbeddedStore::open_with(&path, opening).unwrap());
    let found = Backups::new(folder.path().join("kept")).list().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].name.as_str(), found[0].schema),
        ("mortar-schema-1.json", Some(1))
    );
    // Back to version 1 by its backup.
    let imported = verify_backup(&folder.path().join("kept/mortar-schema-1.json")).unwrap();
    let back = folder.path().join("back.redb");
    EmbeddedStore::restore(&back, &imported.writes).unwrap();
    assert_eq!(
        records(&text(&back).unwrap()),
        records(&std::fs::read_to_string(fixture("schema-1.json")).unwrap())
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Some bits anywhere in the file turned: an error, or exactly the right contents.
    #[test]
    fn turned_bits_are_told_or_harmless(bits in proptest::collection::vec(any::<proptest::sample::Index>(), 1..4)) {
        let (_folder, path) = copy();
        let mut bytes = std::fs::read(&path).unwrap();
        for bit in bits {
            let bit = bit.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        std::fs::write(&path, &bytes).unwrap();
        let right = std::fs::read_to_string(fixture("schema-1.json")).unwrap();
        let mut looked = Vec::new();
        match StoreFile::open(&path).and_then(|file| file.export(&mut looked)) {
            Ok(()) => prop_assert!(looked == right.as_bytes()),
            Err(error) => prop_assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}"),
        }
        prop_assert!(std::fs::read(&path).unwrap() == bytes, "looking changes nothing");
        match text(&path) {
            Ok(text) => prop_assert!(records(&text) == records(&right)),
            Err(error) => prop_assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}"),
        }
    }

    /// A piece of the file overwritten with zeros, or with another piece of it.
    #[test]
    fn pieces_in_the_wrong_place_are_told_or_harmless(
        from in any::<proptest::sample::Index>(), to in any::<proptest::sample::Index>(), length in 1..9000_usize, zeros: bool
    ) {
        let (_folder, path) = copy();
        let mut bytes = std::fs::read(&path).unwrap();
        let length = length.min(bytes.len() - 1);
        let (from, to) = (from.index(bytes.len() - length), to.index(bytes.len() - length));
        if zeros {
            bytes[to..to + length].fill(0);
        } else {
            bytes.copy_within(from..from + length, to);
        }
        std::fs::write(&path, &bytes).unwrap();
        let right = std::fs::read_to_string(fixture("schema-1.json")).unwrap();
        match text(&path) {
            Ok(text) => prop_assert!(records(&text) == records(&right)),
            Err(error) => prop_assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}"),
        }
    }
}
