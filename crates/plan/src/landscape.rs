//! What exists and what is spoken for: the ground on which decisions are made.

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::work::{DeviceFacts, Facts};
use mortar_model::{
    BlockVolume, BlockVolumeId, Brick, BrickId, BrickSpace, ByteSize, ClusterId, Device, DeviceId,
    DeviceKind, DevicePath, Group, GroupId, HostName, Inventory, InventoryError, NodeId, OperationId,
    Snapshot, SnapshotId, State, Volume, VolumeId, VolumeName, largest_pool,
};

use crate::index::{Index, Slot};
use crate::involved::Involved;
use crate::placement::unusable;
use crate::plan::{Change, Plan, Subject};
use crate::refusal::{Refusal, TooFull};
use crate::space::growth_of;

/// What an open operation holds.
#[derive(Clone, Debug, Default)]
struct Held {
    bricks: Vec<Brick>,
    /// What is left of bricks on nodes that are away, in thin pools that others may be in, too.
    left: Vec<Brick>,
    /// What bricks that are there already take more, and copies of bricks that are being made.
    growth: Vec<(DeviceId, ByteSize)>,
    /// The volume that is being made: its name is spoken for.
    volume: Option<Volume>,
    /// The snapshots that are being made: their names are spoken for.
    snapshots: Vec<Snapshot>,
    names: Vec<(ClusterId, VolumeName)>,
    hosts: Vec<HostName>,
    paths: Vec<(NodeId, DevicePath)>,
    things: Vec<Subject>,
    /// Devices that are being removed: they take no bricks meanwhile.
    leaving: Vec<DeviceId>,
    /// Nodes that are being removed: they are not asked about their pool meanwhile.
    nodes_leaving: Vec<NodeId>,
    /// Volumes that are being removed.
    removes: Vec<VolumeId>,
    /// Snapshots that are being removed.
    removes_snapshots: Vec<SnapshotId>,
    /// The block volume that is being made: its name is spoken for.
    block: Option<BlockVolume>,
    /// What block volumes take more of their hosting volumes.
    block_growth: Vec<(VolumeId, ByteSize)>,
    /// Block volumes as they are to be.
    moved_blocks: Vec<BlockVolume>,
    /// Block volumes that are being removed.
    removes_blocks: Vec<BlockVolumeId>,
}

impl Held {
    fn devices(&self) -> BTreeSet<DeviceId> {
        let of_bricks = self.bricks.iter().map(|brick| brick.device);
        let grown = self.growth.iter().map(|(device, _)| *device);
        let left = self.left.iter().map(|brick| brick.device);
        of_bricks
            .chain(grown)
            .chain(left)
            .chain(self.leaving.iter().copied())
            .collect()
    }
}

/// All things, the room that running operations hold, and the placement index over both.
#[derive(Clone, Debug, Default)]
pub struct Landscape {
    inventory: Inventory,
    index: Index,
    held: BTreeMap<OperationId, Held>,
    spoken: BTreeMap<DeviceId, (ByteSize, u32)>,
    /// What is left of bricks in thin pools, by the device that it is on.
    left: BTreeMap<DeviceId, BTreeMap<(OperationId, BrickId), Brick>>,
    names: BTreeMap<(ClusterId, VolumeName), OperationId>,
    hosts: BTreeMap<HostName, OperationId>,
    paths: BTreeMap<(NodeId, DevicePath), OperationId>,
    things: BTreeMap<Subject, OperationId>,
    joining: BTreeMap<OperationId, ClusterId>,
    unhealthy: BTreeSet<NodeId>,
    /// Devices that take no bricks because a part of them is nearly full.
    too_full: BTreeMap<DeviceId, TooFull>,
    involved: BTreeMap<OperationId, Involved>,
    watch: Option<Involved>,
}

impl Landscape {
    /// The landscape of this inventory, with no operation running.
    pub fn new(inventory: Inventory) -> Self {
        let mut landscape = Self {
            inventory,
            ..Self::default()
        };
        let devices: Vec<DeviceId> = landscape.inventory.devices().map(|device| device.id).collect();
        for device in devices {
            landscape.reindex(device);
        }
        landscape
    }

    /// What exists.
    pub const fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    pub(crate) const fn index(&self) -> &Index {
        &self.index
    }

    /// What bricks take of a device, those of running operations included.
    pub fn used(&self, device: DeviceId) -> ByteSize {
        let spoken = self.spoken.get(&device).map_or(ByteSize::ZERO, |(size, _)| *size);
        self.inventory.used(device) + spoken + self.left_over(device)
    }

    /// What thin pools take of a device for nothing but what is left in them: one in which a brick lives is counted with that.
    fn left_over(&self, device: DeviceId) -> ByteSize {
        let Some(left) = self.left.get(&device) else {
            return ByteSize::ZERO;
        };
        let mut pools: BTreeMap<String, Vec<BrickSpace>> = BTreeMap::new();
        for brick in left.values() {
            let spaces = pools.entry(brick.place().thin_pool()).or_default();
            spaces.push(brick.space);
        }
        let beyond = |(pool, spaces): (String, Vec<BrickSpace>)| {
            let (data, metadata) = largest_pool(spaces.into_iter());
            let (counted, beside) = self.inventory.pool_size(device, &pool);
            data.minus(counted) + metadata.minus(beside)
        };
        pools.into_iter().map(beyond).sum()
    }

    /// Bricks that running operations make on the device.
    pub fn bricks_to_come(&self, device: DeviceId) -> u32 {
        self.spoken.get(&device).map_or(0, |(_, count)| *count)
    }

    /// Operations that hold something, those that are just being recorded among them.
    pub fn holders(&self) -> usize {
        self.held.len()
    }

    /// The operation that changes this thing.
    pub fn holder(&self, thing: Subject) -> Option<OperationId> {
        self.things.get(&thing).copied()
    }

    /// The volume, if no operation changes it.
    ///
    /// # Errors
    /// It is unknown or being changed.
    pub(crate) fn unchanged_volume(&self, id: VolumeId) -> Result<&Volume, Refusal> {
        let volume = self.inventory.volume(id);
        let volume = volume.ok_or_else(|| Refusal::Unknown("volume", id.to_string()))?;
        match self.holder(Subject::Volume(id)) {
            Some(operation) => Err(Refusal::Busy("volume", id.to_string(), operation)),
            None => Ok(volume),
        }
    }

    /// The volume of this name that an operation is making.
    pub fn volume_to_come(&self, cluster: ClusterId, name: &VolumeName) -> Option<(OperationId, &Volume)> {
        let operation = *self.names.get(&(cluster, name.clone()))?;
        let volume = self.held.get(&operation)?.volume.as_ref()?;
        Some((operation, volume))
    }

    /// The snapshot of this name that an operation is making.
    pub fn snapshot_to_come(&self, name: &VolumeName) -> Option<(OperationId, &Snapshot)> {
        let mut held = self.held.iter();
        held.find_map(|(operation, held)| {
            let snapshot = held.snapshots.iter().find(|snapshot| snapshot.name == *name)?;
            Some((*operation, snapshot))
        })
    }

    /// The operation that removes this snapshot.
    pub fn snapshot_remover(&self, snapshot: SnapshotId) -> Option<OperationId> {
        let holder = self.holder(Subject::Snapshot(snapshot))?;
        let removes = &self.held.get(&holder)?.removes_snapshots;
        removes.contains(&snapshot).then_some(holder)
    }

    /// The group of this name that an operation is making.
    pub fn group_to_come(&self, name: &VolumeName) -> Option<(OperationId, &Group)> {
        let mut held = self.held.iter();
        held.find_map(|(operation, held)| {
            let mut groups = held.snapshots.iter().filter_map(|made| made.group.as_ref());
            Some((*operation, groups.find(|group| group.name == *name)?))
        })
    }

    /// The operation that removes this group.
    pub fn group_remover(&self, group: GroupId) -> Option<OperationId> {
        let mut members = self.inventory.members(group);
        members.find_map(|member| self.snapshot_remover(member.id))
    }

    /// The block volume of this name that an operation is making.
    pub fn block_to_come(
        &self,
        cluster: ClusterId,
        name: &VolumeName,
    ) -> Option<(OperationId, &BlockVolume)> {
        let mut held = self.held.iter();
        held.find_map(|(operation, held)| {
            let block = held.block.as_ref().filter(|block| block.name == *name)?;
            let made = self.inventory.volume(block.hosting);
            let hosting = made
                .or(held.volume.as_ref())
                .filter(|hosting| hosting.cluster == cluster);
            hosting.map(|_| (*operation, block))
        })
    }

    /// Block volumes that are, or are about to be, served by this host.
    pub(crate) fn blocks_of_host(&self, host: &HostName) -> impl Iterator<Item = &BlockVolume> {
        let to_come = self.held.values().filter_map(|held| held.block.as_ref());
        let moving = self.held.values().flat_map(|held| &held.moved_blocks);
        let all = self.inventory.blocks().chain(to_come).chain(moving);
        all.filter(|block| block.hosts.contains(host))
    }

    /// The operation that removes this block volume.
    pub fn block_remover(&self, block: BlockVolumeId) -> Option<OperationId> {
        let holder = self.holder(Subject::Block(block))?;
        let removes = &self.held.get(&holder)?.removes_blocks;
        removes.contains(&block).then_some(holder)
    }

    /// Whether operations make a block volume on this volume.
    pub(crate) fn blocks_come(&self, hosting: VolumeId) -> Option<OperationId> {
        let mut held = self.held.iter();
        held.find(|(_, held)| held.block.as_ref().is_some_and(|block| block.hosting == hosting))
            .map(|(operation, _)| *operation)
    }

    /// The operation that makes a volume of this cluster to hold block volumes.
    pub(crate) fn hosting_to_come(&self, cluster: ClusterId) -> Option<OperationId> {
        let comes = |held: &Held| {
            let volume = held.volume.as_ref();
            volume.is_some_and(|volume| volume.block && volume.cluster == cluster)
        };
        let mut held = self.held.iter();
        held.find(|(_, held)| comes(held))
            .map(|(operation, _)| *operation)
    }

    /// What is left of a volume for block volumes, those of running operations counted; nothing where it is not meant for any.
    pub fn room_for_blocks(&self, hosting: &Volume) -> ByteSize {
        let held = self.held.values();
        let to_come = held.map(|held| {
            let block = held.block.as_ref().filter(|block| block.hosting == hosting.id);
            let growth = held.block_growth.iter().filter(|(id, _)| *id == hosting.id);
            block.map_or(ByteSize::ZERO, |block| block.size) + growth.map(|(_, more)| *more).sum::<ByteSize>()
        });
        let taken = self.inventory.taken_by_blocks(hosting.id) + to_come.sum::<ByteSize>();
        hosting.room_for_blocks().minus(taken)
    }

    /// The operation that holds this name for what is left of a volume.
    pub fn name_leaving(&self, cluster: ClusterId, name: &VolumeName) -> Option<OperationId> {
        let operation = *self.names.get(&(cluster, name.clone()))?;
        let makes = self.held.get(&operation)?.volume.is_some();
        (!makes).then_some(operation)
    }

    /// Bricks that an operation makes.
    pub(crate) fn bricks_of_operation(&self, operation: OperationId) -> Vec<Brick> {
        self.held
            .get(&operation)
            .map(|held| held.bricks.clone())
            .unwrap_or_default()
    }

    /// The operation that removes this volume.
    pub fn remover(&self, volume: VolumeId) -> Option<OperationId> {
        let holder = self.holder(Subject::Volume(volume))?;
        let removes = &self.held.get(&holder)?.removes;
        removes.contains(&volume).then_some(holder)
    }

    /// The operation that adds a node with this host name.
    pub fn host_holder(&self, host: &HostName) -> Option<OperationId> {
        self.hosts.get(host).copied()
    }

    /// The operation that adds a device at this path.
    pub fn path_holder(&self, node: NodeId, path: &DevicePath) -> Option<OperationId> {
        let mut paths = self.paths.iter();
        paths
            .find(|((other, taken), _)| *other == node && taken.is_same_place(path))
            .map(|(_, operation)| *operation)
    }

    /// Whether an operation adds a device to this node.
    pub fn devices_to_come(&self, node: NodeId) -> Option<OperationId> {
        self.paths
            .iter()
            .find(|((other, _), _)| *other == node)
            .map(|(_, operation)| *operation)
    }

    /// The operation that adds a node to this cluster.
    pub fn nodes_to_come(&self, cluster: ClusterId) -> Option<OperationId> {
        let mut joining = self.joining.iter();
        joining
            .find(|(_, other)| **other == cluster)
            .map(|(operation, _)| *operation)
    }

    /// Whether operations make bricks on the device that are to stay there.
    pub fn bricks_come(&self, device: DeviceId) -> bool {
        // What a cleanup holds room for is on its way out.
        let mut makers = self.held.values().filter(|held| !held.things.is_empty());
        makers.any(|held| held.bricks.iter().any(|brick| brick.device == device))
    }

    /// Whether an operation removes this device, or all bricks from it.
    pub(crate) fn is_leaving(&self, device: DeviceId) -> bool {
        let node = self.inventory.device(device).map(|device| device.node);
        let holders = [
            self.holder(Subject::Device(device)),
            node.and_then(|node| self.holder(Subject::Node(node))),
        ];
        let mut held = holders
            .iter()
            .flatten()
            .filter_map(|holder| self.held.get(holder));
        held.any(|held| held.leaving.contains(&device))
    }

    /// Whether an operation removes this node. From some moment on it is alone in a pool of its own, where nothing of what
    /// is asked about the old one is true.
    pub fn is_node_leaving(&self, node: NodeId) -> bool {
        let holder = self.holder(Subject::Member(node));
        holder
            .and_then(|operation| self.held.get(&operation))
            .is_some_and(|held| held.nodes_leaving.contains(&node))
    }

    /// Whether the node answered when it was last asked.
    pub fn is_healthy(&self, node: NodeId) -> bool {
        !self.unhealthy.contains(&node)
    }

    /// Notes whether the node answers; one that does not gets no new bricks.
    pub fn set_healthy(&mut self, node: NodeId, healthy: bool) {
        let changed = if healthy {
            self.unhealthy.remove(&node)
        } else {
            self.unhealthy.insert(node)
        };
        if changed {
            self.reindex_node(node);
        }
    }

    /// Nodes that did not answer when they were last asked.
    pub fn unhealthy(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.unhealthy.iter().copied()
    }

    /// The part of this device that is nearly full, as it was last seen: it takes no bricks meanwhile.
    pub fn too_full(&self, device: DeviceId) -> Option<TooFull> {
        self.too_full.get(&device).copied()
    }

    /// Notes of devices that were looked at whether they are too full; what is known of others stays.
    pub fn set_too_full(&mut self, seen: impl IntoIterator<Item = (DeviceId, Option<TooFull>)>) {
        for (device, full) in seen {
            let changed = match full {
                Some(full) => self.too_full.insert(device, full).is_none(),
                None => self.too_full.remove(&device).is_some(),
            };
            if changed {
                self.reindex(device);
            }
        }
    }

    /// How many devices take no bricks because they are too full.
    pub fn too_full_count(&self) -> usize {
        self.too_full.len()
    }

    /// Reserves what the plan of an operation needs, until [`Self::release`].
    pub fn hold(&mut self, operation: OperationId, plan: &Plan) {
        let held = held_by(&self.inventory, plan);
        self.involve(operation, plan);
        if let Some(Change::PutNode(node)) = plan.changes.first()
            && self.inventory.node(node.id).is_none()
        {
            self.joining.insert(operation, node.cluster);
        }
        for brick in &held.bricks {
            let (size, count) = self.spoken.entry(brick.device).or_default();
            *size += own_room(brick);
            *count += 1;
        }
        for brick in &held.left {
            self.spoken.entry(brick.device).or_default().1 += 1;
            let left = self.left.entry(brick.device).or_default();
            left.insert((operation, brick.id), brick.clone());
        }
        for (device, more) in &held.growth {
            self.spoken.entry(*device).or_default().0 += *more;
        }
        self.names
            .extend(held.names.iter().map(|name| (name.clone(), operation)));
        self.hosts
            .extend(held.hosts.iter().map(|host| (host.clone(), operation)));
        self.paths
            .extend(held.paths.iter().map(|path| (path.clone(), operation)));
        self.things
            .extend(held.things.iter().map(|thing| (*thing, operation)));
        let devices = held.devices();
        self.held.insert(operation, held);
        for device in devices {
            self.reindex(device);
        }
    }

    /// Gives back what the operation held.
    pub fn release(&mut self, operation: OperationId) {
        self.joining.remove(&operation);
        self.involved.remove(&operation);
        let Some(held) = self.held.remove(&operation) else {
            return;
        };
        for brick in &held.bricks {
            self.give_back(brick.device, own_room(brick), 1);
        }
        for brick in &held.left {
            self.give_back(brick.device, ByteSize::ZERO, 1);
            self.left
                .entry(brick.device)
                .or_default()
                .remove(&(operation, brick.id));
        }
        self.left.retain(|_, left| !left.is_empty());
        for (device, more) in &held.growth {
            self.give_back(*device, *more, 0);
        }
        for name in &held.names {
            self.names.remove(name);
        }
        for host in &held.hosts {
            self.hosts.remove(host);
        }
        for path in &held.paths {
            self.paths.remove(path);
        }
        for thing in &held.things {
            self.things.remove(thing);
        }
        for device in held.devices() {
            self.reindex(device);
        }
    }

    fn give_back(&mut self, device: DeviceId, room: ByteSize, bricks: u32) {
        let Some((size, count)) = self.spoken.get_mut(&device) else {
            return;
        };
        *size = size.minus(room);
        *count = count.saturating_sub(bricks);
        if *count == 0 && *size == ByteSize::ZERO {
            self.spoken.remove(&device);
        }
    }

    fn involve(&mut self, operation: OperationId, plan: &Plan) {
        let mut involved = Involved::default();
        involved.add(plan, &self.inventory);
        if let Some(watch) = &mut self.watch {
            watch.join(&involved);
        }
        self.involved.insert(operation, involved);
    }

    /// Everything that open operations have to do with.
    pub fn involved(&self) -> Involved {
        let mut all = Involved::default();
        for involved in self.involved.values() {
            all.join(involved);
        }
        all
    }

    /// The open operation that has to do with this brick.
    pub fn involves(&self, brick: BrickId) -> Option<OperationId> {
        let mut all = self.involved.iter();
        all.find(|(_, involved)| involved.bricks.contains(&brick))
            .map(|(operation, _)| *operation)
    }

    /// Begins to note what operations have to do with, from those that are open now on. There is one watch at a time: a new
    /// one takes the place of an old one.
    pub fn begin_watch(&mut self) {
        self.watch = Some(self.involved());
    }

    /// Ends the watch; answers what open operations had to do with at any time since it began.
    pub fn end_watch(&mut self) -> Involved {
        self.watch.take().unwrap_or_else(|| self.involved())
    }

    /// Makes one recorded change. `facts` is what the operation's steps taught.
    ///
    /// # Errors
    /// The change does not fit what exists; nothing is changed then.
    pub fn apply(&mut self, change: &Change, facts: &Facts) -> Result<(), InventoryError> {
        match change {
            Change::PutCluster(cluster) => self.inventory.put_cluster(cluster.clone()),
            Change::RemoveCluster(id) => {
                self.inventory.remove_cluster(*id)?;
            }
            Change::PutNode(node) => {
                self.inventory.put_node(node.clone())?;
                self.reindex_node(node.id);
            }
            Change::RemoveNode(id) => {
                self.inventory.remove_node(*id)?;
                self.unhealthy.remove(id);
            }
            Change::ForgetNode(id) => {
                let devices: Vec<DeviceId> = self.inventory.devices_of(*id).map(|device| device.id).collect();
                for device in devices {
                    self.inventory.remove_device(device)?;
                    self.too_full.remove(&device);
                    self.index.remove(device);
                }
                self.inventory.remove_node(*id)?;
                self.unhealthy.remove(id);
            }
            Change::PutDevice(device) => self.put_device(device.clone())?,
            Change::AddDevice(device) | Change::ResizeDevice(device) => {
                self.put_device(learned(device, facts))?;
            }
            Change::RemoveDevice(id) => {
                self.inventory.remove_device(*id)?;
                self.too_full.remove(id);
                self.index.remove(*id);
            }
            Change::AddVolume(volume, bricks) => {
                self.inventory.put_volume(volume.clone())?;
                self.add_bricks(bricks)?;
            }
            Change::PutVolume(volume) => self.inventory.put_volume(volume.clone())?,
            Change::GrowVolume { volume, by, bricks } => {
                self.grow_volume(*volume, *by)?;
                self.add_bricks(bricks)?;
            }
            Change::GrowBricks { volume, by, bricks } => {
                self.grow_volume(*volume, *by)?;
                for brick in bricks {
                    self.inventory.resize_brick(brick.id, brick.size, brick.space)?;
                    self.reindex(brick.device);
                }
            }
            Change::Copies {
                volume,
                added,
                removed,
            } => {
                self.inventory.put_volume(volume.clone())?;
                self.add_bricks(added)?;
                for brick in removed {
                    let gone = self.inventory.remove_brick(*brick)?;
                    self.reindex(gone.device);
                }
            }
            Change::ReplaceBrick { old, new } => {
                let old = self.inventory.replace_brick(*old, new.clone())?;
                self.reindex(old.device);
                self.reindex(new.device);
            }
            Change::OrderBricks { volume, bricks } => self.inventory.order_bricks(*volume, bricks)?,
            Change::RemoveVolume(id) => {
                let (_, bricks) = self.inventory.remove_volume(*id)?;
                for brick in bricks {
                    self.reindex(brick.device);
                }
            }
            Change::AddSnapshot(snapshot) => {
                self.inventory.add_snapshot(snapshot.clone())?;
                self.reindex_copies(snapshot);
            }
            Change::RemoveSnapshot(id) => {
                let snapshot = self.inventory.remove_snapshot(*id)?;
                self.reindex_copies(&snapshot);
            }
            Change::AddBlock(block) => self.inventory.put_block(found_at(block, facts))?,
            Change::PutBlock(block) => self.inventory.put_block(block.clone())?,
            Change::RemoveBlock(id) => {
                self.inventory.remove_block(*id)?;
            }
            Change::PutAttachments(attachments) => self.inventory.put_attachments(attachments.clone())?,
            Change::Clear(_) | Change::Keep(_) => {}
        }
        Ok(())
    }

    fn reindex_copies(&mut self, snapshot: &Snapshot) {
        for copy in &snapshot.bricks {
            self.reindex(copy.brick.device);
        }
    }

    fn grow_volume(&mut self, id: VolumeId, by: ByteSize) -> Result<(), InventoryError> {
        let known = self.inventory.volume(id);
        let known = known.ok_or_else(|| InventoryError::Unknown("volume", id.to_string()))?;
        let mut grown = known.clone();
        grown.size += by;
        self.inventory.put_volume(grown)
    }

    fn put_device(&mut self, device: Device) -> Result<(), InventoryError> {
        let id = device.id;
        self.inventory.put_device(device)?;
        self.reindex(id);
        Ok(())
    }

    fn add_bricks(&mut self, bricks: &[Brick]) -> Result<(), InventoryError> {
        for brick in bricks {
            self.inventory.add_brick(brick.clone())?;
            self.reindex(brick.device);
        }
        Ok(())
    }

    fn reindex_node(&mut self, node: NodeId) {
        let devices: Vec<DeviceId> = self.inventory.devices_of(node).map(|device| device.id).collect();
        for device in devices {
            self.reindex(device);
        }
    }

    fn reindex(&mut self, id: DeviceId) {
        match self.slot_of(id) {
            Some(slot) => self.index.put(slot),
            None => self.index.remove(id),
        }
    }

    /// Whether the device takes bricks at all, whatever their size.
    pub fn takes_bricks(&self, device: &Device) -> bool {
        unusable(self, device).is_none()
    }

    /// The device's slot in the index, when it takes bricks at all.
    fn slot_of(&self, id: DeviceId) -> Option<Slot> {
        let device = self.inventory.device(id)?;
        let node = self.inventory.node(device.node)?;
        self.takes_bricks(device).then(|| Slot {
            device: id,
            node: node.id,
            cluster: node.cluster,
            zone: node.zone,
            used: self.used(id),
            total: device.total,
            bricks: u32::try_from(self.inventory.brick_count(id)).unwrap_or(u32::MAX)
                + self.bricks_to_come(id),
        })
    }
}

/// What a plan holds while it runs, read off what it will change.
fn held_by(inventory: &Inventory, plan: &Plan) -> Held {
    let mut held = Held {
        bricks: plan.new_bricks().cloned().collect(),
        growth: growth_of(inventory, plan.grown_bricks()),
        volume: plan.new_volume().cloned(),
        snapshots: plan.new_snapshots().cloned().collect(),
        block: plan.new_block().cloned(),
        ..Held::default()
    };
    let copies = held.snapshots.iter().flat_map(|snapshot| &snapshot.bricks);
    let copies: Vec<_> = copies.map(|copy| (copy.brick.device, copy.footprint())).collect();
    held.growth.extend(copies);
    let named = held.volume.iter();
    held.names = named
        .map(|volume| (volume.cluster, volume.name.clone()))
        .collect();
    for change in &plan.changes {
        if let Change::Clear(remains) = change {
            // Its subject is not held: a volume that lives on can be changed while leftovers of it wait elsewhere.
            let thin = |brick: &&Brick| matches!(brick.space, BrickSpace::ThinPool { .. });
            let (left, bricks): (Vec<&Brick>, Vec<&Brick>) = remains.bricks.iter().partition(thin);
            held.left.extend(left.into_iter().cloned());
            held.bricks.extend(bricks.into_iter().cloned());
            held.names.extend(remains.names.iter().cloned());
            held.hosts.extend(remains.hosts.iter().cloned());
            held.paths.extend(remains.paths.iter().cloned());
            continue;
        }
        held.things.push(change.subject());
        match change {
            Change::PutNode(node) if inventory.node(node.id).is_none() => {
                held.hosts.extend([node.manage.clone(), node.storage.clone()]);
            }
            Change::AddDevice(device) => held.paths.push((device.node, device.path.clone())),
            Change::RemoveDevice(id) => held.leaving.push(*id),
            Change::RemoveNode(id) => {
                held.nodes_leaving.push(*id);
                held.things.push(Subject::Member(*id));
            }
            Change::ForgetNode(id) => {
                held.nodes_leaving.push(*id);
                held.things.push(Subject::Member(*id));
                held.leaving
                    .extend(inventory.devices_of(*id).map(|device| device.id));
            }
            Change::PutDevice(device) if device.state == State::Failed => held.leaving.push(device.id),
            Change::PutNode(node) if node.state == State::Failed => {
                held.leaving
                    .extend(inventory.devices_of(node.id).map(|device| device.id));
            }
            Change::RemoveVolume(id) => held.removes.push(*id),
            Change::RemoveSnapshot(id) => held.removes_snapshots.push(*id),
            Change::RemoveBlock(id) => held.removes_blocks.push(*id),
            Change::PutBlock(block) => {
                let before = inventory
                    .block(block.id)
                    .map_or(ByteSize::ZERO, |known| known.size);
                held.block_growth.push((block.hosting, block.size.minus(before)));
                held.moved_blocks.push(block.clone());
            }
            _ => {}
        }
    }
    held
}

/// The room that a new brick takes by itself. One that is cloned into another's thin pool takes what that is made larger by, if
/// anything.
fn own_room(brick: &Brick) -> ByteSize {
    if brick.pool.is_some() {
        ByteSize::ZERO
    } else {
        brick.footprint()
    }
}

/// A new block volume with what its step learned.
pub fn found_at(block: &BlockVolume, facts: &Facts) -> BlockVolume {
    let mut block = block.clone();
    if let Facts::Target(target) = facts {
        block.target = target.clone();
    }
    block
}

/// A new device with what its step learned.
pub fn learned(device: &Device, facts: &Facts) -> Device {
    let mut device = device.clone();
    if let Facts::Device(DeviceFacts {
        total,
        extent,
        uuid,
        paths,
    }) = facts
    {
        device.total = *total;
        if let DeviceKind::Lvm { shared, .. } = device.kind {
            device.kind = DeviceKind::Lvm {
                extent: *extent,
                uuid: uuid.clone(),
                paths: paths.clone(),
                shared,
            };
        }
    }
    device
}
