//! The folder that holds all of a demo but its lab: whose it is, and one program at a time.
//!
//! The lock is on the folder itself, so that no lock file has to stay beside it. A folder is the demo's when its
//! mark is in it; one that is not empty and has no mark is somebody else's and is left alone.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mortar_lab::{Lab, LabSpec, default_state_root};

use crate::commands::lab_error;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// A demo's folder, locked until dropped.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    name: String,
    /// Holds the lock.
    _lock: File,
}

/// How long another program may keep the folder. One that was killed while it started a third leaves the lock to
/// that for a moment.
const PATIENCE: Duration = Duration::from_secs(2);
/// The file that makes a folder a demo's. It tells where the demo's lab lies, which the environment may say
/// differently later.
const MARK: &str = "demo";

impl Place {
    /// Takes the folder of the demo of this name, and makes it when it is not there.
    ///
    /// # Errors
    /// The name does not fit; another program works on the demo; the folder, or the lab of that name, is somebody
    /// else's.
    pub(super) fn take(root: &Path, name: &str) -> Result<Self> {
        LabSpec::named(name).check().map_err(lab_error("make the demo"))?;
        let root = std::path::absolute(root).map_err(failed(format!("use the folder {}", root.display())))?;
        let folder = root.join(name);
        let place = loop {
            fs::create_dir_all(&folder).map_err(failed(format!("make the folder {}", folder.display())))?;
            // None when it was removed in between by the program that had it.
            if let Some(place) = Self::lock(&root, name)? {
                break place;
            }
        };
        if !place.is_ours() {
            place.check_free()?;
        }
        Ok(place)
    }

    /// The folder of the demo of this name, when there is one.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub(super) fn find(root: &Path, name: &str) -> Result<Option<Self>> {
        LabSpec::named(name)
            .check()
            .map_err(lab_error("remove the demo"))?;
        let root = std::path::absolute(root).map_err(failed(format!("use the folder {}", root.display())))?;
        let Some(place) = Self::lock(&root, name)? else {
            return Ok(None);
        };
        if !place.is_ours() {
            place.check_empty()?;
        }
        Ok(Some(place))
    }

    /// Locks the folder; none when it is not there.
    fn lock(root: &Path, name: &str) -> Result<Option<Self>> {
        let folder = root.join(name);
        let attempt = format!("use the folder {}", folder.display());
        let lock = match File::open(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed(&attempt))?,
        };
        let began = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(
                        Exit::Busy,
                        attempt,
                        format!("another 'mortar demo' works on the demo {name}"),
                    )
                    .advise("wait for its end, or end it and try again"));
                }
                Err(TryLockError::Error(error)) => return Err(failed(&attempt)(error)),
            }
        }
        let same = match (lock.metadata(), fs::metadata(&folder)) {
            (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
            _ => false,
        };
        Ok(same.then(|| Self {
            root: root.to_owned(),
            name: name.to_owned(),
            _lock: lock,
        }))
    }

    /// Whether the demo made this folder.
    pub(super) fn is_ours(&self) -> bool {
        self.mark_file().exists()
    }

    /// Refuses what belongs to somebody else.
    fn check_free(&self) -> Result<()> {
        self.check_empty()?;
        let labs = Lab::list(&default_state_root()).map_err(lab_error("make the demo"))?;
        if labs.contains(&self.name) {
            return Err(Error::new(
                Exit::Conflict,
                "make the demo",
                format!("a lab {} is there that no demo made", self.name),
            )
            .advise(format!(
                "choose another --name, or remove it: 'mortar lab down --lab {}'",
                self.name
            )));
        }
        Ok(())
    }

    fn check_empty(&self) -> Result<()> {
        let folder = self.folder();
        let attempt = format!("use the folder {}", folder.display());
        let mut entries = fs::read_dir(&folder).map_err(failed(&attempt))?;
        if entries.next().is_none() {
            return Ok(());
        }
        Err(
            Error::new(Exit::Conflict, attempt, "it holds files that no demo made")
                .advise("choose another --name or --state"),
        )
    }

    /// Marks the folder as the demo's. From now on the lab of this name is the demo's too.
    pub(super) fn mark(&self) -> Result<()> {
        let root = default_state_root();
        self.write(&self.mark_file(), &format!("{}\n", root.display()))
    }

    /// Where the demo's lab lies.
    pub(super) fn lab_root(&self) -> PathBuf {
        let text = fs::read_to_string(self.mark_file()).unwrap_or_default();
        // A mark that was never finished was made before any lab.
        match text.strip_suffix('\n') {
            Some(root) if !root.is_empty() => PathBuf::from(root),
            _ => default_state_root(),
        }
    }

    fn mark_file(&self) -> PathBuf {
        self.folder().join(MARK)
    }

    /// The demo's name, also its lab's.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The folder in which the folders of demos lie.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    /// What the server has, which others need not see.
    pub(super) fn server(&self) -> PathBuf {
        self.folder().join("server")
    }

    /// What stands for a machine that runs pods: its kubelet's folder.
    pub(super) fn worker(&self, number: usize) -> PathBuf {
        self.folder().join(format!("worker{number}"))
    }

    /// Makes a folder, which only root may look into when it is `secret`.
    pub(super) fn make_folder(&self, folder: &Path, secret: bool) -> Result<()> {
        let mode = if secret { 0o700 } else { 0o755 };
        fs::DirBuilder::new()
            .mode(mode)
            .create(folder)
            .map_err(failed(format!("make the folder {}", folder.display())))
    }

    /// Writes a new file that only root may read.
    pub(super) fn write(&self, file: &Path, text: &str) -> Result<()> {
        File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(file)
            .and_then(|mut opened| opened.write_all(text.as_bytes()))
            .map_err(failed(format!("write {}", file.display())))
    }

    /// Removes the folder, which must be empty but for its mark, and the one above when nothing else is in it.
    pub(super) fn remove(&self) -> Result<()> {
        let folder = self.folder();
        let attempt = format!("remove the folder {}", folder.display());
        match fs::remove_file(self.mark_file()) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(attempt)(error)),
            _ => fs::remove_dir(&folder).map_err(failed(attempt))?,
        }
        // Other demos may live there; then it stays.
        let _ = fs::remove_dir(&self.root);
        Ok(())
    }

    /// Removes all that is in the folder but the mark.
    ///
    /// # Errors
    /// Something cannot be removed.
    pub(super) fn clear(&self) -> Result<()> {
        let folder = self.folder();
        let entries = fs::read_dir(&folder).map_err(failed(format!("look into {}", folder.display())))?;
        for entry in entries.flatten().filter(|entry| entry.file_name() != MARK) {
            let path = entry.path();
            let removed = match entry.file_type() {
                Ok(kind) if kind.is_dir() => fs::remove_dir_all(&path),
                _ => fs::remove_file(&path),
            };
            removed.map_err(failed(format!("remove {}", path.display())))?;
        }
        Ok(())
    }
}

/// An error of the system, told as one of the demo's.
pub(super) fn failed(attempt: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
    let attempt = attempt.into();
    move |error| Error::new(Exit::Failed, attempt, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::Place;
    use crate::exit::Exit;

    #[test]
    fn one_program_at_a_time_and_nothing_stays() {
        let above = tempfile::tempdir().unwrap();
        let root = above.path().join("demos");
        assert!(Place::find(&root, "a").unwrap().is_none());
        let place = Place::take(&root, "a").unwrap();
        assert_eq!(Place::take(&root, "a").unwrap_err().exit, Exit::Busy);
        assert!(!place.is_ours());
        place.mark().unwrap();
        drop(place);
        let place = Place::find(&root, "a").unwrap().unwrap();
        assert!(place.is_ours());
        place.make_folder(&place.server(), true).unwrap();
        place.write(&place.server().join("x"), "x").unwrap();
        place.clear().unwrap();
        place.remove().unwrap();
        assert!(!root.exists());
        assert!(Place::find(&root, "a").unwrap().is_none());
    }

    #[test]
    fn what_no_demo_made_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("thesis"), "years").unwrap();
        for error in [
            Place::take(root.path(), "a").unwrap_err(),
            Place::find(root.path(), "a").unwrap_err(),
        ] {
            assert_eq!(error.exit, Exit::Conflict);
        }
        assert!(Place::take(root.path(), "../a").is_err());
        assert_eq!(std::fs::read_to_string(folder.join("thesis")).unwrap(), "years");
    }

    #[test]
    fn a_mark_that_was_never_finished_is_a_mark() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("demo"), "").unwrap();
        let place = Place::take(root.path(), "a").unwrap();
        assert!(place.is_ours());
        assert_eq!(place.lab_root(), mortar_lab::default_state_root());
    }
}
