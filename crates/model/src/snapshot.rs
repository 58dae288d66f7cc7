//! A volume as it was at one moment, and what a clone tells of where its data came from.

use serde::{Deserialize, Serialize};

use crate::{Brick, BrickId, BrickSpace, ByteSize, GroupId, SnapshotId, Volume, VolumeId, VolumeName};

/// What a volume was cloned from: told, and not needed. Both may be long gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The volume.
    pub volume: VolumeId,
    /// The snapshot; none when the volume itself was cloned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
}

/// A brick as it was, beside it on its device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrickCopy {
    /// The copy's own id.
    pub id: BrickId,
    /// The brick as it was.
    pub brick: Brick,
}

impl BrickCopy {
    /// Bytes of its device that are kept for it beside its brick's: as many as the brick has, since it may come to share none
    /// with it. One in the thin pool of the brick alone takes what that has left for it, and the pool is counted already.
    pub const fn footprint(&self) -> ByteSize {
        match self.brick.space {
            BrickSpace::Image | BrickSpace::Shared => self.brick.size,
            // Nothing is copied of a folder that was adopted.
            BrickSpace::ThinPool { .. } | BrickSpace::Folder => ByteSize::ZERO,
        }
    }
}

/// Snapshots of several volumes that show the same moment. Each of them remembers all of it, and none is deleted alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name: no other group has it, on whatever cluster.
    pub name: VolumeName,
    /// The volumes that it has a snapshot of, by id.
    pub volumes: Vec<VolumeId>,
}

/// A volume as it was at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// Its name: no other snapshot has it, on whatever cluster.
    pub name: VolumeName,
    /// When it was asked for, in milliseconds since 1970. What it shows is a moment later.
    pub created_ms: u64,
    /// The volume as it was.
    pub volume: Volume,
    /// Copies of its bricks, by set and position.
    pub bricks: Vec<BrickCopy>,
    /// The group that it was made with; none when it was made alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
}
