//! Steps on the way to copies of a volume's bricks that all show the same moment.

use serde::{Deserialize, Serialize};

use super::BrickSpec;
use crate::{BrickId, ByteSize, SnapshotId, VolumeName};

/// Which part of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CopyPart {
    /// That the brick can be copied at all: it is mounted, and its device's file system lets files share blocks.
    Room,
    /// Its file system is frozen, for seconds at most: it thaws by itself.
    Frozen,
    /// Its image, copied while it is frozen.
    Image,
    /// It was frozen until now, and the copy has its name and tells whose it is.
    Whole,
    /// The brick holds again what its copy holds.
    Back,
}

impl CopyPart {
    /// What kind of thing, for people and metrics.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Room => "room for a copy",
            Self::Frozen => "frozen brick",
            Self::Image => "image of a copy",
            Self::Whole => "copy",
            Self::Back => "restored brick",
        }
    }
}

/// A copy of a brick as it is at one moment. With the copies of all bricks of its volume it is a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopySpec {
    /// Which part of the way to it.
    pub part: CopyPart,
    /// The snapshot that it is a part of.
    pub snapshot: SnapshotId,
    /// The copy.
    pub copy: BrickId,
    /// The brick.
    pub brick: BrickSpec,
    /// Whether what a brick has missed is written down under the volume's name: a copy of it would lose that.
    pub names_missed: bool,
    /// The volume's name, by which a heal is asked for: told where a brick that others have missed something of is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<VolumeName>,
    /// Text of the file that tells whose the copy is (JSON); of a brick that is brought back, by which of many times it was: once
    /// its volume has started again, it must not be brought back once more for the same reason.
    pub text: String,
    /// What all volumes in the brick's thin pool come to with the copy, or with what is made of it, by the records: where that is more
    /// than the pool has, it is made larger first, or others have promised more than it has. Zero says nothing.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub promised: ByteSize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_nothing(size: &ByteSize) -> bool {
    *size == ByteSize::ZERO
}

impl CopySpec {
    /// The thing in a few words, for errors and progress.
    pub(super) fn title(&self) -> String {
        let (copy, brick) = (self.copy, self.brick.brick);
        match self.part {
            CopyPart::Room => format!("room for a copy of brick {brick}"),
            CopyPart::Frozen => format!("brick {brick}, frozen"),
            CopyPart::Image => format!("image of brick {brick}, copied"),
            CopyPart::Whole => format!("copy {copy} of brick {brick}"),
            CopyPart::Back => format!("brick {brick} as in copy {copy}"),
        }
    }
}
