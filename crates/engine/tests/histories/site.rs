//! What outlives the server: nodes, its disk, the time, and what has been told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mortar_engine::Clock;
use mortar_executor::{Pace, SimHosts, Wait};
use mortar_model::HostName;
use mortar_simulator::World;
use mortar_store::MemoryStore;
use tokio::time::Instant;

use crate::book::{Book, KEEP};
use crate::death::{Death, Point};
use crate::dice::Dice;
use crate::support::bed::Saved;

/// The time of a history. It goes on over the lives of the server, and only while one of them runs.
#[derive(Default)]
pub(crate) struct Time {
    /// Milliseconds of former lives.
    before: AtomicU64,
    begun: Mutex<Option<Instant>>,
    /// How far the machine's clock is off, in milliseconds.
    off: AtomicI64,
    /// Whether it was set by more than answers are kept.
    far: AtomicBool,
}

impl Time {
    /// A life begins.
    pub(crate) fn begin(&self) {
        *lock(&self.begun) = Some(Instant::now());
    }

    /// A life ends.
    pub(crate) fn end(&self) {
        let passed = self.passed();
        *lock(&self.begun) = None;
        self.before.store(millis(passed), Ordering::SeqCst);
    }

    /// Time since the history began.
    pub(crate) fn passed(&self) -> Duration {
        let before = Duration::from_millis(self.before.load(Ordering::SeqCst));
        before + lock(&self.begun).map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    /// The machine's clock is set.
    pub(crate) fn jump(&self, by: i64) {
        self.off.fetch_add(by, Ordering::SeqCst);
        if by > i64::try_from(millis(KEEP)).unwrap() / 2 {
            self.far.store(true, Ordering::SeqCst);
        }
    }

    /// Whether answers may have expired over a restart because of a jump.
    pub(crate) fn jumped_far(&self) -> bool {
        self.far.load(Ordering::SeqCst)
    }
}

/// How many machines there are.
pub(crate) const MACHINES: u64 = 5;

/// The names of a machine: the one by which its pool knows it, and another under which it is reached as well.
pub(crate) fn names_of(number: u64) -> [HostName; 2] {
    ["n", "m"].map(|letter| HostName::new(format!("{letter}{number}")).unwrap())
}

/// When the histories begin: in September 2020.
const BEGIN: i64 = 1_600_000_000_000;

impl Clock for Time {
    fn now_ms(&self) -> u64 {
        let passed = i64::try_from(millis(self.passed())).unwrap();
        u64::try_from(BEGIN + passed + self.off.load(Ordering::SeqCst)).unwrap()
    }
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}

/// How often each kind of thing has happened.
pub(crate) type Tally = BTreeMap<String, u64>;

/// Everything of one history that outlives the server.
pub(crate) struct Site {
    pub(crate) hosts: SimHosts,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) dice: Arc<Dice>,
    pub(crate) time: Arc<Time>,
    pub(crate) book: Mutex<Book>,
    story: Mutex<Vec<String>>,
    tally: Mutex<Tally>,
    /// Whether each batch is told.
    pub(crate) wordy: bool,
}

impl Site {
    /// A site on which a pool was made before.
    pub(crate) fn new(seed: u64, saved: &Saved, wordy: bool) -> Arc<Self> {
        let store = MemoryStore::new();
        mortar_store::import(&store, &saved.store).unwrap();
        Arc::new(Self {
            hosts: SimHosts::new(World::load(&saved.world).unwrap()),
            store: Arc::new(store),
            dice: Arc::new(Dice::new(seed, 1)),
            time: Arc::default(),
            book: Mutex::default(),
            story: Mutex::default(),
            tally: Mutex::default(),
            wordy,
        })
    }

    /// One more line of the story.
    pub(crate) fn tell(&self, text: impl AsRef<str>) {
        let mut story = lock(&self.story);
        let (number, at) = (story.len() + 1, self.time.passed().as_secs_f64());
        story.push(format!("{number:4} {at:10.3} s  {}", text.as_ref()));
    }

    /// Counts something.
    pub(crate) fn count(&self, what: impl Into<String>) {
        *lock(&self.tally).entry(what.into()).or_default() += 1;
    }

    /// Faults that have struck since this was last asked are told and counted.
    pub(crate) fn tell_faults(&self) {
        for struck in self.hosts.world(World::take_struck) {
            let effect = format!("{:?}", struck.effect);
            let name = effect.split(' ').next().unwrap_or_default();
            self.count(format!("fault {name}"));
            self.tell(format!(
                "  {} of {} met the fault {effect}",
                struck.kind, struck.host
            ));
        }
    }

    /// Something is not as it should be.
    pub(crate) fn wrong(&self, what: impl Into<String>) {
        let what = what.into();
        self.tell(format!("WRONG: {what}"));
        self.book().wrong.push(what);
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// The story so far.
    pub(crate) fn story(&self) -> Vec<String> {
        lock(&self.story).clone()
    }

    pub(crate) fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long things take, and what a server meets meanwhile.
pub(crate) struct Tempo {
    pub(crate) dice: Arc<Dice>,
    pub(crate) death: Arc<Death>,
}

impl std::fmt::Debug for Tempo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tempo")
    }
}

impl Pace for Tempo {
    fn takes(&self, _host: &str, wait: Wait<'_>) -> Duration {
        let dice = &self.dice;
        match wait {
            Wait::Connect => dice.millis(1, 10),
            Wait::Refusal => dice.millis(5, 3000),
            Wait::Beyond => dice.millis(1000, 60_000),
            Wait::Command(kind) => {
                self.death.meets(Point::Command);
                match kind.split(' ').next() {
                    Some("gluster") => dice.millis(50, if dice.percent(3) { 20_000 } else { 1500 }),
                    Some("mkfs.xfs" | "lvcreate" | "pvcreate" | "vgcreate") => dice.millis(20, 800),
                    _ => dice.millis(1, 20),
                }
            }
        }
    }
}
