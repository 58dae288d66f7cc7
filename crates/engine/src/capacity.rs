//! How much room there is for volumes of a kind: what the free space adds up to, and the largest volume that has a place.

use mortar_model::{ByteSize, Durability};
use mortar_plan::{CreateVolume, Creation, Landscape, Limits, Seed};

use crate::engine::Engine;

/// Steps in which the largest volume is looked for: what one asks of it is far larger.
const GRAIN: ByteSize = ByteSize::from_mib(4);

/// Room for volumes of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// What the free space of all devices that take bricks would give, if it could be cut without loss.
    pub available: ByteSize,
    /// The largest volume that could be made now; nothing when none could.
    pub largest: ByteSize,
    /// The smallest volume that is made.
    pub smallest: ByteSize,
}

impl Engine {
    /// How much room there is for volumes like this one. Its size and its name do not count. What is said of the largest is
    /// the placement's own word: each size that is tried is planned.
    pub fn capacity(&self, request: &CreateVolume) -> Capacity {
        let limits = self.limits();
        let smallest = limits
            .brick_min
            .times(u64::from(request.durability.data_bricks()));
        let available = self.view(|landscape| available(landscape, request));
        let seed = self.inner.entropy.draw();
        let fits =
            |size: ByteSize| self.view(|landscape| can_be_made(landscape, limits, request, size, seed));
        Capacity {
            available,
            largest: largest(smallest, available, fits),
            smallest,
        }
    }
}

/// The largest size between these that fits, to within a grain. Larger ones fit where none larger than a smaller one that does
/// not was tried: halving finds one of them.
fn largest(smallest: ByteSize, most: ByteSize, fits: impl Fn(ByteSize) -> bool) -> ByteSize {
    if most < smallest || !fits(smallest) {
        return ByteSize::ZERO;
    }
    let (mut good, mut bad) = (smallest, most + GRAIN);
    while bad.minus(good) > GRAIN {
        let middle = good + ByteSize::from_bytes(bad.minus(good).bytes() / 2);
        if fits(middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
    ByteSize::from_bytes(good.bytes() / GRAIN.bytes() * GRAIN.bytes()).max(smallest)
}

fn can_be_made(
    landscape: &Landscape,
    limits: &Limits,
    like: &CreateVolume,
    size: ByteSize,
    seed: u128,
) -> bool {
    let request = CreateVolume {
        name: None,
        size,
        ..like.clone()
    };
    let made = mortar_plan::create_volume(landscape, limits, &request, &mut Seed::new(seed));
    matches!(made, Ok(Creation::New(_)))
}

fn available(landscape: &Landscape, request: &CreateVolume) -> ByteSize {
    let inventory = landscape.inventory();
    let wanted = |id| request.clusters.is_empty() || request.clusters.contains(&id);
    let nodes = inventory.nodes().filter(|node| wanted(node.cluster));
    let devices = nodes.flat_map(|node| inventory.devices_of(node.id));
    let bytes: u64 = devices
        .filter(|device| landscape.takes_bricks(device))
        .map(|device| device.total.minus(landscape.used(device.id)).bytes())
        .sum();
    usable(bytes, request.durability)
}

/// What so many raw bytes give. An arbiter takes next to nothing.
fn usable(raw: u64, durability: Durability) -> ByteSize {
    let (bricks, data) = match durability {
        Durability::Arbiter => (2, 1),
        other => (other.bricks_per_set(), other.data_bricks()),
    };
    let bytes = u128::from(raw) * u128::from(data) / u128::from(bricks.max(1));
    ByteSize::from_bytes(u64::try_from(bytes).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use mortar_model::{ByteSize, Durability};

    use super::{GRAIN, largest, usable};

    #[test]
    fn the_largest_that_fits_is_found_to_within_a_grain() {
        let gib = ByteSize::from_gib;
        for limit in [gib(1), gib(3), gib(7) + ByteSize::from_mib(13), gib(10)] {
            let found = largest(gib(1), gib(10), |size| size <= limit);
            assert!(found <= limit && limit.minus(found) <= GRAIN, "{limit} {found}");
        }
        assert_eq!(largest(gib(1), gib(10), |_| false), ByteSize::ZERO);
        assert_eq!(largest(gib(2), gib(1), |_| true), ByteSize::ZERO);
    }

    #[test]
    fn copies_and_redundancy_take_their_part() {
        let of = |durability| usable(12 << 30, durability).gib();
        assert_eq!(of(Durability::None), 12);
        assert_eq!(of(Durability::Replicate(3)), 4);
        assert_eq!(of(Durability::Arbiter), 6);
        assert_eq!(of(Durability::disperse(4, 2)), 8);
    }
}
