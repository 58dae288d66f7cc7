//! Random values that can be drawn again.

/// A seeded source of ids and tie-breaks. Drawn once per request from the program's random source; everything
/// the plan makes up comes from it, so a decision can be replayed.
#[derive(Clone, Debug)]
pub struct Seed {
    key: [u64; 2],
    counter: u64,
}

/// The finalizer of SplitMix64: a bijection that spreads every input bit over every output bit.
const fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Seed {
    /// A source that is wholly determined by `value`; 128 bits, so that ids of different requests do not collide.
    pub const fn new(value: u128) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "both halves are taken")]
        Self {
            key: [value as u64, (value >> 64) as u64],
            counter: 0,
        }
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        let step = self.counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mix(mix(self.key[0] ^ step)
            .wrapping_add(self.key[1])
            .wrapping_add(step))
    }

    /// The next 128 bits, for an id.
    pub const fn next_u128(&mut self) -> u128 {
        ((self.next_u64() as u128) << 64) | self.next_u64() as u128
    }
}

/// A number that looks random but only depends on `value`: orders things that are otherwise equal.
pub(crate) const fn scatter(value: u128) -> u64 {
    #[allow(clippy::cast_possible_truncation, reason = "both halves are taken")]
    mix(value as u64 ^ mix((value >> 64) as u64 ^ 0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Seed;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_others_do_not() {
        let draw = |value| {
            let mut seed = Seed::new(value);
            (0..1000).map(|_| seed.next_u128()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        let all: BTreeSet<u128> = (0..50).flat_map(draw).collect();
        assert_eq!(all.len(), 50_000);
    }
}
