//! Many writers, few syncs.
//!
//! A sync costs the same for one change as for twenty. [`GroupCommit`] hands changes to one thread, which joins
//! whatever waits into one transaction. There is no waiting window: a lone change is written at once, and those
//! that come while the disk works are the next transaction.
//!
//! When a joined transaction fails and surely nothing of it was made, its changes are made one by one, so that each
//! caller learns what became of its own: a value that is too large hurts nobody else. When nobody knows whether it was
//! made, that is what each of its callers is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{Done, Durability, Kind, Store, StoreError, View, Visit, Write};

/// How many changes may wait for the writer.
const WAITING: usize = 4096;
/// How many changes one transaction joins at most, and how many bytes: a bound for the memory it needs.
const JOINED: usize = 512;
const JOINED_BYTES: usize = 8 * 1024 * 1024;
/// How long a lazy write may stay unsynced while nothing else is written.
const LAZY_LIMIT: Duration = Duration::from_secs(1);

struct Change {
    writes: Vec<Write>,
    durability: Durability,
    done: Done,
}

/// A store in front of another, whose changes are joined into shared transactions.
pub struct GroupCommit {
    store: Arc<dyn Store>,
    /// `None` only while dropping.
    changes: Option<SyncSender<Change>>,
    writer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for GroupCommit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GroupCommit").finish_non_exhaustive()
    }
}

impl GroupCommit {
    /// Starts the writer thread in front of `store`. Nothing else should write to `store` meanwhile: it would
    /// be correct, but pay for syncs of its own.
    pub fn new(store: impl Store) -> std::io::Result<Self> {
        let store: Arc<dyn Store> = Arc::new(store);
        let (changes, waiting) = sync_channel(WAITING);
        let of_writer = Arc::clone(&store);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_all(of_writer.as_ref(), &waiting))?;
        Ok(Self {
            store,
            changes: Some(changes),
            writer: Some(writer),
        })
    }
}

impl Drop for GroupCommit {
    /// Waits until everything that was handed in is made and synced.
    fn drop(&mut self) {
        self.changes = None;
        if let Some(writer) = self.writer.take() {
            // Its panics are caught where they happen; were there one all the same, there is nobody to tell.
            let _ = writer.join();
        }
    }
}

impl Store for GroupCommit {
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        let (answer, answered) = sync_channel(1);
        let done = Box::new(move |result| {
            // The caller waits for it below.
            let _ = answer.send(result);
        });
        let change = Change {
            writes: writes.to_vec(),
            durability,
            done,
        };
        let changes = self.changes.as_ref().ok_or(StoreError::Closed)?;
        changes.send(change).map_err(|_| StoreError::Closed)?;
        answered.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Returns at once; `done` is called from the writer thread.
    fn submit(&self, writes: Vec<Write>, durability: Durability, done: Done) {
        let change = Change {
            writes,
            durability,
            done,
        };
        let Some(changes) = &self.changes else {
            return (change.done)(Err(StoreError::Closed));
        };
        match changes.try_send(change) {
            Ok(()) => {}
            Err(TrySendError::Full(change)) => (change.done)(Err(StoreError::Busy { waiting: WAITING })),
            Err(TrySendError::Disconnected(change)) => (change.done)(Err(StoreError::Closed)),
        }
    }

    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.get(kind, key)
    }

    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.store.scan(kind, from, visit)
    }

    fn view(&self) -> Result<Box<dyn View>, StoreError> {
        self.store.view()
    }
}

fn write_all(store: &dyn Store, waiting: &Receiver<Change>) {
    // When the oldest change that is not synced yet was made.
    let mut unsynced: Option<Instant> = None;
    loop {
        let next = match unsynced {
            None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(since) => waiting.recv_timeout(LAZY_LIMIT.saturating_sub(since.elapsed())),
        };
        match next {
            Ok(first) => {
                let least = match unsynced {
                    Some(since) if since.elapsed() >= LAZY_LIMIT => Durability::Synced,
                    _ => Durability::Lazy,
                };
                unsynced = match make(store, join_waiting(first, waiting), least) {
                    // It takes along what was lazy before it.
                    Durability::Synced => None,
                    Durability::Lazy => unsynced.or_else(|| Some(Instant::now())),
                };
            }
            Err(end) => {
                if unsynced.take().is_some() {
                    // A failure shows again at the next change, where somebody is told.
                    let _ = store.apply(&[], Durability::Synced);
                }
                if end == RecvTimeoutError::Disconnected {
                    return;
                }
            }
        }
    }
}

/// `first` and what waits behind it, up to the bounds of one transaction.
fn join_waiting(first: Change, waiting: &Receiver<Change>) -> Vec<Change> {
    let size = |change: &Change| change.writes.iter().map(Write::size).sum::<usize>();
    let mut bytes = size(&first);
    let mut changes = vec![first];
    while changes.len() < JOINED && bytes < JOINED_BYTES {
        let Ok(change) = waiting.try_recv() else { break };
        bytes += size(&change);
        changes.push(change);
    }
    changes
}

/// Makes the changes, all as durable as the most durable of them and `least`, and tells their callers. Returns
/// how durable the last transaction was.
fn make(store: &dyn Store, changes: Vec<Change>, least: Durability) -> Durability {
    let synced = changes
        .iter()
        .any(|change| change.durability == Durability::Synced);
    let durability = if synced { Durability::Synced } else { least };
    if changes.len() > 1 {
        let all: Vec<Write> = changes
            .iter()
            .flat_map(|change| &change.writes)
            .cloned()
            .collect();
        match store.apply(&all, durability) {
            Ok(()) => {
                for change in changes {
                    tell(change.done, Ok(()));
                }
                return durability;
            }
            // Each of them may be on the disk. Made one by one, they would be refused as if they surely were not.
            Err(StoreError::Uncertain { path, reason }) => {
                for change in changes {
                    let (path, reason) = (path.clone(), reason.clone());
                    tell(change.done, Err(StoreError::Uncertain { path, reason }));
                }
                return Durability::Lazy;
            }
            Err(_) => {}
        }
    }
    let mut last = durability;
    for change in changes {
        last = if least == Durability::Synced {
            least
        } else {
            change.durability
        };
        tell(change.done, store.apply(&change.writes, last));
    }
    last
}

/// A caller's panic is its own: the other callers still get their answers.
fn tell(done: Done, result: Result<(), StoreError>) {
    let _ = catch_unwind(AssertUnwindSafe(|| done(result)));
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Barrier, Condvar, Mutex};

    use super::GroupCommit;
    use crate::{Durability, Kind, MemoryStore, Store, StoreError, View, Visit, Write};

    /// A store whose first transaction waits until it is let go, so that others gather behind it.
    #[derive(Default)]
    struct Gate {
        inner: MemoryStore,
        open: Mutex<bool>,
        opened: Condvar,
        entered: Mutex<Option<std::sync::mpsc::Sender<()>>>,
        /// The disk has failed: nothing more is written.
        failed: AtomicBool,
    }

    impl Gate {
        fn open(&self) {
            *self.open.lock().unwrap() = true;
            self.opened.notify_all();
        }
    }

    impl Store for Gate {
        fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
            if let Some(entered) = self.entered.lock().unwrap().take() {
                entered.send(()).unwrap();
            }
            drop(
                self.opened
                    .wait_while(self.open.lock().unwrap(), |open| !*open)
                    .unwrap(),
            );
            let (path, reason) = ("/store".into(), "the disk was pulled".to_owned());
            if self.failed.load(Ordering::SeqCst) {
                return Err(StoreError::Failed { path, reason });
            }
            if writes.iter().any(|write| write.key() == "bad") {
                return Err(StoreError::Closed);
            }
            if writes.iter().any(|write| write.key() == "doubtful") {
                self.failed.store(true, Ordering::SeqCst);
                return Err(StoreError::Uncertain { path, reason });
            }
            self.inner.apply(writes, durability)
        }
        fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
            self.inner.get(kind, key)
        }
        fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
            self.inner.scan(kind, from, visit)
        }
        fn view(&self) -> Result<Box<dyn View>, StoreError> {
            self.inner.view()
        }
    }

    fn put(key: &str) -> Vec<Write> {
        vec![Write::put(Kind::Meta, key, &1).unwrap()]
    }

    /// A gate that is held shut by a first change, and its group.
    fn held() -> (Arc<Gate>, GroupCommit) {
        let (entered, wait) = channel();
        let gate = Arc::new(Gate {
            entered: Mutex::new(Some(entered)),
            ..Gate::default()
        });
        let group = GroupCommit::new(Arc::clone(&gate)).unwrap();
        group.submit(put("first"), Durability::Synced, Box::new(|_| {}));
        wait.recv().unwrap();
        (gate, group)
    }

    #[test]
    fn changes_that_wait_share_one_transaction() {
        let (gate, group) = held();
        let (answer, answers) = channel();
        for n in 0..20 {
            let answer = answer.clone();
            let durability = if n == 7 {
                Durability::Synced
            } else {
                Durability::Lazy
            };
            let done = Box::new(move |result: Result<(), StoreError>| answer.send(result.is_ok()).unwrap());
            group.submit(put(&format!("k{n}")), durability, done);
        }
        gate.open();
        for _ in 0..20 {
            assert!(answers.recv().unwrap());
        }
        assert_eq!(gate.inner.applied(), 2);
        gate.inner.crash();
        assert!(gate.get(Kind::Meta, "k19").unwrap().is_some());
    }

    #[test]
    fn a_bad_change_hurts_no_other_and_a_panicking_caller_neither() {
        let (gate, group) = held();
        let (answer, answers) = channel();
        let panics = Box::new(|_| panic!("a caller's own affair"));
        group.submit(put("panics"), Durability::Synced, panics);
        for key in ["a", "bad", "b"] {
            let answer = answer.clone();
            let done =
                Box::new(move |result: Result<(), StoreError>| answer.send((key, result.is_ok())).unwrap());
            group.submit(put(key), Durability::Synced, done);
        }
        gate.open();
        let answers: Vec<_> = (0..3).map(|_| answers.recv().unwrap()).collect();
        assert_eq!(answers, [("a", true), ("bad", false), ("b", true)]);
        assert_eq!(group.get(Kind::Meta, "bad").unwrap(), None);
    }

    /// After the disk failed in the middle, the store refuses everything: that must not be told of what was in the middle.
    #[test]
    fn all_who_share_a_transaction_share_the_doubt_about_it() {
        let (gate, group) = held();
        let (answer, answers) = channel();
        for key in ["a", "doubtful", "b"] {
            let answer = answer.clone();
            let done = Box::new(move |result| answer.send(result).unwrap());
            group.submit(put(key), Durability::Synced, done);
        }
        gate.open();
        for _ in 0..3 {
            let told = answers.recv().unwrap();
            assert!(matches!(told, Err(StoreError::Uncertain { .. })), "{told:?}");
        }
        let later = group.apply(&put("later"), Durability::Synced);
        assert!(matches!(later, Err(StoreError::Failed { .. })), "{later:?}");
    }

    /// The limit for lazy writes is about the oldest one, not about the time since the last.
    #[test]
    fn lazy_writes_are_synced_though_more_keep_coming() {
        let memory = Arc::new(MemoryStore::new());
        let group = GroupCommit::new(Arc::clone(&memory)).unwrap();
        let start = std::time::Instant::now();
        let mut synced = false;
        while !synced && start.elapsed() < super::LAZY_LIMIT * 20 {
            group.apply(&put("often"), Durability::Lazy).unwrap();
            synced = memory.is_synced(Kind::Meta, "often");
        }
        assert!(synced);
    }

    #[test]
    fn dropping_waits_for_what_was_handed_in_and_syncs_it() {
        let (gate, group) = held();
        group.submit(put("lazy"), Durability::Lazy, Box::new(|_| {}));
        gate.open();
        drop(group);
        gate.inner.crash();
        assert!(gate.get(Kind::Meta, "lazy").unwrap().is_some());
    }

    #[test]
    fn a_full_queue_says_so_at_once() {
        let (gate, group) = held();
        let (answer, answers) = channel();
        for n in 0..=super::WAITING {
            let answer = answer.clone();
            let done = Box::new(move |result| answer.send(result).unwrap());
            group.submit(put(&n.to_string()), Durability::Lazy, done);
        }
        assert!(matches!(
            answers.recv().unwrap(),
            Err(StoreError::Busy {
                waiting: super::WAITING
            })
        ));
        gate.open();
        drop(group);
        drop(answer);
        assert_eq!(answers.iter().filter(Result::is_ok).count(), super::WAITING);
    }

    #[test]
    fn many_threads_each_see_their_own_write() {
        let group = Arc::new(GroupCommit::new(MemoryStore::new()).unwrap());
        let start = Arc::new(Barrier::new(16));
        let threads: Vec<_> = (0..16)
            .map(|thread| {
                let (group, start) = (Arc::clone(&group), Arc::clone(&start));
                std::thread::spawn(move || {
                    start.wait();
                    for n in 0..50 {
                        let key = format!("{thread}-{n}");
                        group.apply(&put(&key), Durability::Synced).unwrap();
                        assert!(group.get(Kind::Meta, &key).unwrap().is_some());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
