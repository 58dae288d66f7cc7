//! What unfinished operations were about to add.

use super::{HalfMade, Taking};

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
}
