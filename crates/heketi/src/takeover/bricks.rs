//! Bricks: where they are, and what they are called there.
//!
//! Heketi lists a volume's bricks by id, so the sets are not in its database. They are guessed ([`super::sets`]). The volume is
//! marked, and the first look at its pool makes it sure.

use std::collections::BTreeSet;

use mortar_model::{
    Brick, BrickId, BrickNames, BrickSpace, ByteSize, Device, DeviceId, DevicePath, LvmName, Volume, layout,
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
        for id in self.listed(volume, entry, per_set, half_made) {
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
        self.in_sets(volume, bricks)
    }

    /// Those that the volume lists; those that only say they are its own, where they make its sets whole.
    fn listed(
        &mut self,
        volume: &Volume,
        entry: &VolumeEntry,
        per_set: usize,
        half_made: &HalfMade<'_>,
    ) -> Vec<String> {
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
        // One that is to take another's place is listed when it has.
        let others = self.database.bricks.iter().filter(|(id, brick)| {
            brick.info.volume == own && !entry.bricks.contains(id) && !half_made.contains_key(id.as_str())
        });
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
            if listed.contains(id) || database.volumes.contains_key(volume) {
                continue;
            }
            let why = match half_made.get(id.as_str()) {
                // That of a clone that was being made: Heketi records its bricks first.
                Some(operation) => format!("operation {operation} was making it"),
                None => {
                    format!("its volume {volume} is not known; 'mortar check' tells whether the node has it")
                }
            };
            self.note(Weight::LeftOut, "brick", id, "", why);
        }
    }
}

fn default_path(device: DeviceId, brick: BrickId) -> String {
    format!("{}/vg_{device}/brick_{brick}/brick", layout::HEKETI_MOUNTS)
}
