//! Things as Heketi shows them.

use std::collections::BTreeSet;

use mortar_engine::plan::Landscape;
use mortar_heketi::cluster::ClusterInfo;
use mortar_heketi::device::{BrickInfo, DeviceInfo, StorageSize};
use mortar_heketi::node::{HostAddresses, NodeInfo};
use mortar_heketi::volume::{
    ARBITER_OPTION, DurabilityRequest, GlusterFsMount, Mount, SnapshotRequest, VolumeInfo,
};
use mortar_model::{
    Brick, Cluster, ClusterId, Device, DeviceId, DeviceKind, Disperse, Durability, Node, NodeId, Volume,
    VolumeId,
};

use crate::heketi::blocks;

/// Volumes that are just being deleted: Heketi does not show them, nor their bricks.
pub(crate) type Leaving = BTreeSet<VolumeId>;

/// A cluster.
pub(crate) fn cluster(landscape: &Landscape, id: ClusterId, leaving: &Leaving) -> Option<ClusterInfo> {
    let inventory = landscape.inventory();
    let Cluster { id, file, block } = *inventory.cluster(id)?;
    let volumes = inventory
        .volumes_of(id)
        .map(|volume| volume.id)
        .filter(|volume| !leaving.contains(volume));
    Some(ClusterInfo {
        id,
        nodes: inventory.nodes_of(id).map(|node| node.id).collect(),
        volumes: volumes.collect(),
        block,
        file,
        blockvolumes: blocks::on(landscape, id),
    })
}

/// A node with its devices and their bricks.
pub(crate) fn node(landscape: &Landscape, id: NodeId, leaving: &Leaving) -> Option<NodeInfo> {
    let inventory = landscape.inventory();
    let Node {
        id,
        cluster,
        zone,
        manage,
        storage,
        tags,
        state,
    } = inventory.node(id)?.clone();
    Some(NodeInfo {
        zone,
        hostnames: HostAddresses {
            manage: vec![manage.into()],
            storage: vec![storage.into()],
        },
        cluster,
        tags,
        id,
        state,
        devices: inventory
            .devices_of(id)
            .map(|device| of_device(landscape, device, leaving))
            .collect(),
    })
}

/// A device with its bricks.
pub(crate) fn device(landscape: &Landscape, id: DeviceId, leaving: &Leaving) -> Option<DeviceInfo> {
    landscape
        .inventory()
        .device(id)
        .map(|device| of_device(landscape, device, leaving))
}

fn of_device(landscape: &Landscape, device: &Device, leaving: &Leaving) -> DeviceInfo {
    let (paths, pv_uuid) = match &device.kind {
        DeviceKind::Lvm { uuid, paths, .. } => (paths.clone(), uuid.clone()),
        DeviceKind::Directory | DeviceKind::Adopted => (Vec::new(), String::new()),
    };
    // What running operations spoke for is not free, though its bricks are not shown yet.
    let used = landscape.used(device.id);
    let bricks = landscape
        .inventory()
        .bricks_on(device.id)
        .filter(|brick| !leaving.contains(&brick.volume));
    DeviceInfo {
        name: device.path.to_string(),
        tags: device.tags.clone(),
        storage: StorageSize {
            total: device.total.kib(),
            free: device.total.minus(used).kib(),
            used: used.kib(),
        },
        id: device.id,
        paths,
        pv_uuid,
        state: device.state,
        bricks: bricks.map(|brick| of_brick(brick, device.node)).collect(),
    }
}

fn of_brick(brick: &Brick, node: NodeId) -> BrickInfo {
    BrickInfo {
        id: brick.id,
        path: brick.place().brick_path(),
        device: brick.device,
        node,
        volume: brick.volume,
        size: brick.size.kib(),
    }
}

/// A volume with its bricks.
pub(crate) fn volume(landscape: &Landscape, id: VolumeId) -> Option<VolumeInfo> {
    let inventory = landscape.inventory();
    let volume = inventory.volume(id)?;
    let bricks = inventory
        .bricks_of(id)
        .filter_map(|brick| Some(of_brick(brick, inventory.device(brick.device)?.node)));
    Some(VolumeInfo {
        size: volume.size.gib(),
        clusters: Vec::new(),
        name: volume.name.to_string(),
        durability: durability(volume.durability),
        gid: i64::from(volume.gid),
        glustervolumeoptions: VolumeInfo::option_list(options(volume)),
        block: volume.block,
        snapshot: SnapshotRequest {
            enable: volume.snapshots.enable,
            factor: snapshot_factor(volume),
        },
        id,
        cluster: volume.cluster,
        mount: Mount {
            glusterfs: mount(landscape, volume),
        },
        blockinfo: blocks::held_by(landscape, volume),
        bricks: bricks.collect(),
    })
}

/// How a volume is mounted: every node of its cluster can be asked for it.
pub(crate) fn mount(landscape: &Landscape, volume: &Volume) -> GlusterFsMount {
    let hosts = landscape
        .inventory()
        .nodes_of(volume.cluster)
        .map(|node| node.storage.to_string());
    GlusterFsMount::new(volume.name.as_str(), hosts.collect())
}

fn durability(durability: Durability) -> DurabilityRequest {
    let mut request = DurabilityRequest::default();
    request.kind = match durability {
        Durability::None => "none",
        Durability::Replicate(_) | Durability::Arbiter => {
            request.replicate.replica = i64::from(durability.replica());
            "replicate"
        }
        Durability::Disperse(Disperse { data, redundancy }) => {
            request.disperse.data = i64::from(data);
            request.disperse.redundancy = i64::from(redundancy);
            "disperse"
        }
    }
    .into();
    request
}

/// Options as asked for. That a volume has arbiters is said by one of them, also where nobody asked for it in these words.
fn options(volume: &Volume) -> impl Iterator<Item = String> + '_ {
    let said = volume.options.iter().any(|option| option.key() == ARBITER_OPTION);
    let arbiter = volume.durability == Durability::Arbiter && !said;
    let options = volume.options.iter().map(ToString::to_string);
    options.chain(arbiter.then(|| format!("{ARBITER_OPTION} true")))
}

fn snapshot_factor(volume: &Volume) -> f64 {
    if volume.snapshots.enable {
        volume.snapshots.factor
    } else {
        1.0
    }
}
