//! Names on nodes read back into ids: the other way of [`layout`](super). Only the spelling that is made there is read.

use super as layout;
use crate::{BrickId, DeviceId, Overcommit};

/// What is at a path below Mortar's mount folder.
pub fn mount_point(path: &str) -> Option<(DeviceId, BrickId)> {
    let below = path.strip_prefix(layout::MOUNTS)?.strip_prefix('/')?;
    let (group, brick) = below.split_once('/')?;
    Some((volume_group(group)?, logical_volume(brick)?))
}

/// The brick whose folder GlusterFS knows by this path.
pub fn brick_path(path: &str) -> Option<(DeviceId, BrickId)> {
    let (device, brick) = mount_point(path.strip_suffix("/brick")?)?;
    (layout::brick_path(device, brick) == path).then_some((device, brick))
}

/// The device of a volume group.
pub fn volume_group(name: &str) -> Option<DeviceId> {
    id(name, "vg_")
}

/// The brick that the tags of a logical volume say was taken over.
pub fn taken(tags: &[String]) -> Option<BrickId> {
    let mut said = tags.iter().filter_map(|tag| tag.strip_prefix(layout::TAKEN_TAG));
    said.find_map(|brick| brick.parse().ok())
}

/// What the tags of a volume group say that its shared thin pool may promise; none where it has no such pool.
pub fn overcommit(tags: &[String]) -> Option<Overcommit> {
    let mut said = tags
        .iter()
        .filter_map(|tag| tag.strip_prefix(layout::OVERCOMMIT_TAG));
    said.find_map(|hundredths| Overcommit::from_hundredths(hundredths.parse().ok()?).ok())
}

/// The brick of a logical volume.
pub fn logical_volume(name: &str) -> Option<BrickId> {
    id(name, "brick_")
}

/// The brick of a logical volume that is still being made of another one's copy.
pub fn logical_volume_in_making(name: &str) -> Option<BrickId> {
    logical_volume(name.strip_suffix(".part")?)
}

/// The brick of a thin pool.
pub fn thin_pool(name: &str) -> Option<BrickId> {
    id(name, "tp_")
}

/// Only the spelling that Mortar itself uses: `parse` would take capital letters as well.
fn id<T: std::str::FromStr + std::fmt::Display>(name: &str, prefix: &str) -> Option<T> {
    let text = name.strip_prefix(prefix)?;
    let id: T = text.parse().ok()?;
    (id.to_string() == text).then_some(id)
}

/// An image file of a brick: the directory that its device is, the brick, and whether it is still being made.
pub fn image(path: &str) -> Option<(&str, BrickId, bool)> {
    let (folder, file) = path.rsplit_once('/')?;
    let directory = folder.strip_suffix("/mortar-bricks")?;
    let (name, making) = match file.strip_suffix(".part") {
        Some(name) => (name, true),
        None => (file, false),
    };
    Some((directory, logical_volume(name.strip_suffix(".img")?)?, making))
}

/// A file of a brick's copy: the directory that its device is, and the copy.
pub fn copy(path: &str) -> Option<(&str, BrickId)> {
    let (folder, file) = path.rsplit_once('/')?;
    let directory = folder.strip_suffix("/mortar-bricks")?;
    let (name, _) = file.split_once('.')?;
    Some((directory, id(name, "copy_")?))
}

/// The copy of a logical volume, and whether it is still being made.
pub fn copy_volume(name: &str) -> Option<(BrickId, bool)> {
    let (name, making) = match name.strip_suffix(".part") {
        Some(name) => (name, true),
        None => (name, false),
    };
    Some((id(name, "copy_")?, making))
}

/// A small file of a copy in a thin pool: the device of its group, and the copy.
pub fn thin_copy(path: &str) -> Option<(DeviceId, BrickId)> {
    let below = path.strip_prefix(layout::COPIES)?.strip_prefix('/')?;
    let (group, file) = below.split_once('/')?;
    let (name, _) = file.split_once('.')?;
    Some((volume_group(group)?, id(name, "copy_")?))
}

#[cfg(test)]
mod tests {
    use crate::{BrickId, DeviceId, DevicePath, layout};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_layout_writes_is_read_back(device: u128, brick: u128) {
            let (device, brick) = (DeviceId::from_u128(device), BrickId::from_u128(brick));
            let directory = DevicePath::new("/disks/1").unwrap();
            prop_assert_eq!(super::brick_path(&layout::brick_path(device, brick)), Some((device, brick)));
            prop_assert_eq!(super::mount_point(&layout::mount_point(device, brick)), Some((device, brick)));
            prop_assert_eq!(super::volume_group(&layout::volume_group(device)), Some(device));
            prop_assert_eq!(super::logical_volume(&layout::logical_volume(brick)), Some(brick));
            prop_assert_eq!(
                super::logical_volume_in_making(&layout::logical_volume_in_making(brick)),
                Some(brick)
            );
            prop_assert_eq!(super::thin_pool(&layout::thin_pool(brick)), Some(brick));
            let (image, part) = (layout::image(&directory, brick), layout::image_in_making(&directory, brick));
            prop_assert_eq!(super::image(&image), Some(("/disks/1", brick, false)));
            prop_assert_eq!(super::image(&part), Some(("/disks/1", brick, true)));
            for file in [
                layout::copy_image(&directory, brick),
                layout::copy_in_making(&directory, brick),
                layout::copy_identity_file(&directory, brick),
                layout::copy_restored_file(&directory, brick),
            ] {
                prop_assert_eq!(super::copy(&file), Some(("/disks/1", brick)));
                prop_assert_eq!(super::image(&file), None);
            }
            prop_assert_eq!(super::copy_volume(&layout::copy_volume(brick)), Some((brick, false)));
            prop_assert_eq!(super::copy_volume(&layout::copy_volume_in_making(brick)), Some((brick, true)));
            for file in [
                layout::thin_copy_identity_file(device, brick),
                layout::thin_copy_restored_file(device, brick),
            ] {
                prop_assert_eq!(super::thin_copy(&file), Some((device, brick)));
                prop_assert_eq!(super::copy(&file), None);
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,120}", tail in "[a-z0-9_/.]{0,80}") {
            let below = format!("{}/{tail}", layout::MOUNTS);
            for text in [&text, &tail, &below] {
                let _ = super::brick_path(text);
                let _ = super::image(text);
                let _ = super::copy(text);
                let _ = super::copy_volume(text);
                let _ = super::thin_copy(text);
            }
        }
    }
}
