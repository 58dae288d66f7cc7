//! Whether a volume is understood, and what it is then.

use std::collections::BTreeSet;

use mortar_command::query::folder::FolderPlace;
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::layout::{self, read};
use mortar_model::{
    Brick, BrickId, BrickNames, BrickSpace, ByteSize, DevicePath, Durability, Inventory, NodeId, Volume,
    VolumeId, VolumeName, VolumeOption,
};
use mortar_plan::{Seed, identity};

use super::Places;
use super::ground::{self, Shares};
use super::report::{Judged, Understanding};
use super::seats::{Seat, Seats};
use crate::rebuild::listed::address;
use crate::rebuild::machines::Ground;

/// What GlusterFS gives every volume by itself: nobody has asked for it, and it may change by itself.
const BY_ITSELF: [(&str, &str); 5] = [
    ("cluster.granular-entry-heal", "on"),
    ("nfs.disable", "on"),
    ("performance.client-io-threads", "off"),
    ("storage.fips-mode-rchecksum", "on"),
    ("transport.address-family", "inet"),
];

/// Options that are set by commands of their own; their services go on.
const SERVICES: [&str; 6] = [
    "features.quota",
    "features.inode-quota",
    "features.bitrot",
    "features.scrub",
    "geo-replication.",
    "changelog.",
];

/// A volume of a pool, and what was heard.
pub(super) struct Found<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) places: &'a Places,
    pub(super) seats: &'a Seats,
    pub(super) shares: &'a Shares,
    pub(super) info: &'a VolumeInfo,
}

/// A brick, with where it is.
struct Seen<'a> {
    node: NodeId,
    machine: usize,
    path: DevicePath,
    place: &'a FolderPlace,
    share: ByteSize,
}

impl Found<'_> {
    /// Puts the volume into the inventory where it is understood.
    pub(super) fn judge(&self, inventory: &mut Inventory, seed: &mut Seed) -> Judged {
        let name = match VolumeName::new(self.info.name.as_str()) {
            Ok(name) => name,
            Err(error) => return Judged::not(self.info, error.to_string()),
        };
        if let Some(known) = inventory.volume_by_name(self.seats.cluster, &name) {
            return Judged {
                understanding: Understanding::Recorded,
                why: Vec::new(),
                id: Some(known.id),
                ..Judged::not(self.info, String::new())
            };
        }
        match self.taken(name, inventory, seed) {
            Err(why) => Judged::not(self.info, why),
            Ok((volume, limits)) => Judged {
                name: self.info.name.clone(),
                kind: self.info.kind.clone(),
                bricks: self.info.bricks.len(),
                understanding: if limits.is_empty() {
                    Understanding::Whole
                } else {
                    Understanding::Limited
                },
                why: limits,
                id: Some(volume.id),
                durability: Some(volume.durability),
                size: Some(volume.size),
            },
        }
    }

    fn taken(
        &self,
        name: VolumeName,
        inventory: &mut Inventory,
        seed: &mut Seed,
    ) -> Result<(Volume, Vec<String>), String> {
        let durability = self.durability()?;
        let seen = self.seen(inventory)?;
        let per_set = durability.bricks_per_set() as usize;
        let sets = seen.chunks(per_set);
        for set in sets.clone() {
            let nodes: BTreeSet<NodeId> = set.iter().map(|brick| brick.node).collect();
            if nodes.len() != set.len() {
                return Err("a set of it has two bricks on one node, which are lost together".into());
            }
        }
        let size = sets.map(|set| usable(durability, set)).sum();
        if size == ByteSize::ZERO {
            return Err("its bricks have no room at all".into());
        }
        let mut limits = self.limits(durability, &seen);
        let id = VolumeId::from_u128(seed.next_u128());
        let volume = Volume {
            size,
            gid: gid(&seen, &mut limits),
            options: self.options(&mut limits),
            ..Volume::bare(id, self.seats.cluster, name, durability)
        };
        let put = inventory.put_volume(volume.clone());
        put.map_err(|error| error.to_string())?;
        let mut seen = seen.into_iter().enumerate();
        let added = seen.try_for_each(|(number, seen)| {
            let brick = brick(inventory, &volume, number, seen, seed)?;
            inventory.add_brick(brick).map_err(|error| error.to_string())
        });
        if let Err(why) = added {
            inventory
                .remove_volume(volume.id)
                .map_err(|error| error.to_string())?;
            return Err(why);
        }
        Ok((volume, limits))
    }

    /// The shape that GlusterFS shows, where Mortar knows it and nothing of it is half-made.
    fn durability(&self) -> Result<Durability, String> {
        let info = self.info;
        if info.option(layout::VOLUME_ID_OPTION).is_some() {
            return Err(format!(
                "it says by {} that it is Mortar's, and no record of it is here: 'mortar rebuild' restores it",
                layout::VOLUME_ID_OPTION
            ));
        }
        let durability = info.durability();
        let fits = match durability {
            Durability::None => info.kind == "Distribute",
            Durability::Replicate(_) => ["Replicate", "Distributed-Replicate"].contains(&info.kind.as_str()),
            Durability::Arbiter => {
                let one_of_three = (info.replica, info.arbiter) == (3, 1);
                one_of_three && ["Replicate", "Distributed-Replicate"].contains(&info.kind.as_str())
            }
            Durability::Disperse(_) => ["Disperse", "Distributed-Disperse"].contains(&info.kind.as_str()),
        };
        if !fits {
            return Err(format!(
                "it is of kind {} with {} copies, {} of them arbiters: no kind that Mortar makes",
                info.kind, info.replica, info.arbiter
            ));
        }
        durability
            .check()
            .map_err(|error| format!("it is {durability}: {error}"))?;
        if info.snapshots > 0 {
            return Err(format!(
                "it has {} snapshots of GlusterFS's own, which Mortar does not know: delete them first",
                info.snapshots
            ));
        }
        let per_set = durability.bricks_per_set();
        if info.bricks.is_empty() || !info.bricks.len().is_multiple_of(per_set as usize) {
            return Err(format!(
                "it is half-made, or the node that told of it knows only a part: it has {} bricks, and a set of it has {per_set}",
                info.bricks.len()
            ));
        }
        Ok(durability)
    }

    fn seen(&self, inventory: &Inventory) -> Result<Vec<Seen<'_>>, String> {
        let bricks = &self.info.bricks;
        let distinct: BTreeSet<&String> = bricks.iter().collect();
        if distinct.len() != bricks.len() {
            return Err("it lists a brick twice".into());
        }
        bricks
            .iter()
            .map(|brick| self.seen_brick(brick, inventory))
            .collect()
    }

    fn seen_brick(&self, brick: &str, inventory: &Inventory) -> Result<Seen<'_>, String> {
        let (host, text) = address(brick).ok_or_else(|| format!("its brick {brick} has no path"))?;
        let Seat { node, machine, .. } = self
            .seats
            .seat(host)
            .map_err(|why| format!("its brick {brick}: {why}"))?;
        if read::brick_path(text).is_some() {
            return Err(format!(
                "its brick {brick} is where Mortar makes its own: 'mortar rebuild' restores what Mortar made"
            ));
        }
        let path = DevicePath::new(text)
            .map_err(|error| format!("the path of its brick {brick} is not taken: {error}"))?;
        let machine = machine.ok_or_else(|| format!("its brick {brick} is on a node that did not answer"))?;
        let host = self.ground.machines[machine].host;
        let place = match self.places.get(&(host.clone(), path.clone())) {
            Some(Ok(Some(place))) => place,
            Some(Ok(None)) => {
                return Err(format!(
                    "its brick {brick} has no folder: see that the file system that belongs there is mounted"
                ));
            }
            Some(Err(why)) => return Err(format!("its brick {brick} cannot be looked at: {why}")),
            None => return Err(format!("its brick {brick} was not looked at")),
        };
        let mut others = inventory
            .devices_of(node.id)
            .flat_map(|device| inventory.bricks_on(device.id));
        if let Some(other) = others.find(|other| other.place().brick_path() == path.as_str()) {
            return Err(format!("its brick {brick} is recorded as brick {}", other.id));
        }
        Ok(Seen {
            node: node.id,
            machine,
            share: self.shares.share(machine, place),
            path,
            place,
        })
    }

    /// What of it is not as Mortar would have made it, and what follows.
    fn limits(&self, durability: Durability, seen: &[Seen<'_>]) -> Vec<String> {
        let mut limits = Vec::new();
        if !self.info.started() {
            limits.push(format!(
                "it is {}: a check tells of it until it is started",
                self.info.status.to_lowercase()
            ));
        }
        if !durability.heals() {
            limits.push("it has no copies: none of its bricks can be moved".into());
        }
        let shared = seen
            .iter()
            .filter(|brick| self.shares.on(brick.machine, brick.place) > 1)
            .count();
        if shared > 0 {
            limits.push(format!(
                "{shared} of its bricks share their file system with other bricks: their sizes are shares of it"
            ));
        }
        let on_root = seen.iter().filter(|brick| brick.place.mount_point == "/").count();
        if on_root > 0 {
            limits.push(format!(
                "{on_root} of its bricks are on the root file system: when they are full, their nodes are"
            ));
        }
        let heketi = |brick: &&Seen<'_>| {
            brick
                .path
                .as_str()
                .starts_with(&format!("{}/", layout::HEKETI_MOUNTS))
        };
        if seen.iter().any(|brick| heketi(&brick)) {
            limits
                .push("Heketi made bricks of it: 'mortar import' of its database knows more of them".into());
        }
        if unlike(durability, seen) {
            limits.push("the bricks of a set are not alike in size: the smallest counts".into());
        }
        limits
    }

    /// Those that were set by somebody and can be set again.
    fn options(&self, limits: &mut Vec<String>) -> Vec<VolumeOption> {
        let mut options = Vec::new();
        let mut left = Vec::new();
        for (key, value) in &self.info.options {
            let by_itself = BY_ITSELF.contains(&(key.as_str(), value.as_str()));
            if by_itself || key.starts_with(identity::PREFIX) {
                continue;
            }
            let service = SERVICES.iter().any(|service| key.starts_with(service));
            match VolumeOption::parse(&format!("{key} {value}")) {
                Ok(option) if !service => options.push(option),
                _ => left.push(key.as_str()),
            }
        }
        if !left.is_empty() {
            limits.push(format!(
                "what its options {} say stays as it is, and is not watched",
                left.join(", ")
            ));
        }
        options
    }
}

fn usable(durability: Durability, set: &[Seen<'_>]) -> ByteSize {
    let sizes = set.iter().enumerate();
    durability
        .usable(sizes.map(|(position, brick)| (u32::try_from(position).unwrap_or(u32::MAX), brick.share)))
}

/// An arbiter is small, and needs no more.
fn unlike(durability: Durability, seen: &[Seen<'_>]) -> bool {
    let arbiter = |position: usize| durability.is_arbiter(u32::try_from(position).unwrap_or(u32::MAX));
    seen.chunks(durability.bricks_per_set() as usize).any(|set| {
        let data = set.iter().enumerate().filter(|(position, _)| !arbiter(*position));
        let sizes: BTreeSet<ByteSize> = data.map(|(_, brick)| brick.share).collect();
        sizes.len() > 1
    })
}

/// The group that most of its bricks belong to.
fn gid(seen: &[Seen<'_>], limits: &mut Vec<String>) -> u32 {
    let gids: BTreeSet<u32> = seen.iter().map(|brick| brick.place.gid).collect();
    let count = |gid: u32| seen.iter().filter(|brick| brick.place.gid == gid).count();
    let most = gids
        .iter()
        .copied()
        .max_by_key(|gid| (count(*gid), std::cmp::Reverse(*gid)));
    let most = most.unwrap_or(0);
    if gids.len() > 1 {
        limits.push(format!(
            "the folders of its bricks belong to several groups: new bricks get {most}"
        ));
    }
    most
}

fn brick(
    inventory: &mut Inventory,
    volume: &Volume,
    number: usize,
    seen: Seen<'_>,
    seed: &mut Seed,
) -> Result<Brick, String> {
    let device = ground::device(inventory, seen.node, seen.place, &seen.path, seen.share, seed)?;
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let per_set = volume.durability.bricks_per_set().max(1);
    Ok(Brick {
        id: BrickId::from_u128(seed.next_u128()),
        volume: volume.id,
        device,
        size: seen.share,
        space: BrickSpace::Folder,
        set: number / per_set,
        position: number % per_set,
        names: Some(Box::new(BrickNames {
            mount_point: ground::path_of(seen.place)?,
            folder: seen.path,
            volume: None,
            pool: None,
            shared: false,
        })),
        pool: None,
    })
}
