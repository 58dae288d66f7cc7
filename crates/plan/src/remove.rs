//! A volume that is not wanted any more.

use mortar_model::work::{Goal, Thing, VolumeSpec};
use mortar_model::{Brick, Durability, VolumeId};

use crate::attach;
use crate::create::{addresses, brick_steps, pool_step};
use crate::identity;
use crate::landscape::Landscape;
use crate::plan::{Change, Plan, Stage};
use crate::refusal::Refusal;

/// Plans the end of a volume and its bricks.
///
/// # Errors
/// The volume is unknown or being changed, or has snapshots or block volumes, or is attached to nodes.
pub fn delete_volume(landscape: &Landscape, id: VolumeId) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let volume = landscape.unchanged_volume(id)?;
    if inventory.snapshots_of(id).next().is_some() {
        return Err(Refusal::InUse("volume", id.to_string(), "snapshots"));
    }
    if inventory.blocks_on(id).next().is_some() {
        return Err(Refusal::InUse("volume", id.to_string(), "block volumes"));
    }
    attach::unused(landscape, id)?;
    if let Some(operation) = landscape.blocks_come(id) {
        return Err(Refusal::Busy("volume", id.to_string(), operation));
    }
    let bricks: Vec<Brick> = inventory.bricks_of(id).cloned().collect();
    let mut options = volume.options.clone();
    options.extend(identity::volume_options(volume, volume.size));
    let spec = VolumeSpec {
        volume: id,
        name: volume.name.clone(),
        replica: volume.durability.replica(),
        arbiter: volume.durability == Durability::Arbiter,
        disperse: volume.durability.pieces(),
        bricks: addresses(inventory, &bricks),
        options,
    };
    let stages = vec![
        Stage {
            title: "stop and delete the volume".into(),
            steps: vec![pool_step(
                inventory,
                volume.cluster,
                &bricks,
                Thing::Volume(spec),
                Goal::Absent,
            )],
        },
        Stage {
            title: "remove its bricks".into(),
            steps: brick_steps(inventory, volume, &bricks, Goal::Absent),
        },
    ];
    // A brick that is removed has lost its data.
    Ok(Plan {
        stages,
        forward_from: Some(1),
        changes: vec![Change::RemoveVolume(id)],
    })
}
