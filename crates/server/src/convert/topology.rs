//! All that exists, as `/v1/topology` shows it.

use mortar_api::{
    DEVICE_ADOPTED, DEVICE_DIRECTORY, DEVICE_LVM, NodeHealth, Topology, TopologyBrick, TopologyCluster,
    TopologyDevice, TopologyNode, TopologyVolume,
};
use mortar_engine::plan::{Landscape, Rule};
use mortar_model::{Brick, Cluster, ClusterId, Device, DeviceKind, Node, Overcommit, Volume};

/// Everything, or one cluster, as recorded.
pub(crate) fn topology(landscape: &Landscape, only: Option<ClusterId>) -> Topology {
    let clusters = landscape.inventory().clusters();
    let clusters = clusters
        .filter(|cluster| only.is_none_or(|only| cluster.id == only))
        .map(|cluster| of_cluster(cluster, landscape));
    Topology {
        clusters: clusters.collect(),
    }
}

fn of_cluster(cluster: &Cluster, landscape: &Landscape) -> TopologyCluster {
    let inventory = landscape.inventory();
    TopologyCluster {
        id: cluster.id.to_string(),
        file: cluster.file,
        block: cluster.block,
        nodes: inventory
            .nodes_of(cluster.id)
            .map(|node| self::node(node, landscape))
            .collect(),
        volumes: inventory
            .volumes_of(cluster.id)
            .map(|volume| of_volume(volume, landscape))
            .collect(),
    }
}

/// A node with all that is in it.
pub(crate) fn node(node: &Node, landscape: &Landscape) -> TopologyNode {
    let devices = landscape
        .inventory()
        .devices_of(node.id)
        .map(|device| self::device(device, landscape));
    TopologyNode {
        id: node.id.to_string(),
        zone: node.zone,
        manage: node.manage.to_string(),
        storage: node.storage.to_string(),
        state: node.state.to_string(),
        health: if landscape.is_healthy(node.id) {
            NodeHealth::Answers
        } else {
            NodeHealth::Away
        },
        tags: node.tags.clone(),
        devices: devices.collect(),
    }
}

/// What a device is driven through.
pub(crate) fn device_kind(kind: &DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Lvm { .. } => DEVICE_LVM,
        DeviceKind::Directory => DEVICE_DIRECTORY,
        DeviceKind::Adopted => DEVICE_ADOPTED,
    }
}

/// A device with its bricks.
pub(crate) fn device(device: &Device, landscape: &Landscape) -> TopologyDevice {
    let bricks = landscape
        .inventory()
        .bricks_on(device.id)
        .map(|brick| self::brick(brick, landscape));
    TopologyDevice {
        id: device.id.to_string(),
        path: device.path.to_string(),
        kind: device_kind(&device.kind).into(),
        state: device.state.to_string(),
        tags: device.tags.clone(),
        overcommit_percent: device.kind.shared().map(Overcommit::hundredths),
        size: device.total.bytes(),
        used: landscape.used(device.id).bytes(),
        too_full: landscape
            .too_full(device.id)
            .map(|full| Rule::TooFull(full).to_string())
            .unwrap_or_default(),
        bricks: bricks.collect(),
    }
}

/// A brick.
pub(crate) fn brick(brick: &Brick, landscape: &Landscape) -> TopologyBrick {
    let volume = landscape.inventory().volume(brick.volume);
    TopologyBrick {
        id: brick.id.to_string(),
        volume: brick.volume.to_string(),
        volume_name: volume.map(|volume| volume.name.to_string()).unwrap_or_default(),
        set: brick.set,
        position: brick.position,
        size: brick.size.bytes(),
        footprint: brick.footprint().bytes(),
    }
}

fn of_volume(volume: &Volume, landscape: &Landscape) -> TopologyVolume {
    let bricks = landscape.inventory().bricks_of(volume.id).count();
    TopologyVolume {
        id: volume.id.to_string(),
        name: volume.name.to_string(),
        size: volume.size.bytes(),
        durability: volume.durability.to_string(),
        bricks: u32::try_from(bricks).unwrap_or(u32::MAX),
    }
}
