//! Records as the planner makes them, and what nodes show that are just as recorded.

use mortar_model::work::Facts;
use mortar_model::{
    BlockVolume, BlockVolumeId, Brick, BrickNames, BrickSpace, ByteSize, Cluster, ClusterId, Device,
    DeviceId, DeviceKind, DevicePath, Durability, HostName, Inventory, LvmName, Node, NodeId, Secret, State,
    Tags, Target, Volume, VolumeName, VolumeOption, layout,
};
use mortar_plan::{
    Change, CreateVolume, Landscape, Limits, Seed, brick_spec, create_volume, identity_options,
};
use mortar_survey::Scan;

use crate::shown::{block_seen, info, survey};

/// A landscape of two pools of three nodes, each with a disk and a directory, with volumes of every shape.
pub(crate) fn landscape(seed: u64, volumes: usize) -> Landscape {
    made(seed, volumes, false)
}

/// The same, where volumes of three copies hold block volumes.
pub(crate) fn with_blocks(seed: u64, volumes: usize) -> Landscape {
    made(seed, volumes, true)
}

fn made(seed: u64, volumes: usize, blocks: bool) -> Landscape {
    let mut landscape = Landscape::new(Inventory::new());
    let mut seed = Seed::new(u128::from(seed) + 1);
    for pool in 1..=2_u32 {
        let cluster = Cluster {
            id: ClusterId::from_u128(seed.next_u128()),
            file: true,
            block: true,
        };
        let id = cluster.id;
        apply(&mut landscape, &[Change::PutCluster(cluster)]);
        for number in 1..=3_u32 {
            add_node(&mut landscape, &mut seed, id, pool, number);
        }
    }
    for number in 0..volumes {
        let durability = [
            Durability::None,
            Durability::Replicate(2),
            Durability::Replicate(3),
            Durability::Arbiter,
            Durability::disperse(2, 1),
        ][number % 5];
        let block = blocks && number % 5 == 2;
        let size = if block { 5 } else { 2 + number as u64 % 4 };
        let mut request = CreateVolume::new(ByteSize::from_gib(size), durability);
        request.gid = 2000 * (number as u32 % 2);
        request.block = block;
        let media = ["disk", "directory"][number / 5 % 2];
        request.options = vec![
            VolumeOption::new("user.mortar.device-tag-match", format!("media={media}")).unwrap(),
            VolumeOption::new("performance.readdir-ahead", "off").unwrap(),
        ];
        let limits = Limits {
            // Some are spread over several sets.
            brick_max: ByteSize::from_gib(2),
            ..Limits::default()
        };
        let made = create_volume(&landscape, &limits, &request, &mut seed).unwrap();
        let plan = made.plan().unwrap();
        apply(&mut landscape, &plan.changes);
        if request.block {
            add_blocks(&mut landscape, plan.new_volume().unwrap(), number as u64);
        }
    }
    landscape
}

/// A thin brick of which is where Heketi made it.
pub(crate) fn with_a_taken_brick() -> (Landscape, Brick) {
    let mut inventory = landscape(1, 6).inventory().clone();
    let thin = |brick: &&Brick| matches!(brick.space, BrickSpace::ThinPool { .. });
    let brick = inventory.bricks().find(thin).unwrap().clone();
    let mount_point = format!("/var/lib/heketi/mounts/vg_{}/brick_{}", brick.device, brick.id);
    let names = BrickNames {
        folder: DevicePath::new(format!("{mount_point}/brick")).unwrap(),
        mount_point: DevicePath::new(mount_point).unwrap(),
        volume: Some(LvmName::new(layout::logical_volume(brick.id)).unwrap()),
        pool: Some(LvmName::new(layout::thin_pool(brick.id)).unwrap()),
        shared: false,
    };
    let taken = Brick {
        names: Some(Box::new(names)),
        ..brick
    };
    inventory.remove_brick(taken.id).unwrap();
    inventory.add_brick(taken.clone()).unwrap();
    (Landscape::new(inventory), taken)
}

/// Two block volumes, one of them with a password; with room for more.
fn add_blocks(landscape: &mut Landscape, hosting: &Volume, number: u64) {
    let nodes = landscape.inventory().nodes_of(hosting.cluster);
    let hosts: Vec<HostName> = nodes.map(|node| node.storage.clone()).collect();
    for place in 0..2 {
        let id = u128::from(number) << 8 | u128::from(place as u64 + 1);
        let block = BlockVolume {
            id: BlockVolumeId::from_u128(id),
            hosting: hosting.id,
            name: VolumeName::new(format!("disk-{number}-{place}")).unwrap(),
            size: ByteSize::from_gib(1),
            usable: ByteSize::from_gib(1),
            ha: 2,
            hosts: hosts[place..place + 2].to_vec(),
            auth: place == 1,
            target: block_target(id, place == 1),
        };
        apply(landscape, &[Change::PutBlock(block)]);
    }
}

pub(crate) fn block_target(id: u128, auth: bool) -> Target {
    Target {
        iqn: format!("iqn.2016-12.org.gluster-block:{id:032x}"),
        lun: 0,
        username: if auth { format!("{id:032x}") } else { String::new() },
        password: Secret::new(if auth { "secret" } else { "" }),
    }
}

pub(crate) fn apply(landscape: &mut Landscape, changes: &[Change]) {
    for change in changes {
        landscape.apply(change, &Facts::None).unwrap();
    }
}

fn add_node(landscape: &mut Landscape, seed: &mut Seed, cluster: ClusterId, pool: u32, number: u32) {
    let host = |kind: &str| HostName::new(format!("p{pool}n{number}.{kind}")).unwrap();
    let id = NodeId::from_u128(seed.next_u128());
    let node = Node {
        id,
        cluster,
        zone: number,
        manage: host("manage"),
        storage: host("storage"),
        tags: Tags::new(),
        state: State::Online,
    };
    let device = |id, path: &str, media: &str, kind| Device {
        id,
        node: node.id,
        path: DevicePath::new(path).unwrap(),
        kind,
        tags: Tags::from([("media".to_owned(), media.to_owned())]),
        state: State::Online,
        total: ByteSize::from_gib(500),
    };
    let disk = DeviceId::from_u128(seed.next_u128());
    let kind = DeviceKind::Lvm {
        extent: ByteSize::from_mib(4),
        uuid: layout::physical_volume_uuid(disk),
        paths: Vec::new(),
        shared: None,
    };
    let directory = DeviceId::from_u128(seed.next_u128());
    let changes = [
        Change::PutNode(node.clone()),
        Change::PutDevice(device(disk, "/dev/sdb", "disk", kind)),
        Change::PutDevice(device(
            directory,
            "/disks/one",
            "directory",
            DeviceKind::Directory,
        )),
    ];
    apply(landscape, &changes);
}

/// What is seen when everything is as recorded.
pub(crate) fn faithful(inventory: &Inventory) -> Scan {
    let mut scan = Scan::default();
    let identity = |brick: &Brick| brick_spec(inventory, brick).unwrap().identity;
    for node in inventory.nodes() {
        scan.nodes.insert(node.id, Ok(survey(inventory, node, identity)));
    }
    for cluster in inventory.clusters() {
        let volumes = inventory.volumes_of(cluster.id);
        let infos = volumes
            .map(|volume| info(inventory, volume, options(volume)))
            .collect();
        scan.pools.insert(cluster.id, Ok(infos));
        for hosting in inventory.volumes_of(cluster.id).filter(|volume| volume.block) {
            let seen = inventory.blocks_on(hosting.id).map(block_seen).collect();
            scan.blocks.insert(hosting.id, Ok(seen));
        }
    }
    scan
}

/// The options that the volume has.
fn options(volume: &Volume) -> Vec<(String, String)> {
    let own = [("transport.address-family", "inet"), ("nfs.disable", "on")];
    let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let set = volume.options.iter().cloned().chain(identity_options(volume));
    own.into_iter().chain(set.map(Into::into)).collect()
}
