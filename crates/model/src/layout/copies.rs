//! Names of copies of bricks, which are the parts of snapshots: of images, and of thin volumes.

use super::{ROOT, image_folder, volume_group};
use crate::{BrickId, Device, DeviceId, DeviceKind, DevicePath, SnapshotId};

/// Image file of a brick's copy on a directory device: a part of a snapshot.
pub fn copy_image(device_path: &DevicePath, copy: BrickId) -> String {
    format!("{}/copy_{copy}.img", image_folder(device_path))
}

/// Image file of a brick's copy until it is certain that all copies of its snapshot show the same moment.
pub fn copy_in_making(device_path: &DevicePath, copy: BrickId) -> String {
    format!("{}.part", copy_image(device_path, copy))
}

/// The small file beside a brick's copy that tells of which snapshot it is a part.
pub fn copy_identity_file(device_path: &DevicePath, copy: BrickId) -> String {
    format!("{}/copy_{copy}.json", image_folder(device_path))
}

/// The small file beside a brick's copy that tells when the brick was last brought back to it.
pub fn copy_restored_file(device_path: &DevicePath, copy: BrickId) -> String {
    format!("{}/copy_{copy}.back", image_folder(device_path))
}

/// Folder below which a node keeps the small files of copies in thin pools: no folder of their disk would outlast their brick.
pub const COPIES: &str = "/var/lib/mortar/copies";

/// Name of the logical volume of a brick's copy: it is in the brick's group and thin pool.
pub fn copy_volume(copy: BrickId) -> String {
    format!("copy_{copy}")
}

/// Name of the logical volume of a brick's copy until it is certain that all copies of its snapshot show the same moment.
pub fn copy_volume_in_making(copy: BrickId) -> String {
    format!("{}.part", copy_volume(copy))
}

/// Folder of the small files of the copies in a volume group.
pub fn copies_folder(device: DeviceId) -> String {
    format!("{ROOT}/copies/{}", volume_group(device))
}

/// The small file that tells of which snapshot a copy in a thin pool is a part.
pub fn thin_copy_identity_file(device: DeviceId, copy: BrickId) -> String {
    format!("{}/{}.json", copies_folder(device), copy_volume(copy))
}

/// The small file that tells when a brick was last brought back to a copy in its thin pool.
pub fn thin_copy_restored_file(device: DeviceId, copy: BrickId) -> String {
    format!("{}/{}.back", copies_folder(device), copy_volume(copy))
}

/// Where a brick's copy is on its device, in one word for people: its image, or its logical volume.
pub fn copy_place(device: &Device, copy: BrickId) -> String {
    match device.kind {
        DeviceKind::Directory | DeviceKind::Adopted => copy_image(&device.path, copy),
        DeviceKind::Lvm { .. } => format!("{}/{}", volume_group(device.id), copy_volume(copy)),
    }
}

/// LVM tag of a copy's logical volume.
pub fn copy_tag(copy: BrickId) -> String {
    format!("mortar.copy={copy}")
}

/// LVM tag that tells of which snapshot a copy's logical volume is a part.
pub fn snapshot_tag(snapshot: SnapshotId) -> String {
    format!("mortar.snapshot={snapshot}")
}
