//! Batches that run twice, and batches whose whole answer is lost: what a transport may do that tries again by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Outcome, Report};
use mortar_executor::{Hosts, SimHosts};

/// What happens to one changing batch.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Double {
    /// It runs twice, and the first answer comes.
    First,
    /// It runs twice, and the second answer comes.
    Second,
    /// It runs twice, and no answer comes.
    Unheard,
    /// It runs once, and no answer comes.
    OnceUnheard,
}

impl Double {
    pub(crate) const ALL: [Self; 4] = [Self::First, Self::Second, Self::Unheard, Self::OnceUnheard];
}

/// Nodes on which the nth batch that changes something is doubled.
pub(crate) struct Doubled {
    hosts: SimHosts,
    nth: u64,
    double: Double,
    changing: Arc<AtomicU64>,
}

impl Doubled {
    /// Counts changing batches into `changing`, from 1.
    pub(crate) const fn new(hosts: SimHosts, nth: u64, double: Double, changing: Arc<AtomicU64>) -> Self {
        Self {
            hosts,
            nth,
            double,
            changing,
        }
    }

    fn changes(&self) -> u64 {
        self.hosts.world(|world| world.changes_run())
    }
}

impl Hosts for Doubled {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            let before = self.changes();
            let first = self.hosts.run(host, batch).await;
            if self.changes() == before || self.changing.fetch_add(1, Ordering::SeqCst) + 1 != self.nth {
                return first;
            }
            let lost = Report {
                outcomes: vec![Outcome::Unknown; batch.items().len()],
                broken: Some("the connection broke".into()),
            };
            match self.double {
                Double::OnceUnheard => lost,
                Double::First => {
                    self.hosts.run(host, batch).await;
                    first
                }
                Double::Second => self.hosts.run(host, batch).await,
                Double::Unheard => {
                    self.hosts.run(host, batch).await;
                    lost
                }
            }
        }
        .boxed()
    }
}
