//! What clients ask for, and what they make of the answers.

use std::time::Duration;

use mortar_engine::{EngineError, OperationState};
use mortar_model::{
    BlockRestriction, BlockVolumeId, BrickId, ByteSize, ClusterId, DeviceId, DevicePath, Durability, GroupId,
    HostName, NodeId, OperationId, OperationKind, OptionName, Overcommit, SnapshotId, Snapshots, State, Tags,
    VolumeId, VolumeName, VolumeOption,
};
use mortar_plan::{AddDevice, AddNode, CreateBlock, CreateVolume, Expansion, OptionsChange, Subject};

use crate::life::Life;
use crate::machines;
use crate::settings;
use crate::site;

/// The kinds of operation that are asked for.
pub(crate) const KINDS: [OperationKind; 23] = [
    OperationKind::AddNode,
    OperationKind::RemoveNode,
    OperationKind::AddDevice,
    OperationKind::RemoveDevice,
    OperationKind::ResizeDevice,
    OperationKind::CreateVolume,
    OperationKind::ExpandVolume,
    OperationKind::SetOptions,
    OperationKind::ChangeReplicas,
    OperationKind::DeleteVolume,
    OperationKind::CreateSnapshot,
    OperationKind::CreateSnapshotGroup,
    OperationKind::DeleteSnapshotGroup,
    OperationKind::DeleteSnapshot,
    OperationKind::RestoreSnapshot,
    OperationKind::CloneVolume,
    OperationKind::CreateBlock,
    OperationKind::ExpandBlock,
    OperationKind::DeleteBlock,
    OperationKind::EvictBrick,
    OperationKind::DrainDevice,
    OperationKind::DrainNode,
    OperationKind::ReplaceNode,
];

/// What a client asks for.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    Create(CreateVolume),
    Expand(VolumeId, ByteSize, Expansion),
    Options(VolumeId, OptionsChange),
    Copies(VolumeId, Durability),
    Delete(VolumeId),
    Snapshot(VolumeId, Option<VolumeName>),
    DeleteSnapshot(SnapshotId),
    Group(Vec<VolumeId>, Option<VolumeName>),
    DeleteGroup(GroupId),
    Restore(SnapshotId),
    CloneSnapshot(SnapshotId, Option<VolumeName>),
    CloneVolume(VolumeId, Option<VolumeName>),
    Block(CreateBlock),
    ExpandBlock(BlockVolumeId, ByteSize),
    DeleteBlock(BlockVolumeId),
    Restrict(VolumeId, BlockRestriction),
    AddDevice(AddDevice),
    RemoveDevice(DeviceId),
    ResizeDevice(DeviceId),
    AddNode(AddNode),
    RemoveNode(NodeId),
    Forget(NodeId),
    Replace(NodeId),
    Evict(BrickId, bool),
    DrainDevice(DeviceId, bool),
    DrainNode(NodeId, bool),
    State(Subject, State),
    Tags(Subject, Tags),
    Address(NodeId, HostName),
    Overcommit(DeviceId, Overcommit),
    Flags(ClusterId, bool),
    CreateCluster,
    DeleteCluster(ClusterId),
    Look(VolumeId),
    Plan(CreateVolume),
}

impl std::fmt::Display for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(request) => write!(
                f,
                "create {} of {}, {}",
                request.name.as_ref().map_or("a volume", VolumeName::as_str),
                request.size,
                request.durability
            ),
            Self::Expand(id, by, way) => write!(f, "expand volume {id} by {by}, {way:?}"),
            Self::Options(id, change) => write!(f, "set options of volume {id}: {change:?}"),
            Self::Copies(id, wanted) => write!(f, "{wanted} for volume {id}"),
            Self::Delete(id) => write!(f, "delete volume {id}"),
            Self::Snapshot(id, _) => write!(f, "make a snapshot of volume {id}"),
            Self::Group(ids, _) => write!(f, "make a group of snapshots of {ids:?}"),
            Self::DeleteGroup(id) => write!(f, "delete snapshot group {id}"),
            Self::DeleteSnapshot(id) => write!(f, "delete snapshot {id}"),
            Self::Restore(id) => write!(f, "restore snapshot {id}"),
            Self::CloneSnapshot(id, _) => write!(f, "clone snapshot {id}"),
            Self::CloneVolume(id, _) => write!(f, "clone volume {id}"),
            Self::Block(request) => write!(f, "create a block volume of {}", request.size),
            Self::ExpandBlock(id, size) => write!(f, "expand block volume {id} to {size}"),
            Self::DeleteBlock(id) => write!(f, "delete block volume {id}"),
            Self::Restrict(id, restriction) => write!(f, "set {restriction:?} of volume {id}"),
            Self::AddDevice(request) => write!(f, "add device {} of node {}", request.path, request.node),
            Self::RemoveDevice(id) => write!(f, "remove device {id}"),
            Self::ResizeDevice(id) => write!(f, "resize device {id}"),
            Self::AddNode(request) => write!(f, "add node {}", request.manage),
            Self::RemoveNode(id) => write!(f, "remove node {id}"),
            Self::Forget(id) => write!(f, "forget node {id}"),
            Self::Replace(id) => write!(f, "replace the machine of node {id}"),
            Self::Evict(id, dead) => write!(f, "evict brick {id}, dead {dead}"),
            Self::DrainDevice(id, dead) => write!(f, "drain device {id}, dead {dead}"),
            Self::DrainNode(id, dead) => write!(f, "drain node {id}, dead {dead}"),
            Self::State(subject, state) => write!(f, "set {} {} {state}", subject.kind(), subject.id()),
            Self::Tags(subject, tags) => write!(f, "tag {} {} {tags:?}", subject.kind(), subject.id()),
            Self::Address(id, host) => write!(f, "reach node {id} as {host}"),
            Self::Overcommit(id, wanted) => write!(f, "let device {id} promise {wanted}"),
            Self::Flags(id, block) => write!(f, "set block {block} of cluster {id}"),
            Self::CreateCluster => f.write_str("create a cluster"),
            Self::DeleteCluster(id) => write!(f, "delete cluster {id}"),
            Self::Look(id) => write!(f, "look at volume {id}"),
            Self::Plan(request) => write!(f, "plan a volume of {}", request.size),
        }
    }
}

/// Some client asks for something.
pub(crate) fn ask(life: &Life) {
    if let Some(ask) = wish(life) {
        ask_for(life, ask);
    }
}

/// Some client asks for this.
pub(crate) fn ask_for(life: &Life, ask: Ask) {
    life.spawn(client(life.clone(), ask));
}

/// What somebody may wish for as things are.
fn wish(life: &Life) -> Option<Ask> {
    let dice = &life.site.dice;
    let (clusters, nodes, devices, volumes) = life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        (
            inventory.clusters().map(|cluster| cluster.id).collect::<Vec<_>>(),
            inventory.nodes().map(|node| node.id).collect::<Vec<_>>(),
            inventory.devices().map(|device| device.id).collect::<Vec<_>>(),
            inventory.volumes().map(|volume| volume.id).collect::<Vec<_>>(),
        )
    });
    let cluster = dice.any(&clusters)?;
    Some(match dice.below(108) {
        0..=14 => Ask::Create(volume(life)),
        15..=18 => block(life, &volumes)?,
        19..=25 => copy(life)?,
        26..=29 => {
            let bricks: Vec<BrickId> = life
                .engine
                .view(|landscape| landscape.inventory().bricks().map(|brick| brick.id).collect());
            Ask::Evict(dice.any(&bricks)?, dice.percent(30))
        }
        30..=31 => match setting(life, &nodes, &devices)? {
            Subject::Node(node) => Ask::DrainNode(node, dice.percent(30)),
            Subject::Device(device) => Ask::DrainDevice(device, dice.percent(30)),
            Subject::Cluster(_)
            | Subject::Member(_)
            | Subject::Volume(_)
            | Subject::Snapshot(_)
            | Subject::Group(_)
            | Subject::Block(_)
            | Subject::Attachments(_) => return None,
        },
        32..=39 => {
            let way = *dice.pick(&[Expansion::Best, Expansion::InPlace, Expansion::AddBricks]);
            Ask::Expand(dice.any(&volumes)?, ByteSize::from_gib(dice.between(1, 4)), way)
        }
        40..=49 => Ask::Delete(dice.any(&volumes)?),
        50..=54 => {
            let wanted = [
                Durability::Replicate(2),
                Durability::Replicate(3),
                Durability::Arbiter,
            ];
            Ask::Copies(dice.any(&volumes)?, *dice.pick(&wanted))
        }
        55..=56 => Ask::Options(dice.any(&volumes)?, options(life)),
        57..=58 => Ask::ResizeDevice(dice.any(&devices)?),
        59..=68 => Ask::AddDevice(device(life, dice.any(&nodes)?)),
        69..=75 => Ask::RemoveDevice(dice.any(&devices)?),
        76..=82 => Ask::AddNode(node(life, cluster)),
        83..=86 => {
            let bare: Vec<NodeId> = life.engine.view(|landscape| {
                let inventory = landscape.inventory();
                let bare = nodes.iter().copied();
                bare.filter(|node| inventory.devices_of(*node).next().is_none())
                    .collect()
            });
            let bare = dice.any(&bare).filter(|_| dice.percent(80));
            Ask::RemoveNode(bare.or_else(|| dice.any(&nodes))?)
        }
        87..=92 => Ask::State(setting(life, &nodes, &devices)?, state(life)),
        93..=97 => {
            let value = if dice.percent(50) { "disk" } else { "directory" };
            let tags = Tags::from([
                ("media".to_owned(), value.to_owned()),
                ("turn".to_owned(), dice.below(1000).to_string()),
            ]);
            Ask::Tags(setting(life, &nodes, &devices)?, tags)
        }
        98 => match dice.below(3) {
            0 => Ask::Flags(cluster, dice.percent(50)),
            1 if clusters.len() < 3 => Ask::CreateCluster,
            _ => Ask::DeleteCluster(cluster),
        },
        100..=102 => overcommit(life, &devices)?,
        105 | 106 if machines::one_may_go(life) => Ask::Forget(dice.any(&nodes)?),
        105 | 106 => return None,
        107 => Ask::Replace(dice.any(&nodes)?),
        103..=104 => address(life, &nodes)?,
        _ if dice.percent(50) => Ask::Look(dice.any(&volumes)?),
        _ => Ask::Plan(volume(life)),
    })
}

fn volume(life: &Life) -> CreateVolume {
    let dice = &life.site.dice;
    let durability = *dice.pick(&[
        Durability::None,
        Durability::Replicate(2),
        Durability::Replicate(3),
        Durability::Replicate(3),
        Durability::Arbiter,
        Durability::disperse(2, 1),
    ]);
    let large = dice.percent(10);
    let size = ByteSize::from_gib(dice.between(1, if large { 60 } else { 5 }));
    let mut request = CreateVolume::new(size, durability);
    if dice.percent(20) {
        let clusters: Vec<ClusterId> = life.engine.view(|landscape| {
            let clusters = landscape.inventory().clusters();
            clusters.map(|cluster| cluster.id).collect()
        });
        request.clusters.extend(dice.any(&clusters));
    }
    if dice.percent(60) {
        request.name = Some(VolumeName::new(format!("data{}", dice.below(12))).unwrap());
    }
    if dice.percent(40) {
        let media = if dice.percent(50) { "disk" } else { "directory" };
        let tag = VolumeOption::new("user.mortar.device-tag-match", format!("media={media}"));
        request.options.push(tag.unwrap());
    }
    if dice.percent(20) {
        request.gid = 2000;
    }
    if dice.percent(15) {
        request.snapshots = Snapshots {
            enable: true,
            factor: *dice.pick(&[1.5, 2.0, 3.0]),
        };
    }
    request
}

/// One option with another value, sometimes one that GlusterFS does not take, and one that is given back.
fn options(life: &Life) -> OptionsChange {
    let dice = &life.site.dice;
    let value = *dice.pick(&["on", "on", "off", "off", "maybe"]);
    let set = VolumeOption::new("performance.io-cache", value).unwrap();
    let reset = OptionName::new(*dice.pick(&["performance.read-ahead", "performance.quick-read"]));
    OptionsChange {
        set: vec![set],
        reset: reset.into_iter().filter(|_| dice.percent(40)).collect(),
    }
}

/// Something about snapshots and clones.
fn copy(life: &Life) -> Option<Ask> {
    let dice = &life.site.dice;
    let name = |what: &str| {
        let named = dice.percent(50);
        named.then(|| VolumeName::new(format!("{what}{}", dice.below(4))).unwrap())
    };
    let (volumes, snapshots, groups) = life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        // Those that hold block volumes are neither cloned nor restored.
        let volumes = inventory.volumes().filter(|volume| !volume.block);
        let volumes = volumes.map(|volume| volume.id);
        let snapshots = inventory.snapshots().map(|snapshot| snapshot.id);
        let groups = inventory.groups_after(None).map(|group| group.id);
        (
            volumes.collect::<Vec<_>>(),
            snapshots.collect::<Vec<_>>(),
            groups.collect::<Vec<_>>(),
        )
    });
    Some(match dice.below(16) {
        0..=2 => Ask::Snapshot(dice.any(&volumes)?, name("day")),
        3..=8 if snapshots.is_empty() => Ask::Snapshot(dice.any(&volumes)?, name("day")),
        3 | 4 => Ask::DeleteSnapshot(dice.any(&snapshots)?),
        5..=7 => Ask::Restore(dice.any(&snapshots)?),
        8 => Ask::CloneSnapshot(dice.any(&snapshots)?, name("copy")),
        9 => Ask::Group(vec![dice.any(&volumes)?, dice.any(&volumes)?], name("week")),
        10 => Ask::Group(vec![dice.any(&volumes)?], name("week")),
        11 if !groups.is_empty() => Ask::DeleteGroup(dice.any(&groups)?),
        _ => Ask::CloneVolume(dice.any(&volumes)?, name("copy")),
    })
}

fn block(life: &Life, volumes: &[VolumeId]) -> Option<Ask> {
    let dice = &life.site.dice;
    let blocks: Vec<(BlockVolumeId, ByteSize)> = life.engine.view(|landscape| {
        let blocks = landscape.inventory().blocks();
        blocks.map(|block| (block.id, block.size)).collect()
    });
    Some(match dice.below(10) {
        0..=5 => {
            let name = dice
                .percent(50)
                .then(|| VolumeName::new(format!("disk{}", dice.below(6))).unwrap());
            Ask::Block(CreateBlock {
                name,
                size: ByteSize::from_gib(dice.between(1, 3)),
                clusters: Vec::new(),
                ha: u32::try_from(dice.below(4)).unwrap(),
                auth: dice.percent(50),
            })
        }
        6 | 7 => {
            let (id, size) = dice.any(&blocks)?;
            Ask::ExpandBlock(id, size + ByteSize::from_gib(1))
        }
        8 => Ask::DeleteBlock(dice.any(&blocks)?.0),
        _ => {
            let restriction = *dice.pick(&[
                BlockRestriction::None,
                BlockRestriction::None,
                BlockRestriction::Locked,
            ]);
            Ask::Restrict(dice.any(volumes)?, restriction)
        }
    })
}

fn device(life: &Life, node: NodeId) -> AddDevice {
    let dice = &life.site.dice;
    let path = *dice.pick(&["/dev/sdb", "/dev/sdc", "/disks/one", "/disks/two"]);
    let media = if path.starts_with("/dev") {
        "disk"
    } else {
        "directory"
    };
    AddDevice {
        node,
        path: DevicePath::new(path).unwrap(),
        tags: Tags::from([("media".to_owned(), media.to_owned())]),
        destroy: dice.percent(30),
        shared: (path == "/dev/sdc" && dice.percent(50)).then(|| Overcommit::from_hundredths(150).unwrap()),
    }
}

fn node(life: &Life, cluster: ClusterId) -> AddNode {
    let number = life.site.dice.between(1, 5);
    let names = site::names_of(number);
    AddNode {
        cluster,
        zone: u32::try_from(number % 3).unwrap(),
        manage: life.site.dice.pick(&names).clone(),
        storage: names[0].clone(),
        tags: Tags::new(),
    }
}

/// Another overcommit for a pool of all bricks; now and then for a device that has no such pool.
fn overcommit(life: &Life, devices: &[DeviceId]) -> Option<Ask> {
    let dice = &life.site.dice;
    let shared: Vec<DeviceId> = life.engine.view(|landscape| {
        let all = landscape.inventory().devices();
        let shared = all.filter(|device| device.kind.shared().is_some());
        shared.map(|device| device.id).collect()
    });
    let among = if dice.percent(90) { &shared } else { devices };
    let wanted = Overcommit::from_hundredths(*dice.pick(&[100, 150, 200, 300])).unwrap();
    Some(Ask::Overcommit(dice.any(among)?, wanted))
}

/// A name of the node's machine; now and then that of another.
fn address(life: &Life, nodes: &[NodeId]) -> Option<Ask> {
    let dice = &life.site.dice;
    let node = dice.any(nodes)?;
    let own = settings::own_names(life, node)?;
    let host = if dice.percent(70) {
        dice.pick(&own).clone()
    } else {
        dice.pick(&site::names_of(dice.between(1, 5))).clone()
    };
    Some(Ask::Address(node, host))
}

fn setting(life: &Life, nodes: &[NodeId], devices: &[DeviceId]) -> Option<Subject> {
    let dice = &life.site.dice;
    let subject = if dice.percent(40) {
        Subject::Node(dice.any(nodes)?)
    } else {
        Subject::Device(dice.any(devices)?)
    };
    (!life.site.book().being_set.contains(&subject)).then_some(subject)
}

fn state(life: &Life) -> State {
    // Mostly online: what is offline takes no bricks.
    if life.site.dice.percent(30) {
        State::Offline
    } else {
        State::Online
    }
}

/// A client that asks, and then for what became of it.
async fn client(life: Life, ask: Ask) {
    let site = &life.site;
    site.tell(format!("asked: {ask}"));
    match &ask {
        Ask::State(subject, _) | Ask::Tags(subject, _) => return settings::set(&life, *subject, &ask).await,
        Ask::Address(node, _) => return settings::set(&life, Subject::Node(*node), &ask).await,
        Ask::Overcommit(device, wanted) => return settings::promise(&life, *device, *wanted, &ask).await,
        Ask::DrainDevice(device, _) if !settings::may_fail(&life, Subject::Device(*device)) => return,
        Ask::DrainNode(node, _) if !settings::may_fail(&life, Subject::Node(*node)) => return,
        _ => {}
    }
    // Who promises something stays for the answer.
    let answer = if !matches!(ask, Ask::Forget(_)) && site.dice.percent(10) {
        // A client that goes away is answered nothing, and what it asked for may be done or not.
        let patience = site.dice.millis(0, 40);
        match tokio::time::timeout(patience, asked(&life, &ask)).await {
            Ok(answer) => answer,
            Err(_) => {
                site.count("client gone");
                site.tell(format!("  {ask}: the client goes away"));
                return again(&life, &ask, None).await;
            }
        }
    } else {
        asked(&life, &ask).await
    };
    if life.death.is_dead() {
        return std::future::pending().await;
    }
    match answer {
        Ok(None) => {
            site.count("answer at once");
            site.tell(format!("  {ask}: done"));
        }
        Ok(Some(id)) => {
            site.tell(format!("  {ask}: is {id}"));
            life.enter(id);
            if site.dice.percent(20) {
                again(&life, &ask, Some(id)).await;
            }
            life.follow(id).await;
        }
        Err(error) => refused(&life, &ask, &error),
    }
}

/// Asks for a named volume once more, and follows that too. Where the first answer is known, both must lead to the same
/// volume, unless the first came to nothing or was removed since.
async fn again(life: &Life, ask: &Ask, first: Option<OperationId>) {
    let (Ask::Create(CreateVolume { name: Some(_), .. }), false) = (ask, life.death.is_dead()) else {
        return;
    };
    let site = &life.site;
    let answer = asked(life, ask).await;
    if life.death.is_dead() {
        return std::future::pending().await;
    }
    match answer {
        Ok(second) => {
            let second = second.expect("a create is an operation");
            site.count("asked again");
            site.tell(format!("  {ask}, asked again: is {second}"));
            life.enter(second);
            if let Some(first) = first.filter(|first| *first != second) {
                life.leads_to_the_same(first, second);
            }
            life.clone().follow(second).await;
        }
        Err(error) => refused(life, ask, &error),
    }
}

/// Half of the times there is a reason to ask: the disk, or the directory's file system, became larger.
fn larger(life: &Life, id: DeviceId) {
    let place = life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let device = inventory.device(id)?;
        let host = inventory.node(device.node)?.manage.to_string();
        Some((host, device.path.to_string(), device.total.bytes()))
    });
    if let Some((host, path, total)) = place.filter(|_| life.site.dice.percent(50)) {
        let size = total + (5 << 30);
        life.hosts.world(|world| {
            // A directory that stands for no file system of its own stays as it is.
            let _ = world.grow_disk(&host, &path, size) || world.resize_device(&host, &path, size);
        });
    }
}

/// Asks the engine. Answers with the operation, where there is one.
pub(crate) async fn asked(life: &Life, ask: &Ask) -> Result<Option<OperationId>, EngineError> {
    match ask {
        Ask::State(..) | Ask::Tags(..) | Ask::Address(..) => Ok(None),
        Ask::Overcommit(id, wanted) => life.engine.set_overcommit(*id, *wanted).await.map(Some),
        Ask::Flags(cluster, block) => {
            let result = life.engine.set_cluster_flags(*cluster, true, *block).await;
            result.map(|()| None)
        }
        Ask::CreateCluster => {
            let cluster = life.engine.create_cluster(true, true).await?;
            life.site.book().clusters.insert(cluster.id, true);
            Ok(None)
        }
        Ask::DeleteCluster(id) => {
            // Until it is answered nobody knows.
            life.site.book().clusters.remove(id);
            life.engine.delete_cluster(*id).await?;
            life.site.book().clusters.insert(*id, false);
            Ok(None)
        }
        Ask::Look(id) => {
            life.engine.look_at_volume(*id).await;
            Ok(None)
        }
        Ask::Plan(request) => {
            life.engine.plan_volume(request)?;
            Ok(None)
        }
        Ask::Create(request) => life.engine.create_volume(request.clone()).await.map(Some),
        Ask::Expand(id, by, way) => life.engine.expand_volume(*id, *by, *way).await.map(Some),
        Ask::Options(id, change) => life.engine.set_options(*id, change.clone()).await.map(Some),
        Ask::Copies(id, wanted) => life.engine.change_replicas(*id, *wanted).await.map(Some),
        Ask::Delete(id) => life.engine.delete_volume(*id).await.map(Some),
        Ask::Snapshot(id, name) => life.engine.create_snapshot(*id, name.clone()).await.map(Some),
        Ask::Group(ids, name) => {
            let made = life.engine.create_snapshot_group(ids.clone(), name.clone());
            made.await.map(Some)
        }
        Ask::DeleteGroup(id) => life.engine.delete_snapshot_group(*id).await.map(Some),
        Ask::DeleteSnapshot(id) => life.engine.delete_snapshot(*id).await.map(Some),
        Ask::Restore(id) => life.engine.restore_snapshot(*id).await.map(Some),
        Ask::CloneSnapshot(id, name) => life
            .engine
            .clone_snapshot(*id, name.clone(), None)
            .await
            .map(Some),
        Ask::CloneVolume(id, name) => life.engine.clone_volume(*id, name.clone(), None).await.map(Some),
        Ask::Block(request) => life.engine.create_block(request.clone()).await.map(Some),
        Ask::ExpandBlock(id, size) => life.engine.expand_block(*id, *size).await.map(Some),
        Ask::DeleteBlock(id) => life.engine.delete_block(*id).await.map(Some),
        Ask::Restrict(id, restriction) => life.engine.restrict_blocks(*id, *restriction).await.map(Some),
        Ask::AddDevice(request) => life.engine.add_device(request.clone()).await.map(Some),
        Ask::ResizeDevice(id) => {
            larger(life, *id);
            life.engine.resize_device(*id).await.map(Some)
        }
        Ask::RemoveDevice(id) => life.engine.remove_device(*id, false).await.map(Some),
        Ask::AddNode(request) => life.engine.add_node(request.clone()).await.map(Some),
        Ask::RemoveNode(id) => life.engine.remove_node(*id).await.map(Some),
        Ask::Forget(id) => machines::forget(life, *id).await,
        Ask::Replace(id) => life.engine.replace_node(*id).await.map(Some),
        Ask::Evict(id, dead) => {
            life.site.book().to_move.insert(*id);
            life.engine.evict_brick(*id, *dead).await.map(Some)
        }
        Ask::DrainDevice(id, dead) => {
            life.site.book().emptied.insert(Subject::Device(*id));
            life.engine.drain_device(*id, *dead).await.map(Some)
        }
        Ask::DrainNode(id, dead) => {
            life.site.book().emptied.insert(Subject::Node(*id));
            life.engine.drain_node(*id, *dead).await.map(Some)
        }
    }
}

pub(crate) fn refused(life: &Life, ask: &Ask, error: &EngineError) {
    let kind = match error {
        EngineError::Refused(_) => "refused",
        EngineError::Busy { .. } => "busy",
        EngineError::Stopping => "stopping",
        EngineError::Uncertain { .. } => "uncertain",
        EngineError::Store(_) | EngineError::StoreBusy { .. } => "not recorded",
        EngineError::Node(_) => "node trouble",
    };
    life.site.count(format!("answer {kind}"));
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    life.site.tell(format!("  {ask}: {kind}: {line}"));
}

/// A client asks again for an answer that it has.
pub(crate) fn ask_again(life: &Life) {
    let site = &life.site;
    let now = site.time.passed();
    let told: Vec<OperationId> = {
        let book = site.book();
        let told = book.entries.iter().filter(|(_, entry)| entry.told.is_some());
        told.map(|(id, _)| *id).collect()
    };
    let Some(id) = site.dice.any(&told) else { return };
    let (ended, until) = site.book().entries[&id].told.clone().unwrap();
    let margin = Duration::from_secs(10);
    let state = life.engine.operation(id);
    match state {
        Some(OperationState::Ended(again)) if again == ended => {
            site.count("answer told again");
            if now > until + margin {
                site.wrong(format!("the answer of {id} is kept for too long"));
            }
        }
        None if now + margin > until => site.count("answer expired"),
        other => site.wrong(format!("{id} was told to be {ended:?}, and again {other:?}")),
    }
}
