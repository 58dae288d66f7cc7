//! The world: its nodes, how commands reach them, and what tests do to it.

use std::collections::BTreeMap;

use mortar_argv::{Batch, Command, Output, Report};
use serde::{Deserialize, Serialize};

use crate::config::WorldConfig;
use crate::faults::{self, Effect, Faults};
use crate::gluster::{self, Gluster, Pool};
use crate::gluster_block;
use crate::node::{Contents, Disk, Node};
use crate::scripts::{Scripts, Turn};
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
    pub(crate) faults: Faults,
    pub(crate) commands: u64,
    pub(crate) changes: u64,
    /// Commands after which nothing is run any more.
    pub(crate) halt: Option<u64>,
    #[serde(skip)]
    pub(crate) scripts: Scripts,
}

/// A command that has begun: what will become of it is decided, and nothing has happened yet.
#[derive(Clone, Debug)]
pub(crate) struct Begun {
    effect: Option<Effect>,
    /// After the halt nothing is run.
    halted: bool,
    /// The pool and the volume whose lock it holds meanwhile.
    volume: Option<(u32, String)>,
    /// Another one holds it.
    locked: bool,
}

impl Begun {
    /// Whether it does not end within its limit.
    pub(crate) fn hangs(&self) -> bool {
        matches!(self.effect, Some(Effect::Hang | Effect::Late))
    }

    /// Whether it does its work after its limit.
    pub(crate) fn is_late(&self) -> bool {
        self.effect == Some(Effect::Late)
    }

    pub(crate) fn holds(&self, pool: u32, volume: &str) -> bool {
        let mine = self.volume.as_ref().filter(|_| !self.locked);
        mine.is_some_and(|(of, name)| *of == pool && name == volume)
    }
}

/// What one command came to, before it is told to anybody.
pub(crate) enum Met {
    /// It ended.
    Ended(Output),
    /// Nobody was told how it ended.
    Lost {
        why: String,
        /// How it did, where the rest of the batch runs unseen.
        then: Option<Output>,
    },
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
            scripts: Scripts::default(),
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
            unseen: 0,
            filtered: false,
        });
        true
    }

    /// Lets LVM's configuration on the node leave a disk out, or not any more. Returns whether the disk exists.
    pub fn filter_disk(&mut self, host: &str, path: &str, filtered: bool) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let machine = &mut self.nodes[node as usize];
        let Some(crate::block::Device::Disk(index)) = crate::block::device(machine, &self.names, path) else {
            return false;
        };
        machine.disks[index].filtered = filtered;
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

    /// Runs a batch on a host, item by item, the way its script would, in no time.
    pub fn run(&mut self, host: &str, batch: &Batch) -> Report {
        let id = match self.begin(host, batch) {
            Ok(id) => id,
            Err(report) => return report,
        };
        loop {
            match self.go_on(id) {
                Turn::Waits => self.waited_too_long(id),
                Turn::Ended => break,
                Turn::Runs(_) | Turn::Hangs => {}
            }
        }
        self.hear(id).expect("a script that has ended can be heard")
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

    fn meet(&mut self, host: &str, node: u32, command: &Command) -> Met {
        let begun = self.start(host, node, command);
        self.finish(host, node, command, begun)
    }

    /// A command begins, and meets the fault that strikes it.
    pub(crate) fn start(&mut self, host: &str, node: u32, command: &Command) -> Begun {
        let mut begun = Begun {
            effect: None,
            halted: self.halt.is_some_and(|halt| self.commands >= halt),
            volume: None,
            locked: false,
        };
        if begun.halted {
            return begun;
        }
        self.commands += 1;
        let changes = faults::changes(command);
        self.changes += u64::from(changes);
        begun.effect = self.faults.meet(host, command, changes);
        let pool = self.nodes[node as usize].pool;
        begun.volume = gluster::volume_of(command)
            .filter(|_| changes)
            .map(|volume| (pool, volume.to_owned()));
        begun.locked = begun
            .volume
            .as_ref()
            .is_some_and(|(_, volume)| self.volume_is_locked(pool, volume));
        begun
    }

    /// A command that has begun ends.
    pub(crate) fn finish(&mut self, host: &str, node: u32, command: &Command, begun: Begun) -> Met {
        let lost = |why: String| Met::Lost { why, then: None };
        let broke = || format!("the connection to {host} broke");
        if begun.halted {
            return lost("the world was halted".into());
        }
        if let (None, true, Some((_, volume))) = (&begun.effect, begun.locked, &begun.volume) {
            return Met::Ended(gluster::locked(command, volume));
        }
        match begun.effect {
            None => Met::Ended(self.execute(node, command)),
            Some(Effect::Fail { status, text }) => Met::Ended(faults::failure(status, &text)),
            Some(Effect::FailAfter { status, text }) => {
                self.execute(node, command);
                Met::Ended(faults::failure(status, &text))
            }
            Some(Effect::LoseAnswer) => {
                self.execute(node, command);
                lost(broke())
            }
            Some(Effect::LoseRest) => Met::Lost {
                why: broke(),
                then: Some(self.execute(node, command)),
            },
            Some(Effect::LoseCommand) => lost(broke()),
            Some(Effect::Hang) => lost(hung(host, command)),
            Some(Effect::Late) => {
                self.execute(node, command);
                lost(hung(host, command))
            }
            Some(Effect::PowerCut) => {
                self.execute(node, command);
                self.kill(node);
                lost(broke())
            }
        }
    }

    fn execute(&mut self, node: u32, command: &Command) -> Output {
        let program = command.program();
        if gluster::is_gluster(program) {
            return gluster::run(self, node, command.arguments());
        }
        if gluster_block::is_gluster_block(program) {
            return gluster_block::run(self, node, command.arguments());
        }
        if let Some(output) = self.ask_brick(node, program, command.arguments()) {
            return output;
        }
        if let Some(output) = self.run_glusterd(node, program, command.arguments()) {
            return output;
        }
        let Self {
            names,
            nodes,
            stamps,
            gluster,
            ..
        } = self;
        crate::images::pass(&mut nodes[node as usize], names);
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
    pub(crate) fn reach(&mut self, host: &str) -> Result<u32, String> {
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

fn hung(host: &str, command: &Command) -> String {
    let limit = command.time_limit().as_secs();
    format!("no answer from {host} within {limit} s")
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
    for disk in config.disk_names() {
        node.disks.push(Disk {
            name: names.word(&disk),
            size: config.disk_size,
            contents: Contents::Blank,
            unseen: 0,
            filtered: false,
        });
    }
    let systems: Vec<(String, u32)> = config
        .directories
        .iter()
        .map(|(path, size)| {
            let system = FileSystem::new(FsKind::Ext4, [0; 16], *size);
            (path.clone(), node.systems.add(system))
        })
        .collect();
    install(node, names, config, &systems);
}

/// Gives an empty root file system its folders and its table of mounts, and mounts the machine's own file systems.
pub(crate) fn install(node: &mut Node, names: &mut Names, config: &WorldConfig, own: &[(String, u32)]) {
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
    for (path, system) in own {
        node.make_dirs(names, path)
            .expect("a new node has no files in the way");
        let place = node.find(names, path).expect("it was made above");
        mounts::add_mount(
            node,
            names,
            &place,
            *system,
            path,
            "/dev/vdb",
            "rw,relatime",
            true,
        );
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
