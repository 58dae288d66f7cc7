//! `mortar db …` on files: a store's records as JSON and back, while no server uses it.

use std::io::Read as _;
use std::path::Path;

use mortar_store::{EmbeddedStore, StoreError, StoreFile, read_document};

use super::backup;
use crate::args::DbCommand;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;
use crate::takeover;

pub(super) fn run(command: DbCommand, out: Out) -> Result<()> {
    match command {
        DbCommand::Export {
            heketi: true,
            store,
            file,
        } => write_heketi(&store, &file, out),
        DbCommand::Export { store, file, .. } => write(&store, &file, out),
        DbCommand::Import { store, file } => read(&store, &file, out),
        DbCommand::Backup {
            store: Some(store),
            folder,
        } => backup::take(&store, folder, out),
        DbCommand::Verify { file } => backup::verify(&file, out),
        DbCommand::Restore { backup, store } => backup::restore(&backup, &store, out),
        DbCommand::Backup { store: None, .. } | DbCommand::Backups => {
            unreachable!("these ask a server and were run there")
        }
    }
}

/// The store's errors tell attempt, obstacle and way on themselves; this adds the command's own attempt and code.
pub(crate) fn told(attempt: String) -> impl Fn(StoreError) -> Error {
    move |error| {
        let exit = match error {
            StoreError::Missing { .. } => Exit::NotFound,
            StoreError::Exists { .. } | StoreError::InUse { .. } | StoreError::NotEmpty { .. } => {
                Exit::Conflict
            }
            StoreError::Document { .. } | StoreError::NewerSchema { .. } => Exit::Usage,
            StoreError::Full { .. } => Exit::NoSpace,
            _ => Exit::Failed,
        };
        Error::new(exit, attempt.clone(), error.to_string())
    }
}

fn write(store: &Path, file: &Path, out: Out) -> Result<()> {
    let told = told(format!("export the store {}", store.display()));
    let open = StoreFile::open(store).map_err(&told)?;
    if file == Path::new("-") {
        let mut text = Vec::new();
        open.export(&mut text).map_err(&told)?;
        return out.wire(&text);
    }
    open.export_to(file).map_err(&told)?;
    out.line(format!("Exported {} to {}.", store.display(), file.display()))
}

/// Heketi's `db import` makes a new database of it, and registers its nodes' host names when it starts.
fn write_heketi(store: &Path, file: &Path, out: Out) -> Result<()> {
    let attempt = format!("export the store {} for Heketi", store.display());
    let told = told(attempt.clone());
    let (home, open) = takeover::export(&EmbeddedStore::open(store).map_err(&told)?, &attempt)?;
    if open > 0 {
        let obstacle = format!("{open} operations are open in it, which Heketi could not go on with");
        return Err(Error::new(Exit::Conflict, attempt, obstacle)
            .advise("start the server, let them end ('mortar operation list --open'), and stop it again"));
    }
    let text = mortar_heketi::db::write_export(&home.database);
    if file == Path::new("-") {
        takeover::say_left_out(&home.left_out);
        return out.wire(text.as_bytes());
    }
    std::fs::write(file, text).map_err(|error| Error::new(Exit::Failed, &attempt, error.to_string()))?;
    out.line(format!(
        "Exported {} to {} for Heketi.",
        store.display(),
        file.display()
    ))?;
    home.left_out
        .iter()
        .try_for_each(|note| out.line(note.to_string()))
}

fn read(store: &Path, file: &Path, out: Out) -> Result<()> {
    let attempt = format!("import {} into the store {}", file.display(), store.display());
    let mut document = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut document)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut document))
    };
    read.map_err(|error| Error::usage(&attempt, error.to_string()))?;
    let told = told(attempt);
    let read = read_document(&document).map_err(&told)?;
    EmbeddedStore::restore(store, &read.writes).map_err(&told)?;
    out.line(format!("Imported {} into {}.", file.display(), store.display()))
}
