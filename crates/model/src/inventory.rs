//! All things of all pools, with indexes that are kept up to date as things change.

mod attachments;
mod blocks;
mod pools;
mod snapshots;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use attachments::Attached;
use blocks::Blocks;
use pools::Guests;
pub use pools::{largest_pool, taken_by};
use snapshots::Snapshots;

use crate::{
    Brick, BrickId, BrickSpace, ByteSize, Cluster, ClusterId, Device, DeviceId, HostName, Node, NodeId,
    Volume, VolumeId, VolumeName,
};

/// A change that the inventory refuses because something it needs is missing, taken or still in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InventoryError {
    /// The thing it refers to is not known.
    #[error("{0} {1} is not known")]
    Unknown(&'static str, String),
    /// Another thing has that name or id.
    #[error("{0} {1} is already used by {2}")]
    Taken(&'static str, String, String),
    /// Other things rest on it.
    #[error("{0} {1} still holds {2}")]
    InUse(&'static str, String, &'static str),
}

/// Everything that exists, as recorded.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    clusters: BTreeMap<ClusterId, Cluster>,
    nodes: BTreeMap<NodeId, Node>,
    devices: BTreeMap<DeviceId, Device>,
    volumes: BTreeMap<VolumeId, Volume>,
    bricks: BTreeMap<BrickId, Brick>,
    nodes_of: BTreeMap<ClusterId, BTreeSet<NodeId>>,
    volumes_of: BTreeMap<ClusterId, BTreeSet<VolumeId>>,
    devices_of: BTreeMap<NodeId, BTreeSet<DeviceId>>,
    bricks_on: BTreeMap<DeviceId, BTreeSet<BrickId>>,
    bricks_of: BTreeMap<VolumeId, Vec<BrickId>>,
    hosts: BTreeMap<HostName, NodeId>,
    names: BTreeMap<(ClusterId, VolumeName), VolumeId>,
    used: BTreeMap<DeviceId, ByteSize>,
    overcommitted: BTreeSet<DeviceId>,
    guests: Guests,
    snapshots: Snapshots,
    blocks: Blocks,
    attached: Attached,
}

fn unknown<T>(what: &'static str, id: impl std::fmt::Display + Copy) -> Result<T, InventoryError> {
    Err(InventoryError::Unknown(what, id.to_string()))
}

impl Inventory {
    /// An empty inventory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a cluster, or replaces the record of one.
    pub fn put_cluster(&mut self, cluster: Cluster) {
        self.nodes_of.entry(cluster.id).or_default();
        self.volumes_of.entry(cluster.id).or_default();
        self.clusters.insert(cluster.id, cluster);
    }

    /// Adds a node, or replaces the record of one; its cluster cannot change.
    ///
    /// # Errors
    /// The cluster is unknown, or one of its host names belongs to another node.
    pub fn put_node(&mut self, node: Node) -> Result<(), InventoryError> {
        if !self.clusters.contains_key(&node.cluster) {
            return unknown("cluster", node.cluster);
        }
        for host in [&node.manage, &node.storage] {
            if let Some(other) = self.hosts.get(host).filter(|other| **other != node.id) {
                return Err(InventoryError::Taken(
                    "host name",
                    host.to_string(),
                    other.to_string(),
                ));
            }
        }
        if let Some(old) = self.nodes.get(&node.id) {
            self.hosts.remove(&old.manage);
            self.hosts.remove(&old.storage);
        }
        self.hosts.insert(node.manage.clone(), node.id);
        self.hosts.insert(node.storage.clone(), node.id);
        self.nodes_of.entry(node.cluster).or_default().insert(node.id);
        self.devices_of.entry(node.id).or_default();
        self.nodes.insert(node.id, node);
        Ok(())
    }

    /// Adds a device, or replaces the record of one.
    ///
    /// # Errors
    /// The node is unknown, or has another device at that path.
    pub fn put_device(&mut self, device: Device) -> Result<(), InventoryError> {
        if !self.nodes.contains_key(&device.node) {
            return unknown("node", device.node);
        }
        let twin = self
            .devices_of(device.node)
            .find(|other| other.path == device.path && other.id != device.id);
        if let Some(twin) = twin {
            return Err(InventoryError::Taken(
                "device",
                device.path.to_string(),
                twin.id.to_string(),
            ));
        }
        self.devices_of.entry(device.node).or_default().insert(device.id);
        self.bricks_on.entry(device.id).or_default();
        self.used.entry(device.id).or_default();
        if device.kind.promises_more() {
            self.overcommitted.insert(device.id);
        } else {
            self.overcommitted.remove(&device.id);
        }
        self.devices.insert(device.id, device);
        Ok(())
    }

    /// Adds a volume, or replaces the record of one.
    ///
    /// # Errors
    /// The cluster is unknown, or has another volume of that name.
    pub fn put_volume(&mut self, volume: Volume) -> Result<(), InventoryError> {
        if !self.clusters.contains_key(&volume.cluster) {
            return unknown("cluster", volume.cluster);
        }
        let key = (volume.cluster, volume.name.clone());
        if let Some(other) = self.names.get(&key).filter(|other| **other != volume.id) {
            return Err(InventoryError::Taken(
                "volume name",
                key.1.to_string(),
                other.to_string(),
            ));
        }
        if let Some(old) = self.volumes.get(&volume.id) {
            self.names.remove(&(old.cluster, old.name.clone()));
        }
        self.names.insert(key, volume.id);
        self.volumes_of
            .entry(volume.cluster)
            .or_default()
            .insert(volume.id);
        self.bricks_of.entry(volume.id).or_default();
        self.volumes.insert(volume.id, volume);
        Ok(())
    }

    /// Adds a brick. Its volume's bricks are kept in the order of set and position.
    ///
    /// # Errors
    /// Its device or volume is unknown, or a brick with that id exists.
    pub fn add_brick(&mut self, brick: Brick) -> Result<(), InventoryError> {
        if !self.devices.contains_key(&brick.device) {
            return unknown("device", brick.device);
        }
        if !self.volumes.contains_key(&brick.volume) {
            return unknown("volume", brick.volume);
        }
        if let Some(old) = self.bricks.get(&brick.id) {
            return Err(InventoryError::Taken(
                "brick id",
                brick.id.to_string(),
                old.volume.to_string(),
            ));
        }
        let bricks = self.bricks_of.entry(brick.volume).or_default();
        let order = |id: &BrickId| self.bricks.get(id).map(|b| (b.set, b.position));
        let at = bricks.partition_point(|id| order(id) <= Some((brick.set, brick.position)));
        bricks.insert(at, brick.id);
        self.bricks_on.entry(brick.device).or_default().insert(brick.id);
        self.note_guest(&brick);
        let seat = brick.clone();
        self.account(&seat, |inventory| {
            inventory.bricks.insert(brick.id, brick);
        });
        Ok(())
    }

    /// Removes a cluster.
    ///
    /// # Errors
    /// It is unknown, or has nodes or volumes.
    pub fn remove_cluster(&mut self, id: ClusterId) -> Result<Cluster, InventoryError> {
        if self.nodes_of.get(&id).is_some_and(|nodes| !nodes.is_empty()) {
            return Err(InventoryError::InUse("cluster", id.to_string(), "nodes"));
        }
        if self
            .volumes_of
            .get(&id)
            .is_some_and(|volumes| !volumes.is_empty())
        {
            return Err(InventoryError::InUse("cluster", id.to_string(), "volumes"));
        }
        self.nodes_of.remove(&id);
        self.volumes_of.remove(&id);
        self.clusters
            .remove(&id)
            .map_or_else(|| unknown("cluster", id), Ok)
    }

    /// Removes a node.
    ///
    /// # Errors
    /// It is unknown, or has devices.
    pub fn remove_node(&mut self, id: NodeId) -> Result<Node, InventoryError> {
        if self
            .devices_of
            .get(&id)
            .is_some_and(|devices| !devices.is_empty())
        {
            return Err(InventoryError::InUse("node", id.to_string(), "devices"));
        }
        let Some(node) = self.nodes.remove(&id) else {
            return unknown("node", id);
        };
        self.hosts.remove(&node.manage);
        self.hosts.remove(&node.storage);
        self.devices_of.remove(&id);
        if let Some(nodes) = self.nodes_of.get_mut(&node.cluster) {
            nodes.remove(&id);
        }
        Ok(node)
    }

    /// Removes a device.
    ///
    /// # Errors
    /// It is unknown, or has bricks.
    pub fn remove_device(&mut self, id: DeviceId) -> Result<Device, InventoryError> {
        if self.bricks_on.get(&id).is_some_and(|bricks| !bricks.is_empty()) {
            return Err(InventoryError::InUse("device", id.to_string(), "bricks"));
        }
        if self.copies_on(id).next().is_some() {
            return Err(InventoryError::InUse(
                "device",
                id.to_string(),
                "parts of snapshots",
            ));
        }
        let Some(device) = self.devices.remove(&id) else {
            return unknown("device", id);
        };
        self.bricks_on.remove(&id);
        self.used.remove(&id);
        self.overcommitted.remove(&id);
        if let Some(devices) = self.devices_of.get_mut(&device.node) {
            devices.remove(&id);
        }
        Ok(device)
    }

    /// Removes a volume with all its bricks, which are returned in order, and what is recorded of who uses it.
    ///
    /// # Errors
    /// It is unknown, or has snapshots or block volumes.
    pub fn remove_volume(&mut self, id: VolumeId) -> Result<(Volume, Vec<Brick>), InventoryError> {
        if self.snapshots_of(id).next().is_some() {
            return Err(InventoryError::InUse("volume", id.to_string(), "snapshots"));
        }
        if self.blocks_on(id).next().is_some() {
            return Err(InventoryError::InUse("volume", id.to_string(), "block volumes"));
        }
        let Some(volume) = self.volumes.remove(&id) else {
            return unknown("volume", id);
        };
        self.attached.remove(id);
        self.names.remove(&(volume.cluster, volume.name.clone()));
        if let Some(volumes) = self.volumes_of.get_mut(&volume.cluster) {
            volumes.remove(&id);
        }
        let bricks = self.bricks_of.remove(&id).unwrap_or_default();
        let bricks = bricks
            .into_iter()
            .filter_map(|brick| self.forget_brick(brick))
            .collect();
        Ok((volume, bricks))
    }

    /// Puts a brick in the place of another one of its volume, which is removed.
    ///
    /// # Errors
    /// The old one is unknown, the new one's device is, or its id is taken; nothing is changed then.
    pub fn replace_brick(&mut self, old: BrickId, new: Brick) -> Result<Brick, InventoryError> {
        let Some(known) = self.bricks.get(&old).cloned() else {
            return unknown("brick", old);
        };
        if known.volume != new.volume {
            return unknown("brick of its volume", old);
        }
        self.add_brick(new)?;
        if let Some(bricks) = self.bricks_of.get_mut(&known.volume) {
            bricks.retain(|id| *id != old);
        }
        self.forget_brick(old).map_or_else(|| unknown("brick", old), Ok)
    }

    /// Removes a brick of a volume that lives on.
    ///
    /// # Errors
    /// It is unknown.
    pub fn remove_brick(&mut self, id: BrickId) -> Result<Brick, InventoryError> {
        let Some(brick) = self.forget_brick(id) else {
            return unknown("brick", id);
        };
        if let Some(bricks) = self.bricks_of.get_mut(&brick.volume) {
            bricks.retain(|other| *other != id);
        }
        Ok(brick)
    }

    /// Records the sets of a volume's bricks, which were a guess before.
    ///
    /// # Errors
    /// The volume is unknown, or these are not just its bricks; nothing is changed then.
    pub fn order_bricks(&mut self, id: VolumeId, bricks: &[Brick]) -> Result<(), InventoryError> {
        let Some(volume) = self.volumes.get_mut(&id) else {
            return unknown("volume", id);
        };
        let known = self.bricks_of.entry(id).or_default();
        let stranger = bricks.iter().find(|brick| !known.contains(&brick.id));
        if let Some(brick) = stranger {
            return unknown("brick of its volume", brick.id);
        }
        if bricks.len() != known.len() {
            return unknown("volume with so many bricks", id);
        }
        volume.sets_guessed = false;
        known.sort_by_key(|id| bricks.iter().position(|brick| brick.id == *id));
        for brick in bricks {
            if let Some(known) = self.bricks.get_mut(&brick.id) {
                (known.set, known.position) = (brick.set, brick.position);
            }
        }
        Ok(())
    }

    /// Records another size of a brick that is where it was.
    ///
    /// # Errors
    /// It is unknown.
    pub fn resize_brick(
        &mut self,
        id: BrickId,
        size: ByteSize,
        space: BrickSpace,
    ) -> Result<(), InventoryError> {
        let Some(brick) = self.bricks.get(&id).cloned() else {
            return unknown("brick", id);
        };
        self.account(&brick, |inventory| {
            if let Some(known) = inventory.bricks.get_mut(&id) {
                (known.size, known.space) = (size, space);
            }
        });
        Ok(())
    }

    fn forget_brick(&mut self, id: BrickId) -> Option<Brick> {
        let brick = self.bricks.get(&id).cloned()?;
        self.account(&brick, |inventory| {
            inventory.bricks.remove(&id);
            inventory.forget_guest(&brick);
        });
        if let Some(bricks) = self.bricks_on.get_mut(&brick.device) {
            bricks.remove(&id);
        }
        Some(brick)
    }

    /// The cluster with this id.
    pub fn cluster(&self, id: ClusterId) -> Option<&Cluster> {
        self.clusters.get(&id)
    }

    /// The node with this id.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    /// The device with this id.
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(&id)
    }

    /// The volume with this id.
    pub fn volume(&self, id: VolumeId) -> Option<&Volume> {
        self.volumes.get(&id)
    }

    /// The brick with this id.
    pub fn brick(&self, id: BrickId) -> Option<&Brick> {
        self.bricks.get(&id)
    }

    /// The node that has this host name, to manage or to store.
    pub fn node_by_host(&self, host: &HostName) -> Option<&Node> {
        self.hosts.get(host).and_then(|id| self.nodes.get(id))
    }

    /// The volume of this name on this cluster.
    pub fn volume_by_name(&self, cluster: ClusterId, name: &VolumeName) -> Option<&Volume> {
        self.names
            .get(&(cluster, name.clone()))
            .and_then(|id| self.volumes.get(id))
    }

    /// All clusters, by id.
    pub fn clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.clusters.values()
    }

    /// All nodes, by id.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// All devices, by id.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    /// All volumes, by id.
    pub fn volumes(&self) -> impl Iterator<Item = &Volume> {
        self.volumes.values()
    }

    /// The volumes whose ids come after this one, by id; all when there is none.
    pub fn volumes_after(&self, id: Option<VolumeId>) -> impl Iterator<Item = &Volume> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.volumes
            .range((from, Bound::Unbounded))
            .map(|(_, volume)| volume)
    }

    /// Devices whose one thin pool may promise more than it has, in the order of ids.
    pub fn overcommitted(&self) -> impl Iterator<Item = &Device> {
        self.overcommitted.iter().filter_map(|id| self.devices.get(id))
    }

    /// The devices whose ids come after this one, by id; all when there is none.
    pub fn devices_after(&self, id: Option<DeviceId>) -> impl Iterator<Item = &Device> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.devices
            .range((from, Bound::Unbounded))
            .map(|(_, device)| device)
    }

    /// The bricks whose ids come after this one, by id; all when there is none.
    pub fn bricks_after(&self, id: Option<BrickId>) -> impl Iterator<Item = &Brick> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.bricks
            .range((from, Bound::Unbounded))
            .map(|(_, brick)| brick)
    }

    /// All bricks, by id.
    pub fn bricks(&self) -> impl Iterator<Item = &Brick> {
        self.bricks.values()
    }

    /// The other nodes of a cluster in the order of their ids, beginning after `node` and going round.
    pub fn nodes_after(&self, cluster: ClusterId, node: NodeId) -> impl Iterator<Item = &Node> {
        let all = self.nodes_of.get(&cluster).into_iter();
        all.flat_map(move |all| {
            let after = all.range((Bound::Excluded(node), Bound::Unbounded));
            after.chain(all.range(..node))
        })
        .filter_map(|id| self.nodes.get(id))
    }

    /// The nodes of a cluster, by id.
    pub fn nodes_of(&self, cluster: ClusterId) -> impl Iterator<Item = &Node> {
        self.nodes_of
            .get(&cluster)
            .into_iter()
            .flatten()
            .filter_map(|id| self.nodes.get(id))
    }

    /// The volumes of a cluster, by id.
    pub fn volumes_of(&self, cluster: ClusterId) -> impl Iterator<Item = &Volume> {
        self.volumes_of
            .get(&cluster)
            .into_iter()
            .flatten()
            .filter_map(|id| self.volumes.get(id))
    }

    /// How many volumes a cluster has.
    pub fn volume_count(&self, cluster: ClusterId) -> usize {
        self.volumes_of.get(&cluster).map_or(0, BTreeSet::len)
    }

    /// The devices of a node, by id.
    pub fn devices_of(&self, node: NodeId) -> impl Iterator<Item = &Device> {
        self.devices_of
            .get(&node)
            .into_iter()
            .flatten()
            .filter_map(|id| self.devices.get(id))
    }

    /// The bricks on a device, by id.
    pub fn bricks_on(&self, device: DeviceId) -> impl Iterator<Item = &Brick> {
        self.bricks_on
            .get(&device)
            .into_iter()
            .flatten()
            .filter_map(|id| self.bricks.get(id))
    }

    /// How many bricks a device has.
    pub fn brick_count(&self, device: DeviceId) -> usize {
        self.bricks_on.get(&device).map_or(0, BTreeSet::len)
    }

    /// The bricks of a volume, by set and position.
    pub fn bricks_of(&self, volume: VolumeId) -> impl Iterator<Item = &Brick> {
        self.bricks_of
            .get(&volume)
            .into_iter()
            .flatten()
            .filter_map(|id| self.bricks.get(id))
    }

    /// What the bricks on a device, and copies of bricks, take of it together.
    pub fn used(&self, device: DeviceId) -> ByteSize {
        self.used.get(&device).copied().unwrap_or_default()
    }

    /// The node that a brick is on.
    pub fn node_of_brick(&self, brick: &Brick) -> Option<&Node> {
        self.device(brick.device)
            .and_then(|device| self.node(device.node))
    }
}
