//! Block volumes among all things.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::{Inventory, InventoryError, unknown};
use crate::{BlockVolume, BlockVolumeId, ByteSize, ClusterId, VolumeId, VolumeName};

/// Block volumes with their indexes.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    by_id: BTreeMap<BlockVolumeId, BlockVolume>,
    names: BTreeMap<(ClusterId, VolumeName), BlockVolumeId>,
    on: BTreeMap<VolumeId, BTreeSet<BlockVolumeId>>,
}

impl Inventory {
    /// Adds a block volume, or replaces the record of one; its hosting volume and its name cannot change.
    ///
    /// # Errors
    /// Its hosting volume is unknown, or another one of the cluster has its name.
    pub fn put_block(&mut self, block: BlockVolume) -> Result<(), InventoryError> {
        let Some(hosting) = self.volumes.get(&block.hosting) else {
            return unknown("volume", block.hosting);
        };
        let key = (hosting.cluster, block.name.clone());
        if let Some(other) = self.blocks.names.get(&key).filter(|other| **other != block.id) {
            return Err(InventoryError::Taken(
                "block volume name",
                key.1.to_string(),
                other.to_string(),
            ));
        }
        let moved = |known: &&BlockVolume| known.hosting != block.hosting || known.name != block.name;
        if self.blocks.by_id.get(&block.id).filter(moved).is_some() {
            let id = block.id.to_string();
            return Err(InventoryError::Taken("block volume id", id.clone(), id));
        }
        self.blocks.names.insert(key, block.id);
        self.blocks.on.entry(block.hosting).or_default().insert(block.id);
        self.blocks.by_id.insert(block.id, block);
        Ok(())
    }

    /// Removes a block volume.
    ///
    /// # Errors
    /// It is unknown.
    pub fn remove_block(&mut self, id: BlockVolumeId) -> Result<BlockVolume, InventoryError> {
        let Some(block) = self.blocks.by_id.remove(&id) else {
            return unknown("block volume", id);
        };
        if let Some(hosting) = self.volumes.get(&block.hosting) {
            let key = (hosting.cluster, block.name.clone());
            self.blocks.names.remove(&key);
        }
        if let Some(on) = self.blocks.on.get_mut(&block.hosting) {
            on.remove(&id);
        }
        Ok(block)
    }

    /// The block volume with this id.
    pub fn block(&self, id: BlockVolumeId) -> Option<&BlockVolume> {
        self.blocks.by_id.get(&id)
    }

    /// The block volume of this name on this cluster.
    pub fn block_by_name(&self, cluster: ClusterId, name: &VolumeName) -> Option<&BlockVolume> {
        let id = self.blocks.names.get(&(cluster, name.clone()))?;
        self.block(*id)
    }

    /// All block volumes, by id.
    pub fn blocks(&self) -> impl Iterator<Item = &BlockVolume> {
        self.blocks.by_id.values()
    }

    /// Block volumes by id, from behind this one on.
    pub fn blocks_after(&self, after: Option<BlockVolumeId>) -> impl Iterator<Item = &BlockVolume> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let blocks = self.blocks.by_id.range((start, Bound::Unbounded));
        blocks.map(|(_, block)| block)
    }

    /// The block volumes that a volume holds, by id.
    pub fn blocks_on(&self, hosting: VolumeId) -> impl Iterator<Item = &BlockVolume> {
        let on = self.blocks.on.get(&hosting).into_iter().flatten();
        on.filter_map(|id| self.block(*id))
    }

    /// The block volumes of a cluster, by hosting volume and id.
    pub fn blocks_of(&self, cluster: ClusterId) -> impl Iterator<Item = &BlockVolume> {
        self.volumes_of(cluster)
            .flat_map(|volume| self.blocks_on(volume.id))
    }

    /// What block volumes take of a volume together.
    pub fn taken_by_blocks(&self, hosting: VolumeId) -> ByteSize {
        self.blocks_on(hosting).map(|block| block.size).sum()
    }
}
