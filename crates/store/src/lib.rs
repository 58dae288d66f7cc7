//! What is remembered: the [`Store`] trait, an embedded store and one in memory.
//!
//! This room knows records: a kind, a key and a value that is versioned JSON. It does not know what a volume or
//! an operation means, and it never waits for anything but the disk (no async, and no clock except for the time that a
//! write may stay unsynced).
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
//! 6. A [`Store::view`] shows all kinds of records at one moment.
//!
//! Rule 5 was tested in detail: torn writes, failing calls and syncs, full disks and flipped bits under the file are
//! tried one by one, with the results in `embedded/mod.rs`; in a backup, every single flipped bit and every missing end is
//! refused, with its place. `examples/backups.rs` measures how long a backup takes, and that writers do not wait for it
//! (10,000 volumes, 19 MiB: 0.5 s; the median of a writer's changes stayed at 0.26 ms).
//!
//! | file | job |
//! |---|---|
//! | `record` | kinds, records, writes |
//! | `embedded/` | the store in one file, and what it does when the disk fails |
//! | `memory` | the store in memory |
//! | `group` | many writers, few syncs |
//! | `schema` | versions of the schema, and the conversion from each to the next |
//! | `document` | writing the state of a store as JSON |
//! | `sums` | the checksums that show that a backup is complete |
//! | `import` | exports and backups, read and checked |
//! | `backups` | a folder of backups |
//! | `stamp` | times in the names of backups |

mod backups;
mod document;
mod embedded;
mod error;
mod group;
mod import;
mod memory;
mod record;
mod schema;
mod stamp;
mod sums;

pub use backups::{BackupFile, Backups, Reason, verify_backup};
pub use document::{export, export_to};
pub use embedded::{EmbeddedStore, Opening, StoreFile};
pub use error::StoreError;
pub use group::GroupCommit;
pub use import::{Imported, import, read_backup, read_document};
pub use memory::MemoryStore;
pub use record::{Durability, Kind, Record, Write, decode, encode};
pub use schema::{Draft, Migration, SCHEMA_VERSION, Schema};

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

    /// The store as it is now, all kinds at one moment. Writers go on meanwhile and are not seen. Room that they give
    /// back is not used again before the view is dropped: it is for passing through, not for keeping.
    fn view(&self) -> Result<Box<dyn View>, StoreError>;
}

/// One moment of a store.
pub trait View: Send {
    /// The value of one record, if there was one.
    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows `visit` all records of `kind` in the order of their keys; with `from`, only those whose key is not less.
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

    fn view(&self) -> Result<Box<dyn View>, StoreError> {
        (**self).view()
    }
}
