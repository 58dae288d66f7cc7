//! A store file that no server uses, looked at as it is: of this program's schema or an older one, and never changed.

use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase as _};

use super::migrate::{Old, version};
use super::moment::Moment;
use super::open::{build, caught, open_file, translate};
use super::overlay::Overlay;
use super::watched::FailureLog;
use super::{CACHE_BYTES, open};
use crate::document::{Source, replace, write_export};
use crate::{Schema, StoreError, Visit};

/// A store file that is only looked at.
pub struct StoreFile {
    path: PathBuf,
    old: Old,
    /// Held, so that no server opens the file meanwhile.
    _database: Database,
}

impl std::fmt::Debug for StoreFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreFile")
            .field("path", &self.path)
            .field("schema", &self.old.schema)
            .finish_non_exhaustive()
    }
}

impl StoreFile {
    /// Checks every page of the file, as opening the store does.
    ///
    /// # Errors
    /// There is none, a server uses it, it is damaged, or of a newer schema than this program knows.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let failures = FailureLog::default();
        let overlay = Overlay::new(open_file(&path)?).map_err(|error| translate(&path, error))?;
        let database = build(&path, overlay, CACHE_BYTES, &failures)?;
        let schema = caught(&path, &failures, || version(&database))?;
        open::refuse_newer(&path, schema, Schema::CURRENT)?;
        let moment = caught(&path, &failures, || Ok(database.begin_read()?))?;
        Ok(Self {
            old: Old {
                schema,
                moment: Moment::new(path.clone(), moment),
            },
            path,
            _database: database,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version of its schema.
    pub fn schema(&self) -> u32 {
        self.old.schema
    }

    /// Writes all of it into `out`, as `export` does.
    ///
    /// # Errors
    /// A record cannot be read, or `out` takes no more.
    pub fn export(&self, out: impl std::io::Write) -> Result<(), StoreError> {
        write_export(self, out, Path::new("-"))
    }

    /// Exports it into a file, in place of what is there: whole and on the disk, or not at all.
    ///
    /// # Errors
    /// A record cannot be read, or the file cannot be written.
    pub fn export_to(&self, path: &Path) -> Result<(), StoreError> {
        replace(path, self)
    }
}

impl Source for StoreFile {
    fn schema(&self) -> u32 {
        self.old.schema
    }

    fn kinds(&self) -> Result<Vec<String>, StoreError> {
        let found = self.old.kinds()?;
        let current = crate::schema::kinds();
        // In the order of an export, where this program knows them.
        let unknown = found.iter().filter(|kind| !current.contains(kind)).cloned();
        let known = current.iter().filter(|kind| found.contains(kind)).cloned();
        Ok(known.chain(unknown).collect())
    }

    fn scan(&self, kind: &str, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.old.scan(kind, visit)
    }
}
