//! What is asked for, as it is written.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::{Fields, FromJson, Json, WrongType, go_float, is_false, is_zero};

/// Copies of each file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplicaDurability {
    /// How many; left out when none are said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replica: i64,
}

impl FromJson for ReplicaDurability {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        Ok(Self {
            replica: Fields::of(json)?.get("replica")?,
        })
    }
}

/// Pieces of each file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DisperseDurability {
    /// Pieces that are needed to read it; left out when none are said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub data: i64,
    /// Pieces that may be lost; left out when none are said.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redundancy: i64,
}

impl FromJson for DisperseDurability {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            data: fields.get("data")?,
            redundancy: fields.get("redundancy")?,
        })
    }
}

/// How a volume survives the loss of bricks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DurabilityRequest {
    /// `none`, `replicate` or `disperse`; empty is `none`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Counts with type `replicate` only.
    #[serde(default)]
    pub replicate: ReplicaDurability,
    /// Counts with type `disperse` only.
    #[serde(default)]
    pub disperse: DisperseDurability,
}

impl FromJson for DurabilityRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            kind: fields.get("type")?,
            replicate: fields.get("replicate")?,
            disperse: fields.get("disperse")?,
        })
    }
}

/// Room for snapshots beside the bricks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotRequest {
    /// Whether room is kept.
    #[serde(default)]
    pub enable: bool,
    /// Size of the bricks' thin pools over the size of the bricks; counts only with `enable`.
    #[serde(default, serialize_with = "go_float")]
    pub factor: f64,
}

impl FromJson for SnapshotRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            enable: fields.get("enable")?,
            factor: fields.get("factor")?,
        })
    }
}

/// Body of `POST /volumes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct VolumeCreateRequest {
    /// Usable size in GiB, at least 1.
    pub size: i64,
    /// Clusters it may be on; any when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<String>,
    /// Its name; `vol_<id>` when empty.
    pub name: String,
    /// How it survives the loss of bricks.
    pub durability: DurabilityRequest,
    /// Group that owns its root; 0 leaves it to root's.
    #[serde(skip_serializing_if = "is_zero")]
    pub gid: i64,
    /// Options to set on it: name and value with a blank between.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub glustervolumeoptions: Vec<String>,
    /// Whether it is meant to hold block volumes.
    #[serde(skip_serializing_if = "is_false")]
    pub block: bool,
    /// Room for snapshots.
    pub snapshot: SnapshotRequest,
}

impl FromJson for VolumeCreateRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            size: fields.get("size")?,
            clusters: fields.get("clusters")?,
            name: fields.get("name")?,
            durability: fields.get("durability")?,
            gid: fields.get("gid")?,
            glustervolumeoptions: fields.get("glustervolumeoptions")?,
            block: fields.get("block")?,
            snapshot: fields.get("snapshot")?,
        })
    }
}

/// Body of `POST /volumes/{id}/expand`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct VolumeExpandRequest {
    /// By how many GiB it grows, at least 1.
    pub expand_size: i64,
}

impl FromJson for VolumeExpandRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        Ok(Self {
            expand_size: Fields::of(json)?.get("expand_size")?,
        })
    }
}

/// Body of `POST /volumes/{id}/clone`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct VolumeCloneRequest {
    /// Name of the new volume; `vol_` and its id when it is empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl FromJson for VolumeCloneRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        Ok(Self {
            name: Fields::of(json)?.get("name")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        DisperseDurability, DurabilityRequest, ReplicaDurability, SnapshotRequest, VolumeCreateRequest,
    };
    use crate::json::{read, write};

    #[test]
    fn what_a_client_writes_is_read_back() {
        let request = VolumeCreateRequest {
            size: 10,
            clusters: vec!["c".into()],
            name: "foo".into(),
            durability: DurabilityRequest {
                kind: "replicate".into(),
                replicate: ReplicaDurability { replica: 3 },
                disperse: DisperseDurability {
                    data: 4,
                    redundancy: 2,
                },
            },
            gid: 2000,
            glustervolumeoptions: vec!["nfs.disable on".into()],
            block: true,
            snapshot: SnapshotRequest {
                enable: true,
                factor: 1.5,
            },
        };
        assert_eq!(read(write(&request).as_bytes()), Ok(request));
    }

    /// The body that `heketi-cli volume create --size=1` and the Kubernetes provisioner send.
    #[test]
    fn old_clients_are_read() {
        let body = br#"{"size":1,"name":"","durability":{"type":"replicate","replicate":{"replica":3},"disperse":{"data":4,"redundancy":2}},"snapshot":{"enable":true,"factor":1}}"#;
        let request: VolumeCreateRequest = read(body).unwrap();
        assert_eq!((request.size, request.durability.replicate.replica), (1, 3));
        assert_eq!(
            request.snapshot,
            SnapshotRequest {
                enable: true,
                factor: 1.0
            }
        );
    }
}
