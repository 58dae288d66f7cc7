//! What clients and those who kill share: where the server is now, what was seen going wrong, the diary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mortar_lab::Lab;
use reqwest::Method;
use serde_json::Value;

use crate::door::{Said, ask_at, token};
use crate::server::ADMIN_KEY;
use crate::site::Site;

/// More than anything takes here, a node's absence and the work that waited for it included. What takes longer
/// counts as in need of a person.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);
/// Pause of a client before it asks again.
const PAUSE: Duration = Duration::from_millis(50);

/// Something that must not be, in words; or that the soak is over for another such reason.
pub(crate) type Wrong = String;

/// What all threads of the soak share.
pub(crate) struct World {
    pub(crate) lab: Lab,
    pub(crate) cluster: String,
    /// What names of volumes begin with.
    pub(crate) prefix: String,
    pub(crate) seed: u64,
    /// Where the server was last: a restart gives it another port.
    address: Mutex<String>,
    over: AtomicBool,
    wrongs: Mutex<Vec<Wrong>>,
    counts: Mutex<BTreeMap<String, u64>>,
    /// Cures of members that the server made, by the id of their operation: what it was about.
    cures: Mutex<BTreeMap<String, String>>,
    diary: Mutex<Vec<String>>,
    begun: Instant,
}

impl World {
    pub(crate) fn new(site: &Site, prefix: &str, seed: u64) -> Self {
        Self {
            lab: site.lab.clone(),
            cluster: site.cluster.clone(),
            prefix: prefix.to_owned(),
            seed,
            address: Mutex::new(site.server.address().to_owned()),
            over: AtomicBool::new(false),
            wrongs: Mutex::default(),
            counts: Mutex::default(),
            cures: Mutex::default(),
            diary: Mutex::default(),
            begun: Instant::now(),
        }
    }

    /// The server is here from now on.
    pub(crate) fn moved(&self, address: &str) {
        *lock(&self.address) = address.to_owned();
    }

    /// From now on clients end what they are at, and begin nothing.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst) || self.has_failed()
    }

    /// Held by a thread for which others wait: should it panic, they wait no more.
    pub(crate) fn told_of_panic(&self) -> impl Drop + '_ {
        OfPanic(self)
    }

    /// Notes what must not be.
    pub(crate) fn wrong(&self, who: &str, what: &str) {
        self.tell(who, format!("WRONG: {what}"));
        lock(&self.wrongs).push(format!("{who}: {what}"));
    }

    pub(crate) fn has_failed(&self) -> bool {
        !lock(&self.wrongs).is_empty()
    }

    pub(crate) fn wrongs(&self) -> Vec<Wrong> {
        lock(&self.wrongs).clone()
    }

    /// One line of the diary.
    pub(crate) fn tell(&self, who: &str, what: impl Display) {
        let at = self.begun.elapsed().as_secs_f64();
        lock(&self.diary).push(format!("{at:9.3} {who}: {what}"));
    }

    pub(crate) fn diary(&self) -> Vec<String> {
        lock(&self.diary).clone()
    }

    pub(crate) fn count(&self, what: &str) {
        *lock(&self.counts).entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        lock(&self.counts).clone()
    }

    /// Cures of members that were seen under way.
    pub(crate) fn cures(&self) -> BTreeMap<String, String> {
        lock(&self.cures).clone()
    }

    /// Notes a cure that is under way.
    fn see_cure(&self, operation: &Value) {
        if operation["kind"] != "cure-member" {
            return;
        }
        let (id, node) = (text(operation, "id"), text(&operation["subject"], "name"));
        if lock(&self.cures).insert(id.clone(), node.clone()).is_none() {
            self.tell("server", format!("cures {node}: {id}"));
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Sends one request, once; `None` when no answer came, and nobody can tell what became of it.
    pub(crate) fn try_ask(&self, method: &Method, place: &str, body: Option<&Value>) -> Option<Said> {
        let address = lock(&self.address).clone();
        let path = place.split_once('?').map_or(place, |(path, _)| path);
        let token = token(ADMIN_KEY, method, path);
        ask_at(&address, method, place, body, Some(&token))
    }

    /// Asks until there is an answer: for what changes nothing.
    pub(crate) fn get(&self, place: &str) -> Result<Said, Wrong> {
        let patience = Patience::new(format!("GET {place} is answered"));
        loop {
            match self.try_ask(&Method::GET, place, None) {
                Some(said) if !is_later(&said) => return Ok(said),
                _ => patience.pause(self)?,
            }
        }
    }

    /// Operations that have not ended.
    pub(crate) fn open_operations(&self) -> Result<Vec<Value>, Wrong> {
        let said = self.get("/v1/operations?open=true&limit=1000")?;
        operations(&said)
    }

    /// Their ids, when the server is there to tell.
    pub(crate) fn try_open(&self) -> Option<BTreeSet<String>> {
        let said = self.try_ask(&Method::GET, "/v1/operations?open=true&limit=1000", None)?;
        let open = operations(&said).ok()?;
        open.iter().for_each(|operation| self.see_cure(operation));
        Some(open.iter().map(|operation| text(operation, "id")).collect())
    }
}

struct OfPanic<'a>(&'a World);

impl Drop for OfPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.wrong("the soak itself", "it panicked");
        }
    }
}

fn operations(said: &Said) -> Result<Vec<Value>, Wrong> {
    match said.json()["operations"].as_array() {
        Some(list) if said.status == 200 => Ok(list.clone()),
        _ => Err(format!("operations cannot be listed: {said:?}")),
    }
}

/// The same later: the server is too busy, or about to end.
pub(crate) fn is_later(said: &Said) -> bool {
    matches!(said.status, 429 | 503)
}

/// A text of a JSON object; empty when it has none of that name.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for something that has a limit.
pub(crate) struct Patience {
    what: String,
    begun: Instant,
}

impl Patience {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            begun: Instant::now(),
        }
    }

    /// A short pause before the next try; or no more, since it took too long or something else went wrong.
    pub(crate) fn pause(&self, world: &World) -> Result<(), Wrong> {
        if self.begun.elapsed() > PATIENCE {
            return Err(format!("{}: not within {PATIENCE:?}", self.what));
        }
        if world.has_failed() {
            return Err(format!(
                "{}: given up, as something went wrong elsewhere",
                self.what
            ));
        }
        std::thread::sleep(PAUSE);
        Ok(())
    }
}
