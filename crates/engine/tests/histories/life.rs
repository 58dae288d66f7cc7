//! One life of the server: from its start to a stop, a death, or the end of the history.

use std::sync::Arc;
use std::time::Duration;

use mortar_engine::{Clock as _, Config, Ended, Engine, OperationState, Outcome, Parts};
use mortar_executor::SimHosts;
use mortar_model::{OperationId, OperationKind, check};
use mortar_plan::Subject;
use mortar_simulator::ScriptId;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::acts;
use crate::book::{Entry, KEEP, check_nodes, things};
use crate::death::{Death, Moment, MortalHosts, Tell};
use crate::dice::Dice;
use crate::disk::{Disk, Trouble};
use crate::site::{Site, Tempo};
use crate::support::bed::Chance;
use crate::support::truth;

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was killed, or lost its power.
    Died,
    /// It was asked to stop.
    Stopped,
    /// The history is over: everything has ended.
    Over,
}

/// A server that lives.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) site: Arc<Site>,
    pub(crate) engine: Engine,
    pub(crate) hosts: SimHosts,
    pub(crate) disk: Arc<Disk>,
    pub(crate) death: Arc<Death>,
    clients: Arc<tokio::sync::Mutex<JoinSet<()>>>,
}

/// A story with each batch in it, where somebody wants to read it.
fn tell_batches(site: &Arc<Site>) -> Option<Tell> {
    let site = Arc::clone(site);
    site.wordy
        .then(|| Box::new(move |line: String| site.tell(line)) as Tell)
}

impl Life {
    /// Opens and starts a server on what is there.
    pub(crate) fn begin(site: &Arc<Site>) -> Self {
        let dice = &site.dice;
        let death = Arc::new(Death::default());
        let pace = Tempo {
            dice: Arc::new(Dice::new(0, dice.below(u64::MAX))),
            death: Arc::clone(&death),
        };
        let hosts = site.hosts.clone().pace(pace);
        hosts.take_up();
        let disk = Disk::new(
            Arc::clone(&site.store),
            Arc::clone(&death),
            Arc::new(Dice::new(1, dice.below(u64::MAX))),
        );
        let parts = Parts {
            store: Arc::new(Arc::clone(&disk)),
            hosts: Arc::new(MortalHosts {
                hosts: hosts.clone(),
                death: Arc::clone(&death),
                tell: tell_batches(site),
            }),
            clock: Arc::clone(&site.time) as _,
            entropy: Arc::new(Chance::new(dice.id())),
        };
        let config = Config {
            pool_width: *dice.pick(&[1, 2, 4, 4]),
            running_max: *dice.pick(&[2, 8, 64]),
            open_max: *dice.pick(&[8, 1024, 1024]),
            ..Config::default()
        };
        let engine = Engine::open(parts, config).unwrap();
        let life = Self {
            site: Arc::clone(site),
            engine,
            hosts,
            disk,
            death,
            clients: Arc::default(),
        };
        let things = life.engine.view(|landscape| things(landscape.inventory()));
        site.book().first.get_or_insert(things);
        life.remember();
        life.engine.start();
        life
    }

    /// Clients come back: they ask again for what they were told, and for what they have not heard of yet. Operations
    /// whose client got no answer are followed by nobody else, so they are now.
    fn remember(&self) {
        let (all, _) = self.engine.operations(usize::MAX);
        let now = self.site.time.now_ms();
        let mut left = Vec::new();
        for state in &all {
            match state {
                OperationState::Ended(ended) => {
                    let ago = Duration::from_millis(now.saturating_sub(ended.ended));
                    self.told(ended, self.site.time.passed() + KEEP.saturating_sub(ago));
                }
                OperationState::Open(operation) => {
                    self.enter(operation.id);
                    left.push(operation.id);
                }
            }
        }
        let known: Vec<OperationId> = all.iter().map(OperationState::id).collect();
        let mut book = self.site.book();
        let mut vanished = Vec::new();
        for (id, entry) in &mut book.entries {
            match &mut entry.told {
                // Not asked for above: its time was over when the server started.
                Some((_, until)) if !known.contains(id) => *until = Duration::ZERO,
                None if !known.contains(id) => vanished.push(*id),
                _ => {}
            }
        }
        for id in vanished {
            let entry = book.entries.get_mut(&id).unwrap();
            entry.expired = true;
            let excused = self.site.time.jumped_far();
            if !excused {
                drop(book);
                self.site
                    .wrong(format!("operation {id} is not known after a restart"));
                book = self.site.book();
            }
        }
        drop(book);
        for id in left {
            self.spawn(self.clone().follow(id));
        }
    }

    /// Enters an operation that was accepted.
    pub(crate) fn enter(&self, id: OperationId) {
        let (kind, plan) = match self.engine.operation(id) {
            Some(OperationState::Open(operation)) => (operation.kind, Some(operation.plan)),
            Some(OperationState::Ended(ended)) => (ended.kind, None),
            None => {
                return self
                    .site
                    .wrong(format!("operation {id} was accepted and is not known"));
            }
        };
        let entry = || Entry {
            kind,
            plan,
            told: None,
            expired: false,
        };
        self.site.book().entries.entry(id).or_insert_with(entry);
    }

    /// Follows operations whose client went away.
    fn adopt(&self) {
        let (all, _) = self.engine.operations(usize::MAX);
        for state in all {
            let known = self.site.book().entries.contains_key(&state.id());
            match state {
                _ if known => {}
                OperationState::Ended(ended) => self.told(&ended, self.site.time.passed() + KEEP),
                OperationState::Open(operation) => {
                    self.enter(operation.id);
                    self.spawn(self.clone().follow(operation.id));
                }
            }
        }
    }

    /// Runs something for a client.
    pub(crate) fn spawn(&self, client: impl Future<Output = ()> + Send + 'static) {
        self.clients
            .try_lock()
            .expect("nobody holds it while others run")
            .spawn(client);
    }

    /// Asks for an operation until it has ended.
    pub(crate) async fn follow(self, id: OperationId) {
        let mut parked = false;
        loop {
            let state = self.engine.wait(id, Duration::from_secs(20)).await;
            if self.death.is_dead() {
                return std::future::pending().await;
            }
            match state {
                None => return self.site.wrong(format!("operation {id} is not known any more")),
                Some(OperationState::Ended(ended)) => {
                    return self.told(&ended, self.site.time.passed() + KEEP);
                }
                Some(OperationState::Open(operation)) if operation.needs_attention() => {
                    if !parked {
                        self.site.count("needed attention");
                        self.site
                            .tell(format!("  {id} needs attention: {:?}", operation.phase));
                    }
                    parked = true;
                    sleep(Duration::from_secs(5)).await;
                }
                Some(OperationState::Open(_)) => parked = false,
            }
        }
    }

    /// A client is told how an operation ended: is it true?
    pub(crate) fn told(&self, ended: &Ended, until: Duration) {
        let site = &self.site;
        let (plan, before) = {
            let mut book = site.book();
            let entry = book.entries.entry(ended.id).or_insert_with(|| Entry {
                kind: ended.kind,
                plan: None,
                told: None,
                expired: false,
            });
            let before = entry.told.replace((ended.clone(), until));
            (entry.plan.clone(), before)
        };
        if let Some((before, _)) = before {
            if before != *ended {
                site.wrong(format!("an answer has changed: {before:?} became {ended:?}"));
            }
            return;
        }
        let done = matches!(ended.outcome, Outcome::Done { .. });
        let outcome = match &ended.outcome {
            Outcome::Done { .. } => "done".to_owned(),
            Outcome::Failed { reason } => format!("undone: {reason}"),
        };
        site.tell_faults();
        if ended.kind != OperationKind::Record {
            site.tell(format!("  {} {} is {outcome}", ended.kind, ended.id));
            site.count(format!("{} {}", ended.kind, if done { "done" } else { "undone" }));
        }
        let changed_since = ended
            .subject
            .is_some_and(|subject| self.changed_since(ended, subject));
        // What is gone by now was looked at when its removal was told; what was never made stays so.
        if let Some(plan) = plan.filter(|_| !changed_since) {
            let wrong = self
                .hosts
                .world(|world| check_nodes(&self.engine, world, &plan, done));
            for what in wrong {
                site.wrong(format!(
                    "{} {} was told to be {outcome}: {what}",
                    ended.kind, ended.id
                ));
            }
        }
        self.sound();
    }

    /// Whether something was done to the thing since, or is under way.
    fn changed_since(&self, ended: &Ended, subject: Subject) -> bool {
        let holder = self.engine.view(|landscape| landscape.holder(subject));
        let made =
            ended.kind == OperationKind::CreateVolume && matches!(ended.outcome, Outcome::Failed { .. });
        let removed = ended.kind != OperationKind::DeleteVolume
            && self.site.book().asked(OperationKind::DeleteVolume, subject);
        !made && (removed || holder.is_some())
    }

    /// Space is not promised twice, and the records hold together.
    pub(crate) fn sound(&self) {
        let wrong: Vec<String> = self.engine.view(|landscape| {
            let inventory = landscape.inventory();
            let mut wrong: Vec<String> = check::check(inventory)
                .into_iter()
                .map(|violation| violation.0)
                .collect();
            for device in inventory.devices() {
                if landscape.used(device.id) > device.total {
                    wrong.push(format!(
                        "device {} has {} and promised {}",
                        device.id,
                        device.total,
                        landscape.used(device.id)
                    ));
                }
            }
            wrong
        });
        for what in wrong {
            self.site.wrong(what);
        }
    }

    /// Does this and that until the life ends.
    pub(crate) async fn run(self, acts: u64, last: bool) -> End {
        let death = Arc::clone(&self.death);
        tokio::select! {
            biased;
            () = death.comes() => {
                self.site.tell_faults();
                self.site.tell("the server dies");
                self.leave_scripts();
                End::Died
            }
            end = self.act(acts, last) => end,
        }
    }

    async fn act(&self, acts: u64, last: bool) -> End {
        let site = &self.site;
        for _ in 0..acts {
            let long = site.dice.percent(8);
            sleep(site.dice.millis(0, if long { 200_000 } else { 4000 })).await;
            site.tell_faults();
            acts::act(self).await;
            self.adopt();
            self.sound();
            if self.disk.trouble() == Trouble::Failed && site.dice.percent(50) {
                site.tell("an operator finds the disk failed");
                return self.stop().await;
            }
        }
        if last {
            return self.mend_and_rest().await;
        }
        if site.dice.percent(40) {
            self.stop().await
        } else {
            let moment = *site.dice.pick(&[
                Moment::BeforeWrite(site.dice.between(1, 8)),
                Moment::AfterWrite(site.dice.between(1, 8)),
                Moment::Command(site.dice.between(1, 60)),
                Moment::Time(site.dice.millis(0, 5000)),
            ]);
            site.count(format!("death {}", moment.name()));
            site.tell(format!("the server will die at {moment:?}"));
            self.death.set(moment);
            let limit = if let Moment::Time(time) = moment {
                time
            } else {
                // Something has to happen for it to die of.
                for _ in 0..3 {
                    acts::ask(self);
                }
                Duration::from_secs(600)
            };
            sleep(limit).await;
            self.death.strike();
            std::future::pending().await
        }
    }

    /// The server is asked to stop, and stops.
    async fn stop(&self) -> End {
        let limit = self.site.dice.millis(0, 40_000);
        self.site.count("graceful stop");
        self.site
            .tell(format!("the server is asked to stop within {limit:?}"));
        self.engine.stop(limit).await;
        self.disk.flush().await;
        self.leave_scripts();
        End::Stopped
    }

    /// The server is gone, and with it all connections. Scripts notice at once or not at all.
    ///
    /// Known and to be mended elsewhere: a step of a pool whose script goes on at one member may be begun at another. So
    /// what a script does to a pool is done by now or never.
    fn leave_scripts(&self) {
        self.part_from(|_| true);
        let left = self.hosts.world(|world| ids(world.scripts()));
        for id in left {
            let goes_on = self.site.dice.percent(50);
            self.hosts.world(|world| world.hang_up(id, goes_on));
        }
    }

    /// Ends the scripts that change a pool, on these hosts.
    pub(crate) fn part_from(&self, host: impl Fn(&str) -> bool) {
        let pool = self.hosts.world(|world| {
            ids(world.scripts().filter(|(_, on, batch)| {
                host(on)
                    && batch
                        .items()
                        .iter()
                        .any(|item| item.command.program() == "gluster")
            }))
        });
        for id in pool {
            let done = self.site.dice.percent(50);
            self.hosts.world(|world| {
                if done {
                    // Its command under way does its work now, and the next marker finds no reader.
                    world.lose(id, "the connection broke", false);
                    world.go_on(id);
                } else {
                    world.give_up(id, "the connection broke");
                    // One that would do its work late does it now.
                    world.go_on(id);
                }
            });
        }
    }

    /// Everything that is broken is mended; then the engine must come to rest by itself.
    async fn mend_and_rest(&self) -> End {
        let site = &self.site;
        acts::mend(self);
        if self.disk.trouble() == Trouble::Failed {
            site.tell("an operator finds the disk failed");
            return self.stop().await;
        }
        if site.dice.percent(30) {
            return self.stop().await;
        }
        if site.dice.percent(20) {
            site.count("death when mended");
            self.death.strike();
            return std::future::pending().await;
        }
        self.rest().await
    }

    /// Waits until nothing is open any more and every client was told.
    pub(crate) async fn rest(&self) -> End {
        let site = &self.site;
        let begun = tokio::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(3600) && site.book().wrong.is_empty() {
            // A fault that struck before the faults were cleared may have its effect only now.
            let well = self
                .hosts
                .world(|world| world.hosts().iter().all(|host| world.is_well(host)));
            if !well {
                acts::mend(self);
            }
            let scripts = self.hosts.world(|world| world.scripts().count());
            self.reap().await;
            self.adopt();
            let asking = self.clients.lock().await.len();
            if well && asking == 0 && scripts == 0 && truth::open(&self.engine).is_empty() {
                break;
            }
            sleep(Duration::from_secs(2)).await;
        }
        site.tell_faults();
        for id in truth::open(&self.engine) {
            site.wrong(format!("needs somebody's help: {:?}", self.engine.operation(id)));
        }
        End::Over
    }

    /// How many bugs the engine has met and survived.
    pub(crate) fn panics(&self) -> u64 {
        let mut registry = prometheus_client::registry::Registry::default();
        self.engine.metrics().register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("mortar_panics_total "));
        line.unwrap().parse().unwrap()
    }

    /// Clients whose task met a bug of the test.
    pub(crate) async fn reap(&self) {
        let mut clients = self.clients.lock().await;
        while let Some(ended) = clients.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}

fn ids<'a>(scripts: impl Iterator<Item = (ScriptId, &'a str, &'a mortar_argv::Batch)>) -> Vec<ScriptId> {
    scripts.map(|(id, ..)| id).collect()
}
