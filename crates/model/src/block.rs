//! A block volume: a file in a hosting volume that several hosts serve to initiators as one iSCSI disk.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{BlockVolumeId, ByteSize, HostName, InvalidName, Volume, VolumeId, VolumeName, VolumeOption};

/// Of a hosting volume, this many hundredths are for block volumes; the rest is left for what gluster-block keeps beside them
/// (Heketi's reserve of 2 %).
const HUNDREDTHS: u64 = 98;

/// A text that is never printed: initiators prove with it who they are.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who may have it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() {
            "Secret(none)"
        } else {
            "Secret(kept)"
        })
    }
}

/// How initiators find a block volume, and prove who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its name in iSCSI.
    pub iqn: String,
    /// Its number there.
    pub lun: i64,
    /// Empty where nobody is asked who they are.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub username: String,
    /// Empty where nobody is asked.
    #[serde(default, skip_serializing_if = "Secret::is_empty")]
    pub password: Secret,
}

/// A block volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockVolume {
    /// Its id.
    pub id: BlockVolumeId,
    /// The volume that holds it.
    pub hosting: VolumeId,
    /// Its name in gluster-block: no other one of its cluster has it, since each host keeps all of its targets by name.
    pub name: VolumeName,
    /// Its size, as asked for: what it takes of the hosting volume.
    pub size: ByteSize,
    /// What initiators see of it; less than its size where an expansion was done in part.
    pub usable: ByteSize,
    /// How many hosts serve it.
    pub ha: u32,
    /// Hosts that may serve it; Heketi names all of its cluster here.
    pub hosts: Vec<HostName>,
    /// Whether initiators must prove who they are.
    #[serde(default)]
    pub auth: bool,
    /// How initiators find it: learned when it was made.
    #[serde(default)]
    pub target: Target,
}

/// Why a hosting volume takes no new block volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockRestriction {
    /// It takes them.
    #[default]
    None,
    /// Somebody said so.
    Locked,
    /// Heketi's upgrade found no room for the reserve on it.
    LockedByUpdate,
}

impl BlockRestriction {
    /// Whether it takes block volumes.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The word on the wire; empty where there is none.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Locked => "locked",
            Self::LockedByUpdate => "locked-by-update",
        }
    }

    /// What a word means; none for one that has no meaning.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::None, Self::Locked, Self::LockedByUpdate]
            .into_iter()
            .find(|restriction| restriction.word() == word)
    }
}

impl Volume {
    /// How much block volumes may take of it together, in whole GiB: nothing where it is not meant to hold any.
    pub fn room_for_blocks(&self) -> ByteSize {
        if self.block {
            room_for_blocks(self.size)
        } else {
            ByteSize::ZERO
        }
    }
}

/// How much block volumes may take together of a hosting volume of this size, in whole GiB.
pub fn room_for_blocks(hosting: ByteSize) -> ByteSize {
    ByteSize::from_gib(hosting.gib().saturating_mul(HUNDREDTHS) / 100)
}

/// GlusterFS's own group of options for volumes that hold block volumes (`group gluster-block`, as 10.3 has it).
const GROUP_GLUSTER_BLOCK: [(&str, &str); 28] = [
    ("performance.quick-read", "off"),
    ("performance.read-ahead", "off"),
    ("performance.io-cache", "off"),
    ("performance.stat-prefetch", "off"),
    ("performance.open-behind", "off"),
    ("performance.readdir-ahead", "off"),
    ("performance.strict-o-direct", "on"),
    ("performance.client-io-threads", "on"),
    ("performance.io-thread-count", "32"),
    ("performance.high-prio-threads", "32"),
    ("performance.normal-prio-threads", "32"),
    ("performance.low-prio-threads", "32"),
    ("performance.least-prio-threads", "4"),
    ("client.event-threads", "8"),
    ("server.event-threads", "8"),
    ("network.remote-dio", "disable"),
    ("cluster.eager-lock", "enable"),
    ("cluster.quorum-type", "auto"),
    ("cluster.data-self-heal-algorithm", "full"),
    ("cluster.locking-scheme", "granular"),
    ("cluster.shd-max-threads", "8"),
    ("cluster.shd-wait-qlength", "10000"),
    ("features.shard", "on"),
    ("features.shard-block-size", "64MB"),
    ("user.cifs", "off"),
    ("server.allow-insecure", "on"),
    ("cluster.choose-local", "off"),
    ("cluster.lookup-optimize", "off"),
];

/// The options of GlusterFS's group `gluster-block`, one by one: a group is no option, and is not set in one transaction with others.
///
/// # Panics
/// Never: each of them is an option.
pub fn block_group() -> Vec<VolumeOption> {
    let option = |(key, value): &(&str, &str)| VolumeOption::new(*key, *value).expect("a known option");
    GROUP_GLUSTER_BLOCK.iter().map(option).collect()
}

/// Options as Heketi's users write them: `NAME VALUE`, or `group gluster-block` for that group's.
///
/// # Errors
/// It is neither.
pub fn options_of(text: &str) -> Result<Vec<VolumeOption>, InvalidName> {
    if text.split_whitespace().eq(["group", "gluster-block"]) {
        return Ok(block_group());
    }
    VolumeOption::parse(text).map(|option| vec![option])
}

#[cfg(test)]
mod tests {
    use super::{BlockRestriction, Secret, Target, room_for_blocks};
    use crate::ByteSize;

    #[test]
    fn a_secret_is_stored_and_never_printed() {
        let target = Target {
            password: Secret::new("hunter2"),
            ..Target::default()
        };
        assert!(!format!("{target:?}").contains("hunter2"));
        let stored = serde_json::to_string(&target).unwrap();
        assert_eq!(
            serde_json::from_str::<Target>(&stored).unwrap().password.reveal(),
            "hunter2"
        );
    }

    /// Sizes that Heketi shows (200 GiB: 196, and 4 reserved).
    #[test]
    fn two_hundredths_of_a_hosting_volume_are_reserved() {
        for (size, room) in [(200, 196), (1024, 1003), (100, 98), (10, 9), (1, 0)] {
            assert_eq!(
                room_for_blocks(ByteSize::from_gib(size)),
                ByteSize::from_gib(room),
                "{size}"
            );
        }
    }

    #[test]
    fn words_of_restrictions_come_back() {
        for restriction in [
            BlockRestriction::None,
            BlockRestriction::Locked,
            BlockRestriction::LockedByUpdate,
        ] {
            assert_eq!(BlockRestriction::of_word(restriction.word()), Some(restriction));
        }
        assert_eq!(BlockRestriction::of_word("open"), None);
    }
}
