//! How long after a kill all operations that were open then have ended.

use std::collections::BTreeSet;
use std::fmt;
use std::time::{Duration, Instant};

/// What was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Killed {
    /// The server; counted from the kill.
    Server,
    /// The server, and a node was away at some time before all had ended.
    ServerAndNode,
    /// A node; counted from when its daemons answered again.
    Node,
}

/// A kill whose operations have not all ended.
struct Waiting {
    killed: Killed,
    since: Instant,
    open: BTreeSet<String>,
}

/// All kills, recovered from or not.
#[derive(Default)]
pub(crate) struct Recoveries {
    waiting: Vec<Waiting>,
    took: Vec<(Killed, Duration)>,
}

impl Recoveries {
    /// Something was killed; these operations had not ended.
    pub(crate) fn begin(&mut self, killed: Killed, since: Instant, open: BTreeSet<String>) {
        self.waiting.push(Waiting { killed, since, open });
    }

    /// A node is away: whatever is waited for waits for it, too.
    pub(crate) fn node_away(&mut self) {
        for waiting in &mut self.waiting {
            if waiting.killed == Killed::Server {
                waiting.killed = Killed::ServerAndNode;
            }
        }
    }

    /// These operations have not ended now.
    pub(crate) fn see(&mut self, open: &BTreeSet<String>) {
        for waiting in &mut self.waiting {
            waiting.open.retain(|id| open.contains(id));
        }
        let took = &mut self.took;
        self.waiting.retain(|waiting| {
            if waiting.open.is_empty() {
                took.push((waiting.killed, waiting.since.elapsed()));
            }
            !waiting.open.is_empty()
        });
    }

    /// Operations that a kill of this kind, or of any, still waits for.
    pub(crate) fn open(&self, killed: Option<Killed>) -> BTreeSet<String> {
        let waiting = self
            .waiting
            .iter()
            .filter(|waiting| killed.is_none_or(|killed| killed == waiting.killed));
        waiting.flat_map(|waiting| waiting.open.iter().cloned()).collect()
    }

    /// Times of kills of this kind.
    pub(crate) fn times(&self, killed: Killed) -> Times {
        let of_kind = self.took.iter().filter(|(kind, _)| *kind == killed);
        let mut times: Vec<Duration> = of_kind.map(|(_, took)| *took).collect();
        times.sort_unstable();
        Times(times)
    }
}

/// Sorted times.
pub(crate) struct Times(Vec<Duration>);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |percent: usize| {
            let place = self.0.len().saturating_sub(1) * percent / 100;
            self.0.get(place).map_or(0.0, Duration::as_secs_f64)
        };
        write!(
            f,
            "median {:.1} s, 95 % {:.1} s, longest {:.1} s (n = {})",
            at(50),
            at(95),
            at(100),
            self.0.len()
        )
    }
}
