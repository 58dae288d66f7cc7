//! What a lab is asked to be, checked before anything is made.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::LabError;

/// The lab that is meant when none is named.
pub const DEFAULT_NAME: &str = "default";
/// Environment variable that moves the folder in which labs keep their state.
pub const ROOT_VARIABLE: &str = "MORTAR_LAB_ROOT";

const DEFAULT_ROOT: &str = "/var/lib/mortar-lab";
const NAME_LENGTH: usize = 12;
const MOST_NODES: u32 = 64;
const MOST_DISKS: u32 = 64;
/// mkfs.xfs refuses file systems below 300 MB; a disk that holds bricks of its own needs some more.
const SMALLEST_DISK: u64 = 512 << 20;
const DEFAULT_DISK: u64 = 20 << 30;

/// What the disks of a lab's nodes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeviceKind {
    /// An XFS file system of its own, mounted at `/disks/diskN` in the node: a directory device.
    #[default]
    Directory,
    /// A bare block device, for LVM. Needs device-mapper with thin pools in the kernel.
    Lvm,
}

/// What a lab is asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabSpec {
    /// Names the lab on this machine: 1 to 12 characters of `a-z`, `0-9` and `-`.
    pub name: String,
    /// Number of storage nodes.
    pub nodes: u32,
    /// Disks of each node.
    pub disks: u32,
    /// Size of each disk in bytes. The image files are sparse: only what is written takes space.
    pub disk_size: u64,
    /// Folder in which labs keep their state; this lab's is the folder of its name in it.
    pub state_root: PathBuf,
    /// Whether the lab joins its nodes to one trusted pool. Off by default: adding nodes is Mortar's work.
    pub peers: bool,
    /// What the disks are.
    pub devices: DeviceKind,
}

impl Default for LabSpec {
    fn default() -> Self {
        Self {
            name: DEFAULT_NAME.to_owned(),
            nodes: 3,
            disks: 1,
            disk_size: DEFAULT_DISK,
            state_root: default_state_root(),
            peers: false,
            devices: DeviceKind::Directory,
        }
    }
}

impl LabSpec {
    /// Three nodes with one disk of 20 GiB each, under this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Checks everything that can be known without touching the machine.
    ///
    /// # Errors
    /// [`LabError::BadSpec`] with the rule that is broken.
    pub fn check(&self) -> Result<(), LabError> {
        check_name(&self.name)?;
        check_root(&self.state_root)?;
        if !(1..=MOST_NODES).contains(&self.nodes) {
            return bad(format!(
                "{} nodes were asked for: a lab has 1 to {MOST_NODES}",
                self.nodes
            ));
        }
        if !(1..=MOST_DISKS).contains(&self.disks) {
            return bad(format!(
                "{} disks per node were asked for: a node has 1 to {MOST_DISKS}",
                self.disks
            ));
        }
        if self.disk_size < SMALLEST_DISK {
            return bad(format!(
                "disks of {} bytes were asked for: XFS and a brick need at least {SMALLEST_DISK} bytes (512 MiB)",
                self.disk_size
            ));
        }
        Ok(())
    }
}

/// The folder in which labs keep their state: `$MORTAR_LAB_ROOT`, or `/var/lib/mortar-lab`.
pub fn default_state_root() -> PathBuf {
    std::env::var_os(ROOT_VARIABLE)
        .filter(|value| !value.is_empty())
        .map_or_else(|| PathBuf::from(DEFAULT_ROOT), PathBuf::from)
}

pub(crate) fn check_name(name: &str) -> Result<(), LabError> {
    let fits = (1..=NAME_LENGTH).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if fits {
        return Ok(());
    }
    bad(format!(
        "the name {name:?} does not fit: 1 to {NAME_LENGTH} characters of a-z, 0-9 and -, not a dash first"
    ))
}

/// The path ends up in a mount table and in the mount options of clients, neither of which quotes well.
pub(crate) fn check_root(root: &Path) -> Result<(), LabError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-+@=".contains(&b);
    let text = root.as_os_str().as_encoded_bytes();
    let whole = root
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if root.is_absolute() && whole && text.iter().copied().all(plain) && root != Path::new("/") {
        return Ok(());
    }
    bad(format!(
        "the state folder {} does not fit: an absolute path without \"..\", white space, commas or colons is needed \
         (set {ROOT_VARIABLE})",
        root.display()
    ))
}

fn bad<T>(why: String) -> Result<T, LabError> {
    Err(LabError::BadSpec { why })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::LabSpec;

    #[test]
    fn the_default_fits() {
        LabSpec::named("a-2").check().unwrap();
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_rule() {
        let cases: [(LabSpec, &str); 9] = [
            (LabSpec::named(""), "name"),
            (LabSpec::named("-x"), "name"),
            (LabSpec::named("../x"), "name"),
            (LabSpec::named("thirteen-char"), "name"),
            (
                LabSpec {
                    nodes: 0,
                    ..LabSpec::default()
                },
                "nodes",
            ),
            (
                LabSpec {
                    disks: 65,
                    ..LabSpec::default()
                },
                "disks",
            ),
            (
                LabSpec {
                    disk_size: 300 << 20,
                    ..LabSpec::default()
                },
                "512 MiB",
            ),
            (
                LabSpec {
                    state_root: PathBuf::from("relative"),
                    ..LabSpec::default()
                },
                "state folder",
            ),
            (
                LabSpec {
                    state_root: PathBuf::from("/a/../b c"),
                    ..LabSpec::default()
                },
                "state folder",
            ),
        ];
        for (spec, word) in cases {
            let text = spec.check().unwrap_err().to_string();
            assert!(text.contains(word), "{text}");
        }
    }
}
