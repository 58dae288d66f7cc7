//! Block volumes as things.

use serde::{Deserialize, Serialize};

use crate::{BlockVolumeId, ByteSize, HostName, VolumeId, VolumeName};

/// Which part of a block volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockPart {
    /// That nothing has its name in the hosting volume: whoever has it there by then was made by this operation. Nothing is
    /// changed.
    Name,
    /// The file in the hosting volume, and the targets on its hosts.
    Whole,
    /// Its size. There when it is as large as wanted; never made smaller again.
    Size {
        /// Its size before.
        before: ByteSize,
    },
    /// That one host serves it in place of another. Never given back: initiators have been told.
    Host {
        /// The host that served it.
        old: HostName,
        /// The host that serves it.
        new: HostName,
        /// Whether the old one is gone for good, and is not asked.
        dead: bool,
    },
}

/// A block volume, or a part of the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSpec {
    /// Which part.
    pub part: BlockPart,
    /// The block volume.
    pub block: BlockVolumeId,
    /// Its name.
    pub name: VolumeName,
    /// The volume that holds it.
    pub volume: VolumeId,
    /// That one's name.
    pub hosting: VolumeName,
    /// Its size.
    pub size: ByteSize,
    /// How many hosts serve it.
    pub ha: u32,
    /// Hosts that may.
    pub hosts: Vec<HostName>,
    /// Whether initiators must prove who they are.
    #[serde(default)]
    pub auth: bool,
    /// Whether all its room is taken at once, else as it is written.
    #[serde(default)]
    pub full: bool,
    /// Whether its hosting volume is made by the same operation: where that one does not run, it is not there.
    #[serde(default)]
    pub with_hosting: bool,
}

impl BlockSpec {
    pub(super) const fn kind(&self) -> &'static str {
        match self.part {
            BlockPart::Name => "name of a block volume",
            BlockPart::Whole => "block volume",
            BlockPart::Size { .. } => "size of a block volume",
            BlockPart::Host { .. } => "host of a block volume",
        }
    }

    pub(super) fn title(&self) -> String {
        let Self { name, hosting, .. } = self;
        match &self.part {
            BlockPart::Name => format!("name of block volume {hosting}/{name}"),
            BlockPart::Whole => format!("block volume {hosting}/{name}"),
            BlockPart::Size { .. } => format!("{} of block volume {hosting}/{name}", self.size),
            BlockPart::Host { old, new, .. } => {
                format!("{new} in place of {old} for block volume {hosting}/{name}")
            }
        }
    }
}
