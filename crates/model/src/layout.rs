//! Where things are on a node and what they are called there. The only place that makes such names.
//!
//! Volume groups, logical volumes and thin pools are named as Heketi named them (`vg_<device>`, `brick_<brick>`,
//! `tp_<brick>`): administrators and their scripts know these.

mod copies;
pub mod read;

pub use copies::*;

use crate::{BrickId, BrickNames, Device, DeviceId, DeviceKind, DevicePath, LvmName, Overcommit, VolumeId};

/// Mortar's folder on every node.
pub const ROOT: &str = "/var/lib/mortar";

/// The file in which a node tells what no disk of it can.
pub const NODE_FILE: &str = "/var/lib/mortar/node.json";

/// Folder below which all bricks of a node are mounted.
pub const MOUNTS: &str = "/var/lib/mortar/mounts";

/// Folder below which Heketi mounts bricks.
pub const HEKETI_MOUNTS: &str = "/var/lib/heketi/mounts";

/// Folder below which glusterd itself mounts the bricks of snapshots and their clones; nothing is in the file of mount entries.
pub const GLUSTER_SNAPS: &str = "/run/gluster/snaps";

/// Where one brick is on its node: by its ids, or by the names with which it was taken over.
#[derive(Clone, Copy, Debug)]
pub struct BrickPlace<'a> {
    /// Its device.
    pub device: DeviceId,
    /// The brick.
    pub brick: BrickId,
    /// What it is called, where that does not follow from the ids.
    pub names: Option<&'a BrickNames>,
    /// The thin pool that it is in, where that was made for another brick.
    pub pool: Option<&'a LvmName>,
}

impl BrickPlace<'_> {
    /// Name of its volume group.
    pub fn volume_group(&self) -> String {
        volume_group(self.device)
    }

    /// Name of its logical volume.
    pub fn logical_volume(&self) -> String {
        let own = self.names.and_then(|names| names.volume.as_ref());
        own.map_or_else(|| logical_volume(self.brick), ToString::to_string)
    }

    /// Name of its thin pool.
    pub fn thin_pool(&self) -> String {
        let own = self.names.and_then(|names| names.pool.as_ref());
        self.pool
            .or(own)
            .map_or_else(|| thin_pool(self.brick), ToString::to_string)
    }

    /// The block device of its logical volume.
    pub fn logical_volume_device(&self) -> String {
        format!("/dev/{}/{}", self.volume_group(), self.logical_volume())
    }

    /// Where its file system is mounted.
    pub fn mount_point(&self) -> String {
        let own = |names: &BrickNames| names.mount_point.to_string();
        self.names
            .map_or_else(|| mount_point(self.device, self.brick), own)
    }

    /// Its folder as GlusterFS knows it.
    pub fn brick_path(&self) -> String {
        let own = |names: &BrickNames| names.folder.to_string();
        self.names
            .map_or_else(|| brick_path(self.device, self.brick), own)
    }

    /// The small file beside the brick that tells whose it is.
    pub fn identity_file(&self) -> String {
        format!("{}/mortar.json", self.mount_point())
    }

    /// The part of its path by which glusterd's record of its volume is known to name it: there, slashes are dashes.
    pub fn mark(&self) -> String {
        match self.names {
            None => logical_volume(self.brick),
            Some(names) => names.folder.as_str().replace('/', "-"),
        }
    }

    /// Whether its file system says by its UUID that it is this brick's. That of one that was taken over has any.
    pub fn has_own_uuid(&self) -> bool {
        self.names.is_none()
    }

    /// Whether glusterd mounts it by itself, without a mount entry.
    pub fn is_mounted_by_glusterd(&self) -> bool {
        self.names.is_some_and(|names| {
            names
                .mount_point
                .as_str()
                .starts_with(&format!("{GLUSTER_SNAPS}/"))
        })
    }
}

/// Name of a device's volume group.
pub fn volume_group(device: DeviceId) -> String {
    format!("vg_{device}")
}

/// Name of a brick's thin logical volume.
pub fn logical_volume(brick: BrickId) -> String {
    format!("brick_{brick}")
}

/// Name of a brick's thin pool.
pub fn thin_pool(brick: BrickId) -> String {
    format!("tp_{brick}")
}

/// Name of the thin pool that a device has for all its bricks.
pub const SHARED_POOL: &str = "tp_shared";

/// Start of the LVM tag by which the volume group of a device with a shared thin pool tells what that may promise.
pub const OVERCOMMIT_TAG: &str = "mortar.overcommit=";

/// LVM tag that tells what the shared thin pool of a volume group may promise over what it has, in hundredths.
pub fn overcommit_tag(overcommit: Overcommit) -> String {
    format!("{OVERCOMMIT_TAG}{}", overcommit.hundredths())
}

/// Name of a brick's thin logical volume while it is made of another one's copy.
pub fn logical_volume_in_making(brick: BrickId) -> String {
    format!("{}.part", logical_volume(brick))
}

/// The block device of a brick's logical volume.
pub fn logical_volume_device(device: DeviceId, brick: BrickId) -> String {
    format!("/dev/{}/{}", volume_group(device), logical_volume(brick))
}

/// Folder of a directory device's images.
pub fn image_folder(device_path: &DevicePath) -> String {
    format!("{}/mortar-bricks", device_path.as_str().trim_end_matches('/'))
}

/// Image file of a brick on a directory device.
pub fn image(device_path: &DevicePath, brick: BrickId) -> String {
    format!("{}/brick_{brick}.img", image_folder(device_path))
}

/// Image file of a brick while it is being made: it gets its own name when it holds a whole file system.
pub fn image_in_making(device_path: &DevicePath, brick: BrickId) -> String {
    format!("{}.part", image(device_path, brick))
}

/// The file that is there as long as a brick's file system is frozen for this copy. Gone after a reboot, as the freeze is.
pub fn freeze_mark(copy: BrickId) -> String {
    format!("/run/lock/mortar-freeze-{copy}")
}

/// The small file on a directory device that tells whose it is.
pub fn device_identity_file(device_path: &DevicePath) -> String {
    format!(
        "{}/mortar-device.json",
        device_path.as_str().trim_end_matches('/')
    )
}

/// UUID of a device's physical volume: the device's id in LVM's grouping, so that the disk tells its own name.
pub fn physical_volume_uuid(device: DeviceId) -> String {
    let hex = device.to_string();
    [
        &hex[..6],
        &hex[6..10],
        &hex[10..14],
        &hex[14..18],
        &hex[18..22],
        &hex[22..26],
        &hex[26..],
    ]
    .join("-")
}

/// What a device is called whose path another one has now: a disk by what is on it, which is a path wherever the disk is (udev makes
/// it); a directory by its id, where nothing is.
pub fn path_of_lost(device: &Device) -> String {
    match &device.kind {
        DeviceKind::Lvm { uuid, .. } => format!("/dev/disk/by-id/lvm-pv-uuid-{uuid}"),
        DeviceKind::Directory | DeviceKind::Adopted => {
            format!(
                "{}/lost-{}",
                device.path.as_str().trim_end_matches('/'),
                device.id
            )
        }
    }
}

/// LVM tag of a device's volume group.
pub fn device_tag(device: DeviceId) -> String {
    format!("mortar.device={device}")
}

/// LVM tag of a brick's logical volume.
pub fn brick_tag(brick: BrickId) -> String {
    format!("mortar.brick={brick}")
}

/// LVM tag that tells which volume a brick's logical volume is for.
pub fn volume_tag(volume: VolumeId) -> String {
    format!("mortar.volume={volume}")
}

/// LVM tag of the logical volume of a brick that was taken over. It is not [`brick_tag`], which says that Mortar made it: nothing with
/// this one alone is ever removed as a leftover.
pub fn taken_tag(brick: BrickId) -> String {
    format!("{TAKEN_TAG}{brick}")
}

pub(super) const TAKEN_TAG: &str = "mortar.taken=";

/// Option of a GlusterFS volume that holds its id.
pub const VOLUME_ID_OPTION: &str = "user.mortar.id";

/// Folder in which a device's bricks are mounted.
pub fn mount_folder(device: DeviceId) -> String {
    format!("{ROOT}/mounts/vg_{device}")
}

/// Where a brick's file system is mounted.
pub fn mount_point(device: DeviceId, brick: BrickId) -> String {
    format!("{}/brick_{brick}", mount_folder(device))
}

/// Where the image of a brick that is made of another one's copy is mounted until it is whole.
pub fn mount_point_in_making(device: DeviceId, brick: BrickId) -> String {
    format!("{}.part", mount_point(device, brick))
}

/// The brick's folder there.
pub fn brick_path_in_making(device: DeviceId, brick: BrickId) -> String {
    format!("{}/brick", mount_point_in_making(device, brick))
}

/// The brick's folder as GlusterFS knows it: below the mount point, so that an unmounted brick is a missing one.
pub fn brick_path(device: DeviceId, brick: BrickId) -> String {
    format!("{}/brick", mount_point(device, brick))
}

/// The small file beside the brick that tells whose it is.
pub fn identity_file(device: DeviceId, brick: BrickId) -> String {
    format!("{}/mortar.json", mount_point(device, brick))
}

/// UUID of a brick's file system: the brick's id, so that the file system tells its own name.
pub fn file_system_uuid(brick: BrickId) -> String {
    let hex = brick.to_string();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::{brick_path, file_system_uuid, image, physical_volume_uuid};
    use crate::{BrickId, DeviceId, DevicePath};

    #[test]
    fn names_follow_from_ids() {
        let (device, brick) = (DeviceId::from_u128(0xd), BrickId::from_u128(0xb));
        assert_eq!(
            brick_path(device, brick),
            format!("/var/lib/mortar/mounts/vg_{:032x}/brick_{:032x}/brick", 0xd, 0xb)
        );
        assert_eq!(
            image(&DevicePath::new("/disks/1/").unwrap(), brick),
            format!("/disks/1/mortar-bricks/brick_{:032x}.img", 0xb)
        );
        assert_eq!(file_system_uuid(brick), "00000000-0000-0000-0000-00000000000b");
        assert_eq!(
            physical_volume_uuid(device),
            "000000-0000-0000-0000-0000-0000-00000d"
        );
    }
}
