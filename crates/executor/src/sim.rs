//! Batches on simulated nodes.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _};
use mortar_argv::{Batch, Report};
use mortar_simulator::{ScriptId, Turn, World};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout, timeout_at};

use crate::Hosts;
use crate::output::{DEFAULT_LIMIT, Deadline, within};

/// What time passes for on simulated nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait<'a> {
    /// Until the node has the batch.
    Connect,
    /// Until it is known that the node cannot be reached.
    Refusal,
    /// A command of this kind ([`Command::kind`](mortar_argv::Command::kind)).
    Command(&'a str),
    /// From the limit of a batch to the end of its command that hangs.
    Beyond,
}

/// How long things take on simulated nodes.
pub trait Pace: fmt::Debug + Send + Sync + 'static {
    /// How long this takes on `host`, this time.
    fn takes(&self, host: &str, wait: Wait<'_>) -> Duration;
}

/// Runs batches in a simulated [`World`]. Clones share it.
#[derive(Clone, Debug)]
pub struct SimHosts {
    world: Arc<Mutex<World>>,
    latency: Duration,
    pace: Option<Arc<dyn Pace>>,
    /// Some script has moved, or was moved.
    moved: Arc<Notify>,
}

impl SimHosts {
    /// Nodes of `world`, which answer at once.
    pub fn new(world: World) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
            latency: Duration::ZERO,
            pace: None,
            moved: Arc::new(Notify::new()),
        }
    }

    /// Makes each batch take this long before its commands are run: what runs side by side on the runtime's
    /// clock is then seen to do so. A batch that is dropped before that was not run.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Makes each command take its time, so that batches overlap command by command; and what is told of a batch depends
    /// on what happens to its node and its connection meanwhile, as it does over ssh.
    #[must_use]
    pub fn pace(mut self, pace: impl Pace) -> Self {
        self.pace = Some(Arc::new(pace));
        self
    }

    /// Looks at the world or changes it, between two commands. Must not be called from within `work`.
    pub fn world<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let result = self.quietly(work);
        self.moved.notify_waiters();
        result
    }

    /// Works on the world and wakes nobody who waits for it to change.
    fn quietly<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        // A panic in a test's closure leaves a world that others may still look at.
        work(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets the scripts go on that are under way in the world and have nobody who drives them: those that a server left
    /// behind whose runtime is gone. Must be called once per runtime, before any batch is run.
    pub fn take_up(&self) {
        let Some(pace) = &self.pace else { return };
        let left = self.world(|world| {
            let scripts = world.scripts();
            let scripts = scripts.map(|(id, host, batch)| (id, host.to_owned(), batch.time_limit()));
            scripts.collect::<Vec<_>>()
        });
        for (id, host, limit) in left {
            tokio::spawn(drive(self.clone(), Arc::clone(pace), id, host, limit));
        }
    }

    async fn run_paced(&self, pace: &Arc<dyn Pace>, host: &str, batch: &Batch) -> Report {
        sleep(pace.takes(host, Wait::Connect)).await;
        let id = match self.world(|world| world.begin(host, batch)) {
            Ok(id) => id,
            Err(report) => {
                sleep(pace.takes(host, Wait::Refusal)).await;
                return report;
            }
        };
        let _listening = Listening { hosts: self, id };
        tokio::spawn(drive(
            self.clone(),
            Arc::clone(pace),
            id,
            host.to_owned(),
            batch.time_limit(),
        ));
        let mut deadline = Deadline::new(batch);
        let mut begun = false;
        loop {
            let moved = self.moved.notified();
            let (report, begins) = self.quietly(|world| (world.hear(id), world.has_begun(id)));
            if let Some(report) = report {
                return report;
            }
            if begins && !begun {
                begun = true;
                deadline.begin();
            }
            if timeout_at(deadline.at(), moved).await.is_err() {
                let why = deadline.passed(host);
                let report = self.world(|world| {
                    world.give_up(id, &why);
                    world.hear(id)
                });
                return report.unwrap_or_else(|| Report::unknown(batch.items().len(), why));
            }
        }
    }
}

/// Whoever waits for a script. Gone before it was told, the connection is.
struct Listening<'a> {
    hosts: &'a SimHosts,
    id: ScriptId,
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.hosts.world(|world| world.hang_up(self.id, false));
    }
}

/// Drives one script to its end, whoever listens.
async fn drive(hosts: SimHosts, pace: Arc<dyn Pace>, id: ScriptId, host: String, limit: Duration) {
    let patience = sleep(limit.max(Duration::from_secs(1)));
    tokio::pin!(patience);
    loop {
        // Asked for before the look, so that no move in between is missed.
        let moved = hosts.moved.notified();
        let turn = hosts.quietly(|world| world.go_on(id));
        if turn != Turn::Waits {
            hosts.moved.notify_waiters();
        }
        match turn {
            Turn::Ended => return,
            Turn::Waits => tokio::select! {
                biased;
                () = moved => {}
                () = &mut patience => hosts.world(|world| world.waited_too_long(id)),
            },
            Turn::Runs(kind) => sleep(pace.takes(&host, Wait::Command(&kind))).await,
            Turn::Hangs => {
                let beyond = pace.takes(&host, Wait::Beyond);
                let _ = timeout(limit + beyond, ended(&hosts, id)).await;
            }
        }
    }
}

/// Waits until the script is ended by others.
async fn ended(hosts: &SimHosts, id: ScriptId) {
    loop {
        let moved = hosts.moved.notified();
        if !hosts.quietly(|world| world.scripts().any(|(other, ..)| other == id)) {
            return;
        }
        moved.await;
    }
}

impl Hosts for SimHosts {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        async move {
            if batch.items().is_empty() {
                return Report::default();
            }
            if let Some(pace) = &self.pace {
                let report = self.run_paced(pace, host, batch).await;
                return within(report, batch.output_limit(DEFAULT_LIMIT), host);
            }
            if !self.latency.is_zero() {
                tokio::time::sleep(self.latency).await;
            }
            let report = self.world(|world| world.run(host, batch));
            within(report, batch.output_limit(DEFAULT_LIMIT), host)
        }
        .boxed()
    }
}
