//! Chance from a seed, for servers on simulated nodes: the same requests make the same ids and placements.

use std::sync::atomic::{AtomicU64, Ordering};

use mortar_engine::Entropy;

/// Values that follow from a seed and how many were drawn before. They repeat with each start of the program, so
/// this is for simulated nodes over a new store only.
#[derive(Debug)]
pub(crate) struct Seeded {
    seed: u64,
    drawn: AtomicU64,
}

impl Seeded {
    /// A source with this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }
}

impl Entropy for Seeded {
    fn draw(&self) -> u128 {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let half = |which: u64| {
            u128::from(mix(
                mix(self.seed) ^ mix(number.wrapping_mul(2).wrapping_add(which))
            ))
        };
        half(0) << 64 | half(1)
    }
}

/// The finaliser of `SplitMix64`: every bit of the input moves about half of the output's.
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mortar_engine::Entropy as _;

    use super::Seeded;

    #[test]
    fn the_same_seed_draws_the_same() {
        let draw = |seed| {
            let source = Seeded::new(seed);
            (0..1000).map(|_| source.draw()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        let all: BTreeSet<u128> = (0..100).flat_map(draw).collect();
        assert_eq!(all.len(), 100_000, "no value is drawn twice");
    }
}
