//! Versions of the schema, and the way from each to the next.
//!
//! The schema is which kinds of records there are and what their values mean. A change that an older program would
//! misread, or that a newer one needs in what an older one wrote, is a new version: one more [`Migration`] at the end of
//! [`MIGRATIONS`]. The list is the versions: the first entry leads from version 1 to 2, and nothing is ever taken from it.
//! A new [`Kind`] is a new version as well, with a migration that changes nothing: its table is made with it.
//!
//! A migration sees records by the names of their kinds, as text: the kinds of this program are not those of old files.
//! The same one brings along a store file (`embedded/migrate.rs`, in one transaction) and an old export or backup
//! (`import.rs`, in memory).

use std::collections::BTreeMap;

use crate::{Kind, StoreError};

/// One step from a version of the schema to the next.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// What it does, in a few words: told when it fails.
    pub what: &'static str,
    /// Does it. An error leaves everything as it was.
    pub change: fn(&mut dyn Draft) -> Result<(), StoreError>,
}

/// The steps from version 1 to this program's.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        what: "room for snapshots",
        change: |_| Ok(()),
    },
    Migration {
        what: "room for block volumes",
        change: |_| Ok(()),
    },
    Migration {
        what: "room for attachments",
        change: |_| Ok(()),
    },
];

/// The version of the tables and of the meaning of their records. An older program refuses a newer file.
pub const SCHEMA_VERSION: u32 = Schema::CURRENT.version();

/// What a program knows of versions: this one's is [`Schema::CURRENT`]; tests have others.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    migrations: &'static [Migration],
}

impl Schema {
    /// What this program knows.
    pub const CURRENT: Self = Self::new(MIGRATIONS);

    /// A program that knows these steps, the first from version 1.
    pub const fn new(migrations: &'static [Migration]) -> Self {
        Self { migrations }
    }

    /// The newest version it knows: the one it writes.
    #[allow(clippy::cast_possible_truncation, reason = "the list is written by hand")]
    pub const fn version(self) -> u32 {
        1 + self.migrations.len() as u32
    }

    /// The steps from `found` on; none for a version that there never was, or for one that is not known.
    pub(crate) fn from(self, found: u32) -> &'static [Migration] {
        let done = (found as usize).saturating_sub(1);
        self.migrations.get(done..).unwrap_or_default()
    }

    /// Makes all steps from `found` on.
    pub(crate) fn migrate(self, found: u32, draft: &mut dyn Draft) -> Result<(), StoreError> {
        for (number, step) in (found..).zip(self.from(found)) {
            (step.change)(draft).map_err(|source| StoreError::Migration {
                from: number,
                to: number + 1,
                what: step.what,
                source: Box::new(source),
            })?;
        }
        Ok(())
    }
}

/// Records that a [`Migration`] changes; nobody else sees them until all steps are made.
pub trait Draft {
    /// All records of a kind with their keys, in the order of those; none when there is no such kind.
    fn records(&mut self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Puts a record in place of one with the same kind and key.
    fn put(&mut self, kind: &str, key: &str, value: &[u8]) -> Result<(), StoreError>;

    /// Removes a record, if there is one.
    fn delete(&mut self, kind: &str, key: &str) -> Result<(), StoreError>;

    /// Removes all records of a kind, and the kind.
    fn drop_kind(&mut self, kind: &str) -> Result<(), StoreError>;
}

/// Records of a document, by kind and key.
pub(crate) type Records = BTreeMap<String, BTreeMap<String, Vec<u8>>>;

impl Draft for Records {
    fn records(&mut self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let of_kind = self.get(kind).into_iter().flatten();
        Ok(of_kind.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn put(&mut self, kind: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let of_kind = self.entry(kind.to_owned()).or_default();
        of_kind.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, kind: &str, key: &str) -> Result<(), StoreError> {
        if let Some(of_kind) = self.get_mut(kind) {
            of_kind.remove(key);
        }
        Ok(())
    }

    fn drop_kind(&mut self, kind: &str) -> Result<(), StoreError> {
        self.remove(kind);
        Ok(())
    }
}

/// The names of this program's kinds.
pub(crate) fn kinds() -> Vec<String> {
    Kind::ALL.iter().map(|kind| kind.name().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Draft, Migration, Records, Schema};
    use crate::StoreError;

    fn rename(draft: &mut dyn Draft) -> Result<(), StoreError> {
        for (key, value) in draft.records("old")? {
            draft.put("new", &key.to_uppercase(), &value)?;
        }
        draft.drop_kind("old")
    }

    fn drop_a(draft: &mut dyn Draft) -> Result<(), StoreError> {
        assert_eq!(draft.records("none")?, []);
        draft.delete("none", "x")?;
        draft.delete("new", "A")
    }

    const SCHEMA: Schema = Schema::new(&[
        Migration {
            what: "new names",
            change: rename,
        },
        Migration {
            what: "no A",
            change: drop_a,
        },
        Migration {
            what: "never works",
            change: |_| Err(StoreError::Closed),
        },
    ]);

    #[test]
    fn steps_are_made_in_order_from_the_version_that_is_there() {
        let steps = |found| -> Vec<_> { SCHEMA.from(found).iter().map(|step| step.what).collect() };
        assert_eq!(SCHEMA.version(), 4);
        assert_eq!(steps(1), ["new names", "no A", "never works"]);
        assert_eq!(steps(3), ["never works"]);
        assert_eq!(steps(4), Vec::<&str>::new());
        assert_eq!(steps(9), Vec::<&str>::new());
        let mut records = Records::new();
        records.put("old", "a", b"1").unwrap();
        records.put("old", "b", b"2").unwrap();
        let short = Schema::new(&SCHEMA.migrations[..2]);
        short.migrate(1, &mut records).unwrap();
        assert_eq!(records.records("new").unwrap(), [("B".to_owned(), b"2".to_vec())]);
        assert_eq!(records.records("old").unwrap(), []);
        let error = SCHEMA.migrate(3, &mut records).unwrap_err().to_string();
        assert!(
            error.contains("version 3 to 4") && error.contains("never works"),
            "{error}"
        );
    }
}
