//! What unfinished operations were about to add, and to exchange.

use super::{HalfMade, Taking, Weight};
use crate::db::PendingOperation;

/// Kinds of changes that add a thing: a brick, a volume, a block volume, a clone.
const ADDS: [i64; 4] = [ADD_BRICK, 2, 6, 11];
const ADD_BRICK: i64 = 1;
const DELETE_BRICK: i64 = 3;

/// The kind of operation that puts a new brick in the place of another, be it by itself or for a device that is removed.
const EVICT_BRICK: i64 = 8;

/// A brick and the one that was to take its place.
pub(super) struct Exchange<'a> {
    pub(super) old: &'a str,
    pub(super) new: &'a str,
}

/// What an operation was exchanging. Before Heketi has chosen a place for the new brick, nothing has happened yet.
pub(super) fn exchange(operation: &PendingOperation) -> Option<Exchange<'_>> {
    let changed = |kind: i64| {
        let change = operation.actions.iter().find(|action| action.change == kind);
        change.map(|action| action.id.as_str())
    };
    (operation.kind == EVICT_BRICK)
        .then(|| {
            Some(Exchange {
                old: changed(DELETE_BRICK)?,
                new: changed(ADD_BRICK)?,
            })
        })
        .flatten()
}

impl<'a> Taking<'a> {
    /// A thing is half made when the operation that it is marked with says that it adds it.
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

    /// Which of two bricks a volume has while they are exchanged, Heketi does not record: it asks GlusterFS when it cleans up. The old
    /// one is taken over, and the volume does not add up until that is known.
    pub(super) fn exchanges(&mut self, volume: &str, name: &str, bricks: &[String]) {
        for operation in self.database.operations.values() {
            let Some(Exchange { old, new }) =
                exchange(operation).filter(|pair| bricks.iter().any(|id| id == pair.old))
            else {
                continue;
            };
            let why = format!(
                "operation {} was putting brick {new} in the place of its brick {old}: {old} is taken over, and GlusterFS may have \
                 {new} instead. Heketi settles that before it is left ('heketi-cli server operations cleanup'); afterwards only a \
                 person can ('mortar check' names the bricks)",
                operation.id
            );
            self.note(Weight::Fault, "volume", volume, name, why);
        }
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
