//! Heketi's database read from a file and made into the records of a new store.

use std::path::Path;

use mortar_heketi::db;
use mortar_heketi::takeover::{Faulty, KEPT, Kept, Takeover, take_over};
use mortar_store::{EmbeddedStore, Kind, Store, StoreError, Write};

use crate::error::{Error, Result};
use crate::exit::Exit;

/// Reads a database of Heketi: its Bolt file or its JSON export. The file is opened for reading only.
///
/// # Errors
/// The file is not there, or is none of Heketi's, or is damaged: then the page or the entry is named.
pub(crate) fn read(file: &Path, faulty: Faulty) -> Result<Takeover> {
    let attempt = format!("take over {}", file.display());
    let bytes = std::fs::read(file).map_err(|error| Error::usage(&attempt, error.to_string()))?;
    let database = db::read(&bytes).map_err(|error| {
        Error::usage(&attempt, error.to_string()).advise(
            "nothing was changed; take an older copy of the file, or an export that 'heketi db export' made of it",
        )
    })?;
    Ok(take_over(&database, faulty))
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

/// Makes the server's store of Heketi's database, where there is a database and no store yet. Later starts find the store, and
/// leave the database alone.
///
/// # Errors
/// The database cannot be read, or the store not be made: then the server does not start without what it should know.
pub(crate) fn at_first_start(database: &Path, store: &Path) -> Result<()> {
    if store.exists() || !database.exists() {
        return Ok(());
    }
    let takeover = read(database, Faulty::Take)?;
    let attempt = format!("take over {}", database.display());
    let failed = |error: StoreError| Error::new(Exit::Failed, &attempt, error.to_string());
    EmbeddedStore::restore(store, &writes(&takeover).map_err(failed)?).map_err(failed)?;
    for note in &takeover.kept.notes {
        tracing::warn!("{note}");
    }
    tracing::info!(
        database = %database.display(),
        store = %store.display(),
        volumes = takeover.inventory.volumes().count(),
        "Heketi's database is taken over, and left as it is"
    );
    Ok(())
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

/// Heketi's database as it would be, made of a store that no server uses.
///
/// # Errors
/// The store cannot be read.
pub(crate) fn export(store: &dyn Store, attempt: &str) -> Result<(db::Database, usize)> {
    let failed = |error: String| Error::new(Exit::Failed, attempt, error);
    let (inventory, open) = mortar_engine::recorded_in(store).map_err(|error| failed(error.to_string()))?;
    let kept = kept(store).map_err(|error| failed(error.to_string()))?;
    let database = mortar_heketi::takeover::export(&inventory, &kept);
    Ok((database.map_err(|error| failed(error.to_string()))?, open))
}
