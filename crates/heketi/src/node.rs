//! Nodes on the wire.

use mortar_model::{ClusterId, HostName, NodeId, State, Tags};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::device::DeviceInfo;
use crate::json::{Fields, FromJson, Json, WrongType};
use crate::problems::{BLANK, Problems, at_least_one, id, shown};
use crate::{WireError, tags};

/// Host names of a node. Of each list only the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostAddresses {
    /// Where commands reach the node.
    pub manage: Vec<String>,
    /// Its name or address in the trusted pool.
    pub storage: Vec<String>,
}

impl FromJson for HostAddresses {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            manage: fields.get("manage")?,
            storage: fields.get("storage")?,
        })
    }
}

/// Body of `POST /nodes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeAddRequest {
    /// Failure domain, at least 1.
    pub zone: i64,
    /// Where the node is reached.
    pub hostnames: HostAddresses,
    /// The cluster it joins: 32 hex digits.
    pub cluster: String,
    /// Labels.
    #[serde(skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

impl FromJson for NodeAddRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            zone: fields.get("zone")?,
            hostnames: fields.get("hostnames")?,
            cluster: fields.get("cluster")?,
            tags: fields.get("tags")?,
        })
    }
}

/// A checked request to add a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAdd {
    /// The cluster it joins.
    pub cluster: ClusterId,
    /// Failure domain.
    pub zone: u32,
    /// Where commands reach it.
    pub manage: HostName,
    /// Its name or address in the trusted pool.
    pub storage: HostName,
    /// Labels.
    pub tags: Tags,
}

impl NodeAddRequest {
    /// Checks the request.
    ///
    /// # Errors
    /// [`WireError::Invalid`] with each field that breaks a rule.
    pub fn validate(&self) -> Result<NodeAdd, WireError> {
        let mut problems = Problems::default();
        let mut inside = Problems::default();
        let manage = inside.take("manage", host(&self.hostnames.manage, "manage"));
        let storage = inside.take("storage", host(&self.hostnames.storage, "storage"));
        problems.nest("hostnames", inside);
        let cluster = problems.take("cluster", id(&self.cluster));
        let zone = problems.take("zone", zone(self.zone));
        let tags = problems.take("tags", tags::check(&self.tags));
        let (Some(cluster), Some(zone), Some(manage), Some(storage), Some(tags)) =
            (cluster, zone, manage, storage, tags)
        else {
            return Err(problems.into());
        };
        Ok(NodeAdd {
            cluster,
            zone,
            manage,
            storage,
            tags,
        })
    }
}

/// A node's zone: a whole number from 1.
pub(crate) fn zone(zone: i64) -> Result<u32, String> {
    u32::try_from(at_least_one(zone)?).map_err(|_| format!("must be no greater than {}", u32::MAX))
}

fn host(names: &[String], kind: &str) -> Result<HostName, String> {
    let Some(first) = names.first() else {
        return Err(BLANK.into());
    };
    let bad = || format!("[{}] is not a valid {kind} hostname", shown(&names.join(" ")));
    if names.iter().any(|name| HostName::new(name.clone()).is_err()) {
        return Err(bad());
    }
    HostName::new(first.clone()).map_err(|_| bad())
}

/// Body of `POST /nodes/{id}/state` and `POST /devices/{id}/state`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct StateRequest {
    /// `online`, `offline` or `failed`.
    pub state: String,
    /// Whether bricks are moved only when their volumes are healed: `enable` (also when empty) or `disable`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub healcheck: String,
}

impl FromJson for StateRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            state: fields.get("state")?,
            healcheck: fields.get("healcheck")?,
        })
    }
}

/// A checked change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The state asked for.
    pub state: State,
    /// Whether bricks are moved only when their volumes are healed.
    pub heal_check: bool,
}

impl StateRequest {
    /// Checks the request.
    ///
    /// # Errors
    /// [`WireError::Invalid`] with each field that breaks a rule.
    pub fn validate(&self) -> Result<StateChange, WireError> {
        let mut problems = Problems::default();
        let state = match self.state.as_str() {
            "online" => Ok(State::Online),
            "offline" => Ok(State::Offline),
            "failed" => Ok(State::Failed),
            "" => Err(BLANK.to_owned()),
            other => Err(format!("{} is not valid state", shown(other))),
        };
        let state = problems.take("state", state);
        let heal_check = problems.take("healcheck", heal_check(&self.healcheck));
        let (Some(state), Some(heal_check)) = (state, heal_check) else {
            return Err(problems.into());
        };
        Ok(StateChange { state, heal_check })
    }
}

/// Whether bricks are moved only when their volumes are healed.
pub(crate) fn heal_check(text: &str) -> Result<bool, String> {
    match text {
        "" | "enable" => Ok(true),
        "disable" => Ok(false),
        other => Err(format!("{} is not valid heal info check", shown(other))),
    }
}

/// Answer of `GET /nodes/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeInfo {
    /// Failure domain.
    pub zone: u32,
    /// Where the node is reached.
    pub hostnames: HostAddresses,
    /// Its cluster.
    #[schema(value_type = String)]
    pub cluster: ClusterId,
    /// Labels; left out when there are none.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The node.
    #[schema(value_type = String)]
    pub id: NodeId,
    /// `online`, `offline` or `failed`.
    #[schema(value_type = String)]
    pub state: State,
    /// Its devices with their bricks.
    pub devices: Vec<DeviceInfo>,
}

#[cfg(test)]
mod tests {
    use mortar_model::{ClusterId, NodeId, State, Tags};

    use super::{HostAddresses, NodeAdd, NodeAddRequest, NodeInfo, StateRequest};
    use crate::json::{read, write};

    fn node(body: &str) -> Result<NodeAdd, String> {
        read::<NodeAddRequest>(body.as_bytes())
            .unwrap()
            .validate()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn texts_of_add() {
        const HOSTS: &str = r#""hostnames":{"manage":["m"],"storage":["s"]}"#;
        const ID: &str = "0123456789abcdef0123456789abcdef";
        for (body, text) in [
            (
                "{}".to_owned(),
                "validation failed: cluster: cannot be blank; hostnames: (manage: cannot be blank; storage: cannot \
                 be blank.); zone: cannot be blank.",
            ),
            (
                format!(r#"{{"zone":-1,"cluster":"{ID}",{HOSTS}}}"#),
                "validation failed: zone: must be no less than 1.",
            ),
            (
                format!(r#"{{"zone":4294967296,"cluster":"{ID}",{HOSTS}}}"#),
                "validation failed: zone: must be no greater than 4294967295.",
            ),
            (
                format!(r#"{{"zone":1,"cluster":"bad",{HOSTS}}}"#),
                "validation failed: cluster: bad is not a valid UUID.",
            ),
            (
                format!(r#"{{"zone":1,"cluster":"{ID}","hostnames":{{"manage":["a b"],"storage":["s"]}}}}"#),
                "validation failed: hostnames: (manage: [a b] is not a valid manage hostname.).",
            ),
            (
                format!(
                    r#"{{"zone":1,"cluster":"{ID}","hostnames":{{"manage":["m"],"storage":["-oX=y"]}}}}"#
                ),
                "validation failed: hostnames: (storage: [-oX=y] is not a valid storage hostname.).",
            ),
            (
                format!(r#"{{"zone":1,"cluster":"{ID}","tags":{{"":"x"}},{HOSTS}}}"#),
                "validation failed: tags: tag names may not be empty.",
            ),
        ] {
            assert_eq!(node(&body), Err(text.to_owned()), "{body}");
        }
        let good = node(&format!(
            r#"{{"zone":2,"cluster":"{ID}","tags":{{"a":"b"}},{HOSTS}}}"#
        ))
        .unwrap();
        assert_eq!(
            (good.zone, good.manage.as_str(), good.storage.as_str()),
            (2, "m", "s")
        );
    }

    #[test]
    fn texts_of_state() {
        for (body, text) in [
            ("{}", "validation failed: state: cannot be blank."),
            (
                r#"{"state":"bogus"}"#,
                "validation failed: state: bogus is not valid state.",
            ),
            (
                r#"{"state":"online","healcheck":"x"}"#,
                "validation failed: healcheck: x is not valid heal info check.",
            ),
        ] {
            let request: StateRequest = read(body.as_bytes()).unwrap();
            assert_eq!(request.validate().unwrap_err().to_string(), text);
        }
        let request: StateRequest = read(br#"{"state":"failed","healcheck":"disable"}"#).unwrap();
        let change = request.validate().unwrap();
        assert_eq!((change.state, change.heal_check), (State::Failed, false));
    }

    #[test]
    fn keys_in_heketis_order() {
        let mut info = NodeInfo {
            zone: 1,
            hostnames: HostAddresses {
                manage: vec!["node1-m.lab.com".into()],
                storage: vec!["10.0.0.1".into()],
            },
            cluster: ClusterId::from_u128(0xc),
            tags: [("k".to_owned(), "v".to_owned())].into(),
            id: NodeId::from_u128(0xa),
            state: State::Online,
            devices: Vec::new(),
        };
        assert_eq!(
            write(&info),
            "{\"zone\":1,\"hostnames\":{\"manage\":[\"node1-m.lab.com\"],\"storage\":[\"10.0.0.1\"]},\
             \"cluster\":\"0000000000000000000000000000000c\",\"tags\":{\"k\":\"v\"},\
             \"id\":\"0000000000000000000000000000000a\",\"state\":\"online\",\"devices\":[]}\n"
        );
        info.tags = Tags::new();
        assert!(!write(&info).contains("tags"));
    }
}
