//! One life of the server: from its start to a stop, a death, or the end of the history.

use std::sync::Arc;
use std::time::Duration;

use mortar_engine::{Config, Engine, Parts};
use mortar_executor::SimHosts;
use mortar_model::ByteSize;
use mortar_plan::{BlockPolicy, Limits};
use mortar_simulator::ScriptId;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::acts;
use crate::asks;
use crate::book::things;
use crate::death::{Death, Moment, MortalHosts, Tell};
use crate::dice::Dice;
use crate::disk::{Disk, Trouble};
use crate::machines;
use crate::replacing::{self, Watch};
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
    pub(crate) clients: Arc<tokio::sync::Mutex<JoinSet<()>>>,
    pub(crate) watch: Arc<Watch>,
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
        let lost = *dice.pick(&[5, 10, 60]);
        let after = dice.percent(40).then(|| Duration::from_secs(lost));
        let config = Config {
            heal_interval: Some(Duration::from_secs(*dice.pick(&[20, 60, 300]))),
            replace_after: after,
            pool_width: *dice.pick(&[1, 2, 4, 4]),
            running_max: *dice.pick(&[2, 8, 64]),
            open_max: *dice.pick(&[4, 1024, 1024]),
            limits: Limits {
                blocks: BlockPolicy {
                    make_hosting: dice.percent(80),
                    hosting_size: ByteSize::from_gib(6),
                    ..BlockPolicy::default()
                },
                ..Limits::default()
            },
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
            watch: Arc::new(Watch::new(after)),
        };
        let things = life.engine.view(|landscape| things(landscape.inventory()));
        {
            let mut book = site.book();
            book.first.get_or_insert(things);
            // Who set something in a former life is gone with it.
            book.being_set.clear();
        }
        life.remember();
        life.engine.start();
        tokio::spawn(replacing::watch(life.clone()));
        life
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
                    asks::ask(self);
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
    fn leave_scripts(&self) {
        let left = self.hosts.world(|world| ids(world.scripts()));
        for id in left {
            let goes_on = self.site.dice.percent(50);
            self.hosts.world(|world| world.hang_up(id, goes_on));
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
            let scrapped: Vec<String> = site.book().scrapped.values().cloned().collect();
            let well = self.hosts.world(|world| {
                let mut hosts = world.hosts().into_iter().filter(|host| !scrapped.contains(host));
                hosts.all(|host| world.is_well(&host))
            });
            if !well {
                acts::mend(self);
            }
            let scripts = self.hosts.world(|world| world.scripts().count());
            self.reap().await;
            self.adopt();
            let asking = self.clients.lock().await.len();
            let apart = self.hosts.world(|world| world.apart());
            let open = truth::open(&self.engine);
            let settled = machines::settle(self).await;
            if settled && well && asking == 0 && scripts == 0 && apart.is_empty() && open.is_empty() {
                break;
            }
            sleep(Duration::from_secs(2)).await;
        }
        site.tell_faults();
        for id in truth::open(&self.engine) {
            site.wrong(format!("needs somebody's help: {:?}", self.engine.operation(id)));
        }
        for (host, volume) in self.hosts.world(|world| world.apart()) {
            site.wrong(format!(
                "{host} differs from its pool in {volume}, and is not cured"
            ));
        }
        for id in machines::nobodies(self) {
            site.wrong(format!("the machine of node {id} is nobody still"));
        }
        let scrapped: Vec<String> = site.book().scrapped.values().cloned().collect();
        for host in scrapped {
            site.wrong(format!("{host} never comes back, and is not forgotten"));
        }
        End::Over
    }

    /// How many bugs the engine has met and survived.
    pub(crate) fn panics(&self) -> u64 {
        let mut registry = prometheus_client::registry::Registry::default();
        self.engine.metrics().register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        // One line for each kind of thing that a bug may hurt.
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("mortar_panics_total{"))
            .collect();
        assert_eq!(lines.len(), 4, "{text}");
        let counts = lines
            .iter()
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
        counts.sum()
    }
}

fn ids<'a>(scripts: impl Iterator<Item = (ScriptId, &'a str, &'a mortar_argv::Batch)>) -> Vec<ScriptId> {
    scripts.map(|(id, ..)| id).collect()
}
