//! File systems and what lies in them.

use serde::{Deserialize, Serialize};

use crate::text::{Names, Text};

/// A folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Dir {
    pub(crate) children: Vec<Child>,
    pub(crate) gid: u32,
    /// Permission bits.
    pub(crate) mode: u16,
    /// Number of the first mount that lies over this folder, plus one; 0 for none.
    pub(crate) covered: u32,
    /// The stamp of the GlusterFS volume whose id is kept in the extended attribute
    /// `trusted.glusterfs.volume-id`; 0 for none. It outlives the volume.
    pub(crate) volume: u32,
}

/// A name in a folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Child {
    pub(crate) name: Text,
    pub(crate) what: Inode,
}

/// What a name stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Inode {
    Dir(Box<Dir>),
    File(Box<File>),
}

/// A regular file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) gid: u32,
    /// Permission bits.
    pub(crate) mode: u16,
    pub(crate) body: Body,
}

/// What is in a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Body {
    /// A small text.
    Text(Text),
    /// Lines, kept one by one because lines come and go (the table of mounts).
    Lines(Vec<Text>),
    /// A sparse file; it may carry a file system.
    Sparse {
        /// Bytes.
        size: u64,
        /// The file system in it.
        inside: Option<u32>,
    },
}

/// A file system, wherever it lies: on a disk, a logical volume or an image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileSystem {
    pub(crate) root: Dir,
    pub(crate) kind: FsKind,
    pub(crate) uuid: [u8; 16],
    /// Bytes of the device under it.
    pub(crate) size: u64,
    /// Brick processes that work in it: they keep it busy.
    pub(crate) users: u32,
    /// How often it is mounted.
    pub(crate) mounts: u32,
    /// Whether something still holds it (a disk, a volume or a file with a name).
    pub(crate) held: bool,
    /// Number of the loop device through which it is mounted, plus one; 0 for none.
    pub(crate) through_loop: u32,
    /// Its disk is dead: what is in it cannot be read.
    #[serde(default)]
    pub(crate) dead: bool,
    /// Nothing is written to it until it thaws.
    #[serde(default)]
    pub(crate) frozen: bool,
    /// Its log has to be replayed.
    #[serde(default)]
    pub(crate) unclean: bool,
    /// It was copied while it was written to.
    #[serde(default)]
    pub(crate) torn: bool,
    /// Its files cannot share blocks.
    #[serde(default)]
    pub(crate) no_sharing: bool,
}

/// Kinds of file system that a node can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FsKind {
    Xfs,
    Ext4,
}

impl FsKind {
    /// The name that the tools print.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Xfs => "xfs",
            Self::Ext4 => "ext4",
        }
    }
}

impl Dir {
    /// An empty folder of root's.
    pub(crate) fn new() -> Self {
        Self {
            mode: 0o755,
            ..Self::default()
        }
    }

    /// Where `name` is among the children, or where it would go.
    pub(crate) fn position(&self, name: &Text) -> Result<usize, usize> {
        self.children.binary_search_by(|child| child.name.cmp(name))
    }

    /// What `name` stands for in this folder.
    pub(crate) fn get(&self, names: &Names, name: &str) -> Option<(usize, &Inode)> {
        let at = self.position(&names.seek(name)?).ok()?;
        Some((at, &self.children[at].what))
    }

    /// Puts `what` under `name`, in place of what was there.
    pub(crate) fn put(&mut self, name: Text, what: Inode) {
        match self.position(&name) {
            Ok(at) => self.children[at].what = what,
            Err(at) => {
                if self.children.len() < 4 {
                    // Most folders stay tiny; the usual growth would waste most of their memory.
                    self.children.reserve_exact(1);
                }
                self.children.insert(at, Child { name, what });
            }
        }
    }

    /// Takes `name` out of this folder.
    pub(crate) fn take(&mut self, names: &Names, name: &str) -> Option<Inode> {
        let at = self.position(&names.seek(name)?).ok()?;
        Some(self.children.remove(at).what)
    }

    /// Whether a mount lies on this folder or on one in it.
    pub(crate) fn holds_mounts(&self) -> bool {
        self.covered != 0
            || self.children.iter().any(|child| match &child.what {
                Inode::Dir(dir) => dir.holds_mounts(),
                Inode::File(_) => false,
            })
    }
}

impl File {
    /// An empty file of root's.
    pub(crate) fn new(body: Body) -> Self {
        Self {
            gid: 0,
            mode: 0o644,
            body,
        }
    }

    /// The text in the file; an image reads as nothing.
    pub(crate) fn text(&self, names: &Names) -> String {
        match &self.body {
            Body::Text(text) => names.read(text),
            Body::Lines(lines) => lines.iter().map(|line| names.read(line) + "\n").collect(),
            Body::Sparse { .. } => String::new(),
        }
    }

    /// Bytes as `stat` tells them.
    pub(crate) fn size(&self, names: &Names) -> u64 {
        match &self.body {
            Body::Sparse { size, .. } => *size,
            _ => self.text(names).len() as u64,
        }
    }

    /// Replaces the contents. Several lines are kept line by line.
    pub(crate) fn write(&mut self, names: &mut Names, text: &str) {
        let lines = text.lines().count();
        self.body = if lines > 1 && text.ends_with('\n') {
            Body::Lines(
                text.split_terminator('\n')
                    .map(|line| names.store(line))
                    .collect(),
            )
        } else {
            Body::Text(names.store(text))
        };
    }

    /// Adds `text` at the end, without touching the lines before it where they are kept line by line.
    pub(crate) fn append(&mut self, names: &mut Names, text: &str) {
        if let (Body::Lines(lines), true) = (&mut self.body, text.ends_with('\n')) {
            lines.extend(text.split_terminator('\n').map(|line| names.store(line)));
            return;
        }
        let whole = self.text(names) + text;
        self.write(names, &whole);
    }
}

impl FileSystem {
    /// A fresh file system.
    pub(crate) fn new(kind: FsKind, uuid: [u8; 16], size: u64) -> Self {
        let root = Dir::new();
        Self {
            root,
            kind,
            uuid,
            size,
            users: 0,
            mounts: 0,
            held: true,
            through_loop: 0,
            dead: false,
            frozen: false,
            unclean: false,
            torn: false,
            no_sharing: false,
        }
    }

    /// Bytes that making it has written: its log and some headers (67,457,024 measured at 400 MiB).
    pub(crate) fn written(&self) -> u64 {
        self.log() + (340 << 10)
    }

    fn log(&self) -> u64 {
        (self.size / 2048).clamp(64 << 20, 2 << 30)
    }

    /// What `df` tells of it: size, used and available bytes.
    ///
    /// XFS keeps its log out of the size (64 MiB on small devices) and shows about 1.5 % plus 17 MB as used when
    /// empty: measured with mkfs.xfs 6.1 on 400 MiB and 2 GiB.
    pub(crate) fn usage(&self) -> (u64, u64, u64) {
        let size = self.size.saturating_sub(self.log());
        let used = (17_000_000 + self.size / 70).min(size);
        (size, used, size - used)
    }
}
