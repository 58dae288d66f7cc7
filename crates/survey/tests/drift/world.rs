//! Records as the planner makes them, and what nodes show that are just as recorded.

use mortar_command::query::block_volumes::{self, BlockSeen, BlockTold};
use mortar_command::query::pool::Member;
use mortar_command::query::survey::{
    DirectorySeen, EntrySeen, FolderSeen, GroupSeen, ImageSeen, LoopSeen, MountSeen, NodeSurvey, VolumeSeen,
};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::work::Facts;
use mortar_model::{
    BlockVolume, BlockVolumeId, Brick, BrickNames, BrickSpace, ByteSize, Cluster, ClusterId, Device,
    DeviceId, DeviceKind, DevicePath, Durability, HostName, Inventory, LvmName, Node, NodeId, Secret, State,
    Tags, Target, Volume, VolumeName, VolumeOption, layout,
};
use mortar_plan::{
    Change, CreateVolume, Landscape, Limits, Seed, brick_addresses, brick_spec, create_volume, identity,
    identity_options,
};
use mortar_survey::Scan;

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

pub(crate) fn block_seen(block: &BlockVolume) -> BlockSeen {
    BlockSeen {
        name: block.name.to_string(),
        told: Ok(BlockTold {
            size: block_volumes::printed(block.size),
            ha: block.ha,
            hosts: block.hosts.iter().map(ToString::to_string).collect(),
            target: block.target.clone(),
            ..BlockTold::default()
        }),
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
    for node in inventory.nodes() {
        scan.nodes.insert(node.id, Ok(survey(inventory, node)));
    }
    for cluster in inventory.clusters() {
        let volumes = inventory.volumes_of(cluster.id);
        let infos = volumes.map(|volume| info(inventory, volume)).collect();
        scan.pools.insert(cluster.id, Ok(infos));
        for hosting in inventory.volumes_of(cluster.id).filter(|volume| volume.block) {
            let seen = inventory.blocks_on(hosting.id).map(block_seen).collect();
            scan.blocks.insert(hosting.id, Ok(seen));
        }
    }
    scan
}

pub(crate) fn uuid_of(node: &Node) -> String {
    format!("uuid-of-{}", node.id)
}

fn survey(inventory: &Inventory, node: &Node) -> NodeSurvey {
    let mut survey = NodeSurvey {
        node_file: Ok(identity::node_file(inventory, node.id)),
        groups: Ok(Vec::new()),
        volumes: Ok(Vec::new()),
        directories: Ok(Vec::new()),
        images: Ok(Vec::new()),
        copies: Ok(Vec::new()),
        mounts: Ok(Vec::new()),
        entries: Ok(Vec::new()),
        loops: Ok(Vec::new()),
        folders: Ok(Vec::new()),
        identities: Ok(Vec::new()),
        unreadable: Vec::new(),
        members: Ok(members(inventory, node)),
    };
    for device in inventory.devices_of(node.id) {
        show_device(inventory, device, &mut survey);
        for brick in inventory.bricks_on(device.id) {
            show_brick(inventory, device, brick, &mut survey);
        }
    }
    survey
}

fn members(inventory: &Inventory, asked: &Node) -> Vec<Member> {
    let member = |node: &Node| Member {
        uuid: uuid_of(node),
        hosts: if node.id == asked.id {
            vec!["localhost".into()]
        } else {
            vec![node.storage.to_string()]
        },
        connected: true,
        settled: true,
        state: "Peer in Cluster".into(),
    };
    inventory.nodes_of(asked.cluster).map(member).collect()
}

fn show_device(inventory: &Inventory, device: &Device, survey: &mut NodeSurvey) {
    match &device.kind {
        DeviceKind::Adopted => {}
        DeviceKind::Lvm { extent, uuid, .. } => part(&mut survey.groups).push(GroupSeen {
            name: layout::volume_group(device.id),
            size: device.total,
            free: device.total.minus(inventory.used(device.id)),
            extent: *extent,
            path: device.path.to_string(),
            uuid: uuid.clone(),
            tags: vec![layout::device_tag(device.id)],
        }),
        DeviceKind::Directory => part(&mut survey.directories).push(DirectorySeen {
            path: device.path.to_string(),
            identity: Some(format!("{{\"mortar\":1,\"device\":\"{}\"}}", device.id)),
            space: Some((device.total, device.total)),
        }),
    }
}

fn show_brick(inventory: &Inventory, device: &Device, brick: &Brick, survey: &mut NodeSurvey) {
    let spec = brick_spec(inventory, brick).unwrap();
    let source = match brick.space {
        BrickSpace::Folder => return,
        BrickSpace::ThinPool { pool, metadata } => {
            show_volumes(device, brick, pool, metadata, survey);
            layout::logical_volume_device(device.id, brick.id)
        }
        BrickSpace::Shared => unreachable!("no disk of this world has one pool for all bricks"),
        BrickSpace::Image => {
            let path = layout::image(&device.path, brick.id);
            part(&mut survey.images).push(ImageSeen {
                path: path.clone(),
                size: brick.size,
                taken: ByteSize::ZERO,
            });
            let device = format!("/dev/loop{}", brick.id);
            part(&mut survey.loops).push(LoopSeen {
                device: device.clone(),
                file: path,
            });
            device
        }
    };
    let mount_point = brick.place().mount_point();
    let entry = match brick.space {
        BrickSpace::Shared | BrickSpace::ThinPool { .. } => source.clone(),
        BrickSpace::Image | BrickSpace::Folder => layout::image(&device.path, brick.id),
    };
    part(&mut survey.entries).push(EntrySeen {
        source: entry,
        target: mount_point.clone(),
    });
    part(&mut survey.mounts).push(MountSeen {
        target: mount_point.clone(),
        source,
        uuid: layout::file_system_uuid(brick.id),
        size: brick.size,
        used: ByteSize::ZERO,
    });
    part(&mut survey.folders).push(FolderSeen {
        mount_point: mount_point.clone(),
        gid: spec.gid,
    });
    part(&mut survey.identities).push((mount_point, spec.identity));
}

fn show_volumes(device: &Device, brick: &Brick, pool: ByteSize, metadata: ByteSize, survey: &mut NodeSurvey) {
    let volume = VolumeSeen {
        group: layout::volume_group(device.id),
        name: layout::logical_volume(brick.id),
        size: brick.size,
        metadata: ByteSize::ZERO,
        pool: Some(layout::thin_pool(brick.id)),
        is_pool: false,
        active: true,
        tags: Vec::new(),
        data_percent: Some(100.0),
        metadata_percent: None,
    };
    let own_pool = VolumeSeen {
        name: layout::thin_pool(brick.id),
        size: pool,
        metadata,
        pool: None,
        is_pool: true,
        tags: vec![layout::brick_tag(brick.id), layout::volume_tag(brick.volume)],
        metadata_percent: Some(10.0),
        ..volume.clone()
    };
    part(&mut survey.volumes).extend([volume, own_pool]);
}

fn info(inventory: &Inventory, volume: &Volume) -> VolumeInfo {
    let bricks = brick_addresses(inventory, volume);
    let durability = volume.durability;
    let spread = bricks.len() > durability.bricks_per_set() as usize;
    let kind = match (durability, spread) {
        (Durability::None, _) => "Distribute",
        (Durability::Replicate(_) | Durability::Arbiter, false) => "Replicate",
        (Durability::Replicate(_) | Durability::Arbiter, true) => "Distributed-Replicate",
        (Durability::Disperse(_), false) => "Disperse",
        (Durability::Disperse(_), true) => "Distributed-Disperse",
    };
    let own = [("transport.address-family", "inet"), ("nfs.disable", "on")];
    let mut options: Vec<(String, String)> = own
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let set = volume.options.iter().cloned().chain(identity_options(volume));
    options.extend(set.map(Into::into));
    VolumeInfo {
        name: volume.name.to_string(),
        uuid: format!("uuid-of-{}", volume.id),
        status: "Started".into(),
        kind: kind.into(),
        replica: durability.replica(),
        arbiter: u32::from(durability == Durability::Arbiter),
        disperse: durability.pieces().map_or(0, |_| durability.bricks_per_set()),
        redundancy: durability.pieces().map_or(0, |pieces| pieces.redundancy),
        snapshots: 0,
        bricks: bricks
            .iter()
            .map(|brick| format!("{}:{}", brick.host, brick.path))
            .collect(),
        options,
    }
}

/// A part that its tool could tell.
pub(crate) fn part<T>(part: &mut Result<Vec<T>, String>) -> &mut Vec<T> {
    part.as_mut().unwrap()
}
