//! Seeded histories: the real engine on simulated nodes, in a time that passes when all wait.
//!
//! A history is wholly determined by its seed. Clients ask for everything that can be asked for, several at once;
//! nodes, networks, disks, commands and the server itself break at any moment; clocks jump. Along the way everything
//! that a client was told must be true. At the end everything is mended, and then the engine must come to rest by itself,
//! and store, nodes and GlusterFS must tell the same.
//!
//! `MORTAR_SIM_FIRST=SEED MORTAR_SIM_COUNT=1` plays one history alone, `MORTAR_SIM_STORY=1` tells it (with `=commands`,
//! each batch as well).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells how much it tried"
)]

mod acts;
mod asks;
mod book;
mod clients;
mod death;
mod dice;
mod disk;
mod history;
mod life;
mod machines;
mod replacing;
mod settings;
mod site;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use history::{Told, play};
use mortar_model::OperationKind;
use site::Tally;

/// Histories that are played where nobody says how many.
const COUNT: u64 = 1000;
/// Histories that may go wrong before the rest is left.
const ENOUGH: usize = 3;
/// How long no history should take, in real time.
const LONG: Duration = Duration::from_secs(30);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number"))
    })
}

/// Things that must have happened in so many histories as `make test` plays.
fn assert_covered(tally: &Tally) {
    let mut all: Vec<String> = Vec::new();
    for kind in asks::KINDS {
        all.push(format!("{kind} done"));
        // There is no way back from giving a device back, nor from removing copies, nor from what initiators have seen.
        let onward = [
            OperationKind::RemoveDevice,
            OperationKind::DeleteSnapshot,
            OperationKind::DeleteSnapshotGroup,
            OperationKind::ExpandBlock,
            OperationKind::DeleteBlock,
        ];
        if !onward.contains(&kind) {
            all.push(format!("{kind} undone"));
        }
    }
    let others = [
        "setting done",
        "address changed",
        "address refused",
        "overcommit changed",
        "replaced by itself",
        "machine forgotten",
        "machine installed anew",
        "answer at once",
        "answer busy",
        "client gone",
        "asked again",
        "retried by hand",
        "cancelled by hand",
        "files written",
        "snapshot made",
        "answer told again",
        "answer expired",
        "answer refused",
        "answer not recorded",
        "answer uncertain",
        "answer node trouble",
        "answer stopping",
        "needed attention",
        "fault Fail",
        "fault FailAfter",
        "fault LoseAnswer",
        "fault LoseRest",
        "fault LoseCommand",
        "fault Hang",
        "fault Late",
        "fault PowerCut",
        "node off",
        "node cut off",
        "glusterd stopped",
        "member left behind",
        "member cured",
        "node mended",
        "brick killed",
        "disk spoiled",
        "disk Full",
        "disk Failing",
        "clock forward",
        "clock back",
        "graceful stop",
        "death before a write",
        "death after a write",
        "death at a command",
        "death at a moment",
        "death when mended",
    ];
    all.extend(others.map(str::to_owned));
    let missing: Vec<&String> = all.iter().filter(|what| !tally.contains_key(*what)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}

#[test]
fn histories_end_well() {
    let (first, count) = (number("MORTAR_SIM_FIRST", 1), number("MORTAR_SIM_COUNT", COUNT));
    let story = std::env::var("MORTAR_SIM_STORY").unwrap_or_default();
    let (next, total, failed) = (
        AtomicU64::new(first),
        Mutex::new(Tally::new()),
        Mutex::new(Vec::new()),
    );
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let running = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            watch(&running, || {
                let begun = next.load(Ordering::Relaxed) - first;
                (failed.lock().unwrap().len() < ENOUGH && begun < count).then_some(begun)
            });
        });
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || failed.lock().unwrap().len() >= ENOUGH {
                        return;
                    }
                    running.lock().unwrap().insert(seed, Instant::now());
                    let told = play(seed, story == "commands");
                    running.lock().unwrap().remove(&seed);
                    if !story.is_empty() {
                        println!("{}", told.story.join("\n"));
                    }
                    for (what, times) in &told.tally {
                        *total.lock().unwrap().entry(what.clone()).or_default() += times;
                    }
                    if let Some(why) = &told.wrong {
                        report(seed, why, &told, story.is_empty());
                        failed.lock().unwrap().push(seed);
                    }
                }
            });
        }
    });
    let (total, failed, took) = (
        total.into_inner().unwrap(),
        failed.into_inner().unwrap(),
        begun.elapsed(),
    );
    for (what, times) in &total {
        println!("{times:9} {what}");
    }
    #[allow(clippy::cast_precision_loss, reason = "for people")]
    let rate = count as f64 / took.as_secs_f64();
    println!(
        "{count} histories from seed {first} in {:.1} s: {rate:.1} a second",
        took.as_secs_f64()
    );
    assert_eq!(failed, Vec::<u64>::new(), "histories that went wrong, by seed");
    if count >= COUNT {
        assert_covered(&total);
    }
}

/// Tells of histories that do not come to an end, and how many have begun.
fn watch(running: &Mutex<BTreeMap<u64, Instant>>, more: impl Fn() -> Option<u64>) {
    let (mut told, mut last) = (BTreeSet::new(), Instant::now());
    loop {
        let begun = more();
        if begun.is_none() && running.lock().unwrap().is_empty() {
            return;
        }
        if let Some(begun) = begun
            && last.elapsed() > LONG
        {
            last = Instant::now();
            println!("{begun} histories so far");
        }
        for (seed, since) in running.lock().unwrap().iter() {
            if since.elapsed() > LONG && told.insert(*seed) {
                println!(
                    "history {seed} goes on for {:.0} s already",
                    since.elapsed().as_secs_f64()
                );
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn report(seed: u64, why: &str, told: &Told, whole: bool) {
    if whole {
        println!("{}", told.story.join("\n"));
    }
    println!(
        "history {seed} went wrong: {why}\nplay it alone: MORTAR_SIM_FIRST={seed} MORTAR_SIM_COUNT=1 \
         cargo test -p mortar-engine --test histories histories_end_well -- --nocapture"
    );
}

/// Nothing but the seed decides: neither the machine's clock, nor threads, nor the order of a hash.
#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 1..=12 {
        let (one, other) = (play(seed, true), play(seed, true));
        for (line, again) in one.story.iter().zip(&other.story) {
            assert_eq!(line, again, "seed {seed}");
        }
        assert_eq!(one, other, "seed {seed}");
    }
}
