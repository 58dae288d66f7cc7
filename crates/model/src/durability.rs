//! How a volume survives the loss of bricks, and what follows for its sets: how many bricks, which of them hold data, and
//! which shapes GlusterFS takes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ByteSize;

/// How a volume survives the loss of bricks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Not at all: each file is on one brick.
    None,
    /// Each file is on this many bricks.
    Replicate(u32),
    /// Each file is on two bricks; a third and small one knows the names and states of files, and so which copy is the
    /// newer one.
    Arbiter,
    /// Each file is cut into pieces, with more of them than are needed to read it.
    Disperse(Disperse),
}

/// Pieces of each file of a dispersed volume, each on a brick of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Disperse {
    /// Pieces that are needed to read it.
    pub data: u32,
    /// Pieces that may be lost.
    pub redundancy: u32,
}

/// A shape that GlusterFS does not make, or makes and cannot use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// Copies of each file.
    #[error("{0} replicas cannot be made: 1 to {most} can", most = Durability::MOST_COPIES)]
    Copies(u32),
    /// Pieces of each file.
    #[error(
        "dispersed as {0} cannot be made: data is 2 to {most}, and redundancy at least 1 and less than data",
        most = Durability::MOST_DATA
    )]
    Pieces(Disperse),
}

impl Durability {
    /// Most copies of a file. GlusterFS's replication notes in 16 bits which copies of a file may be read, and reads
    /// nothing of a set with more (`__afr_inode_read_subvol_get`).
    pub const MOST_COPIES: u32 = 16;

    /// Most data pieces of a file: the largest matrix of GlusterFS's erasure code (`EC_METHOD_MAX_FRAGMENTS`).
    pub const MOST_DATA: u32 = 16;

    /// Place of the arbiter in its set: GlusterFS takes the last brick of three.
    const ARBITER: u32 = 2;

    /// Dispersed over `data` bricks and `redundancy` more.
    pub const fn disperse(data: u32, redundancy: u32) -> Self {
        Self::Disperse(Disperse { data, redundancy })
    }

    /// Whether GlusterFS makes such volumes.
    ///
    /// # Errors
    /// It does not; the error says what it makes.
    pub const fn check(self) -> Result<(), Impossible> {
        match self {
            Self::None | Self::Arbiter => Ok(()),
            Self::Replicate(copies) if copies >= 1 && copies <= Self::MOST_COPIES => Ok(()),
            Self::Replicate(copies) => Err(Impossible::Copies(copies)),
            Self::Disperse(pieces) => {
                let Disperse { data, redundancy } = pieces;
                // GlusterFS: at least three bricks, and less redundancy than half of them.
                if data >= 2 && data <= Self::MOST_DATA && redundancy >= 1 && redundancy < data {
                    Ok(())
                } else {
                    Err(Impossible::Pieces(pieces))
                }
            }
        }
    }

    /// Bricks in one set, each of which is on a node of its own.
    pub const fn bricks_per_set(self) -> u32 {
        match self {
            Self::None => 1,
            Self::Replicate(replica) => replica,
            Self::Arbiter => 3,
            Self::Disperse(Disperse { data, redundancy }) => data.saturating_add(redundancy),
        }
    }

    /// Bricks of a set whose sizes add up to the set's usable size.
    pub const fn data_bricks(self) -> u32 {
        match self {
            Self::None | Self::Replicate(_) | Self::Arbiter => 1,
            Self::Disperse(Disperse { data, .. }) => data,
        }
    }

    /// GlusterFS's replica count: an arbiter counts, pieces do not.
    pub const fn replica(self) -> u32 {
        match self {
            Self::None | Self::Disperse(_) => 1,
            Self::Replicate(_) | Self::Arbiter => self.bricks_per_set(),
        }
    }

    /// The pieces of a dispersed volume.
    pub const fn pieces(self) -> Option<Disperse> {
        match self {
            Self::Disperse(pieces) => Some(pieces),
            Self::None | Self::Replicate(_) | Self::Arbiter => None,
        }
    }

    /// Whether the brick at this place of its set is an arbiter.
    pub const fn is_arbiter(self, position: u32) -> bool {
        matches!(self, Self::Arbiter) && position == Self::ARBITER
    }

    /// Whether bricks that missed something are healed from the others of their set.
    pub const fn heals(self) -> bool {
        self.bricks_per_set() > 1
    }

    /// What one set holds: as much as the smallest of its bricks that have data allows. `bricks` are places in the set with
    /// sizes.
    pub fn usable(self, bricks: impl IntoIterator<Item = (u32, ByteSize)>) -> ByteSize {
        let data = bricks.into_iter().filter(|(place, _)| !self.is_arbiter(*place));
        let smallest = data.map(|(_, size)| size).min().unwrap_or_default();
        smallest.times(u64::from(self.data_bricks()))
    }
}

impl fmt::Display for Disperse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.data, self.redundancy)
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Replicate(replica) => write!(f, "replicate {replica}"),
            Self::Arbiter => f.write_str("arbiter"),
            Self::Disperse(pieces) => write!(f, "disperse {pieces}"),
        }
    }
}

/// A text that names no durability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a durability is none, replicate N, arbiter, or disperse DATA+REDUNDANCY")]
pub struct NoDurability;

impl FromStr for Durability {
    type Err = NoDurability;

    /// Reads what [`fmt::Display`] writes, whether GlusterFS makes it or not.
    fn from_str(text: &str) -> Result<Self, NoDurability> {
        let number = |text: &str| text.parse().map_err(|_| NoDurability);
        match text.split_once(' ') {
            None if text == "none" => Ok(Self::None),
            None if text == "arbiter" => Ok(Self::Arbiter),
            Some(("replicate", copies)) => Ok(Self::Replicate(number(copies)?)),
            Some(("disperse", pieces)) => {
                let (data, redundancy) = pieces.split_once('+').ok_or(NoDurability)?;
                Ok(Self::disperse(number(data)?, number(redundancy)?))
            }
            _ => Err(NoDurability),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Durability, Impossible};
    use crate::ByteSize;

    const ALL: [Durability; 5] = [
        Durability::None,
        Durability::Replicate(1),
        Durability::Replicate(16),
        Durability::Arbiter,
        Durability::disperse(4, 2),
    ];

    #[test]
    fn text_and_json_come_back() {
        for durability in ALL {
            assert_eq!(durability.to_string().parse(), Ok(durability));
            let json = serde_json::to_string(&durability).unwrap();
            assert_eq!(serde_json::from_str::<Durability>(&json).unwrap(), durability);
            assert_eq!(durability.check(), Ok(()));
        }
        for text in [
            "",
            "raid",
            "replicate",
            "replicate x",
            "disperse 4",
            "disperse 4+",
            "arbiter 1",
        ] {
            assert!(text.parse::<Durability>().is_err(), "{text}");
        }
        // As records of older programs have them.
        for (json, durability) in [
            ("\"none\"", Durability::None),
            ("{\"replicate\":3}", Durability::Replicate(3)),
        ] {
            assert_eq!(serde_json::from_str::<Durability>(json).unwrap(), durability);
        }
    }

    #[test]
    fn what_glusterfs_does_not_make_is_named_with_what_it_makes() {
        assert_eq!(
            Durability::Replicate(17).check().unwrap_err().to_string(),
            "17 replicas cannot be made: 1 to 16 can"
        );
        assert_eq!(Durability::Replicate(0).check(), Err(Impossible::Copies(0)));
        for (data, redundancy) in [
            (0, 0),
            (1, 1),
            (2, 0),
            (2, 2),
            (4, 4),
            (17, 2),
            (u32::MAX, u32::MAX),
        ] {
            let refused = Durability::disperse(data, redundancy).check().unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!(
                    "dispersed as {data}+{redundancy} cannot be made: data is 2 to 16, and redundancy at least 1 and less \
                     than data"
                )
            );
        }
        for (data, redundancy) in [(2, 1), (3, 1), (3, 2), (16, 15)] {
            assert_eq!(Durability::disperse(data, redundancy).check(), Ok(()));
        }
    }

    #[test]
    fn an_arbiter_holds_no_data_and_pieces_add_up() {
        let gib = ByteSize::from_gib;
        let set = [(0, gib(5)), (1, gib(4)), (2, gib(1))];
        assert_eq!(Durability::Arbiter.usable(set), gib(4));
        assert_eq!(Durability::Replicate(3).usable(set), gib(1));
        assert_eq!(Durability::disperse(2, 1).usable(set), gib(2));
        assert_eq!(Durability::None.usable([]), ByteSize::ZERO);
    }
}
