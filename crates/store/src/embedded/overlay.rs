//! A store file that is only looked at: what redb writes stays in memory.
//!
//! Even opening a file writes: redb marks it as open, and mends what a crash left. Whoever asks whether a file is sound
//! must find it afterwards as it was.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::locks::locks_of;

const BLOCK: u64 = 4096;

/// The file with what was written over it.
#[derive(Debug)]
pub(super) struct Overlay {
    file: FileBackend,
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    len: u64,
    /// How much of the file still counts: what is behind a cut is gone, also when the file grows again.
    of_file: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    pub(super) fn new(file: File) -> Result<Self, redb::Error> {
        let file = FileBackend::new(file)?;
        let len = file.len()?;
        let over = Over {
            len,
            of_file: len,
            blocks: BTreeMap::new(),
        };
        let over = Mutex::new(over);
        Ok(Self { file, over })
    }

    fn lock(&self) -> MutexGuard<'_, Over> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block as it is now, zeros behind the end.
    fn block(&self, over: &Over, number: u64) -> io::Result<Vec<u8>> {
        if let Some(block) = over.blocks.get(&number) {
            return Ok(block.clone());
        }
        let mut block = vec![0; BLOCK as usize];
        let from = number * BLOCK;
        let there = over.of_file.saturating_sub(from).min(BLOCK) as usize;
        if there > 0 {
            self.file.read(from, &mut block[..there])?;
        }
        Ok(block)
    }

    /// The blocks of `length` bytes at `offset`: each number, and where it lies among those bytes and in the block.
    fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
        let end = offset + length as u64;
        (offset / BLOCK..end.div_ceil(BLOCK)).map(move |number| {
            let from = (number * BLOCK).max(offset);
            let to = ((number + 1) * BLOCK).min(end);
            (
                number,
                (from - offset) as usize,
                (from - number * BLOCK) as usize,
                (to - from) as usize,
            )
        })
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.lock();
        if offset + out.len() as u64 > over.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, at, within, length) in Self::parts(offset, out.len()) {
            let block = self.block(&over, number)?;
            out[at..at + length].copy_from_slice(&block[within..within + length]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.lock();
        if len < over.len && !len.is_multiple_of(BLOCK) {
            // What is behind the cut in its block must read as zeros when the file grows again.
            let number = len / BLOCK;
            let mut block = self.block(&over, number)?;
            block[(len % BLOCK) as usize..].fill(0);
            over.blocks.insert(number, block);
        }
        over.blocks.split_off(&len.div_ceil(BLOCK));
        over.of_file = over.of_file.min(len);
        over.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.lock();
        for (number, at, within, length) in Self::parts(offset, data.len()) {
            let mut block = self.block(&over, number)?;
            block[within..within + length].copy_from_slice(&data[at..at + length]);
            over.blocks.insert(number, block);
        }
        over.len = over.len.max(offset + data.len() as u64);
        Ok(())
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    locks_of!(file);
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, Write as _};

    use proptest::prelude::*;
    use redb::StorageBackend as _;

    use super::Overlay;

    #[derive(Clone, Debug)]
    enum Call {
        Write(u64, Vec<u8>),
        SetLen(u64),
    }

    fn call() -> impl Strategy<Value = Call> {
        prop_oneof![
            (0..15_000_u64, proptest::collection::vec(any::<u8>(), 1..9000))
                .prop_map(|(at, data)| Call::Write(at, data)),
            (0..20_000_u64).prop_map(Call::SetLen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// It behaves as a file of its own, and the file below stays as it is.
        #[test]
        fn an_overlay_is_a_file_and_the_one_below_stays(
            content in proptest::collection::vec(any::<u8>(), 0..12_000), calls in proptest::collection::vec(call(), 1..12)
        ) {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&content).unwrap();
            let overlay = Overlay::new(file.try_clone().unwrap()).unwrap();
            let mut model = content.clone();
            for call in calls {
                match call {
                    Call::SetLen(len) => {
                        overlay.set_len(len).unwrap();
                        model.resize(len as usize, 0);
                    }
                    Call::Write(at, data) => {
                        overlay.write(at, &data).unwrap();
                        let end = at as usize + data.len();
                        model.resize(model.len().max(end), 0);
                        model[at as usize..end].copy_from_slice(&data);
                    }
                }
                let mut seen = vec![0; overlay.len().unwrap() as usize];
                overlay.read(0, &mut seen).unwrap();
                prop_assert!(seen == model);
                prop_assert!(overlay.read(model.len() as u64, &mut [0]).is_err());
            }
            let mut below = Vec::new();
            file.rewind().unwrap();
            file.read_to_end(&mut below).unwrap();
            prop_assert!(below == content);
        }
    }
}
