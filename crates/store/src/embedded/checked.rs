//! Between redb and the file: what is read is what was written, or what redb itself proved at the opening.
//!
//! redb checks its pages' checksums when it opens a file, and then trusts what it reads. A bit that turns on the
//! disk of a running server would reach readers as a wrong record, as one that is missing, or in a backup with a good
//! checksum of its own: without this file, 741 of 5,996 bits turned all over an open store did. So a sum of each
//! block is kept in memory, from when it was first read or last written, and each read is held against it.
//!
//! The first read of a block is believed here. All that matters is first read while redb opens the file and checks
//! every page from the root down; what it does not check, it does not use.
//!
//! The sums (CRC-32, which sees every turn within 32 bits in a row) cost 8 bytes for 4 KiB of the file. A checksum
//! inside each record was the other way: it would not see that a record is gone, and would need another form of the
//! file.

use std::io;
use std::ops::Range;
use std::sync::{PoisonError, RwLock};

use redb::StorageBackend;

use super::locks::locks_of;

/// The size of redb's pages; larger ones are several blocks.
const BLOCK: u64 = 4096;

/// A storage that answers a read only when it is sure of it.
#[derive(Debug)]
pub(super) struct Checked<B> {
    inner: B,
    /// The CRC-32 of each block that is known.
    sums: RwLock<Vec<Option<u32>>>,
}

impl<B: StorageBackend> Checked<B> {
    pub(super) fn new(inner: B) -> Self {
        Self {
            inner,
            sums: RwLock::default(),
        }
    }

    /// The sums of the blocks that `bytes` at `offset` touch, with their numbers. A block that is touched in part is
    /// read whole.
    fn sums_of(&self, offset: u64, bytes: &[u8]) -> io::Result<Vec<(usize, u32)>> {
        let length = self.inner.len()?;
        let end = offset + bytes.len() as u64;
        let mut sums = Vec::with_capacity(bytes.len() / BLOCK as usize + 2);
        for number in offset / BLOCK..end.div_ceil(BLOCK) {
            let from = number * BLOCK;
            let to = (from + BLOCK).min(length.max(end));
            let sum = if from >= offset && to <= end {
                crc32fast::hash(&bytes[(from - offset) as usize..(to - offset) as usize])
            } else {
                let mut whole = vec![0; (to - from) as usize];
                self.inner.read(from, &mut whole)?;
                crc32fast::hash(&whole)
            };
            sums.push((number as usize, sum));
        }
        Ok(sums)
    }

    /// Forgets what is known of `blocks`: what is in them cannot be told any more.
    fn forget(&self, blocks: Range<u64>) {
        let mut known = self.sums.write().unwrap_or_else(PoisonError::into_inner);
        let end = (blocks.end as usize).min(known.len());
        let start = (blocks.start as usize).min(end);
        known[start..end].fill(None);
    }

    /// Compares with what is known, and keeps what was not.
    fn compare(&self, sums: &[(usize, u32)]) -> io::Result<()> {
        let mut news = false;
        {
            let known = self.sums.read().unwrap_or_else(PoisonError::into_inner);
            for (number, sum) in sums {
                match known.get(*number).copied().flatten() {
                    None => news = true,
                    Some(known) if known == *sum => {}
                    Some(_) => return Err(changed(*number)),
                }
            }
        }
        if news {
            let mut known = self.sums.write().unwrap_or_else(PoisonError::into_inner);
            for (number, sum) in sums {
                place(&mut known, *number).get_or_insert(*sum);
            }
        }
        Ok(())
    }
}

fn place(known: &mut Vec<Option<u32>>, number: usize) -> &mut Option<u32> {
    if known.len() <= number {
        known.resize(number + 1, None);
    }
    &mut known[number]
}

fn changed(number: usize) -> io::Error {
    let from = number as u64 * BLOCK;
    let text = format!(
        "bytes {from} to {} of the file changed on the disk since they were written",
        from + BLOCK - 1
    );
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl<B: StorageBackend> StorageBackend for Checked<B> {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    /// redb never reads a page while it writes it, and the header in one thread only: no lock is held meanwhile.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)?;
        self.compare(&self.sums_of(offset, out)?)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let before = self.inner.len()?;
        // The block that the end is in changes its length, and what is behind it comes or goes.
        self.forget(len.min(before) / BLOCK..u64::MAX);
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let blocks = offset / BLOCK..(offset + data.len() as u64).div_ceil(BLOCK);
        // Should the write fail, or the rest of a block not be readable, nothing is known of them.
        self.forget(blocks);
        self.inner.write(offset, data)?;
        let sums = self.sums_of(offset, data)?;
        let mut known = self.sums.write().unwrap_or_else(PoisonError::into_inner);
        for (number, sum) in sums {
            *place(&mut known, number) = Some(sum);
        }
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    locks_of!(inner);
}
