//! Watches what redb's storage reports, so that a failure can be told by its cause.
//!
//! redb answers each call after a failure with "previous I/O error": only the first failure says what happened.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use redb::StorageBackend;

use super::locks::locks_of;

/// The first thing that failed since it was last taken.
#[derive(Clone, Debug, Default)]
pub(super) struct FailureLog {
    first: Arc<Mutex<Option<Failure>>>,
}

/// A failure of the storage.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// What the system said.
    pub(super) reason: String,
    /// Whether the disk, or a quota on it, is full.
    pub(super) full: bool,
    /// What met it.
    pub(super) call: Call,
}

/// The calls whose failures mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Making the file longer. The change that needed it had not written its root yet.
    Grow,
    /// After it failed, the system's own picture of the file cannot be trusted.
    Sync,
    /// Any other.
    Other,
}

impl FailureLog {
    pub(super) fn take(&self) -> Option<Failure> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note<T>(&self, result: std::io::Result<T>, call: Call) -> std::io::Result<T> {
        if let Err(error) = &result {
            let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| Failure {
                reason: error.to_string(),
                full: matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
                call,
            });
        }
        result
    }
}

/// A storage that notes its failures.
#[derive(Debug)]
pub(super) struct Watched<B> {
    pub(super) inner: B,
    pub(super) failures: FailureLog,
}

impl<B: StorageBackend> StorageBackend for Watched<B> {
    fn len(&self) -> std::io::Result<u64> {
        self.failures.note(self.inner.len(), Call::Other)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.failures.note(self.inner.read(offset, out), Call::Other)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.failures.note(self.inner.set_len(len), Call::Grow)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.failures.note(self.inner.sync_data(), Call::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.failures.note(self.inner.write(offset, data), Call::Other)
    }

    fn close(&self) -> std::io::Result<()> {
        self.inner.close()
    }

    locks_of!(inner);
}
