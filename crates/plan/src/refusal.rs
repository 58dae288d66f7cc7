//! Why something cannot be planned. Every refusal names a true reason.

use std::fmt;

use mortar_model::{
    BlockVolumeId, BrickId, ByteSize, ClusterId, DeviceId, DevicePath, HostName, Impossible, NodeId,
    OperationId, SnapshotId, VolumeId, VolumeName,
};

use crate::attach::AttachRefusal;
use crate::group::GroupRefusal;
use crate::repeat::Difference;

/// The rule that kept a device from taking a brick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Its node takes no new bricks.
    NodeOffline,
    /// Its node does not answer.
    NodeUnhealthy,
    /// The device takes no new bricks.
    DeviceOffline,
    /// The device is being removed.
    DeviceLeaving,
    /// A part of it is nearly full, and what is free on it may be needed for that.
    TooFull(TooFull),
    /// Its tags do not keep this rule.
    Tags(String),
    /// Its tags keep arbiter bricks away.
    NoArbiters,
    /// Its tags keep it for arbiter bricks.
    OnlyArbiters,
    /// It has less room than the brick takes.
    Full {
        /// What the brick would take.
        needed: ByteSize,
        /// What is free.
        free: ByteSize,
    },
    /// The brick on it would be larger than bricks may be.
    TooLarge {
        /// What the brick would have.
        size: ByteSize,
        /// The most that one may have.
        most: ByteSize,
    },
    /// It is a file system that others made, with bricks that were adopted.
    Adopted,
    /// Its node has another brick of the same set.
    NodeInSet,
    /// Its zone has another brick of the same set, and zones are strict.
    ZoneInSet,
    /// The brick that is to be moved is on it.
    Left,
    /// It would do, but others are less full or in another zone.
    Outranked,
    /// It was chosen.
    Chosen,
}

/// A part of a device that is nearly full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooFull {
    /// Which part, for people.
    pub part: &'static str,
    /// How full it is, in whole per cent.
    pub percent: u8,
    /// From when on the device takes no bricks.
    pub limit: u8,
}

impl Rule {
    /// What would let the brick fit here; `None` where nothing has to.
    pub fn way(&self) -> Option<String> {
        let way = match self {
            Self::NodeOffline => "set its node online".to_owned(),
            Self::NodeUnhealthy => "bring its node back".to_owned(),
            Self::DeviceOffline => "set the device online".to_owned(),
            Self::DeviceLeaving => "cancel its removal, or wait for another device".to_owned(),
            Self::TooFull(full) => format!("make room there until it is less than {} % full", full.limit),
            Self::Tags(rule) => {
                format!("tag it or its node so that {rule} holds, or change the volume's rule")
            }
            Self::NoArbiters => "set its tag arbiter to supported".to_owned(),
            Self::OnlyArbiters => "set its tag arbiter to supported".to_owned(),
            // Strictly more must be free than is taken.
            Self::Full { needed, free } => format!("free more than {} there", needed.minus(*free)),
            Self::TooLarge { .. } => "raise brick-max, or add bricks".to_owned(),
            Self::Adopted => "add a device of Mortar's own to its node".to_owned(),
            Self::NodeInSet => "add a device on a node without a brick of the set".to_owned(),
            Self::ZoneInSet => "add a device in another zone, or let zones not be strict".to_owned(),
            Self::Left | Self::Outranked | Self::Chosen => return None,
        };
        Some(way)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeOffline => f.write_str("its node is offline"),
            Self::NodeUnhealthy => f.write_str("its node does not answer"),
            Self::DeviceOffline => f.write_str("the device is offline"),
            Self::DeviceLeaving => f.write_str("the device is being removed"),
            Self::TooFull(TooFull { part, percent, limit }) => {
                write!(
                    f,
                    "{part} is {percent} % full, and from {limit} % on it takes no bricks"
                )
            }
            Self::Tags(rule) => write!(f, "its tags do not match {rule}"),
            Self::NoArbiters => f.write_str("its tag arbiter is disabled, and this brick is an arbiter"),
            Self::OnlyArbiters => f.write_str("its tag arbiter is required, and this brick is none"),
            Self::Full { needed, free } => write!(f, "{free} free, {needed} needed"),
            Self::TooLarge { size, most } => {
                write!(f, "the brick on it would have {size}, and may have {most}")
            }
            Self::Adopted => f.write_str(
                "it is a file system that others made: only the bricks that were adopted are on it",
            ),
            Self::NodeInSet => f.write_str("its node already has a brick of the same set"),
            Self::ZoneInSet => {
                f.write_str("its zone already has a brick of the same set, and zones are strict")
            }
            Self::Left => f.write_str("the brick is to be moved off it"),
            Self::Outranked => f.write_str("others are emptier or in another zone"),
            Self::Chosen => f.write_str("chosen"),
        }
    }
}

/// One device and the rule that kept it from taking a brick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRefusal {
    /// The device.
    pub device: DeviceId,
    /// Its path.
    pub path: DevicePath,
    /// Its node.
    pub node: NodeId,
    /// Its node's name.
    pub host: HostName,
    /// Its zone.
    pub zone: u32,
    /// The rule.
    pub rule: Rule,
}

/// No way to place the bricks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSpace {
    /// Sets that were tried, each time with smaller bricks.
    pub sets_tried: Vec<u32>,
    /// The smallest brick that was tried.
    pub brick: ByteSize,
    /// Bricks of a set; each needs a node of its own.
    pub bricks_per_set: u32,
    /// Why no more and smaller bricks were tried.
    pub stopped_by: &'static str,
    /// Each device and the rule that refused it, for the first brick that found no place.
    pub devices: Vec<DeviceRefusal>,
    /// Devices that are not listed.
    pub more: usize,
}

impl NoSpace {
    /// Most devices that are listed by name.
    pub const LISTED: usize = 100;
    /// The words that its text begins with.
    pub const WORDS: &str = "no place for a brick of";
}

impl fmt::Display for NoSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} ({} to a set, each on its own node; {})",
            Self::WORDS,
            self.brick,
            self.bricks_per_set,
            self.stopped_by
        )?;
        if self.devices.is_empty() {
            return f.write_str("; there is no device");
        }
        list(f, &self.devices, self.more)
    }
}

/// No way to make the bricks of a volume larger where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// Each device that has one of them and cannot hold it any larger, and the rule that it breaks.
    pub devices: Vec<DeviceRefusal>,
    /// Devices that are not listed.
    pub more: usize,
}

impl NoRoom {
    /// Whether nodes that do not answer are all that stands in the way: the room may be there.
    pub fn only_away(&self) -> bool {
        self.devices
            .iter()
            .all(|device| device.rule == Rule::NodeUnhealthy)
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = if self.only_away() {
            "ask again when all its nodes answer, or ask for more bricks"
        } else {
            "ask for more bricks, or make room on these devices"
        };
        write!(f, "its bricks cannot become larger where they are ({way}):")?;
        list(f, &self.devices, self.more)
    }
}

/// No way to copy the bricks of a volume where they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoCopies {
    /// What is not made: a snapshot of a volume, a clone.
    pub what: String,
    /// Each device that has one of the bricks and takes no copy of it, and the rule that it breaks.
    pub devices: Vec<DeviceRefusal>,
    /// Devices that are not listed.
    pub more: usize,
}

impl NoCopies {
    /// Whether nodes that do not answer are all that stands in the way.
    pub fn only_away(&self) -> bool {
        self.devices
            .iter()
            .all(|device| device.rule == Rule::NodeUnhealthy)
    }
}

impl fmt::Display for NoCopies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no {}: a copy of a brick is on its brick's device, and these take none:",
            self.what
        )?;
        list(f, &self.devices, self.more)
    }
}

/// Devices with their rules, one a line.
fn list(f: &mut fmt::Formatter<'_>, devices: &[DeviceRefusal], more: usize) -> fmt::Result {
    for device in devices {
        write!(
            f,
            "\n  {}:{} (zone {}): {}",
            device.host, device.path, device.zone, device.rule
        )?;
        if let Some(way) = device.rule.way() {
            write!(f, " ({way})")?;
        }
    }
    if more > 0 {
        write!(f, "\n  and {more} more devices")?;
    }
    Ok(())
}

/// Why a volume does not get more and smaller bricks, and what would help.
fn why_not_smaller(brick_min: Option<ByteSize>) -> String {
    match brick_min {
        None => "more would pass the limit of bricks per volume: raise brick-max or bricks-per-volume, or ask for less".to_owned(),
        Some(least) => format!(
            "twice as many would be smaller than the smallest, {least} (brick-min): ask for another size, or change one of the two"
        ),
    }
}

/// Differences in one line.
pub fn differences_in_words(differences: &[Difference]) -> String {
    let each: Vec<String> = differences.iter().map(ToString::to_string).collect();
    each.join(", ")
}

/// A request that cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no cluster at all.
    #[error("there is no cluster: add one, its nodes and devices first")]
    NoClusters,
    /// A cluster that was named is not known.
    #[error("cluster {0} is not known")]
    UnknownCluster(ClusterId),
    /// A thing that was named is not known.
    #[error("{0} {1} is not known")]
    Unknown(&'static str, String),
    /// The name belongs to a volume of the cluster that is not what is asked for, made or just being made.
    #[error("volume name {name} is already in use on cluster {cluster} by a volume with {}", differences_in_words(.differences))]
    NameTaken {
        /// The name.
        name: VolumeName,
        /// The cluster.
        cluster: ClusterId,
        /// In what the volume is not as asked.
        differences: Vec<Difference>,
    },
    /// The name belongs to a volume that is just being removed.
    #[error("volume name {0} is still in use: operation {1} is removing its volume")]
    NameLeaving(VolumeName, OperationId),
    /// A host name belongs to another node.
    #[error("host name {0} is already used by node {1}")]
    HostTaken(HostName, NodeId),
    /// The node has another device at that path.
    #[error(
        "device {0} is already used by device {1}: another disk, or another file system mounted there, is taken once the node shows \
         that {1} is gone from that path; 'mortar device drain --dead {1}' then moves its bricks"
    )]
    PathTaken(DevicePath, DeviceId),
    /// The device is a file system that others made.
    #[error(
        "device {0} ({1}) was adopted: it is a file system that others made, and Mortar changes nothing of it"
    )]
    Adopted(DeviceId, DevicePath),
    /// The cluster is full by count.
    #[error("the cluster has {has} volumes and its limit is {limit}")]
    TooManyVolumes {
        /// Volumes it has.
        has: usize,
        /// Its limit.
        limit: usize,
    },
    /// The cluster is not for this type of volume.
    #[error("the cluster is not for {0} volumes: change its flags, or choose another one")]
    WrongType(&'static str),
    /// The cluster has no node that could take a brick.
    #[error("the cluster has no online node with an online device")]
    NoNodes,
    /// Smaller than the smallest brick allows.
    #[error("a volume of {size} is smaller than the smallest possible one, {smallest}")]
    TooSmall {
        /// What was asked for.
        size: ByteSize,
        /// The smallest that is made.
        smallest: ByteSize,
    },
    /// A shape of volume that GlusterFS does not take.
    #[error("{0}")]
    Impossible(#[from] Impossible),
    /// A placement option that cannot be read.
    #[error("{0}")]
    BadOption(String),
    /// The volume has as many bricks as it may have.
    #[error("the volume has {has} bricks and may have {limit}: no room for another set of {set}")]
    TooManyBricks {
        /// Bricks it has.
        has: u32,
        /// Bricks it may have.
        limit: u32,
        /// Bricks of a set.
        set: u32,
    },
    /// Of the sizes that its bricks could have, none lies between the smallest and the largest that are made.
    #[error(
        "even {bricks} bricks would have {size} each, and the largest that is made has {brick_max} (brick-max); {}",
        why_not_smaller(*.brick_min)
    )]
    NoBrickSize {
        /// The most bricks whose size was looked at.
        bricks: u32,
        /// Their size.
        size: ByteSize,
        /// The largest that is made.
        brick_max: ByteSize,
        /// The smallest that is made, where half of that size would be less; none where the volume may not have more bricks.
        brick_min: Option<ByteSize>,
    },
    /// Bricks found no place.
    #[error("{0}")]
    NoSpace(Box<NoSpace>),
    /// Bricks cannot become larger where they are.
    #[error("{0}")]
    NoRoom(Box<NoRoom>),
    /// A volume cannot become larger: neither do its bricks, nor are there places for more. The last one tells why not.
    #[error("{1}\n{0}")]
    NeitherWay(Box<NoRoom>, Box<Refusal>),
    /// No cluster can; each with its own reason.
    #[error("no cluster can take it:{}", .0.iter().map(|(id, why)| format!("\n{id}: {why}")).collect::<String>())]
    Everywhere(Vec<(ClusterId, Refusal)>),
    /// A brick that has no copy.
    #[error(
        "brick {brick} of volume {name} has no copy from which another one could be healed: copy the data to a volume \
         with replicas, and delete this one"
    )]
    NoCopies {
        /// The brick.
        brick: BrickId,
        /// Its volume's name.
        name: VolumeName,
    },
    /// A group of snapshots cannot be made as it is asked for, or is kept whole.
    #[error(transparent)]
    Group(#[from] GroupRefusal),
    /// The name belongs to another snapshot, made or just being made.
    #[error("snapshot name {name} is already in use by snapshot {snapshot} of volume {volume}")]
    SnapshotTaken {
        /// The name.
        name: VolumeName,
        /// The snapshot that has it.
        snapshot: SnapshotId,
        /// That one's volume.
        volume: VolumeName,
    },
    /// The name belongs to a snapshot that is just being removed.
    #[error("snapshot name {0} is still in use: operation {1} is removing its snapshot")]
    SnapshotLeaving(VolumeName, OperationId),
    /// Copies of a volume's bricks have no room, or cannot be made now.
    #[error("{0}")]
    NoCopiesRoom(Box<NoCopies>),
    /// A volume that has other bricks than when a snapshot of it was made.
    #[error(
        "volume {name} cannot be brought back to snapshot {snapshot}: since then its bricks {what}. Make a new volume of \
         the snapshot instead (mortar snapshot clone {snapshot})"
    )]
    Changed {
        /// The volume.
        name: VolumeName,
        /// The snapshot's name.
        snapshot: VolumeName,
        /// What is other.
        what: &'static str,
    },
    /// A brick of a volume whose sets are not known for sure.
    #[error(
        "brick {brick} of volume {name} is not moved yet: which of the volume's bricks are copies of each other is not known before \
         its pool has told it ('mortar check' asks)"
    )]
    SetsGuessed {
        /// The brick.
        brick: BrickId,
        /// Its volume's name.
        name: VolumeName,
    },
    /// A brick that is needed where it is for now.
    #[error("brick {0} is not moved now: {1}")]
    Needed(BrickId, String),
    /// Something rests on it.
    #[error("{0} {1} still holds {2}")]
    InUse(&'static str, String, &'static str),
    /// It is in the wrong state.
    #[error("{what} {id} is {state}: {wanted}")]
    WrongState {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
        /// Its state.
        state: String,
        /// What would help.
        wanted: &'static str,
    },
    /// Records that are to be made anew are there, or their names belong to others.
    #[error(
        "what was found is recorded already, and is not restored a second time ('mortar topology show' lists what is recorded):{}",
        .0.iter().map(|what| format!("\n{what}")).collect::<String>()
    )]
    Recorded(Vec<String>),
    /// Operations are under way, and what they are about to make would be taken for what is there.
    #[error("{0} operations are under way: rebuild when they have ended")]
    UnderWay(usize),
    /// It was changed between the question that was asked about it and the decision.
    #[error("{0} {1} was changed meanwhile: ask again")]
    Stale(&'static str, String),
    /// A volume does not get these copies.
    #[error("{0}")]
    Copies(String),
    /// No volume for block volumes has the room, and none is made.
    #[error(
        "no block hosting volume has {0} left that takes new block volumes, and none is made by itself: make a volume for block \
         volumes, or let them be made (block-hosting-auto)"
    )]
    NoHosting(ByteSize),
    /// Volumes for block volumes are made smaller than is needed.
    #[error(
        "block hosting volumes are made with {configured}, of which {room} are for block volumes: no room for one of {size}"
    )]
    HostingTooSmall {
        /// How large they are made.
        configured: ByteSize,
        /// How much of that is for block volumes.
        room: ByteSize,
        /// What is asked for.
        size: ByteSize,
    },
    /// A volume for block volumes is just being made or changed: it may have the room.
    #[error("operation {0} is making or changing a block hosting volume: ask again when it has ended")]
    HostingComes(OperationId),
    /// The name belongs to a block volume that is not as asked.
    #[error("block volume name {0} is already in use by block volume {1}, which is not as asked")]
    BlockTaken(VolumeName, BlockVolumeId),
    /// A block volume does not become smaller.
    #[error("the block volume has {has}, and is not made smaller ({asked} asked)")]
    BlockShrinks {
        /// What it has.
        has: ByteSize,
        /// What is asked for.
        asked: ByteSize,
    },
    /// A block volume has the size that is asked for.
    #[error("the block volume has {0} already")]
    BlockAsLarge(ByteSize),
    /// The volume that holds a block volume has not the room for a larger one.
    #[error("the block hosting volume has {room} left, {more} more are needed: expand it first")]
    NoBlockRoom {
        /// What is needed.
        more: ByteSize,
        /// What is left.
        room: ByteSize,
    },
    /// A volume is not attached to a node, or not removed since it is attached to some.
    #[error(transparent)]
    Attach(#[from] AttachRefusal),
    /// The host does not serve the block volume.
    #[error("host {0} does not serve block volume {1}")]
    NotServed(HostName, BlockVolumeId),
    /// Which of the hosts serve it is in no record.
    #[error(
        "{hosts} hosts may serve block volume {id}, and {ha} do: which of them is in no record; 'gluster-block replace' does it by hand"
    )]
    HostsUnclear {
        /// The block volume.
        id: BlockVolumeId,
        /// How many serve it.
        ha: u32,
        /// How many may.
        hosts: usize,
    },
    /// No other host can serve it.
    #[error(
        "no other host can serve block volume {0}: it must be of an online node of the cluster that answers, and not serve it yet"
    )]
    NoSpareHost(BlockVolumeId),
    /// The node serves block volumes, which gluster-block could not change any more without it.
    #[error(
        "node {0} serves {1}; 'mortar block replace BLOCK --host HOST' gives each of them to another host, with --dead when this one never comes back"
    )]
    ServesBlocks(String, String),
    /// The volume is not meant to hold block volumes.
    #[error("volume {0} is not for block volumes")]
    NotHosting(VolumeId),
    /// A volume that is meant to hold block volumes is not cloned: its block volumes would be there twice by the same names.
    #[error("volume {0} is for block volumes, and those are not cloned")]
    CloneOfHosting(VolumeId),
    /// Another operation works on it.
    #[error("{0} {1} is being changed by operation {2}")]
    Busy(&'static str, String, OperationId),
}
