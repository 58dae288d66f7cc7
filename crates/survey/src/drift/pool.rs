//! Thin pools: how full they are, and what of one that is a device's for all bricks is in no record.

use std::collections::BTreeSet;

use mortar_command::query::survey::VolumeSeen;
use mortar_model::{BrickSpace, ByteSize, Device, layout};

use super::Ground;
use super::sight::Sight;
use crate::finding::{Proof, Remedy};

/// The thin volumes of a pool.
fn held<'a>(sight: &'a Sight<'_>, group: &'a str, pool: &'a str) -> impl Iterator<Item = &'a VolumeSeen> {
    let volumes = sight.volumes.iter().flat_map(|volumes| volumes.values());
    volumes
        .copied()
        .filter(move |volume| volume.group == group && volume.pool.as_deref() == Some(pool))
}

/// How large the device's pool for all bricks is, zero when it is not there; `None` when the node could not tell.
pub(super) fn size(sight: &Sight<'_>, device: &Device) -> Option<ByteSize> {
    let group = layout::volume_group(device.id);
    let volumes = sight.volumes.as_ref()?;
    let pool = volumes.get(&(group.as_str(), layout::SHARED_POOL));
    Some(pool.map_or(ByteSize::ZERO, |pool| pool.size))
}

/// Share of its volume group in per cent that a device's pool for all bricks is made with, and takes again when the disk has
/// become larger; and below which it has surely not done so.
const SHARE: u64 = 98;
const SURELY_LESS: u64 = 97;

/// That the disk has become larger than the device's pool for all bricks, and the pool could take more of it: LVM was told of
/// the disk's size, and the rest was not done, or somebody did the first by hand.
pub(super) fn rest(sight: &Sight<'_>, device: &Device) -> Option<(Proof, Remedy)> {
    device.kind.shared()?;
    let pool = size(sight, device).filter(|pool| *pool > ByteSize::ZERO)?;
    let name = layout::volume_group(device.id);
    let group = sight.groups.as_ref()?.get(name.as_str())?;
    let part = |percent: u64| ByteSize::from_bytes(group.size.bytes() / 100 * percent);
    // What else is in the group may take the rest for itself.
    if pool >= part(SURELY_LESS) || part(SHARE).minus(pool) > group.free {
        return None;
    }
    let proof = Proof {
        recorded: format!("a thin pool that takes {SHARE} % of its volume group"),
        seen: format!("{pool} of {}, and {} are free", group.size, group.free),
        place: format!("{name}/{}", layout::SHARED_POOL),
    };
    let advice = format!("'mortar device resize {}' takes up the rest", device.id);
    Some((proof, Remedy::ByHand(advice)))
}

/// What thin volumes that are in no record may come to take of the device's pool; `None` when that cannot be told.
pub(super) fn others(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device) -> Option<ByteSize> {
    sight.volumes.as_ref()?;
    let bricks = ground.inventory.bricks_on(device.id);
    let recorded: BTreeSet<String> = bricks
        .filter(|brick| brick.space == BrickSpace::Shared)
        .map(|brick| brick.place().logical_volume())
        .chain(
            ground
                .inventory
                .copies_on(device.id)
                .map(|(copy, _)| layout::copy_volume(copy.id)),
        )
        .collect();
    let group = layout::volume_group(device.id);
    let strangers =
        held(sight, &group, layout::SHARED_POOL).filter(|volume| !recorded.contains(&volume.name));
    Some(strangers.map(|volume| volume.size).sum())
}

/// That the device's pool for all bricks is nearly full.
pub(super) fn fill(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device) -> Option<(Proof, Remedy)> {
    device.kind.shared()?;
    nearly_full(ground, sight, device, layout::SHARED_POOL)
}

/// That a pool is nearly full. One that holds no more than itself can be full without harm: its metadata counts then.
pub(super) fn nearly_full(
    ground: &Ground<'_>,
    sight: &Sight<'_>,
    device: &Device,
    name: &str,
) -> Option<(Proof, Remedy)> {
    let group = layout::volume_group(device.id);
    let pool = sight.volumes.as_ref()?.get(&(group.as_str(), name))?;
    let promised: ByteSize = held(sight, &group, name).map(|volume| volume.size).sum();
    let over = |percent: Option<f64>| percent.filter(|percent| *percent >= ground.limits.pool_fill);
    let data = over(pool.data_percent).filter(|_| promised > pool.size);
    let told = [("data", data), ("metadata", over(pool.metadata_percent))];
    let told: Vec<String> = told
        .into_iter()
        .filter_map(|(what, percent)| Some(format!("its {what} is {:.1} % full", percent?)))
        .collect();
    if told.is_empty() {
        return None;
    }
    let proof = Proof {
        recorded: format!("warned of from {} %", ground.limits.pool_fill),
        seen: told.join("; "),
        place: format!("{group}/{name}"),
    };
    let way = if device.kind.shared().is_some() {
        "delete snapshots or volumes, drain some of its bricks to other devices, or grow the disk ('mortar device resize'); lvextend \
         --poolmetadatasize makes its metadata larger"
            .to_owned()
    } else {
        format!("delete snapshots, or lvextend {group}/{name} (--poolmetadatasize for its metadata)")
    };
    let advice = format!("make room before it is full: {way} on {}", sight.node.manage);
    Some((proof, Remedy::ByHand(advice)))
}
