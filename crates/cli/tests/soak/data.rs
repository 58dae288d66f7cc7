//! Files in volumes: written while everything breaks, and compared with what was written when all is calm.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;

use mortar_lab::Lab;

use crate::chance::Chance;
use crate::client::Volume;
use crate::world::Wrong;

/// Largest file, in bytes.
const LARGEST: u64 = 512 << 10;

/// A file that was written, synced and closed without an error.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) name: String,
    seed: u64,
    length: usize,
}

impl Written {
    /// What is in it, made again from its seed.
    fn content(&self) -> Vec<u8> {
        let mut chance = Chance::new(self.seed, 0);
        let mut bytes = Vec::with_capacity(self.length + 8);
        while bytes.len() < self.length {
            bytes.extend(chance.next().to_le_bytes());
        }
        bytes.truncate(self.length);
        bytes
    }
}

/// Mounts the volume, writes one more file and unmounts it.
pub(crate) fn write(lab: &Lab, volume: &Volume, chance: &mut Chance) -> io::Result<Written> {
    let written = Written {
        name: format!("file{}", chance.next()),
        seed: chance.next(),
        length: usize::try_from(chance.below(LARGEST)).map_err(io::Error::other)?,
    };
    mounted(lab, volume, |folder| {
        let mut file = File::create_new(folder.join(&written.name))?;
        file.write_all(&written.content())?;
        file.sync_all()
    })?;
    Ok(written)
}

/// Mounts the volume and compares its files with what was written; how many there were.
pub(crate) fn check(lab: &Lab, volume: &Volume) -> Result<usize, Wrong> {
    let compare = |folder: &Path| {
        for written in &volume.files {
            let wrong = |why: String| io::Error::other(format!("{}: {why}", written.name));
            let came = fs::read(folder.join(&written.name)).map_err(|error| wrong(error.to_string()))?;
            if came != written.content() {
                let lengths = format!("{} bytes, {} were written", came.len(), written.length);
                return Err(wrong(format!("it has another content ({lengths})")));
            }
        }
        Ok(volume.files.len())
    };
    mounted(lab, volume, compare).map_err(|error| format!("the files of {}: {error}", volume.name))
}

fn mounted<T>(lab: &Lab, volume: &Volume, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let folder = tempfile::tempdir()?;
    lab.mount(&volume.name, folder.path()).map_err(io::Error::other)?;
    let result = work(folder.path());
    if let Err(error) = lab.unmount(folder.path()) {
        // Its last user may be a moment late, or all its servers are gone: out of the way in any case.
        Command::new("umount")
            .args(["--lazy"])
            .arg(folder.path())
            .status()?;
        return result.and(Err(io::Error::other(error)));
    }
    result
}
