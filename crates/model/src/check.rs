//! The invariants checker: what must be true of an inventory, whatever was done to it.
//!
//! It runs after test steps, at import, on request, and on stored state at start. It finds, it never mends.

use std::collections::{BTreeMap, BTreeSet};

use crate::{BlockRestriction, ByteSize, Inventory, Volume, ZoneChecking, taken_by};

/// One broken invariant, as a sentence that names the things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

/// Checks every invariant; an empty answer is a sound inventory.
pub fn check(inventory: &Inventory) -> Vec<Violation> {
    let mut found = Vec::new();
    check_space(inventory, &mut found);
    for volume in inventory.volumes() {
        check_volume(inventory, volume, &mut found);
        check_blocks(inventory, volume, &mut found);
    }
    found
}

fn check_space(inventory: &Inventory, found: &mut Vec<Violation>) {
    for device in inventory.devices() {
        let bricks = taken_by(inventory.bricks_on(device.id));
        let copies = inventory.copies_on(device.id);
        let sum = bricks + copies.map(|(copy, _)| copy.footprint()).sum::<ByteSize>();
        if sum != inventory.used(device.id) {
            found.push(Violation(format!(
                "device {}: its bricks take {sum}, its account says {}",
                device.id,
                inventory.used(device.id)
            )));
        }
        if sum > device.total {
            found.push(Violation(format!(
                "device {}: its bricks take {sum} of {}",
                device.id, device.total
            )));
        }
    }
}

fn check_volume(inventory: &Inventory, volume: &Volume, found: &mut Vec<Violation>) {
    let mut say = |text: String| found.push(Violation(format!("volume {}: {text}", volume.id)));
    let mut sets: BTreeMap<u32, Vec<&crate::Brick>> = BTreeMap::new();
    for brick in inventory.bricks_of(volume.id) {
        sets.entry(brick.set).or_default().push(brick);
    }
    if sets.is_empty() {
        return say("has no bricks".into());
    }
    let per_set = volume.durability.bricks_per_set();
    let mut usable = ByteSize::ZERO;
    for (set, bricks) in &sets {
        if bricks.len() != per_set as usize {
            say(format!(
                "set {set} has {} bricks, {} needs {per_set}",
                bricks.len(),
                volume.durability
            ));
        }
        let nodes: Vec<_> = bricks
            .iter()
            .filter_map(|brick| inventory.node_of_brick(brick))
            .collect();
        let distinct: BTreeSet<_> = nodes.iter().map(|node| node.id).collect();
        if distinct.len() != bricks.len() {
            say(format!("set {set} has two bricks on one node"));
        }
        let zones: BTreeSet<_> = nodes.iter().map(|node| node.zone).collect();
        if volume.zone_checking == ZoneChecking::Strict && zones.len() != bricks.len() {
            say(format!(
                "set {set} has two bricks in one zone, and its zones are strict"
            ));
        }
        if nodes.iter().any(|node| node.cluster != volume.cluster) {
            say(format!("set {set} has a brick on a node of another cluster"));
        }
        let sizes = bricks.iter().map(|brick| (brick.position, brick.size));
        usable += volume.durability.usable(sizes);
    }
    if usable < volume.size {
        say(format!("its sets hold {usable}, it is {}", volume.size));
    }
}

/// What Heketi has put on a volume beyond its reserve is told by its restriction.
fn check_blocks(inventory: &Inventory, volume: &Volume, found: &mut Vec<Violation>) {
    let (taken, room) = (inventory.taken_by_blocks(volume.id), volume.room_for_blocks());
    if taken > room && volume.block_restriction != BlockRestriction::LockedByUpdate {
        found.push(Violation(format!(
            "volume {}: its block volumes take {taken}, and may take {room}",
            volume.id
        )));
    }
}
