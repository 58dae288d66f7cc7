//! Scripts: batches that take time. A shell on a node goes through its batch command by command, whoever still
//! listens; several are under way at once, on one node and on many.
//!
//! There is no clock here. Who shares the world calls [`World::go_on`] for each turn of a script and lets time pass in
//! between: a command has begun after one call and has done its work in the next. What happens to the node meanwhile
//! happens to the script. [`World::run`] is all turns at once.
//!
//! | what happens | what becomes of the script |
//! |---|---|
//! | its connection breaks | it ends at its next marker, or (a network that was cut, a server without power) goes on to its end |
//! | its node loses power | it is gone; the command under way has done nothing |
//! | another one has its lock | it waits, and says so when it has waited too long |
//! | another one changes the same volume | glusterd refuses, as it does |

use std::collections::BTreeMap;
use std::sync::Arc;

use mortar_argv::{Batch, Command, Guard, OnFailure, Outcome, Report, script};

use crate::world::{Begun, Met, World};

/// The number of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScriptId(u64);

/// What a script does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It waits for its lock, which another one has.
    Waits,
    /// A command is under way, of this [`Command::kind`].
    Runs(String),
    /// A command is under way and will not end within its limit.
    Hangs,
    /// It has ended.
    Ended,
}

/// Whose time has come within an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Test,
    Main,
}

/// A batch under way.
#[derive(Clone, Debug)]
struct Script {
    node: u32,
    host: String,
    batch: Arc<Batch>,
    /// Whether it has its lock, or needs none.
    begun: bool,
    under_way: Option<Begun>,
    part: Part,
    /// What became of its first items; it is at the one after them.
    outcomes: Vec<Outcome>,
    /// Why its connection broke, and what was known by then.
    broken: Option<(String, Vec<Outcome>)>,
    /// Whether it goes on after its connection broke.
    goes_on: bool,
    ended: bool,
    /// Nobody will ask for its report.
    unheard: bool,
}

/// The scripts of a world. They are not saved: a world that is loaded has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scripts {
    next: u64,
    all: BTreeMap<ScriptId, Script>,
}

impl Script {
    fn new(node: u32, host: &str, batch: &Batch) -> Self {
        let mut script = Self {
            node,
            host: host.to_owned(),
            batch: Arc::new(batch.clone()),
            begun: false,
            under_way: None,
            part: Part::Main,
            outcomes: Vec::with_capacity(batch.items().len()),
            broken: None,
            goes_on: false,
            ended: false,
            unheard: false,
        };
        script.next_item();
        script
    }

    fn next_item(&mut self) {
        let item = self.batch.items().get(self.outcomes.len());
        self.ended |= item.is_none();
        self.part = match item.map(|item| &item.guard) {
            Some(Guard::Unless(_) | Guard::OnlyIf(_)) => Part::Test,
            _ => Part::Main,
        };
    }

    /// The connection breaks. A second time only tells whether it still goes on.
    fn breaks(&mut self, why: &str, goes_on: bool) {
        if self.broken.is_none() && !self.ended {
            self.broken = Some((why.to_owned(), self.outcomes.clone()));
            self.goes_on = true;
        }
        self.goes_on &= goes_on;
        // The marker that tells of its begin finds no reader.
        self.ended |= self.broken.is_some() && !self.goes_on && !self.begun;
    }

    /// The command under way has ended in some way.
    fn met(&mut self, met: Met) {
        let output = match met {
            Met::Ended(output) => output,
            Met::Lost {
                why,
                then: Some(output),
            } => {
                self.breaks(&why, true);
                output
            }
            Met::Lost { why, then: None } => {
                self.breaks(&why, false);
                self.ended = true;
                return;
            }
        };
        let item = &self.batch.items()[self.outcomes.len()];
        if self.part == Part::Test && output.success() == matches!(item.guard, Guard::OnlyIf(_)) {
            self.part = Part::Main;
            return;
        }
        if self.part == Part::Test {
            self.outcomes.push(Outcome::Skipped);
        } else {
            self.ended |= item.on_failure == OnFailure::Stop && !output.success();
            self.outcomes.push(Outcome::Ran(output));
        }
        self.next_item();
        self.ended |= self.broken.is_some() && !self.goes_on;
    }

    /// What its listener knows, once nothing more comes.
    fn report(&self) -> Option<Report> {
        let (mut outcomes, broken, rest) = match &self.broken {
            Some((why, known)) => (known.clone(), Some(why.clone()), Outcome::Unknown),
            None if self.ended => (self.outcomes.clone(), None, Outcome::NotRun),
            None => return None,
        };
        outcomes.resize(self.batch.items().len(), rest);
        Some(Report { outcomes, broken })
    }
}

/// The command whose turn it is.
fn command_of(batch: &Batch, item: usize, part: Part) -> &Command {
    let item = &batch.items()[item];
    match (&item.guard, part) {
        (Guard::Unless(test) | Guard::OnlyIf(test), Part::Test) => test,
        _ => &item.command,
    }
}

impl World {
    /// Starts a batch on a host. Its first turn is still to come.
    ///
    /// # Errors
    /// The host cannot be reached: what the report says then.
    pub fn begin(&mut self, host: &str, batch: &Batch) -> Result<ScriptId, Report> {
        let node = self
            .reach(host)
            .map_err(|why| Report::not_run(batch.items().len(), why))?;
        self.scripts.next += 1;
        let id = ScriptId(self.scripts.next);
        self.scripts.all.insert(id, Script::new(node, host, batch));
        Ok(id)
    }

    /// The next turn of a script: its command under way does its work, and the next one begins.
    pub fn go_on(&mut self, id: ScriptId) -> Turn {
        // Taken out while it works: its node may lose power by what it does.
        let Some(mut script) = self.scripts.all.remove(&id) else {
            return Turn::Ended;
        };
        let batch = Arc::clone(&script.batch);
        if let Some(begun) = script.under_way.take().filter(|_| !script.ended) {
            let command = command_of(&batch, script.outcomes.len(), script.part);
            let met = self.finish(&script.host, script.node, command, begun);
            script.met(met);
        }
        let turn = self.turn(&mut script, &batch);
        if !(script.ended && script.unheard) {
            self.scripts.all.insert(id, script);
        }
        turn
    }

    fn turn(&mut self, script: &mut Script, batch: &Batch) -> Turn {
        if script.ended {
            return Turn::Ended;
        }
        if !script.begun && self.lock_is_held(script.node, batch.lock_name()) {
            return Turn::Waits;
        }
        script.begun = true;
        let command = command_of(batch, script.outcomes.len(), script.part);
        let begun = self.start(&script.host, script.node, command);
        let turn = if begun.hangs() {
            Turn::Hangs
        } else {
            Turn::Runs(command.kind())
        };
        script.under_way = Some(begun);
        turn
    }

    /// Whether a script on that node has begun under this lock and has not ended.
    fn lock_is_held(&self, node: u32, lock: Option<&str>) -> bool {
        let holds = |script: &Script| {
            script.node == node && script.begun && !script.ended && script.batch.lock_name() == lock
        };
        lock.is_some() && self.scripts.all.values().any(holds)
    }

    /// Whether a command under way changes this volume of this pool.
    pub(crate) fn volume_is_locked(&self, pool: u32, volume: &str) -> bool {
        self.scripts.all.values().any(|script| {
            !script.ended
                && script
                    .under_way
                    .as_ref()
                    .is_some_and(|begun| begun.holds(pool, volume))
        })
    }

    /// Whether the script has its lock and has begun with its first command.
    pub fn has_begun(&self, id: ScriptId) -> bool {
        self.scripts.all.get(&id).is_some_and(|script| script.begun)
    }

    /// A script has waited for its lock as long as it may: it ends and has done nothing.
    pub fn waited_too_long(&mut self, id: ScriptId) {
        if let Some(script) = self.scripts.all.get_mut(&id).filter(|script| !script.begun) {
            let nothing = vec![Outcome::NotRun; script.batch.items().len()];
            script
                .broken
                .get_or_insert_with(|| (script::STILL_RUNNING.to_owned(), nothing));
            script.ended = true;
        }
        self.sweep(id);
    }

    /// Whoever listened to a script is gone. The command under way goes on; after it the script ends, unless it
    /// `goes_on`: then nobody there has noticed.
    pub fn hang_up(&mut self, id: ScriptId, goes_on: bool) {
        if let Some(script) = self.scripts.all.get_mut(&id).filter(|script| !script.unheard) {
            script.breaks("nobody listens any more", goes_on);
            script.unheard = true;
        }
        self.sweep(id);
    }

    /// The connection of a script breaks, and its listener hears that. The command under way goes on; after it the script
    /// ends, unless it `goes_on`.
    pub fn lose(&mut self, id: ScriptId, why: &str, goes_on: bool) {
        if let Some(script) = self.scripts.all.get_mut(&id) {
            script.breaks(why, goes_on);
        }
    }

    /// The limit of a script has passed: it and its command are ended, as far as that is possible. A command that does
    /// its work late does it still.
    pub fn give_up(&mut self, id: ScriptId, why: &str) {
        if let Some(script) = self.scripts.all.get_mut(&id) {
            script.breaks(why, false);
            script.ended |= !script.under_way.as_ref().is_some_and(Begun::is_late);
        }
    }

    /// What the listener of a script knows, when it ended or its connection broke. Told once.
    pub fn hear(&mut self, id: ScriptId) -> Option<Report> {
        let script = self.scripts.all.get_mut(&id)?;
        let report = script.report()?;
        script.unheard = true;
        self.sweep(id);
        Some(report)
    }

    fn sweep(&mut self, id: ScriptId) {
        if self
            .scripts
            .all
            .get(&id)
            .is_some_and(|script| script.ended && script.unheard)
        {
            self.scripts.all.remove(&id);
        }
    }

    /// The scripts under way, oldest first, each with its host and batch.
    pub fn scripts(&self) -> impl Iterator<Item = (ScriptId, &str, &Batch)> {
        let all = self.scripts.all.iter().filter(|(_, script)| !script.ended);
        all.map(|(id, script)| (*id, script.host.as_str(), &*script.batch))
    }

    /// The node has no power any more, and no scripts.
    pub(crate) fn scripts_die(&mut self, node: u32) {
        self.scripts.all.retain(|_, script| {
            if script.node == node {
                script.breaks(&format!("the connection to {} broke", script.host), false);
                script.ended = true;
            }
            !(script.ended && script.unheard)
        });
    }

    /// The network of a node goes away: the scripts there go on, and nobody hears them.
    pub(crate) fn scripts_unheard(&mut self, node: u32) {
        for script in self.scripts.all.values_mut().filter(|script| script.node == node) {
            script.breaks(&format!("the connection to {} broke", script.host), true);
        }
    }
}
