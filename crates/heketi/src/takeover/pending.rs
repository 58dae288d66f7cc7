//! What unfinished operations were about to add.

use super::{HalfMade, Taking, Weight};

/// Kinds of changes that add a thing: a brick, a volume, a block volume, a clone.
const ADDS: [i64; 4] = [1, 2, 6, 11];

impl<'a> Taking<'a> {
    /// A thing is half made when its operation says that it adds it, or when it is marked with an operation that nobody knows.
    pub(super) fn half_made(&mut self) -> HalfMade<'a> {
        let mut half_made = HalfMade::new();
        for operation in self.database.operations.values() {
            for action in &operation.actions {
                if ADDS.contains(&action.change) && self.pending(&action.id) == Some(&operation.id) {
                    half_made.insert(&action.id, &operation.id);
                }
            }
        }
        half_made
    }

    /// The operation that an entry is marked with.
    fn pending(&self, id: &str) -> Option<&'a String> {
        let database = self.database;
        let marks = [
            database.bricks.get(id).map(|entry| &entry.pending.id),
            database.volumes.get(id).map(|entry| &entry.pending.id),
            database.block_volumes.get(id).map(|entry| &entry.pending.id),
        ];
        marks.into_iter().flatten().find(|id| !id.is_empty())
    }

    /// Block volumes that are not kept.
    pub(super) fn block_volumes(&mut self, half_made: &HalfMade<'_>) {
        let database = self.database;
        for (id, entry) in &database.block_volumes {
            let host = &entry.info.blockhostingvolume;
            let taken = host.parse().ok().and_then(|id| self.inventory.volume(id));
            let why = match half_made.get(id.as_str()) {
                Some(operation) => format!("operation {operation} was making it"),
                None if !database.volumes.contains_key(host) => {
                    format!("the volume that holds it, {host}, is not known")
                }
                None if taken.is_none() => format!("the volume that holds it, {host}, is left out"),
                None => continue,
            };
            self.note(Weight::LeftOut, "block volume", id, &entry.info.name, why);
        }
    }
}
