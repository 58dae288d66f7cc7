//! Heketi's database taken over: its entries as Mortar's records, and back.
//!
//! What Heketi made stays where it is and is called what it is called: bricks carry Heketi's names where those do not follow from
//! their ids. One thing of the database has no record of its own and is kept as it was ([`Kept`]): options in the words in which they
//! were asked for.
//!
//! Nothing that is wrong with the database stops this. Each entry that is not taken over, and each that is taken over with a fault, is
//! named in a [`Note`]. What an unfinished operation was about to add is left out: it may be half made. What one was about to remove
//! is taken over: it may still be whole, and can be removed again.

mod blocks;
mod bricks;
mod export;
mod pending;
mod pool;
mod sets;
mod volumes;

use std::collections::BTreeMap;
use std::fmt;

use mortar_model::{Inventory, InventoryError, ZoneChecking};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::db::{self, Database, check};

pub use export::{Home, dump, export};

/// Under which key a store keeps what was taken over and has no record of its own.
pub const KEPT: &str = "heketi";

/// What is done with a thing that does not add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Faulty {
    /// It is taken over, as far as it can be, and named.
    #[default]
    Take,
    /// A volume with a fault is left out.
    LeaveOut,
}

/// What is decided by who takes a database over, and not by the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What is done with what does not add up.
    pub faulty: Faulty,
    /// Zone checking of volumes that say nothing of it: Heketi keeps that in its configuration.
    pub zones: ZoneChecking,
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It is not taken over.
    LeftOut,
    /// It is taken over, and does not add up.
    Fault,
    /// It is taken over, with something to know of it.
    Remark,
}

/// One thing that did not go over just as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How much it matters.
    pub weight: Weight,
    /// What it is about: `volume`, `brick`, …
    pub kind: String,
    /// Its id.
    pub id: String,
    /// What people call it; empty when it has no name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What is wrong, or to be known.
    pub why: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        let how = match self.weight {
            Weight::LeftOut => "left out: ",
            Weight::Fault => "taken over with a fault: ",
            Weight::Remark => "",
        };
        write!(f, ": {how}{}", self.why)
    }
}

/// What has no record of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The entries, as an export of Heketi's.
    pub export: String,
    /// What did not go over just as it was.
    pub notes: Vec<Note>,
    /// What Heketi's own check found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inconsistencies: Vec<String>,
    /// The [`fingerprint`] of the file that was taken over; empty where nobody knows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
}

/// What tells one state of a file from another.
pub fn fingerprint(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Kept {
    /// The entries.
    ///
    /// # Errors
    /// The text is none that was kept.
    pub fn entries(&self) -> Result<Database, db::ReadError> {
        if self.export.is_empty() {
            Ok(Database::default())
        } else {
            db::read_export(self.export.as_bytes())
        }
    }
}

/// A database as Mortar's records.
#[derive(Clone, Debug, Default)]
pub struct Takeover {
    /// Everything that has a record, sound by itself.
    pub inventory: Inventory,
    /// What has none.
    pub kept: Kept,
}

impl Takeover {
    /// Notes of this weight.
    pub fn notes(&self, weight: Weight) -> impl Iterator<Item = &Note> {
        self.kept.notes.iter().filter(move |note| note.weight == weight)
    }
}

/// Takes a database over. Always the same for the same database.
pub fn take_over(database: &Database, terms: Terms) -> Takeover {
    let mut taking = Taking {
        database,
        terms,
        inventory: Inventory::new(),
        notes: Vec::new(),
    };
    taking.unread();
    taking.pool();
    let half_made = taking.half_made();
    taking.volumes(&half_made);
    taking.block_volumes(&half_made);
    taking.rest();
    let checked = check::check(database);
    Takeover {
        kept: Kept {
            export: db::write_export(&taking.kept()),
            notes: taking.notes,
            inconsistencies: checked.faults().map(str::to_owned).collect(),
            file: String::new(),
        },
        inventory: taking.inventory,
    }
}

/// Things that an unfinished operation was about to add, each with the operation.
type HalfMade<'a> = BTreeMap<&'a str, &'a str>;

/// A database while it is taken over.
struct Taking<'a> {
    database: &'a Database,
    terms: Terms,
    inventory: Inventory,
    notes: Vec<Note>,
}

impl Taking<'_> {
    fn note(&mut self, weight: Weight, kind: &str, id: &str, name: &str, why: impl Into<String>) {
        self.notes.push(Note {
            weight,
            kind: kind.into(),
            id: id.into(),
            name: name.into(),
            why: why.into(),
        });
    }

    /// Says why the records refuse a thing; whether they took it.
    fn put(&mut self, kind: &str, id: &str, name: &str, put: Result<(), InventoryError>) -> bool {
        match put {
            Ok(()) => true,
            Err(error) => {
                self.note(Weight::LeftOut, kind, id, name, error.to_string());
                false
            }
        }
    }

    /// Entries that are there and could not be read.
    fn unread(&mut self) {
        for entry in &self.database.unread {
            self.note(Weight::LeftOut, entry.kind, &entry.key, "", entry.why.as_str());
        }
    }

    /// What nothing here takes over, though it is in the database.
    fn rest(&mut self) {
        for (id, operation) in &self.database.operations {
            let what = db::operation_name(operation.kind);
            let why = match operation.kind {
                2 | 5 => "what it was to remove is taken over: remove it again",
                6 => "bricks that have not moved stay where they are: remove the device again",
                8 if pending::exchange(operation).is_none() => {
                    "it had moved nothing yet: evict the brick again"
                }
                8 => "see the volume whose brick it was moving",
                9 | 3 => "it is taken over without it: 'mortar check' tells whether the nodes have more",
                1 | 4 | 7 => {
                    "what it was to make is left out: 'mortar check' tells what is left on the nodes"
                }
                _ => "nobody knows what it did",
            };
            self.note(
                Weight::Remark,
                "operation",
                id,
                what,
                format!("it was not finished; {why}"),
            );
        }
    }

    /// The entries that have no records of their own.
    fn kept(&self) -> Database {
        let volumes = self.database.volumes.iter().filter(|(id, _)| {
            let known = id.parse().ok().and_then(|id| self.inventory.volume(id));
            known.is_some()
        });
        let volumes = volumes.map(|(id, entry)| {
            let mut entry = entry.clone();
            entry.bricks.clear();
            entry.info.blockinfo = db::BlockInfo::default();
            entry.pending.id.clear();
            (id.clone(), entry)
        });
        Database {
            volumes: volumes.collect(),
            attributes: self.database.attributes.clone(),
            ..Database::default()
        }
    }
}
