//! Devices and bricks on the wire. Sizes are KiB.

use mortar_model::{BrickId, DeviceId, DevicePath, NodeId, State, Tags, VolumeId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::{Fields, FromJson, Json, WrongType};
use crate::node::heal_check;
use crate::problems::{BLANK, FORMAT, Problems, id};
use crate::{WireError, tags};

/// Body of `POST /devices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceAddRequest {
    /// The node it is on: 32 hex digits.
    pub node: String,
    /// Its path: a block device, or (unlike Heketi) a directory.
    pub name: String,
    /// Labels.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Whether what is on it may be wiped.
    #[serde(skip_serializing_if = "crate::json::is_false")]
    pub destroydata: bool,
}

impl FromJson for DeviceAddRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            node: fields.get("node")?,
            name: fields.get("name")?,
            tags: fields.get("tags")?,
            destroydata: fields.get("destroydata")?,
        })
    }
}

/// A checked request to add a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAdd {
    /// The node it is on.
    pub node: NodeId,
    /// Its path.
    pub path: DevicePath,
    /// Labels.
    pub tags: Tags,
    /// Whether what is on it may be wiped.
    pub destroy: bool,
}

impl DeviceAddRequest {
    /// Checks the request.
    ///
    /// # Errors
    /// [`WireError::Invalid`] with each field that breaks a rule.
    pub fn validate(&self) -> Result<DeviceAdd, WireError> {
        let mut problems = Problems::default();
        let node = problems.take("node", id(&self.node));
        let path = problems.take("name", path(&self.name));
        let tags = problems.take("tags", tags::check(&self.tags));
        let (Some(node), Some(path), Some(tags)) = (node, path, tags) else {
            return Err(problems.into());
        };
        Ok(DeviceAdd {
            node,
            path,
            tags,
            destroy: self.destroydata,
        })
    }
}

fn path(text: &str) -> Result<DevicePath, String> {
    if text.is_empty() {
        return Err(BLANK.into());
    }
    DevicePath::new(text).map_err(|_| FORMAT.into())
}

/// Body of `DELETE /devices/{id}`; may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceDeleteRequest {
    /// Whether what goes wrong on the node is ignored.
    pub forceforget: bool,
}

impl FromJson for DeviceDeleteRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        Ok(Self {
            forceforget: Fields::of(json)?.get("forceforget")?,
        })
    }
}

/// Body of `POST /bricks/to-evict/{id}`; may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct BrickEvictRequest {
    /// Whether the brick is moved only when its volume is healed: `enable` (also when empty) or `disable`.
    pub healcheck: String,
}

impl FromJson for BrickEvictRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        Ok(Self {
            healcheck: Fields::of(json)?.get("healcheck")?,
        })
    }
}

impl BrickEvictRequest {
    /// Whether the brick is moved only when its volume is healed.
    ///
    /// # Errors
    /// [`WireError::Invalid`] when it is neither.
    pub fn validate(&self) -> Result<bool, WireError> {
        let mut problems = Problems::default();
        let check = problems.take("healcheck", heal_check(&self.healcheck));
        check.ok_or_else(|| problems.into())
    }
}

/// Space of a device, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StorageSize {
    /// All of it.
    pub total: u64,
    /// What no brick takes.
    pub free: u64,
    /// What bricks take.
    pub used: u64,
}

/// A brick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrickInfo {
    /// The brick.
    #[schema(value_type = String)]
    pub id: BrickId,
    /// Its folder on the node, as GlusterFS knows it.
    pub path: String,
    /// Its device.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// Its node.
    #[schema(value_type = String)]
    pub node: NodeId,
    /// Its volume.
    #[schema(value_type = String)]
    pub volume: VolumeId,
    /// Size of its file system in KiB.
    pub size: u64,
}

/// Answer of `GET /devices/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceInfo {
    /// The path it was added by.
    pub name: String,
    /// Labels; left out when there are none.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Its space.
    pub storage: StorageSize,
    /// The device.
    #[schema(value_type = String)]
    pub id: DeviceId,
    /// Every path it is known by; left out when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// UUID of its LVM physical volume; left out when it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pv_uuid: String,
    /// `online`, `offline` or `failed`.
    #[schema(value_type = String)]
    pub state: State,
    /// Its bricks, without those of unfinished operations.
    pub bricks: Vec<BrickInfo>,
}

#[cfg(test)]
mod tests {
    use mortar_model::{BrickId, DeviceId, NodeId, State, VolumeId};

    use super::{BrickInfo, DeviceAddRequest, DeviceDeleteRequest, DeviceInfo, StorageSize};
    use crate::json::{read, read_optional, write};

    #[test]
    fn texts_of_add() {
        const ID: &str = "0123456789abcdef0123456789abcdef";
        for (body, text) in [
            (
                "{}".to_owned(),
                "validation failed: name: cannot be blank; node: cannot be blank.",
            ),
            (
                format!(r#"{{"node":"{ID}","name":"sdb"}}"#),
                "validation failed: name: must be in a valid format.",
            ),
            (
                format!(r#"{{"node":"{ID}","name":"/dev/sd b;x"}}"#),
                "validation failed: name: must be in a valid format.",
            ),
            (
                format!(r#"{{"node":"{ID}","name":"/dev/../etc"}}"#),
                "validation failed: name: must be in a valid format.",
            ),
            (
                r#"{"node":"x","name":"/dev/sdb"}"#.to_owned(),
                "validation failed: node: x is not a valid UUID.",
            ),
        ] {
            let request: DeviceAddRequest = read(body.as_bytes()).unwrap();
            assert_eq!(request.validate().unwrap_err().to_string(), text, "{body}");
        }
        let body = format!(r#"{{"node":"{ID}","name":"/dev/sdb","destroydata":true}}"#);
        let good = read::<DeviceAddRequest>(body.as_bytes())
            .unwrap()
            .validate()
            .unwrap();
        assert_eq!((good.path.as_str(), good.destroy), ("/dev/sdb", true));
    }

    #[test]
    fn the_body_of_delete_may_be_left_out() {
        assert_eq!(read_optional(b""), Ok(DeviceDeleteRequest { forceforget: false }));
        assert_eq!(
            read_optional(b"{}"),
            Ok(DeviceDeleteRequest { forceforget: false })
        );
        assert_eq!(
            read_optional(br#"{"forceforget":true}"#),
            Ok(DeviceDeleteRequest { forceforget: true })
        );
    }

    #[test]
    fn keys_in_heketis_order() {
        let (device, node) = (DeviceId::from_u128(0xd), NodeId::from_u128(0xa));
        let mut info = DeviceInfo {
            name: "/dev/sdb".into(),
            tags: [("a".to_owned(), "b".to_owned())].into(),
            storage: StorageSize {
                total: 524_288_000,
                free: 513_749_504,
                used: 10_538_496,
            },
            id: device,
            paths: vec!["/dev/sdb".into(), "/dev/disk/by-id/x".into()],
            pv_uuid: "u-u".into(),
            state: State::Online,
            bricks: vec![BrickInfo {
                id: BrickId::from_u128(0xb),
                path: "/b/brick".into(),
                device,
                node,
                volume: VolumeId::from_u128(0xe),
                size: 10_485_760,
            }],
        };
        assert_eq!(
            write(&info),
            "{\"name\":\"/dev/sdb\",\"tags\":{\"a\":\"b\"},\
             \"storage\":{\"total\":524288000,\"free\":513749504,\"used\":10538496},\
             \"id\":\"0000000000000000000000000000000d\",\"paths\":[\"/dev/sdb\",\"/dev/disk/by-id/x\"],\
             \"pv_uuid\":\"u-u\",\"state\":\"online\",\
             \"bricks\":[{\"id\":\"0000000000000000000000000000000b\",\"path\":\"/b/brick\",\
             \"device\":\"0000000000000000000000000000000d\",\"node\":\"0000000000000000000000000000000a\",\
             \"volume\":\"0000000000000000000000000000000e\",\"size\":10485760}]}\n"
        );
        info.tags.clear();
        info.paths.clear();
        info.pv_uuid.clear();
        info.bricks.clear();
        assert_eq!(
            write(&info),
            "{\"name\":\"/dev/sdb\",\"storage\":{\"total\":524288000,\"free\":513749504,\"used\":10538496},\
             \"id\":\"0000000000000000000000000000000d\",\"state\":\"online\",\"bricks\":[]}\n"
        );
    }
}
