//! A folder of backups: taken, listed, verified, rotated.
//!
//! | name | when | removed |
//! |---|---|---|
//! | `mortar-scheduled-TIME.json` | by the clock | all but the youngest few |
//! | `mortar-requested-TIME.json` | when somebody asked | all but the youngest few of these |
//! | `mortar-schema-VERSION.json` | before a store file is brought to a newer schema | never |
//!
//! TIME is `20260102T030405.678Z`, in UTC; who asks for a backup brings it. What has another name is not looked at and
//! never removed.
//!
//! A backup is written under a name that no reader takes for one, synced, given its name (which must be free), and the
//! folder synced; then it is read back and verified. So a name stands for a whole backup, at every moment. What a
//! dead program left under the other name goes with the next backup.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::document::{Current, Source, write_backup};
use crate::embedded::sync_folder;
use crate::stamp::Stamp;
use crate::{Imported, Store, StoreError, StoreFile, read_backup};

/// How much of a backup holds its schema version for sure.
const HEAD: u64 = 128;

/// Why a backup was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// By the clock.
    Scheduled,
    /// Somebody asked.
    Requested,
    /// The store was about to be brought to a newer schema than this.
    Schema(u32),
}

/// A backup in its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// Its name in the folder.
    pub name: String,
    /// Why it was taken.
    pub reason: Reason,
    /// When, in milliseconds since 1970.
    pub taken_ms: u64,
    /// Its size.
    pub bytes: u64,
    /// The version of its schema, where its head can be read.
    pub schema: Option<u32>,
}

/// A folder of backups. It is made when the first is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    folder: PathBuf,
}

impl Backups {
    /// In this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        let folder = folder.into();
        Self { folder }
    }

    /// Where they are when nobody says otherwise: in `backups` beside the store file.
    pub fn beside(store: &Path) -> Self {
        Self::new(store.with_file_name("backups"))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Backs up one moment of `store`; `at_ms` is now, in milliseconds since 1970. Readers and writers go on meanwhile.
    ///
    /// # Errors
    /// The store cannot be read, the folder takes no file, or what was written does not read back. Nothing is left of
    /// the backup then.
    pub fn take(&self, store: &dyn Store, reason: Reason, at_ms: u64) -> Result<BackupFile, StoreError> {
        self.take_of(&Current(store.view()?), reason, at_ms)
    }

    /// Backs up a store file that no server uses, as it is.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_of_file(
        &self,
        file: &StoreFile,
        reason: Reason,
        at_ms: u64,
    ) -> Result<BackupFile, StoreError> {
        self.take_of(file, reason, at_ms)
    }

    fn take_of(&self, source: &dyn Source, reason: Reason, at_ms: u64) -> Result<BackupFile, StoreError> {
        let name = name(reason, Stamp::from_ms(at_ms));
        self.place(&name, |file| write_backup(source, file, &self.folder.join(&name)))?;
        let sound = self.verify(&name);
        if let Err(error) = sound {
            let _ = std::fs::remove_file(self.folder.join(&name));
            return Err(error);
        }
        self.look(&name)?.ok_or_else(|| StoreError::Unsound {
            path: self.folder.join(&name),
            reason: "it was removed by somebody else".to_owned(),
        })
    }

    /// Backs up what is about to be brought from an older schema; an equal backup that is there already is enough.
    pub(crate) fn before_migration(&self, source: &dyn Source) -> Result<(), StoreError> {
        let mut document = Vec::new();
        write_backup(source, &mut document, &self.folder)?;
        for number in 1_u32.. {
            let name = schema_name(source.schema(), number);
            match std::fs::read(self.folder.join(&name)) {
                Ok(found) if found == document => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.place(&name, |file| {
                        file.write_all(&document).map_err(|error| self.told(&name)(error))
                    })?;
                    // Of a schema that is being left: its seal is what can be looked at.
                    let path = self.folder.join(&name);
                    let written = std::fs::read(&path).map_err(self.told(&name))?;
                    return crate::sums::check(&written)
                        .map_err(|reason| StoreError::Unsound { path, reason });
                }
                Err(error) => return Err(self.told(&name)(error)),
            }
        }
        Ok(())
    }

    /// All backups of the folder, the oldest first. None when there is no folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> Result<Vec<BackupFile>, StoreError> {
        let told = |source| StoreError::from_io("read the folder of backups", &self.folder, source);
        let entries = match std::fs::read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(told)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            if let Some(name) = entry.map_err(told)?.file_name().to_str() {
                found.extend(self.look(name)?);
            }
        }
        found.sort_by(|a, b| (a.taken_ms, &a.name).cmp(&(b.taken_ms, &b.name)));
        Ok(found)
    }

    /// One file of the folder, if it is a backup by its name.
    fn look(&self, name: &str) -> Result<Option<BackupFile>, StoreError> {
        let Some((reason, stamp)) = read_name(name) else {
            return Ok(None);
        };
        let path = self.folder.join(name);
        let about = match path.symlink_metadata() {
            // Rotated away meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            about => about.map_err(self.told(name))?,
        };
        if !about.is_file() {
            return Ok(None);
        }
        let changed = || {
            let since = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
            u64::try_from(since.as_millis()).ok()
        };
        Ok(Some(BackupFile {
            name: name.to_owned(),
            reason,
            taken_ms: stamp.map_or_else(|| changed().unwrap_or(0), Stamp::ms),
            bytes: about.len(),
            schema: head_schema(&path),
        }))
    }

    /// Reads a backup of the folder whole.
    ///
    /// # Errors
    /// It is not what was written; the place is named.
    pub fn verify(&self, name: &str) -> Result<Imported, StoreError> {
        verify_backup(&self.folder.join(name))
    }

    /// Removes scheduled backups but the `keep` youngest, and requested ones but as many; never `taken`, the one that
    /// was just made. Returns the names of those that are gone.
    ///
    /// # Errors
    /// One cannot be removed; the others of its kind may be gone.
    pub fn rotate(&self, keep: usize, taken: &str) -> Result<Vec<String>, StoreError> {
        let all = self.list()?;
        let mut gone = Vec::new();
        for reason in [Reason::Scheduled, Reason::Requested] {
            let youngest_first = all.iter().rev().filter(|file| file.reason == reason);
            for file in youngest_first.skip(keep).filter(|file| file.name != taken) {
                let path = self.folder.join(&file.name);
                std::fs::remove_file(&path)
                    .map_err(|source| StoreError::from_io("remove the old backup", &path, source))?;
                gone.push(file.name.clone());
            }
        }
        Ok(gone)
    }

    fn told(&self, name: &str) -> impl FnOnce(std::io::Error) -> StoreError {
        let path = self.folder.join(name);
        move |source| StoreError::from_io("write the backup", &path, source)
    }

    /// Makes the file `name` of what `write` writes: whole and on the disk, or not at all.
    fn place(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let told = || self.told(name);
        self.make_folder()?;
        self.clear_drafts();
        let draft = self.folder.join(format!(".{name}{DRAFT}{}", std::process::id()));
        let path = self.folder.join(name);
        let options = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .clone();
        let mut file = options.open(&draft).map_err(told())?;
        let made = (|| {
            // Held while it is written: a draft that nobody holds is a dead program's.
            file.try_lock()
                .map_err(|error| told()(std::io::Error::other(error.to_string())))?;
            write(&mut file)?;
            file.sync_all().map_err(told())?;
            // A link refuses to take the place of a file that is there; a rename would not.
            std::fs::hard_link(&draft, &path).map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => StoreError::Exists { path: path.clone() },
                _ => told()(error),
            })
        })();
        // It is the backup under another name, or worth nothing.
        let _ = std::fs::remove_file(&draft);
        made?;
        sync_folder(&path).map_err(told())
    }

    fn make_folder(&self) -> Result<(), StoreError> {
        let told = |source| StoreError::from_io("make the folder of backups", &self.folder, source);
        if self.folder.is_dir() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(told)?;
        sync_folder(&self.folder).map_err(told)
    }

    /// Removes drafts that no program writes any more. What goes wrong with that hurts no backup.
    fn clear_drafts(&self) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_draft = entry.file_name().to_str().is_some_and(is_draft);
            if is_draft
                && let Ok(file) = File::open(entry.path())
                && file.try_lock().is_ok()
            {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Reads a backup whole, wherever it is.
///
/// # Errors
/// It is not what was written; the place is named.
pub fn verify_backup(path: &Path) -> Result<Imported, StoreError> {
    let document =
        std::fs::read(path).map_err(|source| StoreError::from_io("read the backup", path, source))?;
    read_backup(&document).map_err(|error| match error {
        StoreError::Document { reason } => StoreError::Unsound {
            path: path.to_owned(),
            reason,
        },
        error => error,
    })
}

const DRAFT: &str = ".draft-";
const SCHEMA: &str = "mortar-schema-";

fn schema_name(version: u32, number: u32) -> String {
    match number {
        1 => format!("{SCHEMA}{version}.json"),
        _ => format!("{SCHEMA}{version}-{number}.json"),
    }
}

fn name(reason: Reason, stamp: Stamp) -> String {
    match reason {
        Reason::Scheduled => format!("mortar-scheduled-{stamp}.json"),
        Reason::Requested => format!("mortar-requested-{stamp}.json"),
        Reason::Schema(version) => schema_name(version, 1),
    }
}

/// What a name says of a backup; `None` when it is not one's.
fn read_name(name: &str) -> Option<(Reason, Option<Stamp>)> {
    let stem = name.strip_suffix(".json")?;
    if let Some(stamp) = stem.strip_prefix("mortar-scheduled-") {
        return Some((Reason::Scheduled, Some(Stamp::parse(stamp)?)));
    }
    if let Some(stamp) = stem.strip_prefix("mortar-requested-") {
        return Some((Reason::Requested, Some(Stamp::parse(stamp)?)));
    }
    let numbers = stem.strip_prefix(SCHEMA)?;
    let (version, number) = numbers.split_once('-').unwrap_or((numbers, "1"));
    let (version, number) = (version.parse().ok()?, number.parse().ok()?);
    // Only the one way in which it is written.
    (schema_name(version, number) == name).then_some((Reason::Schema(version), None))
}

fn is_draft(name: &str) -> bool {
    let name = name.strip_prefix('.').and_then(|name| name.split_once(DRAFT));
    name.is_some_and(|(name, process)| read_name(name).is_some() && process.parse::<u32>().is_ok())
}

/// The schema version that a backup's head tells.
fn head_schema(path: &Path) -> Option<u32> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    let (_, version) = head.split_once("\n\"schema\": ")?;
    version.split_once(',')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Reason, is_draft, read_name};

    #[test]
    fn only_own_names_are_read() {
        let stamp = "20260102T030405.678Z";
        for (name, reason) in [
            (format!("mortar-scheduled-{stamp}.json"), Some(Reason::Scheduled)),
            (format!("mortar-requested-{stamp}.json"), Some(Reason::Requested)),
            ("mortar-schema-7.json".to_owned(), Some(Reason::Schema(7))),
            ("mortar-schema-7-2.json".to_owned(), Some(Reason::Schema(7))),
            ("mortar-schema-7-1.json".to_owned(), None),
            ("mortar-schema-07.json".to_owned(), None),
            ("mortar-schema-.json".to_owned(), None),
            (format!("mortar-scheduled-{stamp}.json.gz"), None),
            (format!("mortar-scheduled-{stamp}x.json"), None),
            (format!("my-mortar-scheduled-{stamp}.json"), None),
            ("mortar-scheduled-20261302T030405.678Z.json".to_owned(), None),
            ("mortar.redb".to_owned(), None),
        ] {
            assert_eq!(read_name(&name).map(|read| read.0), reason, "{name}");
        }
        assert!(is_draft(&format!(".mortar-scheduled-{stamp}.json.draft-12")));
        for name in [
            format!(".mortar-scheduled-{stamp}.json"),
            format!(".mortar-scheduled-{stamp}.json.draft-"),
            ".notes.draft-1".to_owned(),
        ] {
            assert!(!is_draft(&name), "{name}");
        }
    }
}
