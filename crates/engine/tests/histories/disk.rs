//! The server's disk: changes take time, are joined as a group commit joins them, and can be lost, refused or cut short.

use std::sync::{Arc, Mutex, PoisonError};

use mortar_store::{Done, Durability, Kind, MemoryStore, Store, StoreError, View, Visit, Write};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use crate::death::{Death, Point};
use crate::dice::Dice;

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// It is full.
    Full,
    /// The next sync fails, and nobody knows what it did.
    Failing,
    /// A sync has failed: nothing more is written before the server starts again.
    Failed,
}

struct Change {
    writes: Vec<Write>,
    durability: Durability,
    done: Done,
}

/// A store on a disk that takes time.
pub(crate) struct Disk {
    store: Arc<MemoryStore>,
    changes: UnboundedSender<Change>,
    state: Arc<State>,
}

struct State {
    death: Arc<Death>,
    dice: Arc<Dice>,
    trouble: Mutex<Trouble>,
    waiting: Mutex<usize>,
    idle: Notify,
}

impl Disk {
    /// The disk of one life of the server. Must be made on its runtime.
    pub(crate) fn new(store: Arc<MemoryStore>, death: Arc<Death>, dice: Arc<Dice>) -> Arc<Self> {
        let (changes, waiting) = unbounded_channel();
        let state = Arc::new(State {
            death,
            dice,
            trouble: Mutex::default(),
            waiting: Mutex::default(),
            idle: Notify::new(),
        });
        tokio::spawn(write_all(Arc::clone(&store), Arc::clone(&state), waiting));
        Arc::new(Self {
            store,
            changes,
            state,
        })
    }

    /// Sets what is wrong with it. A disk that has failed stays so.
    pub(crate) fn set_trouble(&self, trouble: Trouble) {
        let mut now = lock(&self.state.trouble);
        if *now != Trouble::Failed {
            *now = trouble;
        }
    }

    /// What is wrong with it.
    pub(crate) fn trouble(&self) -> Trouble {
        *lock(&self.state.trouble)
    }

    /// Returns when everything that was handed in is written.
    pub(crate) async fn flush(&self) {
        while *lock(&self.state.waiting) > 0 {
            self.state.idle.notified().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write_all(store: Arc<MemoryStore>, state: Arc<State>, mut waiting: UnboundedReceiver<Change>) {
    while let Some(first) = waiting.recv().await {
        let mut joined = vec![first];
        while let Ok(next) = waiting.try_recv() {
            joined.push(next);
        }
        let slow = state.dice.percent(2);
        sleep(state.dice.millis(1, if slow { 2000 } else { 15 })).await;
        if state.death.meets(Point::Write) {
            return std::future::pending().await;
        }
        let count = joined.len();
        write(&store, &state, joined).await;
        *lock(&state.waiting) -= count;
        state.idle.notify_one();
    }
}

/// Writes the changes in one transaction and tells of it.
async fn write(store: &MemoryStore, state: &State, changes: Vec<Change>) {
    let all: Vec<Write> = changes
        .iter()
        .flat_map(|change| change.writes.iter().cloned())
        .collect();
    let synced = changes
        .iter()
        .any(|change| change.durability == Durability::Synced);
    let durability = if synced {
        Durability::Synced
    } else {
        Durability::Lazy
    };
    let path = || "store".into();
    let trouble = *lock(&state.trouble);
    let error: Option<fn() -> StoreError> = match trouble {
        Trouble::None => None,
        Trouble::Full => Some(|| StoreError::Full {
            path: "store".into(),
            reason: "no space left on device".into(),
        }),
        Trouble::Failing | Trouble::Failed => Some(|| StoreError::Failed {
            path: "store".into(),
            reason: "input/output error".into(),
        }),
    };
    if trouble == Trouble::None || (trouble == Trouble::Failing && state.dice.percent(50)) {
        store.apply(&all, durability).unwrap();
    }
    if state.death.meets(Point::Written) {
        return std::future::pending().await;
    }
    for change in changes {
        (change.done)(match error {
            None => Ok(()),
            Some(_) if trouble == Trouble::Failing => Err(StoreError::Uncertain {
                path: path(),
                reason: "input/output error".into(),
            }),
            Some(error) => Err(error()),
        });
    }
    if trouble == Trouble::Failing {
        *lock(&state.trouble) = Trouble::Failed;
    }
}

impl Store for Disk {
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        self.store.apply(writes, durability)
    }

    fn submit(&self, writes: Vec<Write>, durability: Durability, done: Done) {
        *lock(&self.state.waiting) += 1;
        let change = Change {
            writes,
            durability,
            done,
        };
        // Its receiver lives as long as the runtime.
        let _ = self.changes.send(change);
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
