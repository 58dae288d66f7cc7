//! What is remembered: the [`Store`] trait, an embedded store and one in memory.
//!
//! This room knows records: a kind, a key and a value that is versioned JSON. It does not know what a volume or
//! an operation means, and it never waits on anything but the disk (no async, no clock but one: how long an
//! unsynced write may stay so).
//!
//! What holds for every [`Store`]:
//!
//! 1. [`Store::apply`] is all or nothing. After an error nothing of it is there, except after
//!    [`StoreError::Uncertain`], which says so.
//! 2. What was answered with [`Durability::Synced`] survives the end of the process and a power cut.
//! 3. What was answered with [`Durability::Lazy`] may be lost by either, but never without everything after it:
//!    what survives is always a prefix of what was applied.
//! 4. Readers see one consistent state and never wait for a writer's sync.
//! 5. What cannot be read is an error. It is never an empty store, an older state or a default.

mod embedded;
mod error;
mod export;
mod group;
mod memory;
mod record;

pub use embedded::{EmbeddedStore, SCHEMA_VERSION};
pub use error::StoreError;
pub use export::{backup, export, import};
pub use group::GroupCommit;
pub use memory::MemoryStore;
pub use record::{Durability, Kind, Record, Write, decode, encode};

/// What a scan does with each record: its key and value. An error ends the scan and is handed on.
pub type Visit<'a> = dyn FnMut(&str, &[u8]) -> Result<(), StoreError> + 'a;

/// What is told to whoever handed in a change: what became of it. Must not block.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The seam between the engine and what it remembers.
pub trait Store: Send + Sync + 'static {
    /// Makes all of `writes`, in order, or none of them.
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError>;

    /// Hands in a change, for callers that must not wait for a disk; `done` is told what became of it. A change that is
    /// handed in after another by the same caller is made after it.
    ///
    /// A plain store makes it in place, before this returns; [`GroupCommit`] makes it on a thread of its own.
    fn submit(&self, writes: Vec<Write>, durability: Durability, done: Done) {
        done(self.apply(&writes, durability));
    }

    /// The value of one record, if there is one.
    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows `visit` all records of `kind` in the order of their keys, as they were when the scan began;
    /// with `from`, only those whose key is not less.
    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError>;
}

impl<S: Store + ?Sized> Store for std::sync::Arc<S> {
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        (**self).apply(writes, durability)
    }

    fn submit(&self, writes: Vec<Write>, durability: Durability, done: Done) {
        (**self).submit(writes, durability, done);
    }

    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        (**self).get(kind, key)
    }

    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        (**self).scan(kind, from, visit)
    }
}
