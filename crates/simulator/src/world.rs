//! The world: its nodes, how commands reach them, and what tests do to it.

use std::collections::BTreeMap;

use mortar_argv::{Batch, Command, Guard, OnFailure, Outcome, Output, Report};
use serde::{Deserialize, Serialize};

use crate::config::WorldConfig;
use crate::faults::{self, Effect, Fault, Faults};
use crate::gluster::{self, Gluster, Pool};
use crate::node::{Contents, Disk, Found, Node};
use crate::stamp::Stamps;
use crate::text::Names;
use crate::tool::{self, Shell};
use crate::tree::{FileSystem, FsKind};
use crate::{lines, mounts};

/// A simulated world: many nodes in one or several trusted pools.
///
/// Everything that happens in it is decided by its configuration and by the calls made on it, in their order:
/// there is no clock, no thread and no other source of chance. It is not locked; who shares it locks it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    pub(crate) config: WorldConfig,
    pub(crate) names: Names,
    pub(crate) stamps: Stamps,
    pub(crate) nodes: Vec<Node>,
    /// Nodes by their names and aliases.
    pub(crate) hosts: BTreeMap<Box<str>, u32>,
    pub(crate) gluster: Gluster,
    faults: Faults,
    commands: u64,
    changes: u64,
    halt: Option<u64>,
}

/// What one command came to, before it is told to anybody.
enum Met {
    /// It ended.
    Ended(Output),
    /// Its end is not known. `goes_on`: the rest of the batch runs, unseen.
    Lost { goes_on: bool, why: String },
}

impl World {
    /// A world without nodes.
    pub fn new(config: WorldConfig) -> Self {
        let stamps = Stamps::new(config.seed);
        Self {
            config,
            names: Names::default(),
            stamps,
            nodes: Vec::new(),
            hosts: BTreeMap::new(),
            gluster: Gluster::default(),
            faults: Faults::default(),
            commands: 0,
            changes: 0,
            halt: None,
        }
    }

    /// Adds a node with the disks and directories of the configuration. A host that exists stays as it is.
    pub fn add_node(&mut self, host: &str) {
        self.node_made(host);
    }

    /// Gives a node one more name. A name that is taken stays with its node; an unknown host is left alone.
    pub fn add_alias(&mut self, host: &str, alias: &str) {
        if let Some(node) = self.hosts.get(host).copied() {
            self.hosts.entry(alias.into()).or_insert(node);
        }
    }

    /// Adds a blank disk to a node. Returns whether the node exists and has no disk of that name yet.
    pub fn add_disk(&mut self, host: &str, path: &str, size: u64) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let name = self.names.word(path);
        let disks = &mut self.nodes[node as usize].disks;
        if disks.iter().any(|disk| disk.name == name) {
            return false;
        }
        disks.push(Disk {
            name,
            size,
            contents: Contents::Blank,
        });
        true
    }

    /// Puts something of somebody else's on a disk. Returns whether the disk exists.
    pub fn spoil_disk(&mut self, host: &str, path: &str, with: Foreign) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let machine = &mut self.nodes[node as usize];
        let Some(crate::block::Device::Disk(index)) = crate::block::device(machine, &self.names, path) else {
            return false;
        };
        machine.disks[index].contents = match with {
            Foreign::Xfs | Foreign::Ext4 => {
                let kind = if with == Foreign::Xfs {
                    FsKind::Xfs
                } else {
                    FsKind::Ext4
                };
                let uuid = self.stamps.next();
                let size = machine.disks[index].size;
                let system = FileSystem::new(kind, self.stamps.uuid(uuid), size);
                Contents::FileSystem(machine.systems.add(system))
            }
            Foreign::Partitions(count) => Contents::Partitions(count),
            Foreign::PhysicalVolume => {
                let stamp = self.stamps.next();
                let uuid = self.names.store(&self.stamps.lvm_uuid(stamp));
                Contents::Pv {
                    uuid,
                    start: 1 << 20,
                    group: None,
                }
            }
        };
        true
    }

    /// Runs a batch on a host, item by item, the way its script would.
    pub fn run(&mut self, host: &str, batch: &Batch) -> Report {
        let items = batch.items().len();
        let node = match self.reach(host) {
            Ok(node) => node,
            Err(why) => return Report::not_run(items, why),
        };
        let mut outcomes = Vec::with_capacity(items);
        // Set once answers are lost: what comes after is run or not, but told as unknown.
        let mut lost: Option<(bool, String)> = None;
        for item in batch.items() {
            if matches!(&lost, Some((false, _))) {
                break;
            }
            let met = match self.guarded(host, node, &item.guard, &item.command) {
                None => Outcome::Skipped,
                Some(Met::Ended(output)) => Outcome::Ran(output),
                Some(Met::Lost { goes_on, why }) => {
                    lost.get_or_insert((goes_on, why));
                    if let Some((on, _)) = &mut lost {
                        *on &= goes_on;
                    }
                    outcomes.push(Outcome::Unknown);
                    continue;
                }
            };
            let stops = item.on_failure == OnFailure::Stop
                && matches!(&met, Outcome::Ran(output) if !output.success());
            outcomes.push(if lost.is_some() { Outcome::Unknown } else { met });
            if stops {
                break;
            }
        }
        let rest = if lost.is_some() {
            Outcome::Unknown
        } else {
            Outcome::NotRun
        };
        outcomes.resize(items, rest);
        Report {
            outcomes,
            broken: lost.map(|(_, why)| why),
        }
    }

    /// Runs one command. A host that cannot be reached, or a lost answer, gives exit status 255, as ssh does.
    pub fn run_one(&mut self, host: &str, command: &Command) -> Output {
        let met = match self.reach(host) {
            Ok(node) => self.meet(host, node, command),
            Err(why) => return faults::failure(255, &why),
        };
        match met {
            Met::Ended(output) => output,
            Met::Lost { why, .. } => faults::failure(255, &why),
        }
    }

    fn guarded(&mut self, host: &str, node: u32, guard: &Guard, command: &Command) -> Option<Met> {
        let (test, wanted) = match guard {
            Guard::Always => return Some(self.meet(host, node, command)),
            Guard::Unless(test) => (test, false),
            Guard::OnlyIf(test) => (test, true),
        };
        match self.meet(host, node, test) {
            Met::Ended(output) if output.success() == wanted => Some(self.meet(host, node, command)),
            Met::Ended(_) => None,
            lost @ Met::Lost { .. } => Some(lost),
        }
    }

    /// Runs a command unless a fault strikes it.
    fn meet(&mut self, host: &str, node: u32, command: &Command) -> Met {
        if self.halt.is_some_and(|halt| self.commands >= halt) {
            return Met::Lost {
                goes_on: false,
                why: "the world was halted".into(),
            };
        }
        self.commands += 1;
        let changes = faults::changes(command);
        self.changes += u64::from(changes);
        let lost = |goes_on, why: String| Met::Lost { goes_on, why };
        match self.faults.meet(host, command, changes) {
            None => Met::Ended(self.execute(node, command)),
            Some(Effect::Fail { status, text }) => Met::Ended(faults::failure(status, &text)),
            Some(Effect::FailAfter { status, text }) => {
                self.execute(node, command);
                Met::Ended(faults::failure(status, &text))
            }
            Some(Effect::LoseAnswer) => {
                self.execute(node, command);
                lost(false, format!("the connection to {host} broke"))
            }
            Some(Effect::LoseRest) => {
                self.execute(node, command);
                lost(true, format!("the connection to {host} broke"))
            }
            Some(Effect::LoseCommand) => lost(false, format!("the connection to {host} broke")),
            Some(Effect::Hang) => lost(
                false,
                format!(
                    "no answer from {host} within {} s",
                    command.time_limit().as_secs()
                ),
            ),
            Some(Effect::PowerCut) => {
                self.execute(node, command);
                self.kill(node);
                lost(false, format!("the connection to {host} broke"))
            }
        }
    }

    fn execute(&mut self, node: u32, command: &Command) -> Output {
        let program = command.program();
        if program == "gluster" || program.ends_with("/gluster") {
            return gluster::run(self, node, command.arguments());
        }
        let Self {
            names,
            nodes,
            stamps,
            gluster,
            ..
        } = self;
        let mut shell = Shell {
            names,
            node: &mut nodes[node as usize],
            stamps,
            gluster,
        };
        tool::run(
            &mut shell,
            program,
            command.arguments(),
            command.standard_input().unwrap_or_default(),
        )
    }

    /// The node that commands for `host` go to, or why they do not get there.
    fn reach(&mut self, host: &str) -> Result<u32, String> {
        let node = match self.named(host) {
            Some(node) => node,
            None if self.config.auto_nodes => self.node_made(host),
            None => {
                return Err(format!(
                    "simulated host {host} does not exist: name or service not known"
                ));
            }
        };
        let found = &self.nodes[node as usize];
        match (found.powered, found.reachable) {
            (true, true) if self.halt.is_some_and(|halt| self.commands >= halt) => {
                Err("the world was halted".into())
            }
            (true, true) => Ok(node),
            (false, _) => Err(format!("simulated host {host} is off: no route to host")),
            (true, false) => Err(format!("simulated host {host} is cut off: connection timed out")),
        }
    }

    /// The node with this name or alias.
    pub(crate) fn named(&self, host: &str) -> Option<u32> {
        self.hosts.get(host).copied()
    }

    fn node_made(&mut self, host: &str) -> u32 {
        if let Some(node) = self.named(host) {
            return node;
        }
        let number = u32::try_from(self.nodes.len()).expect("memory ends before 2^32 nodes");
        let mut pool = Pool::default();
        pool.members.insert(number);
        let pool = self.gluster.pools.add(pool);
        let word = self.names.word(host);
        let mut node = Node::new(word, self.stamps.next(), pool, self.config.root_size);
        furnish(&mut node, &mut self.names, &self.config);
        self.nodes.push(node);
        self.hosts.insert(host.into(), number);
        let own: Vec<String> = self
            .config
            .aliases
            .iter()
            .filter(|(_, of)| *of == host)
            .map(|(alias, _)| alias.clone())
            .collect();
        for alias in own {
            self.hosts.insert(alias.into(), number);
        }
        number
    }

    /// The node that `host` means to the glusterd of `asked`, for a probe.
    pub(crate) fn peer_named(&mut self, asked: u32, host: &str) -> Option<u32> {
        if let Some(node) = self.named(host) {
            return Some(node);
        }
        if !self.config.auto_nodes {
            return None;
        }
        let lonely = |node: &Node| {
            let pool = self.gluster.pools.get(node.pool);
            pool.is_some_and(|pool| pool.members.len() == 1 && pool.volumes.is_empty())
        };
        let mut nodes = (0u32..).zip(&self.nodes);
        let guess = nodes.find(|(number, node)| {
            *number != asked
                && lonely(node)
                && !self
                    .hosts
                    .iter()
                    .any(|(name, of)| of == number && **name != *self.names.read_word(node.host))
        });
        let node = match guess {
            Some((number, _)) => number,
            None => self.node_made(host),
        };
        self.hosts.insert(host.into(), node);
        Some(node)
    }

    /// The node that `host` means in a brick at `path`.
    pub(crate) fn brick_host(&mut self, asked: u32, host: &str, path: &str) -> Option<u32> {
        if let Some(node) = self.named(host) {
            return Some(node);
        }
        if !self.config.auto_nodes {
            return None;
        }
        let members = self.members(asked);
        let has_folder = |node: &u32| self.nodes[*node as usize].dir(&self.names, path).is_some();
        let node = members.into_iter().find(has_folder)?;
        self.hosts.insert(host.into(), node);
        Some(node)
    }
}

/// Somebody else's data on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// An XFS file system over the whole disk.
    Xfs,
    /// An ext4 file system over the whole disk.
    Ext4,
    /// A GPT partition table with so many partitions.
    Partitions(u8),
    /// An LVM physical volume without a group.
    PhysicalVolume,
}

/// Gives a new node its folders, disks and own mounts.
fn furnish(node: &mut Node, names: &mut Names, config: &WorldConfig) {
    const FOLDERS: [&str; 10] = [
        "/dev",
        "/etc",
        "/mnt",
        "/root",
        "/run/lock",
        "/srv",
        "/tmp",
        "/var/tmp",
        "/var/lib/glusterd/vols",
        "/var/lib/glusterd/snaps",
    ];
    for folder in FOLDERS {
        node.make_dirs(names, folder)
            .expect("a new node has no files in the way");
    }
    for table in &config.mount_tables {
        if let Some((folder, _)) = table.rsplit_once('/').filter(|(folder, _)| !folder.is_empty()) {
            node.make_dirs(names, folder)
                .expect("a new node has no files in the way");
        }
    }
    for disk in config.disk_names() {
        node.disks.push(Disk {
            name: names.word(&disk),
            size: config.disk_size,
            contents: Contents::Blank,
        });
    }
    for (path, size) in &config.directories {
        node.make_dirs(names, path)
            .expect("a new node has no files in the way");
        let place = node.find(names, path).expect("it was made above");
        let system = node.systems.add(FileSystem::new(FsKind::Ext4, [0; 16], *size));
        mounts::add_mount(node, names, &place, system, path, "/dev/vdb", "rw,relatime", true);
    }
    let mut stamps = Stamps::new(0);
    let gluster = Gluster::default();
    let mut shell = Shell {
        names,
        node,
        stamps: &mut stamps,
        gluster: &gluster,
    };
    let root = "# <file system> <mount point> <type> <options> <dump> <pass>\n/dev/vda / ext4 defaults 0 1\n";
    let made = lines::tee(&mut shell, &["/etc/fstab".to_owned()], root);
    debug_assert!(made.success(), "a new node has a folder for its table of mounts");
}

/// What tests and operators of a world do to it.
impl World {
    /// The node loses its power: its processes, its mounts and what is in `/run` are gone.
    pub fn kill_node(&mut self, host: &str) {
        if let Some(node) = self.named(host) {
            self.kill(node);
        }
    }

    fn kill(&mut self, node: u32) {
        self.each_brick_of(node, |world, brick, _, _| world.stop_brick(brick));
        let Self { names, nodes, .. } = self;
        let machine = &mut nodes[node as usize];
        machine.powered = false;
        machine.glusterd = false;
        mounts::drop_all(machine, names);
        if let Ok(place) = machine.find(names, "/run/lock")
            && let Found::Dir(_) = machine.look(&place)
        {
            machine.dir_mut(&place).children.clear();
        }
    }

    /// The node starts: it mounts what its tables name, then glusterd starts its bricks.
    pub fn start_node(&mut self, host: &str) {
        let Some(node) = self.named(host) else { return };
        let Self {
            names, nodes, config, ..
        } = self;
        let machine = &mut nodes[node as usize];
        if machine.powered {
            return;
        }
        machine.powered = true;
        mounts::mount_tables(machine, names, &config.mount_tables);
        self.start_glusterd(host);
    }

    /// The node's network goes away: nobody reaches it, and its glusterd reaches nobody. Its processes run on.
    pub fn cut(&mut self, host: &str) {
        self.set_reachable(host, false);
    }

    /// The node's network comes back.
    pub fn join(&mut self, host: &str) {
        self.set_reachable(host, true);
        if let Some(node) = self
            .named(host)
            .filter(|node| self.nodes[*node as usize].glusterd)
        {
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
            self.nodes[node as usize].glusterd = false;
        }
    }

    /// glusterd starts, and with it the bricks of started volumes; bricks of stopped ones end.
    pub fn start_glusterd(&mut self, host: &str) {
        let Some(node) = self.named(host).filter(|node| self.nodes[*node as usize].powered) else {
            return;
        };
        self.nodes[node as usize].glusterd = true;
        self.settle_bricks(node);
    }

    fn settle_bricks(&mut self, node: u32) {
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

    /// Gives a volume a snapshot, which stands in the way of its deletion. Returns whether the volume exists.
    pub fn add_snapshot(&mut self, host: &str, volume: &str, name: &str) -> bool {
        let number = self.named(host).and_then(|node| self.volume_number(node, volume));
        let Some(found) = number.and_then(|number| self.gluster.volumes.get_mut(number)) else {
            return false;
        };
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
