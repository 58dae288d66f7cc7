//! What can stand in the way of remembering.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Kind;

/// Why the store could not do what was asked. Each text names the attempt, the obstacle and the way on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or this one, has the file open.
    #[error(
        "cannot open the store {path}: it is in use; stop the other mortar server, or give this one a file of its own"
    )]
    InUse {
        /// The store file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error(
        "cannot open the store {path}: there is no such file; check the path, or restore a backup into a new one"
    )]
    Missing {
        /// The store file.
        path: PathBuf,
    },
    /// A file is there already and none was expected.
    #[error("cannot make the file {path}: there is one of that name already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what a store wrote.
    #[error(
        "the store {path} is damaged or not a store: {reason}; it was left as it is; keep a copy, then restore the last backup (`mortar db restore`) into a new file"
    )]
    Damaged {
        /// The store file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file was written by a newer program.
    #[error(
        "the store {path} has schema version {found}, this program knows version {known}; use a newer mortar, or restore a backup of version {known} into a new file"
    )]
    NewerSchema {
        /// The store file.
        path: PathBuf,
        /// The file's version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// There is no room on the disk. Nothing was changed; what was there can be read.
    #[error(
        "cannot write to {path}: the disk is full ({reason}); nothing was changed; make room and try again"
    )]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The system refused something. Nothing was changed.
    #[error("cannot {attempt} {path}: {source}")]
    Io {
        /// What was being done.
        attempt: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The disk failed while a change was being made fast: it may be there or not.
    #[error(
        "a change of the store {path} may be lost: {reason}; nothing more is written; mend the disk, then start the server again"
    )]
    Uncertain {
        /// The store file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The disk failed earlier. Nothing was changed.
    #[error(
        "the store {path} takes no changes since its disk failed ({reason}); mend the disk, then start the server again"
    )]
    Failed {
        /// The store file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Too many changes wait already. Nothing was changed.
    #[error("the store has {waiting} changes waiting for the disk; try again later")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// The store is being closed. Nothing is known to have changed.
    #[error("the store is closed")]
    Closed,
    /// A value cannot be read or written.
    #[error("cannot read or write the record {kind} {key}: {reason}")]
    Record {
        /// What the record is of.
        kind: String,
        /// Its key.
        key: String,
        /// What stood in the way.
        reason: String,
    },
    /// A file could not be brought from an older schema to this program's.
    #[error(
        "cannot bring the records from schema version {from} to {to} ({what}): {source}; all is as it was; the program that wrote it still reads it"
    )]
    Migration {
        /// The version that was there.
        from: u32,
        /// The version that was to be made.
        to: u32,
        /// What the step does.
        what: &'static str,
        /// What stood in the way.
        source: Box<StoreError>,
    },
    /// The file of an older schema could not be backed up, so it was not brought to this program's.
    #[error(
        "the store {path} has schema version {found}, and is not brought to version {known} without a backup: {source}"
    )]
    NotBackedUp {
        /// The store file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// This program's version.
        known: u32,
        /// What stood in the way.
        source: Box<StoreError>,
    },
    /// A backup is not what was written.
    #[error("the backup {path} is not sound: {reason}; use another one")]
    Unsound {
        /// The backup.
        path: PathBuf,
        /// What is wrong, with its place.
        reason: String,
    },
    /// An import met a store that holds something.
    #[error("cannot import: the store already holds records (a {kind} at least); import into a new file")]
    NotEmpty {
        /// The first kind that was found.
        kind: Kind,
    },
    /// A document is not an export, or not a whole one.
    #[error("cannot import: {reason}; nothing was written")]
    Document {
        /// What is wrong, with its place where known.
        reason: String,
    },
}

impl StoreError {
    /// What the system said, while `attempt` was being made.
    pub(crate) fn from_io(attempt: &'static str, path: &Path, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full {
                path: path.to_owned(),
                reason: source.to_string(),
            },
            _ => Self::Io {
                attempt,
                path: path.to_owned(),
                source,
            },
        }
    }
}
