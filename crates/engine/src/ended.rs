//! Operations that ended a while ago, and how long each can still be asked for.
//!
//! The keeping time is counted on a clock that only goes forward: the machine's own may be set while somebody waits for an
//! answer. Over a restart there is no such clock; what is left then is what the machine's clock says, and never more
//! than the keeping time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mortar_model::OperationId;
use tokio::time::Instant;

/// Ended operations within their keeping time.
pub(crate) struct EndedLately {
    keep: Duration,
    /// Oldest first, which is also the order in which they are forgotten.
    order: VecDeque<OperationId>,
    until: BTreeMap<OperationId, Instant>,
}

impl EndedLately {
    /// Those that a store remembers, oldest first, with the milliseconds since 1970 at which each ended; `now` is on the
    /// same clock.
    pub(crate) fn load(ended: Vec<(u64, OperationId)>, now: u64, keep: Duration) -> Self {
        let begun = Instant::now();
        let mut lately = Self {
            keep,
            order: VecDeque::with_capacity(ended.len()),
            until: BTreeMap::new(),
        };
        for (at, id) in ended {
            let ago = Duration::from_millis(now.saturating_sub(at));
            lately.put(id, begun + keep.saturating_sub(ago));
        }
        lately
    }

    /// One more, which ended just now.
    pub(crate) fn add(&mut self, id: OperationId) {
        let until = Instant::now() + self.keep;
        self.put(id, until);
    }

    fn put(&mut self, id: OperationId, until: Instant) {
        self.order.push_back(id);
        self.until.insert(id, until);
    }

    /// Whether the operation can still be asked for.
    pub(crate) fn is_kept(&self, id: OperationId) -> bool {
        self.until.get(&id).is_some_and(|until| *until >= Instant::now())
    }

    /// Whether it can be asked for at least so long from now on.
    pub(crate) fn lasts(&self, id: OperationId, time: Duration) -> bool {
        let until = self.until.get(&id);
        until.is_some_and(|until| *until >= Instant::now() + time)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// All of them, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = OperationId> {
        self.order.iter().rev().copied()
    }

    /// The first of those whose time is over, at most so many.
    pub(crate) fn over(&self, most: usize) -> Vec<OperationId> {
        let all = self.order.iter().copied();
        all.take_while(|id| !self.is_kept(*id)).take(most).collect()
    }

    /// Forgets the oldest, as many as were told by [`Self::over`].
    pub(crate) fn forget(&mut self, count: usize) {
        for id in self.order.drain(..count.min(self.order.len())) {
            self.until.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mortar_model::OperationId;
    use tokio::time::{advance, pause};

    use super::EndedLately;

    const HOUR: Duration = Duration::from_secs(3600);
    const MS: u64 = 3_600_000;

    fn id(value: u128) -> OperationId {
        OperationId::from_u128(value)
    }

    #[tokio::test]
    async fn each_is_kept_for_its_time_and_no_longer() {
        pause();
        let mut lately = EndedLately::load(Vec::new(), 0, HOUR);
        lately.add(id(1));
        advance(HOUR / 2).await;
        lately.add(id(2));
        advance(HOUR / 2).await;
        assert!(lately.is_kept(id(1)) && lately.is_kept(id(2)));
        advance(Duration::from_millis(1)).await;
        assert_eq!(lately.over(9), [id(1)]);
        lately.forget(1);
        assert_eq!((lately.len(), lately.newest().collect()), (1, vec![id(2)]));
        assert!(!lately.is_kept(id(1)) && lately.is_kept(id(2)));
    }

    /// The machine's clock may have been set back between two runs: nothing is kept for ever because of that.
    #[tokio::test]
    async fn after_a_restart_what_is_left_counts_and_never_more_than_the_whole() {
        pause();
        let now = 100 * MS;
        let ended = vec![
            (now - 2 * MS, id(1)),
            (now - MS / 2, id(2)),
            (now + 50 * MS, id(3)),
        ];
        let lately = EndedLately::load(ended, now, HOUR);
        advance(Duration::from_millis(1)).await;
        assert_eq!(lately.over(9), [id(1)]);
        advance(HOUR / 2).await;
        assert_eq!(lately.over(9), [id(1), id(2)]);
        advance(HOUR / 2).await;
        assert_eq!(lately.over(2), [id(1), id(2)]);
        assert_eq!(lately.over(9).len(), 3);
    }
}
