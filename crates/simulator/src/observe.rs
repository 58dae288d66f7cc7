//! Read-only views of a world, for those who check it.

use serde::{Deserialize, Serialize};

use crate::block::{self, Device};
use crate::gluster::Volume;
use crate::lvm::LvKind;
use crate::node::{Contents, Node};
use crate::world::World;

/// What can be seen of a host, in a form that a real one can be read into as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostView {
    /// Block devices and what is on them, by path.
    pub devices: Vec<DeviceView>,
    /// Logical volumes, by group and name.
    pub logical_volumes: Vec<LogicalVolumeView>,
    /// Image files with their sizes in bytes, by path.
    pub images: Vec<(String, u64)>,
    /// Mounts made since the machine was set up, by target.
    pub mounts: Vec<MountView>,
    /// Lines of the tables of mounts that are not comments and not the root file system's.
    pub mount_entries: Vec<String>,
    /// What the last start of the machine could not mount.
    pub boot_errors: Vec<String>,
    /// Whether glusterd runs.
    pub glusterd: bool,
    /// Text of `/var/lib/mortar/node.json`, in which a node tells what no disk of it can.
    pub node_file: Option<String>,
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    /// Its path.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// `blank`, a file system's name, `gpt`, or `LVM2_member`.
    pub contents: String,
    /// Its volume group with size, free space (bytes) and tags.
    pub group: Option<GroupView>,
}

/// A volume group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupView {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Bytes that no volume has.
    pub free: u64,
    /// Its tags, sorted.
    pub tags: Vec<String>,
}

/// A logical volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogicalVolumeView {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Bytes of its metadata, for a thin pool.
    #[serde(default)]
    pub metadata: u64,
    /// Its pool, for a thin volume.
    pub pool: Option<String>,
    /// Its tags, sorted.
    pub tags: Vec<String>,
    /// The UUID of the file system on it.
    pub file_system: Option<String>,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountView {
    /// Where.
    pub target: String,
    /// What: a device; for a loop mount the image.
    pub source: String,
    /// The UUID of the file system.
    pub file_system: String,
    /// Bytes of the file system.
    #[serde(default)]
    pub size: u64,
    /// Brick processes that work in it.
    pub users: u32,
}

/// A trusted pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolView {
    /// Names of its members, sorted, as the pool knows them.
    pub members: Vec<String>,
    /// Its volumes, by name.
    pub volumes: Vec<VolumeView>,
}

/// A GlusterFS volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeView {
    /// Its name.
    pub name: String,
    /// `Created`, `Started` or `Stopped`.
    pub status: String,
    /// As `volume info` tells it, such as `Distributed-Replicate`.
    pub kind: String,
    /// Copies of each file, an arbiter among them.
    pub replica: u16,
    /// Arbiters in each set.
    pub arbiter: u16,
    /// Bricks of each set of a dispersed volume; 0 when it is none.
    pub disperse: u16,
    /// Those of them that may be lost.
    pub redundancy: u16,
    /// `HOST:PATH` of its bricks in their order.
    pub bricks: Vec<String>,
    /// For each brick, whether its process runs.
    pub online: Vec<bool>,
    /// All options that were set, sorted by key; those that `volume create` sets by itself are not among them.
    pub options: Vec<(String, String)>,
    /// Block volumes that gluster-block keeps in it, by name: bytes, and the hosts that serve it at that size.
    #[serde(default)]
    pub blocks: Vec<(String, u64, Vec<String>)>,
}

/// How much of everything there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Nodes.
    pub nodes: usize,
    /// Volume groups.
    pub groups: usize,
    /// Logical volumes, pools included.
    pub logical_volumes: usize,
    /// Mounts, those of directory devices included.
    pub mounts: usize,
    /// Trusted pools.
    pub pools: usize,
    /// GlusterFS volumes.
    pub volumes: usize,
    /// Their bricks.
    pub bricks: usize,
}

impl World {
    /// Names of all nodes, in the order in which they came.
    pub fn hosts(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| self.names.read_word(node.host).to_owned())
            .collect()
    }

    /// What is on a host; `None` when there is no such host. Power and network do not matter.
    pub fn host(&self, host: &str) -> Option<HostView> {
        let node = &self.nodes[self.named(host)? as usize];
        let mut view = HostView {
            devices: (0..node.disks.len())
                .map(|index| self.device_view(node, index))
                .collect(),
            logical_volumes: self.logical_volume_views(node),
            images: Vec::new(),
            mounts: self.mount_views(node),
            mount_entries: Vec::new(),
            boot_errors: node.boot_errors.iter().map(|why| why.to_string()).collect(),
            glusterd: node.glusterd,
            node_file: node
                .file(&self.names, "/var/lib/mortar/node.json")
                .map(|file| file.text(&self.names)),
        };
        self.images_in(&node.systems.get(0)?.root, node, "", &mut view.images);
        view.images.sort_unstable();
        for table in &self.config.mount_tables {
            let text = node
                .file(&self.names, table)
                .map_or(String::new(), |file| file.text(&self.names));
            let lines = text
                .lines()
                .filter(|line| !line.starts_with('#') && !line.contains(" / "));
            view.mount_entries.extend(lines.map(str::to_owned));
        }
        Some(view)
    }

    fn device_view(&self, node: &Node, index: usize) -> DeviceView {
        let disk = &node.disks[index];
        let group = match &disk.contents {
            Contents::Pv {
                group: Some(number), ..
            } => node.groups.get(*number),
            _ => None,
        };
        let contents = match &disk.contents {
            Contents::Blank => "blank",
            Contents::FileSystem(system) => node.systems.get(*system).map_or("", |system| system.kind.name()),
            Contents::Partitions(_) => "gpt",
            Contents::Pv { .. } => "LVM2_member",
        };
        DeviceView {
            path: self.names.read_word(disk.name).to_owned(),
            size: disk.size,
            contents: contents.to_owned(),
            group: group.map(|group| GroupView {
                name: self.names.read(&group.name),
                size: group.bytes(group.extents),
                free: group.bytes(group.free),
                tags: self.sorted(&group.tags),
            }),
        }
    }

    fn sorted(&self, tags: &[crate::text::Text]) -> Vec<String> {
        let mut tags: Vec<String> = tags.iter().map(|tag| self.names.read(tag)).collect();
        tags.sort_unstable();
        tags
    }

    fn logical_volume_views(&self, node: &Node) -> Vec<LogicalVolumeView> {
        let mut views = Vec::new();
        for (_, group) in node.groups.iter() {
            for volume in &group.volumes {
                let pool = match volume.kind {
                    LvKind::Thin(stamp) => group.volumes.iter().find(|other| other.stamp == stamp),
                    _ => None,
                };
                let system = volume.system.and_then(|system| node.systems.get(system));
                views.push(LogicalVolumeView {
                    group: self.names.read(&group.name),
                    name: self.names.read(&volume.name),
                    size: group.bytes(volume.extents),
                    metadata: group.bytes(volume.metadata),
                    pool: pool.map(|pool| self.names.read(&pool.name)),
                    tags: self.sorted(&volume.tags),
                    file_system: system.map(|system| crate::text::hyphenated(&system.uuid)),
                });
            }
        }
        views.sort_unstable_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
        views
    }

    fn mount_views(&self, node: &Node) -> Vec<MountView> {
        let mut views = Vec::new();
        for (_, mount) in node.mounts.iter().filter(|(_, mount)| !mount.own) {
            let Some(system) = node.systems.get(mount.system) else {
                continue;
            };
            let looped = system
                .through_loop
                .checked_sub(1)
                .and_then(|number| node.loops.get(&number));
            let source = looped.map_or(&mount.source, |entry| &entry.file);
            views.push(MountView {
                target: self.names.read(&mount.target),
                source: self.names.read(source),
                file_system: crate::text::hyphenated(&system.uuid),
                size: system.size,
                users: system.users,
            });
        }
        views.sort_unstable_by(|a, b| (&a.target, &a.source).cmp(&(&b.target, &b.source)));
        views
    }

    /// Image files below a folder, across the machine's own mounts.
    fn images_in(&self, dir: &crate::tree::Dir, node: &Node, path: &str, images: &mut Vec<(String, u64)>) {
        let mount = dir
            .covered
            .checked_sub(1)
            .and_then(|number| node.mounts.get(number));
        if let Some(system) = mount.and_then(|mount| node.systems.get(mount.system)) {
            return self.images_in_root(&system.root, node, path, images);
        }
        self.images_in_root(dir, node, path, images);
    }

    fn images_in_root(
        &self,
        dir: &crate::tree::Dir,
        node: &Node,
        path: &str,
        images: &mut Vec<(String, u64)>,
    ) {
        for child in &dir.children {
            let path = format!("{path}/{}", self.names.read(&child.name));
            match &child.what {
                crate::tree::Inode::Dir(dir) => self.images_in(dir, node, &path, images),
                crate::tree::Inode::File(file) => {
                    if let crate::tree::Body::Sparse { size, .. } = file.body {
                        images.push((path, size));
                    }
                }
            }
        }
    }

    /// The trusted pool of a host; `None` when there is no such host.
    pub fn pool(&self, host: &str) -> Option<PoolView> {
        let node = self.named(host)?;
        let pool = self.gluster.pools.get(self.nodes[node as usize].pool)?;
        let mut members: Vec<String> = pool
            .members
            .iter()
            .map(|node| self.peer_name(*node).to_owned())
            .collect();
        members.sort_unstable();
        let numbers = pool.volumes.values();
        let mut volumes: Vec<VolumeView> = numbers
            .filter_map(|number| self.gluster.volumes.get(*number))
            .map(|v| self.volume_view(v))
            .collect();
        volumes.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Some(PoolView { members, volumes })
    }

    /// One volume of the trusted pool of a host.
    pub fn volume(&self, host: &str, name: &str) -> Option<VolumeView> {
        let number = self.volume_number(self.named(host)?, name)?;
        self.gluster
            .volumes
            .get(number)
            .map(|volume| self.volume_view(volume))
    }

    fn volume_view(&self, volume: &Volume) -> VolumeView {
        let mut options: Vec<(String, String)> = volume
            .options
            .iter()
            .map(|(key, value)| (self.names.read_word(*key).to_owned(), self.names.read(value)))
            .collect();
        options.sort_unstable();
        let kept = volume.rare.iter().flat_map(|rare| &rare.blocks);
        let mut blocks: Vec<_> = kept.map(crate::gluster_block::Block::view).collect();
        blocks.sort_unstable();
        VolumeView {
            name: self.names.read(&volume.name),
            status: volume.state.shown().1.to_owned(),
            kind: volume.kind().1.to_owned(),
            replica: volume.replica,
            arbiter: volume.arbiter,
            disperse: volume.disperse,
            redundancy: volume.redundancy,
            bricks: volume.bricks.iter().map(|brick| self.brick_name(brick)).collect(),
            online: volume
                .bricks
                .iter()
                .map(|brick| brick.process.is_some())
                .collect(),
            options,
            blocks,
        }
    }

    /// Counts of everything.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts {
            nodes: self.nodes.len(),
            pools: self.gluster.pools.len(),
            volumes: self.gluster.volumes.len(),
            ..Counts::default()
        };
        for node in &self.nodes {
            counts.groups += node.groups.len();
            counts.mounts += node.mounts.len();
            counts.logical_volumes += node
                .groups
                .iter()
                .map(|(_, group)| group.volumes.len())
                .sum::<usize>();
        }
        counts.bricks = self
            .gluster
            .volumes
            .iter()
            .map(|(_, volume)| volume.bricks.len())
            .sum();
        counts
    }

    /// What is wrong inside the world itself: rules that no sequence of commands may break. Empty when all hold.
    pub fn violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for node in &self.nodes {
            let host = self.names.read_word(node.host);
            for (_, group) in node.groups.iter() {
                if group.free + group.allocated() != group.extents {
                    wrong.push(format!(
                        "{host}: extents of {} do not add up",
                        self.names.read(&group.name)
                    ));
                }
            }
            for (number, system) in node.systems.iter() {
                let mounts = node
                    .mounts
                    .iter()
                    .filter(|(_, mount)| mount.system == number)
                    .count();
                if mounts != system.mounts as usize {
                    wrong.push(format!(
                        "{host}: a file system counts {} mounts, has {mounts}",
                        system.mounts
                    ));
                }
                if number != 0 && mounts == 0 && system.users > 0 {
                    wrong.push(format!(
                        "{host}: a brick works in a file system that is not mounted"
                    ));
                }
                if number != 0 && mounts == 0 && !system.held {
                    wrong.push(format!("{host}: a file system is kept that nothing holds"));
                }
            }
            crate::images::check(node, &self.names, host, &mut wrong);
            for found in block::all_devices(node) {
                let gone =
                    block::system_on(node, found).is_some_and(|system| node.systems.get(system).is_none());
                if gone {
                    wrong.push(format!(
                        "{host}: {} names no file system",
                        block::display_name(node, &self.names, found)
                    ));
                }
                if let Device::Volume(number, index) = found
                    && let Some(group) = node.groups.get(number)
                    && let LvKind::Thin(pool) = group.volumes[index].kind
                    && !group.volumes.iter().any(|volume| volume.stamp == pool)
                {
                    wrong.push(format!("{host}: a thin volume lost its pool"));
                }
            }
        }
        self.check_bricks(&mut wrong);
        self.check_copies(&mut wrong);
        wrong
    }

    fn check_bricks(&self, wrong: &mut Vec<String>) {
        let mut users = std::collections::BTreeMap::<(u32, u32), u32>::new();
        for (_, volume) in self.gluster.volumes.iter() {
            for brick in &volume.bricks {
                if let Some(system) = brick.process {
                    *users.entry((brick.node, system)).or_default() += 1;
                    if !self.nodes[brick.node as usize].powered {
                        wrong.push(format!("{}: runs on a node that is off", self.brick_name(brick)));
                    }
                }
            }
        }
        for (number, node) in (0u32..).zip(&self.nodes) {
            for (system, found) in node.systems.iter() {
                let counted = users.get(&(number, system)).copied().unwrap_or(0);
                if counted != found.users {
                    wrong.push(format!(
                        "a file system counts {} bricks, has {counted}",
                        found.users
                    ));
                }
            }
        }
    }
}
