//! Snapshots among all things, with what their copies take of devices.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::{Inventory, InventoryError, unknown};
use crate::{BrickCopy, BrickId, DeviceId, Group, GroupId, Snapshot, SnapshotId, VolumeId, VolumeName};

/// Snapshots with their indexes.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    by_id: BTreeMap<SnapshotId, Snapshot>,
    names: BTreeMap<VolumeName, SnapshotId>,
    of: BTreeMap<VolumeId, BTreeSet<SnapshotId>>,
    copies_on: BTreeMap<DeviceId, BTreeMap<BrickId, SnapshotId>>,
    groups: BTreeMap<GroupId, BTreeSet<SnapshotId>>,
    group_names: BTreeMap<VolumeName, GroupId>,
}

impl Inventory {
    /// Adds a snapshot.
    ///
    /// # Errors
    /// Its volume or a device of its copies is unknown, or another snapshot has its id or name.
    pub fn add_snapshot(&mut self, snapshot: Snapshot) -> Result<(), InventoryError> {
        if !self.volumes.contains_key(&snapshot.volume.id) {
            return unknown("volume", snapshot.volume.id);
        }
        for copy in &snapshot.bricks {
            if !self.devices.contains_key(&copy.brick.device) {
                return unknown("device", copy.brick.device);
            }
        }
        let taken =
            |what, name: String, other: SnapshotId| Err(InventoryError::Taken(what, name, other.to_string()));
        if let Some(other) = self.snapshots.names.get(&snapshot.name) {
            return taken("snapshot name", snapshot.name.to_string(), *other);
        }
        if self.snapshots.by_id.contains_key(&snapshot.id) {
            return taken("snapshot id", snapshot.id.to_string(), snapshot.id);
        }
        if let Some(group) = &snapshot.group {
            self.check_group(group)?;
            let names = &mut self.snapshots.group_names;
            names.insert(group.name.clone(), group.id);
            let members = self.snapshots.groups.entry(group.id).or_default();
            members.insert(snapshot.id);
        }
        for copy in &snapshot.bricks {
            *self.used.entry(copy.brick.device).or_default() += copy.footprint();
            let on = self.snapshots.copies_on.entry(copy.brick.device).or_default();
            on.insert(copy.id, snapshot.id);
        }
        let of = self.snapshots.of.entry(snapshot.volume.id).or_default();
        of.insert(snapshot.id);
        self.snapshots.names.insert(snapshot.name.clone(), snapshot.id);
        self.snapshots.by_id.insert(snapshot.id, snapshot);
        Ok(())
    }

    /// Removes a snapshot.
    ///
    /// # Errors
    /// It is unknown.
    pub fn remove_snapshot(&mut self, id: SnapshotId) -> Result<Snapshot, InventoryError> {
        let Some(snapshot) = self.snapshots.by_id.remove(&id) else {
            return unknown("snapshot", id);
        };
        self.snapshots.names.remove(&snapshot.name);
        if let Some(of) = self.snapshots.of.get_mut(&snapshot.volume.id) {
            of.remove(&id);
        }
        if let Some(group) = &snapshot.group
            && let Some(members) = self.snapshots.groups.get_mut(&group.id)
        {
            members.remove(&id);
            if members.is_empty() {
                self.snapshots.groups.remove(&group.id);
                self.snapshots.group_names.remove(&group.name);
            }
        }
        for copy in &snapshot.bricks {
            if let Some(used) = self.used.get_mut(&copy.brick.device) {
                *used = used.minus(copy.footprint());
            }
            if let Some(on) = self.snapshots.copies_on.get_mut(&copy.brick.device) {
                on.remove(&copy.id);
            }
        }
        Ok(snapshot)
    }

    /// The snapshot with this id.
    pub fn snapshot(&self, id: SnapshotId) -> Option<&Snapshot> {
        self.snapshots.by_id.get(&id)
    }

    /// The snapshot of this name.
    pub fn snapshot_by_name(&self, name: &VolumeName) -> Option<&Snapshot> {
        self.snapshots.names.get(name).and_then(|id| self.snapshot(*id))
    }

    /// All snapshots, by id.
    pub fn snapshots(&self) -> impl Iterator<Item = &Snapshot> {
        self.snapshots.by_id.values()
    }

    /// The snapshots after this id, by id; all of them after none.
    pub fn snapshots_after(&self, after: Option<SnapshotId>) -> impl Iterator<Item = &Snapshot> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.snapshots
            .by_id
            .range((start, Bound::Unbounded))
            .map(|(_, snapshot)| snapshot)
    }

    /// The snapshots of a volume, by id.
    pub fn snapshots_of(&self, volume: VolumeId) -> impl Iterator<Item = &Snapshot> {
        let of = self.snapshots.of.get(&volume).into_iter().flatten();
        of.filter_map(|id| self.snapshot(*id))
    }

    /// The groups after this id, by id; all of them after none.
    pub fn groups_after(&self, after: Option<GroupId>) -> impl Iterator<Item = &Group> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let groups = self.snapshots.groups.range((start, Bound::Unbounded));
        groups.filter_map(|(id, _)| self.group(*id))
    }

    /// The group with this id, as its members remember it.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.members(id).next()?.group.as_ref()
    }

    /// The group of this name.
    pub fn group_by_name(&self, name: &VolumeName) -> Option<&Group> {
        self.snapshots
            .group_names
            .get(name)
            .and_then(|id| self.group(*id))
    }

    /// The snapshots of a group, by id.
    pub fn members(&self, group: GroupId) -> impl Iterator<Item = &Snapshot> {
        let members = self.snapshots.groups.get(&group).into_iter().flatten();
        members.filter_map(|id| self.snapshot(*id))
    }

    /// Whether the group is what its other members remember, and its name no other group's.
    fn check_group(&self, group: &Group) -> Result<(), InventoryError> {
        let known = self.group(group.id);
        let known = known.or_else(|| self.group_by_name(&group.name));
        match known.filter(|known| *known != group) {
            Some(other) => Err(InventoryError::Taken(
                "snapshot group",
                group.name.to_string(),
                other.id.to_string(),
            )),
            None => Ok(()),
        }
    }

    /// The copies of bricks on a device, by id, each with its snapshot.
    pub fn copies_on(&self, device: DeviceId) -> impl Iterator<Item = (&BrickCopy, &Snapshot)> {
        let on = self.snapshots.copies_on.get(&device).into_iter().flatten();
        on.filter_map(|(copy, id)| {
            let snapshot = self.snapshot(*id)?;
            let found = snapshot.bricks.iter().find(|known| known.id == *copy)?;
            Some((found, snapshot))
        })
    }
}
