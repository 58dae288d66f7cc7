//! What an operation has to do with: what it holds, and every thing that its steps name.
//!
//! Wider than what it holds: a brick that an operation removes is in no record any more and still on its node.

use std::collections::BTreeSet;

use mortar_model::work::Thing;
use mortar_model::{
    Brick, BrickId, ClusterId, DeviceId, DevicePath, HostName, Inventory, NodeId, VolumeId, VolumeName,
};

use crate::plan::{Change, Place, Plan, Remains, Step, Subject};

/// Things that operations have to do with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Involved {
    /// Clusters, nodes, devices and volumes.
    pub things: BTreeSet<Subject>,
    /// Bricks.
    pub bricks: BTreeSet<BrickId>,
    /// Devices on which they make or remove bricks.
    pub rooms: BTreeSet<DeviceId>,
    /// Names of volumes.
    pub names: BTreeSet<(ClusterId, VolumeName)>,
    /// Names of block volumes on the volumes that hold them.
    pub blocks: BTreeSet<(VolumeId, VolumeName)>,
    /// Host names of nodes.
    pub hosts: BTreeSet<HostName>,
    /// Paths of devices.
    pub paths: BTreeSet<(NodeId, DevicePath)>,
}

impl Involved {
    /// Adds what this plan has to do with; the inventory is the one that it was made for.
    pub fn add(&mut self, plan: &Plan, inventory: &Inventory) {
        for change in &plan.changes {
            if let Change::Clear(remains) = change {
                // Not its subject: a volume that lives on is judged while leftovers of it wait elsewhere.
                self.add_remains(remains);
                continue;
            }
            self.add_subject(change.subject(), inventory);
            match change {
                Change::PutNode(node) => self.hosts.extend([node.manage.clone(), node.storage.clone()]),
                Change::PutDevice(device) | Change::AddDevice(device) | Change::ResizeDevice(device) => {
                    self.paths.insert((device.node, device.path.clone()));
                }
                Change::AddVolume(volume, bricks) => {
                    self.names.insert((volume.cluster, volume.name.clone()));
                    self.add_bricks(bricks);
                }
                Change::GrowVolume { bricks, .. } | Change::GrowBricks { bricks, .. } => {
                    self.add_bricks(bricks);
                }
                Change::Copies { added, .. } => self.add_bricks(added),
                Change::ReplaceBrick { new, .. } => self.add_bricks(std::slice::from_ref(new)),
                _ => {}
            }
        }
        for (_, step) in plan.steps() {
            self.add_step(step);
        }
    }

    fn add_remains(&mut self, remains: &Remains) {
        self.add_bricks(&remains.bricks);
        self.names.extend(remains.names.iter().cloned());
        self.hosts.extend(remains.hosts.iter().cloned());
        self.paths.extend(remains.paths.iter().cloned());
    }

    fn add_bricks(&mut self, bricks: &[Brick]) {
        self.bricks.extend(bricks.iter().map(|brick| brick.id));
        self.rooms.extend(bricks.iter().map(|brick| brick.device));
    }

    fn add_subject(&mut self, subject: Subject, inventory: &Inventory) {
        self.things.insert(subject);
        match subject {
            Subject::Node(id) | Subject::Member(id) => {
                let node = inventory.node(id).into_iter();
                self.hosts
                    .extend(node.flat_map(|node| [node.manage.clone(), node.storage.clone()]));
            }
            Subject::Device(id) => {
                let device = inventory.device(id).into_iter();
                self.paths
                    .extend(device.map(|device| (device.node, device.path.clone())));
            }
            Subject::Volume(id) => {
                let volume = inventory.volume(id).into_iter();
                self.names
                    .extend(volume.map(|volume| (volume.cluster, volume.name.clone())));
                self.bricks.extend(inventory.bricks_of(id).map(|brick| brick.id));
            }
            Subject::Cluster(_)
            | Subject::Snapshot(_)
            | Subject::Group(_)
            | Subject::Block(_)
            | Subject::Attachments(_) => {}
        }
    }

    fn add_step(&mut self, step: &Step) {
        let pool = match &step.place {
            Place::Pool(cluster, _) => Some(*cluster),
            Place::Node(_) => None,
        };
        let mut volume = |id, name: &VolumeName| {
            self.things.insert(Subject::Volume(id));
            self.names.extend(pool.map(|cluster| (cluster, name.clone())));
        };
        match &step.thing {
            Thing::Peer(spec) => {
                self.things.insert(Subject::Node(spec.node));
                self.hosts.insert(spec.host.clone());
            }
            Thing::Device(spec) => {
                self.things.insert(Subject::Device(spec.device));
            }
            Thing::Brick(spec) => {
                self.bricks.insert(spec.brick);
                self.rooms.insert(spec.device);
            }
            Thing::Mount(spec) => {
                self.bricks.insert(spec.brick);
            }
            Thing::Remains(spec) => {
                self.bricks.insert(spec.brick);
                self.rooms.insert(spec.device);
            }
            Thing::Volume(spec) => volume(spec.volume, &spec.name),
            Thing::AddedBricks(spec) => volume(spec.volume, &spec.name),
            Thing::Copies(spec) => volume(spec.volume, &spec.name),
            Thing::Rebalance(spec) => volume(spec.volume, &spec.name),
            Thing::Started(spec) => volume(spec.volume, &spec.name),
            Thing::VolumeOptions(spec) => volume(spec.volume, &spec.name),
            Thing::ChangedOptions(spec) => volume(spec.volume, &spec.name),
            Thing::Seat(spec) => volume(spec.volume, &spec.name),
            Thing::Heal(spec) => volume(spec.volume, &spec.name),
            Thing::Bricks(spec) => {
                let devices = spec.devices.iter().copied();
                self.things.extend(devices.map(Subject::Device));
            }
            Thing::NodeFile(spec) => {
                self.things.insert(Subject::Node(spec.node));
            }
            Thing::Member(spec) => {
                self.things.insert(Subject::Node(spec.node));
                self.hosts.insert(spec.host.clone());
            }
            Thing::Identity(spec) => {
                self.things.insert(Subject::Node(spec.node));
                self.hosts.insert(spec.host.clone());
            }
            Thing::Growth(spec) => {
                self.bricks.insert(spec.brick.brick);
                self.rooms.insert(spec.brick.device);
            }
            Thing::Copy(spec) => {
                self.things.insert(Subject::Snapshot(spec.snapshot));
                self.bricks.extend([spec.brick.brick, spec.copy]);
                self.rooms.insert(spec.brick.device);
            }
            Thing::Stopped(spec) => volume(spec.volume, &spec.name),
            // The volume that holds it stays as it is.
            Thing::Block(spec) => {
                self.things.insert(Subject::Block(spec.block));
                self.blocks.insert((spec.volume, spec.name.clone()));
            }
            Thing::DeviceSize(spec) => {
                self.things.insert(Subject::Device(spec.device));
                self.rooms.insert(spec.device);
            }
        }
    }

    /// Adds all that the other has.
    pub fn join(&mut self, other: &Self) {
        self.things.extend(other.things.iter().copied());
        self.bricks.extend(other.bricks.iter().copied());
        self.rooms.extend(other.rooms.iter().copied());
        self.names.extend(other.names.iter().cloned());
        self.blocks.extend(other.blocks.iter().cloned());
        self.hosts.extend(other.hosts.iter().cloned());
        self.paths.extend(other.paths.iter().cloned());
    }
}
