//! Damage for the tests that replay the targets: each text with a piece cut out, a piece doubled, or a byte changed.

use proptest::prelude::*;

/// One of these texts, damaged in one place.
pub(crate) fn mutilated(texts: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (
        proptest::sample::select(texts),
        any::<proptest::sample::Index>(),
        any::<proptest::sample::Index>(),
        0..3_u8,
        any::<u8>(),
    )
        .prop_map(|(mut text, from, to, how, byte)| {
            if text.is_empty() {
                return text;
            }
            let (from, to) = (from.index(text.len()), to.index(text.len()));
            let (from, to) = (from.min(to), from.max(to));
            match how {
                0 => drop(text.drain(from..to)),
                1 => text.extend_from_within(from..to),
                _ => text[from] = byte,
            }
            text
        })
}
