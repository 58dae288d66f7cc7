//! Heketi's `topology.json`: the nodes and disks that a person has.
//!
//! The file is read strictly, as a person writes it by hand: a key that means nothing, a wrong type, a node or a device that
//! is there twice are errors that name the place. Keys match whatever their case, as with Heketi.

use std::collections::BTreeMap;
use std::fmt;

use mortar_model::{DevicePath, HostName, Tags};

use crate::json::Json;
use crate::{json, tags};

/// What is wrong with a topology file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct TopologyError {
    place: Place,
    problem: String,
}

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopologyFile {
    /// Its clusters.
    pub clusters: Vec<ClusterEntry>,
}

/// A cluster with its nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterEntry {
    /// Whether file volumes may be made there; Heketi's command line takes `None` as yes.
    pub file: Option<bool>,
    /// Whether block volumes may be made there; Heketi's command line takes `None` as yes.
    pub block: Option<bool>,
    /// Its nodes.
    pub nodes: Vec<NodeEntry>,
}

/// A node with its devices. Of several host names of one kind, the first is taken, as Heketi did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Where commands reach it.
    pub manage: HostName,
    /// Its name or address in the trusted pool.
    pub storage: HostName,
    /// Failure domain, from 1.
    pub zone: u32,
    /// Labels.
    pub tags: Tags,
    /// Its devices.
    pub devices: Vec<DeviceEntry>,
}

/// A device: written as a path, or as an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// Its path.
    pub path: DevicePath,
    /// Labels.
    pub tags: Tags,
    /// Whether what is on it may be wiped.
    pub destroy: bool,
}

/// A place in the file: `clusters[0].nodes[2].node.zone`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place(String);

impl Place {
    fn key(&self, name: &str) -> Self {
        Self(if self.0.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.0)
        })
    }

    fn item(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    fn error<T>(&self, problem: impl Into<String>) -> Result<T, TopologyError> {
        Err(TopologyError {
            place: self.clone(),
            problem: problem.into(),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "topology" } else { &self.0 })
    }
}

/// An object whose keys are all known.
struct Object<'a> {
    place: &'a Place,
    entries: Vec<(&'static str, &'a Json)>,
}

impl<'a> Object<'a> {
    fn read(json: &'a Json, place: &'a Place, known: &[&'static str]) -> Result<Self, TopologyError> {
        let Json::Object(fields) = json else {
            return place.error(format!("an object is wanted, this is {}", json.kind()));
        };
        let mut entries: Vec<(&'static str, &Json)> = Vec::new();
        for (key, value) in fields {
            let Some(name) = known.iter().find(|name| key.eq_ignore_ascii_case(name)) else {
                let shown = crate::problems::shown(key);
                return place.error(format!(
                    "unknown key \"{shown}\" (known here: {})",
                    known.join(", ")
                ));
            };
            if entries.iter().any(|(seen, _)| seen == name) {
                return place.error(format!("key \"{name}\" is there twice"));
            }
            entries.push((name, value));
        }
        Ok(Self { place, entries })
    }

    /// The value of a key; none when it is absent or `null`.
    fn get(&self, name: &str) -> Option<&'a Json> {
        let value = self
            .entries
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value);
        value.filter(|value| **value != Json::Null)
    }

    fn want(&self, name: &str) -> Result<&'a Json, TopologyError> {
        self.get(name)
            .map_or_else(|| self.place.error(format!("key \"{name}\" is missing")), Ok)
    }

    fn flag(&self, name: &str) -> Result<Option<bool>, TopologyError> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(*value)),
            Some(other) => self
                .place
                .key(name)
                .error(format!("true or false is wanted, this is {}", other.kind())),
        }
    }

    fn list(&self, name: &str) -> Result<&'a [Json], TopologyError> {
        match self.get(name) {
            None => Ok(&[]),
            Some(Json::List(items)) => Ok(items),
            Some(other) => self
                .place
                .key(name)
                .error(format!("a list is wanted, this is {}", other.kind())),
        }
    }

    fn tags(&self) -> Result<Tags, TopologyError> {
        let place = self.place.key("tags");
        let Some(json) = self.get("tags") else {
            return Ok(Tags::new());
        };
        let tags = <Tags as json::FromJson>::from_json(json)
            .or_else(|_| place.error("an object of texts is wanted"))?;
        tags::check(&tags).or_else(|problem| place.error(problem))
    }
}

impl TopologyFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Names the place, what is wrong there, and for an unknown key those that are known.
    pub fn read(text: &str) -> Result<Self, TopologyError> {
        let top = Place(String::new());
        let json: Json =
            serde_json::from_str(text).or_else(|error| top.error(format!("not JSON: {error}")))?;
        let object = Object::read(&json, &top, &["clusters"])?;
        object.want("clusters")?;
        let mut reader = Reader::default();
        let clusters = object.list("clusters")?.iter().enumerate();
        let clusters = clusters.map(|(at, json)| reader.cluster(json, &top.key("clusters").item(at)));
        Ok(Self {
            clusters: clusters.collect::<Result<_, _>>()?,
        })
    }

    /// Writes a file that [`TopologyFile::read`] and Heketi's command line read.
    pub fn write(&self) -> String {
        let clusters: Vec<_> = self.clusters.iter().map(ClusterEntry::to_json).collect();
        format!("{:#}\n", serde_json::json!({ "clusters": clusters }))
    }
}

/// Reads the parts, and remembers where each host name was first.
#[derive(Default)]
struct Reader {
    hosts: BTreeMap<HostName, Place>,
}

impl Reader {
    fn cluster(&mut self, json: &Json, place: &Place) -> Result<ClusterEntry, TopologyError> {
        let object = Object::read(json, place, &["file", "block", "nodes"])?;
        let nodes = object.list("nodes")?.iter().enumerate();
        let nodes = nodes.map(|(at, json)| self.node(json, &place.key("nodes").item(at)));
        Ok(ClusterEntry {
            nodes: nodes.collect::<Result<_, _>>()?,
            file: object.flag("file")?,
            block: object.flag("block")?,
        })
    }

    fn node(&mut self, json: &Json, place: &Place) -> Result<NodeEntry, TopologyError> {
        let object = Object::read(json, place, &["node", "devices"])?;
        let inner_place = place.key("node");
        let inner = Object::read(object.want("node")?, &inner_place, &["hostnames", "zone", "tags"])?;
        let hosts_place = inner_place.key("hostnames");
        let hosts = Object::read(inner.want("hostnames")?, &hosts_place, &["manage", "storage"])?;
        let manage = host(&hosts, "manage")?;
        let storage = host(&hosts, "storage")?;
        self.claim(&manage, &hosts_place.key("manage"), &inner_place)?;
        self.claim(&storage, &hosts_place.key("storage"), &inner_place)?;
        let entry = NodeEntry {
            manage,
            storage,
            zone: zone(&inner)?,
            tags: inner.tags()?,
            devices: devices(&object)?,
        };
        Ok(entry)
    }

    /// A host name belongs to one node; that node may have it for both uses.
    fn claim(&mut self, host: &HostName, place: &Place, node: &Place) -> Result<(), TopologyError> {
        match self.hosts.insert(host.clone(), node.clone()) {
            Some(first) if first != *node => {
                place.error(format!("host {host} is there twice: it is also that of {first}"))
            }
            _ => Ok(()),
        }
    }
}

fn host(hosts: &Object<'_>, name: &str) -> Result<HostName, TopologyError> {
    let place = hosts.place.key(name);
    hosts.want(name)?;
    match hosts.list(name)?.first() {
        Some(Json::Text(text)) => {
            HostName::new(text.clone()).or_else(|error| place.item(0).error(error.to_string()))
        }
        Some(other) => place
            .item(0)
            .error(format!("a host name is wanted, this is {}", other.kind())),
        None => place.error("cannot be empty"),
    }
}

fn zone(node: &Object<'_>) -> Result<u32, TopologyError> {
    let place = node.place.key("zone");
    match node.want("zone")? {
        Json::Integer(number) => crate::node::zone(*number).or_else(|problem| place.error(problem)),
        other => place.error(format!("a whole number is wanted, this is {}", other.kind())),
    }
}

fn devices(node: &Object<'_>) -> Result<Vec<DeviceEntry>, TopologyError> {
    let mut devices: Vec<DeviceEntry> = Vec::new();
    for (at, json) in node.list("devices")?.iter().enumerate() {
        let place = node.place.key("devices").item(at);
        let entry = device(json, &place)?;
        if let Some(first) = devices.iter().position(|other| other.path == entry.path) {
            let first = node.place.key("devices").item(first);
            return place.error(format!(
                "device {} is there twice: it is also {first}",
                entry.path
            ));
        }
        devices.push(entry);
    }
    Ok(devices)
}

fn device(json: &Json, place: &Place) -> Result<DeviceEntry, TopologyError> {
    let path =
        |text: &str, place: &Place| DevicePath::new(text).or_else(|error| place.error(error.to_string()));
    if let Json::Text(text) = json {
        return Ok(DeviceEntry {
            path: path(text, place)?,
            tags: Tags::new(),
            destroy: false,
        });
    }
    if !matches!(json, Json::Object(_)) {
        return place.error(format!("a path or an object is wanted, this is {}", json.kind()));
    }
    let object = Object::read(json, place, &["name", "tags", "destroydata"])?;
    let name_place = place.key("name");
    let path = match object.want("name")? {
        Json::Text(text) => path(text, &name_place)?,
        other => return name_place.error(format!("a path is wanted, this is {}", other.kind())),
    };
    Ok(DeviceEntry {
        path,
        tags: object.tags()?,
        destroy: object.flag("destroydata")?.unwrap_or(false),
    })
}

impl ClusterEntry {
    fn to_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        for (name, flag) in [("file", self.file), ("block", self.block)] {
            if let Some(flag) = flag {
                object.insert(name.into(), flag.into());
            }
        }
        object.insert(
            "nodes".into(),
            self.nodes.iter().map(NodeEntry::to_json).collect(),
        );
        object.into()
    }
}

impl NodeEntry {
    fn to_json(&self) -> serde_json::Value {
        let mut node = serde_json::json!({
            "hostnames": { "manage": [self.manage], "storage": [self.storage] },
            "zone": self.zone,
        });
        if !self.tags.is_empty() {
            node["tags"] = serde_json::json!(self.tags);
        }
        let devices: Vec<_> = self.devices.iter().map(DeviceEntry::to_json).collect();
        serde_json::json!({ "node": node, "devices": devices })
    }
}

impl DeviceEntry {
    fn to_json(&self) -> serde_json::Value {
        if self.tags.is_empty() && !self.destroy {
            return serde_json::json!(self.path);
        }
        let mut device = serde_json::json!({ "name": self.path });
        if !self.tags.is_empty() {
            device["tags"] = serde_json::json!(self.tags);
        }
        if self.destroy {
            device["destroydata"] = true.into();
        }
        device
    }
}

#[cfg(test)]
mod tests;
