//! Making and opening the file, and telling what is wrong with it.

use std::any::Any;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, ReadableDatabase as _, StorageBackend, TableDefinition};

use super::checked::Checked;
use super::file::GrowingFile;
use super::watched::{FailureLog, Watched};
use super::{CACHE_BYTES, EmbeddedStore, migrate, table};
use crate::{Backups, Kind, Schema, StoreError, Write};

/// Holds the schema version; apart from the records, so that no record can be taken for it.
pub(super) const ABOUT: TableDefinition<'static, &str, u32> = TableDefinition::new("about");
pub(super) const SCHEMA: &str = "schema";

/// How a store file is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// What the program knows of versions of the schema. A file of an older version is brought to its newest.
    pub schema: Schema,
    /// Where a file of an older version is backed up before that.
    pub backups: Backups,
    /// How much of the file is kept in memory, in bytes.
    pub cache: usize,
}

impl Opening {
    /// By this program, with backups beside the store.
    pub fn beside(store: &Path) -> Self {
        Self::with(Backups::beside(store))
    }

    /// By this program, with backups there.
    pub fn with(backups: Backups) -> Self {
        Self {
            schema: Schema::CURRENT,
            backups,
            cache: CACHE_BYTES,
        }
    }
}

/// What the first bytes of every store are.
const MAGIC: &[u8] = b"redb";

impl EmbeddedStore {
    /// Whether a file begins as a store does, be it whole or not.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Opens the store in `path`, which must be there. One of an older schema is backed up beside it, and brought to
    /// this program's.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let opening = Opening::beside(&path);
        Self::open_with(path, opening)
    }

    /// The same, opened in this way.
    pub fn open_with(path: impl Into<PathBuf>, opening: Opening) -> Result<Self, StoreError> {
        let path = path.into();
        let opened = path.clone();
        Self::over(path, Box::new(move |failures| open(&opened, &opening, failures)))
    }

    /// Makes an empty store in `path`, where nothing may be yet, and opens it.
    ///
    /// It is made under another name and moved when whole, so `path` never holds half a store.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        create(&path, &[])?;
        Self::open(path)
    }

    /// Makes a store that holds `writes` in `path`, where nothing may be yet: whole and on the disk, or not at all.
    pub fn restore(path: &Path, writes: &[Write]) -> Result<(), StoreError> {
        create(path, writes)
    }

    /// Opens the store in `path`, or makes an empty one if there is no such file. A file that is there but empty
    /// or cut off is an error, never a new store.
    pub fn open_or_create(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let opening = Opening::beside(&path);
        Self::open_or_create_with(path, opening)
    }

    /// The same, opened in this way.
    pub fn open_or_create_with(path: impl Into<PathBuf>, opening: Opening) -> Result<Self, StoreError> {
        let path = path.into();
        match Self::open_with(&path, opening.clone()) {
            Err(StoreError::Missing { .. }) => match create(&path, &[]) {
                // Somebody else made it in between.
                Ok(()) | Err(StoreError::Exists { .. }) => Self::open_with(path, opening),
                Err(error) => Err(error),
            },
            result => result,
        }
    }

    /// Opens, or makes if it is empty, a store in what `backend` gives each time it is asked.
    #[cfg(test)]
    pub(super) fn open_backend<B: StorageBackend>(
        name: &str,
        opening: Opening,
        backend: impl Fn() -> B + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let path = PathBuf::from(name);
        let opened = path.clone();
        let opener = move |failures: &FailureLog| {
            let backend = backend();
            let fresh = backend.len().is_ok_and(|len| len == 0);
            if fresh {
                make(&opened, backend, &opening, failures)
            } else {
                start(&opened, backend, &opening, failures)
            }
        };
        Self::over(path, Box::new(opener))
    }
}

/// What the system said about the store file.
fn io_error(attempt: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| StoreError::from_io(attempt, path, source)
}

/// The store file, which is there and holds something.
pub(super) fn open_file(path: &Path) -> Result<File, StoreError> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(StoreError::Missing {
                path: path.to_owned(),
            });
        }
        Err(error) => return Err(io_error("open the store", path)(error)),
    };
    let about = file.metadata().map_err(io_error("look at the store", path))?;
    if !about.is_file() {
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: "it is not a regular file".to_owned(),
        });
    }
    if about.len() == 0 {
        // redb would take it for a new one.
        return Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: "the file is empty".to_owned(),
        });
    }
    Ok(file)
}

fn open(path: &Path, opening: &Opening, failures: &FailureLog) -> Result<Database, StoreError> {
    let file = GrowingFile::new(open_file(path)?).map_err(|error| translate(path, error))?;
    start(path, file, opening, failures)
}

fn create(path: &Path, writes: &[Write]) -> Result<(), StoreError> {
    let attempt = "make a new store";
    if path.symlink_metadata().is_ok() {
        return Err(StoreError::Exists {
            path: path.to_owned(),
        });
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let draft = path.with_file_name(name);
    let made = (|| {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            // As its backups: what it holds is for those who run the server.
            .mode(0o600)
            .open(&draft);
        let file = GrowingFile::new(file.map_err(io_error(attempt, path))?);
        let file = file.map_err(|error| translate(path, error))?;
        let failures = FailureLog::default();
        let database = make(path, file, &Opening::beside(path), &failures)?;
        fill(path, &database, writes, &failures)?;
        database.close().map_err(|error| translate(path, error.into()))?;
        // A link refuses to take the place of a file that came up meanwhile; a rename would not.
        std::fs::hard_link(&draft, path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => StoreError::Exists {
                path: path.to_owned(),
            },
            _ => io_error(attempt, path)(error),
        })?;
        sync_folder(path).map_err(io_error(attempt, path))
    })();
    // It is the store under another name, or worth nothing.
    let _ = std::fs::remove_file(&draft);
    made
}

/// Makes a name that was just given or taken away survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

/// Lets redb check and open `backend`, and brings it to this program's schema.
fn start(
    path: &Path,
    backend: impl StorageBackend,
    opening: &Opening,
    failures: &FailureLog,
) -> Result<Database, StoreError> {
    let database = build(path, backend, opening.cache, failures)?;
    let found = caught(path, failures, || migrate::version(&database))?;
    refuse_newer(path, found, opening.schema)?;
    if found < opening.schema.version() {
        migrate::to_newest(path, &database, found, opening, failures)?;
    }
    caught(path, failures, || {
        let view = database.begin_read()?;
        for kind in Kind::ALL {
            view.open_table(table(kind))?;
        }
        Ok(())
    })?;
    Ok(database)
}

pub(super) fn refuse_newer(path: &Path, found: u32, known: Schema) -> Result<(), StoreError> {
    let known = known.version();
    if found <= known {
        return Ok(());
    }
    Err(StoreError::NewerSchema {
        path: path.to_owned(),
        found,
        known,
    })
}

/// Makes the tables in `backend`, which holds nothing yet.
fn make(
    path: &Path,
    backend: impl StorageBackend,
    opening: &Opening,
    failures: &FailureLog,
) -> Result<Database, StoreError> {
    let database = build(path, backend, opening.cache, failures)?;
    caught(path, failures, || {
        let transaction = database.begin_write()?;
        transaction
            .open_table(ABOUT)?
            .insert(SCHEMA, opening.schema.version())?;
        for kind in Kind::ALL {
            transaction.open_table(table(kind))?;
        }
        transaction.commit()?;
        Ok(())
    })?;
    Ok(database)
}

fn fill(path: &Path, database: &Database, writes: &[Write], failures: &FailureLog) -> Result<(), StoreError> {
    if writes.is_empty() {
        return Ok(());
    }
    caught(path, failures, || {
        let transaction = database.begin_write()?;
        super::write_all(&transaction, writes)?;
        transaction.commit()?;
        Ok(())
    })
}

/// Lets redb check and open `backend`.
pub(super) fn build(
    path: &Path,
    backend: impl StorageBackend,
    cache: usize,
    failures: &FailureLog,
) -> Result<Database, StoreError> {
    let backend = Watched {
        inner: Checked::new(backend),
        failures: failures.clone(),
    };
    caught(path, failures, || {
        Ok(Builder::new()
            .set_cache_size(cache)
            .set_check_integrity_on_open(true)
            .create_with_backend(backend)?)
    })
}

/// Does `work` with a file that is not in use yet; what goes wrong is told by its cause. redb promises errors for
/// damaged files where it can and panics where it cannot.
pub(super) fn caught<T>(
    path: &Path,
    failures: &FailureLog,
    work: impl FnOnce() -> Result<T, redb::Error>,
) -> Result<T, StoreError> {
    let done = catch_unwind(AssertUnwindSafe(work));
    // What failed is told by the error; the log is for what fails from now on.
    let failure = failures.take();
    match done {
        Err(panic) => Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: panic_text(panic.as_ref()),
        }),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) if let Some(failure) = failure.as_ref().filter(|failure| failure.full) => {
            Err(StoreError::Full {
                path: path.to_owned(),
                reason: failure.reason.clone(),
            })
        }
        Ok(Err(error)) => Err(translate(path, error)),
    }
}

/// redb's error as ours.
pub(super) fn translate(path: &Path, error: redb::Error) -> StoreError {
    use redb::Error as Redb;
    let path = path.to_owned();
    match error {
        Redb::DatabaseAlreadyOpen | Redb::LockProtocolMismatch => StoreError::InUse { path },
        Redb::DatabaseClosed => StoreError::Closed,
        Redb::Io(source) => match source.kind() {
            // How redb tells a foreign file and a read beyond the end of a cut-off one.
            ErrorKind::InvalidData | ErrorKind::UnexpectedEof => StoreError::Damaged {
                path,
                reason: source.to_string(),
            },
            _ => io_error("use the store", &path)(source),
        },
        Redb::PreviousIo | Redb::LockPoisoned(_) => StoreError::Io {
            attempt: "use the store",
            path,
            source: std::io::Error::other(error.to_string()),
        },
        other => StoreError::Damaged {
            path,
            reason: other.to_string(),
        },
    }
}

/// What a caught panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("reading it failed inside: {}", text.unwrap_or("no reason given"))
}
