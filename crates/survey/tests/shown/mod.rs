//! What nodes show that are just as recorded.

use mortar_command::query::block_volumes::{self, BlockSeen, BlockTold};
use mortar_command::query::pool::Member;
use mortar_command::query::survey::{
    DirectorySeen, EntrySeen, FolderSeen, GroupSeen, ImageSeen, LoopSeen, MountSeen, NodeSurvey, VolumeSeen,
};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::{
    BlockVolume, Brick, BrickSpace, ByteSize, Device, DeviceKind, Durability, Inventory, Node, NodeId,
    Volume, layout,
};
use mortar_plan::{brick_addresses, brick_spec, identity};

/// The UUID that glusterd has on a node.
pub(crate) fn uuid_of(node: NodeId) -> String {
    format!("uuid-of-{node}")
}

/// What a node shows of itself. `identity` is what is written on a brick.
pub(crate) fn survey(inventory: &Inventory, node: &Node, identity: impl Fn(&Brick) -> String) -> NodeSurvey {
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
            show_brick(inventory, device, brick, identity(brick), &mut survey);
        }
    }
    survey
}

fn members(inventory: &Inventory, asked: &Node) -> Vec<Member> {
    let member = |node: &Node| Member {
        uuid: uuid_of(node.id),
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

fn show_brick(
    inventory: &Inventory,
    device: &Device,
    brick: &Brick,
    identity: String,
    survey: &mut NodeSurvey,
) {
    let gid = brick_spec(inventory, brick).unwrap().gid;
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
        gid,
    });
    part(&mut survey.identities).push((mount_point, identity));
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
    part(&mut survey.volumes).extend([own_pool, volume]);
}

/// What GlusterFS tells of a volume that has these options.
pub(crate) fn info(inventory: &Inventory, volume: &Volume, options: Vec<(String, String)>) -> VolumeInfo {
    let bricks = brick_addresses(inventory, volume);
    let durability = volume.durability;
    let spread = bricks.len() > durability.bricks_per_set() as usize;
    let kind = match (durability, spread) {
        (Durability::None | Durability::Replicate(1), _) => "Distribute",
        (Durability::Replicate(_) | Durability::Arbiter, false) => "Replicate",
        (Durability::Replicate(_) | Durability::Arbiter, true) => "Distributed-Replicate",
        (Durability::Disperse(_), false) => "Disperse",
        (Durability::Disperse(_), true) => "Distributed-Disperse",
    };
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

/// A part of what a node shows; one that its tool could not tell is told now.
pub(crate) fn part<T>(part: &mut Result<Vec<T>, String>) -> &mut Vec<T> {
    if part.is_err() {
        *part = Ok(Vec::new());
    }
    part.as_mut().unwrap()
}

/// What gluster-block tells of a block volume.
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
