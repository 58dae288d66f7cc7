//! The layers of the pyramid as records. These are also what the store keeps: fields are only ever added,
//! with a default.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::layout::{self, BrickPlace};
use crate::{
    BlockRestriction, BrickId, ByteSize, ClusterId, DeviceId, DevicePath, Durability, HostName, LvmName,
    NodeId, Origin, Overcommit, Tags, VolumeId, VolumeName, VolumeOption,
};

/// One trusted pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its id.
    pub id: ClusterId,
    /// Whether file volumes may be made here.
    pub file: bool,
    /// Whether block volumes may be made here.
    pub block: bool,
}

/// Whether a node or a device takes new bricks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Takes new bricks.
    Online,
    /// Takes no new bricks; those it has go on.
    Offline,
    /// Removed: its bricks were moved away.
    Failed,
}

impl State {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Online, Self::Offline, Self::Failed];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Failed => "failed",
        })
    }
}

/// A member of a trusted pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// The pool it belongs to.
    pub cluster: ClusterId,
    /// Failure domain: bricks of one set go to distinct zones where possible.
    pub zone: u32,
    /// Where commands reach it.
    pub manage: HostName,
    /// Its name in the trusted pool, and where clients reach its bricks.
    pub storage: HostName,
    /// Labels.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Whether it takes new bricks.
    pub state: State,
}

/// What a device is, and so how bricks are made on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A block device: an LVM physical volume and a volume group. Bricks are thin logical volumes.
    Lvm {
        /// LVM's extent: every size on the device is a multiple of it.
        extent: ByteSize,
        /// UUID of the physical volume: the device's identity when its path changes.
        uuid: String,
        /// Every path the device is known by.
        #[serde(default)]
        paths: Vec<String>,
        /// What its one thin pool may promise over what it has; none where each brick has a pool of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shared: Option<Overcommit>,
    },
    /// A directory: bricks are XFS image files on loop devices.
    Directory,
    /// A file system that others made, with bricks of theirs in folders: it was adopted, and takes no bricks of Mortar's. Its path is
    /// where it is mounted; [`DevicePath::ROOT`] for the root.
    Adopted,
}

impl DeviceKind {
    /// Whether a device at `path` is driven through LVM: block devices live below `/dev`, anything else is a directory.
    pub fn is_block_path(path: &DevicePath) -> bool {
        path.as_str().starts_with("/dev/")
    }

    /// The unit that sizes on the device are rounded up to.
    pub fn extent(&self) -> ByteSize {
        match self {
            Self::Lvm { extent, .. } => *extent,
            Self::Directory | Self::Adopted => ByteSize::from_kib(4),
        }
    }

    /// What its shared thin pool may promise over what it has; none where it has no such pool.
    pub const fn shared(&self) -> Option<Overcommit> {
        match self {
            Self::Lvm { shared, .. } => *shared,
            Self::Directory | Self::Adopted => None,
        }
    }

    /// Whether its shared thin pool may promise more than it has.
    pub fn promises_more(&self) -> bool {
        self.shared().is_some_and(|over| over > Overcommit::NONE)
    }
}

/// A disk, or a directory that stands for one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The node it belongs to.
    pub node: NodeId,
    /// The path it was added by.
    pub path: DevicePath,
    /// How bricks are made on it.
    pub kind: DeviceKind,
    /// Labels; they override the node's.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Whether it takes new bricks.
    pub state: State,
    /// Space for bricks: the volume group's size, the directory's file system's, or what a shared thin pool may promise.
    pub total: ByteSize,
}

impl Device {
    /// The device at another path. Names by which the kernel called it before are not its own any more; those that follow the
    /// disk still are.
    #[must_use]
    pub fn at(mut self, path: DevicePath) -> Self {
        if let DeviceKind::Lvm { paths, .. } = &mut self.kind {
            paths.retain(|known| known.starts_with("/dev/disk/") && known != path.as_str());
            paths.insert(0, path.to_string());
        }
        Self { path, ..self }
    }
}

/// Whether bricks of one set must be in distinct zones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ZoneChecking {
    /// Preferred, not demanded.
    #[default]
    None,
    /// Demanded: no space in enough zones is no space.
    Strict,
}

/// Room kept beside a volume's bricks for snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshots {
    /// Whether room is kept.
    pub enable: bool,
    /// Thin pool size over brick size, 1 to 100. Heketi answers 1 when snapshots are off.
    pub factor: f64,
}

/// A GlusterFS volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Volume {
    /// Its id.
    pub id: VolumeId,
    /// The pool it is on.
    pub cluster: ClusterId,
    /// Its name in GlusterFS, unique in its pool.
    pub name: VolumeName,
    /// Usable size, as asked for.
    pub size: ByteSize,
    /// How it survives the loss of bricks.
    pub durability: Durability,
    /// Group that owns the volume's root; 0 is root's own.
    #[serde(default)]
    pub gid: u32,
    /// Options as asked for.
    #[serde(default)]
    pub options: Vec<VolumeOption>,
    /// Room for snapshots.
    pub snapshots: Snapshots,
    /// Whether it is meant to hold block volumes.
    #[serde(default)]
    pub block: bool,
    /// Whether it takes new block volumes, where it is meant to hold any.
    #[serde(default, skip_serializing_if = "BlockRestriction::is_none")]
    pub block_restriction: BlockRestriction,
    /// Whether its sets were placed with strict zones; kept for later sets.
    #[serde(default)]
    pub zone_checking: ZoneChecking,
    /// What it was cloned from. It needs nothing of that any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Whether the sets of its bricks are a guess: it was taken over from records that do not tell them. The first look at its
    /// pool makes them sure.
    #[serde(default, skip_serializing_if = "is_no")]
    pub sets_guessed: bool,
    /// Whether the user role of Heketi's API asked for it: that role may read and delete what it asked for.
    #[serde(default, skip_serializing_if = "is_no")]
    pub by_user: bool,
}

impl Volume {
    /// A volume of which no more is known than this: without size, options and rules of its own.
    pub fn bare(id: VolumeId, cluster: ClusterId, name: VolumeName, durability: Durability) -> Self {
        Self {
            id,
            cluster,
            name,
            size: ByteSize::ZERO,
            durability,
            gid: 0,
            options: Vec::new(),
            snapshots: Snapshots {
                enable: false,
                factor: 1.0,
            },
            block: false,
            block_restriction: BlockRestriction::None,
            zone_checking: ZoneChecking::None,
            origin: None,
            sets_guessed: false,
            by_user: false,
        }
    }
}

/// What a thing mostly is not stays out of its record.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
pub(crate) const fn is_no(value: &bool) -> bool {
    !*value
}

/// What a brick takes of its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BrickSpace {
    /// A thin pool for this brick, with metadata, as Heketi makes it; clones of the brick are in it, too.
    ThinPool {
        /// Size of the pool's data.
        pool: ByteSize,
        /// Size of the pool's metadata.
        metadata: ByteSize,
    },
    /// A thin volume as large as the brick in the pool that its device has for all.
    Shared,
    /// An image file as large as the brick.
    Image,
    /// A folder on a file system that others made: its share of that, among all bricks there. Mortar never makes, changes or removes
    /// one.
    Folder,
}

impl BrickSpace {
    /// Name of the thin pool of a brick at this place; none of an image.
    pub fn thin_pool(self, place: BrickPlace<'_>) -> Option<String> {
        match self {
            Self::ThinPool { .. } => Some(place.thin_pool()),
            Self::Shared => Some(layout::SHARED_POOL.into()),
            Self::Image | Self::Folder => None,
        }
    }
}

/// What a brick is called on its node where Mortar did not choose that: it was taken over, and is operated as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrickNames {
    /// Where its file system is mounted.
    pub mount_point: DevicePath,
    /// Its folder as GlusterFS knows it, below the mount point.
    pub folder: DevicePath,
    /// Its logical volume in the volume group of its device; a folder that was adopted has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<LvmName>,
    /// Its thin pool there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<LvmName>,
    /// Whether other bricks may have logical volumes in that pool: clones and their origins do.
    #[serde(default, skip_serializing_if = "is_no")]
    pub shared: bool,
}

/// One file system on one device that holds a part of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brick {
    /// Its id.
    pub id: BrickId,
    /// The volume it is a part of.
    pub volume: VolumeId,
    /// The device it is on.
    pub device: DeviceId,
    /// Size of its file system.
    pub size: ByteSize,
    /// What it takes of its device.
    pub space: BrickSpace,
    /// Which set of the volume it belongs to, from 0.
    pub set: u32,
    /// Its place in the set, from 0.
    pub position: u32,
    /// What it is called on its node, where that does not follow from the ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Box<BrickNames>>,
    /// The thin pool that it is in, where that was made for another brick: a clone's is its origin's. It stays as long as any
    /// brick is in it, and each of them records the size that all of it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Box<LvmName>>,
}

impl Brick {
    /// Where it is on its node.
    pub fn place(&self) -> BrickPlace<'_> {
        BrickPlace {
            device: self.device,
            brick: self.id,
            names: self.names.as_deref(),
            pool: self.pool.as_deref(),
        }
    }

    /// Whether it is a folder that others made, and that stays as it is when no volume has it any more.
    pub fn is_adopted(&self) -> bool {
        self.space == BrickSpace::Folder
    }

    /// Bytes of its device that the brick takes, with all of the thin pool that it is in: where others are in that too, they take the
    /// same bytes.
    pub fn footprint(&self) -> ByteSize {
        match self.space {
            BrickSpace::ThinPool { pool, metadata } => pool + metadata,
            BrickSpace::Shared | BrickSpace::Image | BrickSpace::Folder => self.size,
        }
    }

    /// Name of the thin pool that it is in; none of an image.
    pub fn thin_pool(&self) -> Option<String> {
        self.space.thin_pool(self.place())
    }
}
