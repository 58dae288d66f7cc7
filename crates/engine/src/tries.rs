//! What was tried, and when it may be tried again: after a while, and then each time after twice as long.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Tries by what they were about. Nothing of it outlives the server.
pub(crate) struct Tries<K>(BTreeMap<K, (u32, Instant)>);

impl<K> Default for Tries<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord> Tries<K> {
    /// Whether it may be tried now.
    pub(crate) fn may(&self, what: &K) -> bool {
        self.0.get(what).is_none_or(|(_, next)| *next <= Instant::now())
    }

    /// It is tried now. The next try may be after `first`; each further one waits twice as long, and not longer than `longest`.
    pub(crate) fn begin(&mut self, what: K, first: Duration, longest: Duration) {
        let times = self.times(&what);
        let wait = first.saturating_mul(1 << times.min(10)).min(longest);
        self.0.insert(what, (times + 1, Instant::now() + wait));
    }

    /// How often it was tried.
    pub(crate) fn times(&self, what: &K) -> u32 {
        self.0.get(what).map_or(0, |(times, _)| *times)
    }

    /// It came to something: the next try is a first one.
    pub(crate) fn forget(&mut self, what: &K) {
        self.0.remove(what);
    }

    /// Forgets all but these.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.0.retain(|what, _| keep(what));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Tries;

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(20), Duration::from_secs(70));
        let mut tries = Tries::default();
        for wait in [20, 40, 70, 70] {
            assert!(tries.may(&1));
            let times = tries.times(&1);
            tries.begin(1, first, longest);
            assert_eq!(tries.times(&1), times + 1);
            tokio::time::advance(Duration::from_secs(wait - 1)).await;
            assert!(!tries.may(&1) && tries.may(&2));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        tries.begin(1, first, longest);
        tries.forget(&1);
        assert!(tries.may(&1));
    }
}
