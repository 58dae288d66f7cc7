//! The devices of a node: those that are written of, and those that are seen.

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::survey::{DirectorySeen, GroupSeen};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::layout::read;
use mortar_model::{
    ByteSize, ClusterId, Device, DeviceId, DeviceKind, DevicePath, NodeId, State, Tags, layout,
};
use mortar_plan::identity;

use super::Work;
use super::listed::address;

/// A device that a machine shows.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Group(&'a GroupSeen),
    Directory(&'a DirectorySeen),
}

/// What stands between a seen thing and being a device.
struct Strange(String);

impl<'a> Work<'a> {
    /// Whether a machine shows a device of Mortar's.
    pub(super) fn has_devices(&self, machine: usize) -> bool {
        self.device_ids(machine).next().is_some()
    }

    /// Ids of the devices that say themselves that they are Mortar's.
    pub(super) fn device_ids(&self, machine: usize) -> impl Iterator<Item = DeviceId> + use<'_, 'a> {
        let survey = self.ground.machines[machine].survey;
        let groups = survey.groups.iter().flatten().filter(|group| is_marked(group));
        let groups = groups.filter_map(|group| read::volume_group(&group.name));
        let directories = survey.directories.iter().flatten();
        groups.chain(directories.filter_map(directory_id))
    }

    /// Restores the devices of a cluster's nodes.
    pub(super) fn devices(&mut self, cluster: ClusterId, volumes: &[VolumeInfo]) {
        let nodes: Vec<NodeId> = self.inventory.nodes_of(cluster).map(|node| node.id).collect();
        let used = self.used(cluster, volumes);
        let claims = self.claims(&nodes, &used);
        for node in nodes {
            let seen = self.seen(node);
            let written: BTreeMap<DeviceId, Device> = self
                .placed
                .get(&node)
                .map(|placed| {
                    placed
                        .devices
                        .iter()
                        .map(|device| (device.id, device.clone()))
                        .collect()
                })
                .unwrap_or_default();
            let ids: BTreeSet<DeviceId> = written.keys().chain(seen.keys()).copied().collect();
            for id in ids {
                let about = format!("device {} of node {}", self.titled(node, id), self.host(node));
                if let Some(other) = claims.get(&id).filter(|other| **other != node) {
                    let other = self.host(*other);
                    self.notes.contradiction(
                        about,
                        format!("node {other} has a device of the same id"),
                        format!("it is that of {other}; this one is left as it is"),
                    );
                    continue;
                }
                let in_use = used.contains(&(node, id));
                self.device(node, id, written.get(&id), seen.get(&id).copied(), in_use, &about);
            }
        }
    }

    /// The devices that volumes name, by their nodes.
    fn used(&self, cluster: ClusterId, volumes: &[VolumeInfo]) -> BTreeSet<(NodeId, DeviceId)> {
        let bricks = volumes.iter().flat_map(|volume| &volume.bricks);
        bricks
            .filter_map(|brick| {
                let (host, path) = address(brick)?;
                let (device, _) = read::brick_path(path)?;
                Some((self.node_called(cluster, host)?, device))
            })
            .collect()
    }

    /// Which node has a device that several show or name: the one that volumes use, else the one whose file lists it,
    /// else the first.
    fn claims(&self, nodes: &[NodeId], used: &BTreeSet<(NodeId, DeviceId)>) -> BTreeMap<DeviceId, NodeId> {
        let mut claims: BTreeMap<DeviceId, (u8, NodeId)> = BTreeMap::new();
        let known = self.inventory.devices().map(|device| (device.id, device.node));
        claims.extend(known.map(|(id, node)| (id, (0, node))));
        for node in nodes {
            let Some(placed) = self.placed.get(node) else {
                continue;
            };
            let written: BTreeSet<DeviceId> = placed.devices.iter().map(|device| device.id).collect();
            let seen = self.seen(*node);
            for id in written.iter().chain(seen.keys()) {
                let rank = match (
                    used.contains(&(*node, *id)),
                    written.contains(id),
                    seen.contains_key(id),
                ) {
                    (true, ..) => 1,
                    (false, true, true) => 2,
                    (false, true, false) => 3,
                    (false, false, _) => 4,
                };
                let claim = claims.entry(*id).or_insert((rank, *node));
                *claim = (*claim).min((rank, *node));
            }
        }
        claims.into_iter().map(|(id, (_, node))| (id, node)).collect()
    }

    /// What the node shows of devices that are Mortar's, by what is on them or by what is written of the node.
    fn seen(&self, node: NodeId) -> BTreeMap<DeviceId, Seen<'a>> {
        let mut seen = BTreeMap::new();
        let Some(placed) = self.placed.get(&node) else {
            return seen;
        };
        let Some(machine) = placed.machine else {
            return seen;
        };
        let survey = self.ground.machines[machine].survey;
        let written = |id: DeviceId| placed.devices.iter().find(|device| device.id == id);
        for directory in survey.directories.iter().flatten() {
            let Some(id) = directory_id(directory) else {
                continue;
            };
            let filed = written(id).is_some_and(|device| device.path.as_str() == directory.path);
            if filed || !seen.contains_key(&id) {
                seen.insert(id, Seen::Directory(directory));
            }
        }
        for group in survey.groups.iter().flatten() {
            let Some(id) = read::volume_group(&group.name) else {
                continue;
            };
            let own = group.uuid == layout::physical_volume_uuid(id);
            if (is_marked(group) || written(id).is_some())
                && (own || !matches!(seen.get(&id), Some(Seen::Group(_))))
            {
                seen.insert(id, Seen::Group(group));
            }
        }
        seen
    }

    /// A device for people: its path where one is known.
    fn titled(&self, node: NodeId, id: DeviceId) -> String {
        let written = self
            .placed
            .get(&node)
            .into_iter()
            .flat_map(|placed| &placed.devices);
        let path = written
            .into_iter()
            .find(|device| device.id == id)
            .map(|device| device.path.to_string());
        let path = path.or_else(|| match self.seen(node).get(&id)? {
            Seen::Group(group) => Some(group.path.clone()),
            Seen::Directory(directory) => Some(directory.path.clone()),
        });
        path.map_or_else(|| id.to_string(), |path| format!("{path} ({id})"))
    }

    fn device(
        &mut self,
        node: NodeId,
        id: DeviceId,
        written: Option<&Device>,
        seen: Option<Seen<'_>>,
        in_use: bool,
        about: &str,
    ) {
        let device = match (written, seen) {
            (None, None) => return,
            (Some(written), None) => {
                if !self.is_kept_unseen(node, written, in_use, about) {
                    return;
                }
                written.clone()
            }
            (written, Some(seen)) => match self.as_seen(node, id, written, seen, about) {
                Ok(device) => device,
                Err(Strange(why)) => {
                    self.notes.contradiction(about, why, "it is not restored");
                    return;
                }
            },
        };
        if let Err(error) = self.inventory.put_device(device) {
            self.notes
                .contradiction(about, error.to_string(), "it is not restored");
        }
    }

    /// Whether a device that is written of and was not seen is restored. One that was looked for, and on which no
    /// volume has a brick, is gone.
    fn is_kept_unseen(&mut self, node: NodeId, written: &Device, in_use: bool, about: &str) -> bool {
        let Some(machine) = self.placed.get(&node).and_then(|placed| placed.machine) else {
            // That the node did not answer is told of the node.
            return true;
        };
        let survey = self.ground.machines[machine].survey;
        let path = written.path.as_str();
        let unreadable = survey.unreadable.iter().find(|(place, _)| place == path);
        let why = match written.kind {
            DeviceKind::Adopted => None,
            DeviceKind::Lvm { .. } => survey.groups.as_ref().err().cloned(),
            DeviceKind::Directory => match &survey.directories {
                Err(reason) => Some(reason.clone()),
                Ok(all) if all.iter().all(|seen| seen.path != path) => {
                    Some("the node was not asked for it".into())
                }
                Ok(_) => unreadable.map(|(_, why)| why.clone()),
            },
        };
        if let Some(why) = why {
            self.notes.gap(
                about,
                format!("whether it is there, and what is on it: {why}"),
                "what is written of it",
            );
            return true;
        }
        self.notes.contradiction(
            about,
            "the node's file names it, and nothing there says that it is this device",
            if in_use {
                "it is restored, since volumes have bricks on it; 'mortar check' tells what is missing"
            } else {
                "it is not restored: no volume has a brick on it"
            },
        );
        in_use
    }

    fn as_seen(
        &mut self,
        node: NodeId,
        id: DeviceId,
        written: Option<&Device>,
        seen: Seen<'_>,
        about: &str,
    ) -> Result<Device, Strange> {
        let filed = self.placed.get(&node).is_some_and(|placed| placed.filed);
        if written.is_none() && filed {
            self.notes.gap(
                about,
                "its labels and whether it is online: the node's file does not tell of it; an 'add device' may have been \
                 under way",
                "no labels, online",
            );
        }
        let (path, kind, total) = match seen {
            Seen::Group(group) => self.group(node, id, written, group, about)?,
            Seen::Directory(directory) => self.directory(node, written, directory, about)?,
        };
        Ok(Device {
            id,
            node,
            path,
            kind,
            tags: written.map_or_else(Tags::new, |written| written.tags.clone()),
            state: written.map_or(State::Online, |written| written.state),
            total,
        })
    }

    fn group(
        &mut self,
        node: NodeId,
        id: DeviceId,
        written: Option<&Device>,
        group: &GroupSeen,
        about: &str,
    ) -> Result<(DevicePath, DeviceKind, ByteSize), Strange> {
        let other = group
            .tags
            .iter()
            .find(|tag| tag.starts_with("mortar.device=") && **tag != layout::device_tag(id));
        if let Some(tag) = other {
            return Err(Strange(format!(
                "its volume group is called {} and tagged {tag}",
                group.name
            )));
        }
        let own = written.map(|written| (&written.path, &written.kind));
        let kind = match own {
            Some((_, kind @ DeviceKind::Lvm { uuid, .. })) if *uuid == group.uuid => kind.clone(),
            _ => DeviceKind::Lvm {
                extent: group.extent,
                uuid: group.uuid.clone(),
                paths: vec![group.path.clone()],
                shared: read::overcommit(&group.tags),
            },
        };
        let total = self.total_of(node, written, &kind, group)?;
        let path = match own {
            // Names of disks change when disks come and go: one that another disk has today is not this one's.
            Some((path, _)) if !self.is_another(node, path, group) => path.clone(),
            _ => DevicePath::new(group.path.as_str())
                .map_err(|error| Strange(format!("LVM calls its disk {:?}: {error}", group.path)))?,
        };
        if let Some(written) = written.filter(|written| written.total != total) {
            self.notes.contradiction(
                about,
                format!(
                    "the node's file says that it has {}, its volume group has {total}",
                    written.total
                ),
                "the volume group counts",
            );
        }
        Ok((path, kind, total))
    }

    /// What a volume group has for bricks: all of it, or what its thin pool for all bricks may promise.
    fn total_of(
        &self,
        node: NodeId,
        written: Option<&Device>,
        kind: &DeviceKind,
        group: &GroupSeen,
    ) -> Result<ByteSize, Strange> {
        let Some(overcommit) = kind.shared() else {
            return Ok(group.size);
        };
        let machine = self.placed.get(&node).and_then(|placed| placed.machine);
        let volumes = machine.map(|machine| &self.ground.machines[machine].survey.volumes);
        let pool = volumes.into_iter().flatten().flatten().find(|volume| {
            volume.group == group.name && volume.name == layout::SHARED_POOL && volume.is_pool
        });
        match (pool, written) {
            (Some(pool), _) => Ok(overcommit.of(pool.size, group.extent)),
            (None, Some(written)) => Ok(written.total),
            (None, None) => Err(Strange(format!(
                "it is to have a thin pool {} for all its bricks, and that does not show",
                layout::SHARED_POOL
            ))),
        }
    }

    /// Whether another volume group of the node is on the disk at this path.
    fn is_another(&self, node: NodeId, path: &DevicePath, own: &GroupSeen) -> bool {
        let machine = self.placed.get(&node).and_then(|placed| placed.machine);
        let groups = machine.map(|machine| &self.ground.machines[machine].survey.groups);
        let mut others = groups.into_iter().flatten().flatten();
        others.any(|group| group.path == path.as_str() && group.name != own.name)
    }

    fn directory(
        &mut self,
        node: NodeId,
        written: Option<&Device>,
        seen: &DirectorySeen,
        about: &str,
    ) -> Result<(DevicePath, DeviceKind, ByteSize), Strange> {
        let path = DevicePath::new(seen.path.as_str()).map_err(|error| Strange(error.to_string()))?;
        if let Some(written) = written.filter(|written| written.kind != DeviceKind::Directory) {
            return Err(Strange(format!(
                "the node's file says that it is the disk {}, and the directory {path} has its identity file",
                written.path
            )));
        }
        let taken = self.images_in(node, &path);
        let now = seen.space.map(|(size, free)| (size, free + taken));
        let total = match (written.map(|written| written.total), now) {
            (Some(total), Some((size, now))) if total > size => {
                self.notes.contradiction(
                    about,
                    format!("the node's file says that it has {total}, its file system has {size}"),
                    format!("{now}: what is free, and what its images take"),
                );
                now
            }
            (Some(total), _) => total,
            (None, Some((_, now))) => {
                self.notes.gap(
                    about,
                    "its size when it was added",
                    format!("{now}: what is free, and what its images take"),
                );
                now
            }
            (None, None) => return Err(Strange("its file system does not tell its size".into())),
        };
        let path = match written {
            Some(written) if written.path.is_same_place(&path) => written.path.clone(),
            _ => path,
        };
        Ok((path, DeviceKind::Directory, total))
    }

    /// What the images in a directory take of its file system.
    fn images_in(&self, node: NodeId, path: &DevicePath) -> ByteSize {
        let machine = self.placed.get(&node).and_then(|placed| placed.machine);
        let images = machine.map(|machine| &self.ground.machines[machine].survey.images);
        let folder = format!("{}/", layout::image_folder(path));
        let images = images.into_iter().flatten().flatten();
        images
            .filter(|image| image.path.starts_with(&folder))
            .map(|image| image.taken)
            .sum()
    }
}

/// Whether a volume group says itself that it is Mortar's: by its tag, or by the UUID that Mortar gave its disk.
pub(super) fn is_marked(group: &GroupSeen) -> bool {
    read::volume_group(&group.name).is_some_and(|id| {
        group.tags.contains(&layout::device_tag(id)) || group.uuid == layout::physical_volume_uuid(id)
    })
}

fn directory_id(directory: &DirectorySeen) -> Option<DeviceId> {
    identity::read_device_file(directory.identity.as_deref()?).ok()
}
