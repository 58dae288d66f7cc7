//! What is to become of one member's record of a volume: what most members have, what it has itself, and what Mortar has
//! recorded have to fit together.

use mortar_model::{Brick, ClusterId, OperationId, VolumeId, VolumeName, layout};

use crate::landscape::Landscape;
use crate::plan::Subject;

/// A volume as one member has it on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Grows with each change.
    pub version: u64,
    /// Mortar's id of it; empty for one that is not Mortar's.
    pub id: String,
    /// Its bricks as `host:path`, each `/` of the path as `-`.
    pub bricks: Vec<String>,
}

/// What is to become of a member's record.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// It is set aside, and the member learns that of the others, or that there is none.
    Aside,
    /// The member has none, and learns it.
    Learn,
    /// It is set aside as well, once these bricks, which only this member counts to the volume, are seen to hold no files.
    AsideIfUnused(Vec<Brick>),
    /// It is right, and newer: the others learn it when they meet anew.
    Spread,
}

/// What is to become of a member's own record of a volume, where most members have this one. `is_undone` tells whether an
/// operation is on its way back.
///
/// # Errors
/// Says why nothing is proven.
pub fn way(
    landscape: &Landscape,
    cluster: ClusterId,
    name: &VolumeName,
    (own, right): (Option<&Recorded>, Option<&Recorded>),
    is_undone: impl Fn(OperationId) -> bool,
) -> Result<Way, String> {
    let known = Known::of(landscape, cluster, name, [own, right]);
    match (own, right) {
        (None, None) => Err(format!("volume {name} changed meanwhile")),
        (None, Some(right)) if known.fits(right) => Ok(Way::Learn),
        (Some(own), None) => without(landscape, &known, name, own, is_undone),
        (Some(own), Some(right)) => {
            let newer = own.version > right.version;
            match (known.fits(own), known.fits(right)) {
                // An operation is about to find its own change done there.
                (true, true) if known.has_new(own) && !known.has_new(right) => {
                    if newer {
                        Ok(Way::Spread)
                    } else if known.holder.is_some_and(is_undone) {
                        // It cannot: the others know of nothing that they could take out again.
                        Ok(Way::AsideIfUnused(known.to_come))
                    } else {
                        Err(format!(
                            "volume {name} is being changed, and only this member has the change"
                        ))
                    }
                }
                (_, true) => Ok(Way::Aside),
                (true, false) if newer => Ok(Way::Spread),
                (_, false) => Err(unfit(name)),
            }
        }
        (None, Some(_)) => Err(unfit(name)),
    }
}

fn unfit(name: &VolumeName) -> String {
    format!("what most members have of volume {name} is not what Mortar has recorded of it")
}

/// Most members know of no such volume.
fn without(
    landscape: &Landscape,
    known: &Known,
    name: &VolumeName,
    own: &Recorded,
    is_undone: impl Fn(OperationId) -> bool,
) -> Result<Way, String> {
    let id: Option<VolumeId> = own.id.parse().ok();
    if let Some(volume) = known.volume {
        return match landscape.remover(volume) {
            Some(_) => Ok(Way::Aside),
            None => Err(format!(
                "volume {name} is recorded, and most members have lost it"
            )),
        };
    }
    // It may have been found made just now; one that is being undone is to be gone.
    if known.maker.is_some_and(|maker| !is_undone(maker)) {
        return Ok(Way::Spread);
    }
    let ours = own
        .bricks
        .iter()
        .all(|brick| brick.contains(&layout::MOUNTS.replace('/', "-")));
    if id.is_some() || (ours && !own.bricks.is_empty()) {
        return Ok(Way::Aside);
    }
    Err(format!(
        "volume {name} is not Mortar's, and only this member knows it"
    ))
}

/// What Mortar knows of a volume of that name.
struct Known {
    /// Recorded, with its bricks.
    volume: Option<VolumeId>,
    bricks: Vec<String>,
    /// Bricks that an operation gives it, and as they are in a record.
    to_come: Vec<Brick>,
    new: Vec<String>,
    /// The operation that makes it.
    maker: Option<OperationId>,
    /// The operation that makes or changes it.
    holder: Option<OperationId>,
}

impl Known {
    fn of(
        landscape: &Landscape,
        cluster: ClusterId,
        name: &VolumeName,
        records: [Option<&Recorded>; 2],
    ) -> Self {
        let inventory = landscape.inventory();
        let volume = inventory.volume_by_name(cluster, name);
        let ids = records
            .into_iter()
            .flatten()
            .filter_map(|record| record.id.parse().ok());
        let volume = volume.map(|volume| volume.id).or_else(|| {
            ids.into_iter()
                .find(|id: &VolumeId| inventory.volume(*id).is_some())
        });
        let bricks = volume
            .map(|id| shown(landscape, inventory.bricks_of(id)))
            .unwrap_or_default();
        let maker = landscape
            .volume_to_come(cluster, name)
            .map(|(operation, _)| operation);
        let holder = maker.or_else(|| landscape.holder(Subject::Volume(volume?)));
        let to_come = holder
            .map(|operation| landscape.bricks_of_operation(operation))
            .unwrap_or_default();
        Self {
            volume,
            bricks,
            new: shown(landscape, to_come.iter()),
            to_come,
            maker,
            holder,
        }
    }

    /// Whether a record can be one of the volume that is known, before or after what is done to it.
    fn fits(&self, record: &Recorded) -> bool {
        if self.volume.is_none() && self.maker.is_none() {
            return true;
        }
        let mut all = self.bricks.clone();
        let before = self.maker.is_none() && record.bricks == all;
        all.extend(self.new.iter().cloned());
        before || record.bricks == all
    }

    /// Whether it has what an operation gives the volume.
    fn has_new(&self, record: &Recorded) -> bool {
        !self.new.is_empty() && self.new.iter().all(|brick| record.bricks.contains(brick))
    }
}

/// Bricks as glusterd writes them into its records.
fn shown<'a>(landscape: &Landscape, bricks: impl Iterator<Item = &'a Brick>) -> Vec<String> {
    let inventory = landscape.inventory();
    let brick = |brick: &Brick| {
        let node = inventory.node_of_brick(brick)?;
        let path = brick.place().brick_path().replace('/', "-");
        Some(format!("{}:{path}", node.storage))
    };
    bricks.filter_map(brick).collect()
}
