//! LVM: volume groups as they are kept, and pvcreate, pvremove, vgcreate, vgremove, lvchange.
//!
//! Texts are those of LVM 2.03.16, seen on loop devices, except for those that need device-mapper, which were
//! read from the program's messages. Exit status 5 is LVM's "failed", 3 its "bad command line".

use mortar_argv::Output;
use serde::{Deserialize, Serialize};

use crate::files::bytes;
use crate::node::Node;
use crate::text::{Names, Text};
use crate::tool::{Known, fail};

/// Options that all LVM programs take and that change nothing here.
pub(crate) const COMMON: [Known; 14] = [
    ("-q", false),
    ("--quiet", false),
    ("-y", false),
    ("--yes", false),
    ("-f", false),
    ("--force", false),
    ("-v", false),
    ("--verbose", false),
    ("-t", false),
    ("--test", false),
    ("--autobackup", true),
    ("-A", true),
    ("--config", true),
    ("--devices", true),
];

/// A volume group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Vg {
    pub(crate) name: Text,
    pub(crate) stamp: u32,
    /// Index of its disk.
    pub(crate) disk: u32,
    /// KiB.
    pub(crate) extent_size: u32,
    pub(crate) extents: u32,
    pub(crate) free: u32,
    pub(crate) tags: Box<[Text]>,
    pub(crate) volumes: Vec<Lv>,
    /// Extents of the spare metadata volume that LVM keeps for all its thin pools.
    pub(crate) spare: u32,
}

/// A logical volume.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Lv {
    pub(crate) name: Text,
    pub(crate) stamp: u32,
    /// Extents of the volume (virtual ones for a thin volume).
    pub(crate) extents: u32,
    /// Extents of a thin pool's metadata.
    pub(crate) metadata: u32,
    pub(crate) kind: LvKind,
    pub(crate) tags: Box<[Text]>,
    pub(crate) system: Option<u32>,
}

/// Kinds of logical volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum LvKind {
    Linear,
    Pool,
    /// Thin, in the pool with this stamp.
    Thin(u32),
}

impl Vg {
    /// Bytes of so many extents.
    pub(crate) fn bytes(&self, extents: u32) -> u64 {
        u64::from(extents) * u64::from(self.extent_size) * 1024
    }

    /// Extents that hold so many bytes.
    pub(crate) fn extents_for(&self, bytes: u64) -> u32 {
        let extents = bytes.div_ceil(u64::from(self.extent_size) * 1024);
        u32::try_from(extents).unwrap_or(u32::MAX)
    }

    /// Where a volume is among the others.
    pub(crate) fn position(&self, names: &Names, name: &str) -> Option<usize> {
        let name = names.seek(name)?;
        self.volumes.iter().position(|volume| volume.name == name)
    }

    /// How many thin volumes a pool holds.
    pub(crate) fn thin_count(&self, pool: u32) -> usize {
        self.volumes
            .iter()
            .filter(|volume| volume.kind == LvKind::Thin(pool))
            .count()
    }

    /// Extents of all volumes: what must add up with the free ones to the whole.
    pub(crate) fn allocated(&self) -> u32 {
        let of = |volume: &Lv| match volume.kind {
            LvKind::Thin(_) => 0,
            LvKind::Linear | LvKind::Pool => volume.extents + volume.metadata,
        };
        self.spare + self.volumes.iter().map(of).sum::<u32>()
    }
}

/// The number of the group with this name.
pub(crate) fn group(node: &Node, names: &Names, name: &str) -> Option<u32> {
    let name = names.seek(name)?;
    node.groups
        .iter()
        .find(|(_, group)| group.name == name)
        .map(|(number, _)| number)
}

/// What LVM says when a group is not there.
pub(crate) fn no_group(name: &str) -> Output {
    fail(
        5,
        format!("  Volume group \"{name}\" not found\n  Cannot process volume group {name}"),
    )
}

/// An option that LVM does not know.
pub(crate) fn bad_option(program: &str, option: &str) -> Output {
    let text = format!("{program}: unrecognized option '{option}'\n  Error during parsing of command line.");
    fail(3, text)
}

/// Drops a group whose disk was wiped, with all that lay in it.
pub(crate) fn forget_group(node: &mut Node, number: u32) {
    if let Some(group) = node.groups.remove(number) {
        for system in group.volumes.iter().filter_map(|volume| volume.system) {
            node.unhold(system);
        }
    }
}

pub(crate) fn sizes(text: &str) -> Option<u64> {
    // LVM takes K, M, G and k, m, g alike for powers of 1024, b for bytes, and MiB for a bare number.
    let lower = text.to_ascii_lowercase();
    match lower.strip_suffix('b') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ if lower.bytes().all(|byte| byte.is_ascii_digit()) => {
            lower.parse::<u64>().ok()?.checked_mul(1 << 20)
        }
        _ => bytes(&lower.to_ascii_uppercase()),
    }
}

/// The letters that LVM allows in a name.
pub(crate) fn is_lvm_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 128
        && !name.starts_with('-')
        && name != "."
        && name != ".."
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+_.-".contains(&byte))
}

/// `known` and the options that all LVM programs have.
pub(crate) fn with_common(known: &[Known]) -> Vec<Known> {
    COMMON.iter().chain(known).copied().collect()
}
