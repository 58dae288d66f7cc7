//! What a store holds, looked at without an engine: does each record read, and do they fit each other?

use mortar_store::{Kind, Store};

use crate::error::OpenError;
use crate::records;

/// What was found in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// How many records there are of each kind that has any, by the kind's name.
    pub records: Vec<(&'static str, usize)>,
    /// Where they contradict each other.
    pub violations: Vec<String>,
}

/// Reads every record of `store` as an engine would.
///
/// # Errors
/// A record cannot be read, or has no place among the others.
pub fn inspect(store: &dyn Store) -> Result<Inspection, OpenError> {
    let loaded = records::load(store)?;
    let violations = mortar_model::check::check(loaded.landscape.inventory());
    let mut records = Vec::new();
    for kind in Kind::ALL {
        let mut count = 0;
        store.scan(kind, None, &mut |_, _| {
            count += 1;
            Ok(())
        })?;
        if count > 0 {
            records.push((kind.name(), count));
        }
    }
    Ok(Inspection {
        records,
        violations: violations.into_iter().map(|violation| violation.0).collect(),
    })
}
