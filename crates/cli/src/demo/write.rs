//! A file that is being written, block after block, each on the disks before the next, while other things happen.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::place::failed;
use super::sum::Sum;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Bytes of a block.
pub(super) const BLOCK: u64 = 1 << 20;
/// More than this does not fit beside the rest of the volume.
const MOST: u64 = 700 << 20;
/// How long no block may come. A node that is gone without a word is given up by its clients after 42 s.
const STANDSTILL: Duration = Duration::from_secs(90);

/// Bytes that are all different and the same in every run (xorshift, Marsaglia 2003).
#[derive(Debug)]
pub(super) struct Noise(u64);

impl Noise {
    /// From a seed, which is not 0.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Fills a buffer.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            chunk.copy_from_slice(&self.0.to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A block is on the disks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beat {
    /// Since when.
    pub(super) at: Instant,
    /// With how many bytes in all.
    pub(super) total: u64,
}

/// A file that is being written by a thread.
#[derive(Debug)]
pub(super) struct Writer {
    file: PathBuf,
    stop: Arc<AtomicBool>,
    beats: Receiver<Beat>,
    seen: Vec<Beat>,
    thread: JoinHandle<Result<String>>,
}

impl Writer {
    /// Begins to write.
    pub(super) fn start(file: &Path) -> Result<Self> {
        let (sender, beats) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let (path, asked) = (file.to_owned(), Arc::clone(&stop));
        let mut opened = File::create(file).map_err(failed(format!("write {}", file.display())))?;
        let thread = std::thread::spawn(move || write(&path, &mut opened, &asked, &sender));
        Ok(Self {
            file: file.to_owned(),
            stop,
            beats,
            seen: Vec::new(),
            thread,
        })
    }

    /// Waits until so many bytes were written since a moment, and tells of each block.
    pub(super) fn until(&mut self, since: Instant, bytes: u64, mut tell: impl FnMut(Beat)) -> Result<()> {
        while self.written_since(since) < bytes {
            match self.beats.recv_timeout(STANDSTILL) {
                Ok(beat) => {
                    tell(beat);
                    self.seen.push(beat);
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Error::new(
                        Exit::Failed,
                        format!("write {}", self.file.display()),
                        format!("no block was written for {} s", STANDSTILL.as_secs()),
                    )
                    .advise("see the client's log in the lab's folder"));
                }
                // It ended before it was asked to; why is told at its end.
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
        Ok(())
    }

    fn written_since(&self, since: Instant) -> u64 {
        let before = self.seen.iter().rev().find(|beat| beat.at <= since);
        let total = self.seen.last().map_or(0, |beat| beat.total);
        total - before.map_or(0, |beat| beat.total)
    }

    /// Ends after the block under way; every block that was written, and the checksum of them all.
    pub(super) fn finish(mut self) -> Result<(Vec<Beat>, String)> {
        self.stop.store(true, Ordering::Relaxed);
        let sum = self.thread.join().map_err(|_| {
            Error::new(
                Exit::Failed,
                format!("write {}", self.file.display()),
                "the writer panicked",
            )
        })??;
        self.seen.extend(self.beats.try_iter());
        Ok((self.seen, sum))
    }
}

fn write(path: &Path, file: &mut File, stop: &AtomicBool, beats: &Sender<Beat>) -> Result<String> {
    let mut noise = Noise::new(2);
    let mut block = vec![0; BLOCK as usize];
    let mut sum = Sum::new()?;
    let mut total = 0;
    while !stop.load(Ordering::Relaxed) && total < MOST {
        noise.fill(&mut block);
        file.write_all(&block)
            .and_then(|()| file.sync_data())
            .map_err(failed(format!("write {} after {total} bytes", path.display())))?;
        let at = Instant::now();
        total += BLOCK;
        // Nobody listens when the demo failed elsewhere; then it ends.
        if beats.send(Beat { at, total }).is_err() {
            break;
        }
        sum.add(&block)?;
    }
    sum.finish()
}

/// The longest time between two blocks of which the later came in this span.
pub(super) fn longest_pause(beats: &[Beat], from: Instant, to: Instant) -> Option<Duration> {
    beats
        .windows(2)
        .filter(|pair| pair[1].at > from && pair[1].at <= to)
        .map(|pair| pair[1].at - pair[0].at)
        .max()
}

/// Bytes that came in this span.
pub(super) fn bytes_between(beats: &[Beat], from: Option<Instant>, to: Option<Instant>) -> u64 {
    let inside = |beat: &&Beat| from.is_none_or(|from| beat.at > from) && to.is_none_or(|to| beat.at <= to);
    BLOCK * beats.iter().filter(inside).count() as u64
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{BLOCK, Beat, Noise, Writer, bytes_between, longest_pause};
    use crate::demo::sum;

    #[test]
    fn what_is_written_is_what_was_summed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        let began = Instant::now();
        let mut writer = Writer::start(&file).unwrap();
        let mut told = 0;
        writer.until(began, 3 * BLOCK, |_| told += 1).unwrap();
        assert_eq!(told, 3);
        let middle = Instant::now();
        writer.until(middle, BLOCK, |_| {}).unwrap();
        let (beats, sum) = writer.finish().unwrap();
        assert_eq!(
            std::fs::metadata(&file).unwrap().len(),
            beats.last().unwrap().total
        );
        assert_eq!(sum::of_file(&file).unwrap(), sum);
        assert!(beats.last().unwrap().at > middle);
    }

    #[test]
    fn a_write_that_fails_is_told_at_the_end() {
        let began = Instant::now();
        let mut writer = Writer::start(std::path::Path::new("/dev/full")).unwrap();
        writer.until(began, BLOCK, |_| {}).unwrap();
        let error = writer.finish().unwrap_err();
        assert!(error.attempt.contains("/dev/full"), "{error:?}");
    }

    #[test]
    fn pauses_and_bytes_around_a_moment() {
        let zero = Instant::now();
        let at = |ms| zero + Duration::from_millis(ms);
        let beats: Vec<Beat> = [(10, 1), (30, 2), (130, 3), (140, 4)]
            .map(|(ms, blocks)| Beat {
                at: at(ms),
                total: blocks * BLOCK,
            })
            .to_vec();
        assert_eq!(
            longest_pause(&beats, zero, at(30)),
            Some(Duration::from_millis(20))
        );
        assert_eq!(
            longest_pause(&beats, at(30), at(999)),
            Some(Duration::from_millis(100))
        );
        assert_eq!(longest_pause(&beats, at(140), at(999)), None);
        assert_eq!(bytes_between(&beats, None, Some(at(30))), 2 * BLOCK);
        assert_eq!(bytes_between(&beats, Some(at(30)), Some(at(130))), BLOCK);
        assert_eq!(bytes_between(&beats, Some(at(130)), None), BLOCK);
    }

    #[test]
    fn noise_fills_odd_buffers_too() {
        let (mut a, mut b) = ([0; 13], [0; 13]);
        Noise::new(7).fill(&mut a);
        Noise::new(7).fill(&mut b);
        assert_eq!(a, b);
        assert_ne!(a[..8], a[5..]);
    }
}
