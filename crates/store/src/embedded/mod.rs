//! The embedded store: one redb file, one table per kind of record.
//!
//! **Commits.** A synced change is one redb transaction in its one-phase mode: pages, their checksums and the new
//! root are written and then synced once. That is the least a durable change can cost. After a power cut in the
//! middle, the checksums tell that the new root is not whole and the one before it is used: the change was not
//! answered yet, so nothing that was promised is lost. The two-phase mode would need a second sync for each
//! change and only adds safety against an attacker who can compute checksums and cut the power at will.
//! A lazy change is a redb transaction that is not synced at all; it lives in memory until the next synced one
//! takes it along. Writing it into the file without a sync would be cheaper than it is safe: a second such
//! change could overwrite the only root that is surely whole.
//!
//! **Opening.** Each opening reads the whole file and checks every page, not only after a crash. Without that,
//! redb trusts a file that was closed well, and bit rot would be a panic or a wrong answer later. It costs about
//! as much as loading the records does, which the server does next anyway (numbers: `examples/commits.rs`). The
//! quick-repair mode of redb, which would make opening after a crash independent of the size, doubles the syncs
//! of each change. A file of an older schema is backed up and brought along (`migrate.rs`).
//!
//! **What is found.** Opening finds what turned while the file was closed; after that redb trusts its reads, so each
//! block that is read is held against what was written (`checked.rs`). Measured by the tests beside this file, with
//! bits turned one at a time all over a file, pages of every kind, and everything read afterwards:
//!
//! | the file was | bits turned | told | harmless (no record lies there) | wrong records |
//! |---|---|---|---|---|
//! | closed well | 4,571 | 1,519 | 3,052 | 0 |
//! | left by a crash | 4,571 | 368 | 4,203, the last change gone in some | 0 |
//! | open, as it is now | 5,996 | 1,324 | 4,672 | 0 |
//! | open, with redb alone | 5,996 | 8 | 5,247 | 741 |
//!
//! After a crash there is one thing that nobody can tell: a change that was cut off in the middle from the last whole
//! one with a bit turned in its own pages. Then the state before it is used: the last synced change may be lost, and
//! nothing before it. A cut-off file, a foreign one and an empty one are refused; torn writes, failing syncs and a full
//! disk are below.
//!
//! **Failures.** redb refuses everything after the first failure of the file below it. So after one, the store
//! closes and opens the file again, puts back the lazy changes that redb forgot, and looks whether the failed
//! change is there. A full disk is met before it does harm, because the file grows by blocks that are really
//! taken from the disk (`file.rs`). After a failed *sync* nothing is written any more until the process ends:
//! the system may have dropped the pages that it could not write, and would call the next sync a success.
//!
//! **One at a time.** redb locks the file; the lock ends with the process, however it ends.

mod checked;
mod file;
mod locks;
mod migrate;
mod moment;
mod open;
mod overlay;
mod still;
#[cfg(test)]
mod tests;
mod watched;

pub use open::Opening;
pub(crate) use open::sync_folder;
pub use still::StoreFile;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use redb::{Database, ReadTransaction, ReadableDatabase as _, TableDefinition, WriteTransaction};

use crate::{Durability, Kind, Store, StoreError, View, Visit, Write};
use watched::{Call, FailureLog};

/// How much of the file is kept in memory. The engine keeps its own picture of the pool, so records are read
/// once at the start and by rare commands; redb's default would be 1 GiB.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

type Table = TableDefinition<'static, &'static str, &'static [u8]>;

/// The table that holds the records of `kind`.
const fn table(kind: Kind) -> Table {
    TableDefinition::new(kind.name())
}

/// Opens the file (or what stands for it in tests) for redb, reporting failures into the log.
type Opener = Box<dyn Fn(&FailureLog) -> Result<Database, StoreError> + Send + Sync>;

/// A store in one file. See the module's notes on what it promises and how.
pub struct EmbeddedStore {
    path: PathBuf,
    opener: Opener,
    failures: FailureLog,
    /// `None` after a failure that opening again did not mend.
    database: RwLock<Option<Database>>,
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Writer {
    /// Lazy changes that no synced one has taken along yet.
    lazy: Vec<Write>,
    /// Why nothing is written any more.
    refused: Option<String>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn over(path: PathBuf, opener: Opener) -> Result<Self, StoreError> {
        let failures = FailureLog::default();
        let database = opener(&failures)?;
        Ok(Self {
            path,
            opener,
            failures,
            database: RwLock::new(Some(database)),
            writer: Mutex::new(Writer::default()),
        })
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        // Panics are caught inside; what a poisoned lock guards is whole all the same.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn guarded<T>(&self, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
        guarded(&self.path, work)
    }

    /// A view of the store as it is now. It does not hold the database open.
    fn transaction(&self) -> Result<ReadTransaction, StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = &*database else {
            return Err(StoreError::Closed);
        };
        self.guarded(|| Ok(database.begin_read()?))
    }

    fn read_once<T>(
        &self,
        work: &dyn Fn(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let view = self.transaction()?;
        self.guarded(|| work(&view))
    }

    /// Reads through a view; when it meets a failed database, brings that back and reads once more.
    fn read<T>(&self, work: impl Fn(&ReadTransaction) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        match self.read_once(&work) {
            Err(StoreError::Io { .. } | StoreError::Closed) => {}
            result => return result,
        }
        let mut writer = self.writer();
        // Perhaps another reader brought it back meanwhile.
        if self.read_once(&work).is_err() {
            self.failures.take();
            self.reopen()?;
            self.restore_lazy(&mut writer)?;
        }
        self.read_once(&work)
    }

    /// One redb transaction with all of `writes`.
    fn commit(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let Some(database) = &*database else {
            return Err(StoreError::Closed);
        };
        self.guarded(|| {
            let mut transaction = database.begin_write()?;
            if durability == Durability::Lazy {
                transaction.set_durability(redb::Durability::None)?;
            }
            write_all(&transaction, writes)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Closes what is open and opens the file again. Lazy changes are lost by that.
    fn reopen(&self) -> Result<(), StoreError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = database.take() {
            // It has failed; what closing says about that is no news.
            let _ = catch_unwind(AssertUnwindSafe(|| old.close()));
        }
        *database = Some((self.opener)(&self.failures)?);
        Ok(())
    }

    /// Puts back the lazy changes after [`Self::reopen`]. The file had room for them before.
    fn restore_lazy(&self, writer: &mut Writer) -> Result<(), StoreError> {
        if writer.lazy.is_empty() {
            return Ok(());
        }
        let result = self.commit(&writer.lazy, Durability::Lazy);
        if result.is_err() {
            self.failures.take();
            // Without them readers would see the past: better nothing, until it is tried again.
            *self.database.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        result
    }

    /// After a failed change: brings the store back and finds out whether the change was made.
    fn after_failure(
        &self,
        writer: &mut Writer,
        error: StoreError,
        writes: &[Write],
        durability: Durability,
    ) -> Result<(), StoreError> {
        let Some(failure) = self.failures.take() else {
            return Err(error);
        };
        let reason = failure.reason;
        let error = match failure.full {
            true => StoreError::Full {
                path: self.path.clone(),
                reason: reason.clone(),
            },
            false => error,
        };
        let opened = self.reopen();
        let all: Vec<Write> = writer.lazy.iter().chain(writes).cloned().collect();
        let made = match opened {
            Ok(()) if durability == Durability::Synced => self.is_made(&all),
            Ok(()) => Ok(false),
            Err(error) => Err(error),
        };
        if failure.call == Call::Sync {
            writer.refused = Some(reason.clone());
            // For readers; what they see is what this process did, whether it is on the disk or not.
            let _ = self.restore_lazy(writer);
            return Err(StoreError::Uncertain {
                path: self.path.clone(),
                reason,
            });
        }
        match made {
            // Opening made it durable: it checks what it finds, then writes and syncs the root of that.
            Ok(true) => {
                writer.lazy.clear();
                Ok(())
            }
            Ok(false) => {
                // Should that fail, readers are told, and the next change tries again.
                let _ = self.restore_lazy(writer);
                Err(error)
            }
            // Only what has its place in the file is written, and the root last.
            Err(_) if failure.call == Call::Grow => Err(error),
            Err(unreadable) => Err(StoreError::Uncertain {
                path: self.path.clone(),
                reason: format!("{error}; then {unreadable}"),
            }),
        }
    }

    /// Whether the store is as it would be right after `writes`.
    fn is_made(&self, writes: &[Write]) -> Result<bool, StoreError> {
        let last: BTreeMap<_, _> = writes
            .iter()
            .map(|write| ((write.kind(), write.key()), write.value()))
            .collect();
        for ((kind, key), value) in last {
            if self.read_once(&|view| get(view, kind, key))?.as_deref() != value {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// redb promises errors for damaged files where it can and panics where it cannot.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(open::translate(path, error)),
        Err(panic) => Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: open::panic_text(panic.as_ref()),
        }),
    }
}

fn write_all(transaction: &WriteTransaction, writes: &[Write]) -> Result<(), redb::Error> {
    for kind in Kind::ALL {
        let mut of_kind = writes.iter().filter(|write| write.kind() == kind).peekable();
        if of_kind.peek().is_none() {
            continue;
        }
        let mut table = transaction.open_table(table(kind))?;
        for write in of_kind {
            match write {
                Write::Put(record) => {
                    table.insert(record.key.as_str(), record.value.as_slice())?;
                }
                Write::Delete { key, .. } => {
                    table.remove(key.as_str())?;
                }
            }
        }
    }
    Ok(())
}

fn get(view: &ReadTransaction, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, redb::Error> {
    Ok(view
        .open_table(table(kind))?
        .get(key)?
        .map(|value| value.value().to_vec()))
}

impl Store for EmbeddedStore {
    fn apply(&self, writes: &[Write], durability: Durability) -> Result<(), StoreError> {
        let mut writer = self.writer();
        if let Some(reason) = &writer.refused {
            return Err(StoreError::Failed {
                path: self.path.clone(),
                reason: reason.clone(),
            });
        }
        if writes.is_empty() && (durability == Durability::Lazy || writer.lazy.is_empty()) {
            return Ok(());
        }
        if self
            .database
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
        {
            self.reopen()?;
            self.restore_lazy(&mut writer)?;
        }
        if let Err(error) = self.commit(writes, durability) {
            return self.after_failure(&mut writer, error, writes, durability);
        }
        match durability {
            Durability::Synced => writer.lazy.clear(),
            Durability::Lazy => writer.lazy.extend_from_slice(writes),
        }
        Ok(())
    }

    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|view| get(view, kind, key))
    }

    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let mut rest =
            self.read(|view| Ok(view.open_table(table(kind))?.range(from.unwrap_or_default()..)?))?;
        // The visitor runs outside the guard: its panics are its own.
        while let Some((key, value)) = self.guarded(|| Ok(rest.next().transpose()?))? {
            visit(key.value(), value.value())?;
        }
        Ok(())
    }

    fn view(&self) -> Result<Box<dyn View>, StoreError> {
        // Through a read, so that a failed database is brought back first.
        self.read(|_| Ok(()))?;
        let moment = self.transaction()?;
        Ok(Box::new(moment::Moment::new(self.path.clone(), moment)))
    }
}
