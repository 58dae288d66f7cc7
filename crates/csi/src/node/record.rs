//! What this node has staged and published, one file per volume, so that it is known after the plug-in was started anew. The
//! kernel's table of mounts has the last word on what is there; the files say what it is for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::context::Context;

/// A volume on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Its name in GlusterFS.
    pub(crate) name: String,
    /// Hosts that its client asks.
    pub(crate) servers: Vec<String>,
    /// Whether it holds the image of a block device.
    pub(crate) block: bool,
    /// How large that is at least, bytes.
    pub(crate) size: u64,
    /// Options of its mount.
    pub(crate) flags: Vec<String>,
    /// Where it is staged.
    pub(crate) staging: PathBuf,
    /// Where it is published.
    pub(crate) targets: BTreeMap<PathBuf, Target>,
}

/// One place where a volume is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Target {
    /// Whether it may not be written there.
    pub(crate) read_only: bool,
    /// Whether no other place may have it meanwhile.
    pub(crate) exclusive: bool,
}

impl Record {
    /// A volume that is to be staged.
    pub(crate) fn new(context: Context, flags: Vec<String>, staging: PathBuf) -> Self {
        Self {
            name: context.name,
            servers: context.servers,
            block: context.block,
            size: context.size,
            flags,
            staging,
            targets: BTreeMap::new(),
        }
    }
}

/// The folder of the records.
#[derive(Clone, Debug)]
pub(crate) struct Records(PathBuf);

impl Records {
    pub(crate) fn new(folder: &Path) -> Self {
        Self(folder.join("volumes"))
    }

    // Ids are hashed: whatever a caller calls a volume is no part of a path.
    fn file(&self, id: &str) -> PathBuf {
        self.0.join(format!("{}.json", &crate::names::digest([id])[..32]))
    }

    /// What is known of a volume.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn read(&self, id: &str) -> io::Result<Option<Record>> {
        match fs::read(self.file(id)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All that is known.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(crate) fn all(&self) -> io::Result<Vec<Record>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut records = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                records.push(serde_json::from_slice(&fs::read(path)?)?);
            }
        }
        Ok(records)
    }

    /// Writes what is known, whole or not at all, and on the disk before what follows from it is done.
    ///
    /// # Errors
    /// The disk is full, or refuses.
    pub(crate) fn write(&self, id: &str, record: &Record) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let (file, new) = (self.file(id), self.file(id).with_extension("new"));
        let bytes = serde_json::to_vec(record)?;
        let mut out = fs::File::create(&new)?;
        out.write_all(&bytes)?;
        out.sync_all()?;
        fs::rename(&new, &file)?;
        fs::File::open(&self.0)?.sync_all()
    }

    /// Forgets a volume.
    ///
    /// # Errors
    /// The disk refuses.
    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        match fs::remove_file(self.file(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Records, Target};

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::new(folder.path());
        assert_eq!(
            (records.read("a").unwrap(), records.all().unwrap()),
            (None, Vec::new())
        );
        let mut record = Record {
            name: "csi_1".into(),
            ..Record::default()
        };
        record.targets.insert(
            "/pods/x".into(),
            Target {
                read_only: true,
                exclusive: false,
            },
        );
        records.write("../a", &record).unwrap();
        assert_eq!(records.read("../a").unwrap(), Some(record.clone()));
        assert_eq!(records.all().unwrap(), [record]);
        records.remove("../a").unwrap();
        records.remove("../a").unwrap();
        assert!(records.all().unwrap().is_empty());
    }
}
