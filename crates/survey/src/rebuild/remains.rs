//! What is there and not in the records: it is named, and keeps its space.

use std::collections::BTreeSet;

use mortar_command::query::survey::{GroupSeen, ImageSeen};
use mortar_model::layout::read;
use mortar_model::{Brick, BrickSpace, ByteSize, Device, DeviceId, DeviceKind, DevicePath, NodeId, layout};

use super::Work;
use super::devices::is_marked;
use super::report::FoundKind;
use super::traces::{Spot, Trace, is_in_shared_pool};

impl Work<'_> {
    /// Names what is beside the records, and makes devices smaller by what it takes.
    pub(super) fn remains(&mut self) {
        let spots: Vec<Spot> = self.traces.all.keys().copied().collect();
        for spot in spots {
            if !self.is_recorded(spot) {
                self.remain(spot);
            }
        }
        self.nameless_images();
        for machine in 0..self.ground.machines.len() {
            self.groups(machine);
        }
        let devices: Vec<DeviceId> = self.inventory.devices().map(|device| device.id).collect();
        for device in devices {
            self.set_aside(device);
        }
    }

    fn machine_of(&self, node: NodeId) -> Option<usize> {
        self.placed.get(&node)?.machine
    }

    fn is_recorded(&self, (machine, device, brick): Spot) -> bool {
        let recorded = self.inventory.brick(brick);
        recorded.is_some_and(|recorded| {
            let node = self.inventory.node_of_brick(recorded);
            recorded.device == device && node.and_then(|node| self.machine_of(node.id)) == Some(machine)
        })
    }

    /// Whether the device was restored on this machine.
    fn is_ours(&self, machine: usize, device: DeviceId) -> bool {
        let device = self.inventory.device(device);
        device.is_some_and(|device| self.machine_of(device.node) == Some(machine))
    }

    fn remain(&mut self, spot: Spot) {
        let (machine, device, brick) = spot;
        let host = self.ground.machines[machine].host;
        let Some(trace) = self.traces.get(spot) else {
            return;
        };
        if !self.is_ours(machine, device) && !self.says_mortar(machine, device, trace) {
            // Told of with its volume group.
            return;
        }
        let (kind, why) = match trace.says() {
            Some(volume) if self.left.contains(&volume) => (
                FoundKind::Unrestored,
                format!("a brick of volume {volume}, which is not restored"),
            ),
            Some(volume) => match self.inventory.volume(volume) {
                Some(known) => (
                    FoundKind::Unfinished,
                    format!(
                        "says that it is of volume {}, which does not list it: an expand was under way, or the brick was taken out",
                        known.name
                    ),
                ),
                None => (
                    FoundKind::Unfinished,
                    format!(
                        "says that it is of volume {volume}, which no pool lists: a create or a delete of it was under way"
                    ),
                ),
            },
            None => (
                FoundKind::Unfinished,
                "does not say which volume it is of".to_owned(),
            ),
        };
        let what = format!("{why} (there: {})", trace.parts());
        let lived_in = trace.pool.is_some_and(|pool| {
            let mut bricks = self.inventory.bricks_in(device, &pool.name);
            bricks.next().is_some()
        });
        let space = if self.is_ours(machine, device) && !lived_in {
            trace.space()
        } else {
            ByteSize::ZERO
        };
        self.notes.keeps(
            kind,
            format!("brick {brick} on device {device}"),
            Some(host),
            what,
            space,
        );
    }

    /// A brick on a device that was not restored is Mortar's when it is mounted where Mortar mounts, or says so.
    fn says_mortar(&self, machine: usize, device: DeviceId, trace: &Trace<'_>) -> bool {
        let groups = self.ground.machines[machine].survey.groups.iter().flatten();
        let mut own = groups.filter(|group| read::volume_group(&group.name) == Some(device));
        trace.mounted || trace.entry || trace.says().is_some() || own.any(is_marked)
    }

    fn nameless_images(&mut self) {
        for (machine, image) in &self.traces.nameless {
            let host = self.ground.machines[*machine].host;
            self.notes.keeps(
                FoundKind::Unrestored,
                format!("image {}", image.path),
                Some(host),
                "a brick's image in a directory that does not say which device it is".into(),
                self.kept_at(*machine, image),
            );
        }
    }

    /// What an image keeps from new bricks of the device that was restored where it is.
    pub(super) fn kept_at(&self, machine: usize, image: &ImageSeen) -> ByteSize {
        let devices = self.inventory.devices();
        let there = devices.filter(|device| self.machine_of(device.node) == Some(machine));
        there.map(|device| self.beside_records(device, image)).sum()
    }

    /// Volume groups of Heketi's form that are not Mortar's, and what else is in Mortar's groups.
    fn groups(&mut self, machine: usize) {
        let machine_seen = &self.ground.machines[machine];
        let (host, survey) = (machine_seen.host, machine_seen.survey);
        let volumes = |group: &GroupSeen| {
            let all = survey.volumes.iter().flatten();
            all.filter(|volume| volume.group == group.name)
                .collect::<Vec<_>>()
        };
        let mut told = BTreeSet::new();
        for group in survey.groups.iter().flatten() {
            let Some(device) = read::volume_group(&group.name) else {
                continue;
            };
            if !told.insert(&group.name) {
                continue;
            }
            if self.is_ours(machine, device) {
                for volume in volumes(group) {
                    let brick = read::logical_volume(&volume.name).or_else(|| read::thin_pool(&volume.name));
                    if brick.is_none() && !self.is_copy(&volume.name) && volume.name != layout::SHARED_POOL {
                        let space = if volume.pool.is_some() && !is_in_shared_pool(volume) {
                            ByteSize::ZERO
                        } else {
                            volume.size + volume.metadata
                        };
                        self.notes.keeps(
                            FoundKind::Foreign,
                            format!("logical volume {}/{}", volume.group, volume.name),
                            Some(host),
                            "in a volume group of Mortar's, and no brick".into(),
                            space,
                        );
                    }
                }
            } else if is_marked(group) {
                self.notes.left(
                    FoundKind::Unrestored,
                    format!("device {} ({})", group.path, group.name),
                    Some(host),
                    "says that it is Mortar's, and is not restored".into(),
                );
            } else {
                let bricks = volumes(group);
                let bricks = bricks
                    .iter()
                    .filter(|volume| read::logical_volume(&volume.name).is_some());
                self.notes.left(
                    FoundKind::Heketi,
                    format!("volume group {} on {}", group.name, group.path),
                    Some(host),
                    format!(
                        "of Heketi's form, with {} bricks, and without a mark of Mortar's; it is left alone",
                        bricks.count()
                    ),
                );
            }
        }
    }

    /// Makes a device smaller by what is on it and not in the records.
    fn set_aside(&mut self, id: DeviceId) {
        let Some(device) = self.inventory.device(id).cloned() else {
            return;
        };
        let recorded = self.inventory.used(id);
        let others = match self.machine_of(device.node) {
            Some(machine) => match device.kind {
                DeviceKind::Lvm { .. } => self.others_in_group(machine, &device, recorded),
                DeviceKind::Directory => self.others_in_directory(machine, &device),
                DeviceKind::Adopted => ByteSize::ZERO,
            },
            None => ByteSize::ZERO,
        };
        let mut total = device.total.minus(others);
        let about = format!("device {} of node {}", device.path, self.host(device.node));
        if others > ByteSize::ZERO {
            self.notes.contradiction(
                about.clone(),
                format!(
                    "{others} of its {} are taken by what is not in the records",
                    device.total
                ),
                format!("it is restored with {total}, so that these are not promised again"),
            );
        }
        if recorded > total {
            self.notes.contradiction(
                about,
                format!("its bricks take {recorded}, and it has {total} for them"),
                "it is restored with what they take: it is full",
            );
            total = recorded;
        }
        // Nothing of the device but its size changes, so the inventory takes it.
        let _ = self.inventory.put_device(Device { total, ..device });
    }

    /// What is taken of a volume group, without what its recorded bricks take of it there.
    fn others_in_group(&self, machine: usize, device: &Device, recorded: ByteSize) -> ByteSize {
        let survey = self.ground.machines[machine].survey;
        let mut groups = survey.groups.iter().flatten();
        let Some(group) = groups.find(|group| read::volume_group(&group.name) == Some(device.id)) else {
            return ByteSize::ZERO;
        };
        let taken = group.size.minus(group.free);
        if device.kind.shared().is_some() {
            return self.others_in_pool(machine, device);
        }
        if survey.volumes.is_err() {
            return taken.minus(recorded);
        }
        // No more than the records count: what else is there of a brick is free in neither.
        let mut pools = BTreeSet::new();
        let there: ByteSize = self
            .inventory
            .bricks_on(device.id)
            .filter_map(|brick| {
                let trace = self.traces.get((machine, device.id, brick.id))?;
                // A pool that several bricks are in counts once.
                let first = brick.thin_pool().is_none_or(|pool| pools.insert(pool));
                first.then(|| trace.space().min(brick.footprint()))
            })
            .sum();
        taken.minus(there)
    }

    /// What thin volumes in no record may come to take of the device's pool.
    fn others_in_pool(&self, machine: usize, device: &Device) -> ByteSize {
        let group = layout::volume_group(device.id);
        let volumes = self.ground.machines[machine].survey.volumes.iter().flatten();
        let recorded = |name: &str| {
            let brick = read::logical_volume(name).and_then(|brick| self.inventory.brick(brick));
            brick.is_some_and(|brick| brick.device == device.id) || self.is_copy(name)
        };
        let others = volumes.filter(|volume| volume.group == group && is_in_shared_pool(volume));
        others
            .filter(|volume| !recorded(&volume.name))
            .map(|volume| volume.size)
            .sum()
    }

    /// Images count where they are, also those that do not say whose they are and those that seem to be another device's.
    fn others_in_directory(&self, machine: usize, device: &Device) -> ByteSize {
        let images = self.ground.machines[machine].survey.images.iter().flatten();
        images.map(|image| self.beside_records(device, image)).sum()
    }

    /// What an image takes of a directory beyond what the records count for it there. It is as large as it may become,
    /// whatever it takes now.
    fn beside_records(&self, device: &Device, image: &ImageSeen) -> ByteSize {
        if let Some((directory, copy)) = read::copy(&image.path) {
            let mut recorded = self.inventory.copies_on(device.id);
            let recorded = recorded.find(|(known, _)| known.id == copy);
            let counted = recorded.map_or(ByteSize::ZERO, |(known, _)| known.footprint());
            // The small files beside copies are in nobody's account.
            let is_image = image.path.ends_with(".img") || image.path.ends_with(".img.part");
            return if is_image && is_at(device, directory) {
                image.size.minus(counted)
            } else {
                ByteSize::ZERO
            };
        }
        let Some((directory, brick, making)) = read::image(&image.path) else {
            return ByteSize::ZERO;
        };
        if !is_at(device, directory) {
            return ByteSize::ZERO;
        }
        let own = |brick: &&Brick| !making && brick.device == device.id && brick.space == BrickSpace::Image;
        let recorded = self.inventory.brick(brick).filter(own);
        image
            .size
            .minus(recorded.map_or(ByteSize::ZERO, |brick| brick.size))
    }
}

/// Whether the device is the directory at this path.
fn is_at(device: &Device, directory: &str) -> bool {
    let path = DevicePath::new(directory);
    device.kind == DeviceKind::Directory && path.is_ok_and(|path| device.path.is_same_place(&path))
}
