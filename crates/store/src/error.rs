//! What can stand in the way of remembering.

use std::path::PathBuf;

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
        "cannot open the store {path}: there is no such file; check the path, or import an export into a new one"
    )]
    Missing {
        /// The store file.
        path: PathBuf,
    },
    /// A file is there already and none was expected.
    #[error("cannot make a new store {path}: there is a file of that name already")]
    Exists {
        /// The store file.
        path: PathBuf,
    },
    /// The file is not what a store wrote.
    #[error(
        "the store {path} is damaged or not a store: {reason}; it was left as it is; keep a copy, then import the last export (`mortar db import`) into a new file"
    )]
    Damaged {
        /// The store file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file was written by a newer program.
    #[error(
        "the store {path} has schema version {found}, this program knows version {known}; use a newer mortar, or import an export made for version {known} into a new file"
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
        "cannot write to the store {path}: the disk is full ({reason}); nothing was changed; make room and try again"
    )]
    Full {
        /// The store file.
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
        kind: Kind,
        /// Its key.
        key: String,
        /// What stood in the way.
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
