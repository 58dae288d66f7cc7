//! The whole store as one readable JSON document, and back.
//!
//! ```json
//! {
//! "format": "mortar-export",
//! "schema": 1,
//! "records": {
//! "cluster": {
//! "0123…": {"v":1,"is":{…}},
//! …
//! },
//! …
//! }
//! }
//! ```
//!
//! One record a line, sorted by kind and key: two exports can be compared with `diff`. The values are copied
//! byte for byte.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::embedded::sync_folder;
use crate::{Durability, Kind, Record, SCHEMA_VERSION, Store, StoreError, Write};

const FORMAT: &str = "mortar-export";

/// Writes all of `store` into `out`. Each kind is one consistent state; for all kinds to be one, nothing may be
/// written meanwhile.
pub fn export(store: &dyn Store, out: impl std::io::Write) -> Result<(), StoreError> {
    let mut out = BufWriter::new(out);
    write_document(store, &mut out)?;
    out.flush().map_err(cannot_write)
}

fn cannot_write(source: std::io::Error) -> StoreError {
    StoreError::Io {
        attempt: "write the export",
        path: "-".into(),
        source,
    }
}

fn write_document(store: &dyn Store, out: &mut impl std::io::Write) -> Result<(), StoreError> {
    write!(
        out,
        "{{\n\"format\": \"{FORMAT}\",\n\"schema\": {SCHEMA_VERSION},\n\"records\": {{\n"
    )
    .map_err(cannot_write)?;
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { ",\n" };
        write!(out, "{comma}\"{kind}\": {{").map_err(cannot_write)?;
        let mut first = true;
        store.scan(kind, None, &mut |key, value| {
            let unfit = |reason: String| StoreError::Record {
                kind,
                key: key.to_owned(),
                reason,
            };
            let value: &RawValue = serde_json::from_slice(value).map_err(|error| unfit(error.to_string()))?;
            let name = serde_json::to_string(key).map_err(|error| unfit(error.to_string()))?;
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            write!(out, "{comma}\n{name}: {value}").map_err(cannot_write)
        })?;
        write!(out, "\n}}").map_err(cannot_write)?;
    }
    writeln!(out, "\n}}\n}}").map_err(cannot_write)
}

/// Reads an export into `store`, which must be empty, in one change: all of it or nothing.
pub fn import(store: &dyn Store, document: &[u8]) -> Result<(), StoreError> {
    for kind in Kind::ALL {
        store.scan(kind, None, &mut |_, _| Err(StoreError::NotEmpty { kind }))?;
    }
    let unfit = |error: serde_json::Error| StoreError::Document {
        reason: format!("the document is not a whole export of this version ({error})"),
    };
    // Looked at first, so that a newer document is told by its version and not by what is new in it.
    let head: Head = serde_json::from_slice(document).map_err(unfit)?;
    if head.format != FORMAT {
        return Err(StoreError::Document {
            reason: format!("its format is {:?}, not {FORMAT:?}", head.format),
        });
    }
    if head.schema != SCHEMA_VERSION {
        return Err(StoreError::Document {
            reason: format!(
                "it has schema version {}, this program knows version {SCHEMA_VERSION}",
                head.schema
            ),
        });
    }
    let document: Document<'_> = serde_json::from_slice(document).map_err(unfit)?;
    store.apply(&writes(document.records)?, Durability::Synced)
}

fn writes(records: Unique<Unique<&RawValue>>) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for (name, of_kind) in records.0 {
        let kind = Kind::from_name(&name).ok_or_else(|| StoreError::Document {
            reason: format!("there is no kind of record {name:?}"),
        })?;
        let records = of_kind.0.into_iter();
        writes.extend(records.map(|(key, value)| {
            let value = value.get().as_bytes().to_vec();
            Write::Put(Record { kind, key, value })
        }));
    }
    Ok(writes)
}

/// Exports `store` into the file `path`, in place of what is there: whole and on the disk, or not at all.
pub fn backup(store: &dyn Store, path: &Path) -> Result<(), StoreError> {
    let told = |source| StoreError::Io {
        attempt: "write the backup",
        path: path.to_owned(),
        source,
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let draft = path.with_file_name(name);
    let written = (|| {
        let mut file = File::create(&draft).map_err(told)?;
        export(store, &mut file)?;
        file.sync_all().map_err(told)?;
        std::fs::rename(&draft, path).map_err(told)?;
        sync_folder(path).map_err(told)
    })();
    if written.is_err() {
        // Half a backup helps nobody.
        let _ = std::fs::remove_file(&draft);
    }
    written
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
