//! What happens to a node behind Mortar's back and is no command there: mounts that go away, disks that die, grow and
//! are replaced, machines that are installed anew.
//!
//! What a person types is not here: [`World::run_one`] takes it (`lvremove`, `rm`, `gluster volume set`, …).

use crate::lvm::forget_group;
use crate::mounts;
use crate::node::{Contents, Node};
use crate::text::Names;
use crate::world::{World, install};

/// Accidents.
impl World {
    /// A file system is taken off its mount point, and the bricks that work in it end: what somebody does who kills
    /// what is in the way of `umount`. Its mount entry stays. Returns whether something was
    /// mounted there that is not the machine's own.
    pub fn lose_mount(&mut self, host: &str, target: &str) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let Some((number, system)) = mounted_at(&self.nodes[node as usize], &self.names, target) else {
            return false;
        };
        self.end_bricks_in(node, &[system]);
        mounts::remove_mount(&mut self.nodes[node as usize], &self.names, number);
        true
    }

    /// The disk below a mounted file system dies: nothing in it can be read or written any more (`Input/output
    /// error`), its bricks end, and it cannot be mounted again. `target` may be a brick's mount point, or a directory
    /// device, and then the file systems in its images die too. Returns whether something was mounted there.
    pub fn break_mount(&mut self, host: &str, target: &str) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let machine = &self.nodes[node as usize];
        let Some(system) = mounted(machine, &self.names, target).map(|(_, mount)| mount.system) else {
            return false;
        };
        let mut dead = inside(machine, system);
        dead.push(system);
        self.end_bricks_in(node, &dead);
        for system in dead {
            if let Some(found) = self.nodes[node as usize].systems.get_mut(system) {
                found.dead = true;
            }
        }
        true
    }

    /// The metadata of a thin pool is so full from now on, in per cent. Returns whether there is such a pool.
    pub fn fill_pool_metadata(&mut self, host: &str, group: &str, pool: &str, percent: u8) -> bool {
        self.fill_pool(host, group, pool, |machine, stamp| {
            machine.full_metadata.insert(stamp, percent);
        })
    }

    /// The data of a thin pool is so full from now on, in per cent. Returns whether there is such a pool.
    pub fn fill_pool_data(&mut self, host: &str, group: &str, pool: &str, percent: u8) -> bool {
        self.fill_pool(host, group, pool, |machine, stamp| {
            machine.full_data.insert(stamp, percent);
        })
    }

    fn fill_pool(&mut self, host: &str, group: &str, pool: &str, fill: impl FnOnce(&mut Node, u32)) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let (machine, names) = (&mut self.nodes[node as usize], &self.names);
        let stamp = machine.groups.iter().find_map(|(_, found)| {
            let mut volumes = found.volumes.iter();
            let own = names.read(&found.name) == group;
            let volume = volumes.find(|volume| own && names.read(&volume.name) == pool);
            volume.map(|volume| volume.stamp)
        });
        let Some(stamp) = stamp else {
            return false;
        };
        fill(machine, stamp);
        true
    }

    /// A disk becomes larger, and nobody tells LVM: `pvresize` does. Returns whether there is such a disk.
    pub fn grow_disk(&mut self, host: &str, path: &str, size: u64) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let machine = &mut self.nodes[node as usize];
        let found = disk(machine, &self.names, path);
        found.map(|index| machine.disks[index].size = size).is_some()
    }

    /// A disk becomes larger, and the kernel learns of it when it is told to look. Returns whether there is such a disk.
    pub fn grow_disk_unseen(&mut self, host: &str, path: &str, size: u64) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let machine = &mut self.nodes[node as usize];
        let found = disk(machine, &self.names, path);
        let found = found.map(|index| &mut machine.disks[index]);
        found
            .map(|disk| disk.unseen = size.saturating_sub(disk.size))
            .is_some()
    }

    /// A disk, or a directory with a file system of its own, gets another size. A disk's volume group follows it, as
    /// `pvresize` has it do. Returns whether it was possible: a group shrinks no further than its free extents.
    pub fn resize_device(&mut self, host: &str, path: &str, size: u64) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let machine = &mut self.nodes[node as usize];
        let Some(index) = disk(machine, &self.names, path) else {
            let system = own_mount(machine, &self.names, path);
            let system = system.and_then(|system| machine.systems.get_mut(system));
            return system.map(|system| system.size = size).is_some();
        };
        if let Contents::Pv {
            start,
            group: Some(number),
            ..
        } = machine.disks[index].contents
            && let Some(group) = machine.groups.get_mut(number)
        {
            let extents = size.saturating_sub(start) / group.bytes(1);
            let extents = u32::try_from(extents).unwrap_or(u32::MAX);
            let Some(free) = extents.checked_sub(group.allocated()) else {
                return false;
            };
            (group.extents, group.free) = (extents, free);
        }
        machine.disks[index].size = size;
        true
    }

    /// A disk, or a directory with a file system of its own, dies and an empty one of the same size stands in its
    /// place: its bricks end, what was mounted from it is not mounted any more, its mount entries stay. Returns whether
    /// there was one.
    pub fn replace_device(&mut self, host: &str, path: &str) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let machine = &self.nodes[node as usize];
        if let Some(index) = disk(machine, &self.names, path) {
            self.blank_disk(node, index);
        } else if let Some(system) = own_mount(machine, &self.names, path) {
            self.take_off(node, &inside(machine, system));
            self.nodes[node as usize].empty(system);
        } else {
            return false;
        }
        true
    }

    /// The node's root file system is made anew: no node file, no mount entries, no mounts, no records of glusterd.
    /// Its disks, and directories with a file system of their own, are as they were. glusterd does not run until
    /// [`World::start_glusterd`]; its peers have it as a member that is down. Alone in its pool, nobody remembers its
    /// volumes: they are gone. Returns whether the node exists; it is on afterwards.
    pub fn reinstall_node(&mut self, host: &str) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        self.kill(node);
        self.is_old_again(node);
        self.forget_lonely_volumes(node);
        let Self {
            names, nodes, config, ..
        } = self;
        let machine = &mut nodes[node as usize];
        let mut own: Vec<(u32, String, u32, u32)> = machine
            .mounts
            .iter()
            .map(|(number, mount)| (mount.turn, names.read(&mount.target), mount.system, number + 1))
            .collect();
        own.sort_unstable();
        for (.., number) in own.iter().rev() {
            mounts::remove_mount(machine, names, *number);
        }
        machine.empty(ROOT);
        let own: Vec<(String, u32)> = own
            .into_iter()
            .map(|(_, path, system, _)| (path, system))
            .collect();
        install(machine, names, config, &own);
        machine.boot_errors.clear();
        machine.powered = true;
        machine.wiped = true;
        machine.apart.clear();
        machine.misses = None;
        machine.last_words = None;
        true
    }

    /// The whole machine is lost, and a new one of the same name and the same disks, all blank, stands in its place.
    /// Otherwise as [`World::reinstall_node`].
    pub fn replace_node(&mut self, host: &str) -> bool {
        if !self.reinstall_node(host) {
            return false;
        }
        let Some(node) = self.named(host) else {
            return false;
        };
        for index in 0..self.nodes[node as usize].disks.len() {
            self.blank_disk(node, index);
        }
        let machine = &mut self.nodes[node as usize];
        let own: Vec<u32> = machine.mounts.iter().map(|(_, mount)| mount.system).collect();
        for system in own {
            machine.empty(system);
        }
        true
    }

    fn blank_disk(&mut self, node: u32, index: usize) {
        let machine = &self.nodes[node as usize];
        let systems: Vec<u32> = match machine.disks[index].contents {
            Contents::FileSystem(system) => vec![system],
            Contents::Pv {
                group: Some(number), ..
            } => {
                let group = machine.groups.get(number);
                group.map_or(Vec::new(), |group| {
                    group.volumes.iter().filter_map(|volume| volume.system).collect()
                })
            }
            _ => Vec::new(),
        };
        self.take_off(node, &systems);
        let machine = &mut self.nodes[node as usize];
        match std::mem::replace(&mut machine.disks[index].contents, Contents::Blank) {
            Contents::FileSystem(system) => machine.unhold(system),
            Contents::Pv {
                group: Some(number), ..
            } => forget_group(machine, number),
            _ => {}
        }
    }

    /// Ends the bricks in these file systems, and unmounts them wherever they are mounted.
    fn take_off(&mut self, node: u32, systems: &[u32]) {
        self.end_bricks_in(node, systems);
        let machine = &mut self.nodes[node as usize];
        let mut numbers: Vec<(u32, u32)> = machine
            .mounts
            .iter()
            .filter(|(_, mount)| systems.contains(&mount.system))
            .map(|(number, mount)| (mount.turn, number + 1))
            .collect();
        numbers.sort_unstable();
        for (_, number) in numbers.into_iter().rev() {
            mounts::remove_mount(machine, &self.names, number);
        }
    }

    fn end_bricks_in(&mut self, node: u32, systems: &[u32]) {
        self.each_brick_of(node, |world, brick, _, _| {
            if brick.process.is_some_and(|system| systems.contains(&system)) {
                world.stop_brick(brick);
            }
        });
    }

    /// A node that is alone in its pool is the only one that knows its volumes.
    fn forget_lonely_volumes(&mut self, node: u32) {
        let number = self.nodes[node as usize].pool;
        let Some(pool) = self.gluster.pools.get_mut(number) else {
            return;
        };
        if pool.members.len() > 1 {
            return;
        }
        for volume in std::mem::take(&mut pool.volumes).into_values() {
            self.gluster.volumes.remove(volume);
        }
        self.nodes[node as usize].bricks.clear();
        self.nodes[node as usize].stamp = self.stamps.next();
    }
}

/// Number of a node's root file system.
const ROOT: u32 = 0;

/// The uppermost mount at `target`: its number plus one, and itself.
fn mounted<'n>(node: &'n Node, names: &Names, target: &str) -> Option<(u32, &'n crate::node::Mount)> {
    let place = node.find(names, target).ok()?;
    let mount = node.mounts.get(place.mount.checked_sub(1)?)?;
    place.is_root().then_some((place.mount, mount))
}

/// What is mounted at `target` and is not the machine's own: number plus one, and file system.
fn mounted_at(node: &Node, names: &Names, target: &str) -> Option<(u32, u32)> {
    mounted(node, names, target)
        .filter(|(_, mount)| !mount.own)
        .map(|(number, mount)| (number, mount.system))
}

/// The machine's own file system at `path`.
fn own_mount(node: &Node, names: &Names, path: &str) -> Option<u32> {
    mounted(node, names, path)
        .filter(|(_, mount)| mount.own)
        .map(|(_, mount)| mount.system)
}

fn disk(node: &Node, names: &Names, path: &str) -> Option<usize> {
    node.disks
        .iter()
        .position(|disk| names.read_word(disk.name) == path)
}

/// The file systems in images that lie in a file system.
fn inside(node: &Node, system: u32) -> Vec<u32> {
    fn collect(dir: &crate::tree::Dir, found: &mut Vec<u32>) {
        for child in &dir.children {
            match &child.what {
                crate::tree::Inode::Dir(inner) => collect(inner, found),
                crate::tree::Inode::File(file) => {
                    if let crate::tree::Body::Sparse {
                        inside: Some(system), ..
                    } = file.body
                    {
                        found.push(system);
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    if let Some(system) = node.systems.get(system) {
        collect(&system.root, &mut found);
    }
    found
}
