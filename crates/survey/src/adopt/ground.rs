//! The file systems below bricks that others made, as devices.

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::folder::FolderPlace;
use mortar_model::{ByteSize, Device, DeviceId, DeviceKind, DevicePath, Inventory, NodeId, State, Tags};
use mortar_plan::Seed;

use super::{Places, seats};
use crate::rebuild::machines::Ground;
use crate::rebuild::pools::Pool;

/// How many bricks of a pool are on each file system: GlusterFS counts so, too, when it tells clients what is free.
pub(super) struct Shares(BTreeMap<(usize, String), usize>);

impl Shares {
    pub(super) fn of(ground: &Ground<'_>, pool: &Pool<'_>, places: &Places) -> Self {
        let bricks = pool.bricks();
        let folders: BTreeSet<(usize, DevicePath)> = bricks
            .filter_map(|brick| seats::machine_of(ground, pool, brick))
            .collect();
        let mut shares = BTreeMap::new();
        for (machine, path) in folders {
            let host = ground.machines[machine].host.clone();
            if let Some(Ok(Some(place))) = places.get(&(host, path)) {
                *shares.entry((machine, place.mount_point.clone())).or_default() += 1;
            }
        }
        Self(shares)
    }

    /// How many bricks are on the file system.
    pub(super) fn on(&self, machine: usize, place: &FolderPlace) -> usize {
        let count = self.0.get(&(machine, place.mount_point.clone()));
        count.copied().unwrap_or(1).max(1)
    }

    /// What one of them has of it.
    pub(super) fn share(&self, machine: usize, place: &FolderPlace) -> ByteSize {
        const UNIT: u64 = 4096;
        let count = u64::try_from(self.on(machine, place)).unwrap_or(u64::MAX);
        ByteSize::from_bytes(place.size.bytes() / count / UNIT * UNIT)
    }
}

/// Where a file system is mounted, as the path of a device.
pub(super) fn path_of(place: &FolderPlace) -> Result<DevicePath, String> {
    let path = match place.mount_point.as_str() {
        "/" => DevicePath::ROOT,
        path => path,
    };
    DevicePath::new(path).map_err(|error| {
        format!(
            "{} is a mount point that is not taken: {error}",
            place.mount_point
        )
    })
}

/// The device that stands for the file system. Where its path is that of another device, or its room is spoken for by bricks that
/// were adopted before, the folder stands for itself.
pub(super) fn device(
    inventory: &mut Inventory,
    node: NodeId,
    place: &FolderPlace,
    folder: &DevicePath,
    share: ByteSize,
    seed: &mut Seed,
) -> Result<DeviceId, String> {
    let path = path_of(place)?;
    let known = |path: &DevicePath| {
        inventory
            .devices_of(node)
            .find(|device| device.path.is_same_place(path))
    };
    let (path, total) = match known(&path) {
        None => (path, place.size),
        Some(device)
            if device.kind == DeviceKind::Adopted && inventory.used(device.id) + share <= device.total =>
        {
            return Ok(device.id);
        }
        Some(_) if known(folder).is_none() => (folder.clone(), share),
        Some(device) => return Err(format!("its folder {folder} is device {} already", device.id)),
    };
    let device = Device {
        id: DeviceId::from_u128(seed.next_u128()),
        node,
        path,
        kind: DeviceKind::Adopted,
        tags: Tags::new(),
        state: State::Online,
        total,
    };
    let id = device.id;
    inventory.put_device(device).map_err(|error| error.to_string())?;
    Ok(id)
}
