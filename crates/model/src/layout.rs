//! Where things are on a node and what they are called there. The only place that makes such names.
//!
//! Volume groups, logical volumes and thin pools are named as Heketi named them (`vg_<device>`, `brick_<brick>`,
//! `tp_<brick>`): administrators and their scripts know these.

use crate::{BrickId, DeviceId, DevicePath};

/// Mortar's folder on every node.
pub const ROOT: &str = "/var/lib/mortar";

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

/// Folder in which a device's bricks are mounted.
pub fn mount_folder(device: DeviceId) -> String {
    format!("{ROOT}/mounts/vg_{device}")
}

/// Where a brick's file system is mounted.
pub fn mount_point(device: DeviceId, brick: BrickId) -> String {
    format!("{}/brick_{brick}", mount_folder(device))
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
    use super::{brick_path, file_system_uuid, image};
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
    }
}
