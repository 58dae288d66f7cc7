//! One machine: its disks, volume groups, file systems and mounts, and how a path finds its way through them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::gluster_apart::{Apart, Missed};
use crate::images::Watch;
use crate::lvm::Vg;
use crate::slab::Slab;
use crate::text::{Names, Text};
use crate::tree::{Dir, File, FileSystem, FsKind, Inode};

/// Number of the root file system in [`Node::systems`].
const ROOT: u32 = 0;

/// One machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    /// The name it was added with, as a word.
    pub(crate) host: u32,
    /// The name by which its trusted pool knows it, a word: the one it was probed with.
    pub(crate) known_as: u32,
    /// The stamp of its GlusterFS UUID.
    pub(crate) stamp: u32,
    pub(crate) powered: bool,
    pub(crate) reachable: bool,
    pub(crate) glusterd: bool,
    /// The trusted pool it belongs to.
    pub(crate) pool: u32,
    pub(crate) disks: Vec<Disk>,
    pub(crate) groups: Slab<Vg>,
    pub(crate) systems: Slab<FileSystem>,
    pub(crate) mounts: Slab<Mount>,
    /// Grows with each mount: tells their order.
    pub(crate) mounted_so_far: u32,
    /// The loop devices in use, by number: the file system that each carries.
    pub(crate) loops: BTreeMap<u32, Loop>,
    /// Brick paths in use by the volumes of the pool: (hash of the path, volume). Made again after loading.
    #[serde(skip)]
    pub(crate) bricks: BTreeSet<(u64, u32)>,
    /// What the last start could not mount.
    pub(crate) boot_errors: Vec<Box<str>>,
    /// Its glusterd's records went with its root file system, and are not back yet.
    #[serde(default)]
    pub(crate) wiped: bool,
    /// What its glusterd is that began anew on a machine without records: none of its pool's members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fresh: Option<Fresh>,
    /// What its glusterd has on disk instead of what its pool has, by the volume's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) apart: BTreeMap<Text, Apart>,
    /// Its glusterd takes no part in the next change of a volume.
    #[serde(default)]
    pub(crate) misses: Option<Missed>,
    /// The last line of its glusterd's log that tells of a begin or an end.
    #[serde(default)]
    pub(crate) last_words: Option<Box<str>>,
    /// Processes that thaw file systems after a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) watches: Vec<Watch>,
    /// Thin pools, by their stamps, whose metadata is fuller than it mostly is, in per cent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) full_metadata: BTreeMap<u32, u8>,
    /// The same of their data.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) full_data: BTreeMap<u32, u8>,
}

/// A glusterd that is nobody yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Fresh {
    /// The stamp of its own UUID.
    pub(crate) stamp: u32,
    /// The pool whose members have the machine as one of them, by its old UUID.
    pub(crate) pool: u32,
}

/// A disk of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Disk {
    /// Its path, as a word.
    pub(crate) name: u32,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) contents: Contents,
    /// Bytes that it has and the kernel has not been told of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) unseen: u64,
    /// Whether LVM's configuration on the node leaves it out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) filtered: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
const fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// What is written on a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Contents {
    Blank,
    /// A file system over the whole disk.
    FileSystem(u32),
    /// A GPT partition table with this many partitions.
    Partitions(u8),
    /// An LVM physical volume.
    Pv {
        /// Its UUID in LVM's form.
        uuid: Text,
        /// Bytes before its first extent.
        start: u64,
        /// Its volume group.
        group: Option<u32>,
    },
}

/// A mount.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) system: u32,
    /// Where: the path as it was given.
    pub(crate) target: Text,
    /// What, as `findmnt` prints it.
    pub(crate) source: Text,
    /// Options, as a word.
    pub(crate) options: u32,
    /// The mount that lies over this one, plus one; 0 for none.
    pub(crate) over: u32,
    /// The mount that lies under this one, plus one; 0 when it lies on a folder.
    pub(crate) under: u32,
    /// Order in time.
    pub(crate) turn: u32,
    /// Part of the machine itself: is there after each start.
    pub(crate) own: bool,
}

/// A loop device in use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Loop {
    pub(crate) system: u32,
    /// Path of the image.
    pub(crate) file: Text,
    /// Bytes: those that the image had when it was asked for last; 0 where that is not known.
    #[serde(default)]
    pub(crate) size: u64,
}

/// Why a path leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathError {
    Missing,
    NotDirectory,
    /// The disk below is dead.
    Unreadable,
}

impl PathError {
    /// The text of the error number.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Missing => "No such file or directory",
            Self::NotDirectory => "Not a directory",
            Self::Unreadable => "Input/output error",
        }
    }
}

/// Where a path has led.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) system: u32,
    /// The mount it was reached through, plus one; 0 for the root file system.
    pub(crate) mount: u32,
    steps: Vec<u32>,
}

impl Place {
    /// Whether it is the top folder of its file system.
    pub(crate) fn is_root(&self) -> bool {
        self.steps.is_empty()
    }
}

/// What is at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    Dir(&'a Dir),
    File(&'a File),
}

impl Node {
    /// A machine without disks, on a root file system of `root_size` bytes.
    pub(crate) fn new(host: u32, stamp: u32, pool: u32, root_size: u64) -> Self {
        let mut systems = Slab::default();
        systems.add(FileSystem::new(FsKind::Ext4, [0; 16], root_size));
        Self {
            host,
            known_as: host,
            stamp,
            powered: true,
            reachable: true,
            glusterd: true,
            pool,
            disks: Vec::new(),
            groups: Slab::default(),
            full_metadata: BTreeMap::new(),
            full_data: BTreeMap::new(),
            systems,
            mounts: Slab::default(),
            mounted_so_far: 0,
            loops: BTreeMap::new(),
            bricks: BTreeSet::new(),
            boot_errors: Vec::new(),
            wiped: false,
            fresh: None,
            apart: BTreeMap::new(),
            misses: None,
            last_words: None,
            watches: Vec::new(),
        }
    }

    /// Follows `path` through folders and mounts.
    pub(crate) fn find(&self, names: &Names, path: &str) -> Result<Place, PathError> {
        let mut place = Place {
            system: ROOT,
            mount: 0,
            steps: Vec::new(),
        };
        let mut dir = self.root(ROOT);
        let mut parts = parts(path).peekable();
        while let Some(part) = parts.next() {
            self.alive(place.system)?;
            let (at, inode) = dir.get(names, part).ok_or(PathError::Missing)?;
            place
                .steps
                .push(u32::try_from(at).expect("a folder holds fewer than 2^32 names"));
            match inode {
                Inode::Dir(next) => dir = next,
                Inode::File(_) if parts.peek().is_none() && !path.ends_with('/') => return Ok(place),
                Inode::File(_) => return Err(PathError::NotDirectory),
            }
            if dir.covered != 0 {
                let mount = self.top_mount(dir.covered);
                place.mount = mount;
                place.system = self
                    .mounts
                    .get(mount - 1)
                    .expect("a covered folder names a mount")
                    .system;
                place.steps.clear();
                dir = self.root(place.system);
            }
        }
        Ok(place)
    }

    /// Follows `path` to the folder that its last name lies in, without crossing a mount on the last name.
    pub(crate) fn parent<'p>(&self, names: &Names, path: &'p str) -> Result<(Place, &'p str), PathError> {
        let path = path.trim_end_matches('/');
        // A path without a leading slash starts at the root folder too: simulated programs run there.
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name == "." || name == ".." {
            return Err(PathError::Missing);
        }
        let place = self.find(names, if folder.is_empty() { "/" } else { folder })?;
        self.alive(place.system)?;
        match self.look(&place) {
            Found::Dir(_) => Ok((place, name)),
            Found::File(_) => Err(PathError::NotDirectory),
        }
    }

    /// Whether a file system can be read.
    pub(crate) fn alive(&self, system: u32) -> Result<(), PathError> {
        match self.systems.get(system) {
            Some(found) if found.dead => Err(PathError::Unreadable),
            _ => Ok(()),
        }
    }

    /// The uppermost of the mounts that start with `first` (a number plus one).
    fn top_mount(&self, first: u32) -> u32 {
        let mut top = first;
        while let Some(over) = self
            .mounts
            .get(top - 1)
            .map(|mount| mount.over)
            .filter(|over| *over != 0)
        {
            top = over;
        }
        top
    }

    /// What shows at a folder: the top of what is mounted over it, or itself.
    pub(crate) fn shown<'d>(&'d self, dir: &'d Dir) -> Result<&'d Dir, PathError> {
        if dir.covered == 0 {
            return Ok(dir);
        }
        let mount = self.mounts.get(self.top_mount(dir.covered) - 1);
        let system = mount.expect("a covered folder names a mount").system;
        self.alive(system)?;
        Ok(self.root(system))
    }

    fn root(&self, system: u32) -> &Dir {
        &self
            .systems
            .get(system)
            .expect("a mounted file system exists")
            .root
    }

    /// What is at `place`.
    pub(crate) fn look(&self, place: &Place) -> Found<'_> {
        let mut dir = self.root(place.system);
        for step in &place.steps {
            match &dir.children[*step as usize].what {
                Inode::Dir(next) => dir = next,
                Inode::File(file) => return Found::File(file),
            }
        }
        Found::Dir(dir)
    }

    /// The folder at `path`.
    pub(crate) fn dir(&self, names: &Names, path: &str) -> Option<&Dir> {
        match self.look(&self.find(names, path).ok()?) {
            Found::Dir(dir) => Some(dir),
            Found::File(_) => None,
        }
    }

    /// The file at `path`.
    pub(crate) fn file(&self, names: &Names, path: &str) -> Option<&File> {
        match self.look(&self.find(names, path).ok()?) {
            Found::File(file) => Some(file),
            Found::Dir(_) => None,
        }
    }

    /// The folder at `place`, to change it; for a file the folder it lies in.
    pub(crate) fn dir_mut(&mut self, place: &Place) -> &mut Dir {
        let system = self
            .systems
            .get_mut(place.system)
            .expect("a place lies in a file system");
        let mut dir = &mut system.root;
        for step in &place.steps {
            let at = *step as usize;
            if matches!(dir.children[at].what, Inode::File(_)) {
                return dir;
            }
            match &mut dir.children[at].what {
                Inode::Dir(next) => dir = next,
                Inode::File(_) => unreachable!("a file was ruled out above"),
            }
        }
        dir
    }

    /// The file at `place`, to change it.
    pub(crate) fn file_mut(&mut self, place: &Place) -> Option<&mut File> {
        let last = *place.steps.last()? as usize;
        if let Found::Dir(_) = self.look(place) {
            return None;
        }
        match &mut self.dir_mut(place).children.get_mut(last)?.what {
            Inode::File(file) => Some(file),
            Inode::Dir(_) => None,
        }
    }

    /// Makes a folder and those it lies in; for setting up a machine.
    pub(crate) fn make_dirs(&mut self, names: &mut Names, path: &str) -> Result<(), PathError> {
        let mut made = String::new();
        for part in parts(path) {
            let place = self.find(names, if made.is_empty() { "/" } else { &made })?;
            made.push('/');
            made.push_str(part);
            match self.find(names, &made) {
                Ok(found) => {
                    if let Found::File(_) = self.look(&found) {
                        return Err(PathError::NotDirectory);
                    }
                }
                Err(_) => {
                    let name = names.store(part);
                    self.dir_mut(&place).put(name, Inode::Dir(Box::new(Dir::new())));
                }
            }
        }
        Ok(())
    }

    /// Drops a file system that nothing holds and nobody has mounted.
    pub(crate) fn let_go(&mut self, system: u32) {
        if self
            .systems
            .get(system)
            .is_some_and(|found| !found.held && found.mounts == 0)
        {
            let gone = self.systems.remove(system).expect("looked at above");
            self.let_go_inside(gone.root);
        }
    }

    /// Marks a file system as no longer held by a disk, volume or file.
    pub(crate) fn unhold(&mut self, system: u32) {
        if let Some(found) = self.systems.get_mut(system) {
            found.held = false;
        }
        self.let_go(system);
    }

    /// Empties a file system, as making it anew does.
    pub(crate) fn empty(&mut self, system: u32) {
        if let Some(found) = self.systems.get_mut(system) {
            found.dead = false;
            let gone = std::mem::replace(&mut found.root, Dir::new());
            self.let_go_inside(gone);
        }
    }

    /// Images inside a folder that goes away go with it.
    fn let_go_inside(&mut self, dir: Dir) {
        for child in dir.children {
            match child.what {
                Inode::Dir(inner) => self.let_go_inside(*inner),
                Inode::File(file) => {
                    if let crate::tree::Body::Sparse {
                        inside: Some(system), ..
                    } = file.body
                    {
                        self.unhold(system);
                    }
                }
            }
        }
    }

    /// Whether commands can be given to it.
    pub(crate) fn answers(&self) -> bool {
        self.powered && self.reachable
    }

    /// Whether its glusterd can be reached by the others of its pool.
    pub(crate) fn glusterd_answers(&self) -> bool {
        self.answers() && self.glusterd
    }
}

/// The names of a path.
pub(crate) fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".")
}
