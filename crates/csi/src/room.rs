//! How large the volume of a claim is. A file system holds less than the brick that it is made on, and who claims 10 GiB
//! expects `df` to say 10 GiB. So the volume is larger than the claim by what its file systems take for themselves, by a rule
//! that can be read backwards: the claim's size is told from the volume's, also after both have grown.

use std::collections::BTreeMap;

use mortar_api::Volume;

/// Names the rule by which the volume was made larger than the claim; a later rule has another value.
pub(crate) const RULE_OPTION: &str = "user.csi.room";
/// The volume holds files that pods see.
pub(crate) const RULE_FILES: &str = "files-1";
/// The volume holds the image of a block device.
pub(crate) const RULE_BLOCK: &str = "block-1";

const MIB: u64 = 1 << 20;

/// What a volume holds for its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Files.
    Files,
    /// The image of a block device.
    Block,
    /// It was not made for a claim: its size is what it says.
    Plain,
}

impl Use {
    /// What a volume was made for.
    pub(crate) fn of(volume: &Volume) -> Self {
        Self::named(&volume.options)
    }

    /// What a volume with these options was made for.
    pub(crate) fn named(options: &BTreeMap<String, String>) -> Self {
        match options.get(RULE_OPTION).map(String::as_str) {
            Some(RULE_FILES) => Self::Files,
            Some(RULE_BLOCK) => Self::Block,
            _ => Self::Plain,
        }
    }

    /// The rule's name.
    pub(crate) const fn rule(self) -> Option<&'static str> {
        match self {
            Self::Files => Some(RULE_FILES),
            Self::Block => Some(RULE_BLOCK),
            Self::Plain => None,
        }
    }

    /// Bytes per data brick, and the part of the claim, that the file systems take.
    ///
    /// `mkfs.xfs` makes a log of 64 MiB, and from 128 GiB on one of a 2048th of the file system; the log is not in what `df`
    /// tells. An image must find its last block free: XFS keeps some for its own trees, and GlusterFS stops writing when
    /// 1 % is left (`storage.reserve`).
    const fn shares(self) -> (u64, u64) {
        match self {
            Self::Files => (64 * MIB, 2048),
            Self::Block => (128 * MIB, 40),
            Self::Plain => (0, 0),
        }
    }

    /// The volume's size for a claim of this size; `data` is how many bricks of a set hold data.
    pub(crate) fn volume_size(self, claim: u64, data: u64) -> u64 {
        let (fixed, part) = self.shares();
        let part = if part == 0 { 0 } else { claim.div_ceil(part) };
        claim
            .saturating_add(part)
            .saturating_add(fixed.saturating_mul(data))
    }

    /// The claim's size from its volume's.
    pub(crate) fn claim_size(self, volume: u64, data: u64) -> u64 {
        let (fixed, part) = self.shares();
        let rest = volume.saturating_sub(fixed.saturating_mul(data));
        if part == 0 {
            return rest;
        }
        let claim = u128::from(rest) * u128::from(part) / u128::from(part + 1);
        u64::try_from(claim).unwrap_or(u64::MAX)
    }
}

/// The claim's size of a volume, bytes.
pub(crate) fn claim_size(volume: &Volume) -> u64 {
    Use::of(volume).claim_size(volume.size, data_bricks(&volume.durability))
}

/// How many bricks of a set hold data, from a durability in words.
pub(crate) fn data_bricks(durability: &str) -> u64 {
    let pieces = durability
        .strip_prefix("disperse ")
        .and_then(|pieces| pieces.split_once('+'));
    pieces.and_then(|(data, _)| data.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::{Use, data_bricks};

    #[test]
    fn a_claims_size_is_read_back_from_its_volumes() {
        let sizes = [
            1,
            4095,
            1 << 30,
            1_000_000_000,
            (1 << 30) + 1,
            10 << 30,
            3 << 40,
            1 << 50,
        ];
        for kind in [Use::Files, Use::Block, Use::Plain] {
            for data in [1, 2, 16] {
                for claim in sizes.iter().flat_map(|size| (0..50).map(move |more| size + more)) {
                    let volume = kind.volume_size(claim, data);
                    assert_eq!(kind.claim_size(volume, data), claim, "{kind:?} {data}");
                }
            }
        }
        assert_eq!(Use::Plain.volume_size(7, 3), 7);
    }

    #[test]
    fn data_bricks_of_words() {
        for (words, data) in [
            ("none", 1),
            ("replicate 3", 1),
            ("arbiter", 1),
            ("disperse 4+2", 4),
        ] {
            assert_eq!(data_bricks(words), data);
        }
    }
}
