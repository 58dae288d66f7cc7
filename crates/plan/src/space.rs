//! How much of a device a brick takes. The arithmetic is Heketi's (its sizes are what users' accounts show).

use std::collections::BTreeSet;

use mortar_model::{Brick, BrickSpace, ByteSize, DeviceId, DeviceKind, Inventory};

/// A brick's size and the room kept beside it, before a device is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrickSize {
    /// Size of the brick's file system.
    pub size: ByteSize,
    /// Thin pool size over brick size, at least 1.
    pub snapshot_factor: f64,
}

/// Largest thin pool metadata that LVM takes.
const METADATA_MAX: ByteSize = ByteSize::from_gib(16);

/// What a brick takes of a device of this kind.
///
/// LVM: a thin pool of size × factor rounded up to extents, and 0.5 % of that for its metadata, 16 GiB at
/// most, rounded up to extents. With a pool for all bricks: what the brick may come to hold. Directory: an image as large as the
/// brick.
pub fn brick_space(brick: BrickSize, kind: &DeviceKind) -> BrickSpace {
    match kind {
        DeviceKind::Directory => BrickSpace::Image,
        DeviceKind::Lvm { shared: Some(_), .. } => BrickSpace::Shared,
        DeviceKind::Adopted => BrickSpace::Folder,
        DeviceKind::Lvm { extent, .. } => {
            #[allow(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "sizes are far below 2^52 KiB and the factor is 1 to 100; a float that is too large saturates"
            )]
            let scaled = ByteSize::from_kib((brick.size.kib() as f64 * brick.snapshot_factor).ceil() as u64);
            let pool = scaled.round_up(*extent);
            let metadata = metadata_of(pool, *extent);
            BrickSpace::ThinPool { pool, metadata }
        }
    }
}

/// Metadata of a thin pool with so much data.
pub(crate) fn metadata_of(pool: ByteSize, extent: ByteSize) -> ByteSize {
    pool.divide_up(200).min(METADATA_MAX).round_up(extent)
}

/// What a device must have free for one of its bricks to become as `larger`. While LVM extends a pool's metadata it makes a
/// spare of the same size, which is removed right after.
pub(crate) fn growth_needs(now: &Brick, larger: &Brick) -> ByteSize {
    let spare = match (now.space, larger.space) {
        (BrickSpace::ThinPool { metadata: before, .. }, BrickSpace::ThinPool { metadata, .. })
            if metadata > before =>
        {
            metadata
        }
        _ => ByteSize::ZERO,
    };
    larger.footprint().minus(now.footprint()) + spare
}

/// What devices must have free for their bricks to become as these: each thin pool once, however many bricks are in it.
pub(crate) fn growth_of<'a>(
    inventory: &Inventory,
    larger: impl Iterator<Item = &'a Brick>,
) -> Vec<(DeviceId, ByteSize)> {
    let mut pools = BTreeSet::new();
    let needs = larger.filter_map(|larger| {
        let now = inventory.brick(larger.id)?;
        if let BrickSpace::ThinPool { .. } = larger.space
            && !pools.insert((larger.device, larger.place().thin_pool()))
        {
            return None;
        }
        Some((larger.device, growth_needs(now, larger)))
    });
    needs.collect()
}

/// Size of a brick on a device of this kind: whole extents, so that nothing is asked of LVM that it would round.
pub(crate) fn whole(size: ByteSize, kind: &DeviceKind) -> ByteSize {
    size.round_up(kind.extent())
}

/// Bytes that such a brick takes of such a device.
pub(crate) fn footprint(brick: BrickSize, kind: &DeviceKind) -> ByteSize {
    match brick_space(brick, kind) {
        BrickSpace::ThinPool { pool, metadata } => pool + metadata,
        BrickSpace::Shared | BrickSpace::Image | BrickSpace::Folder => whole(brick.size, kind),
    }
}

#[cfg(test)]
mod tests {
    use mortar_model::{BrickSpace, ByteSize, DeviceKind};

    use super::{BrickSize, brick_space};

    /// Figures seen from Heketi: metadata of 10, 200, 2 and 5 GiB bricks.
    #[test]
    fn metadata_is_as_heketi_makes_it() {
        let kind = DeviceKind::Lvm {
            extent: ByteSize::from_mib(4),
            uuid: String::new(),
            paths: Vec::new(),
            shared: None,
        };
        for (gib, metadata_kib) in [(10, 53_248), (200, 1_048_576), (2, 12_288), (5, 28_672)] {
            let brick = BrickSize {
                size: ByteSize::from_gib(gib),
                snapshot_factor: 1.0,
            };
            let BrickSpace::ThinPool { pool, metadata } = brick_space(brick, &kind) else {
                panic!()
            };
            assert_eq!((pool, metadata.kib()), (ByteSize::from_gib(gib), metadata_kib));
        }
    }

    #[test]
    fn the_factor_makes_the_pool_larger_and_huge_sizes_stay_finite() {
        let kind = DeviceKind::Lvm {
            extent: ByteSize::from_mib(4),
            uuid: String::new(),
            paths: Vec::new(),
            shared: None,
        };
        let brick = BrickSize {
            size: ByteSize::from_gib(10),
            snapshot_factor: 1.5,
        };
        assert!(
            matches!(brick_space(brick, &kind), BrickSpace::ThinPool { pool, .. } if pool == ByteSize::from_gib(15))
        );
        let brick = BrickSize {
            size: ByteSize::from_bytes(u64::MAX),
            snapshot_factor: 100.0,
        };
        assert!(
            matches!(brick_space(brick, &kind), BrickSpace::ThinPool { pool, .. } if pool > ByteSize::from_gib(1))
        );
    }
}
