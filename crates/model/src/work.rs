//! The vocabulary between deciding and doing: things on nodes, and what is known of them.
//!
//! A plan says *this thing, on this node, present* (or *absent*). The hands turn that into commands and answer
//! with what they saw. Specs hold everything needed to make, unmake and recognise their thing, so a plan read
//! back after a crash needs nothing else.

mod block;
mod copies;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use block::{BlockPart, BlockSpec};
pub use copies::{CopyPart, CopySpec};

use crate::layout::BrickPlace;
use crate::things::is_no;
use crate::{
    Brick, BrickId, BrickNames, BrickSpace, ByteSize, DeviceId, DevicePath, Disperse, HostName, LvmName,
    Node, NodeId, OptionName, Overcommit, PeerId, Target, VolumeId, VolumeName, VolumeOption,
};

/// Whether a thing is to be there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Goal {
    /// It is to be there.
    Present,
    /// It is to be gone.
    Absent,
}

impl Goal {
    /// The way back.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Present => Self::Absent,
            Self::Absent => Self::Present,
        }
    }
}

/// A member of a trusted pool, as its other members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerSpec {
    /// The node.
    pub node: NodeId,
    /// Its name in the pool.
    pub host: HostName,
    /// Whether it leaves the pool also when nobody reaches it any more.
    #[serde(default, skip_serializing_if = "is_no")]
    pub force: bool,
}

/// A device ready for bricks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSpec {
    /// The device.
    pub device: DeviceId,
    /// Its path; below `/dev` it is driven through LVM, else it is a directory.
    pub path: DevicePath,
    /// Whether what is on it may be wiped. Only ever this one device.
    pub destroy: bool,
    /// What its thin pool for all bricks may promise over what it has; none where each brick has a pool of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Overcommit>,
}

/// A brick: space on its device, file system, mount entry, mount, folder, identity file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrickSpec {
    /// The brick.
    pub brick: BrickId,
    /// The volume it is for.
    pub volume: VolumeId,
    /// The device it is on.
    pub device: DeviceId,
    /// The device's path: a directory device's images are below it.
    pub device_path: DevicePath,
    /// What it takes of the device.
    pub space: BrickSpace,
    /// Size of its file system.
    pub size: ByteSize,
    /// Whether it is an arbiter: its file system holds many files without data.
    #[serde(default, skip_serializing_if = "is_no")]
    pub arbiter: bool,
    /// Group that owns the brick's folder; 0 leaves it as made.
    pub gid: u32,
    /// The copy of another brick that it is made of, on the same device. It has that one's size and files, and is a file
    /// system of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<BrickId>,
    /// Text of the identity file (JSON).
    pub identity: String,
    /// What it is called on its node, where that does not follow from the ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Box<BrickNames>>,
    /// The thin pool that it is in, where that was made for another brick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Box<LvmName>>,
}

impl BrickSpec {
    /// Where it is on its node.
    pub fn place(&self) -> BrickPlace<'_> {
        BrickPlace {
            device: self.device,
            brick: self.brick,
            names: self.names.as_deref(),
            pool: self.pool.as_deref(),
        }
    }

    /// Name of the thin pool that it is in; none of an image.
    pub fn thin_pool(&self) -> Option<String> {
        self.space.thin_pool(self.place())
    }
}

/// Where a brick is, as GlusterFS names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrickAddress {
    /// The brick.
    pub brick: BrickId,
    /// Its node's name in the pool.
    pub host: HostName,
    /// The brick's folder on that node.
    pub path: String,
}

impl BrickAddress {
    /// The address of a brick that is on this node.
    pub fn of(brick: &Brick, node: &Node) -> Self {
        Self {
            brick: brick.id,
            host: node.storage.clone(),
            path: brick.place().brick_path(),
        }
    }
}

impl fmt::Display for BrickAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.path)
    }
}

/// A GlusterFS volume: defined, with its options, and started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
    /// Copies of each file, an arbiter among them; 1 is none.
    pub replica: u32,
    /// Whether the last brick of each set is an arbiter.
    #[serde(default, skip_serializing_if = "is_no")]
    pub arbiter: bool,
    /// Pieces of each file, of a dispersed volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disperse: Option<Disperse>,
    /// Its bricks, set by set.
    pub bricks: Vec<BrickAddress>,
    /// Options to set before it starts, those that tell its identity among them.
    pub options: Vec<VolumeOption>,
}

/// More bricks of a volume that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedBricksSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
    /// Copies of each file; 1 is none.
    pub replica: u32,
    /// The new bricks, set by set.
    pub bricks: Vec<BrickAddress>,
    /// Options to set with them (the volume's identity tells its new size).
    pub options: Vec<VolumeOption>,
    /// What these options were: set again when the bricks are taken out.
    #[serde(default)]
    pub options_back: Vec<VolumeOption>,
}

/// Bricks by which each file of a volume has more copies: there when they are in its sets, gone when the volume does without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiesSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
    /// Copies without these bricks; 1 is none.
    pub few: u32,
    /// Copies with them, an arbiter among them.
    pub many: u32,
    /// Whether the last of the many is an arbiter.
    #[serde(default, skip_serializing_if = "is_no")]
    pub arbiter: bool,
    /// These bricks, set by set; they are the last ones of their sets.
    pub bricks: Vec<BrickAddress>,
    /// The other bricks of the volume.
    pub others: Vec<BrickAddress>,
}

/// Files of a volume spread over all its bricks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RebalanceSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
}

/// A brick's place in its set, handed over to another brick: gone when the other one has it. Never taken back: the old
/// brick is not written to any more from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
    /// The brick that has the place.
    pub old: BrickAddress,
    /// The brick that gets it.
    pub new: BrickAddress,
    /// The other bricks of the set: the new one is healed from them.
    pub others: Vec<BrickAddress>,
    /// Whether the old brick may be out of reach: whatever it alone holds is given up.
    #[serde(default)]
    pub dead: bool,
    /// Whether more than one of the others is needed for any file, or one of them holds no data: then they are asked
    /// themselves whether each is healed from its root on, and where the old brick may be out of reach, they must list the
    /// same.
    #[serde(default)]
    pub alike: bool,
    /// Whether each brick holds a piece of each file: then their roots must have a version, without which nothing is healed to
    /// a new one.
    #[serde(default, skip_serializing_if = "is_no")]
    pub pieces: bool,
}

/// The bricks of devices that are to be left: gone when each has moved elsewhere. Each move is an operation of its own, one
/// after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BricksSpec {
    /// The devices.
    pub devices: Vec<DeviceId>,
    /// What people call them together: a device's path, a node's host name.
    pub called: String,
    /// Whether the bricks may be out of reach: whatever they alone hold is given up.
    #[serde(default)]
    pub dead: bool,
}

/// The copies in one set of a volume, alike: there when each of its bricks runs and none holds anything for another.
/// Of pieces, each brick's root must have been healed, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
    /// The bricks of the set.
    pub bricks: Vec<BrickAddress>,
    /// Whether each brick holds a piece of each file: then none of them lists anything for a new one before its root is
    /// healed, and the bricks are asked for that themselves.
    #[serde(default, skip_serializing_if = "is_no")]
    pub pieces: bool,
}

/// The file in which a node tells what no disk of it can: its name in the records, its zone and labels, its
/// devices' labels, its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFileSpec {
    /// The node.
    pub node: NodeId,
    /// Text of the file (JSON).
    pub text: String,
}

/// A volume whose bricks are served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
    /// Bricks whose processes are to run; others may be on nodes that are away.
    pub bricks: Vec<BrickAddress>,
    /// Whether a volume that somebody stopped is started too.
    pub stopped: bool,
}

/// Options of a volume that exists, set to these values; others stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionsSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
    /// Its bricks: they tell whose it is when its options do not.
    pub bricks: Vec<BrickAddress>,
    /// The options.
    pub options: Vec<VolumeOption>,
}

/// Options of a volume that exists, changed on somebody's word. Gone when they are as they were before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedOptionsSpec {
    /// The volume.
    pub volume: VolumeId,
    /// Its name.
    pub name: VolumeName,
    /// Its bricks: they tell whose it is when its options do not.
    pub bricks: Vec<BrickAddress>,
    /// Options with their new values.
    pub set: Vec<VolumeOption>,
    /// Options that GlusterFS is to have at its own values again.
    pub reset: Vec<OptionName>,
    /// What those of them were that had been set before.
    pub back: Vec<VolumeOption>,
}

/// What is left of a brick that is in no record. It is only ever removed, and only when the node itself shows that
/// it is Mortar's and that no volume uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemainsSpec {
    /// The id by which it is named there.
    pub brick: BrickId,
    /// The device it is on.
    pub device: DeviceId,
    /// The device's path.
    pub device_path: DevicePath,
    /// Whether its file system is in an image file, else on a logical volume.
    pub image: bool,
}

/// Which part of a brick that is to become larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrowthPart {
    /// That it can become larger at all: it is whole, and its device has the room. Nothing is changed.
    Room,
    /// The thin pool that it is in, and nothing else: for what is to be in it beside the brick. It stays large when what it was
    /// made larger for is undone.
    Pool,
    /// What is under its file system: thin pool and logical volume, or image file.
    Space,
    /// Its file system, and what its identity file says of it.
    FileSystem,
}

/// A brick that is to be larger, while it is in use. There when it is as large as wanted or larger; never made smaller again,
/// since XFS cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrowthSpec {
    /// Which part of it.
    pub part: GrowthPart,
    /// The brick as it is to be.
    pub brick: BrickSpec,
    /// What it takes of its device before.
    pub space_before: BrickSpace,
}

/// The size of a device, taken up to the size of its disk or file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSizeSpec {
    /// The device.
    pub device: DeviceId,
    /// Its path; below `/dev` it is driven through LVM, else it is a directory.
    pub path: DevicePath,
    /// What its bricks take: it must not be smaller.
    pub least: ByteSize,
    /// What its thin pool for all bricks may promise over what it has; none where each brick has a pool of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Overcommit>,
    /// What that pool could promise before, where that changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_before: Option<Overcommit>,
}

/// How glusterd is started on a node: as the node itself does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Starter {
    /// By systemd, as its unit `glusterd`.
    Systemd,
    /// By this command line, which the running one was started with.
    Command(Vec<String>),
}

/// A record in which a member of a pool differs from the others: what it says of one volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSpec {
    /// The volume's name.
    pub name: VolumeName,
    /// Checksum of what this member says; `None` where it knows of no such volume. Empty for a record that it has and
    /// cannot read.
    pub said: Option<String>,
    /// Checksum of what most members say; `None` where they know of no such volume.
    pub right: Option<String>,
    /// Whether this member's record is set aside, so that it learns that of the others; else the others learn from it.
    pub aside: bool,
}

/// A member of a pool that agrees with the others, its glusterd having been started anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberSpec {
    /// The node.
    pub node: NodeId,
    /// Its name in the pool.
    pub host: HostName,
    /// What is wrong with it, in a few words.
    pub why: String,
    /// Whether its glusterd does not answer: then nothing that is under way is waited for.
    #[serde(default)]
    pub hangs: bool,
    /// Whether its glusterd is to be started anew whatever it says: what it has on disk is right.
    #[serde(default)]
    pub anew: bool,
    /// What it differs in.
    pub records: Vec<RecordSpec>,
    /// Name of the folder that records are set aside in.
    pub folder: String,
    /// How glusterd is started.
    pub starter: Starter,
}

/// A member of a trusted pool, as another one has to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPeer {
    /// Its id.
    pub id: PeerId,
    /// Every name it is known by, the first one first.
    pub hosts: Vec<HostName>,
}

/// A machine that stands in a node's place: there when its glusterd has the id by which the pool knows the node, knows the other
/// members, and is known by them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentitySpec {
    /// The node.
    pub node: NodeId,
    /// Its name in the pool.
    pub host: HostName,
    /// The id by which the pool knows it.
    pub id: PeerId,
    /// The version in which the pool's members speak to each other.
    pub operating_version: u32,
    /// The other members.
    pub peers: Vec<KnownPeer>,
    /// How glusterd is started there.
    pub starter: Starter,
}

/// A thing that is made or unmade on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "thing")]
pub enum Thing {
    /// A member of the trusted pool.
    Peer(PeerSpec),
    /// A device ready for bricks.
    Device(DeviceSpec),
    /// A brick.
    Brick(BrickSpec),
    /// A GlusterFS volume.
    Volume(VolumeSpec),
    /// More bricks of a volume.
    AddedBricks(AddedBricksSpec),
    /// Bricks by which each file has more copies.
    Copies(CopiesSpec),
    /// A rebalance, begun.
    Rebalance(RebalanceSpec),
    /// A brick's place in its set.
    Seat(SeatSpec),
    /// The copies in a set, alike.
    Heal(HealSpec),
    /// The bricks of devices.
    Bricks(BricksSpec),
    /// What a node says of itself.
    NodeFile(NodeFileSpec),
    /// A brick that was made before, mounted, with mount entry, group and identity file. Neither its space nor its file
    /// system nor its folder is ever made anew: what holds them held data.
    Mount(BrickSpec),
    /// A volume whose bricks are served.
    Started(StartedSpec),
    /// Options of a volume that exists.
    VolumeOptions(OptionsSpec),
    /// Options of a volume, changed on somebody's word.
    ChangedOptions(ChangedOptionsSpec),
    /// What is left of a brick that is in no record.
    Remains(RemainsSpec),
    /// A member of a pool, in agreement with the others.
    Member(MemberSpec),
    /// A machine in a node's place, with the node's identity in its pool.
    Identity(IdentitySpec),
    /// A part of a brick, as large as wanted.
    Growth(GrowthSpec),
    /// A device's size, as its disk has it.
    DeviceSize(DeviceSizeSpec),
    /// A block volume, or a part of the way to it.
    Block(BlockSpec),
    /// A part of the way to a brick's copy, or back from it.
    Copy(CopySpec),
    /// A volume that nobody can use for a while: stopped. Started again when that is taken back.
    Stopped(StartedSpec),
}

impl Thing {
    /// What kind of thing, for people and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Peer(_) => "peer",
            Self::Device(_) => "device",
            Self::Brick(_) => "brick",
            Self::Volume(_) => "volume",
            Self::AddedBricks(_) => "added bricks",
            Self::Copies(_) => "copies",
            Self::Rebalance(_) => "rebalance",
            Self::Seat(_) => "place of a brick",
            Self::Heal(_) => "heal",
            Self::Bricks(_) => "bricks",
            Self::NodeFile(_) => "node file",
            Self::Mount(_) => "mount",
            Self::Started(_) => "started volume",
            Self::VolumeOptions(_) => "volume options",
            Self::ChangedOptions(_) => "changed options",
            Self::Remains(_) => "remains",
            Self::Member(_) => "member",
            Self::Identity(_) => "identity",
            Self::Growth(spec) => match spec.part {
                GrowthPart::Room => "room to grow",
                GrowthPart::Pool => "larger thin pool",
                GrowthPart::Space => "larger space",
                GrowthPart::FileSystem => "larger file system",
            },
            Self::DeviceSize(_) => "size of a device",
            Self::Block(spec) => spec.kind(),
            Self::Copy(spec) => spec.part.kind(),
            Self::Stopped(_) => "stopped volume",
        }
    }

    /// The thing in a few words, for errors and progress.
    pub fn title(&self) -> String {
        match self {
            Self::Peer(spec) => format!("peer {}", spec.host),
            Self::Device(spec) => format!("device {}", spec.path),
            Self::Brick(spec) => format!("brick {}", spec.brick),
            Self::Volume(spec) => format!("volume {}", spec.name),
            Self::AddedBricks(spec) => format!("{} more bricks of volume {}", spec.bricks.len(), spec.name),
            Self::Copies(spec) => format!(
                "{} copies instead of {} in volume {}",
                spec.many, spec.few, spec.name
            ),
            Self::Rebalance(spec) => format!("rebalance of volume {}", spec.name),
            Self::Seat(spec) => format!("place of brick {} in volume {}", spec.old.brick, spec.name),
            Self::Heal(spec) => format!("heal of volume {}", spec.name),
            Self::Bricks(spec) => format!("bricks of {}", spec.called),
            Self::NodeFile(spec) => format!("file of node {}", spec.node),
            Self::Mount(spec) => format!("mount of brick {}", spec.brick),
            Self::Started(spec) => format!("bricks of volume {}, served", spec.name),
            Self::VolumeOptions(spec) => {
                format!("{} options of volume {}", spec.options.len(), spec.name)
            }
            Self::ChangedOptions(spec) => format!("changed options of volume {}", spec.name),
            Self::Remains(spec) => format!("remains of brick {} on {}", spec.brick, spec.device_path),
            Self::Member(spec) => format!("glusterd of {}, which {}", spec.host, spec.why),
            Self::Identity(spec) => format!("identity of {} in its trusted pool", spec.host),
            Self::Growth(GrowthSpec { part, brick, .. }) => match part {
                GrowthPart::Room => format!("room for brick {} to grow to {}", brick.brick, brick.size),
                GrowthPart::Pool => format!("larger thin pool of brick {}", brick.brick),
                GrowthPart::Space => format!("{} under brick {}", brick.size, brick.brick),
                GrowthPart::FileSystem => format!("file system of {} of brick {}", brick.size, brick.brick),
            },
            Self::DeviceSize(spec) => format!("size of device {}", spec.path),
            Self::Block(spec) => spec.title(),
            Self::Copy(spec) => spec.title(),
            Self::Stopped(spec) => format!("volume {}, stopped", spec.name),
        }
    }

    /// Whether making it begins with a look, even when nobody has touched it yet: a device may hold somebody's
    /// data, a peer may already be one, a member may have come to agree by itself, a machine may be no new one.
    pub const fn look_first(&self) -> bool {
        matches!(
            self,
            Self::Peer(_) | Self::Device(_) | Self::Member(_) | Self::Identity(_)
        )
    }

    /// Whether there is nothing to undo, whatever was done of it: a look changes nothing, and a device that knows how large
    /// its disk is holds nothing more.
    pub const fn stays(&self) -> bool {
        match self {
            Self::Growth(spec) => matches!(spec.part, GrowthPart::Room),
            Self::DeviceSize(_) => true,
            Self::Block(spec) => matches!(spec.part, BlockPart::Name),
            _ => false,
        }
    }

    /// Whether what was made of it stays when everything else is undone, and is recorded then: a thin pool cannot become
    /// smaller.
    pub const fn keeps(&self) -> bool {
        matches!(self, Self::Growth(spec) if matches!(spec.part, GrowthPart::Pool))
    }
}

/// What making a thing taught about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facts {
    /// Nothing that is not in its spec.
    #[default]
    None,
    /// A device's size and identity.
    Device(DeviceFacts),
    /// How initiators find a block volume.
    Target(Target),
}

/// A device's size and identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// Space for bricks.
    pub total: ByteSize,
    /// LVM's extent; zero for a directory.
    pub extent: ByteSize,
    /// UUID of the physical volume; empty for a directory.
    pub uuid: String,
    /// Every path the device is known by.
    pub paths: Vec<String>,
}

/// What is known of a thing after a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// Surely not there.
    Absent,
    /// Surely there, just as the spec says.
    Present(Facts),
    /// Begun and not finished, or already half undone: making and unmaking both go on from there.
    Partial(String),
    /// Something that is not ours stands in its place; nothing may be done there.
    Foreign(String),
    /// Not known: the node did not answer in time, or its answer was not understood.
    Unknown(String),
    /// Not known: the node was not reached at all.
    Unreached(String),
    /// Gone as far as can be seen, and out of use; whether members that are away have forgotten it nobody can tell.
    Away(String),
}

/// Why a step failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Somebody else holds glusterd's lock: the same again, a little later.
    Busy,
    /// What is wanted is coming about by itself and is not there yet: looked at again, as often as it takes.
    Underway,
    /// The node said no; asking again changes nothing.
    Refused,
    /// The node has no room.
    NoSpace,
    /// The node was not reached: surely nothing was done there.
    Unreached,
    /// The node was reached, and it does not do this while another member of its pool is away. What is to be removed
    /// is out of use: a volume whose deletion waits is stopped.
    Away,
}

/// A failed step: what stood in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which way on there is.
    pub kind: FailureKind,
    /// What the tool said, or what was found, in a line or two.
    pub reason: String,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The goal holds.
    Done(Facts),
    /// The goal does not hold, and it is known what was left: what a look would find as `Absent` or `Partial`.
    Failed(Failure),
    /// Nobody knows: look before anything else is done there.
    Unknown(String),
}
