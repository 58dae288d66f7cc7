//! `GET /internal/state/examine/gluster` on the wire.

use serde::Serialize;

use crate::db::Database;

/// The records beside what the nodes show.
#[derive(Clone, Debug, Serialize)]
pub struct Examination {
    /// The records, in the form of the export.
    pub heketidb: Database,
    /// What was found, a line each.
    pub report: Vec<String>,
    /// Clusters, with what their nodes say.
    pub clusters: Vec<ExaminedCluster>,
}

/// A cluster that was looked at.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ExaminedCluster {
    /// The cluster.
    #[serde(rename = "ClusterHeketiID")]
    pub id: String,
    /// Its nodes.
    pub nodes_data: Vec<ExaminedNode>,
}

/// A node that was looked at. What Heketi's clients find listed raw is `null`, as Heketi leaves it for a node that did not answer: the
/// report tells what follows from it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExaminedNode {
    /// The node.
    #[serde(rename = "NodeHeketiID")]
    pub id: String,
    #[serde(flatten)]
    raw: Raw,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Raw {
    #[serde(rename = "VolumeInfo")]
    volumes: (),
    #[serde(rename = "LVMPVInfo")]
    physical: (),
    #[serde(rename = "LVMVGInfo")]
    groups: (),
    #[serde(rename = "LVMLVInfo")]
    logical: (),
    #[serde(rename = "BricksMountStatus")]
    mounts: (),
    #[serde(rename = "BlockVolumeNames")]
    blocks: (),
}

impl ExaminedNode {
    /// This node.
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            raw: Raw::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Examination, ExaminedCluster, ExaminedNode};
    use crate::db::Database;
    use crate::json::write;

    #[test]
    fn keys_are_heketis() {
        let examination = Examination {
            heketidb: Database::default(),
            report: vec!["fine".into()],
            clusters: vec![ExaminedCluster {
                id: "c".into(),
                nodes_data: vec![ExaminedNode::new("n")],
            }],
        };
        let text = write(&examination);
        assert!(text.starts_with("{\"heketidb\":{\"clusterentries\":{}"), "{text}");
        assert!(
            text.ends_with(
                "\"report\":[\"fine\"],\"clusters\":[{\"ClusterHeketiID\":\"c\",\"NodesData\":[{\"NodeHeketiID\":\"n\",\
                 \"VolumeInfo\":null,\"LVMPVInfo\":null,\"LVMVGInfo\":null,\"LVMLVInfo\":null,\
                 \"BricksMountStatus\":null,\"BlockVolumeNames\":null}]}]}\n"
            ),
            "{text}"
        );
    }
}
