//! Who may begin: a bound on the operations under way, kept exactly, and when one who was refused may come again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::Instant;

/// The bound and how much of it is taken.
#[derive(Debug)]
pub(crate) struct Admission {
    limit: usize,
    taken: AtomicUsize,
    /// The same, shown.
    shown: Gauge,
    pace: Mutex<Pace>,
}

/// One place within the bound, from admission to the end of the operation. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Admission>);

impl Admission {
    /// Room for `limit` operations. `shown` tells how many places are taken.
    pub(crate) fn new(limit: usize, shown: Gauge) -> Arc<Self> {
        Arc::new(Self {
            limit,
            taken: AtomicUsize::new(0),
            shown,
            pace: Mutex::default(),
        })
    }

    /// A place, if there is one.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let next = |taken| (taken < self.limit).then_some(taken + 1);
        let before = self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        before.ok().map(|before| self.place(before))
    }

    /// A place, beyond the bound if need be: for what was admitted before the program ended, when the bound may have
    /// been another one.
    pub(crate) fn enter_again(self: &Arc<Self>) -> Place {
        self.place(self.taken.fetch_add(1, Ordering::AcqRel))
    }

    fn place(self: &Arc<Self>, taken_before: usize) -> Place {
        if taken_before == 0 {
            self.pace(|pace| pace.begins(Instant::now()));
        }
        self.shown.inc();
        Place(Arc::clone(self))
    }

    /// Places taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }

    /// Places in all.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// An operation has ended.
    pub(crate) fn ended(&self) {
        self.pace(|pace| pace.ended(Instant::now()));
    }

    /// When a place may be free for one more who was refused.
    pub(crate) fn wait(&self) -> Duration {
        self.pace(|pace| pace.wait(Instant::now()))
    }

    fn pace<T>(&self, work: impl FnOnce(&mut Pace) -> T) -> T {
        work(&mut self.pace.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
        self.0.shown.dec();
    }
}

/// Ends that are remembered, to tell how fast places become free.
const REMEMBERED: usize = 32;
/// What is answered while nothing has ended yet.
const NOT_KNOWN: Duration = Duration::from_secs(2);
/// Longest wait that is answered: the pace may be another one by then.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// How fast operations end. Each that is refused gets the next end as its own, behind those that were refused before
/// it: told all the same, all of them would come back at once for one place.
#[derive(Debug, Default)]
struct Pace {
    /// Time from each of the last ends to the next, without the times in which there was nothing to do.
    between: VecDeque<Duration>,
    /// The last end, or when there was something to do again after it.
    since: Option<Instant>,
    promised: Option<Instant>,
}

impl Pace {
    /// There is something to do again.
    fn begins(&mut self, now: Instant) {
        self.since = Some(now);
    }

    fn ended(&mut self, now: Instant) {
        if self.between.len() == REMEMBERED {
            self.between.pop_front();
        }
        self.between.extend(self.since.map(|since| now - since));
        self.since = Some(now);
    }

    fn wait(&mut self, now: Instant) -> Duration {
        let Some(between) = self.between(now) else {
            return NOT_KNOWN;
        };
        let line = self.promised.map_or(now, |promised| promised.max(now));
        let at = (line + between).min(now + LONGEST);
        self.promised = Some(at);
        at - now
    }

    /// Time between two ends. That nothing has ended for longer than that tells as much as what came before.
    fn between(&self, now: Instant) -> Option<Duration> {
        let ends = u32::try_from(self.between.len()).ok().filter(|ends| *ends > 0)?;
        let usual = self.between.iter().sum::<Duration>() / ends;
        Some(self.since.map_or(usual, |since| usual.max(now - since)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::metrics::gauge::Gauge;
    use tokio::time::Instant;

    use super::{Admission, LONGEST, NOT_KNOWN, Pace, Place};

    #[test]
    fn never_more_than_the_bound_and_every_place_comes_back() {
        let shown = Gauge::default();
        let admission = Admission::new(10, shown.clone());
        let crowd = |_| {
            (0..2000)
                .filter_map(|_| {
                    let place = admission.enter();
                    assert!(admission.taken() <= 10);
                    std::thread::yield_now();
                    place.map(drop)
                })
                .count()
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || crowd(number))).collect();
            let entered: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
            assert!(entered >= 2000);
        });
        assert_eq!(admission.taken(), 0);
        let all: Vec<Place> = (0..10).map(|_| admission.enter().unwrap()).collect();
        assert!(admission.enter().is_none());
        let more = admission.enter_again();
        drop(all);
        assert_eq!((admission.taken(), shown.get()), (1, 1));
        drop(more);
        assert_eq!((admission.taken(), shown.get()), (0, 0));
    }

    #[test]
    fn the_refused_are_told_the_next_ends_one_each() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(pace.wait(at(0)), NOT_KNOWN);
        assert_eq!(
            pace.wait(at(0)),
            NOT_KNOWN,
            "of what is not known there is no line"
        );
        pace.begins(at(0));
        for end in 1..=100 {
            pace.ended(at(end * 500));
        }
        let told: Vec<u128> = (0..3).map(|_| pace.wait(at(50_000)).as_millis()).collect();
        assert_eq!(told, [500, 1000, 1500]);
        // Those who were told have come and gone, or never come: the line is no longer than what was promised.
        assert_eq!(pace.wait(at(50_500)).as_millis(), 1500);
        // Nothing has ended for ten seconds.
        assert_eq!(pace.wait(at(60_000)).as_millis(), 10_000);
        for _ in 0..100 {
            assert!(pace.wait(at(60_000)) <= LONGEST);
        }
        assert_eq!(pace.wait(at(60_000)), LONGEST);
        // Nobody was slow while there was nothing to do.
        pace.begins(at(9_000_000));
        assert_eq!(pace.wait(at(9_000_000)).as_millis(), 500);
    }
}
