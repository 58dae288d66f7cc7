//! Those who kill: the server by one, a node at a time by another.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::recovery::{Killed, Recoveries};
use crate::site::Site;
use crate::world::{PATIENCE, Patience, World, Wrong, lock};

/// Pause between two looks at what is open.
const LOOK: Duration = Duration::from_millis(40);
/// Longest time that a node is away.
const AWAY: Duration = Duration::from_secs(8);
/// Longest time that the server is away.
const SERVER_AWAY: Duration = Duration::from_secs(1);
/// Streams of chance, beside those of the clients.
const SERVER_STREAM: u64 = 1000;
const NODE_STREAM: u64 = 1001;

/// How often what is killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kills {
    pub(crate) server: u64,
    pub(crate) node: u64,
}

/// What the two who kill know of each other.
pub(crate) struct Storm<'a> {
    world: &'a World,
    kills: Kills,
    server_kills: AtomicU64,
    node_kills: AtomicU64,
    node_away: AtomicBool,
    pub(crate) recoveries: Mutex<Recoveries>,
}

impl<'a> Storm<'a> {
    pub(crate) fn new(world: &'a World, kills: Kills) -> Self {
        Self {
            world,
            kills,
            server_kills: AtomicU64::new(0),
            node_kills: AtomicU64::new(0),
            node_away: AtomicBool::new(false),
            recoveries: Mutex::default(),
        }
    }

    /// How often what was killed so far.
    pub(crate) fn killed(&self) -> Kills {
        Kills {
            server: self.server_kills.load(Ordering::SeqCst),
            node: self.node_kills.load(Ordering::SeqCst),
        }
    }

    /// Kills the server at random instants and starts it again on its store, from the thread that the server's life
    /// is tied to. In the middle of each part of its kills it has a node killed, and the part ends when that is over: so
    /// it is killed with all nodes up, with one away, and while what waited for that one goes on.
    pub(crate) fn server(&self, site: &mut Site, nodes: &Sender<()>) {
        let mut chance = Chance::new(self.world.seed, SERVER_STREAM);
        let parts = self.kills.node.max(1);
        for part in 0..parts {
            let (from, to) = (
                part * self.kills.server / parts,
                (part + 1) * self.kills.server / parts,
            );
            for kill in from..=to {
                if kill == from.midpoint(to) && self.kills.node > 0 {
                    self.recovered();
                    // Nobody listens any more when something went wrong there.
                    let _ = nodes.send(());
                }
                if kill == to {
                    break;
                }
                let longest = [200, 1500, 6000][usize::try_from(chance.below(3)).expect("below 3")];
                self.watch(chance.within(Duration::from_millis(longest)));
                if self.world.has_failed() {
                    return;
                }
                let brief = chance.percent(50);
                let away = if brief {
                    Duration::ZERO
                } else {
                    chance.within(SERVER_AWAY)
                };
                self.kill_server(site, away, kill + 1);
            }
            while self.kills.node > part && self.node_kills.load(Ordering::SeqCst) <= part {
                if self.world.has_failed() {
                    return;
                }
                self.watch(LOOK);
            }
        }
    }

    /// Waits until what was open at earlier kills has ended.
    fn recovered(&self) {
        let begun = Instant::now();
        while !lock(&self.recoveries).open(None).is_empty() && !self.world.has_failed() {
            self.watch(LOOK);
            if begun.elapsed() > PATIENCE {
                let open = lock(&self.recoveries).open(None);
                self.world.wrong(
                    "storm",
                    &format!("not ended within {PATIENCE:?} after a kill: {open:?}"),
                );
            }
        }
    }

    fn kill_server(&self, site: &mut Site, away: Duration, kill: u64) {
        self.world.tell("storm", format!("server killed ({kill})"));
        let since = Instant::now();
        site.server.kill();
        std::thread::sleep(away);
        site.server.again_with(&["--log", "info,mortar_engine=debug"]);
        self.world.moved(site.server.address());
        self.server_kills.store(kill, Ordering::SeqCst);
        let Some(open) = self.world.try_open() else {
            return self
                .world
                .wrong("storm", "a server that was just started does not answer");
        };
        self.world.tell(
            "storm",
            format!("server is back, {} operations are open", open.len()),
        );
        let mut recoveries = lock(&self.recoveries);
        recoveries.begin(Killed::Server, since, open);
        if self.node_away.load(Ordering::SeqCst) {
            recoveries.node_away();
        }
        drop(recoveries);
        if kill.is_multiple_of(10) {
            self.progress();
        }
    }

    /// Looks at what is open for this long, at least once.
    pub(crate) fn watch(&self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            if let Some(open) = self.world.try_open() {
                lock(&self.recoveries).see(&open);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }

    fn progress(&self) {
        let killed = self.killed();
        eprintln!(
            "{:6.0} s: server killed {} of {} times, nodes {} of {}; recovery so far: {}",
            self.world.elapsed().as_secs_f64(),
            killed.server,
            self.kills.server,
            killed.node,
            self.kills.node,
            lock(&self.recoveries).times(Killed::Server)
        );
    }

    /// Kills a node each time that it is asked to, soon after, and starts it again while everything goes on.
    pub(crate) fn nodes(&self, asked: &Receiver<()>) {
        let mut chance = Chance::new(self.world.seed, NODE_STREAM);
        for kill in 1.. {
            if asked.recv().is_err() {
                return;
            }
            std::thread::sleep(chance.within(Duration::from_secs(2)));
            let nodes = self.world.lab.nodes();
            let node = &nodes[usize::try_from(chance.below(nodes.len() as u64)).expect("few nodes")].name;
            if let Err(wrong) = self.kill_node(node, chance.within(AWAY)) {
                return self.world.wrong("storm", &wrong);
            }
            self.node_kills.store(kill, Ordering::SeqCst);
        }
    }

    /// Starts a node. Where its glusterd does not start, because of a record that the power cut left half written, the server
    /// has to see to that.
    fn start_node(&self, node: &str) -> Result<(), Wrong> {
        let lab = &self.world.lab;
        let Err(error) = lab.start(node) else {
            return Ok(());
        };
        self.world
            .tell("storm", format!("{node} does not start: {error}"));
        self.world.count("nodes whose glusterd did not start by itself");
        let patience = Patience::new(format!("glusterd of {node} is started: {error}"));
        let answers = ["gluster", "--mode=script", "pool", "list"];
        while !lab
            .exec(node, &answers, PATIENCE)
            .is_ok_and(|output| output.status.success())
        {
            patience.pause(self.world)?;
        }
        Ok(())
    }

    fn kill_node(&self, node: &str, away: Duration) -> Result<(), Wrong> {
        let lab = &self.world.lab;
        self.world.tell("storm", format!("{node} killed"));
        self.node_away.store(true, Ordering::SeqCst);
        lock(&self.recoveries).node_away();
        lab.kill(node).map_err(|error| error.to_string())?;
        std::thread::sleep(away);
        self.start_node(node)?;
        let since = Instant::now();
        self.world.tell("storm", format!("{node} is back"));
        let open = self.world.open_operations()?;
        let open = open.iter().map(|operation| crate::world::text(operation, "id"));
        lock(&self.recoveries).begin(Killed::Node, since, open.collect());
        // What was open when it came back ends by itself.
        let patience = Patience::new(format!("all that was open when {node} came back has ended"));
        loop {
            let open = lock(&self.recoveries).open(Some(Killed::Node));
            if open.is_empty() {
                break;
            }
            patience
                .pause(self.world)
                .map_err(|why| format!("{why}: {open:?}"))?;
        }
        self.node_away.store(false, Ordering::SeqCst);
        self.world.tell(
            "storm",
            format!(
                "what was open when {node} came back has ended after {:?}",
                since.elapsed()
            ),
        );
        Ok(())
    }

    /// Waits until nothing is open any more.
    pub(crate) fn rest(&self) -> Result<(), Wrong> {
        let begun = Instant::now();
        loop {
            self.watch(LOOK);
            let open = self.world.open_operations()?;
            if open.is_empty() && lock(&self.recoveries).open(None).is_empty() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{} operations need a person: {open:#?}", open.len()));
            }
        }
    }
}
