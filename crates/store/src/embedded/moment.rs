//! One moment of a store file: a redb read transaction over all tables.

use std::path::PathBuf;

use redb::{ReadTransaction, TableDefinition, TableError, TableHandle as _};

use super::open::ABOUT;
use super::{Table, guarded, table};
use crate::{Kind, StoreError, View, Visit};

/// A moment. Writers go on and are not seen.
pub(super) struct Moment {
    path: PathBuf,
    transaction: ReadTransaction,
}

impl Moment {
    pub(super) fn new(path: PathBuf, transaction: ReadTransaction) -> Self {
        Self { path, transaction }
    }

    /// The names of all tables of records, of this schema or another.
    pub(super) fn kinds(&self) -> Result<Vec<String>, StoreError> {
        guarded(&self.path, || {
            let tables = self.transaction.list_tables()?;
            let names = tables.map(|table| table.name().to_owned());
            Ok(names.filter(|name| name != ABOUT.name()).collect())
        })
    }

    /// All records of a table; none when there is no such table.
    pub(super) fn scan_named(&self, kind: &str, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let name: TableDefinition<'_, &str, &[u8]> = TableDefinition::new(kind);
        self.scan_from(name, "", visit)
    }

    fn scan_from(
        &self,
        table: TableDefinition<'_, &str, &[u8]>,
        from: &str,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let rest = guarded(&self.path, || match self.transaction.open_table(table) {
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            table => Ok(Some(table?.range(from..)?)),
        })?;
        let Some(mut rest) = rest else { return Ok(()) };
        // The visitor runs outside the guard: its panics are its own.
        while let Some((key, value)) = guarded(&self.path, || Ok(rest.next().transpose()?))? {
            visit(key.value(), value.value())?;
        }
        Ok(())
    }
}

impl View for Moment {
    fn get(&self, kind: Kind, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(&self.path, || super::get(&self.transaction, kind, key))
    }

    fn scan(&self, kind: Kind, from: Option<&str>, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        let of_kind: Table = table(kind);
        self.scan_from(of_kind, from.unwrap_or_default(), visit)
    }
}
