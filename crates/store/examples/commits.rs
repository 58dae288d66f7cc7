//! How many changes a second the store makes durable, and how long it takes to open.
//!
//! `cargo run --release -p mortar-store --example commits [FOLDER]`: the folder should be on the disk to be
//! measured; the default is a temporary one.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mortar_store::{Durability, EmbeddedStore, GroupCommit, Kind, Store, Write};

const RECORDS: usize = 50_000;

fn record(key: &str) -> Write {
    // About what a volume is.
    let value = ("x".repeat(400), 1_u64 << 30, [1, 2, 3]);
    Write::put(Kind::Volume, key, &value).expect("plain values have a JSON form")
}

fn rate(store: &Arc<dyn Store>, threads: usize, time: Duration) -> f64 {
    let start = Instant::now();
    let workers: Vec<_> = (0..threads)
        .map(|thread| {
            let store = Arc::clone(store);
            std::thread::spawn(move || {
                let mut changes = 0;
                while start.elapsed() < time {
                    let key = format!("{threads}-{thread}-{changes}");
                    store
                        .apply(&[record(&key)], Durability::Synced)
                        .expect("the disk takes it");
                    changes += 1;
                }
                changes
            })
        })
        .collect();
    let changes: u32 = workers
        .into_iter()
        .map(|worker| worker.join().expect("no worker panics"))
        .sum();
    f64::from(changes) / start.elapsed().as_secs_f64()
}

fn opening(path: &Path) -> Duration {
    let start = Instant::now();
    drop(EmbeddedStore::open(path).expect("the store opens"));
    start.elapsed()
}

#[allow(clippy::print_stdout)] // This is what the example is for.
fn main() {
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => tempfile::tempdir_in(folder),
        None => tempfile::tempdir(),
    }
    .expect("a folder can be made there");
    let path = folder.path().join("store");
    let time = Duration::from_secs(3);
    let plain: Arc<dyn Store> = Arc::new(EmbeddedStore::create(&path).expect("a new store"));
    println!("one thread, no joining   {:8.0} changes/s", rate(&plain, 1, time));
    drop(plain);
    let store = EmbeddedStore::open(&path).expect("the store opens");
    let group: Arc<dyn Store> = Arc::new(GroupCommit::new(store).expect("a thread starts"));
    println!("one thread, joining      {:8.0} changes/s", rate(&group, 1, time));
    println!(
        "16 threads, joining      {:8.0} changes/s",
        rate(&group, 16, time)
    );
    let start = Instant::now();
    let lazy = 2000;
    for n in 0..lazy {
        group
            .apply(&[record(&format!("lazy-{n}"))], Durability::Lazy)
            .expect("the disk takes it");
    }
    println!(
        "one thread, lazy         {:8.0} changes/s",
        f64::from(lazy) / start.elapsed().as_secs_f64()
    );
    drop(group);

    let path = folder.path().join("large");
    let store = EmbeddedStore::create(&path).expect("a new store");
    for start in (0..RECORDS).step_by(1000) {
        let writes: Vec<_> = (start..start + 1000)
            .map(|n| record(&format!("{n:032x}")))
            .collect();
        store
            .apply(&writes, Durability::Synced)
            .expect("the disk takes it");
    }
    // What a process that is killed now leaves: the copy was never closed.
    let crashed = folder.path().join("crashed");
    std::fs::copy(&path, &crashed).expect("there is room for a copy");
    drop(store);
    println!(
        "open {RECORDS} records: closed {:.0?}, after a crash {:.0?}",
        opening(&path),
        opening(&crashed)
    );
    let start = Instant::now();
    let store = EmbeddedStore::open(&path).expect("the store opens");
    let mut bytes = 0;
    let mut count = |_: &str, value: &[u8]| {
        bytes += value.len();
        Ok(())
    };
    store
        .scan(Kind::Volume, None, &mut count)
        .expect("the records can be read");
    println!(
        "open and read all: {:.0?} for {} MiB",
        start.elapsed(),
        bytes >> 20
    );
}
