//! Which nodes may use a volume, as those who attach it for them were told. It is a record, not a lock: GlusterFS knows nothing of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ClientNode, VolumeId};

/// How a volume may be used, and by how many nodes at once: CSI's access modes. The names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessMode {
    /// One node writes.
    SingleNodeWriter,
    /// One node reads.
    SingleNodeReaderOnly,
    /// Many nodes read.
    MultiNodeReaderOnly,
    /// Many nodes read, one of them writes.
    MultiNodeSingleWriter,
    /// Many nodes write.
    MultiNodeMultiWriter,
    /// One pod on one node writes.
    SingleNodeSingleWriter,
    /// Many pods on one node write.
    SingleNodeMultiWriter,
}

impl AccessMode {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SingleNodeWriter,
        Self::SingleNodeReaderOnly,
        Self::MultiNodeReaderOnly,
        Self::MultiNodeSingleWriter,
        Self::MultiNodeMultiWriter,
        Self::SingleNodeSingleWriter,
        Self::SingleNodeMultiWriter,
    ];

    /// The mode's name, as stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleNodeWriter => "single-node-writer",
            Self::SingleNodeReaderOnly => "single-node-reader-only",
            Self::MultiNodeReaderOnly => "multi-node-reader-only",
            Self::MultiNodeSingleWriter => "multi-node-single-writer",
            Self::MultiNodeMultiWriter => "multi-node-multi-writer",
            Self::SingleNodeSingleWriter => "single-node-single-writer",
            Self::SingleNodeMultiWriter => "single-node-multi-writer",
        }
    }

    /// The mode of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Whether one node has the volume to itself.
    pub const fn is_single_node(self) -> bool {
        matches!(
            self,
            Self::SingleNodeWriter
                | Self::SingleNodeReaderOnly
                | Self::SingleNodeSingleWriter
                | Self::SingleNodeMultiWriter
        )
    }

    /// Whether nobody writes.
    pub const fn reads_only(self) -> bool {
        matches!(self, Self::SingleNodeReaderOnly | Self::MultiNodeReaderOnly)
    }
}

impl fmt::Display for AccessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A volume that a node may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The node.
    pub node: ClientNode,
    /// How, and with how many others.
    pub mode: AccessMode,
    /// Whether it may only read, whatever the mode.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Since when, milliseconds since 1970.
    pub since: u64,
}

impl Attachment {
    /// Whether the other one is the same but for its time.
    pub fn is_like(&self, other: &Self) -> bool {
        self.node == other.node && self.mode == other.mode && self.read_only == other.read_only
    }

    /// Whether the node may write.
    pub const fn writes(&self) -> bool {
        !self.read_only && !self.mode.reads_only()
    }

    /// Whether two nodes may have the volume so at the same time.
    pub fn goes_with(&self, other: &Self) -> bool {
        let one_writer = [self.mode, other.mode].contains(&AccessMode::MultiNodeSingleWriter);
        let both_write = self.writes() && other.writes();
        let one_alone = self.mode.is_single_node() || other.mode.is_single_node();
        let clash = one_alone || (one_writer && both_write);
        !clash
    }
}

/// All nodes that may use a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachments {
    /// The volume.
    pub volume: VolumeId,
    /// The nodes, in the order of their names.
    pub nodes: Vec<Attachment>,
}

#[cfg(test)]
mod tests {
    use super::{AccessMode, Attachment};
    use crate::ClientNode;

    fn attachment(mode: AccessMode, read_only: bool) -> Attachment {
        Attachment {
            node: ClientNode::new("a").unwrap(),
            mode,
            read_only,
            since: 0,
        }
    }

    #[test]
    fn modes_are_told_by_their_names() {
        for mode in AccessMode::ALL {
            assert_eq!(AccessMode::from_name(mode.name()), Some(mode));
            let json = serde_json::to_string(&mode).unwrap();
            assert_eq!(json, format!("\"{mode}\""));
        }
    }

    #[test]
    fn two_nodes_have_a_volume_at_once_only_where_both_modes_say_so() {
        use AccessMode::{MultiNodeMultiWriter, MultiNodeReaderOnly, MultiNodeSingleWriter};
        for mode in AccessMode::ALL {
            for other in AccessMode::ALL {
                let (one, two) = (attachment(mode, false), attachment(other, false));
                let many = [MultiNodeReaderOnly, MultiNodeMultiWriter];
                let writers = [MultiNodeSingleWriter, MultiNodeMultiWriter];
                let wanted = match (mode, other) {
                    (MultiNodeSingleWriter, other) | (other, MultiNodeSingleWriter) => {
                        other == MultiNodeReaderOnly && !writers.contains(&other)
                    }
                    _ => many.contains(&mode) && many.contains(&other),
                };
                assert_eq!(one.goes_with(&two), wanted, "{mode} and {other}");
                assert_eq!(two.goes_with(&one), wanted, "{other} and {mode}");
            }
        }
        let writer = attachment(MultiNodeSingleWriter, false);
        assert!(writer.goes_with(&attachment(MultiNodeSingleWriter, true)));
    }
}
