//! What a backup costs, and what writers feel of it.
//!
//! `cargo run --release -p mortar-store --example backups [FOLDER]`: the folder should be on the disk to be measured;
//! the default is a temporary one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mortar_store::{Backups, Durability, EmbeddedStore, GroupCommit, Kind, Reason, Store, Write};

const VOLUMES: usize = 10_000;
/// A volume of three copies, its bricks, and an operation that made it.
const RECORDS: [(Kind, usize, usize); 3] = [
    (Kind::Volume, 1, 400),
    (Kind::Brick, 3, 350),
    (Kind::Ended, 1, 300),
];

fn fill(store: &dyn Store) {
    for start in (0..VOLUMES).step_by(500) {
        let mut writes = Vec::new();
        for volume in start..start + 500 {
            for (kind, many, size) in RECORDS {
                for n in 0..many {
                    let key = format!("{volume:030x}{n:02x}");
                    writes.push(Write::put(kind, &key, &"x".repeat(size)).expect("a text has a JSON form"));
                }
            }
        }
        store
            .apply(&writes, Durability::Synced)
            .expect("the disk takes it");
    }
}

/// Synced changes one after the other until told to stop; how long each took.
fn write_until(store: &dyn Store, stop: &AtomicBool) -> Vec<Duration> {
    let mut took = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let write =
            Write::put(Kind::Meta, &(took.len() % 100), &took.len()).expect("a number has a JSON form");
        let start = Instant::now();
        store
            .apply(&[write], Durability::Synced)
            .expect("the disk takes it");
        took.push(start.elapsed());
    }
    took.sort_unstable();
    took
}

#[allow(clippy::print_stdout)] // This is what the example is for.
fn report(what: &str, took: &[Duration]) {
    let at = |part: usize| took.get(took.len() * part / 1000).copied().unwrap_or_default();
    println!(
        "{what}: {} synced changes, median {:.1?}, 99 of 100 in {:.1?}, longest {:.1?}",
        took.len(),
        at(500),
        at(990),
        took.last().copied().unwrap_or_default()
    );
}

#[allow(clippy::print_stdout)] // This is what the example is for.
fn main() {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a folder can be made there");
    let store = EmbeddedStore::create(folder.path().join("store")).expect("a new store");
    fill(&store);
    let store: Arc<dyn Store> = Arc::new(GroupCommit::new(store).expect("a thread starts"));
    let backups = Backups::new(folder.path().join("backups"));
    for (what, taking) in [("no backup", false), ("backups one after the other", true)] {
        let stop = Arc::new(AtomicBool::new(false));
        let writer = std::thread::spawn({
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            move || write_until(store.as_ref(), &stop)
        });
        let start = Instant::now();
        let mut taken = 0;
        while start.elapsed() < Duration::from_secs(5) {
            if taking {
                let begin = Instant::now();
                let file = backups
                    .take(store.as_ref(), Reason::Requested, taken)
                    .expect("a backup is taken");
                if taken == 0 {
                    let mib = file.bytes >> 20;
                    println!(
                        "{VOLUMES} volumes: {mib} MiB, taken and verified in {:.0?}",
                        begin.elapsed()
                    );
                }
                taken += 1;
            } else {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        stop.store(true, Ordering::Relaxed);
        report(what, &writer.join().expect("the writer does not panic"));
    }
}
