//! Devices that are emptied: their bricks move to others, one after the other, each by an operation of its own.

use mortar_model::work::{BricksSpec, Goal, Thing};
use mortar_model::{Device, DeviceId, Node, NodeId, State};

use crate::landscape::Landscape;
use crate::plan::{Change, Place, Plan, Stage, Step, Subject};
use crate::refusal::Refusal;

/// Plans how a device is emptied. It takes no bricks meanwhile, and is `failed` when it has none. With `dead`, its bricks
/// need not run.
///
/// # Errors
/// The device is unknown or being changed.
pub fn drain_device(landscape: &Landscape, id: DeviceId, dead: bool) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let unknown = || Refusal::Unknown("device", id.to_string());
    let device = inventory.device(id).ok_or_else(unknown)?;
    let node = inventory.node(device.node).ok_or_else(unknown)?;
    let holders = [Subject::Device(id), Subject::Node(node.id)];
    if let Some(operation) = holders.into_iter().find_map(|thing| landscape.holder(thing)) {
        return Err(Refusal::Busy("device", id.to_string(), operation));
    }
    let called = format!("device {}:{}", node.manage, device.path);
    let failed = Device {
        state: State::Failed,
        ..device.clone()
    };
    Ok(plan(node, vec![id], called, dead, Change::PutDevice(failed)))
}

/// Plans how all devices of a node are emptied. The node takes no bricks meanwhile, and is `failed` when it has none.
/// With `dead`, it need not answer.
///
/// # Errors
/// The node is unknown, or it or a device of it is being changed.
pub fn drain_node(landscape: &Landscape, id: NodeId, dead: bool) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let node = inventory
        .node(id)
        .ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
    let devices: Vec<DeviceId> = inventory.devices_of(id).map(|device| device.id).collect();
    let things = devices.iter().map(|device| Subject::Device(*device));
    let mut held = things
        .chain([Subject::Node(id)])
        .filter_map(|thing| landscape.holder(thing));
    if let Some(operation) = held.next().or_else(|| landscape.devices_to_come(id)) {
        return Err(Refusal::Busy("node", id.to_string(), operation));
    }
    let called = format!("node {}", node.manage);
    let failed = Node {
        state: State::Failed,
        ..node.clone()
    };
    Ok(plan(node, devices, called, dead, Change::PutNode(failed)))
}

fn plan(node: &Node, devices: Vec<DeviceId>, called: String, dead: bool, change: Change) -> Plan {
    let bricks = BricksSpec {
        devices,
        called,
        dead,
    };
    let step = Step {
        place: Place::Node(node.id),
        thing: Thing::Bricks(bricks),
        goal: Goal::Absent,
        needed: true,
    };
    Plan {
        stages: vec![Stage {
            title: "move its bricks".into(),
            steps: vec![step],
        }],
        forward_from: None,
        changes: vec![change],
    }
}
