//! Bits that turn on the disk of a store that is open: nothing wrong reaches a reader, and nobody misses a record.

use std::collections::BTreeMap;
use std::path::Path;

use super::disk::Disk;
use super::{Content, PATH, change, content, open_as};
use crate::embedded::{EmbeddedStore, Opening};
use crate::{Durability, Kind, Store, StoreError, Write};

/// Bits that are turned, one at a time, all over the file.
const BITS: usize = 6000;

/// A store that keeps no page in memory: whatever is read is read from the disk.
fn open(disk: &Disk) -> EmbeddedStore {
    let opening = Opening {
        cache: 0,
        ..Opening::beside(Path::new(PATH))
    };
    open_as(disk, opening).unwrap()
}

/// All that a reader can ask: each kind from its beginning to its end, each record by its key, all in one view.
fn read_all(store: &EmbeddedStore, right: &Content) -> Result<Content, StoreError> {
    let found = content(store)?;
    let view = store.view()?;
    let mut one_by_one = Content::new();
    for name in right.keys() {
        let (kind, key) = name.split_once('/').unwrap();
        let kind = Kind::from_name(kind).unwrap();
        let value = store.get(kind, key)?;
        assert_eq!(value, view.get(kind, key)?, "{name}");
        one_by_one.extend(value.map(|value| (name.clone(), value)));
    }
    assert!(found == one_by_one, "a scan and the questions one by one differ");
    Ok(found)
}

fn page_kind(image: &[u8], byte: usize) -> &'static str {
    // redb's own marks, in the first byte of a page.
    match image[byte / 4096 * 4096] {
        _ if byte < 4096 => "head",
        1 => "leaf",
        2 => "branch",
        _ => "other",
    }
}

#[test]
fn a_turned_bit_under_an_open_store_is_told_or_harmless() {
    let disk = Disk::default();
    let store = open(&disk);
    for step in 0..60 {
        store.apply(&change(step), Durability::Synced).unwrap();
    }
    let right = content(&store).unwrap();
    drop(store);
    let image = disk.image();
    let mut tally: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    let mut kept = None;
    let step = image.len() * 8 / BITS + 1;
    for bit in (0..image.len() * 8).step_by(step) {
        let store = kept.take().unwrap_or_else(|| open(&disk));
        disk.flip(bit);
        let told = match read_all(&store, &right) {
            Ok(found) => {
                assert!(found == right, "bit {bit}: wrong records reach a reader");
                kept = Some(store);
                false
            }
            Err(StoreError::Damaged { reason, .. }) => {
                assert!(reason.contains("changed on the disk"), "bit {bit}: {reason}");
                true
            }
            Err(error) => panic!("bit {bit}: {error:?}"),
        };
        disk.flip(bit);
        *tally.entry((page_kind(&image, bit / 8), told)).or_default() += 1;
    }
    let told = |kind| tally.get(&(kind, true)).copied().unwrap_or(0);
    assert!(told("leaf") > 500 && told("branch") > 50, "{tally:?}");
}

/// Not only a bit: a whole page that the disk takes back to what it was is found as well.
#[test]
fn a_page_that_the_disk_takes_back_is_told() {
    let disk = Disk::default();
    let store = open(&disk);
    let put = |value: u64| [Write::put(Kind::Meta, "a", &value).unwrap()];
    let mut told = 0;
    for value in 0..8 {
        store.apply(&put(value), Durability::Synced).unwrap();
        let before = disk.image();
        store.apply(&put(value + 100), Durability::Synced).unwrap();
        let now = disk.image();
        for page in 1..now.len() / 4096 {
            let range = page * 4096..(page + 1) * 4096;
            if before.get(range.clone()) == now.get(range.clone()) || before.len() < range.end {
                continue;
            }
            let store = open(&Disk::from(now.clone()));
            drop(store);
            let disk = Disk::from(now.clone());
            let store = open(&disk);
            disk.put(page * 4096, &before[range]);
            match store.get(Kind::Meta, "a") {
                Err(StoreError::Damaged { .. }) => told += 1,
                found => assert_eq!(
                    found.unwrap().as_deref(),
                    put(value + 100)[0].value(),
                    "page {page}"
                ),
            }
        }
    }
    assert!(told >= 8, "{told}");
}
