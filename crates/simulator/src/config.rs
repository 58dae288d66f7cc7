//! What a world is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a [`crate::World`] starts and what its nodes are like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldConfig {
    /// Everything that looks random (UUIDs, ports, process numbers) comes from it.
    pub seed: u64,
    /// Blank disks of each node.
    pub disks_per_node: u16,
    /// Bytes of each disk.
    pub disk_size: u64,
    /// Name of the first disk; the others follow in the alphabet (`/dev/sdb`, `/dev/sdc`, … `/dev/sdz`, `/dev/sdaa`).
    pub first_disk: String,
    /// Folders of each node that lie on a file system of their own: path and size in bytes.
    pub directories: Vec<(String, u64)>,
    /// Bytes of each node's root file system.
    pub root_size: u64,
    /// A host that is spoken to for the first time exists, with an own trusted pool.
    ///
    /// A trusted pool may know a node by another name than the one that commands are sent to (Heketi's
    /// `manage` and `storage`). Nothing tells a simulated world which names belong together, so with this
    /// switch a storage name heard for the first time is taken for: the node that has a brick's folder; or,
    /// in a `peer probe`, the node that was spoken to and is in no pool with others yet, oldest first. Use
    /// [`WorldConfig::aliases`] or [`crate::World::add_alias`] to be sure.
    pub auto_nodes: bool,
    /// Other names of nodes: alias to host.
    pub aliases: BTreeMap<String, String>,
    /// Tables of mounts that a node reads when it starts, in this order.
    pub mount_tables: Vec<String>,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            disks_per_node: 2,
            disk_size: 1 << 40,
            first_disk: "/dev/sdb".into(),
            directories: Vec::new(),
            root_size: 64 << 30,
            auto_nodes: false,
            aliases: BTreeMap::new(),
            mount_tables: vec!["/etc/fstab".into()],
        }
    }
}

impl WorldConfig {
    /// The names of a node's disks.
    pub(crate) fn disk_names(&self) -> Vec<String> {
        let letters = self.first_disk.len()
            - self
                .first_disk
                .bytes()
                .rev()
                .take_while(u8::is_ascii_lowercase)
                .count();
        // "/dev/sdb": the stem ends before the letters that count, which are those after "sd", "vd", "xvd", "ubd".
        let stem_end = ["sd", "vd", "bd"]
            .iter()
            .filter_map(|kind| self.first_disk.rfind(kind).map(|at| at + kind.len()))
            .max()
            .filter(|end| *end > letters.saturating_sub(1) && *end < self.first_disk.len())
            .unwrap_or(letters);
        let (stem, first) = self.first_disk.split_at(stem_end);
        let first = first
            .bytes()
            .fold(0u32, |sum, letter| {
                sum * 26 + u32::from(letter.wrapping_sub(b'a')) + 1
            })
            .max(1);
        (first..)
            .take(usize::from(self.disks_per_node))
            .map(|number| format!("{stem}{}", suffix(number)))
            .collect()
    }
}

/// 1 is a, 26 is z, 27 is aa.
fn suffix(mut number: u32) -> String {
    let mut letters = Vec::new();
    while number > 0 {
        number -= 1;
        letters.push(char::from(
            b'a' + u8::try_from(number % 26).expect("less than 26"),
        ));
        number /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::WorldConfig;

    #[test]
    fn disks_are_named_in_the_alphabet() {
        let config = WorldConfig {
            disks_per_node: 27,
            ..WorldConfig::default()
        };
        let names = config.disk_names();
        assert_eq!(
            (names[0].as_str(), names[24].as_str(), names[26].as_str()),
            ("/dev/sdb", "/dev/sdz", "/dev/sdab")
        );
        let config = WorldConfig {
            disks_per_node: 2,
            first_disk: "/dev/ubdb".into(),
            ..WorldConfig::default()
        };
        assert_eq!(config.disk_names(), ["/dev/ubdb", "/dev/ubdc"]);
    }
}
