//! Making and opening the file, and telling what is wrong with it.

use std::any::Any;
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Builder, Database, ReadableDatabase as _, StorageBackend, TableDefinition};

use super::file::GrowingFile;
use super::watched::{FailureLog, Watched};
use super::{CACHE_BYTES, EmbeddedStore, SCHEMA_VERSION, table};
use crate::{Kind, StoreError};

/// Holds the schema version; apart from the records, so that no record can be taken for it.
pub(super) const ABOUT: TableDefinition<'static, &str, u32> = TableDefinition::new("about");
const SCHEMA: &str = "schema";

impl EmbeddedStore {
    /// Opens the store in `path`, which must be there.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let opened = path.clone();
        Self::over(path, Box::new(move |failures| open(&opened, failures)))
    }

    /// Makes an empty store in `path`, where nothing may be yet, and opens it.
    ///
    /// It is made under another name and moved when whole, so `path` never holds half a store.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        create(&path)?;
        Self::open(path)
    }

    /// Opens the store in `path`, or makes an empty one if there is no such file. A file that is there but empty
    /// or cut off is an error, never a new store.
    pub fn open_or_create(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        match Self::open(&path) {
            Err(StoreError::Missing { .. }) => match create(&path) {
                // Somebody else made it in between.
                Ok(()) | Err(StoreError::Exists { .. }) => Self::open(path),
                Err(error) => Err(error),
            },
            result => result,
        }
    }

    /// Opens, or makes if it is empty, a store in what `backend` gives each time it is asked.
    #[cfg(test)]
    pub(super) fn open_backend<B: StorageBackend>(
        name: &str,
        backend: impl Fn() -> B + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let path = PathBuf::from(name);
        let opened = path.clone();
        let opener = move |failures: &FailureLog| {
            let backend = backend();
            let fresh = backend.len().is_ok_and(|len| len == 0);
            start(&opened, backend, failures, fresh)
        };
        Self::over(path, Box::new(opener))
    }
}

fn io_error(attempt: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    move |source| match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full {
            path: path.to_owned(),
            reason: source.to_string(),
        },
        _ => StoreError::Io {
            attempt,
            path: path.to_owned(),
            source,
        },
    }
}

fn open(path: &Path, failures: &FailureLog) -> Result<Database, StoreError> {
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
    let file = GrowingFile::new(file).map_err(|error| translate(path, error))?;
    start(path, file, failures, false)
}

fn create(path: &Path) -> Result<(), StoreError> {
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
            .open(&draft);
        let file = GrowingFile::new(file.map_err(io_error(attempt, path))?);
        let file = file.map_err(|error| translate(path, error))?;
        let database = start(path, file, &FailureLog::default(), true)?;
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

/// Lets redb check and open `backend`; with `fresh`, makes the tables in it.
fn start(
    path: &Path,
    backend: impl StorageBackend,
    failures: &FailureLog,
    fresh: bool,
) -> Result<Database, StoreError> {
    let backend = Watched {
        inner: backend,
        failures: failures.clone(),
    };
    let started = catch_unwind(AssertUnwindSafe(|| {
        let database = Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true)
            .create_with_backend(backend)?;
        if fresh {
            make_tables(&database)?;
        }
        let version = check_tables(&database)?;
        Ok((database, version))
    }));
    // What failed is told by the error; the log is for what fails from now on.
    let failure = failures.take();
    match started {
        Err(panic) => Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: panic_text(panic.as_ref()),
        }),
        Ok(Ok((database, SCHEMA_VERSION))) => Ok(database),
        Ok(Ok((_, found))) => Err(StoreError::NewerSchema {
            path: path.to_owned(),
            found,
            known: SCHEMA_VERSION,
        }),
        Ok(Err(_)) if let Some(failure) = failure.as_ref().filter(|failure| failure.full) => {
            Err(StoreError::Full {
                path: path.to_owned(),
                reason: failure.reason.clone(),
            })
        }
        Ok(Err(error)) => Err(translate(path, error)),
    }
}

fn make_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(ABOUT)?.insert(SCHEMA, SCHEMA_VERSION)?;
    for kind in Kind::ALL {
        transaction.open_table(table(kind))?;
    }
    transaction.commit()?;
    Ok(())
}

/// The schema version of the file; all tables are there if it is this program's.
fn check_tables(database: &Database) -> Result<u32, redb::Error> {
    let view = database.begin_read()?;
    let version = view
        .open_table(ABOUT)?
        .get(SCHEMA)?
        .map(|version| version.value());
    let version = version.ok_or_else(|| redb::Error::Corrupted("it has no schema version".to_owned()))?;
    if version == SCHEMA_VERSION {
        for kind in Kind::ALL {
            view.open_table(table(kind))?;
        }
    }
    Ok(version)
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
