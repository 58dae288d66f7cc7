//! A store in memory, for simulated pools and for tests of what happens when a store fails.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::{Durability, Kind, Store, StoreError, View, Visit, Write};

type Records = BTreeMap<Kind, BTreeMap<String, Vec<u8>>>;

/// A store that forgets everything when it is dropped. It keeps the promises of [`Store`] towards a *simulated*
/// end of the process: see [`MemoryStore::crash`].
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What readers see.
    seen: Records,
    /// What a crash leaves.
    synced: Records,
    /// What readers see and a crash takes away, transaction by transaction.
    lazy: Vec<Vec<Write>>,
    applied: u64,
    faults: BTreeMap<u64, StoreError>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the `nth` call of [`Store::apply`] from now on (1 is the next) fail with `error`, changing nothing.
    pub fn fail_apply(&self, nth: u64, error: StoreError) {
        let mut inner = self.lock();
        let at = inner.applied + nth;
        inner.faults.insert(at, error);
    }

    /// How often [`Store::apply`] was called.
    pub fn applied(&self) -> u64 {
        self.lock().applied
    }

    /// Forgets what a process that dies now may lose at most: lazy writes that no synced one followed.
    pub fn crash(&self) {
        self.crash_keeping(0);
    }

    /// As [`Self::crash`], but the first `kept` of the lazy transactions had reached the disk by then.
    pub fn crash_keeping(&self, kept: usize) {
        let mut inner = self.lock();
        let lazy = std::mem::take(&mut inner.lazy);
        for write in lazy.iter().take(kept).flatten() {
            make(&mut inner.synced, write);
        }
        inner.seen = inner.synced.clone();
    }

    /// Transactions that a crash may take away.
    pub fn unsynced(&self) -> usize {
        self.lock().lazy.len()
    }

    /// Whether a crash would leave this record.
    pub fn is_synced(&self, kind: Kind, key: &str) -> bool {
        self.lock()
            .synced
            .get(&kind)
            .is_some_and(|records| records.contains_key(key))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A visitor's panic cannot leave the maps half changed: no visitor runs under the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(records: &mut Records, write: &Write) {
    let of_kind = records.entry(write.kind()).or_default();
    match write {
        Write::Put(record) => {
            of_kind.insert(record.key.clone(), record.value.clone());
        }
        Write::Delete { key, .. } => {
            of_kind.remove(key);
        }
    }
}

impl Store for MemoryStore {
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.applied += 1;
        let nth = inner.applied;
        if let Some(error) = inner.faults.remove(&nth) {
            return Err(error);
        }
        for write in writes {
            make(&mut inner.seen, write);
        }
        inner.lazy.push(writes.to_vec());
        if durability == Durability::Synced {
            for write in std::mem::take(&mut inner.lazy).iter().flatten() {
                make(&mut inner.synced, write);
            }
        }
        Ok(())
    }

    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .lock()
            .seen
            .get(&kind)
            .and_then(|records| records.get(key))
            .cloned())
    }

    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        // Copied, so that the visitor may use the store and sees one state.
        let records: Vec<_> = match self.lock().seen.get(&kind) {
            None => return Ok(()),
            Some(records) => {
                let from = from.unwrap_or_default().to_owned();
                records
                    .range(from..)
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect()
            }
        };
        records.iter().try_for_each(|(key, value)| visit(key, value))
    }

    fn view(&self) -> Result<Box<dyn View>, StoreError> {
        Ok(Box::new(Moment(self.lock().seen.clone())))
    }
}

/// All records, copied.
struct Moment(Records);

impl View for Moment {
    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let of_kind = self.0.get(&kind);
        Ok(of_kind.and_then(|records| records.get(key)).cloned())
    }

    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let from = from.unwrap_or_default().to_owned();
        let records = self.0.get(&kind).into_iter();
        let mut records = records.flat_map(|records| records.range(from.clone()..));
        records.try_for_each(|(key, value)| visit(key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;
    use crate::{Durability, Kind, Store, StoreError, Write};

    fn put(key: &str) -> Vec<Write> {
        vec![Write::put(Kind::Meta, key, &key).unwrap()]
    }

    #[test]
    fn a_crash_takes_lazy_writes_that_no_synced_one_followed() {
        let store = MemoryStore::new();
        store.apply(&put("a"), Durability::Lazy).unwrap();
        store.apply(&put("b"), Durability::Synced).unwrap();
        store.apply(&put("c"), Durability::Lazy).unwrap();
        store
            .apply(&[Write::delete(Kind::Meta, "a")], Durability::Lazy)
            .unwrap();
        assert_eq!(store.get(Kind::Meta, "a").unwrap(), None);
        store.crash();
        assert!(store.get(Kind::Meta, "a").unwrap().is_some());
        assert!(store.get(Kind::Meta, "b").unwrap().is_some());
        assert_eq!(store.get(Kind::Meta, "c").unwrap(), None);
    }

    #[test]
    fn a_crash_may_leave_some_of_the_lazy_writes_but_none_without_those_before_it() {
        let store = MemoryStore::new();
        for key in ["a", "b", "c"] {
            store.apply(&put(key), Durability::Lazy).unwrap();
        }
        assert_eq!(store.unsynced(), 3);
        store.crash_keeping(2);
        let left = ["a", "b", "c"].map(|key| store.get(Kind::Meta, key).unwrap().is_some());
        assert_eq!((left, store.unsynced()), ([true, true, false], 0));
    }

    #[test]
    fn the_chosen_call_fails_and_changes_nothing() {
        let store = MemoryStore::new();
        store.fail_apply(2, StoreError::Closed);
        store.apply(&put("a"), Durability::Synced).unwrap();
        assert!(matches!(
            store.apply(&put("b"), Durability::Synced),
            Err(StoreError::Closed)
        ));
        assert_eq!(store.get(Kind::Meta, "b").unwrap(), None);
        store.apply(&put("b"), Durability::Synced).unwrap();
        assert_eq!(store.applied(), 3);
    }
}
