//! What is answered.

use std::collections::BTreeMap;

use mortar_model::{ClusterId, VolumeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::request::{DurabilityRequest, SnapshotRequest};
use crate::device::BrickInfo;
use crate::json::{is_false, is_zero};

/// How clients mount a volume with GlusterFS's own protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GlusterFsMount {
    /// Storage host names of all nodes of the cluster, in the order of the nodes' ids.
    pub hosts: Vec<String>,
    /// What to mount: the first host and the volume's name.
    pub device: String,
    /// Mount options: `backup-volfile-servers`, the other hosts with commas between.
    pub options: BTreeMap<String, String>,
}

impl GlusterFsMount {
    /// The mount of a volume on these hosts.
    pub fn new(volume: &str, hosts: Vec<String>) -> Self {
        let first = hosts.first().cloned().unwrap_or_default();
        let others = hosts
            .iter()
            .skip(1)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(",");
        Self {
            device: format!("{first}:{volume}"),
            options: [("backup-volfile-servers".to_owned(), others)].into(),
            hosts,
        }
    }
}

/// How clients mount a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mount {
    /// With GlusterFS's own protocol.
    pub glusterfs: GlusterFsMount,
}

/// What a volume that holds block volumes has left. Each member is left out when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockInfo {
    /// Free GiB.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub freesize: i64,
    /// GiB kept back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reservedsize: i64,
    /// Its block volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockvolume: Vec<String>,
    /// Empty, `locked` or `locked-by-update`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub restriction: String,
}

/// Answer of `GET /volumes/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VolumeInfo {
    /// Usable size in GiB.
    pub size: u64,
    /// Clusters it was asked for on; left out when none were said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Its name.
    pub name: String,
    /// How it survives the loss of bricks.
    pub durability: DurabilityRequest,
    /// Group that owns its root; left out when 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gid: i64,
    /// Its options between those that Heketi set before and after, which are empty strings here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub glustervolumeoptions: Vec<String>,
    /// Whether it is meant to hold block volumes; left out when not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub block: bool,
    /// Room for snapshots.
    pub snapshot: SnapshotRequest,
    /// The volume.
    #[schema(value_type = String)]
    pub id: VolumeId,
    /// Its cluster.
    #[schema(value_type = String)]
    pub cluster: ClusterId,
    /// How clients mount it.
    pub mount: Mount,
    /// What it has left for block volumes.
    pub blockinfo: BlockInfo,
    /// Its bricks, set by set.
    pub bricks: Vec<BrickInfo>,
}

impl VolumeInfo {
    /// Options as Heketi lists them: an empty string at both ends, where options of its configuration were.
    pub fn option_list(options: impl IntoIterator<Item = String>) -> Vec<String> {
        std::iter::once(String::new())
            .chain(options)
            .chain([String::new()])
            .collect()
    }
}

/// Answer of `GET /volumes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VolumeList {
    /// All volumes, or those that the query asks for, sorted.
    #[schema(value_type = Vec<String>)]
    pub volumes: Vec<VolumeId>,
    /// The id after which the next page begins; only where a limit was asked for, and there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub next: Option<VolumeId>,
}

#[cfg(test)]
mod tests {
    use mortar_model::{BrickId, ClusterId, DeviceId, NodeId, VolumeId};

    use super::super::{DisperseDurability, DurabilityRequest, ReplicaDurability, SnapshotRequest};
    use super::{BlockInfo, GlusterFsMount, Mount, VolumeInfo, VolumeList};
    use crate::device::BrickInfo;
    use crate::json::write;

    fn full() -> VolumeInfo {
        let hosts = ["10.0.0.3", "10.0.0.2", "10.0.0.1", "10.0.0.4"]
            .map(String::from)
            .to_vec();
        VolumeInfo {
            size: 10,
            clusters: vec!["c1".into()],
            name: "foo".into(),
            durability: DurabilityRequest {
                kind: "replicate".into(),
                replicate: ReplicaDurability { replica: 3 },
                disperse: DisperseDurability::default(),
            },
            gid: 2000,
            glustervolumeoptions: VolumeInfo::option_list(["performance.x on".to_owned()]),
            block: true,
            snapshot: SnapshotRequest {
                enable: true,
                factor: 1.5,
            },
            id: VolumeId::from_u128(0xe),
            cluster: ClusterId::from_u128(0xc),
            mount: Mount {
                glusterfs: GlusterFsMount::new("foo", hosts),
            },
            blockinfo: BlockInfo {
                freesize: 186,
                reservedsize: 4,
                blockvolume: vec!["bv".into()],
                restriction: "locked".into(),
            },
            bricks: vec![BrickInfo {
                id: BrickId::from_u128(0xb),
                path: "p".into(),
                device: DeviceId::from_u128(0xd),
                node: NodeId::from_u128(0xa),
                volume: VolumeId::from_u128(0xe),
                size: 10_485_760,
            }],
        }
    }

    #[test]
    fn keys_in_heketis_order() {
        assert_eq!(
            write(&full()),
            "{\"size\":10,\"clusters\":[\"c1\"],\"name\":\"foo\",\
             \"durability\":{\"type\":\"replicate\",\"replicate\":{\"replica\":3},\"disperse\":{}},\
             \"gid\":2000,\"glustervolumeoptions\":[\"\",\"performance.x on\",\"\"],\"block\":true,\
             \"snapshot\":{\"enable\":true,\"factor\":1.5},\
             \"id\":\"0000000000000000000000000000000e\",\"cluster\":\"0000000000000000000000000000000c\",\
             \"mount\":{\"glusterfs\":{\"hosts\":[\"10.0.0.3\",\"10.0.0.2\",\"10.0.0.1\",\"10.0.0.4\"],\
             \"device\":\"10.0.0.3:foo\",\
             \"options\":{\"backup-volfile-servers\":\"10.0.0.2,10.0.0.1,10.0.0.4\"}}},\
             \"blockinfo\":{\"freesize\":186,\"reservedsize\":4,\"blockvolume\":[\"bv\"],\"restriction\":\"locked\"},\
             \"bricks\":[{\"id\":\"0000000000000000000000000000000b\",\"path\":\"p\",\
             \"device\":\"0000000000000000000000000000000d\",\"node\":\"0000000000000000000000000000000a\",\
             \"volume\":\"0000000000000000000000000000000e\",\"size\":10485760}]}\n"
        );
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let info = VolumeInfo {
            clusters: Vec::new(),
            durability: DurabilityRequest {
                kind: "none".into(),
                ..DurabilityRequest::default()
            },
            gid: 0,
            glustervolumeoptions: VolumeInfo::option_list([]),
            block: false,
            snapshot: SnapshotRequest {
                enable: false,
                factor: 1.0,
            },
            mount: Mount {
                glusterfs: GlusterFsMount::new("foo", vec!["h".into()]),
            },
            blockinfo: BlockInfo::default(),
            bricks: Vec::new(),
            ..full()
        };
        assert_eq!(
            write(&info),
            "{\"size\":10,\"name\":\"foo\",\"durability\":{\"type\":\"none\",\"replicate\":{},\"disperse\":{}},\
             \"glustervolumeoptions\":[\"\",\"\"],\"snapshot\":{\"enable\":false,\"factor\":1},\
             \"id\":\"0000000000000000000000000000000e\",\"cluster\":\"0000000000000000000000000000000c\",\
             \"mount\":{\"glusterfs\":{\"hosts\":[\"h\"],\"device\":\"h:foo\",\
             \"options\":{\"backup-volfile-servers\":\"\"}}},\"blockinfo\":{},\"bricks\":[]}\n"
        );
        assert_eq!(
            write(&VolumeList {
                volumes: vec![info.id],
                next: None,
            }),
            format!("{{\"volumes\":[\"{}\"]}}\n", info.id)
        );
    }

    #[test]
    fn answers_can_be_read_by_clients() {
        let info = full();
        assert_eq!(serde_json::from_str::<VolumeInfo>(&write(&info)).unwrap(), info);
    }
}
