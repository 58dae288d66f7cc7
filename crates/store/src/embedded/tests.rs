//! What happens when the disk below the store fails, loses power or turns bits.

mod disk;
mod flips;
mod schema;

use std::collections::BTreeMap;

use disk::{Disk, Fault};
use proptest::prelude::*;

use super::{EmbeddedStore, Opening};
use crate::{Durability, Kind, Schema, Store as _, StoreError, Write};

type Content = BTreeMap<String, Vec<u8>>;

const PATH: &str = "/var/lib/mortar/store";

/// As a program of version 1: what newer ones make of its files is what is tried.
fn open(disk: &Disk) -> Result<EmbeddedStore, StoreError> {
    let first = Opening {
        schema: Schema::new(&[]),
        ..Opening::beside(PATH.as_ref())
    };
    open_as(disk, first)
}

fn open_as(disk: &Disk, opening: Opening) -> Result<EmbeddedStore, StoreError> {
    let disk = disk.clone();
    EmbeddedStore::open_backend(PATH, opening, move || disk.clone())
}

fn content(store: &EmbeddedStore) -> Result<Content, StoreError> {
    let mut content = Content::new();
    for kind in Kind::ALL {
        store.scan(kind, None, &mut |key, value| {
            content.insert(format!("{kind}/{key}"), value.to_vec());
            Ok(())
        })?;
    }
    Ok(content)
}

/// The `step`th change of the work that these tests do: some records come, some change, some go.
fn change(step: usize) -> Vec<Write> {
    let text = format!("{step}-").repeat(40 + step % 7 * 90);
    (0..4)
        .map(|n| Write::put(Kind::ALL[(step + n) % 5], &((step * 3 + n) % 40), &text).unwrap())
        .chain([Write::delete(Kind::ALL[step % 5], &((step * 3 + 20) % 40))])
        .collect()
}

fn durability(step: usize) -> Durability {
    if step % 3 == 1 {
        Durability::Lazy
    } else {
        Durability::Synced
    }
}

fn apply_to(content: &mut Content, writes: &[Write]) {
    for write in writes {
        let key = format!("{}/{}", write.kind(), write.key());
        match write.value() {
            Some(value) => content.insert(key, value.to_vec()),
            None => content.remove(&key),
        };
    }
}

/// The states that a store goes through in `steps` changes; the first is the empty one.
fn states(steps: usize) -> Vec<Content> {
    let mut states = vec![Content::new()];
    for step in 0..steps {
        let mut next = states[step].clone();
        apply_to(&mut next, &change(step));
        states.push(next);
    }
    states
}

/// Does the work until it fails. Returns how many changes were made and how many of them surely stay.
fn work(store: &EmbeddedStore, steps: usize) -> (usize, usize) {
    let mut synced = 0;
    for step in 0..steps {
        if store.apply(&change(step), durability(step)).is_err() {
            return (step, synced);
        }
        if durability(step) == Durability::Synced {
            synced = step + 1;
        }
    }
    (steps, synced)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whenever the power goes, and whatever the disk kept of what was not synced: the store opens, holds all
    /// that was promised, and is in a state that it has been in.
    #[test]
    fn a_power_cut_loses_nothing_that_was_synced(after in 1..400_u64, seed: u64) {
        let steps = 24;
        let disk = Disk::default();
        let store = open(&disk).unwrap();
        disk.fault_after(after, Fault::Power);
        let (made, synced) = work(&store, steps);
        drop(store);
        disk.restart(seed);
        let store = open(&disk).unwrap();
        let found = content(&store).unwrap();
        let states = states(steps);
        // One more than was answered may have been under way.
        let last = (made + 1).min(steps);
        prop_assert!(states[synced..=last].contains(&found), "made {made}, synced {synced}");
        // And it works on.
        store.apply(&change(99), Durability::Synced).unwrap();
    }
}

/// As [`change`], but so much that the file must grow.
fn large_change(step: usize) -> Vec<Write> {
    let text = "much ".repeat(30_000);
    change(step)
        .into_iter()
        .chain([Write::put(Kind::Meta, &step, &text).unwrap()])
        .collect()
}

/// Does `steps` changes while `fault` comes up after `after` calls, and looks after each whether what was told is
/// true. Returns whether the fault came up, and how many changes were told to have failed.
fn work_with_fault(fault: Fault, after: u64, change: fn(usize) -> Vec<Write>) -> (bool, usize) {
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    disk.fault_after(after, fault);
    let (mut expected, mut failed) = (Content::new(), 0);
    for step in 0..12 {
        let writes = change(step);
        let result = store.apply(&writes, durability(step));
        failed += usize::from(result.is_err());
        match result {
            Ok(()) => apply_to(&mut expected, &writes),
            Err(StoreError::Uncertain { .. }) if fault == Fault::Failing => {
                // Nothing more is written, and that is told too.
                let next = store.apply(&writes, Durability::Synced).unwrap_err();
                assert!(matches!(next, StoreError::Failed { .. }), "{next}");
                break;
            }
            Err(StoreError::Full { .. }) if fault != Fault::Failing => {}
            Err(StoreError::Io { .. }) if fault == Fault::Failing => {}
            Err(error) => panic!("{fault:?} after {after}, step {step}: {error:?}"),
        }
        assert!(
            content(&store).unwrap() == expected,
            "{fault:?} after {after}, step {step}"
        );
    }
    let met = disk.disarm();
    if fault != Fault::Failing {
        // A full disk is no reason to keep what shall go.
        let writes = [Write::delete(Kind::Meta, "0"), Write::delete(Kind::Meta, "1")];
        store.apply(&writes, Durability::Synced).unwrap();
        apply_to(&mut expected, &writes);
        drop(store);
        assert!(
            content(&open(&disk).unwrap()).unwrap() == expected,
            "{fault:?} after {after}, opened again"
        );
    }
    (met, failed)
}

/// Each call below the store fails once, in turn: nothing is half done, and what is told is true.
#[test]
fn a_failure_of_any_call_is_told_and_the_store_goes_on_or_stops() {
    for fault in [Fault::Failing, Fault::Full] {
        let mut failed = 0;
        let calls = (1..).find(|&after| {
            let (met, more) = work_with_fault(fault, after, change);
            failed += more;
            !met
        });
        assert!(
            calls.unwrap() > 50 && failed > 20,
            "{fault:?}: {calls:?} calls, {failed} changes failed"
        );
    }
}

#[test]
fn a_full_disk_keeps_what_was_there_and_takes_what_needs_no_room() {
    let mut failed = Vec::new();
    for after in (1..).step_by(20) {
        let (met, more) = work_with_fault(Fault::FullForGood, after, large_change);
        if !met {
            break;
        }
        failed.push(more);
    }
    assert!(
        failed.len() > 2 && failed.iter().all(|&failed| failed > 0),
        "{failed:?}"
    );
}

/// A read that meets a failure is made again after the file was opened anew; lazy changes are there all the same.
#[test]
fn a_failed_read_is_made_again() {
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    let text = "more than the cache holds ".repeat(1000);
    for start in (0..800).step_by(100) {
        let writes: Vec<_> = (start..start + 100)
            .map(|n| Write::put(Kind::Meta, &n, &text).unwrap())
            .collect();
        store.apply(&writes, Durability::Synced).unwrap();
    }
    store.apply(&change(1), Durability::Lazy).unwrap();
    let lazy = change(1)
        .into_iter()
        .find(|write| write.value().is_some())
        .unwrap();
    disk.fault_after(200, Fault::Failing);
    for n in 0..800 {
        assert!(store.get(Kind::Meta, &n.to_string()).unwrap().is_some());
        assert_eq!(
            store.get(lazy.kind(), lazy.key()).unwrap().as_deref(),
            lazy.value()
        );
    }
    assert!(disk.fault_met());
}

/// Turns one bit of `image` after another and opens it: either refused, or one of `allowed`.
fn turn_bits(image: &[u8], allowed: &[Content]) -> (usize, usize) {
    let (mut refused, mut harmless) = (0, 0);
    // Each bit of the head, and bits all over the rest.
    let places = (0..384 * 8).chain((384 * 8..image.len() * 8).step_by(image.len() * 8 / 1500 + 1));
    for place in places {
        let mut turned = image.to_vec();
        turned[place / 8] ^= 1 << (place % 8);
        match open(&Disk::from(turned)).and_then(|store| content(&store)) {
            Err(StoreError::Damaged { reason, .. }) => {
                assert!(!reason.is_empty());
                refused += 1;
            }
            Err(StoreError::NewerSchema { .. }) => panic!("bit turned at {place}: taken for another version"),
            Err(error) => panic!("bit turned at {place}: {error:?}"),
            Ok(found) if allowed.contains(&found) => harmless += 1,
            Ok(found) => panic!("bit turned at {place}: {} records, and wrong ones", found.len()),
        }
    }
    (refused, harmless)
}

#[test]
fn a_turned_bit_in_a_closed_store_is_refused_or_harmless() {
    let steps = 30;
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    work(&store, steps);
    drop(store);
    let (refused, harmless) = turn_bits(&disk.image(), &states(steps)[steps..]);
    assert!(
        refused > 40 && harmless > 0,
        "{refused} refused, {harmless} harmless"
    );
}

/// After a crash the change that was made last cannot be told from one that was cut off in the middle: a bit
/// turned in just its pages brings back the state before it.
#[test]
fn a_turned_bit_in_a_crashed_store_is_refused_or_loses_the_last_change_at_most() {
    let steps = 30;
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    let (_, synced) = work(&store, steps);
    let image = disk.image();
    drop(store);
    let states = states(steps);
    let before = (0..synced - 1)
        .rev()
        .find(|&step| durability(step) == Durability::Synced)
        .unwrap()
        + 1;
    turn_bits(&image, &[states[before].clone(), states[synced].clone()]);
}
