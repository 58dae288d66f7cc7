//! What can be asked for, checked in form by the doors.

use mortar_model::{
    ByteSize, ClusterId, DevicePath, Durability, HostName, NodeId, OptionName, Overcommit, Snapshots, Tags,
    VolumeName, VolumeOption, ZoneChecking,
};

/// Options of a volume that steer where its bricks go: `none` or `strict` for zones; `KEY=VALUE` or `KEY!=VALUE`, several
/// with commas between, for tags. Heketi's names are understood beside Mortar's.
///
/// The average size of files, in KiB, steers how large an arbiter brick is.
pub const STEERING_OPTIONS: [&str; 6] = [
    "user.mortar.zone-checking",
    "user.heketi.zone-checking",
    "user.mortar.device-tag-match",
    "user.heketi.device-tag-match",
    "user.mortar.average-file-size",
    "user.heketi.average-file-size",
];

/// A rule on tags that every device of a volume must keep (Heketi: `user.heketi.device-tag-match`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule {
    /// The tag's name.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Whether the tag must have that value, or must not (an absent tag does not).
    pub equal: bool,
}

impl TagRule {
    /// Reads `key=value` or `key!=value`, made of letters, digits and `. _ -`.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, value, equal) = match text.split_once("!=") {
            Some((key, value)) => (key, value, false),
            None => text.split_once('=').map(|(key, value)| (key, value, true))?,
        };
        let fits = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        (fits(key) && fits(value)).then(|| Self {
            key: key.into(),
            value: value.into(),
            equal,
        })
    }

    /// Whether a device with these tags keeps the rule.
    pub fn keeps(&self, device: &Tags, node: &Tags) -> bool {
        let value = device.get(&self.key).or_else(|| node.get(&self.key));
        (value == Some(&self.value)) == self.equal
    }
}

/// A volume that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateVolume {
    /// Its name; `vol_<id>` when none is given.
    pub name: Option<VolumeName>,
    /// Its usable size.
    pub size: ByteSize,
    /// How it survives the loss of bricks.
    pub durability: Durability,
    /// Where it may be; anywhere when empty.
    pub clusters: Vec<ClusterId>,
    /// Group that owns its root; 0 is root's own.
    pub gid: u32,
    /// Options to set on it. Those named in [`STEERING_OPTIONS`] also steer placement; being options of the volume,
    /// they steer its later sets as well.
    pub options: Vec<VolumeOption>,
    /// Room for snapshots.
    pub snapshots: Snapshots,
    /// Whether it is meant to hold block volumes.
    pub block: bool,
    /// Zone checking, when the request says so itself.
    pub zone_checking: Option<ZoneChecking>,
    /// Whether the user role of Heketi's API asks for it.
    pub by_user: bool,
}

impl CreateVolume {
    /// A plain request: this size, this durability, anywhere.
    pub fn new(size: ByteSize, durability: Durability) -> Self {
        Self {
            name: None,
            size,
            durability,
            clusters: Vec::new(),
            gid: 0,
            options: Vec::new(),
            snapshots: Snapshots {
                enable: false,
                factor: 1.0,
            },
            block: false,
            zone_checking: None,
            by_user: false,
        }
    }
}

/// Options of a volume that are to be others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionsChange {
    /// Those that are to have these values.
    pub set: Vec<VolumeOption>,
    /// Those that GlusterFS is to have at its own values again.
    pub reset: Vec<OptionName>,
}

/// How a volume becomes larger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expansion {
    /// Its bricks become larger where they are; where their devices cannot hold that, it gets more bricks.
    #[default]
    Best,
    /// Its bricks become larger where they are, or nothing is done.
    InPlace,
    /// It gets more bricks.
    AddBricks,
}

/// A node that is to join a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddNode {
    /// The cluster.
    pub cluster: ClusterId,
    /// Failure domain.
    pub zone: u32,
    /// Where commands reach it.
    pub manage: HostName,
    /// Its name in the trusted pool.
    pub storage: HostName,
    /// Labels.
    pub tags: Tags,
}

/// A device that is to be made ready for bricks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddDevice {
    /// The node it belongs to.
    pub node: NodeId,
    /// Its path there.
    pub path: DevicePath,
    /// Labels.
    pub tags: Tags,
    /// Whether what is on it may be wiped.
    pub destroy: bool,
    /// What one thin pool for all its bricks may promise over what it has; none for a pool per brick.
    pub shared: Option<Overcommit>,
}
