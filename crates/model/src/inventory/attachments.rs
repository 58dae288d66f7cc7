//! Who uses volumes, among all things.

use std::collections::BTreeMap;

use super::{Inventory, InventoryError, unknown};
use crate::{Attachment, Attachments, ClientNode, VolumeId};

/// Attachments by volume, and how many volumes each node has.
#[derive(Clone, Debug, Default)]
pub(super) struct Attached {
    of: BTreeMap<VolumeId, Attachments>,
    on: BTreeMap<ClientNode, usize>,
}

impl Attached {
    /// Forgets all of a volume.
    pub(super) fn remove(&mut self, volume: VolumeId) {
        for attachment in self.of.remove(&volume).into_iter().flat_map(|known| known.nodes) {
            if let Some(count) = self.on.get_mut(&attachment.node) {
                *count -= 1;
                if *count == 0 {
                    self.on.remove(&attachment.node);
                }
            }
        }
    }
}

impl Inventory {
    /// Records which nodes may use a volume, in place of what was recorded before; none at all, where there are none.
    ///
    /// # Errors
    /// The volume is unknown.
    pub fn put_attachments(&mut self, attachments: Attachments) -> Result<(), InventoryError> {
        if !self.volumes.contains_key(&attachments.volume) {
            return unknown("volume", attachments.volume);
        }
        self.attached.remove(attachments.volume);
        for attachment in &attachments.nodes {
            *self.attached.on.entry(attachment.node.clone()).or_default() += 1;
        }
        if !attachments.nodes.is_empty() {
            self.attached.of.insert(attachments.volume, attachments);
        }
        Ok(())
    }

    /// The nodes that may use a volume, in the order of their names.
    pub fn attachments_of(&self, volume: VolumeId) -> &[Attachment] {
        let known = self.attached.of.get(&volume);
        known.map_or(&[], |known| known.nodes.as_slice())
    }

    /// All volumes that nodes may use, by id.
    pub fn attachments(&self) -> impl Iterator<Item = &Attachments> {
        self.attached.of.values()
    }

    /// How many volumes a node may use.
    pub fn attached_to(&self, node: &ClientNode) -> usize {
        self.attached.on.get(node).copied().unwrap_or_default()
    }
}
