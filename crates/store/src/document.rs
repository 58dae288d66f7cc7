//! The whole store as one readable JSON document.
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
//! byte for byte. A backup is the same with a seal at its end (`sums.rs`); an export has none, so that it can be mended
//! by hand. Both are read by `import.rs`.
//!
//! All of it is one moment: it is written from a [`View`].

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::value::RawValue;

use crate::embedded::sync_folder;
use crate::sums::Summing;
use crate::{Kind, SCHEMA_VERSION, Store, StoreError, View, Visit, schema};

pub(crate) const FORMAT: &str = "mortar-export";

/// One moment of a store, of this program's schema or an older one.
pub(crate) trait Source {
    /// The version of its schema.
    fn schema(&self) -> u32;

    /// The names of its kinds, in the order of an export.
    fn kinds(&self) -> Result<Vec<String>, StoreError>;

    /// Shows all records of a kind, in the order of their keys.
    fn scan(&self, kind: &str, visit: &mut Visit<'_>) -> Result<(), StoreError>;
}

/// A view of an open store, whose schema is this program's.
pub(crate) struct Current(pub(crate) Box<dyn View>);

impl Source for Current {
    fn schema(&self) -> u32 {
        SCHEMA_VERSION
    }

    fn kinds(&self) -> Result<Vec<String>, StoreError> {
        Ok(schema::kinds())
    }

    fn scan(&self, kind: &str, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        match Kind::from_name(kind) {
            Some(kind) => self.0.scan(kind, None, visit),
            None => Ok(()),
        }
    }
}

/// Writes all of `store`, as it is at one moment, into `out`.
pub fn export(store: &dyn Store, out: impl Write) -> Result<(), StoreError> {
    write_export(&Current(store.view()?), out, Path::new("-"))
}

/// Writes an export of `source`; `to` is what `out` is called in errors.
pub(crate) fn write_export(source: &dyn Source, out: impl Write, to: &Path) -> Result<(), StoreError> {
    let cannot_write = |source| cannot_write(to, source);
    let mut out = BufWriter::new(out);
    write_records(source, &mut out, to)?;
    out.write_all(b"\n}\n").map_err(cannot_write)?;
    out.flush().map_err(cannot_write)
}

/// Writes a sealed export of `source`: what a backup is.
pub(crate) fn write_backup(source: &dyn Source, out: impl Write, to: &Path) -> Result<(), StoreError> {
    let cannot_write = |source| cannot_write(to, source);
    let mut out = Summing::new(BufWriter::new(out));
    write_records(source, &mut out, to)?;
    out.write_all(b",\n").map_err(cannot_write)?;
    let mut out = out.seal().map_err(cannot_write)?;
    out.flush().map_err(cannot_write)
}

fn cannot_write(to: &Path, source: std::io::Error) -> StoreError {
    StoreError::from_io("write the records to", to, source)
}

/// The document without its end.
fn write_records(source: &dyn Source, out: &mut impl Write, to: &Path) -> Result<(), StoreError> {
    let cannot_write = |source| cannot_write(to, source);
    let schema = source.schema();
    write!(
        out,
        "{{\n\"format\": \"{FORMAT}\",\n\"schema\": {schema},\n\"records\": {{\n"
    )
    .map_err(cannot_write)?;
    for (index, kind) in source.kinds()?.iter().enumerate() {
        let comma = if index == 0 { "" } else { ",\n" };
        let name = serde_json::to_string(kind).map_err(|error| cannot_write(error.into()))?;
        write!(out, "{comma}{name}: {{").map_err(cannot_write)?;
        let mut first = true;
        source.scan(kind, &mut |key, value| {
            let unfit = |reason: String| StoreError::Record {
                kind: kind.clone(),
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
    write!(out, "\n}}").map_err(cannot_write)
}

/// Exports `store` into the file `path`, in place of what is there: whole and on the disk, or not at all.
pub fn export_to(store: &dyn Store, path: &Path) -> Result<(), StoreError> {
    replace(path, &Current(store.view()?))
}

/// The same from `source`.
pub(crate) fn replace(path: &Path, source: &dyn Source) -> Result<(), StoreError> {
    let told = |source| cannot_write(path, source);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let draft = path.with_file_name(name);
    let written = (|| {
        let mut file = File::create(&draft).map_err(told)?;
        write_export(source, &mut file, path)?;
        file.sync_all().map_err(told)?;
        std::fs::rename(&draft, path).map_err(told)?;
        sync_folder(path).map_err(told)
    })();
    if written.is_err() {
        // Half an export helps nobody.
        let _ = std::fs::remove_file(&draft);
    }
    written
}
