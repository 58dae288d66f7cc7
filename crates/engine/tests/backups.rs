//! Backups by the clock and on request, and what happens when they cannot be taken.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use mortar_engine::{
    BackupError, BackupPlan, BackupReason, Clock, Config, Engine, EngineError, Parts, SystemEntropy, Verdict,
};
use mortar_executor::SimHosts;
use mortar_simulator::{World, WorldConfig};
use mortar_store::{Durability, Kind, MemoryStore, Store, StoreError, View, Visit, Write};
use prometheus_client::registry::Registry;

const DAY: u64 = 86_400_000;
/// How often the task looks at the clock, and the least time between two backups.
const INTERVAL: Duration = Duration::from_millis(10);
const START: u64 = 20_000 * DAY;

/// A clock that stands until it is moved, and counts who looks at it.
#[derive(Default)]
struct Hand {
    now: AtomicU64,
    looks: AtomicU64,
}

impl Hand {
    fn at(now: u64) -> Arc<Self> {
        let hand = Self::default();
        hand.now.store(now, Ordering::SeqCst);
        Arc::new(hand)
    }

    fn set(&self, now: u64) {
        self.now.store(now, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now_ms(&self) -> u64 {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.now.load(Ordering::SeqCst)
    }
}

fn open(store: Arc<dyn Store>, clock: &Arc<Hand>, folder: &Path, interval: Duration, keep: usize) -> Engine {
    let parts = Parts {
        store,
        hosts: Arc::new(SimHosts::new(World::new(WorldConfig::default()))),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::new(SystemEntropy::open().unwrap()),
    };
    let config = Config {
        health_interval: Duration::from_secs(3600),
        recovery_interval: Duration::from_secs(3600),
        backups: Some(BackupPlan {
            folder: folder.to_owned(),
            interval,
            keep,
        }),
        ..Config::default()
    };
    let engine = Engine::open(parts, config).unwrap();
    engine.start();
    engine
}

fn on(clock: &Arc<Hand>, folder: &Path) -> Engine {
    open(Arc::new(MemoryStore::new()), clock, folder, INTERVAL, 2)
}

/// Waits for what must come, within a limit.
async fn until<T>(what: &str, mut come: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = come().await {
            return value;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The names and verdicts, once there are `count` and all of them were looked at.
async fn backups(engine: &Engine, count: usize) -> Vec<(String, Verdict)> {
    until("the backups do not come", async || {
        let all = engine.backups().await.unwrap();
        let looked = all.iter().all(|backup| backup.verdict != Verdict::Unverified);
        (looked && all.len() == count).then(|| {
            let told = |backup: mortar_engine::Backup| (backup.file.name, backup.verdict);
            all.into_iter().map(told).collect()
        })
    })
    .await
}

/// The task looks at the clock some times more and does nothing.
async fn nothing_more(engine: &Engine, clock: &Hand, count: usize) {
    let before = clock.looks.load(Ordering::SeqCst);
    until("the clock is not looked at", async || {
        (clock.looks.load(Ordering::SeqCst) > before + 5).then_some(())
    })
    .await;
    assert_eq!(engine.backups().await.unwrap().len(), count);
}

fn metric(engine: &Engine, name: &str) -> String {
    let mut registry = Registry::default();
    engine.metrics().register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    let line = page
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{page}"))
        .to_owned()
}

const LAST: &str = "mortar_backup_last_success_timestamp_seconds";
const FAILURES: &str = "mortar_backup_failures_total";

#[tokio::test]
async fn one_is_taken_when_it_is_due_and_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Hand::at(START);
    let engine = on(&clock, folder.path());
    let first = backups(&engine, 1).await;
    assert!(first[0].0.starts_with("mortar-scheduled-"), "{first:?}");
    assert_eq!(metric(&engine, LAST), (START / 1000).to_string());
    nothing_more(&engine, &clock, 1).await;
    clock.set(START + DAY);
    backups(&engine, 2).await;
    clock.set(START + 2 * DAY);
    let last = until("the third does not come", async || {
        let all = backups(&engine, 2).await;
        (!all.contains(&first[0])).then_some(all)
    })
    .await;
    assert!(last.iter().all(|backup| backup.1 == Verdict::Sound), "{last:?}");
    // One that is asked for is apart.
    let asked = engine.back_up().await.unwrap();
    assert_eq!(
        (asked.file.reason, asked.file.taken_ms),
        (BackupReason::Requested, START + 2 * DAY)
    );
    assert_eq!(backups(&engine, 3).await.len(), 3);
}

#[tokio::test]
async fn a_restart_counts_from_the_last_and_a_clock_that_goes_back_puts_nothing_off() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Hand::at(START);
    let once_a_day = |clock: &Arc<Hand>| {
        // The task looks once a minute: the beginnings count here.
        let day = Duration::from_millis(DAY);
        open(Arc::new(MemoryStore::new()), clock, folder.path(), day, 9)
    };
    backups(&once_a_day(&clock), 1).await;
    clock.set(START + DAY - 1);
    let engine = once_a_day(&clock);
    let before = clock.looks.load(Ordering::SeqCst);
    until("the task does not begin", async || {
        (clock.looks.load(Ordering::SeqCst) >= before + 2).then_some(())
    })
    .await;
    assert_eq!(engine.backups().await.unwrap().len(), 1);
    assert_eq!(metric(&engine, LAST), (START / 1000).to_string());
    clock.set(START + DAY);
    backups(&once_a_day(&clock), 2).await;
    // The youngest is of a time that has not come yet: no reason to wait for it.
    clock.set(START - 5 * DAY);
    backups(&once_a_day(&clock), 3).await;
}

#[tokio::test]
async fn without_an_interval_they_come_when_asked_for_only() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Hand::at(START);
    let engine = open(
        Arc::new(MemoryStore::new()),
        &clock,
        folder.path(),
        Duration::ZERO,
        1,
    );
    let first = engine.back_up().await.unwrap().file.name;
    clock.set(START + 1);
    let second = engine.back_up().await.unwrap().file.name;
    let all = backups(&engine, 1).await;
    assert_eq!(all, [(second, Verdict::Sound)]);
    assert_ne!(all[0].0, first);
}

#[tokio::test]
async fn a_failing_backup_is_counted_and_the_engine_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("backups");
    std::fs::write(&place, "in the way").unwrap();
    let clock = Hand::at(START);
    let engine = on(&clock, &place);
    until("the failure is not counted", async || {
        (metric(&engine, FAILURES) == "1").then_some(())
    })
    .await;
    assert_eq!(metric(&engine, LAST), "0");
    assert!(matches!(
        engine.back_up().await,
        Err(BackupError::Store(StoreError::Io { .. }))
    ));
    engine.create_cluster(true, true).await.unwrap();
    std::fs::remove_file(&place).unwrap();
    clock.set(START + DAY);
    backups(&engine, 1).await;
    assert_eq!(metric(&engine, FAILURES), "2");
    assert_eq!(metric(&engine, LAST), ((START + DAY) / 1000).to_string());
}

#[tokio::test]
async fn a_backup_that_rots_is_found_at_the_start_and_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Hand::at(START);
    let engine = on(&clock, folder.path());
    let rots = |name: &str| {
        let path = folder.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    };
    let first = backups(&engine, 1).await.remove(0).0;
    rots(&first);
    clock.set(START + DAY);
    let found = until("the rot is not found", async || {
        let all = backups(&engine, 2).await;
        matches!(all[0].1, Verdict::Damaged(_)).then_some(all)
    })
    .await;
    let Verdict::Damaged(reason) = &found[0].1 else {
        panic!("{found:?}")
    };
    assert!(reason.contains("line "), "{reason}");
    assert_eq!(metric(&engine, "mortar_backups_damaged"), "1");
    drop(engine);
    // A new start with nothing but damaged backups takes one at once.
    rots(&found[1].0);
    clock.set(START + DAY + 5);
    let engine = on(&clock, folder.path());
    let all = until("no new one comes", async || {
        let all = engine.backups().await.unwrap();
        let sound = all.iter().any(|backup| backup.verdict == Verdict::Sound);
        sound.then_some(all)
    })
    .await;
    // The old ones were two, and two are kept.
    assert!(all.len() >= 2);
}

#[tokio::test]
async fn a_store_that_is_kept_nowhere_has_no_backups() {
    let parts = Parts {
        store: Arc::new(MemoryStore::new()),
        hosts: Arc::new(SimHosts::new(World::new(WorldConfig::default()))),
        clock: Hand::at(START),
        entropy: Arc::new(SystemEntropy::open().unwrap()),
    };
    let engine = Engine::open(parts, Config::default()).unwrap();
    engine.start();
    assert!(matches!(engine.back_up().await, Err(BackupError::Off)));
    assert_eq!(engine.backups().await.unwrap(), []);
}

/// A store whose views wait until they are let.
struct Slow {
    store: MemoryStore,
    entered: AtomicU64,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Store for Slow {
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        self.store.apply(writes, durability)
    }
    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(kind, key)
    }
    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.store.scan(kind, from, visit)
    }
    fn view(&self) -> Result<Box<dyn View>, StoreError> {
        self.entered.fetch_add(1, Ordering::SeqCst);
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
        self.store.view()
    }
}

#[tokio::test]
async fn one_is_taken_at_a_time_and_changes_go_on_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Hand::at(START);
    let store = Arc::new(Slow {
        store: MemoryStore::new(),
        entered: AtomicU64::new(0),
        open: Mutex::new(false),
        opened: Condvar::new(),
    });
    let slow = Arc::clone(&store) as Arc<dyn Store>;
    // The scheduled one begins at once and waits.
    let engine = open(slow, &clock, folder.path(), Duration::from_secs(3600), 9);
    until("none is under way", async || {
        (store.entered.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await;
    assert!(matches!(engine.back_up().await, Err(BackupError::Busy)));
    engine.create_cluster(true, true).await.unwrap();
    *store.open.lock().unwrap() = true;
    store.opened.notify_all();
    backups(&engine, 1).await;
    // The one that was refused left no lock behind.
    clock.set(START + 1);
    engine.back_up().await.unwrap();
}

#[tokio::test]
async fn a_busy_store_and_one_that_cannot_tell_are_told_as_such() {
    let store = Arc::new(MemoryStore::new());
    let folder = tempfile::tempdir().unwrap();
    let shared = Arc::clone(&store) as Arc<dyn Store>;
    let engine = open(shared, &Hand::at(START), folder.path(), Duration::ZERO, 1);
    store.fail_apply(1, StoreError::Busy { waiting: 4096 });
    let error = engine.create_cluster(true, true).await.unwrap_err();
    assert!(
        matches!(error, EngineError::StoreBusy { waiting: 4096 }),
        "{error}"
    );
    store.fail_apply(
        1,
        StoreError::Uncertain {
            path: "/s".into(),
            reason: "EIO".into(),
        },
    );
    let error = engine.create_cluster(true, true).await.unwrap_err();
    let EngineError::Uncertain { operation, .. } = &error else {
        panic!("{error}")
    };
    assert!(
        error
            .to_string()
            .contains(&format!("'mortar operation info {operation}'"))
    );
}
