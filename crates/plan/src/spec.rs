//! What is recorded of a thing, as the spec of a step: for those who compare it with what is seen, or mend it.

use mortar_model::work::{BrickAddress, BrickSpec, Goal, Thing};
use mortar_model::{Brick, ClusterId, DeviceId, Inventory, NodeId, Volume, VolumeOption};

use crate::create::{addresses, brick_steps, pool_nodes};
use crate::identity;
use crate::plan::Place;

/// The spec of a brick that is recorded; `None` when its volume, device or node is not.
pub fn brick_spec(inventory: &Inventory, brick: &Brick) -> Option<BrickSpec> {
    let volume = inventory.volume(brick.volume)?;
    let step = brick_steps(inventory, volume, std::slice::from_ref(brick), Goal::Present).pop()?;
    match step.thing {
        Thing::Brick(spec) => Some(spec),
        _ => None,
    }
}

/// Where GlusterFS has the bricks of a volume, set by set.
pub fn brick_addresses(inventory: &Inventory, volume: &Volume) -> Vec<BrickAddress> {
    let bricks: Vec<Brick> = inventory.bricks_of(volume.id).cloned().collect();
    addresses(inventory, &bricks)
}

/// The options `user.mortar.*` that a volume is to have.
pub fn identity_options(volume: &Volume) -> Vec<VolumeOption> {
    identity::volume_options(volume, volume.size)
}

/// Any member of a pool, those that have these devices first.
pub fn any_member(
    inventory: &Inventory,
    cluster: ClusterId,
    devices: impl Iterator<Item = DeviceId>,
) -> Place {
    let nodes: Vec<NodeId> = pool_nodes(inventory, cluster, devices);
    Place::Pool(cluster, nodes)
}
