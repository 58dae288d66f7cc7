//! Bricks: where they are, what they are called there, and which of them are likely one set.
//!
//! Heketi lists a volume's bricks by id, so the sets are not in its database. They are guessed here, by what holds of every set: its bricks
//! are on distinct nodes and alike in size, its arbiter comes last. The volume is marked, and the first look at its pool makes it sure.

use std::collections::BTreeSet;

use mortar_model::{
    Brick, BrickId, BrickNames, BrickSpace, ByteSize, Device, DeviceId, DevicePath, Durability, LvmName,
    NodeId, Volume, layout,
};

use super::{HalfMade, Taking, Weight};
use crate::db::{BrickEntry, VolumeEntry};

/// What Heketi's mock executor gives as every brick's path.
const MOCK_PATH: &str = "/mockpath";

impl Taking<'_> {
    /// The bricks of a volume, with their sets.
    pub(super) fn bricks(
        &mut self,
        volume: &Volume,
        entry: &VolumeEntry,
        half_made: &HalfMade<'_>,
    ) -> Result<Vec<Brick>, String> {
        let per_set = volume.durability.bricks_per_set().max(1) as usize;
        let mut bricks = Vec::new();
        for id in self.listed(volume, entry, per_set) {
            if let Some(operation) = half_made.get(id.as_str()) {
                let why = format!("operation {operation} was adding it");
                self.note(Weight::LeftOut, "brick", &id, volume.name.as_str(), why);
                continue;
            }
            match self.brick(&id, volume) {
                Ok(brick) => bricks.push(brick),
                Err(why) => {
                    self.note(Weight::LeftOut, "brick", &id, volume.name.as_str(), why);
                }
            }
        }
        if bricks.is_empty() {
            return Err("it has no brick that could be taken over".into());
        }
        if !bricks.len().is_multiple_of(per_set) {
            let why = format!("it has {} bricks, and a set of it has {per_set}", bricks.len());
            let id = volume.id.to_string();
            self.note(Weight::Fault, "volume", &id, volume.name.as_str(), why);
        }
        self.in_sets(volume.durability, bricks)
    }

    /// Those that the volume lists; those that only say they are its own, where they make its sets whole.
    fn listed(&mut self, volume: &Volume, entry: &VolumeEntry, per_set: usize) -> Vec<String> {
        let own = volume.id.to_string();
        let mut listed = Vec::new();
        for id in &entry.bricks {
            match self.database.bricks.get(id) {
                None => self.fault(volume, format!("its brick {id} is not known")),
                Some(brick) if brick.info.volume != own => {
                    self.fault(
                        volume,
                        format!("its brick {id} says that it is of volume {}", brick.info.volume),
                    );
                }
                Some(_) => listed.push(id.clone()),
            }
        }
        let others = self
            .database
            .bricks
            .iter()
            .filter(|(id, brick)| brick.info.volume == own && !entry.bricks.contains(id));
        let others: Vec<String> = others.map(|(id, _)| id.clone()).collect();
        if !others.is_empty() {
            let whole = !listed.len().is_multiple_of(per_set)
                && (listed.len() + others.len()).is_multiple_of(per_set);
            let how = if whole { "taken for its own" } else { "left out" };
            let why = format!(
                "it does not list {}, which say they are its bricks: {how}",
                others.join(", ")
            );
            self.fault(volume, why);
            if whole {
                listed.extend(others);
                listed.sort();
            }
        }
        listed
    }

    fn fault(&mut self, volume: &Volume, why: String) {
        let id = volume.id.to_string();
        self.note(Weight::Fault, "volume", &id, volume.name.as_str(), why);
    }

    fn brick(&mut self, id: &str, volume: &Volume) -> Result<Brick, String> {
        let entry = self.database.bricks.get(id).ok_or("it is not known")?;
        let parsed: BrickId = id.parse().map_err(|error| format!("{error}"))?;
        let device = entry.info.device.parse().ok();
        let device = device.and_then(|device| self.inventory.device(device));
        let device = device.ok_or_else(|| format!("its device {} is not taken over", entry.info.device))?;
        if entry.info.size == 0 || entry.pool_size == 0 {
            return Err("it has no size".into());
        }
        let names = self.names(parsed, device, entry)?;
        if self.inventory.brick(parsed).is_some() {
            return Err("another volume has it".into());
        }
        Ok(Brick {
            id: parsed,
            volume: volume.id,
            device: device.id,
            size: ByteSize::from_kib(entry.info.size),
            space: BrickSpace::ThinPool {
                pool: ByteSize::from_kib(entry.pool_size),
                metadata: ByteSize::from_kib(entry.metadata_size),
            },
            set: 0,
            position: 0,
            names: names.map(Box::new),
            pool: None,
        })
    }

    /// What it is called; `None` where it is what Mortar itself would call it.
    fn names(&self, id: BrickId, device: &Device, entry: &BrickEntry) -> Result<Option<BrickNames>, String> {
        let told = |text: &str, or: String| LvmName::new(if text.is_empty() { or } else { text.to_owned() });
        let wrong = |error: mortar_model::InvalidName| error.to_string();
        let volume = told(&entry.logical_volume, layout::logical_volume(id)).map_err(wrong)?;
        let pool = told(&entry.thin_pool, layout::thin_pool(id)).map_err(wrong)?;
        let folder = match entry.info.path.as_str() {
            "" => return Err("it has no path: it was never made".into()),
            MOCK_PATH => default_path(device.id, id),
            path => path.to_owned(),
        };
        let mount_point = folder
            .strip_suffix("/brick")
            .filter(|place| place.matches('/').count() > 2);
        let mount_point =
            mount_point.ok_or_else(|| format!("its path {folder} is none of a brick of Heketi's"))?;
        let names = BrickNames {
            mount_point: DevicePath::new(mount_point).map_err(wrong)?,
            folder: DevicePath::new(folder.as_str()).map_err(wrong)?,
            shared: self.is_shared(id, device.id, pool.as_str()) || !entry.logical_volume.is_empty(),
            volume: Some(volume),
            pool: Some(pool),
        };
        let is = |name: Option<&LvmName>, own: &str| name.is_some_and(|name| name.as_str() == own);
        let own = folder == layout::brick_path(device.id, id)
            && is(names.volume.as_ref(), &layout::logical_volume(id))
            && is(names.pool.as_ref(), &layout::thin_pool(id))
            && !names.shared;
        Ok((!own).then_some(names))
    }

    /// Whether another brick of the device is in the same thin pool.
    fn is_shared(&self, id: BrickId, device: DeviceId, pool: &str) -> bool {
        let (own, device) = (id.to_string(), device.to_string());
        self.database.bricks.iter().any(|(other, entry)| {
            let name = match entry.thin_pool.as_str() {
                "" => format!("tp_{other}"),
                name => name.to_owned(),
            };
            *other != own && entry.info.device == device && name == pool
        })
    }

    /// Puts bricks into sets, and sets into order.
    fn in_sets(&self, durability: Durability, bricks: Vec<Brick>) -> Result<Vec<Brick>, String> {
        let per_set = durability.bricks_per_set().max(1) as usize;
        let node = |brick: &Brick| self.inventory.node_of_brick(brick).map(|node| node.id);
        let is_arbiter = |brick: &Brick| {
            let entry = self.database.bricks.get(&brick.id.to_string());
            durability == Durability::Arbiter && entry.is_some_and(|entry| entry.sub_type == 2)
        };
        let mut sets: Vec<Set> = Vec::new();
        // Arbiters last: they are of another size, and go where their place is free.
        let (arbiters, data): (Vec<Brick>, Vec<Brick>) = bricks.into_iter().partition(is_arbiter);
        let room = per_set - usize::from(!arbiters.is_empty());
        for brick in data {
            let node = node(&brick).ok_or("a brick has no node")?;
            let fits = sets.iter_mut().find(|set| {
                set.bricks.len() < room && !set.nodes.contains(&node) && set.bricks[0].size == brick.size
            });
            match fits {
                Some(set) => set.add(brick, node),
                None => sets.push(Set::of(brick, node)),
            }
        }
        for brick in arbiters {
            let node = node(&brick).ok_or("a brick has no node")?;
            let fits = sets
                .iter_mut()
                .find(|set| set.bricks.len() == room && !set.nodes.contains(&node));
            match fits {
                Some(set) => set.add(brick, node),
                None => sets.push(Set::of(brick, node)),
            }
        }
        Ok(numbered(sets, per_set))
    }

    /// Bricks of no volume.
    pub(super) fn strays(&mut self, half_made: &HalfMade<'_>) {
        let database = self.database;
        let listed: BTreeSet<&String> = database
            .volumes
            .values()
            .flat_map(|volume| &volume.bricks)
            .collect();
        for (id, entry) in &database.bricks {
            let volume = &entry.info.volume;
            if listed.contains(id)
                || half_made.contains_key(id.as_str())
                || database.volumes.contains_key(volume)
            {
                continue;
            }
            let why =
                format!("its volume {volume} is not known; 'mortar check' tells whether the node has it");
            self.note(Weight::LeftOut, "brick", id, "", why);
        }
    }
}

fn default_path(device: DeviceId, brick: BrickId) -> String {
    format!("{}/vg_{device}/brick_{brick}/brick", layout::HEKETI_MOUNTS)
}

/// Bricks that are likely copies of each other.
struct Set {
    bricks: Vec<Brick>,
    nodes: BTreeSet<NodeId>,
}

impl Set {
    fn of(brick: Brick, node: NodeId) -> Self {
        Self {
            bricks: vec![brick],
            nodes: BTreeSet::from([node]),
        }
    }

    fn add(&mut self, brick: Brick, node: NodeId) {
        self.bricks.push(brick);
        self.nodes.insert(node);
    }
}

/// When the guess left holes, the bricks are simply counted off: what is wrong with the volume is told elsewhere.
fn numbered(sets: Vec<Set>, per_set: usize) -> Vec<Brick> {
    let fits = sets.iter().all(|set| set.bricks.len() == per_set);
    let mut bricks: Vec<Brick> = sets.into_iter().flat_map(|set| set.bricks).collect();
    if !fits {
        bricks.sort_by_key(|brick| brick.id);
    }
    for (place, brick) in bricks.iter_mut().enumerate() {
        brick.set = u32::try_from(place / per_set).unwrap_or(u32::MAX);
        brick.position = u32::try_from(place % per_set).unwrap_or(u32::MAX);
    }
    bricks
}
