//! Operations that ended a while ago, and how long each can still be asked for.
//!
//! Most are kept for the time in which somebody may come for the answer. What a person has to read who comes after the
//! weekend is kept for longer: a drain, a move or a change of copies that failed. Of those there is a bound.
//!
//! The keeping time is counted on a clock that only goes forward: the machine's own may be set while somebody waits for an
//! answer. Over a restart there is no such clock; what is left then is what the machine's clock says, and never more
//! than the keeping time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mortar_journal::{Ended, Outcome};
use mortar_model::{OperationId, OperationKind};
use tokio::time::Instant;

/// Most that are kept for longer; beyond it the oldest of them are kept as all others are.
const MOST_TO_READ: usize = 1000;

/// How long ended operations are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    /// Any.
    pub(crate) all: Duration,
    /// Those that a person has to read.
    pub(crate) to_read: Duration,
}

impl Keeping {
    fn of(&self, ended: &Ended) -> Duration {
        if is_to_read(ended) {
            self.to_read.max(self.all)
        } else {
            self.all
        }
    }
}

/// Whether it took long enough that nobody sat beside it, and came to nothing.
const fn is_to_read(ended: &Ended) -> bool {
    matches!(ended.outcome, Outcome::Failed { .. })
        && matches!(
            ended.kind,
            OperationKind::DrainDevice
                | OperationKind::DrainNode
                | OperationKind::EvictBrick
                | OperationKind::ChangeReplicas
        )
}

/// Ended operations within their keeping time.
pub(crate) struct EndedLately {
    keeping: Keeping,
    /// By the order in which they ended.
    order: BTreeMap<u64, OperationId>,
    next: u64,
    /// By the order in which they are forgotten.
    due: BTreeSet<(Instant, OperationId)>,
    /// Until when each is kept, and its number in `order`.
    kept: BTreeMap<OperationId, (Instant, u64)>,
    /// Those that are kept for longer, oldest first.
    to_read: VecDeque<OperationId>,
}

impl EndedLately {
    /// Those that a store remembers, oldest first; `now` is in milliseconds since 1970, as their ends are.
    pub(crate) fn load(ended: &[Ended], now: u64, keeping: Keeping) -> Self {
        let mut lately = Self {
            keeping,
            order: BTreeMap::new(),
            next: 0,
            due: BTreeSet::new(),
            kept: BTreeMap::new(),
            to_read: VecDeque::new(),
        };
        for one in ended {
            lately.put(one, Duration::from_millis(now.saturating_sub(one.ended)));
        }
        lately
    }

    /// One more, which ended just now.
    pub(crate) fn add(&mut self, ended: &Ended) {
        self.put(ended, Duration::ZERO);
    }

    fn put(&mut self, ended: &Ended, ago: Duration) {
        let until = Instant::now() + self.keeping.of(ended).saturating_sub(ago);
        let number = self.next;
        self.next += 1;
        self.order.insert(number, ended.id);
        self.due.insert((until, ended.id));
        self.kept.insert(ended.id, (until, number));
        if is_to_read(ended) {
            self.to_read.push_back(ended.id);
            if self.to_read.len() > MOST_TO_READ {
                self.shorten_oldest();
            }
        }
    }

    /// The oldest of those that are kept for longer is kept as if it were none of them, and had ended just now.
    fn shorten_oldest(&mut self) {
        let Some(id) = self.to_read.pop_front() else {
            return;
        };
        if let Some((until, _)) = self.kept.get_mut(&id) {
            self.due.remove(&(*until, id));
            *until = (*until).min(Instant::now() + self.keeping.all);
            self.due.insert((*until, id));
        }
    }

    /// Whether the operation can still be asked for.
    pub(crate) fn is_kept(&self, id: OperationId) -> bool {
        self.lasts(id, Duration::ZERO)
    }

    /// Whether it can be asked for at least so long from now on.
    pub(crate) fn lasts(&self, id: OperationId, time: Duration) -> bool {
        let kept = self.kept.get(&id);
        kept.is_some_and(|(until, _)| *until >= Instant::now() + time)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    /// All of them, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = OperationId> {
        self.order.values().rev().copied()
    }

    /// The first of those whose time is over, at most so many.
    pub(crate) fn over(&self, most: usize) -> Vec<OperationId> {
        let now = Instant::now();
        let over = self.due.iter().take_while(|(until, _)| *until < now);
        over.map(|(_, id)| *id).take(most).collect()
    }

    /// Forgets those that were told by [`Self::over`].
    pub(crate) fn forget(&mut self, over: &[OperationId]) {
        for id in over {
            if let Some((until, number)) = self.kept.remove(id) {
                self.due.remove(&(until, *id));
                self.order.remove(&number);
            }
        }
        self.to_read.retain(|id| self.kept.contains_key(id));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mortar_journal::{Ended, Outcome, StepsEnded};
    use mortar_model::{OperationId, OperationKind};
    use tokio::time::{advance, pause};

    use super::{EndedLately, Keeping, MOST_TO_READ};

    const HOUR: Duration = Duration::from_secs(3600);
    const MS: u64 = 3_600_000;
    const KEEPING: Keeping = Keeping {
        all: HOUR,
        to_read: Duration::from_secs(48 * 3600),
    };

    fn id(value: u128) -> OperationId {
        OperationId::from_u128(value)
    }

    fn ended(value: u128, at: u64, kind: OperationKind, outcome: Outcome) -> Ended {
        Ended {
            id: id(value),
            kind,
            subject: None,
            created: at,
            ended: at,
            outcome,
            warnings: Vec::new(),
            cleanup: None,
            steps: StepsEnded::default(),
        }
    }

    fn done(value: u128, at: u64) -> Ended {
        ended(
            value,
            at,
            OperationKind::DrainNode,
            Outcome::Done { removed: false },
        )
    }

    fn failed(value: u128, at: u64) -> Ended {
        let reason = "no place".into();
        ended(value, at, OperationKind::DrainNode, Outcome::Failed { reason })
    }

    #[tokio::test]
    async fn each_is_kept_for_its_time_and_no_longer() {
        pause();
        let mut lately = EndedLately::load(&[], 0, KEEPING);
        lately.add(&done(1, 0));
        advance(HOUR / 2).await;
        lately.add(&done(2, 0));
        advance(HOUR / 2).await;
        assert!(lately.is_kept(id(1)) && lately.is_kept(id(2)));
        advance(Duration::from_millis(1)).await;
        assert_eq!(lately.over(9), [id(1)]);
        lately.forget(&[id(1)]);
        assert_eq!((lately.len(), lately.newest().collect()), (1, vec![id(2)]));
        assert!(!lately.is_kept(id(1)) && lately.is_kept(id(2)));
    }

    /// The machine's clock may have been set back between two runs: nothing is kept for ever because of that.
    #[tokio::test]
    async fn after_a_restart_what_is_left_counts_and_never_more_than_the_whole() {
        pause();
        let now = 100 * MS;
        let before = [
            done(1, now - 2 * MS),
            done(2, now - MS / 2),
            done(3, now + 50 * MS),
        ];
        let lately = EndedLately::load(&before, now, KEEPING);
        advance(Duration::from_millis(1)).await;
        assert_eq!(lately.over(9), [id(1)]);
        advance(HOUR / 2).await;
        assert_eq!(lately.over(9), [id(1), id(2)]);
        advance(HOUR / 2).await;
        assert_eq!(lately.over(2), [id(1), id(2)]);
        assert_eq!(lately.over(9).len(), 3);
    }

    /// A drain that failed on Saturday is read on Monday; what came after it goes before it.
    #[tokio::test]
    async fn what_a_person_has_to_read_is_kept_for_longer() {
        pause();
        let now = 100 * MS;
        let failed_create = ended(
            2,
            now,
            OperationKind::CreateVolume,
            Outcome::Failed {
                reason: "no place".into(),
            },
        );
        let mut lately = EndedLately::load(&[failed(1, now - 40 * MS)], now, KEEPING);
        lately.add(&failed_create);
        lately.add(&done(3, now));
        assert_eq!(lately.newest().collect::<Vec<_>>(), [id(3), id(2), id(1)]);
        advance(HOUR + Duration::from_millis(1)).await;
        let over = lately.over(9);
        assert_eq!(over, [id(2), id(3)]);
        lately.forget(&over);
        assert_eq!(lately.newest().collect::<Vec<_>>(), [id(1)]);
        advance(7 * HOUR).await;
        assert_eq!(lately.over(9), [id(1)]);
    }

    /// Failed moves that come without end must not fill the store.
    #[tokio::test]
    async fn of_what_is_kept_for_longer_there_is_a_bound() {
        pause();
        let mut lately = EndedLately::load(&[], 0, KEEPING);
        for value in 0..=MOST_TO_READ {
            lately.add(&failed(value as u128, 0));
        }
        advance(HOUR + Duration::from_millis(1)).await;
        let over = lately.over(9);
        assert_eq!(over, [id(0)]);
        lately.forget(&over);
        assert_eq!(lately.len(), MOST_TO_READ);
    }
}
