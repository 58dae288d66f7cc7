//! Bricks of one device, from the ground up: space, mount, mount entry, folder, identity file.

use mortar_command::query::brick_state::{self, Site};
use mortar_command::query::survey::{EntrySeen, MountSeen};
use mortar_model::layout::read;
use mortar_model::work::BrickSpec;
use mortar_model::{Brick, BrickSpace, ByteSize, Device, layout};
use mortar_plan::{brick_spec, identity};

use super::device::dead_disk;
use super::pool;
use super::sight::Sight;
use super::{Found, Ground, about_brick};
use crate::finding::{Finding, Proof, Remedy, Repair, Subject, heal_by_hand};
use crate::kind::Kind;

pub(super) fn compare(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device, found: &mut Found<'_>) {
    for brick in ground.inventory.bricks_on(device.id) {
        if let Some(look) = Look::new(ground, sight, device, brick) {
            look.compare(ground, found);
        }
    }
}

/// A brick, and what is known of it.
struct Look<'a> {
    sight: &'a Sight<'a>,
    device: &'a Device,
    brick: &'a Brick,
    spec: BrickSpec,
    mount_point: String,
    volume_name: String,
    /// Whether GlusterFS is known to have stopped the volume.
    stopped: bool,
    /// Whether its place in the volume is not known for sure.
    guessed: bool,
    /// By what may be told where its other copies are.
    heal: String,
}

impl<'a> Look<'a> {
    fn new(ground: &Ground<'a>, sight: &'a Sight<'a>, device: &'a Device, brick: &'a Brick) -> Option<Self> {
        let spec = brick_spec(ground.inventory, brick)?;
        let volume = ground.inventory.volume(brick.volume)?;
        Some(Self {
            sight,
            device,
            brick,
            spec,
            mount_point: brick.place().mount_point(),
            volume_name: volume.name.to_string(),
            stopped: ground.is_stopped(volume),
            guessed: volume.sets_guessed,
            heal: heal_by_hand(&volume.name),
        })
    }

    fn compare(&self, ground: &Ground<'_>, found: &mut Found<'_>) {
        match self.space(found) {
            Space::Gone => return,
            Space::There => self.fill(ground, found),
            Space::Unknown => {}
        }
        self.entry(found);
        if let Some(why) = self.sight.unreadable.get(self.mount_point.as_str()) {
            let proof = self.proof("a mounted file system", (*why).to_owned(), &self.mount_point);
            let advice = format!("{}; {}", dead_disk(self.sight), self.heal);
            return self.add(found, Kind::BrickUnreadable, proof, Remedy::ByHand(advice));
        }
        if self.mount(found) {
            self.folder(found);
            self.identity(found);
        }
    }

    fn site(&self) -> Site<'_> {
        Site {
            brick: self.brick.id,
            device: self.device.id,
            device_path: &self.device.path,
            image: self.is_image(),
            names: self.brick.names.as_deref(),
            pool: self.brick.pool.as_deref(),
        }
    }

    fn is_thin(&self) -> bool {
        matches!(self.brick.space, BrickSpace::ThinPool { .. })
    }

    fn is_image(&self) -> bool {
        self.brick.space == BrickSpace::Image
    }

    fn add(&self, found: &mut Found<'_>, kind: Kind, proof: Proof, remedy: Remedy) {
        let about = about_brick(self.brick, self.device);
        let finding = Finding {
            kind,
            subject: Subject {
                kind: "brick",
                id: self.brick.id.to_string(),
                name: format!("{} of volume {}", self.device.path, self.volume_name),
            },
            node: Some(self.device.node),
            proof,
            remedy,
        };
        found.add(&about, finding);
    }

    fn proof(&self, recorded: impl Into<String>, seen: impl Into<String>, place: &str) -> Proof {
        Proof {
            recorded: recorded.into(),
            seen: seen.into(),
            place: place.to_owned(),
        }
    }

    /// The same as an automatic repair that only writes down what is recorded.
    fn write_down(&self) -> Remedy {
        Remedy::Automatic(self.remount(false))
    }

    fn remount(&self, start: bool) -> Repair {
        Repair::Mount {
            brick: self.brick.id,
            volume: self.brick.volume,
            start,
        }
    }

    /// The logical volume and its pool, or the image; and whether they are as large as recorded.
    fn space(&self, found: &mut Found<'_>) -> Space {
        let sizes = match self.brick.space {
            BrickSpace::Image => self.image_size(),
            BrickSpace::Folder => None,
            BrickSpace::Shared => self.volume_sizes(None),
            BrickSpace::ThinPool { pool, metadata } => self.volume_sizes(Some((pool, metadata))),
        };
        let Some((place, sizes)) = sizes else {
            return Space::Unknown;
        };
        let Some(sizes) = sizes else {
            let proof = self.proof(self.brick.size.to_string(), "there is no such thing", &place);
            let advice = format!("its data is gone from here; {}", self.heal);
            self.add(found, Kind::BrickMissing, proof, Remedy::ByHand(advice));
            return Space::Gone;
        };
        let others: Vec<String> = sizes
            .iter()
            .filter(|(_, recorded, seen)| recorded != seen)
            .map(|(what, recorded, seen)| format!("its {what} has {seen}, not {recorded}"))
            .collect();
        if !others.is_empty() {
            let proof = self.proof(
                format!("{}, {} of its device", self.brick.size, self.brick.footprint()),
                others.join("; "),
                &place,
            );
            let advice = "somebody changed it by hand: bring it back to what is recorded, while nothing was written that \
                          needs the difference"
                .to_owned();
            self.add(found, Kind::BrickSize, proof, Remedy::ByHand(advice));
        }
        Space::There
    }

    fn image_size(&self) -> Option<(String, Option<Sizes>)> {
        let path = layout::image(&self.device.path, self.brick.id);
        let image = self.sight.images.as_ref()?.get(path.as_str());
        let sizes = image.map(|image| vec![("image", self.brick.size, image.size)]);
        Some((path, sizes))
    }

    /// Of the logical volume, and of the pool that is the brick's alone.
    fn volume_sizes(&self, pool: Option<(ByteSize, ByteSize)>) -> Option<(String, Option<Sizes>)> {
        let group = layout::volume_group(self.device.id);
        let volumes = self.sight.volumes.as_ref()?;
        let (name, pool_name) = (
            self.brick.place().logical_volume(),
            self.brick.place().thin_pool(),
        );
        let place = format!("{group}/{name}");
        let Some(volume) = volumes.get(&(group.as_str(), name.as_str())) else {
            return Some((place, None));
        };
        let mut sizes = vec![("logical volume", self.brick.size, volume.size)];
        let found = volumes.get(&(group.as_str(), pool_name.as_str()));
        if let (Some((pool, metadata)), Some(found)) = (pool, found) {
            sizes.push(("thin pool", pool, found.size));
            sizes.push(("thin pool's metadata", metadata, found.metadata));
        }
        Some((place, Some(sizes)))
    }

    /// That of the brick, with the first of those that are in it: one that is the device's is told of once.
    fn fill(&self, ground: &Ground<'_>, found: &mut Found<'_>) {
        let name = self.brick.place().thin_pool();
        let mut members = ground.inventory.bricks_in(self.device.id, &name);
        if members.next().is_some_and(|first| first.id != self.brick.id) {
            return;
        }
        if let Some((proof, remedy)) = pool::nearly_full(ground, self.sight, self.device, &name) {
            self.add(found, Kind::PoolFill, proof, remedy);
        }
    }

    fn entry(&self, found: &mut Found<'_>) {
        if self.brick.place().is_mounted_by_glusterd() {
            return;
        }
        let Some(entries) = &self.sight.entries else {
            return;
        };
        let names = brick_state::sources(&self.site());
        let right = |entry: &&&EntrySeen| names.contains(&entry.source);
        let own = entries
            .get(self.mount_point.as_str())
            .map_or(&[][..], Vec::as_slice);
        let recorded = names.first().cloned().unwrap_or_default();
        let wrong: Vec<&str> = own
            .iter()
            .filter(|entry| !right(entry))
            .map(|entry| entry.source.as_str())
            .collect();
        if own.is_empty() {
            let proof = self.proof(recorded, "there is no entry", &self.mount_point);
            self.add(found, Kind::EntryMissing, proof, self.write_down());
        } else if !wrong.is_empty() && wrong.len() == own.len() {
            let proof = self.proof(recorded, wrong.join(", "), &self.mount_point);
            self.add(
                found,
                Kind::EntryWrong,
                proof,
                Remedy::OnCommand(self.remount(false)),
            );
        } else if own.len() > 1 {
            let seen: Vec<&str> = own.iter().map(|entry| entry.source.as_str()).collect();
            let proof = self.proof(recorded, seen.join(", "), &self.mount_point);
            let advice = format!(
                "leave one of these lines in the file of mount entries on {}",
                self.sight.node.manage
            );
            self.add(found, Kind::EntryWrong, proof, Remedy::ByHand(advice));
        }
    }

    /// Whether the brick's own file system is mounted where it belongs.
    fn mount(&self, found: &mut Found<'_>) -> bool {
        let Some(mounts) = &self.sight.mounts else {
            return false;
        };
        let Some(mount) = mounts
            .get(self.mount_point.as_str())
            .and_then(|mounts| mounts.last())
        else {
            self.unmounted(found);
            return false;
        };
        match self.is_own(mount) {
            Some(true) => true,
            None => false,
            Some(false) => {
                let recorded = if self.brick.place().has_own_uuid() {
                    format!("file system {}", layout::file_system_uuid(self.brick.id))
                } else {
                    brick_state::sources(&self.site()).join(" or ")
                };
                let seen = format!("{} with file system {}", mount.source, mount.uuid);
                let proof = self.proof(recorded, seen, &self.mount_point);
                let advice = format!(
                    "find out who mounted it and unmount it on {}; the brick is mounted again after that",
                    self.sight.node.manage
                );
                self.add(found, Kind::MountWrong, proof, Remedy::ByHand(advice));
                false
            }
        }
    }

    fn unmounted(&self, found: &mut Found<'_>) {
        let mut seen = "nothing is mounted there".to_owned();
        let folder = self.sight.folders.as_ref();
        let hidden = folder.is_some_and(|folders| folders.contains_key(self.mount_point.as_str()));
        let remedy = if hidden {
            seen.push_str(", and a folder stands in its place");
            Remedy::ByHand(format!(
                "files may have been written beside the brick: look into {}, move it away, and check again",
                self.brick.place().brick_path()
            ))
        } else {
            Remedy::Automatic(self.remount(!self.stopped))
        };
        let names = brick_state::sources(&self.site());
        let recorded = names.first().cloned().unwrap_or_default();
        let proof = self.proof(recorded, seen, &self.mount_point);
        self.add(found, Kind::BrickUnmounted, proof, remedy);
    }

    /// By the file system's UUID; where the node cannot tell that, by what is mounted. `None`: nobody can tell.
    fn is_own(&self, mount: &MountSeen) -> Option<bool> {
        if !mount.uuid.is_empty() && self.brick.place().has_own_uuid() {
            return Some(mount.uuid == layout::file_system_uuid(self.brick.id));
        }
        let names = brick_state::sources(&self.site());
        if names.contains(&mount.source) {
            return Some(true);
        }
        if !self.is_image() {
            return Some(false);
        }
        let loops = self.sight.loops.as_ref()?;
        let file = loops.get(mount.source.as_str()).map(|used| &used.file);
        Some(file.is_some_and(|file| names.contains(file)))
    }

    fn folder(&self, found: &mut Found<'_>) {
        let Some(folders) = &self.sight.folders else {
            return;
        };
        let path = self.brick.place().brick_path();
        match folders.get(self.mount_point.as_str()) {
            None => {
                let proof = self.proof("a folder with the brick's data", "there is no folder", &path);
                let advice = format!(
                    "its data was removed; an empty folder must not take its place by itself: {}",
                    self.heal
                );
                self.add(found, Kind::FolderMissing, proof, Remedy::ByHand(advice));
            }
            Some(folder) if self.spec.gid != 0 && folder.gid != self.spec.gid => {
                let proof = self.proof(
                    format!("group {}", self.spec.gid),
                    format!("group {}", folder.gid),
                    &path,
                );
                // A client that owns the volume may have changed it.
                self.add(
                    found,
                    Kind::GroupWrong,
                    proof,
                    Remedy::OnCommand(self.remount(false)),
                );
            }
            Some(_) => {}
        }
    }

    fn identity(&self, found: &mut Found<'_>) {
        // It tells the brick's place in its volume, and is written when that is sure.
        if self.guessed {
            return;
        }
        let Some(identities) = &self.sight.identities else {
            return;
        };
        let place = self.brick.place().identity_file();
        let recorded = format!("brick {} of volume {}", self.brick.id, self.volume_name);
        let Some(text) = identities.get(self.mount_point.as_str()) else {
            let proof = self.proof(recorded, "there is no such file", &place);
            return self.add(found, Kind::IdentityMissing, proof, self.write_down());
        };
        if *text == self.spec.identity {
            return self.tag(found);
        }
        let (Ok(said), Ok(wanted)) = (
            identity::read_brick_file(text),
            identity::read_brick_file(&self.spec.identity),
        ) else {
            let proof = self.proof(recorded, "it cannot be read", &place);
            return self.add(found, Kind::IdentityMissing, proof, self.write_down());
        };
        let seen = format!("brick {} of volume {}", said.brick, said.volume_name);
        let mut said = said;
        if self.is_thin() {
            // A thin pool may have become larger for a copy since.
            said.footprint = wanted.footprint;
        }
        if said == wanted {
            // Written by another version, in another form; or before its thin pool became larger.
            self.tag(found);
        } else if said.brick == wanted.brick && said.volume == wanted.volume {
            let proof = self.proof(recorded, format!("{seen}, with other facts"), &place);
            let remedy = Remedy::OnCommand(self.remount(false));
            self.add(found, Kind::IdentityWrong, proof, remedy);
        } else {
            let advice = "find out which of the two is right before anything is written there".to_owned();
            let proof = self.proof(recorded, seen, &place);
            self.add(found, Kind::IdentityWrong, proof, Remedy::ByHand(advice));
        }
    }
}

/// The tag of a logical volume that was taken over.
impl Look<'_> {
    /// It is added where all else is as recorded: the volume of that name is in its pool and as large as recorded, is mounted where the
    /// records say, the file there says that it is this brick, and no tag says that it is another.
    fn tag(&self, found: &mut Found<'_>) {
        let (BrickSpace::ThinPool { .. }, Some(_)) = (self.brick.space, &self.brick.names) else {
            return;
        };
        let (group, place) = (layout::volume_group(self.device.id), self.brick.place());
        let name = place.logical_volume();
        let volumes = self.sight.volumes.as_ref();
        let Some(volume) = volumes.and_then(|volumes| volumes.get(&(group.as_str(), name.as_str()))) else {
            return;
        };
        let as_recorded =
            volume.size == self.brick.size && volume.pool.as_deref() == Some(place.thin_pool().as_str());
        let said = read::taken(&volume.tags);
        if !as_recorded || said == Some(self.brick.id) {
            return;
        }
        let proof = self.proof(
            layout::taken_tag(self.brick.id),
            if volume.tags.is_empty() {
                "no tag".to_owned()
            } else {
                volume.tags.join(", ")
            },
            &format!("{group}/{name}"),
        );
        let remedy = match said {
            None => self.write_down(),
            Some(_) => Remedy::ByHand(
                "its tag says that it is another brick: find out which of the two is right before anything is written there".into(),
            ),
        };
        self.add(found, Kind::IdentityMissing, proof, remedy);
    }
}

/// Sizes of the parts of a brick's space: what, as recorded, as seen.
type Sizes = Vec<(&'static str, ByteSize, ByteSize)>;

/// Whether there is anything that could be mounted.
enum Space {
    There,
    Gone,
    Unknown,
}
