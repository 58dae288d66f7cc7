//! Where a world's UUIDs come from: a seed and a counter, so that the same calls give the same answers.

use serde::{Deserialize, Serialize};

/// Gives out numbers that stand for UUIDs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stamps {
    seed: u64,
    last: u32,
}

impl Stamps {
    /// Stamps of a world made from `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, last: 0 }
    }

    /// A number that no other thing of this world has; never 0.
    pub(crate) fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// The UUID that a stamp stands for (version 4 in form).
    pub(crate) fn uuid(&self, stamp: u32) -> [u8; 16] {
        let high = mix(self.seed ^ (u64::from(stamp) << 32));
        let low = mix(high ^ u64::from(stamp));
        let mut id = [0; 16];
        id[..8].copy_from_slice(&high.to_be_bytes());
        id[8..].copy_from_slice(&low.to_be_bytes());
        id[6] = (id[6] & 0x0f) | 0x40;
        id[8] = (id[8] & 0x3f) | 0x80;
        id
    }

    /// The UUID of a stamp in LVM's form: 32 letters and digits in groups of 6-4-4-4-4-4-6.
    pub(crate) fn lvm_uuid(&self, stamp: u32) -> String {
        const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut state = mix(self.seed ^ u64::from(stamp));
        let mut text = String::with_capacity(38);
        for index in 0..32 {
            if [6, 10, 14, 18, 22, 26].contains(&index) {
                text.push('-');
            }
            state = mix(state);
            text.push(char::from(
                LETTERS[usize::try_from(state % 62).expect("less than 62")],
            ));
        }
        text
    }
}

/// The finishing steps of the SplitMix64 generator: every bit of the input moves every bit of the output.
pub(crate) fn mix(input: u64) -> u64 {
    let mut z = input.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of a text that is the same in every run.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| mix(sum ^ u64::from(byte)))
}
