//! What is there of each brick, whatever says so: its space, its mount, its file.

use std::collections::BTreeMap;

use mortar_command::query::survey::{ImageSeen, NodeSurvey, VolumeSeen};
use mortar_model::layout::read;
use mortar_model::{BrickId, ByteSize, DeviceId, DeviceKind, VolumeId, layout};
use mortar_plan::identity::{self, BrickIdentity};

use super::machines::{Ground, Machine};

/// What a machine shows of a brick.
#[derive(Default)]
pub(super) struct Trace<'a> {
    pub(super) volume: Option<&'a VolumeSeen>,
    pub(super) pool: Option<&'a VolumeSeen>,
    pub(super) image: Option<&'a ImageSeen>,
    /// An image that has not got its name yet.
    pub(super) making: Option<&'a ImageSeen>,
    pub(super) mounted: bool,
    pub(super) entry: bool,
    /// Group of its folder.
    pub(super) gid: Option<u32>,
    /// What its file says, when that can be read and speaks of this brick.
    pub(super) identity: Option<BrickIdentity>,
    /// Why its file says nothing.
    pub(super) unreadable: Option<String>,
}

impl Trace<'_> {
    /// The volume that it says it is for.
    pub(super) fn says(&self) -> Option<VolumeId> {
        let tags = [self.pool, self.volume].into_iter().flatten();
        let tagged = tags
            .flat_map(|volume| &volume.tags)
            .find_map(|tag| tag.strip_prefix("mortar.volume=")?.parse().ok());
        self.identity.as_ref().map(|identity| identity.volume).or(tagged)
    }

    /// What is there of it, in words.
    pub(super) fn parts(&self) -> String {
        let parts = [
            (self.pool.is_some(), "thin pool"),
            (self.volume.is_some(), "logical volume"),
            (self.image.is_some(), "image"),
            (self.making.is_some(), "image in the making"),
            (self.entry, "mount entry"),
            (self.mounted, "mount"),
            (self.gid.is_some(), "folder"),
            (
                self.identity.is_some() || self.unreadable.is_some(),
                "identity file",
            ),
        ];
        let there = parts
            .into_iter()
            .filter_map(|(there, what)| there.then_some(what));
        there.collect::<Vec<_>>().join(", ")
    }

    /// What it takes of its device.
    pub(super) fn space(&self) -> ByteSize {
        let images = [self.image, self.making].into_iter().flatten();
        let image: ByteSize = images.map(|image| image.size).sum();
        match (self.pool, self.volume) {
            (Some(pool), _) => pool.size + pool.metadata + image,
            // One in a pool of its own takes nothing beside it.
            (None, Some(volume)) if volume.pool.is_none() || is_in_shared_pool(volume) => volume.size + image,
            _ => image,
        }
    }
}

/// The thin pool of a volume that is in one that was made for another brick: a clone's.
fn another_ones<'a>(survey: &'a NodeSurvey, volume: &VolumeSeen, brick: BrickId) -> Option<&'a VolumeSeen> {
    let name = volume.pool.as_deref()?;
    if name == layout::thin_pool(brick) || name == layout::SHARED_POOL {
        return None;
    }
    let mut volumes = survey.volumes.iter().flatten();
    volumes.find(|other| other.group == volume.group && other.name == name)
}

/// Whether only bricks that were cloned of this one are in its pool any more: it is theirs then.
fn is_left_to_others(survey: &NodeSurvey, pool: &VolumeSeen, brick: BrickId) -> bool {
    let volumes = survey.volumes.iter().flatten();
    let inside = volumes.filter(|other| other.group == pool.group && other.pool.as_ref() == Some(&pool.name));
    let mut others = false;
    for volume in inside {
        match read::taken(&volume.tags).or_else(|| read::logical_volume(&volume.name)) {
            Some(own) if own == brick => return false,
            Some(_) => others = true,
            None => {}
        }
    }
    others
}

/// Whether the volume is in the pool that its device has for all: what it may come to take counts.
pub(super) fn is_in_shared_pool(volume: &VolumeSeen) -> bool {
    volume.pool.as_deref() == Some(layout::SHARED_POOL)
}

/// Where a trace is: the machine, the device by its id there, the brick.
pub(super) type Spot = (usize, DeviceId, BrickId);

/// The traces of all bricks on all machines.
pub(super) struct Traces<'a> {
    pub(super) all: BTreeMap<Spot, Trace<'a>>,
    /// Images in directories that do not say whose they are.
    pub(super) nameless: Vec<(usize, &'a ImageSeen)>,
}

impl<'a> Traces<'a> {
    pub(super) fn of(ground: &Ground<'a>) -> Self {
        let mut traces = Self {
            all: BTreeMap::new(),
            nameless: Vec::new(),
        };
        for (number, machine) in ground.machines.iter().enumerate() {
            traces.volumes(number, machine.survey);
            traces.images(number, machine, ground);
            traces.mounts(number, machine.survey);
            traces.identities(number, machine.survey);
        }
        traces
    }

    pub(super) fn get(&self, spot: Spot) -> Option<&Trace<'a>> {
        self.all.get(&spot)
    }

    fn at(&mut self, machine: usize, device: DeviceId, brick: BrickId) -> &mut Trace<'a> {
        self.all.entry((machine, device, brick)).or_default()
    }

    fn volumes(&mut self, machine: usize, survey: &'a NodeSurvey) {
        for volume in survey.volumes.iter().flatten() {
            let Some(device) = read::volume_group(&volume.group) else {
                continue;
            };
            if let Some(brick) = read::taken(&volume.tags) {
                let mut volumes = survey.volumes.iter().flatten();
                let pool = |other: &&VolumeSeen| {
                    other.group == volume.group && Some(&other.name) == volume.pool.as_ref()
                };
                let trace = self.at(machine, device, brick);
                (trace.volume, trace.pool) = (Some(volume), volumes.find(pool));
            } else if let Some(brick) = read::logical_volume(&volume.name) {
                let pool = another_ones(survey, volume, brick);
                let trace = self.at(machine, device, brick);
                trace.volume = Some(volume);
                trace.pool = pool.or(trace.pool);
            } else if let Some(brick) = read::thin_pool(&volume.name)
                && !is_left_to_others(survey, volume, brick)
            {
                self.at(machine, device, brick).pool = Some(volume);
            }
        }
    }

    fn images(&mut self, number: usize, machine: &Machine<'a>, ground: &Ground<'a>) {
        let owners = owners(number, machine, ground);
        for image in machine.survey.images.iter().flatten() {
            let Some((directory, brick, making)) = read::image(&image.path) else {
                continue;
            };
            let Some(device) = owners.get(directory.trim_end_matches('/')) else {
                self.nameless.push((number, image));
                continue;
            };
            let trace = self.at(number, *device, brick);
            if making {
                trace.making = Some(image);
            } else {
                trace.image = Some(image);
            }
        }
    }

    fn mounts(&mut self, machine: usize, survey: &'a NodeSurvey) {
        let mounts = survey.mounts.iter().flatten();
        for (device, brick) in mounts.filter_map(|mount| read::mount_point(&mount.target)) {
            self.at(machine, device, brick).mounted = true;
        }
        let entries = survey.entries.iter().flatten();
        for (device, brick) in entries.filter_map(|entry| read::mount_point(&entry.target)) {
            self.at(machine, device, brick).entry = true;
        }
        for folder in survey.folders.iter().flatten() {
            if let Some((device, brick)) = read::mount_point(&folder.mount_point) {
                self.at(machine, device, brick).gid = Some(folder.gid);
            }
        }
    }

    fn identities(&mut self, machine: usize, survey: &'a NodeSurvey) {
        for (path, text) in survey.identities.iter().flatten() {
            let Some((device, brick)) = read::mount_point(path) else {
                continue;
            };
            let trace = self.at(machine, device, brick);
            match identity::read_brick_file(text) {
                Ok(identity) if identity.brick == brick => trace.identity = Some(identity),
                Ok(identity) => {
                    trace.unreadable = Some(format!("it is that of brick {}", identity.brick));
                }
                Err(error) => trace.unreadable = Some(error.to_string()),
            }
        }
    }
}

/// Whose the directories of a machine are, by their own files, else by the node's.
fn owners(number: usize, machine: &Machine<'_>, ground: &Ground<'_>) -> BTreeMap<String, DeviceId> {
    let filed = ground.file_of_itself(number).map(|file| file.devices.as_slice());
    let filed = filed.or_else(|| {
        let kept = ground.kept_of(ground.member_of(number), Some(number));
        kept.map(|kept| kept.devices.as_slice())
    });
    let directories = filed.unwrap_or_default().iter();
    let directories = directories.filter(|device| device.kind == DeviceKind::Directory);
    let mut owners: BTreeMap<String, DeviceId> = directories
        .map(|device| (device.path.as_str().trim_end_matches('/').to_owned(), device.id))
        .collect();
    for seen in machine.survey.directories.iter().flatten() {
        let said = seen.identity.as_deref().map(identity::read_device_file);
        if let Some(Ok(device)) = said {
            owners.insert(seen.path.trim_end_matches('/').to_owned(), device);
        }
    }
    owners
}
