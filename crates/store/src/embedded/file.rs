//! The file below redb: as redb's own, but it grows by blocks that are really there.
//!
//! redb makes the file longer and writes into the new part later. A file system gives the blocks at the later
//! time, so a full disk would be met in the middle of a commit. Here growing takes the blocks, and a full disk
//! is met before anything of the commit is written.

use std::fs::File;
use std::io;

use redb::StorageBackend;
use redb::backends::FileBackend;
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::locks::locks_of;

/// A file that redb keeps its pages in.
#[derive(Debug)]
pub(super) struct GrowingFile {
    backend: FileBackend,
    /// The same open file, for growing.
    file: File,
}

impl GrowingFile {
    pub(super) fn new(file: File) -> Result<Self, redb::Error> {
        let same = file.try_clone().map_err(redb::Error::Io)?;
        Ok(Self {
            backend: FileBackend::new(file)?,
            file: same,
        })
    }

    fn grow(&self, from: u64, to: u64) -> io::Result<()> {
        match fallocate(&self.file, FallocateFlags::empty(), from, to - from) {
            Ok(()) => Ok(()),
            // Some file systems cannot; there a full disk is met later, and is still an error then.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => self.file.set_len(to),
            Err(error) => {
                // What was taken so far is given back; the error is the one to tell.
                let _ = self.file.set_len(from);
                Err(error.into())
            }
        }
    }
}

impl StorageBackend for GrowingFile {
    fn len(&self) -> io::Result<u64> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let now = self.backend.len()?;
        if len > now {
            self.grow(now, len)
        } else {
            self.backend.set_len(len)
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.backend.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.backend.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.backend.close()
    }

    locks_of!(backend);
}
