//! What tests and operators do to a world: power, network, processes, faults, crash points; saving and loading.

use crate::faults::{Fault, Struck};
use crate::gluster::State;
use crate::mounts;
use crate::node::Found;
use crate::world::World;

/// What tests and operators of a world do to it.
impl World {
    /// The node loses its power: its processes, its mounts and what is in `/run` are gone.
    pub fn kill_node(&mut self, host: &str) {
        if let Some(node) = self.named(host) {
            self.kill(node);
        }
    }

    pub(crate) fn kill(&mut self, node: u32) {
        self.scripts_die(node);
        self.each_brick_of(node, |world, brick, _, _| world.stop_brick(brick));
        let Self { names, nodes, .. } = self;
        let machine = &mut nodes[node as usize];
        machine.powered = false;
        machine.glusterd = false;
        machine.watches.clear();
        mounts::drop_all(machine, names);
        if let Ok(place) = machine.find(names, "/run/lock")
            && let Found::Dir(_) = machine.look(&place)
        {
            machine.dir_mut(&place).children.clear();
        }
    }

    /// The node starts: it mounts what its tables name, then glusterd starts its bricks.
    pub fn start_node(&mut self, host: &str) {
        self.power_on(host, true);
    }

    /// The node starts, but mounts none of its bricks: its mount entries are as they were. So a machine comes back whose
    /// init system gave up on its mounts, as `nofail` has it do. glusterd finds no folder to start a brick in.
    pub fn start_node_without_mounts(&mut self, host: &str) {
        self.power_on(host, false);
    }

    fn power_on(&mut self, host: &str, mounts: bool) {
        let Some(node) = self.named(host) else { return };
        let Self {
            names, nodes, config, ..
        } = self;
        let machine = &mut nodes[node as usize];
        if machine.powered {
            return;
        }
        machine.powered = true;
        machine.boot_errors.clear();
        if mounts {
            mounts::mount_tables(machine, names, &config.mount_tables);
        }
        self.start_glusterd(host);
    }

    /// Whether a host has power and network and runs glusterd.
    pub fn is_well(&self, host: &str) -> bool {
        self.named(host)
            .is_some_and(|node| self.nodes[node as usize].glusterd_answers())
    }

    /// The node's network goes away: nobody reaches it, and its glusterd reaches nobody. Its processes run on, the
    /// scripts under way there too.
    pub fn cut(&mut self, host: &str) {
        self.set_reachable(host, false);
        if let Some(node) = self.named(host) {
            self.scripts_unheard(node);
        }
    }

    /// The node's network comes back.
    pub fn join(&mut self, host: &str) {
        let was_cut = self
            .named(host)
            .is_some_and(|node| !self.nodes[node as usize].reachable);
        self.set_reachable(host, true);
        if let Some(node) = self
            .named(host)
            .filter(|node| self.nodes[*node as usize].glusterd)
        {
            if was_cut {
                self.meets_others(node);
            }
            self.settle_bricks(node);
        }
    }

    fn set_reachable(&mut self, host: &str, reachable: bool) {
        if let Some(node) = self.named(host) {
            self.nodes[node as usize].reachable = reachable;
        }
    }

    /// glusterd ends; the bricks' processes run on, as with `systemctl stop glusterd`.
    pub fn stop_glusterd(&mut self, host: &str) {
        if let Some(node) = self.named(host) {
            self.stop_daemon(node);
        }
    }

    /// glusterd starts, and with it the bricks of started volumes; bricks of stopped ones end. On a node that lost its
    /// root file system this stands for what its manual has one do: the node gets its old UUID back, and its peers
    /// tell it the rest.
    pub fn start_glusterd(&mut self, host: &str) {
        let Some(node) = self.named(host).filter(|node| self.nodes[*node as usize].powered) else {
            return;
        };
        if self.nodes[node as usize].glusterd {
            self.settle_bricks(node);
        } else {
            self.begin_glusterd(node);
        }
    }

    pub(crate) fn settle_bricks(&mut self, node: u32) {
        self.each_brick_of(node, |world, brick, stamp, started| {
            match (started, brick.process) {
                (true, None) => world.start_brick(stamp, brick),
                (false, Some(_)) => world.stop_brick(brick),
                _ => {}
            }
        });
    }

    /// Kills the process of one brick, which stays down until its volume is started again by force or its
    /// node's glusterd starts. Returns whether it ran.
    pub fn kill_brick(&mut self, host: &str, path: &str) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let mut ran = false;
        self.each_brick_of(node, |world, brick, _, _| {
            if world.names.read(&brick.path) == path {
                ran |= brick.process.is_some();
                world.stop_brick(brick);
            }
        });
        ran
    }

    /// Gives a volume a snapshot, which stands in the way of its deletion. Returns whether the volume exists and is
    /// started: GlusterFS makes none of one that is not.
    pub fn add_snapshot(&mut self, host: &str, volume: &str, name: &str) -> bool {
        let number = self.named(host).and_then(|node| self.volume_number(node, volume));
        let Some(found) = number.and_then(|number| self.gluster.volumes.get_mut(number)) else {
            return false;
        };
        if found.state != State::Started {
            return false;
        }
        found.rare().snapshots.push(name.into());
        true
    }

    /// Lets something go wrong.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.add(fault);
    }

    /// Forgets the faults that have not struck yet, and a halt.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
        self.halt = None;
    }

    /// How many faults have not struck yet.
    pub fn faults_waiting(&self) -> usize {
        self.faults.count()
    }

    /// The faults that have struck since this was last asked, in the order in which they did.
    pub fn take_struck(&mut self) -> Vec<Struck> {
        self.faults.take_struck()
    }

    /// Commands run so far, tests of guards included: the crash points of a run. Run once to count them, then
    /// once per point with [`World::halt_after`].
    pub fn commands_run(&self) -> u64 {
        self.commands
    }

    /// Changing commands run so far: what [`crate::When::Change`] counts.
    pub fn changes_run(&self) -> u64 {
        self.changes
    }

    /// After so many commands (as [`World::commands_run`] counts them) nothing is run any more, and no batch
    /// reaches a node: what the nodes see of a server that dies there. [`World::resume`] ends it.
    pub fn halt_after(&mut self, commands: u64) {
        self.halt = Some(commands);
    }

    /// Ends a halt.
    pub fn resume(&mut self) {
        self.halt = None;
    }

    /// The world as JSON, to be kept over a restart.
    ///
    /// # Errors
    /// Only when memory for the text runs out in the serialiser.
    pub fn save(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// A world that was saved.
    ///
    /// # Errors
    /// When the text is no saved world.
    pub fn load(saved: &str) -> Result<Self, serde_json::Error> {
        let mut world: Self = serde_json::from_str(saved)?;
        world.index();
        Ok(world)
    }

    /// Makes the look-up tables that are not saved.
    fn index(&mut self) {
        let mut bricks = Vec::new();
        for (number, volume) in self.gluster.volumes.iter() {
            if let Some(pool) = self.gluster.pools.get_mut(volume.pool) {
                pool.volumes.insert(volume.name.clone(), number);
            }
            for brick in &volume.bricks {
                bricks.push((
                    brick.node,
                    crate::stamp::hash(&self.names.read(&brick.path)),
                    number,
                ));
            }
        }
        for (node, code, number) in bricks {
            if let Some(node) = self.nodes.get_mut(node as usize) {
                node.bricks.insert((code, number));
            }
        }
    }
}
