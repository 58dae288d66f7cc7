//! Block volumes of volumes that are restored: `gluster-block` keeps what there is of them in the volume that holds them.

use mortar_command::query::block_volumes::BlockSeen;
use mortar_model::{BlockRestriction, ClusterId, Volume};

use super::Work;
use super::report::FoundKind;
use crate::blocks::{Read, read};

impl Work<'_> {
    /// Restores them. What holds them is restored by then, or not at all.
    pub(super) fn blocks(&mut self) {
        let hosting: Vec<Volume> = self
            .inventory
            .volumes()
            .filter(|volume| volume.block)
            .cloned()
            .collect();
        for volume in &hosting {
            match self.told(volume).cloned() {
                Some(Ok(seen)) => {
                    for one in &seen {
                        self.block(volume, one);
                    }
                }
                Some(Err(reason)) => self.unasked(volume, &reason),
                None => self.unasked(volume, "it does not run"),
            }
            self.overfull(volume);
        }
    }

    /// What was told of the block volumes of this volume.
    fn told(&self, volume: &Volume) -> Option<&Result<Vec<BlockSeen>, String>> {
        let of = |cluster: ClusterId| self.hosting.iter().filter(move |(known, ..)| *known == cluster);
        let (.., uuid) = of(volume.cluster).find(|(_, name, _)| name == volume.name.as_str())?;
        self.blocks.get(uuid)
    }

    /// Somebody put more on it than Mortar would: it takes no more.
    fn overfull(&mut self, volume: &Volume) {
        let (taken, room) = (
            self.inventory.taken_by_blocks(volume.id),
            volume.room_for_blocks(),
        );
        if taken <= room {
            return;
        }
        self.notes.contradiction(
            format!("volume {}", volume.name),
            format!("its block volumes take {taken}, and may take {room}"),
            "it takes no new ones",
        );
        let locked = Volume {
            block_restriction: BlockRestriction::LockedByUpdate,
            ..volume.clone()
        };
        if let Err(error) = self.inventory.put_volume(locked) {
            self.notes.contradiction(
                format!("volume {}", volume.name),
                error.to_string(),
                "it takes new ones",
            );
        }
    }

    fn unasked(&mut self, volume: &Volume, why: &str) {
        self.notes.gap(
            format!("volume {}", volume.name),
            format!("the block volumes that it holds: {why}"),
            "none of them; once gluster-block tells, 'mortar check' finds them and 'mortar repair' records them",
        );
    }

    fn block(&mut self, hosting: &Volume, seen: &BlockSeen) {
        let about = format!("block volume {}/{}", hosting.name, seen.name);
        let put = |work: &mut Self| -> Result<(), String> {
            let Read { block, exact, named } = read(hosting, seen)?;
            let (id, size) = (block.id, block.size);
            if work.inventory.block(block.id).is_some() {
                return Err(format!("another one has its id {}", block.id));
            }
            work.inventory
                .put_block(block)
                .map_err(|error| error.to_string())?;
            if !named {
                work.notes.gap(
                    &about,
                    "the id under which it was recorded: its name does not tell",
                    format!("{id}, which is gluster-block's own"),
                );
            }
            if !exact {
                work.notes.gap(
                    &about,
                    "its size to the GiB: gluster-block prints one digit after the point",
                    format!("{size}, the smallest that is printed so"),
                );
            }
            Ok(())
        };
        if let Err(why) = put(self) {
            self.notes.left(FoundKind::Unrestored, about, None, why);
        }
    }
}
