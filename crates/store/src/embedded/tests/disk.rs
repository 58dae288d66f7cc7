//! A disk in memory that fails, fills up or loses power when told to.

use std::sync::{Arc, Mutex, MutexGuard};

use redb::StorageBackend;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The disk is full once, as on file systems that take new blocks for each write; then there is room again.
    Full,
    /// The disk is full from then on: the file cannot grow.
    FullForGood,
    /// A call fails once with an I/O error.
    Failing,
    /// Nothing reaches the disk any more, until [`Disk::restart`].
    Power,
}

#[derive(Clone, Debug)]
enum Step {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

#[derive(Clone, Debug, Default)]
struct Inner {
    /// What is surely on the disk.
    synced: Vec<u8>,
    /// What was done since.
    unsynced: Vec<Step>,
    /// What a reader sees.
    seen: Vec<u8>,
    /// Calls until the fault.
    fault: Option<(u64, Fault)>,
    fault_met: bool,
    /// The fault that lasts.
    lasting: Option<Fault>,
}

/// The disk; clones are the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    inner: Arc<Mutex<Inner>>,
}

impl From<Vec<u8>> for Disk {
    fn from(image: Vec<u8>) -> Self {
        let inner = Inner {
            synced: image.clone(),
            seen: image,
            ..Inner::default()
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }
}

fn perform(image: &mut Vec<u8>, step: &Step) {
    match step {
        Step::SetLen(len) => image.resize(*len as usize, 0),
        Step::Write(at, data) => {
            let end = *at as usize + data.len();
            if image.len() < end {
                image.resize(end, 0);
            }
            image[*at as usize..end].copy_from_slice(data);
        }
    }
}

#[derive(PartialEq)]
enum Call {
    Read,
    Write,
    Grow,
    Sync,
}

impl Inner {
    fn meet(&mut self, call: &Call) -> std::io::Result<()> {
        if let Some((calls, fault)) = &mut self.fault {
            *calls = calls.saturating_sub(1);
            let concerned = match fault {
                Fault::Full => matches!(call, Call::Grow | Call::Write),
                Fault::FullForGood => *call == Call::Grow,
                Fault::Failing | Fault::Power => true,
            };
            if *calls == 0 && concerned {
                let fault = *fault;
                self.fault = None;
                self.fault_met = true;
                match fault {
                    Fault::Full => return Err(std::io::ErrorKind::StorageFull.into()),
                    Fault::Failing => return Err(std::io::Error::other("the disk failed")),
                    Fault::FullForGood | Fault::Power => self.lasting = Some(fault),
                }
            }
        }
        match self.lasting {
            Some(Fault::FullForGood) if *call == Call::Grow => Err(std::io::ErrorKind::StorageFull.into()),
            Some(Fault::Power) => Err(std::io::Error::other("no power")),
            _ => Ok(()),
        }
    }
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Lets `fault` happen at the `calls`th call from now, or at the first after it that it concerns.
    pub(super) fn fault_after(&self, calls: u64, fault: Fault) {
        self.lock().fault = Some((calls, fault));
    }

    /// Whether the fault came up.
    pub(super) fn fault_met(&self) -> bool {
        self.lock().fault_met
    }

    /// No fault comes up from now on; one that lasts goes on. Returns whether one came up.
    pub(super) fn disarm(&self) -> bool {
        self.lock().fault = None;
        self.fault_met()
    }

    /// Turns one bit of what is on the disk.
    pub(super) fn flip(&self, bit: usize) {
        let mut inner = self.lock();
        inner.seen[bit / 8] ^= 1 << (bit % 8);
        inner.synced[bit / 8] ^= 1 << (bit % 8);
    }

    /// Changes what is on the disk, behind the store's back.
    pub(super) fn put(&self, at: usize, bytes: &[u8]) {
        let mut inner = self.lock();
        inner.seen[at..at + bytes.len()].copy_from_slice(bytes);
        inner.synced[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// What is in the file now.
    pub(super) fn image(&self) -> Vec<u8> {
        self.lock().seen.clone()
    }

    /// The power comes back. Of what was not synced, each sector is there or not, as `seed` says.
    pub(super) fn restart(&self, mut seed: u64) {
        let mut inner = self.lock();
        let mut image = inner.synced.clone();
        for step in &inner.unsynced {
            match step {
                Step::SetLen(_) => {
                    if coin(&mut seed) {
                        perform(&mut image, step);
                    }
                }
                Step::Write(at, data) => {
                    for (sector, part) in data.chunks(512).enumerate() {
                        if coin(&mut seed) {
                            perform(&mut image, &Step::Write(at + sector as u64 * 512, part.to_vec()));
                        }
                    }
                }
            }
        }
        *inner = Inner {
            synced: image.clone(),
            seen: image,
            ..Inner::default()
        };
    }
}

/// One of two, by a linear congruence: enough to choose sectors by.
fn coin(seed: &mut u64) -> bool {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *seed >> 63 == 1
}

impl StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        Ok(self.lock().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        let mut inner = self.lock();
        inner.meet(&Call::Read)?;
        let part = inner.seen.get(offset as usize..offset as usize + out.len());
        out.copy_from_slice(part.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        let mut inner = self.lock();
        let grows = len > inner.seen.len() as u64;
        inner.meet(if grows { &Call::Grow } else { &Call::Write })?;
        let step = Step::SetLen(len);
        perform(&mut inner.seen, &step);
        inner.unsynced.push(step);
        Ok(())
    }

    fn sync_data(&self) -> std::io::Result<()> {
        let mut inner = self.lock();
        inner.meet(&Call::Sync)?;
        inner.synced = inner.seen.clone();
        inner.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        let mut inner = self.lock();
        inner.meet(&Call::Write)?;
        let step = Step::Write(offset, data.to_vec());
        perform(&mut inner.seen, &step);
        inner.unsynced.push(step);
        Ok(())
    }
}
