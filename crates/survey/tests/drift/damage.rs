//! Single deviations from what is recorded, each with just the findings that it must give.

use mortar_command::query::block_volumes::{BlockSeen, BlockTold};
use mortar_command::query::pool::Member;
use mortar_command::query::survey::{
    EntrySeen, FolderSeen, ImageSeen, LoopSeen, MountSeen, NodeSurvey, VolumeSeen,
};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::{
    BlockVolume, Brick, BrickId, BrickSpace, ByteSize, ClusterId, Device, DeviceId, DeviceKind, Inventory,
    Node, NodeId, VolumeId, layout,
};
use mortar_survey::{Kind, Scan};

use crate::shown::{part, uuid_of};
use crate::world::block_target;

/// How a deviation can be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Automatic,
    OnCommand,
    ByHand,
}

/// One way in which the nodes differ from the records.
pub(crate) struct Deviation {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) way: Way,
    pub(crate) damage: fn(&Inventory, &mut Scan, usize),
}

/// A brick that was never recorded.
pub(crate) const STRANGER: BrickId = BrickId::from_u128(0xbad);

pub(crate) fn node(inventory: &Inventory, pick: usize) -> NodeId {
    let nodes: Vec<NodeId> = inventory.nodes().map(|node| node.id).collect();
    nodes[pick % nodes.len()]
}

pub(crate) fn survey(scan: &mut Scan, node: NodeId) -> &mut NodeSurvey {
    scan.nodes.get_mut(&node).unwrap().as_mut().unwrap()
}

fn device(inventory: &Inventory, pick: usize, disk: bool) -> &Device {
    let devices: Vec<&Device> = inventory
        .devices()
        .filter(|device| matches!(device.kind, DeviceKind::Lvm { .. }) == disk)
        .collect();
    devices[pick % devices.len()]
}

/// A device with bricks.
fn full(inventory: &Inventory, pick: usize, disk: bool) -> &Device {
    let picks = pick..;
    let mut devices = picks.map(|pick| device(inventory, pick, disk));
    devices
        .find(|device| inventory.brick_count(device.id) > 0)
        .unwrap()
}

/// A node that the node's file tells of as well.
fn neighbour(inventory: &Inventory, id: NodeId) -> &Node {
    let cluster = inventory.node(id).unwrap().cluster;
    let mut nodes = inventory.nodes_of(cluster);
    nodes.find(|node| node.id != id).unwrap()
}

fn replace_in_file(inventory: &Inventory, scan: &mut Scan, pick: usize, from: &str, to: &str) {
    let file = &mut survey(scan, node(inventory, pick)).node_file;
    let text = file.clone().unwrap().unwrap();
    assert!(text.contains(from));
    *file = Ok(Some(text.replace(from, to)));
}

/// A member of the pool that is in no record.
fn stranger(inventory: &Inventory, scan: &mut Scan, pick: usize) {
    let cluster = inventory.node(node(inventory, pick)).unwrap().cluster;
    for other in inventory.nodes_of(cluster) {
        part(&mut survey(scan, other.id).members).push(Member {
            uuid: "stranger".into(),
            hosts: vec!["stranger".into()],
            connected: true,
            settled: true,
            state: String::new(),
        });
    }
}

fn brick(inventory: &Inventory, pick: usize, fits: impl Fn(&Brick) -> bool) -> (&Brick, &Device) {
    let bricks: Vec<&Brick> = inventory.bricks().filter(|brick| fits(brick)).collect();
    let brick = bricks[pick % bricks.len()];
    (brick, inventory.device(brick.device).unwrap())
}

fn thin(brick: &Brick) -> bool {
    brick.space != BrickSpace::Image
}

fn image(brick: &Brick) -> bool {
    brick.space == BrickSpace::Image
}

fn any(_: &Brick) -> bool {
    true
}

/// The survey of the brick's node, and its mount point.
fn at<'a>(scan: &'a mut Scan, brick: &Brick, device: &Device) -> (&'a mut NodeSurvey, String) {
    (
        survey(scan, device.node),
        layout::mount_point(device.id, brick.id),
    )
}

fn info<'a>(inventory: &Inventory, scan: &'a mut Scan, pick: usize) -> &'a mut VolumeInfo {
    let volumes: Vec<(ClusterId, String)> = inventory
        .volumes()
        .map(|volume| (volume.cluster, volume.name.to_string()))
        .collect();
    let (cluster, name) = &volumes[pick % volumes.len()];
    pool(scan, *cluster)
        .iter_mut()
        .find(|info| info.name == *name)
        .unwrap()
}

fn pool(scan: &mut Scan, cluster: ClusterId) -> &mut Vec<VolumeInfo> {
    scan.pools.get_mut(&cluster).unwrap().as_mut().unwrap()
}

fn unmount(survey: &mut NodeSurvey, mount_point: &str) {
    part(&mut survey.mounts).retain(|mount| mount.target != mount_point);
    part(&mut survey.folders).retain(|folder| folder.mount_point != mount_point);
    part(&mut survey.identities).retain(|(place, _)| place != mount_point);
}

/// A logical volume and its pool that belong to no recorded brick.
pub(crate) fn stray_volumes(device: DeviceId, tagged: bool) -> [VolumeSeen; 2] {
    let volume = VolumeSeen {
        group: layout::volume_group(device),
        name: layout::logical_volume(STRANGER),
        size: ByteSize::from_gib(1),
        metadata: ByteSize::ZERO,
        pool: Some(layout::thin_pool(STRANGER)),
        is_pool: false,
        active: true,
        tags: Vec::new(),
        data_percent: None,
        metadata_percent: None,
    };
    let pool = VolumeSeen {
        name: layout::thin_pool(STRANGER),
        pool: None,
        is_pool: true,
        tags: if tagged {
            vec![layout::brick_tag(STRANGER)]
        } else {
            Vec::new()
        },
        ..volume.clone()
    };
    [volume, pool]
}

fn stray_image(device: &Device) -> ImageSeen {
    ImageSeen {
        path: layout::image(&device.path, STRANGER),
        size: ByteSize::from_gib(1),
        taken: ByteSize::ZERO,
    }
}

fn foreign_volume(option: Option<(&str, &str)>) -> VolumeInfo {
    VolumeInfo {
        name: "somebody-elses".into(),
        uuid: "x".into(),
        status: "Started".into(),
        kind: "Distribute".into(),
        replica: 1,
        arbiter: 0,
        disperse: 0,
        redundancy: 0,
        snapshots: 0,
        bricks: vec!["h:/data".into()],
        options: option
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    }
}

/// A block volume, as seen on the volume that holds it.
fn block<'a>(inventory: &Inventory, scan: &'a mut Scan, pick: usize) -> &'a mut BlockTold {
    let blocks: Vec<&BlockVolume> = inventory.blocks().collect();
    let block = blocks[pick % blocks.len()];
    let mut seen = held(scan, block.hosting).iter_mut();
    let seen = seen.find(|seen| seen.name == block.name.as_str()).unwrap();
    seen.told.as_mut().unwrap()
}

fn hosting(inventory: &Inventory, pick: usize) -> VolumeId {
    let hosting: Vec<VolumeId> = inventory.blocks().map(|block| block.hosting).collect();
    hosting[pick % hosting.len()]
}

fn held(scan: &mut Scan, hosting: VolumeId) -> &mut Vec<BlockSeen> {
    scan.blocks.get_mut(&hosting).unwrap().as_mut().unwrap()
}

/// One that was made past Mortar.
fn stray_block(scan: &mut Scan, hosting: VolumeId, size: &str) {
    let mut stray = held(scan, hosting)[0].clone();
    stray.name = "stray".into();
    let told = stray.told.as_mut().unwrap();
    told.size = size.into();
    told.target = block_target(0xbad, true);
    held(scan, hosting).push(stray);
}

macro_rules! deviations {
    ($($name:ident: $kind:ident, $way:ident, $damage:expr;)*) => {
        /// Every single deviation.
        pub(crate) const ALL: &[Deviation] = &[$(Deviation {
            name: stringify!($name),
            kind: Kind::$kind,
            way: Way::$way,
            damage: $damage,
        }),*];
    };
}

deviations! {
    silent: NodeSilent, ByHand, |inventory, scan, pick| {
        scan.nodes.insert(node(inventory, pick), Err("no route to host".into()));
    };
    tool_fails: NodeUnclear, ByHand, |inventory, scan, pick| {
        survey(scan, node(inventory, pick)).node_file = Err("cannot tell what the file says".into());
    };
    no_glusterd: GlusterdDown, ByHand, |inventory, scan, pick| {
        survey(scan, node(inventory, pick)).members = Err("Connection failed".into());
    };
    no_node_file: NodeFile, Automatic, |inventory, scan, pick| {
        survey(scan, node(inventory, pick)).node_file = Ok(None);
    };
    old_node_file: NodeFile, Automatic, |inventory, scan, pick| {
        let text = survey(scan, node(inventory, pick)).node_file.clone().unwrap().unwrap();
        let old = text.replace("\"zone\": ", "\"zone\": 9");
        survey(scan, node(inventory, pick)).node_file = Ok(Some(old));
    };
    file_with_older_neighbours: NodeFile, Automatic, |inventory, scan, pick| {
        let neighbour = neighbour(inventory, node(inventory, pick));
        replace_in_file(inventory, scan, pick, neighbour.manage.as_str(), "renamed");
    };
    file_with_a_neighbour_that_came_back: NodeFile, Automatic, |inventory, scan, pick| {
        let neighbour = neighbour(inventory, node(inventory, pick));
        let before = NodeId::from_u128(0xbad).to_string();
        replace_in_file(inventory, scan, pick, &neighbour.id.to_string(), &before);
    };
    file_with_a_neighbour_that_is_lost: NodeFile, OnCommand, |inventory, scan, pick| {
        let neighbour = neighbour(inventory, node(inventory, pick));
        let unknown = NodeId::from_u128(0xbad).to_string();
        replace_in_file(inventory, scan, pick, &neighbour.id.to_string(), &unknown);
        replace_in_file(inventory, scan, pick, neighbour.storage.as_str(), "stranger");
        stranger(inventory, scan, pick);
    };
    file_of_the_node_before_it_left: NodeFile, Automatic, |inventory, scan, pick| {
        let id = node(inventory, pick);
        let file = &mut survey(scan, id).node_file;
        let text = file.clone().unwrap().unwrap();
        let before = NodeId::from_u128(0xbad).to_string();
        let mut old: serde_json::Value = serde_json::from_str(&text.replace(&id.to_string(), &before)).unwrap();
        old["devices"] = serde_json::Value::Array(Vec::new());
        *file = Ok(Some(old.to_string()));
    };
    file_of_another_node: NodeFile, OnCommand, |inventory, scan, pick| {
        let other = survey(scan, node(inventory, pick + 1)).node_file.clone();
        survey(scan, node(inventory, pick)).node_file = other;
    };
    alone: PeerMissing, OnCommand, |inventory, scan, pick| {
        let id = node(inventory, pick);
        let own = uuid_of(id);
        for other in inventory.nodes_of(inventory.node(id).unwrap().cluster) {
            let members = part(&mut survey(scan, other.id).members);
            members.retain(|member| (member.uuid == own) == (other.id == id));
        }
    };
    reinstalled: PeerMissing, ByHand, |inventory, scan, pick| {
        let members = part(&mut survey(scan, node(inventory, pick)).members);
        members.iter_mut().find(|member| member.hosts == ["localhost"]).unwrap().uuid = "new".into();
    };
    disconnected: PeerDisconnected, ByHand, |inventory, scan, pick| {
        let id = node(inventory, pick);
        let own = uuid_of(id);
        let view = |member: &mut Member| member.connected = member.connected && member.hosts == ["localhost"];
        for other in inventory.nodes_of(inventory.node(id).unwrap().cluster) {
            let members = part(&mut survey(scan, other.id).members);
            let apart = members.iter_mut().filter(|member| other.id == id || member.uuid == own);
            apart.for_each(view);
        }
    };
    stranger_in_pool: PeerUnknown, ByHand, |inventory, scan, pick| {
        stranger(inventory, scan, pick);
    };
    pool_does_not_tell: PoolSilent, ByHand, |inventory, scan, pick| {
        let cluster = inventory.node(node(inventory, pick)).unwrap().cluster;
        scan.pools.insert(cluster, Err("request timed out".into()));
    };
    disk_gone: DeviceMissing, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, true);
        let survey = survey(scan, device.node);
        let group = layout::volume_group(device.id);
        part(&mut survey.groups).retain(|seen| seen.name != group);
        part(&mut survey.volumes).retain(|seen| seen.group != group);
    };
    directory_not_mounted: DeviceMissing, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        let survey = survey(scan, device.node);
        part(&mut survey.directories)[0].identity = None;
        part(&mut survey.images).clear();
    };
    group_renamed: DeviceForeign, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, true);
        let survey = survey(scan, device.node);
        part(&mut survey.groups)[0].name = "renamed".into();
        part(&mut survey.volumes).iter_mut().for_each(|seen| seen.group = "renamed".into());
    };
    other_directory: DeviceForeign, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        part(&mut survey(scan, device.node).directories)[0].identity = Some("{}".into());
    };
    dead_directory: DeviceUnreadable, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        let survey = survey(scan, device.node);
        survey.unreadable.push((device.path.to_string(), "Input/output error".into()));
        part(&mut survey.directories)[0].space = None;
        part(&mut survey.images).clear();
    };
    disk_at_another_path: DevicePath, OnCommand, |inventory, scan, pick| {
        part(&mut survey(scan, device(inventory, pick, true).node).groups)[0].path = "/dev/sdz".into();
    };
    disk_grew: DeviceSize, OnCommand, |inventory, scan, pick| {
        let group = &mut part(&mut survey(scan, device(inventory, pick, true).node).groups)[0];
        group.size += ByteSize::from_gib(1);
        group.free += ByteSize::from_gib(1);
    };
    disk_grew_beside_remains: DeviceSize, ByHand, |inventory, scan, pick| {
        let group = &mut part(&mut survey(scan, device(inventory, pick, true).node).groups)[0];
        group.size += ByteSize::from_gib(2);
        group.free += ByteSize::from_gib(1);
    };
    disk_shrank_below_its_bricks: DeviceSize, ByHand, |inventory, scan, pick| {
        let device = full(inventory, pick, true);
        let group = &mut part(&mut survey(scan, device.node).groups)[0];
        group.size = inventory.used(device.id).minus(ByteSize::from_mib(4));
        group.free = ByteSize::ZERO;
    };
    directory_shrank: DeviceSize, OnCommand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        let less = device.total.minus(ByteSize::from_gib(1));
        part(&mut survey(scan, device.node).directories)[0].space = Some((less, less));
    };
    directory_shrank_below_its_bricks: DeviceSize, ByHand, |inventory, scan, pick| {
        let device = full(inventory, pick, false);
        let less = inventory.used(device.id).minus(ByteSize::from_mib(4));
        part(&mut survey(scan, device.node).directories)[0].space = Some((less, less));
    };
    unknown_disk: DeviceUnknown, ByHand, |inventory, scan, pick| {
        let survey = survey(scan, node(inventory, pick));
        let other = DeviceId::from_u128(0xd15c);
        let mut group = part(&mut survey.groups)[0].clone();
        group.name = layout::volume_group(other);
        group.uuid = "other".into();
        part(&mut survey.groups).push(group);
        // What is on it is not told of again.
        part(&mut survey.volumes).extend(stray_volumes(other, true));
    };
    metadata_full: PoolFill, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, thin);
        let pool = layout::thin_pool(brick.id);
        let volumes = part(&mut survey(scan, device.node).volumes);
        volumes.iter_mut().find(|seen| seen.name == pool).unwrap().metadata_percent = Some(80.0);
    };
    data_full_beyond_promise: PoolFill, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, thin);
        let pool = layout::thin_pool(brick.id);
        let volumes = part(&mut survey(scan, device.node).volumes);
        let own = volumes.iter().find(|seen| seen.pool.as_deref() == Some(&pool)).unwrap().clone();
        volumes.push(VolumeSeen { name: "a_snapshot".into(), ..own });
    };
    volume_gone: BrickMissing, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, thin);
        let names = [layout::thin_pool(brick.id), layout::logical_volume(brick.id)];
        let (survey, mount_point) = at(scan, brick, device);
        part(&mut survey.volumes).retain(|seen| !names.contains(&seen.name));
        unmount(survey, &mount_point);
    };
    image_gone: BrickMissing, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, image);
        let path = layout::image(&device.path, brick.id);
        let (survey, _) = at(scan, brick, device);
        part(&mut survey.images).retain(|seen| seen.path != path);
        let mut loops = part(&mut survey.loops).iter_mut();
        loops.find(|used| used.file == path).unwrap().file.push_str(" (deleted)");
    };
    volume_grew: BrickSize, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, thin);
        let name = layout::logical_volume(brick.id);
        let volumes = part(&mut survey(scan, device.node).volumes);
        let own = volumes.iter_mut().find(|seen| seen.name == name).unwrap();
        own.size += ByteSize::from_mib(4);
        // Else the pool, which is full by what it is asked for, is told of as well.
        own.pool = None;
    };
    pool_shrank: BrickSize, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, thin);
        let name = layout::thin_pool(brick.id);
        let volumes = part(&mut survey(scan, device.node).volumes);
        let own = volumes.iter_mut().find(|seen| seen.name == name).unwrap();
        own.metadata = ByteSize::ZERO;
    };
    image_cut: BrickSize, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, image);
        let path = layout::image(&device.path, brick.id);
        let images = part(&mut survey(scan, device.node).images);
        images.iter_mut().find(|seen| seen.path == path).unwrap().size = ByteSize::ZERO;
    };
    unmounted: BrickUnmounted, Automatic, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        unmount(survey, &mount_point);
    };
    folder_at_bare_mount_point: BrickUnmounted, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        unmount(survey, &mount_point);
        part(&mut survey.folders).push(FolderSeen { mount_point, gid: 0 });
    };
    dead_file_system: BrickUnreadable, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        part(&mut survey.folders).retain(|folder| folder.mount_point != mount_point);
        part(&mut survey.identities).retain(|(place, _)| *place != mount_point);
        survey.unreadable.push((mount_point, "Input/output error".into()));
    };
    other_file_system: MountWrong, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        let mut mounts = part(&mut survey.mounts).iter_mut();
        mounts.find(|mount| mount.target == mount_point).unwrap().uuid = "another".into();
    };
    mounted_over: MountWrong, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, target) = at(scan, brick, device);
        part(&mut survey.mounts).push(MountSeen {
            target,
            source: "/dev/sdx".into(),
            uuid: String::new(),
            size: ByteSize::ZERO,
            used: ByteSize::ZERO,
        });
    };
    no_entry: EntryMissing, Automatic, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        part(&mut survey.entries).retain(|entry| entry.target != mount_point);
    };
    entry_of_another: EntryWrong, OnCommand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        let mut entries = part(&mut survey.entries).iter_mut();
        entries.find(|entry| entry.target == mount_point).unwrap().source = "/dev/sdx".into();
    };
    entry_twice: EntryWrong, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        let entries = part(&mut survey.entries);
        let own = entries.iter().find(|entry| entry.target == mount_point).unwrap().clone();
        entries.push(own);
    };
    entry_of_nothing: EntryStray, ByHand, |inventory, scan, pick| {
        part(&mut survey(scan, node(inventory, pick)).entries).push(EntrySeen {
            source: "/dev/sdx".into(),
            target: "/var/lib/mortar/mounts/old".into(),
        });
    };
    no_folder: FolderMissing, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        part(&mut survey.folders).retain(|folder| folder.mount_point != mount_point);
    };
    other_group: GroupWrong, OnCommand, |inventory, scan, pick| {
        let owned = |brick: &Brick| inventory.volume(brick.volume).unwrap().gid != 0;
        let (brick, device) = brick(inventory, pick, owned);
        let (survey, mount_point) = at(scan, brick, device);
        let mut folders = part(&mut survey.folders).iter_mut();
        folders.find(|folder| folder.mount_point == mount_point).unwrap().gid = 7;
    };
    no_identity: IdentityMissing, Automatic, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        part(&mut survey.identities).retain(|(place, _)| *place != mount_point);
    };
    torn_identity: IdentityMissing, Automatic, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        let mut identities = part(&mut survey.identities).iter_mut();
        identities.find(|(place, _)| *place == mount_point).unwrap().1.truncate(20);
    };
    old_identity: IdentityWrong, OnCommand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        let mut identities = part(&mut survey.identities).iter_mut();
        let text = &mut identities.find(|(place, _)| *place == mount_point).unwrap().1;
        *text = text.replace("\"set\": ", "\"set\": 9");
    };
    identity_of_another: IdentityWrong, ByHand, |inventory, scan, pick| {
        let (brick, device) = brick(inventory, pick, any);
        let (survey, mount_point) = at(scan, brick, device);
        let mut identities = part(&mut survey.identities).iter_mut();
        let text = &mut identities.find(|(place, _)| *place == mount_point).unwrap().1;
        *text = text.replace(&brick.id.to_string(), &STRANGER.to_string());
    };
    brick_taken_out: BrickNotInVolume, ByHand, |inventory, scan, pick| {
        info(inventory, scan, pick).bricks.pop();
    };
    volume_stray: OrphanBrick, OnCommand, |inventory, scan, pick| {
        let device = device(inventory, pick, true);
        part(&mut survey(scan, device.node).volumes).extend(stray_volumes(device.id, true));
    };
    volume_stray_without_tag: OrphanBrick, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, true);
        part(&mut survey(scan, device.node).volumes).extend(stray_volumes(device.id, false));
    };
    image_stray: OrphanBrick, OnCommand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        part(&mut survey(scan, device.node).images).push(stray_image(device));
    };
    image_stray_in_making: OrphanBrick, OnCommand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        let mut image = stray_image(device);
        image.path.push_str(".part");
        part(&mut survey(scan, device.node).images).push(image);
    };
    image_stray_with_loop: OrphanBrick, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        let image = stray_image(device);
        let survey = survey(scan, device.node);
        part(&mut survey.loops).push(LoopSeen { device: "/dev/loop7".into(), file: image.path.clone() });
        part(&mut survey.images).push(image);
    };
    image_stray_that_a_volume_uses: OrphanBrick, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        part(&mut survey(scan, device.node).images).push(stray_image(device));
        // On the other pool: it counts all the same. The volume has too many bricks then, which is told by itself.
        let name = format!("h:{}", layout::brick_path(device.id, STRANGER));
        let node = inventory.node(device.node).unwrap();
        let other = inventory.clusters().find(|cluster| cluster.id != node.cluster).unwrap();
        let mut foreign = foreign_volume(None);
        foreign.bricks = vec![name];
        pool(scan, other.id).push(foreign);
    };
    mount_stray: OrphanBrick, OnCommand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        let survey = survey(scan, device.node);
        let image = stray_image(device);
        part(&mut survey.loops).push(LoopSeen { device: "/dev/loop7".into(), file: image.path.clone() });
        part(&mut survey.images).push(image);
        part(&mut survey.mounts).push(MountSeen {
            target: layout::mount_point(device.id, STRANGER),
            source: "/dev/loop7".into(),
            uuid: layout::file_system_uuid(STRANGER),
            size: ByteSize::ZERO,
            used: ByteSize::ZERO,
        });
    };
    entry_stray: OrphanBrick, OnCommand, |inventory, scan, pick| {
        let device = device(inventory, pick, true);
        part(&mut survey(scan, device.node).entries).push(EntrySeen {
            source: layout::logical_volume_device(device.id, STRANGER),
            target: layout::mount_point(device.id, STRANGER),
        });
    };
    folder_stray: OrphanBrick, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, true);
        part(&mut survey(scan, device.node).folders).push(FolderSeen {
            mount_point: layout::mount_point(device.id, STRANGER),
            gid: 0,
        });
    };
    loop_of_nothing: LoopStray, ByHand, |inventory, scan, pick| {
        let device = device(inventory, pick, false);
        part(&mut survey(scan, device.node).loops).push(LoopSeen {
            device: "/dev/loop7".into(),
            file: format!("{} (deleted)", layout::image(&device.path, STRANGER)),
        });
    };
    volume_deleted: VolumeMissing, ByHand, |inventory, scan, pick| {
        let name = info(inventory, scan, pick).name.clone();
        for cluster in inventory.clusters() {
            pool(scan, cluster.id).retain(|info| info.name != name);
        }
    };
    volume_replaced: VolumeMissing, ByHand, |inventory, scan, pick| {
        let name = info(inventory, scan, pick).name.clone();
        *info(inventory, scan, pick) = VolumeInfo { name, ..foreign_volume(None) };
    };
    volume_of_another_time: VolumeUnknown, ByHand, |inventory, scan, pick| {
        let cluster = inventory.node(node(inventory, pick)).unwrap().cluster;
        let id = "f".repeat(32);
        pool(scan, cluster).push(foreign_volume(Some(("user.mortar.id", id.as_str()))));
    };
    volume_of_others: VolumeForeign, ByHand, |inventory, scan, pick| {
        let cluster = inventory.node(node(inventory, pick)).unwrap().cluster;
        pool(scan, cluster).push(foreign_volume(None));
    };
    stopped: VolumeStopped, OnCommand, |inventory, scan, pick| {
        info(inventory, scan, pick).status = "Stopped".into();
    };
    brick_added: VolumeBricks, ByHand, |inventory, scan, pick| {
        let info = info(inventory, scan, pick);
        info.bricks.push("h:/elsewhere".into());
    };
    other_shape: VolumeShape, ByHand, |inventory, scan, pick| {
        let info = info(inventory, scan, pick);
        info.kind = "Tier".into();
    };
    identity_option_gone: VolumeIdentityMissing, Automatic, |inventory, scan, pick| {
        info(inventory, scan, pick).options.retain(|(key, _)| key != "user.mortar.size");
    };
    identity_option_changed: VolumeIdentityWrong, OnCommand, |inventory, scan, pick| {
        let info = info(inventory, scan, pick);
        info.options.iter_mut().find(|(key, _)| key == "user.mortar.size").unwrap().1 = "7".into();
    };
    option_changed: VolumeOption, OnCommand, |inventory, scan, pick| {
        let info = info(inventory, scan, pick);
        let mut options = info.options.iter_mut();
        options.find(|(key, _)| key == "performance.readdir-ahead").unwrap().1 = "on".into();
    };
    blocks_untold: BlocksSilent, ByHand, |inventory, scan, pick| {
        scan.blocks.insert(hosting(inventory, pick), Err("gluster-block: command not found".into()));
    };
    block_removed: BlockMissing, ByHand, |inventory, scan, pick| {
        let held = held(scan, hosting(inventory, pick));
        held.remove(pick % held.len());
    };
    block_made: BlockUnknown, OnCommand, |inventory, scan, pick| {
        stray_block(scan, hosting(inventory, pick), "1.0 GiB");
    };
    block_made_of_no_known_size: BlockUnknown, ByHand, |inventory, scan, pick| {
        stray_block(scan, hosting(inventory, pick), ["1.2 GiB", "1.0 TiB"][pick % 2]);
    };
    block_untold: BlockUnclear, ByHand, |inventory, scan, pick| {
        let held = held(scan, hosting(inventory, pick));
        let place = pick % held.len();
        held[place].told = Err("gluster-block's answer was not understood".into());
    };
    block_made_anew: BlockForeign, ByHand, |inventory, scan, pick| {
        block(inventory, scan, pick).target = block_target(0xbad, false);
    };
    block_grown: BlockSize, OnCommand, |inventory, scan, pick| {
        block(inventory, scan, pick).size = "2.0 GiB".into();
    };
    block_grown_by_a_part: BlockSize, ByHand, |inventory, scan, pick| {
        block(inventory, scan, pick).size = "1.5 GiB".into();
    };
    block_grown_in_part: BlockSize, ByHand, |inventory, scan, pick| {
        let block = block(inventory, scan, pick);
        (block.size, block.smaller) = ("2.0 GiB".into(), block.hosts[..1].to_vec());
    };
    block_on_another_host: BlockHosts, OnCommand, |inventory, scan, pick| {
        block(inventory, scan, pick).hosts[0] = "elsewhere".into();
    };
    block_on_fewer_hosts: BlockHosts, ByHand, |inventory, scan, pick| {
        block(inventory, scan, pick).hosts.pop();
    };
    block_broken: BlockHosts, ByHand, |inventory, scan, pick| {
        let block = block(inventory, scan, pick);
        block.broken = block.hosts[1..].to_vec();
    };
    option_gone: VolumeOption, OnCommand, |inventory, scan, pick| {
        info(inventory, scan, pick).options.retain(|(key, _)| key != "performance.readdir-ahead");
    };
}
