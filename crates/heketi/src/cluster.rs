//! Clusters on the wire.

use mortar_model::{ClusterId, NodeId, VolumeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::{Fields, FromJson, Json, WrongType};

/// Body of `POST /clusters` and `POST /clusters/{id}/flags`. What is left out is `false`, whatever Heketi's
/// documentation said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterFlags {
    /// Whether file volumes may be made here.
    pub file: bool,
    /// Whether block volumes may be made here.
    pub block: bool,
}

impl FromJson for ClusterFlags {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            file: fields.get("file")?,
            block: fields.get("block")?,
        })
    }
}

/// Answer of `GET /clusters/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterInfo {
    /// The cluster.
    #[schema(value_type = String)]
    pub id: ClusterId,
    /// Its nodes, sorted.
    #[schema(value_type = Vec<String>)]
    pub nodes: Vec<NodeId>,
    /// Its volumes, sorted, without those of unfinished operations.
    #[schema(value_type = Vec<String>)]
    pub volumes: Vec<VolumeId>,
    /// Whether block volumes may be made here.
    pub block: bool,
    /// Whether file volumes may be made here.
    pub file: bool,
    /// Its block volumes, sorted.
    pub blockvolumes: Vec<String>,
}

/// Answer of `GET /clusters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterList {
    /// All clusters, sorted.
    #[schema(value_type = Vec<String>)]
    pub clusters: Vec<ClusterId>,
}

#[cfg(test)]
mod tests {
    use mortar_model::{ClusterId, NodeId, VolumeId};

    use super::{ClusterFlags, ClusterInfo, ClusterList};
    use crate::json::{read, write};

    #[test]
    fn an_omitted_flag_is_false() {
        for (body, file, block) in [
            ("{}", false, false),
            (r#"{"file":true}"#, true, false),
            (r#"{"Block":true,"x":1}"#, false, true),
        ] {
            assert_eq!(
                read::<ClusterFlags>(body.as_bytes()),
                Ok(ClusterFlags { file, block })
            );
        }
    }

    #[test]
    fn keys_in_heketis_order() {
        let id = ClusterId::from_u128(0xc);
        let mut info = ClusterInfo {
            id,
            nodes: vec![NodeId::from_u128(1)],
            volumes: vec![VolumeId::from_u128(2)],
            block: true,
            file: true,
            blockvolumes: Vec::new(),
        };
        assert_eq!(
            write(&info),
            "{\"id\":\"0000000000000000000000000000000c\",\"nodes\":[\"00000000000000000000000000000001\"],\
             \"volumes\":[\"00000000000000000000000000000002\"],\"block\":true,\"file\":true,\"blockvolumes\":[]}\n"
        );
        info.nodes.clear();
        info.volumes.clear();
        assert!(write(&info).contains("\"nodes\":[],\"volumes\":[],"));
        assert_eq!(
            write(&ClusterList { clusters: Vec::new() }),
            "{\"clusters\":[]}\n"
        );
    }
}
