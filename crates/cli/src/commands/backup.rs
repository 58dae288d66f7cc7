//! `mortar db backup`, `backups`, `verify` and `restore`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use mortar_api::{Backup, BackupList};
use mortar_engine::{Clock as _, SystemClock, inspect};
use mortar_store::{
    Backups, Durability, EmbeddedStore, Imported, MemoryStore, Reason, Store as _, StoreFile, read_document,
    verify_backup,
};
use serde::Serialize;

use super::Session;
use super::db::told;
use crate::args::DbCommand;
use crate::client::read;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;
use crate::show;

/// The commands that ask a server.
pub(super) async fn ask(session: &Session, command: &DbCommand) -> Result<()> {
    match command {
        DbCommand::Backups => list(session).await,
        _ => request(session).await,
    }
}

async fn list(session: &Session) -> Result<()> {
    const ATTEMPT: &str = "list the server's backups";
    let body = session.client.get("/v1/backups", ATTEMPT).await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    let list: BackupList = read(&body, ATTEMPT)?;
    session.out.text(&show::backups(&list, session.out.paint()))
}

async fn request(session: &Session) -> Result<()> {
    const ATTEMPT: &str = "back up the server's store";
    session.progress.say("backing up");
    let answer = session.client.post("/v1/backups", &(), ATTEMPT).await;
    session.progress.end();
    let body = answer?.body;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    let taken: Backup = read(&body, ATTEMPT)?;
    session.out.line(format!(
        "Backed up as {} in the server's folder of backups, {}, verified.",
        taken.name,
        show::size(taken.size)
    ))
}

/// Backs up a store file.
pub(super) fn take(store: &Path, folder: Option<PathBuf>, out: Out) -> Result<()> {
    let told = told(format!("back up the store {}", store.display()));
    let file = StoreFile::open(store).map_err(|error| match error {
        mortar_store::StoreError::InUse { .. } => {
            told(error).advise("leave --store out, and the server that uses it is asked to back it up")
        }
        error => told(error),
    })?;
    let backups = folder.map_or_else(|| Backups::beside(store), Backups::new);
    let taken = backups
        .take_of_file(&file, Reason::Requested, SystemClock.now_ms())
        .map_err(&told)?;
    let path = backups.folder().join(&taken.name);
    if out.is_json() {
        return out.json(&Taken {
            file: &path,
            size: taken.bytes,
            schema: file.schema(),
        });
    }
    out.line(format!(
        "Backed up {} as {}, {}, verified.",
        store.display(),
        path.display(),
        show::size(taken.bytes)
    ))
}

#[derive(Serialize)]
struct Taken<'a> {
    file: &'a Path,
    size: u64,
    schema: u32,
}

/// What a sound file is told to be.
#[derive(Serialize)]
struct Sound<'a> {
    file: &'a Path,
    kind: &'static str,
    schema: u32,
    sound: bool,
    records: BTreeMap<&'static str, usize>,
}

/// Reads a file whole, and tells whether it is sound.
pub(super) fn verify(file: &Path, out: Out) -> Result<()> {
    let attempt = format!("verify {}", file.display());
    let told = told(attempt.clone());
    let (kind, imported) = if looks_like_backup(file) {
        ("backup", verify_backup(file).map_err(&told)?)
    } else {
        let store = StoreFile::open(file).map_err(&told)?;
        let mut records = Vec::new();
        store.export(&mut records).map_err(&told)?;
        ("store", read_document(&records).map_err(&told)?)
    };
    let records = records_of(&imported, &attempt)?;
    if out.is_json() {
        let schema = imported.schema;
        return out.json(&Sound {
            file,
            kind,
            schema,
            sound: true,
            records,
        });
    }
    out.line(format!(
        "{} is a sound {kind} of schema version {}: {}.",
        file.display(),
        imported.schema,
        counts(&records)
    ))
}

/// A document begins with a brace; a store file never does. One that cannot be read is told by who opens it.
fn looks_like_backup(file: &Path) -> bool {
    let mut first = [0];
    let read = std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut first));
    let named = file.extension().is_some_and(|extension| extension == "json");
    file.exists() && (named || (read.is_ok() && first == *b"{"))
}

/// How many records there are of each kind, once each was read and they fit each other.
fn records_of(imported: &Imported, attempt: &str) -> Result<BTreeMap<&'static str, usize>> {
    let memory = MemoryStore::new();
    memory
        .apply(&imported.writes, Durability::Synced)
        .map_err(told(attempt.to_owned()))?;
    let found = inspect(&memory).map_err(|error| {
        let mut reason = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            reason = format!("{reason}: {source}");
        }
        Error::new(Exit::Failed, attempt, reason)
            .advise("its bytes are what was written; the program that wrote it may read it")
    })?;
    if !found.violations.is_empty() {
        return Err(Error::new(
            Exit::NeedsAttention,
            attempt,
            "its bytes are what was written, and its records contradict each other",
        )
        .with_details(found.violations)
        .advise("a server starts with it and says the same in its log"));
    }
    Ok(found.records.into_iter().collect())
}

fn counts(records: &BTreeMap<&'static str, usize>) -> String {
    if records.is_empty() {
        return "no records".to_owned();
    }
    let count = |(kind, count): (&&str, &usize)| format!("{kind} {count}");
    records.iter().map(count).collect::<Vec<_>>().join(", ")
}

/// Makes a store of a backup.
pub(super) fn restore(backup: &Path, store: &Path, out: Out) -> Result<()> {
    let told = told(format!(
        "restore {} into the store {}",
        backup.display(),
        store.display()
    ));
    let imported = verify_backup(backup).map_err(&told)?;
    EmbeddedStore::restore(store, &imported.writes).map_err(&told)?;
    if out.is_json() {
        return out.json(&Restored {
            store,
            records: imported.writes.len(),
        });
    }
    out.line(format!(
        "Restored {} records into {}.",
        imported.writes.len(),
        store.display()
    ))
}

#[derive(Serialize)]
struct Restored<'a> {
    store: &'a Path,
    records: usize,
}
