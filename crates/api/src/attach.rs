//! `/v1/volumes/{id}/attachments`: which nodes may use a volume.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How a volume may be used, and by how many nodes at once: CSI's access modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// Something this program is too old to know.
    #[serde(other)]
    Unknown,
}

impl AccessMode {
    /// The mode's name, as it travels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SingleNodeWriter => "single-node-writer",
            Self::SingleNodeReaderOnly => "single-node-reader-only",
            Self::MultiNodeReaderOnly => "multi-node-reader-only",
            Self::MultiNodeSingleWriter => "multi-node-single-writer",
            Self::MultiNodeMultiWriter => "multi-node-multi-writer",
            Self::SingleNodeSingleWriter => "single-node-single-writer",
            Self::SingleNodeMultiWriter => "single-node-multi-writer",
            Self::Unknown => "unknown",
        }
    }
}

/// A node that may use a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// The node, as those who attach volumes call it: no member of a trusted pool, but a node where pods run.
    pub node: String,
    /// How, and with how many others.
    pub mode: AccessMode,
    /// Whether it may only read, whatever the mode.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Since when, RFC 3339.
    pub since: String,
}

/// A node that is to use a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachRequest {
    /// The node: 1 to 256 bytes. Whether there is such a one is for the asker to know.
    pub node: String,
    /// How, and with how many others.
    pub mode: AccessMode,
    /// Whether it may only read, whatever the mode.
    #[serde(default)]
    pub read_only: bool,
    /// How many volumes the node may have at once; any number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u32>,
}

/// Which node a volume is detached from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DetachQuery {
    /// The node; all of them when absent.
    pub node: Option<String>,
}

/// The nodes that may use a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttachmentList {
    /// In the order of their names.
    pub attachments: Vec<Attachment>,
}
