//! One difference between the records and the nodes: its proof, and what can be done about it.

use std::fmt;

use mortar_model::{
    BlockVolume, BlockVolumeId, BrickId, ByteSize, DeviceId, DevicePath, HostName, NodeId, VolumeId,
    VolumeName, VolumeOption,
};

use crate::kind::Kind;

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// `node`, `peer`, `pool`, `device`, `brick`, `volume`, `block`, `entry` or `loop`.
    pub kind: &'static str,
    /// Its id; for what is in no record, what tells it from others of its kind. The same in every check.
    pub id: String,
    /// Its name or path, for people.
    pub name: String,
}

/// What is recorded beside what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// What the records say; empty when they say nothing.
    pub recorded: String,
    /// What was seen instead.
    pub seen: String,
    /// Where: a path, an option, a list of glusterd; empty when the node says enough.
    pub place: String,
}

/// Something that mends a finding. Its plan is made from the records at the time when it is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The node's file is written.
    WriteNodeFile(NodeId),
    /// The node is asked into its pool again.
    Probe(NodeId),
    /// The brick is mounted again, with entry, group and identity file, and its process started.
    Mount {
        /// The brick.
        brick: BrickId,
        /// Its volume.
        volume: VolumeId,
        /// Whether its process is started too: not where it was mounted all the time, or its volume is stopped.
        start: bool,
    },
    /// The volume, which was stopped, is started.
    Start(VolumeId),
    /// These options of the volume are set.
    SetOptions {
        /// The volume.
        volume: VolumeId,
        /// The options.
        options: Vec<VolumeOption>,
    },
    /// It is recorded which bricks of the volume are one set: they are in this order.
    RecordSets {
        /// The volume.
        volume: VolumeId,
        /// All its bricks, set by set.
        bricks: Vec<BrickId>,
    },
    /// What is left of a brick that is in no record is removed.
    Remove(Remains),
    /// It is recorded that the device has this size.
    RecordSize {
        /// The device.
        device: DeviceId,
        /// Space for bricks.
        size: ByteSize,
    },
    /// It is recorded that the device is at this path.
    RecordPath {
        /// The device.
        device: DeviceId,
        /// Its path.
        path: DevicePath,
    },
    /// The block volume, which is in no record, is recorded as gluster-block tells of it.
    AddBlock(Box<BlockVolume>),
    /// It is recorded that the block volume is so.
    RecordBlock {
        /// The block volume.
        block: BlockVolumeId,
        /// Its size, where that differs.
        size: Option<ByteSize>,
        /// Hosts that serve it, where those differ.
        hosts: Option<Vec<HostName>>,
    },
}

/// What is left of a brick that is in no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remains {
    /// The id by which it is named.
    pub brick: BrickId,
    /// The device it is on.
    pub device: DeviceId,
}

impl Repair {
    /// The repair in words.
    pub fn words(&self) -> String {
        match self {
            Self::WriteNodeFile(_) => "write the node's file".into(),
            Self::Probe(_) => "ask the node into its trusted pool again".into(),
            Self::Mount { start: true, .. } => "mount the brick again and start its process".into(),
            Self::Mount { start: false, .. } => {
                "bring the brick's mount, mount entry, group and identity file to what is recorded".into()
            }
            Self::Start(_) => "start the volume".into(),
            Self::SetOptions { options, .. } => {
                let keys: Vec<&str> = options.iter().map(VolumeOption::key).collect();
                format!("set {}", keys.join(", "))
            }
            Self::RecordSets { .. } => "record which bricks of the volume are one set".into(),
            Self::Remove(_) => "remove what is left of the brick".into(),
            Self::RecordSize { size, .. } => format!("record that the device has {size}"),
            Self::RecordPath { path, .. } => format!("record that the device is at {path}"),
            Self::AddBlock(_) => "record the block volume as it is".into(),
            Self::RecordBlock { size: Some(size), .. } => format!("record that the block volume has {size}"),
            Self::RecordBlock { .. } => "record which hosts serve the block volume".into(),
        }
    }

    /// Whether something is gone afterwards.
    pub const fn removes(&self) -> bool {
        matches!(self, Self::Remove(_))
    }
}

/// What can be done about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Mortar does it by itself.
    Automatic(Repair),
    /// Mortar does it when it is told to.
    OnCommand(Repair),
    /// A person has to decide or to act: this is what to do.
    ByHand(String),
}

impl Remedy {
    /// The repair that Mortar can do.
    pub const fn repair(&self) -> Option<&Repair> {
        match self {
            Self::Automatic(repair) | Self::OnCommand(repair) => Some(repair),
            Self::ByHand(_) => None,
        }
    }
}

/// A difference between the records and the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub kind: Kind,
    /// What it is about.
    pub subject: Subject,
    /// The node on which it was seen; `None` for what a whole pool tells.
    pub node: Option<NodeId>,
    /// What is recorded beside what was seen.
    pub proof: Proof,
    /// What can be done.
    pub remedy: Remedy,
}

impl Finding {
    /// Its id: the same in every check in which it is found.
    pub fn id(&self) -> String {
        format!("{}/{}", self.kind, self.subject.id)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id(), self.proof.seen)
    }
}

/// The command by which a brick's volume is looked at by hand.
pub(crate) fn heal_by_hand(name: &VolumeName) -> String {
    format!("'mortar explain volume {name}' shows whether other copies are whole")
}
