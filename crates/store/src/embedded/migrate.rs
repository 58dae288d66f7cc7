//! A store file of an older schema, brought to the newest: backed up first, then changed in one transaction.
//!
//! Whatever happens meanwhile, the file is of the old version, whole, or of the new one. The backup is named for the old
//! version and never rotated away: it is the way back for somebody who must use the older program again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction};

use super::moment::Moment;
use super::open::{ABOUT, Opening, SCHEMA, caught, panic_text};
use super::watched::FailureLog;
use super::{guarded, table};
use crate::document::Source;
use crate::{Draft, Kind, StoreError, Visit};

/// The schema version of the file.
pub(super) fn version(database: &Database) -> Result<u32, redb::Error> {
    let view = database.begin_read()?;
    let version = view
        .open_table(ABOUT)?
        .get(SCHEMA)?
        .map(|version| version.value());
    version
        .filter(|version| *version > 0)
        .ok_or_else(|| redb::Error::Corrupted("it has no schema version".to_owned()))
}

/// Brings the file from the version `found` to the newest that the program knows.
pub(super) fn to_newest(
    path: &Path,
    database: &Database,
    found: u32,
    opening: &Opening,
    failures: &FailureLog,
) -> Result<(), StoreError> {
    let known = opening.schema.version();
    let moment = caught(path, failures, || Ok(database.begin_read()?))?;
    let old = Old {
        schema: found,
        moment: Moment::new(path.to_owned(), moment),
    };
    opening
        .backups
        .before_migration(&old)
        .map_err(|source| StoreError::NotBackedUp {
            path: path.to_owned(),
            found,
            known,
            source: Box::new(source),
        })?;
    drop(old);
    let transaction = caught(path, failures, || Ok(database.begin_write()?))?;
    let draft = &mut Changing {
        path,
        transaction: &transaction,
    };
    catch_unwind(AssertUnwindSafe(|| opening.schema.migrate(found, draft))).unwrap_or_else(|panic| {
        Err(StoreError::Damaged {
            path: path.to_owned(),
            reason: panic_text(panic.as_ref()),
        })
    })?;
    caught(path, failures, || {
        for kind in Kind::ALL {
            transaction.open_table(table(kind))?;
        }
        transaction.open_table(ABOUT)?.insert(SCHEMA, known)?;
        transaction.commit()?;
        Ok(())
    })
}

/// A moment of a file of any schema.
pub(super) struct Old {
    pub(super) schema: u32,
    pub(super) moment: Moment,
}

impl Source for Old {
    fn schema(&self) -> u32 {
        self.schema
    }

    fn kinds(&self) -> Result<Vec<String>, StoreError> {
        self.moment.kinds()
    }

    fn scan(&self, kind: &str, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.moment.scan_named(kind, visit)
    }
}

/// A transaction in which records are changed.
struct Changing<'a> {
    path: &'a Path,
    transaction: &'a WriteTransaction,
}

fn named(kind: &str) -> TableDefinition<'_, &'static str, &'static [u8]> {
    TableDefinition::new(kind)
}

impl Draft for Changing<'_> {
    fn records(&mut self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        guarded(self.path, || {
            let table = self.transaction.open_table(named(kind))?;
            let mut records = Vec::new();
            for record in table.iter()? {
                let (key, value) = record?;
                records.push((key.value().to_owned(), value.value().to_vec()));
            }
            Ok(records)
        })
    }

    fn put(&mut self, kind: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
        guarded(self.path, || {
            self.transaction.open_table(named(kind))?.insert(key, value)?;
            Ok(())
        })
    }

    fn delete(&mut self, kind: &str, key: &str) -> Result<(), StoreError> {
        guarded(self.path, || {
            self.transaction.open_table(named(kind))?.remove(key)?;
            Ok(())
        })
    }

    fn drop_kind(&mut self, kind: &str) -> Result<(), StoreError> {
        guarded(self.path, || {
            self.transaction.delete_table(named(kind))?;
            Ok(())
        })
    }
}
