//! What every store promises, asked of each of them by the same test.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

use std::sync::Arc;

use mortar_store::{
    Durability, EmbeddedStore, GroupCommit, Kind, MemoryStore, Store, StoreError, Write, decode, export,
    export_to, import,
};
use proptest::prelude::*;

/// Runs `test` over each implementation, empty.
fn over_all(test: fn(&dyn Store)) {
    let folder = tempfile::tempdir().unwrap();
    test(&MemoryStore::new());
    test(&EmbeddedStore::create(folder.path().join("plain")).unwrap());
    test(&GroupCommit::new(MemoryStore::new()).unwrap());
    test(&GroupCommit::new(EmbeddedStore::create(folder.path().join("group")).unwrap()).unwrap());
}

fn put(kind: Kind, key: &str, value: u64) -> Write {
    Write::put(kind, key, &value).unwrap()
}

fn all(store: &dyn Store, kind: Kind, from: Option<&str>) -> Vec<(String, u64)> {
    let mut seen = Vec::new();
    store
        .scan(kind, from, &mut |key, value| {
            seen.push((key.to_owned(), decode(kind, key, value)?));
            Ok(())
        })
        .unwrap();
    seen
}

#[test]
fn what_was_put_is_there_and_what_was_deleted_is_not() {
    over_all(|store| {
        for durability in [Durability::Lazy, Durability::Synced] {
            assert_eq!(store.get(Kind::Volume, "a").unwrap(), None);
            store
                .apply(&[put(Kind::Volume, "a", 1), put(Kind::Brick, "a", 2)], durability)
                .unwrap();
            assert_eq!(all(store, Kind::Volume, None), [("a".to_owned(), 1)]);
            assert_eq!(all(store, Kind::Brick, None), [("a".to_owned(), 2)]);
            store
                .apply(
                    &[put(Kind::Volume, "a", 3), Write::delete(Kind::Brick, "a")],
                    durability,
                )
                .unwrap();
            assert_eq!(
                store.get(Kind::Volume, "a").unwrap().unwrap(),
                br#"{"v":1,"is":3}"#
            );
            assert_eq!(store.get(Kind::Brick, "a").unwrap(), None);
            store
                .apply(
                    &[
                        Write::delete(Kind::Volume, "a"),
                        Write::delete(Kind::Node, "none"),
                    ],
                    durability,
                )
                .unwrap();
        }
    });
}

#[test]
fn writes_of_one_change_are_made_in_order() {
    over_all(|store| {
        store
            .apply(
                &[
                    put(Kind::Meta, "a", 1),
                    Write::delete(Kind::Meta, "a"),
                    put(Kind::Meta, "a", 2),
                ],
                Durability::Lazy,
            )
            .unwrap();
        assert_eq!(all(store, Kind::Meta, None), [("a".to_owned(), 2)]);
        store
            .apply(
                &[put(Kind::Meta, "a", 3), Write::delete(Kind::Meta, "a")],
                Durability::Synced,
            )
            .unwrap();
        assert_eq!(all(store, Kind::Meta, None), []);
    });
}

#[test]
fn a_scan_is_sorted_begins_where_asked_and_stops_on_an_error() {
    over_all(|store| {
        let writes: Vec<_> = ["b", "a", "", "é", "ab"]
            .iter()
            .map(|key| put(Kind::Node, key, 1))
            .collect();
        store.apply(&writes, Durability::Synced).unwrap();
        let keys = |from| {
            all(store, Kind::Node, from)
                .into_iter()
                .map(|(key, _)| key)
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(None), ["", "a", "ab", "b", "é"]);
        assert_eq!(keys(Some("aa")), ["ab", "b", "é"]);
        assert_eq!(keys(Some("b")), ["b", "é"]);
        let mut seen = 0;
        let stopped = store.scan(Kind::Node, None, &mut |_, _| {
            seen += 1;
            if seen == 2 {
                Err(StoreError::Closed)
            } else {
                Ok(())
            }
        });
        assert!(matches!(stopped, Err(StoreError::Closed)));
        assert_eq!(seen, 2);
    });
}

#[test]
fn a_scan_shows_the_state_of_its_beginning_and_its_visitor_may_write() {
    over_all(|store| {
        store
            .apply(
                &[put(Kind::Node, "a", 1), put(Kind::Node, "b", 1)],
                Durability::Synced,
            )
            .unwrap();
        let mut seen = Vec::new();
        store
            .scan(Kind::Node, None, &mut |key, value| {
                store.apply(
                    &[Write::delete(Kind::Node, "b"), put(Kind::Node, "c", 1)],
                    Durability::Synced,
                )?;
                seen.push((key.to_owned(), decode::<u64>(Kind::Node, key, value)?));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    });
}

#[test]
fn a_view_is_one_moment_of_all_kinds() {
    over_all(|store| {
        let kinds = [Kind::Node, Kind::Volume];
        store
            .apply(&kinds.map(|kind| put(kind, "a", 1)), Durability::Lazy)
            .unwrap();
        let view = store.view().unwrap();
        store
            .apply(
                &[
                    put(Kind::Node, "a", 2),
                    put(Kind::Node, "b", 2),
                    Write::delete(Kind::Volume, "a"),
                ],
                Durability::Synced,
            )
            .unwrap();
        for kind in kinds {
            assert_eq!(view.get(kind, "a").unwrap().as_deref(), put(kind, "a", 1).value());
            assert_eq!(view.get(kind, "b").unwrap(), None);
            let mut seen = Vec::new();
            view.scan(kind, None, &mut |key, value| {
                seen.push((key.to_owned(), decode::<u64>(kind, key, value)?));
                Ok(())
            })
            .unwrap();
            assert_eq!(seen, [("a".to_owned(), 1)]);
            view.scan(kind, Some("aa"), &mut |_, _| Err(StoreError::Closed))
                .unwrap();
        }
        drop(view);
        assert_eq!(all(store, Kind::Node, None).len(), 2);
    });
}

#[test]
fn a_closed_file_opens_again_with_lazy_writes_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = EmbeddedStore::open_or_create(&path).unwrap();
    store
        .apply(&[put(Kind::Volume, "a", 1)], Durability::Synced)
        .unwrap();
    store
        .apply(&[put(Kind::Volume, "b", 2)], Durability::Lazy)
        .unwrap();
    drop(store);
    let store = EmbeddedStore::open_or_create(&path).unwrap();
    assert_eq!(
        all(&store, Kind::Volume, None),
        [("a".to_owned(), 1), ("b".to_owned(), 2)]
    );
}

#[test]
fn a_second_opener_is_told_that_the_store_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let first = EmbeddedStore::create(&path).unwrap();
    let error = EmbeddedStore::open_or_create(&path).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()));
    assert!(matches!(
        EmbeddedStore::create(&path),
        Err(StoreError::Exists { .. })
    ));
    drop(first);
    EmbeddedStore::open(&path).unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "only the store is left in its folder"
    );
}

#[test]
fn what_is_not_a_store_is_told_by_name_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    assert!(matches!(
        EmbeddedStore::open(&path),
        Err(StoreError::Missing { .. })
    ));
    let text = "{\"some\": \"notes of mine\"}\n".repeat(10_000);
    for content in ["", "x", "short text\n", text.as_str()] {
        std::fs::write(&path, content).unwrap();
        let error = EmbeddedStore::open_or_create(&path).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()) && error.to_string().contains("restore"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
    let error = EmbeddedStore::open_or_create(folder.path())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("cannot open the store") || error.contains("regular file"),
        "{error}"
    );
    let error = EmbeddedStore::open_or_create(folder.path().join("none/store")).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn a_file_cut_off_anywhere_is_an_error_or_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = EmbeddedStore::create(&path).unwrap();
    let writes: Vec<_> = (0..3000)
        .map(|n| put(Kind::Brick, &format!("{n:032x}"), n))
        .collect();
    store.apply(&writes, Durability::Synced).unwrap();
    drop(store);
    let whole = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for part in 0..40 {
        let length = whole.len() * part / 40 + part % 3;
        std::fs::write(&path, &whole[..length]).unwrap();
        match EmbeddedStore::open_or_create(&path) {
            Err(StoreError::Damaged { .. }) => refused += 1,
            Err(error) => panic!("cut to {length}: {error}"),
            Ok(store) => assert_eq!(all(&store, Kind::Brick, None).len(), 3000, "cut to {length}"),
        }
    }
    assert!(refused > 20);
}

#[test]
fn an_import_takes_all_or_nothing() {
    over_all(|store| {
        let text =
            r#"{"format":"mortar-export","schema":4,"records":{"node":{"a":{"v":1,"is":1}},"brick":{}}}"#;
        let whole = text.as_bytes();
        for end in 0..whole.len() {
            let error = import(store, &whole[..end]).unwrap_err();
            assert!(matches!(error, StoreError::Document { .. }), "{error}");
        }
        for (from, to, told) in [
            (
                "\"schema\":4",
                "\"schema\":5",
                "schema version 5, this program knows version 4",
            ),
            ("mortar-export", "other", "\"other\""),
            ("\"brick\"", "\"brick2\"", "brick2"),
            ("\"brick\"", "\"node\"", "twice"),
            ("\"brick\"", "\"node\":{},\"node\"", "twice"),
            (
                "{\"node\"",
                "{\"node\":{\"a\":1,\"a\":2}},\"extra\":{\"x\"",
                "twice",
            ),
            ("\"records\"", "\"extra\":1,\"records\"", "extra"),
        ] {
            let error = import(store, text.replace(from, to).as_bytes())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(told) && error.contains("nothing was written"),
                "{error}"
            );
        }
        for kind in Kind::ALL {
            assert_eq!(all(store, kind, None), []);
        }
        import(store, whole).unwrap();
        assert_eq!(all(store, Kind::Node, None), [("a".to_owned(), 1)]);
        assert!(matches!(
            import(store, whole),
            Err(StoreError::NotEmpty { kind: Kind::Node })
        ));
    });
}

#[test]
fn an_export_replaces_the_old_one_only_when_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backup.json");
    std::fs::write(&path, "the old one").unwrap();
    let store = MemoryStore::new();
    let bad = Write::Put(mortar_store::Record {
        kind: Kind::Node,
        key: "k1".to_owned(),
        value: b"not json".to_vec(),
    });
    store.apply(&[bad], Durability::Synced).unwrap();
    let error = export_to(&store, &path).unwrap_err().to_string();
    assert!(error.contains("node k1"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the old one");
    store
        .apply(&[put(Kind::Node, "k1", 7)], Durability::Synced)
        .unwrap();
    export_to(&store, &path).unwrap();
    let copy = MemoryStore::new();
    import(&copy, &std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(all(&copy, Kind::Node, None), [("k1".to_owned(), 7)]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_export_reads_well() {
    let store = MemoryStore::new();
    store
        .apply(
            &[put(Kind::Node, "b", 2), put(Kind::Node, "a", 1)],
            Durability::Synced,
        )
        .unwrap();
    let mut text = Vec::new();
    export(&store, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(
        text.contains("\"node\": {\n\"a\": {\"v\":1,\"is\":1},\n\"b\": {\"v\":1,\"is\":2}\n}"),
        "{text}"
    );
}

/// JSON texts with all that could be changed on the way: big numbers, escapes, order of names, spaces.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<u128>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| format!("{n:e}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just("null".to_owned()),
        Just("\"\\u00e9\\/\"".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(" , "))),
            (inner.clone(), inner).prop_map(|(one, two)| format!("{{\"z\":{one},\"a\": {two}}}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn export_import_export_gives_the_same_bytes(
        records in proptest::collection::vec((0..7_usize, any::<String>(), any_json()), 0..20)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let first = MemoryStore::new();
        for (kind, key, value) in records {
            let value = value.into_bytes();
            let record = mortar_store::Record { kind: Kind::ALL[kind], key, value };
            first.apply(&[Write::Put(record)], Durability::Lazy).unwrap();
        }
        let mut one = Vec::new();
        export(&first, &mut one).unwrap();
        let second: Arc<dyn Store> = Arc::new(EmbeddedStore::create(folder.path().join("store")).unwrap());
        import(&second, &one).unwrap();
        let mut two = Vec::new();
        export(&second, &mut two).unwrap();
        prop_assert_eq!(String::from_utf8(one).unwrap(), String::from_utf8(two).unwrap());
    }
}
