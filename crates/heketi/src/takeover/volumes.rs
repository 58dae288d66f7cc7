//! Volumes, with their bricks.

use std::collections::BTreeSet;

use mortar_model::{
    Brick, ByteSize, ClusterId, Disperse, Durability, Snapshots, Volume, VolumeName, VolumeOption,
    ZoneChecking,
};

use super::{Faulty, HalfMade, Taking, Weight};
use crate::db::VolumeEntry;
use crate::volume::ARBITER_OPTION;

/// A volume that is to be left out, and why.
type Refused = String;

impl Taking<'_> {
    pub(super) fn volumes(&mut self, half_made: &HalfMade<'_>) {
        let database = self.database;
        for (id, entry) in &database.volumes {
            let name = entry.info.name.as_str();
            if let Some(operation) = half_made.get(id.as_str()) {
                let why = format!("operation {operation} was making it");
                self.note(Weight::LeftOut, "volume", id, name, why);
                continue;
            }
            let before = self.notes.len();
            let taken = self.volume(id, entry, half_made);
            let faults = self.notes[before..]
                .iter()
                .filter(|note| note.weight == Weight::Fault)
                .count();
            match taken {
                Err(why) => self.note(Weight::LeftOut, "volume", id, name, why),
                Ok(_) if faults > 0 && self.terms.faulty == Faulty::LeaveOut => {
                    for note in &mut self.notes[before..] {
                        note.weight = Weight::LeftOut;
                    }
                }
                Ok((volume, bricks)) => {
                    let put = self.inventory.put_volume(volume);
                    if self.put("volume", id, name, put) {
                        for brick in bricks {
                            let (brick_id, put) = (brick.id.to_string(), self.inventory.add_brick(brick));
                            self.put("brick", &brick_id, name, put);
                        }
                    }
                }
            }
        }
        self.strays(half_made);
    }

    fn volume(
        &mut self,
        id: &str,
        entry: &VolumeEntry,
        half_made: &HalfMade<'_>,
    ) -> Result<(Volume, Vec<Brick>), Refused> {
        let info = &entry.info;
        let parsed = id.parse().map_err(|error| format!("{error}"))?;
        let name = VolumeName::new(info.name.as_str()).map_err(|error| error.to_string())?;
        let size = u64::try_from(info.size).ok().filter(|size| *size > 0);
        let size = size.ok_or_else(|| format!("its size is {} GiB", info.size))?;
        let gid = u32::try_from(info.gid).map_err(|_| format!("its group is {}", info.gid))?;
        if !entry.pending.id.is_empty() && !self.database.operations.contains_key(&entry.pending.id) {
            let why = format!(
                "it is marked with operation {}, which is not known",
                entry.pending.id
            );
            self.note(Weight::Fault, "volume", id, name.as_str(), why);
        }
        let options = self.options(id, entry);
        let durability = self.durability(entry)?;
        let cluster = self.cluster_of_volume(id, entry)?;
        let mut volume = Volume {
            id: parsed,
            cluster,
            name,
            size: ByteSize::from_gib(size),
            durability,
            gid,
            zone_checking: zones(&options).unwrap_or(self.terms.zones),
            options,
            snapshots: snapshots(entry),
            block: info.block,
            origin: None,
            sets_guessed: false,
            by_user: false,
            block_restriction: super::blocks::restriction(entry),
        };
        self.exchanges(id, volume.name.as_str(), &entry.bricks);
        let bricks = self.bricks(&volume, entry, half_made)?;
        volume.sets_guessed = bricks.len() > 1;
        if zones(&volume.options).is_none() && !self.are_in_distinct_zones(&volume, &bricks) {
            let why = "its bricks are not in zones of their own: new ones need not be either, though zone checking is strict";
            self.note(Weight::Remark, "volume", id, volume.name.as_str(), why);
            volume.zone_checking = ZoneChecking::None;
        }
        Ok((volume, bricks))
    }

    /// Whether zones can be strict for a volume: where they are meant to be, no two bricks of a set are in one.
    fn are_in_distinct_zones(&self, volume: &Volume, bricks: &[Brick]) -> bool {
        let zone = |brick: &Brick| self.inventory.node_of_brick(brick).map(|node| node.zone);
        let mut met = BTreeSet::new();
        volume.zone_checking == ZoneChecking::None
            || bricks.iter().all(|brick| met.insert((brick.set, zone(brick))))
    }

    /// The cluster that a volume says it is on, else the one of its bricks' nodes.
    fn cluster_of_volume(&mut self, id: &str, entry: &VolumeEntry) -> Result<ClusterId, Refused> {
        let said = &entry.info.cluster;
        let known = said.parse().ok().and_then(|id| self.inventory.cluster(id));
        if let Some(cluster) = known {
            return Ok(cluster.id);
        }
        let mut bricks = entry
            .bricks
            .iter()
            .filter_map(|brick| self.database.bricks.get(brick));
        let of_brick = bricks.find_map(|brick| {
            let node = self.inventory.node(brick.info.node.parse().ok()?)?;
            Some(node.cluster)
        });
        let cluster = of_brick.ok_or_else(|| format!("its cluster {said} is not known"))?;
        let why = format!("it says it is on cluster {said}, which is not known; its bricks are on {cluster}");
        self.note(Weight::Fault, "volume", id, &entry.info.name, why);
        Ok(cluster)
    }

    /// Options in Mortar's form; those that it would not give to `gluster` stay in Heketi's words only.
    fn options(&mut self, id: &str, entry: &VolumeEntry) -> Vec<VolumeOption> {
        let mut options = Vec::new();
        for text in asked_options(entry).iter().filter(|text| !text.trim().is_empty()) {
            match VolumeOption::parse(text) {
                Ok(option) => options.push(option),
                Err(error) => {
                    let why = format!("its option '{text}' stays as it is set, and is not watched: {error}");
                    self.note(Weight::Remark, "volume", id, &entry.info.name, why);
                }
            }
        }
        options
    }

    /// By the type: counts of other types stand there, too.
    fn durability(&self, entry: &VolumeEntry) -> Result<Durability, Refused> {
        let said = &entry.info.durability;
        let arbiter = || {
            let option = |text: &String| text.trim() == format!("{ARBITER_OPTION} true");
            let mut bricks = entry
                .bricks
                .iter()
                .filter_map(|brick| self.database.bricks.get(brick));
            entry.info.options.iter().any(option) || bricks.any(|brick| brick.sub_type == 2)
        };
        let durability = match said.kind.as_str() {
            "" | "none" => Durability::None,
            "replicate" => match u32::try_from(said.replicate.replica) {
                Ok(3) if arbiter() => Durability::Arbiter,
                // Heketi's default, where nobody said how many.
                Ok(0) => Durability::Replicate(2),
                Ok(copies) => Durability::Replicate(copies),
                Err(_) => return Err(format!("it has {} copies", said.replicate.replica)),
            },
            "disperse" => {
                let Disperse { data, redundancy } = Disperse {
                    data: u32::try_from(said.disperse.data).unwrap_or(0),
                    redundancy: u32::try_from(said.disperse.redundancy).unwrap_or(0),
                };
                Durability::disperse(data, redundancy)
            }
            other => return Err(format!("its durability is {other:?}")),
        };
        durability.check().map_err(|error| error.to_string())?;
        Ok(durability)
    }
}

/// The options of a volume's entry. Old versions have them in one of the two places only.
pub(super) fn asked_options(entry: &VolumeEntry) -> &[String] {
    if entry.info.options.is_empty() {
        entry.options.as_deref().unwrap_or_default()
    } else {
        &entry.info.options
    }
}

fn snapshots(entry: &VolumeEntry) -> Snapshots {
    let said = entry.info.snapshot;
    let sound = said.enable && (1.0..=100.0).contains(&said.factor);
    Snapshots {
        enable: sound,
        factor: if sound { said.factor } else { 1.0 },
    }
}

/// What an option says of zones; later sets keep it. As in Heketi, any word but these two says nothing.
fn zones(options: &[VolumeOption]) -> Option<ZoneChecking> {
    let said = options
        .iter()
        .rev()
        .find(|option| option.key() == "user.heketi.zone-checking");
    match said.map(VolumeOption::value)? {
        "strict" => Some(ZoneChecking::Strict),
        "none" => Some(ZoneChecking::None),
        _ => None,
    }
}
