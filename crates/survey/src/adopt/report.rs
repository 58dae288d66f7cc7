//! What was understood of a pool, and what not.

use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::{ByteSize, Durability, VolumeId, VolumeName};
use mortar_plan::Change;

/// What can be adopted, and what is to be told beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adoption {
    /// The records, in an order in which they can be made.
    pub changes: Vec<Change>,
    /// Every volume, by name.
    pub volumes: Vec<Judged>,
    /// What is to be told of nodes and pools.
    pub remarks: Vec<Remark>,
}

/// How well a volume is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Understanding {
    /// It can be operated.
    Whole,
    /// It can be operated, and something of it is not as Mortar would have made it.
    Limited,
    /// It is left alone.
    Not,
    /// It is under management already.
    Recorded,
}

/// A volume that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its name, as GlusterFS has it.
    pub name: String,
    /// GlusterFS's word for its kind.
    pub kind: String,
    /// How many bricks GlusterFS lists.
    pub bricks: usize,
    /// How well it is understood.
    pub understanding: Understanding,
    /// Why not, or not whole.
    pub why: Vec<String>,
    /// Its id, when it is adopted or recorded.
    pub id: Option<VolumeId>,
    /// How it survives the loss of bricks, when it is adopted.
    pub durability: Option<Durability>,
    /// Its usable size, when it is adopted.
    pub size: Option<ByteSize>,
}

impl Judged {
    /// Whether it is to be recorded.
    pub fn is_adopted(&self) -> bool {
        matches!(self.understanding, Understanding::Whole | Understanding::Limited)
    }

    pub(super) fn not(info: &VolumeInfo, why: String) -> Self {
        Self {
            name: info.name.clone(),
            kind: info.kind.clone(),
            bricks: info.bricks.len(),
            understanding: Understanding::Not,
            why: vec![why],
            id: None,
            durability: None,
            size: None,
        }
    }

    pub(super) fn missing(name: &VolumeName) -> Self {
        Self {
            name: name.to_string(),
            kind: String::new(),
            bricks: 0,
            understanding: Understanding::Not,
            why: vec!["no pool that was heard has a volume of this name".into()],
            id: None,
            durability: None,
            size: None,
        }
    }

    /// Leaves it alone after all.
    pub(super) fn refuse(&mut self, why: String) {
        self.understanding = Understanding::Not;
        self.why = vec![why];
        (self.id, self.durability, self.size) = (None, None, None);
    }
}

/// Something to be told of a node or a pool.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    /// The thing: its kind and its name.
    pub about: String,
    /// What is to be told.
    pub what: String,
}
