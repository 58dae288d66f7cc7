//! Which nodes, devices, bricks and volumes a query asks for: read in one place for Heketi's lists and for those of `/v1`.

use mortar_api::{BrickQuery, DeviceQuery, NodeQuery, VolumeQuery};
use mortar_heketi::WireError;
use mortar_model::{
    Brick, BrickId, ClusterId, Device, DeviceId, Inventory, Node, NodeId, State, Tags, Volume, VolumeId,
    VolumeName,
};

use crate::v1::page::{id, problem};

/// Nodes that are asked for.
pub(crate) struct Nodes {
    cluster: Option<ClusterId>,
    zone: Option<u32>,
    state: Option<State>,
    label: Option<Label>,
    after: Option<NodeId>,
}

impl Nodes {
    /// What the query says.
    ///
    /// # Errors
    /// A parameter is not of its form.
    pub(crate) fn read(query: &NodeQuery) -> Result<Self, WireError> {
        Ok(Self {
            cluster: id("cluster", query.cluster.as_deref())?,
            zone: query.zone,
            state: state(query.state.as_deref())?,
            label: label(query.tag.as_deref())?,
            after: id("after", query.after.as_deref())?,
        })
    }

    /// Those of them that there are, by id.
    pub(crate) fn of<'a>(&'a self, inventory: &'a Inventory) -> impl Iterator<Item = &'a Node> {
        inventory.nodes().filter(|node| {
            self.after.is_none_or(|after| node.id > after)
                && self.cluster.is_none_or(|cluster| node.cluster == cluster)
                && self.zone.is_none_or(|zone| node.zone == zone)
                && self.state.is_none_or(|state| node.state == state)
                && self.label.as_ref().is_none_or(|label| label.is_on(&[&node.tags]))
        })
    }
}

/// Devices that are asked for.
pub(crate) struct Devices {
    cluster: Option<ClusterId>,
    node: Option<NodeId>,
    state: Option<State>,
    label: Option<Label>,
    after: Option<DeviceId>,
}

impl Devices {
    /// What the query says.
    ///
    /// # Errors
    /// A parameter is not of its form.
    pub(crate) fn read(query: &DeviceQuery) -> Result<Self, WireError> {
        Ok(Self {
            cluster: id("cluster", query.cluster.as_deref())?,
            node: id("node", query.node.as_deref())?,
            state: state(query.state.as_deref())?,
            label: label(query.tag.as_deref())?,
            after: id("after", query.after.as_deref())?,
        })
    }

    /// Those of them that there are, each with its node, by id.
    pub(crate) fn of<'a>(&'a self, inventory: &'a Inventory) -> impl Iterator<Item = (&'a Node, &'a Device)> {
        let devices = inventory.devices_after(self.after);
        let with_node = devices.filter_map(|device| Some((inventory.node(device.node)?, device)));
        with_node.filter(|(node, device)| {
            let label = self.label.as_ref();
            self.cluster.is_none_or(|cluster| node.cluster == cluster)
                && self.node.is_none_or(|id| node.id == id)
                && self.state.is_none_or(|state| device.state == state)
                && label.is_none_or(|label| label.is_on(&[&device.tags, &node.tags]))
        })
    }
}

/// Bricks that are asked for.
pub(crate) struct Bricks {
    cluster: Option<ClusterId>,
    node: Option<NodeId>,
    device: Option<DeviceId>,
    volume: Option<VolumeId>,
    after: Option<BrickId>,
}

/// A brick with what it is on.
pub(crate) type Placed<'a> = (&'a Node, &'a Device, &'a Brick);

impl Bricks {
    /// What the query says.
    ///
    /// # Errors
    /// A parameter is not of its form.
    pub(crate) fn read(query: &BrickQuery) -> Result<Self, WireError> {
        Ok(Self {
            cluster: id("cluster", query.cluster.as_deref())?,
            node: id("node", query.node.as_deref())?,
            device: id("device", query.device.as_deref())?,
            volume: id("volume", query.volume.as_deref())?,
            after: id("after", query.after.as_deref())?,
        })
    }

    /// Those of them that there are, each with what it is on, by id.
    pub(crate) fn of<'a>(&'a self, inventory: &'a Inventory) -> impl Iterator<Item = Placed<'a>> {
        let bricks = inventory.bricks_after(self.after).filter(|brick| {
            self.device.is_none_or(|device| brick.device == device)
                && self.volume.is_none_or(|volume| brick.volume == volume)
        });
        let placed = bricks.filter_map(|brick| {
            let device = inventory.device(brick.device)?;
            Some((inventory.node(device.node)?, device, brick))
        });
        placed.filter(|(node, ..)| {
            self.cluster.is_none_or(|cluster| node.cluster == cluster)
                && self.node.is_none_or(|id| node.id == id)
        })
    }
}

/// Volumes that are asked for.
pub(crate) struct Volumes {
    /// Their cluster.
    pub(crate) cluster: Option<ClusterId>,
    /// Their name.
    pub(crate) name: Option<VolumeName>,
    /// They come after this one.
    pub(crate) after: Option<VolumeId>,
}

impl Volumes {
    /// What the query says.
    ///
    /// # Errors
    /// A parameter is not of its form.
    pub(crate) fn read(query: &VolumeQuery) -> Result<Self, WireError> {
        let name = query.name.clone().map(VolumeName::new).transpose();
        Ok(Self {
            cluster: id("cluster", query.cluster.as_deref())?,
            name: name.map_err(|error| problem("name", error))?,
            after: id("after", query.after.as_deref())?,
        })
    }

    /// Whether it is one of them, wherever the page begins.
    pub(crate) fn has(&self, volume: &Volume) -> bool {
        self.cluster.is_none_or(|cluster| volume.cluster == cluster)
            && self.name.as_ref().is_none_or(|name| volume.name == *name)
    }

    /// Those of them that there are, by id.
    pub(crate) fn of<'a>(&'a self, inventory: &'a Inventory) -> impl Iterator<Item = &'a Volume> {
        inventory
            .volumes_after(self.after)
            .filter(|volume| self.has(volume))
    }
}

/// A label that is asked for, with any value where none is said.
struct Label {
    key: String,
    value: Option<String>,
}

impl Label {
    /// Whether the first of these labels that has the key has the value.
    fn is_on(&self, tags: &[&Tags]) -> bool {
        let has = tags.iter().find_map(|tags| tags.get(&self.key));
        has.is_some_and(|has| self.value.as_ref().is_none_or(|value| has == value))
    }
}

fn label(text: Option<&str>) -> Result<Option<Label>, WireError> {
    let Some(text) = text else { return Ok(None) };
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    if key.is_empty() {
        return Err(problem("tag", "is KEY or KEY=VALUE"));
    }
    Ok(Some(Label {
        key: key.to_owned(),
        value,
    }))
}

fn state(text: Option<&str>) -> Result<Option<State>, WireError> {
    let Some(text) = text else { return Ok(None) };
    let named = State::ALL.into_iter().find(|state| state.to_string() == text);
    named
        .map(Some)
        .ok_or_else(|| problem("state", "is online, offline or failed"))
}
