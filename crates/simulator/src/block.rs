//! Block devices: which there are, and lsblk, wipefs, blkid, mkfs.xfs and udevadm on them.
//!
//! Texts are those of util-linux 2.38 and xfsprogs 6.1. A simulated node runs udev, so lsblk knows signatures;
//! on a machine without it (a container) the real lsblk shows none.

use serde_json::Value;

use crate::node::{Contents, Node};
use crate::text::Names;
use crate::tree::{Body, FileSystem, FsKind};

/// A block device of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// A whole disk, by its index.
    Disk(usize),
    /// A partition of a disk: index of the disk, number of the partition.
    Partition(usize, u8),
    /// A logical volume: number of the group, index in it.
    Volume(u32, usize),
    /// A loop device in use.
    Loop(u32),
}

/// The block device at `path`.
pub(crate) fn device(node: &Node, names: &Names, path: &str) -> Option<Device> {
    let name = path.strip_prefix("/dev/")?;
    if let Some(mapped) = name.strip_prefix("mapper/") {
        let (group, volume) = split_mapped(mapped)?;
        return find_volume(node, names, &group, &volume);
    }
    if let Some((group, volume)) = name.split_once('/') {
        return find_volume(node, names, group, volume);
    }
    if let Some(number) = name.strip_prefix("loop").and_then(|number| number.parse().ok()) {
        return node.loops.contains_key(&number).then_some(Device::Loop(number));
    }
    for (index, disk) in node.disks.iter().enumerate() {
        let own = names.read_word(disk.name);
        if own == path {
            return Some(Device::Disk(index));
        }
        let part = path.strip_prefix(own).and_then(|number| number.parse().ok());
        if let (Some(number), Contents::Partitions(count)) = (part, &disk.contents)
            && (1..=*count).contains(&number)
        {
            return Some(Device::Partition(index, number));
        }
    }
    None
}

/// Reads a device-mapper name: one dash parts group and volume, two stand for a dash in either.
fn split_mapped(mapped: &str) -> Option<(String, String)> {
    let marked = mapped.replace("--", "\u{1}");
    let (group, volume) = marked.split_once('-')?;
    Some((group.replace('\u{1}', "-"), volume.replace('\u{1}', "-")))
}

fn find_volume(node: &Node, names: &Names, group: &str, volume: &str) -> Option<Device> {
    let number = crate::lvm::group(node, names, group)?;
    let index = node.groups.get(number)?.position(names, volume)?;
    Some(Device::Volume(number, index))
}

/// All devices that can carry a file system, disks first.
pub(crate) fn all_devices(node: &Node) -> Vec<Device> {
    let disks = (0..node.disks.len()).map(Device::Disk);
    let volumes = node
        .groups
        .iter()
        .flat_map(|(number, group)| (0..group.volumes.len()).map(move |index| Device::Volume(number, index)));
    disks.chain(volumes).collect()
}

/// The name that tools show for a device: logical volumes by their mapper name.
pub(crate) fn display_name(node: &Node, names: &Names, found: Device) -> String {
    match found {
        Device::Disk(index) => names.read_word(node.disks[index].name).to_owned(),
        Device::Partition(index, number) => format!("{}{number}", names.read_word(node.disks[index].name)),
        Device::Loop(number) => format!("/dev/loop{number}"),
        Device::Volume(number, index) => {
            let group = node.groups.get(number).expect("found by its number");
            let double = |name: String| name.replace('-', "--");
            let volume = double(names.read(&group.volumes[index].name));
            format!("/dev/mapper/{}-{volume}", double(names.read(&group.name)))
        }
    }
}

/// The file system on a device.
pub(crate) fn system_on(node: &Node, found: Device) -> Option<u32> {
    match found {
        Device::Disk(index) => match node.disks[index].contents {
            Contents::FileSystem(system) => Some(system),
            _ => None,
        },
        Device::Partition(..) => None,
        Device::Volume(number, index) => node.groups.get(number)?.volumes.get(index)?.system,
        Device::Loop(number) => node.loops.get(&number).map(|entry| entry.system),
    }
}

/// Bytes of a device.
pub(crate) fn size_of(node: &Node, found: Device) -> u64 {
    match found {
        Device::Disk(index) => node.disks[index].size,
        Device::Partition(index, _) => match node.disks[index].contents {
            Contents::Partitions(count) => node.disks[index].size / u64::from(count.max(1)),
            _ => 0,
        },
        Device::Volume(number, index) => node
            .groups
            .get(number)
            .map_or(0, |group| group.bytes(group.volumes[index].extents)),
        Device::Loop(number) => {
            let Some(entry) = node.loops.get(&number) else {
                return 0;
            };
            match entry.size {
                0 => node.systems.get(entry.system).map_or(0, |system| system.size),
                size => size,
            }
        }
    }
}

/// Where a device's file system is mounted, latest first, as lsblk tells it.
pub(crate) fn mounted_at(node: &Node, names: &Names, system: Option<u32>) -> Vec<String> {
    let mounted = system.filter(|system| node.systems.get(*system).is_some_and(|found| found.mounts > 0));
    let Some(system) = mounted else { return Vec::new() };
    let mut hits: Vec<(u32, String)> = node
        .mounts
        .iter()
        .filter(|(_, mount)| mount.system == system)
        .map(|(_, mount)| (mount.turn, names.read(&mount.target)))
        .collect();
    hits.sort_unstable_by(|a, b| b.cmp(a));
    hits.into_iter().map(|(_, target)| target).collect()
}

/// JSON the way util-linux prints it is not worth copying to the blank; serde_json's is read the same.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("plain values always become JSON") + "\n"
}

/// The signature on a device and its offset.
pub(crate) fn signature(node: &Node, found: Device) -> Option<(&'static str, u64)> {
    if let Some(system) = system_on(node, found) {
        let kind = node.systems.get(system)?.kind;
        return Some((kind.name(), if kind == FsKind::Ext4 { 0x438 } else { 0 }));
    }
    match found {
        Device::Disk(index) => match node.disks[index].contents {
            Contents::Pv { .. } => Some(("LVM2_member", 0x218)),
            Contents::Partitions(_) => Some(("gpt", 0x200)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether something has a device open: a mount, or an active volume on it.
pub(crate) fn is_busy(node: &Node, found: Device) -> bool {
    let mounted = |found| {
        system_on(node, found)
            .and_then(|system| node.systems.get(system))
            .is_some_and(|system| system.mounts > 0)
    };
    mounted(found)
        || match found {
            Device::Disk(index) => match node.disks[index].contents {
                Contents::Pv {
                    group: Some(number), ..
                } => node
                    .groups
                    .get(number)
                    .is_some_and(|group| !group.volumes.is_empty()),
                _ => false,
            },
            _ => false,
        }
}

/// Whether a device is in the table of mounts, whatever has become of what was written on it.
pub(crate) fn is_mounted(node: &Node, names: &Names, found: Device) -> bool {
    let source = names.seek(&display_name(node, names, found));
    source.is_some_and(|source| node.mounts.iter().any(|(_, mount)| mount.source == source))
}

/// Takes all signatures off a device. A volume group whose disk is wiped is gone with its volumes.
pub(crate) fn wipe(node: &mut Node, found: Device) {
    if let Some(system) = system_on(node, found) {
        node.unhold(system);
    }
    match found {
        Device::Disk(index) => {
            let before = std::mem::replace(&mut node.disks[index].contents, Contents::Blank);
            if let Contents::Pv {
                group: Some(number), ..
            } = before
            {
                crate::lvm::forget_group(node, number);
            }
        }
        Device::Volume(number, index) => {
            if let Some(group) = node.groups.get_mut(number) {
                group.volumes[index].system = None;
            }
        }
        Device::Partition(..) | Device::Loop(_) => {}
    }
}

/// Writes a file system onto a device or into an image, over what was there.
pub(crate) fn put_system(
    node: &mut Node,
    names: &Names,
    target: Option<Device>,
    path: &str,
    system: FileSystem,
) {
    if let Some(found) = target {
        wipe(node, found);
        let number = node.systems.add(system);
        match found {
            Device::Disk(index) => node.disks[index].contents = Contents::FileSystem(number),
            Device::Volume(group, index) => {
                if let Some(group) = node.groups.get_mut(group) {
                    group.volumes[index].system = Some(number);
                }
            }
            Device::Partition(..) | Device::Loop(_) => {
                node.systems.remove(number);
            }
        }
        return;
    }
    let Ok(place) = node.find(names, path) else { return };
    let number = node.systems.add(system);
    let Some(file) = node.file_mut(&place) else { return };
    if let Body::Sparse { inside, .. } = &mut file.body {
        let before = inside.replace(number);
        if let Some(before) = before {
            node.unhold(before);
        }
    }
}
