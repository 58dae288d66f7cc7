//! Exports and backups, read: checked whole before anything is written, and brought to this program's schema.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::document::FORMAT;
use crate::schema::Records;
use crate::{Durability, Kind, Record, Schema, Store, StoreError, Write, sums};

/// A document that was found sound.
#[derive(Debug)]
pub struct Imported {
    /// The schema version that it was written with.
    pub schema: u32,
    /// What a new store is to hold.
    pub writes: Vec<Write>,
}

/// Reads an export or a backup into `store`, which must be empty, in one change: all of it or nothing.
pub fn import(store: &dyn Store, document: &[u8]) -> Result<(), StoreError> {
    for kind in Kind::ALL {
        store.scan(kind, None, &mut |_, _| Err(StoreError::NotEmpty { kind }))?;
    }
    store.apply(&read_document(document)?.writes, Durability::Synced)
}

/// Reads an export or a backup. One that was written with an older schema is brought to this one's.
///
/// # Errors
/// It is not whole, not of a version that this program knows, or, where it is sealed, not what was written.
pub fn read_document(document: &[u8]) -> Result<Imported, StoreError> {
    read_with(document, Schema::CURRENT)
}

/// Reads a backup: as [`read_document`], but without its seal it is nothing.
///
/// # Errors
/// As there.
pub fn read_backup(document: &[u8]) -> Result<Imported, StoreError> {
    sums::check(document).map_err(unfit)?;
    read_document(document)
}

fn unfit(reason: String) -> StoreError {
    StoreError::Document { reason }
}

pub(crate) fn read_with(document: &[u8], known: Schema) -> Result<Imported, StoreError> {
    if sums::is_sealed(document) {
        // Before its content is looked at: the seal names the place best.
        sums::check(document).map_err(unfit)?;
    }
    let not_json = |error: serde_json::Error| {
        unfit(format!(
            "the document is not a whole export of this version ({error})"
        ))
    };
    // Looked at first, so that a newer document is told by its version and not by what is new in it.
    let head: Head = serde_json::from_slice(document).map_err(not_json)?;
    if head.format != FORMAT {
        return Err(unfit(format!("its format is {:?}, not {FORMAT:?}", head.format)));
    }
    let newest = known.version();
    if head.schema == 0 || head.schema > newest {
        return Err(unfit(format!(
            "it has schema version {}, this program knows version {newest}",
            head.schema
        )));
    }
    let whole: Document<'_> = serde_json::from_slice(document).map_err(not_json)?;
    if whole.lines.is_some() || whole.sum.is_some() {
        sums::check(document).map_err(unfit)?;
    }
    let mut records = owned(whole.records);
    known.migrate(head.schema, &mut records)?;
    Ok(Imported {
        schema: head.schema,
        writes: writes(records)?,
    })
}

fn owned(records: Unique<Unique<&RawValue>>) -> Records {
    let of_kind = |of_kind: Unique<&RawValue>| {
        let records = of_kind.0.into_iter();
        records
            .map(|(key, value)| (key, value.get().as_bytes().to_vec()))
            .collect()
    };
    let kinds = records.0.into_iter();
    kinds.map(|(kind, records)| (kind, of_kind(records))).collect()
}

fn writes(records: Records) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for (name, of_kind) in records {
        let kind =
            Kind::from_name(&name).ok_or_else(|| unfit(format!("there is no kind of record {name:?}")))?;
        let records = of_kind.into_iter();
        writes.extend(records.map(|(key, value)| Write::Put(Record { kind, key, value })));
    }
    Ok(writes)
}

#[derive(Deserialize)]
struct Head {
    format: String,
    schema: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    #[serde(rename = "format")]
    _format: &'a str,
    #[serde(rename = "schema")]
    _schema: u32,
    #[serde(borrow)]
    records: Unique<Unique<&'a RawValue>>,
    lines: Option<&'a str>,
    sum: Option<&'a str>,
}

/// A JSON object in which no name stands twice: a plain map would keep the last and say nothing.
struct Unique<T>(BTreeMap<String, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unique<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Names<T> {
            type Value = Unique<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique<T>, A::Error> {
                let mut names = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if names.contains_key(&name) {
                        return Err(A::Error::custom(format!("{name:?} stands there twice")));
                    }
                    names.insert(name, value);
                }
                Ok(Unique(names))
            }
        }
        deserializer.deserialize_map(Names(std::marker::PhantomData))
    }
}
