//! Heketi's database read from a file and made into the records of a new store.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use mortar_heketi::db;
use mortar_heketi::takeover::{Home, KEPT, Kept, Takeover, Terms, Weight, fingerprint, take_over};
use mortar_model::ZoneChecking;
use mortar_store::{EmbeddedStore, Kind, Store, StoreError, Write};

use crate::error::{Error, Result};
use crate::exit::Exit;

/// Whether a file is a store of Mortar's: by what only those begin with. A database of Heketi's is one however it is damaged, and is
/// never opened for writing.
pub(crate) fn is_store(file: &Path) -> bool {
    let mut first = Vec::new();
    let read = File::open(file).and_then(|file| file.take(64).read_to_end(&mut first));
    read.is_ok() && EmbeddedStore::is_one(&first)
}

/// The bytes of a database of Heketi's. The file is opened for reading only, and nobody writes it meanwhile: Heketi's server and its
/// tools lock it for as long as they have it open.
///
/// # Errors
/// The file is not there, or a Heketi server runs on it.
pub(crate) fn bytes(file: &Path, attempt: &str) -> Result<Vec<u8>> {
    let told = |error: std::io::Error| Error::usage(attempt, error.to_string());
    let mut open = File::open(file).map_err(told)?;
    match open.try_lock_shared() {
        Ok(()) => {}
        // Where no file can be locked, no Heketi server starts.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(told(error)),
        Err(TryLockError::WouldBlock) => {
            let obstacle = format!("{} is in use: a Heketi server runs on it", file.display());
            return Err(Error::new(Exit::Conflict, attempt, obstacle).advise(
                "stop Heketi first ('systemctl stop heketi'); only to look, take a copy of the file, or what GET /backup/db gives",
            ));
        }
    }
    let mut bytes = Vec::new();
    open.read_to_end(&mut bytes).map_err(told)?;
    Ok(bytes)
}

/// Reads a database of Heketi: its Bolt file or its JSON export.
///
/// # Errors
/// The file is not there, or in use, or none of Heketi's, or is damaged: then the page or the entry is named.
pub(crate) fn read(file: &Path, terms: Terms) -> Result<Takeover> {
    let attempt = format!("take over {}", file.display());
    let bytes = bytes(file, &attempt)?;
    let database = db::read(&bytes).map_err(|error| {
        Error::usage(&attempt, error.to_string()).advise(
            "nothing was changed; take an older copy of the file, or an export that 'heketi db export' made of it",
        )
    })?;
    let mut takeover = take_over(&database, terms);
    takeover.kept.file = fingerprint(&bytes);
    Ok(takeover)
}

/// What a new store is to hold.
///
/// # Errors
/// A record has no JSON form.
pub(crate) fn writes(takeover: &Takeover) -> std::result::Result<Vec<Write>, StoreError> {
    let mut writes = mortar_engine::records_of(&takeover.inventory)?;
    writes.push(Write::put(Kind::Meta, KEPT, &takeover.kept)?);
    Ok(writes)
}

/// The database of the Heketi server whose configuration a server is started with.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// Its file.
    pub(crate) database: PathBuf,
    /// Zone checking of volumes that say nothing of it.
    pub(crate) zones: ZoneChecking,
}

impl Origin {
    /// Makes the server's store of the database, where there is one and no store yet. Later starts find the store, and leave the
    /// database alone.
    ///
    /// # Errors
    /// The database is in use or cannot be read, or the store not be made: then the server does not start without what it should
    /// know.
    pub(crate) fn at_first_start(&self, store: &Path) -> Result<()> {
        let database = self.database.as_path();
        if store.exists() || !database.exists() {
            return Ok(());
        }
        let terms = Terms {
            zones: self.zones,
            ..Terms::default()
        };
        let takeover = read(database, terms)?;
        let attempt = format!("take over {}", database.display());
        if let Some(lost) = takeover
            .notes(Weight::LeftOut)
            .find(|note| note.kind == "cluster")
        {
            return Err(Error::usage(&attempt, lost.to_string()).advise(
                "nothing was changed; see 'mortar import --dry-run', and mend an export of the database",
            ));
        }
        let failed = |error: StoreError| Error::new(Exit::Failed, &attempt, error.to_string());
        EmbeddedStore::restore(store, &writes(&takeover).map_err(failed)?).map_err(failed)?;
        for note in &takeover.kept.notes {
            tracing::warn!("{note}");
        }
        for fault in &takeover.kept.inconsistencies {
            tracing::warn!("Heketi's own check says of its database: {fault}");
        }
        tracing::info!(
            database = %database.display(),
            store = %store.display(),
            volumes = takeover.inventory.volumes().count(),
            "Heketi's database is taken over, and left as it is"
        );
        Ok(())
    }

    /// Whether Heketi has gone on since: then the records are of another time than the nodes.
    ///
    /// # Errors
    /// A Heketi server runs on the database, or what was taken over cannot be read.
    pub(crate) fn at_each_start(&self, file: Option<&Path>, store: &dyn Store) -> Result<()> {
        const ATTEMPT: &str = "start the server";
        if file == Some(self.database.as_path()) || !self.database.exists() {
            return Ok(());
        }
        let failed = |error: StoreError| Error::new(Exit::Failed, ATTEMPT, error.to_string());
        let kept = kept(store).map_err(failed)?;
        let now = bytes(&self.database, ATTEMPT)?;
        if !kept.file.is_empty() && fingerprint(&now) != kept.file {
            tracing::error!(
                database = %self.database.display(),
                "Heketi's database has changed since it was taken over, so a Heketi server has run on it: what that did is not in the \
                 records. See 'mortar check'; where nothing was done here yet, move the store away and start again, and the database is \
                 taken over as it is now"
            );
        }
        Ok(())
    }
}

/// What a store keeps beside its records.
///
/// # Errors
/// It cannot be read.
pub(crate) fn kept(store: &dyn Store) -> std::result::Result<Kept, StoreError> {
    match store.get(Kind::Meta, KEPT)? {
        Some(value) => mortar_store::decode(Kind::Meta, KEPT, &value),
        None => Ok(Kept::default()),
    }
}

/// Says on standard error what is not in an answer that goes to standard output.
pub(crate) fn say_left_out(notes: impl IntoIterator<Item = impl ToString>) {
    for note in notes {
        // Nobody is there to be told that nobody listens.
        let _ = writeln!(std::io::stderr(), "{}", note.to_string());
    }
}

/// Heketi's database as it would be, made of a store that no server uses, and how many operations are open there.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn export(store: &dyn Store, attempt: &str) -> Result<(Home, usize)> {
    let failed = |error: String| Error::new(Exit::Failed, attempt, error);
    let (inventory, open) = mortar_engine::recorded_in(store).map_err(|error| failed(error.to_string()))?;
    let kept = kept(store).map_err(|error| failed(error.to_string()))?;
    let home = mortar_heketi::takeover::export(&inventory, &kept);
    Ok((home.map_err(|error| failed(error.to_string()))?, open))
}
