//! Choices that repeat with their seed.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mortar_plan::Seed;

/// A source of choices. Shared by tasks that run in turn, it gives the same choices to the same history.
pub(crate) struct Dice(Mutex<Seed>);

impl Dice {
    /// Choices that are wholly determined by the seed and what they are for.
    pub(crate) fn new(seed: u64, what_for: u64) -> Self {
        Self(Mutex::new(Seed::new(
            (u128::from(seed) << 64) | u128::from(what_for),
        )))
    }

    fn draw(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// A number for a source of its own.
    pub(crate) fn id(&self) -> u128 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).next_u128()
    }

    /// A number from 0 to `end` - 1.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.draw() % end.max(1)
    }

    /// A number from `first` to `last`.
    pub(crate) fn between(&self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// Whether something happens that does so in `percent` of all cases.
    pub(crate) fn percent(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these, which are some.
    pub(crate) fn pick<'a, T>(&self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    /// One of these, if there are any.
    pub(crate) fn any<T: Copy>(&self, all: &[T]) -> Option<T> {
        (!all.is_empty()).then(|| *self.pick(all))
    }

    /// A time of so many milliseconds.
    pub(crate) fn millis(&self, first: u64, last: u64) -> Duration {
        Duration::from_millis(self.between(first, last))
    }
}
