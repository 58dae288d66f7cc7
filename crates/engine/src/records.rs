//! The store's records: which record a change writes, and the landscape read back from them.

use mortar_journal::{Ended, Operation};
use mortar_model::work::Facts;
use mortar_model::{Attachments, BlockVolume, Brick, Cluster, Device, Inventory, Node, Snapshot, Volume};
use mortar_plan::{Change, Landscape};
use mortar_store::{Kind, Store, StoreError, Write, decode};
use serde::de::DeserializeOwned;

use crate::error::OpenError;

/// Everything that was remembered.
pub(crate) struct Loaded {
    pub(crate) landscape: Landscape,
    pub(crate) open: Vec<Operation>,
    /// Those that ended, oldest first.
    pub(crate) ended: Vec<Ended>,
}

/// Reads all records and puts them together.
pub(crate) fn load(store: &dyn Store) -> Result<Loaded, OpenError> {
    let mut inventory = Inventory::new();
    each(store, Kind::Cluster, |cluster: Cluster| {
        inventory.put_cluster(cluster);
        Ok(())
    })?;
    each(store, Kind::Node, |node: Node| {
        inventory.put_node(node).map_err(unsound)
    })?;
    each(store, Kind::Device, |device: Device| {
        inventory.put_device(device).map_err(unsound)
    })?;
    each(store, Kind::Volume, |volume: Volume| {
        inventory.put_volume(volume).map_err(unsound)
    })?;
    each(store, Kind::Brick, |brick: Brick| {
        inventory.add_brick(brick).map_err(unsound)
    })?;
    each(store, Kind::Snapshot, |snapshot: Snapshot| {
        inventory.add_snapshot(snapshot).map_err(unsound)
    })?;
    each(store, Kind::BlockVolume, |block: BlockVolume| {
        inventory.put_block(block).map_err(unsound)
    })?;
    each(store, Kind::Attachment, |attachments: Attachments| {
        inventory.put_attachments(attachments).map_err(unsound)
    })?;
    let mut landscape = Landscape::new(inventory);
    let mut open = Vec::new();
    each(store, Kind::Operation, |operation: Operation| {
        if operation.steps.len() != operation.plan.steps().count() {
            return Err(OpenError::Unsound(format!(
                "operation {} has {} steps and its plan has others",
                operation.id,
                operation.steps.len()
            )));
        }
        landscape.hold(operation.id, &operation.plan);
        open.push(operation);
        Ok(())
    })?;
    open.sort_by_key(|operation| (operation.created, operation.id));
    let mut ended = Vec::new();
    each(store, Kind::Ended, |operation: Ended| {
        ended.push(operation);
        Ok(())
    })?;
    ended.sort_unstable_by_key(|operation| (operation.ended, operation.id));
    Ok(Loaded {
        landscape,
        open,
        ended,
    })
}

/// The writes that make an empty store hold these records: what was taken over from elsewhere.
///
/// # Errors
/// A record has no JSON form.
pub fn records_of(inventory: &Inventory) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for cluster in inventory.clusters() {
        writes.push(Write::put(Kind::Cluster, &cluster.id, cluster)?);
    }
    for node in inventory.nodes() {
        writes.push(Write::put(Kind::Node, &node.id, node)?);
    }
    for device in inventory.devices() {
        writes.push(Write::put(Kind::Device, &device.id, device)?);
    }
    for volume in inventory.volumes() {
        writes.push(Write::put(Kind::Volume, &volume.id, volume)?);
        let bricks: Vec<Brick> = inventory.bricks_of(volume.id).cloned().collect();
        put_bricks(&mut writes, &bricks)?;
    }
    for block in inventory.blocks() {
        writes.push(Write::put(Kind::BlockVolume, &block.id, block)?);
    }
    Ok(writes)
}

/// What a store has recorded of clusters, nodes, devices, volumes and bricks, and how many operations are open in it.
///
/// # Errors
/// A record cannot be read, or has no place among the others.
pub fn recorded_in(store: &dyn Store) -> Result<(Inventory, usize), OpenError> {
    let loaded = load(store)?;
    Ok((loaded.landscape.inventory().clone(), loaded.open.len()))
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of an error")]
fn unsound(error: mortar_model::InventoryError) -> OpenError {
    OpenError::Unsound(error.to_string())
}

fn each<T: DeserializeOwned>(
    store: &dyn Store,
    kind: Kind,
    mut take: impl FnMut(T) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let mut trouble = None;
    store.scan(kind, None, &mut |key, value| {
        if trouble.is_none()
            && let Err(error) = take(decode(kind, key, value)?)
        {
            trouble = Some(error);
        }
        Ok(())
    })?;
    trouble.map_or(Ok(()), Err)
}

/// The record of an operation that is under way.
pub(crate) fn operation(operation: &Operation) -> Result<Write, StoreError> {
    Write::put(Kind::Operation, &operation.id, operation)
}

/// Replaces an operation's record with what remains of it.
pub(crate) fn end(ended: &Ended) -> Result<[Write; 2], StoreError> {
    Ok([
        Write::delete(Kind::Operation, &ended.id),
        Write::put(Kind::Ended, &ended.id, ended)?,
    ])
}

/// What the store must hold once these changes are made to this inventory.
pub(crate) fn changes(
    inventory: &Inventory,
    changes: &[Change],
    facts: &Facts,
) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for change in changes {
        match change {
            Change::PutCluster(cluster) => writes.push(Write::put(Kind::Cluster, &cluster.id, cluster)?),
            Change::RemoveCluster(id) => writes.push(Write::delete(Kind::Cluster, id)),
            Change::PutNode(node) => writes.push(Write::put(Kind::Node, &node.id, node)?),
            Change::RemoveNode(id) => writes.push(Write::delete(Kind::Node, id)),
            Change::ForgetNode(id) => {
                let devices = inventory.devices_of(*id);
                writes.extend(devices.map(|device| Write::delete(Kind::Device, &device.id)));
                writes.push(Write::delete(Kind::Node, id));
            }
            Change::PutDevice(device) => writes.push(Write::put(Kind::Device, &device.id, device)?),
            Change::AddDevice(device) | Change::ResizeDevice(device) => {
                let device = mortar_plan::learned(device, facts);
                writes.push(Write::put(Kind::Device, &device.id, &device)?);
            }
            Change::RemoveDevice(id) => writes.push(Write::delete(Kind::Device, id)),
            Change::AddVolume(volume, bricks) => {
                writes.push(Write::put(Kind::Volume, &volume.id, volume)?);
                put_bricks(&mut writes, bricks)?;
            }
            Change::PutVolume(volume) => writes.push(Write::put(Kind::Volume, &volume.id, volume)?),
            Change::GrowVolume { volume, by, bricks } | Change::GrowBricks { volume, by, bricks } => {
                if let Some(known) = inventory.volume(*volume) {
                    let grown = Volume {
                        size: known.size + *by,
                        ..known.clone()
                    };
                    writes.push(Write::put(Kind::Volume, &grown.id, &grown)?);
                }
                put_bricks(&mut writes, bricks)?;
            }
            Change::Copies {
                volume,
                added,
                removed,
            } => {
                writes.push(Write::put(Kind::Volume, &volume.id, volume)?);
                put_bricks(&mut writes, added)?;
                writes.extend(removed.iter().map(|brick| Write::delete(Kind::Brick, brick)));
            }
            Change::OrderBricks { volume, bricks } => {
                if let Some(known) = inventory.volume(*volume) {
                    let sure = Volume {
                        sets_guessed: false,
                        ..known.clone()
                    };
                    writes.push(Write::put(Kind::Volume, &sure.id, &sure)?);
                }
                put_bricks(&mut writes, bricks)?;
            }
            Change::ReplaceBrick { old, new } => {
                writes.push(Write::delete(Kind::Brick, old));
                put_bricks(&mut writes, std::slice::from_ref(new))?;
            }
            Change::Clear(_) => {}
            Change::RemoveVolume(id) => {
                writes.push(Write::delete(Kind::Volume, id));
                writes.push(Write::delete(Kind::Attachment, id));
                writes.extend(
                    inventory
                        .bricks_of(*id)
                        .map(|brick| Write::delete(Kind::Brick, &brick.id)),
                );
            }
            Change::AddSnapshot(snapshot) => writes.push(Write::put(Kind::Snapshot, &snapshot.id, snapshot)?),
            Change::RemoveSnapshot(id) => writes.push(Write::delete(Kind::Snapshot, id)),
            Change::AddBlock(block) => {
                let block = mortar_plan::found_at(block, facts);
                writes.push(Write::put(Kind::BlockVolume, &block.id, &block)?);
            }
            Change::PutBlock(block) => writes.push(Write::put(Kind::BlockVolume, &block.id, block)?),
            Change::RemoveBlock(id) => writes.push(Write::delete(Kind::BlockVolume, id)),
            Change::PutAttachments(attachments) => writes.push(if attachments.nodes.is_empty() {
                Write::delete(Kind::Attachment, &attachments.volume)
            } else {
                Write::put(Kind::Attachment, &attachments.volume, attachments)?
            }),
            Change::Keep(_) => {}
        }
    }
    Ok(writes)
}

fn put_bricks(writes: &mut Vec<Write>, bricks: &[Brick]) -> Result<(), StoreError> {
    for brick in bricks {
        writes.push(Write::put(Kind::Brick, &brick.id, brick)?);
    }
    Ok(())
}
