//! What happens: what clients ask for, what breaks, and what is mended.

use mortar_engine::EngineError;
use mortar_model::{
    ByteSize, ClusterId, DeviceId, DevicePath, Durability, HostName, NodeId, OperationId, OperationKind,
    Snapshots, State, Tags, VolumeId, VolumeName, VolumeOption,
};
use mortar_plan::{AddDevice, AddNode, CreateVolume, Subject};
use mortar_simulator::{Effect, Fault, Foreign, When};

use crate::book::{Settings, settings_of};
use crate::disk::Trouble;
use crate::life::Life;
use crate::support::truth;

/// What a client asks for.
#[derive(Clone, Debug)]
enum Ask {
    Create(CreateVolume),
    Expand(VolumeId, ByteSize),
    Delete(VolumeId),
    AddDevice(AddDevice),
    RemoveDevice(DeviceId),
    AddNode(AddNode),
    RemoveNode(NodeId),
    State(Subject, State),
    Tags(Subject, Tags),
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
            Self::Expand(id, by) => write!(f, "expand volume {id} by {by}"),
            Self::Delete(id) => write!(f, "delete volume {id}"),
            Self::AddDevice(request) => write!(f, "add device {} of node {}", request.path, request.node),
            Self::RemoveDevice(id) => write!(f, "remove device {id}"),
            Self::AddNode(request) => write!(f, "add node {}", request.manage),
            Self::RemoveNode(id) => write!(f, "remove node {id}"),
            Self::State(subject, state) => write!(f, "set {} {} {state}", subject.kind(), subject.id()),
            Self::Tags(subject, tags) => write!(f, "tag {} {} {tags:?}", subject.kind(), subject.id()),
            Self::Flags(id, block) => write!(f, "set block {block} of cluster {id}"),
            Self::CreateCluster => f.write_str("create a cluster"),
            Self::DeleteCluster(id) => write!(f, "delete cluster {id}"),
            Self::Look(id) => write!(f, "look at volume {id}"),
            Self::Plan(request) => write!(f, "plan a volume of {}", request.size),
        }
    }
}

/// One thing happens.
pub(crate) async fn act(life: &Life) {
    let site = &life.site;
    match site.dice.below(100) {
        0..=49 => ask(life),
        50..=53 => {
            // Several at once.
            for _ in 0..site.dice.between(3, 8) {
                ask(life);
            }
        }
        54..=57 => ask_again(life),
        58..=72 => inject(life),
        73..=81 => disturb(life),
        82..=94 => recover(life),
        95..=96 => jump(life),
        97 => disk(life),
        98 => by_hand(life),
        _ => {
            let limit = site.dice.millis(0, 60_000);
            site.tell(format!("nothing happens for {limit:?}"));
            tokio::time::sleep(limit).await;
        }
    }
    life.reap().await;
}

/// Some client asks for something.
pub(crate) fn ask(life: &Life) {
    if let Some(ask) = wish(life) {
        life.spawn(client(life.clone(), ask));
    }
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
    Some(match dice.below(100) {
        0..=31 => Ask::Create(volume(life)),
        32..=41 => Ask::Expand(dice.any(&volumes)?, ByteSize::from_gib(dice.between(1, 4))),
        42..=58 => Ask::Delete(dice.any(&volumes)?),
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
            factor: 1.5,
        };
    }
    request
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
    }
}

fn node(life: &Life, cluster: ClusterId) -> AddNode {
    let number = life.site.dice.between(1, 5);
    let host = HostName::new(format!("n{number}")).unwrap();
    AddNode {
        cluster,
        zone: u32::try_from(number % 3).unwrap(),
        manage: host.clone(),
        storage: host,
        tags: Tags::new(),
    }
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
    if let Ask::State(subject, _) | Ask::Tags(subject, _) = &ask {
        return set(&life, *subject, &ask).await;
    }
    let answer = if site.dice.percent(10) {
        // A client that goes away is answered nothing, and what it asked for may be done or not.
        let patience = site.dice.millis(0, 40);
        match tokio::time::timeout(patience, asked(&life, &ask)).await {
            Ok(answer) => answer,
            Err(_) => {
                site.count("client gone");
                return site.tell(format!("  {ask}: the client goes away"));
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
            life.follow(id).await;
        }
        Err(error) => refused(&life, &ask, &error),
    }
}

/// Asks the engine. Answers with the operation, where there is one.
async fn asked(life: &Life, ask: &Ask) -> Result<Option<OperationId>, EngineError> {
    match ask {
        Ask::State(..) | Ask::Tags(..) => Ok(None),
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
        Ask::Expand(id, by) => life.engine.expand_volume(*id, *by).await.map(Some),
        Ask::Delete(id) => life.engine.delete_volume(*id).await.map(Some),
        Ask::AddDevice(request) => life.engine.add_device(request.clone()).await.map(Some),
        Ask::RemoveDevice(id) => life.engine.remove_device(*id, false).await.map(Some),
        Ask::AddNode(request) => life.engine.add_node(request.clone()).await.map(Some),
        Ask::RemoveNode(id) => life.engine.remove_node(*id).await.map(Some),
    }
}

fn refused(life: &Life, ask: &Ask, error: &EngineError) {
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

/// Sets a state or tags; while nobody knows whether it was set, both may be.
async fn set(life: &Life, subject: Subject, ask: &Ask) {
    let site = &life.site;
    let Some((state, tags)) = life
        .engine
        .view(|landscape| settings_of(landscape.inventory(), subject))
    else {
        return;
    };
    {
        let mut book = site.book();
        if !book.being_set.insert(subject) {
            return;
        }
        let settings = book.settings.entry(subject).or_insert_with(Settings::default);
        if settings.states.is_empty() {
            settings.states.push(state);
        }
        if settings.tags.is_empty() {
            settings.tags.push(tags);
        }
    }
    let before = site.book().settings[&subject].clone();
    let after = match ask {
        Ask::State(_, state) => Settings {
            states: vec![*state],
            ..before.clone()
        },
        Ask::Tags(_, tags) => Settings {
            tags: vec![tags.clone()],
            ..before.clone()
        },
        _ => return,
    };
    let mut either = before.clone();
    either.states.extend(after.states.iter().copied());
    either.tags.extend(after.tags.iter().cloned());
    site.book().settings.insert(subject, either.clone());
    let answer = match (ask, subject) {
        (Ask::State(_, state), Subject::Node(id)) => life.engine.set_node_state(id, *state).await.map(drop),
        (Ask::State(_, state), Subject::Device(id)) => {
            life.engine.set_device_state(id, *state).await.map(drop)
        }
        (Ask::Tags(_, new), Subject::Node(id)) => life
            .engine
            .set_node_tags(id, |tags| tags.clone_from(new))
            .await
            .map(drop),
        (Ask::Tags(_, new), Subject::Device(id)) => life
            .engine
            .set_device_tags(id, |tags| tags.clone_from(new))
            .await
            .map(drop),
        _ => return,
    };
    if life.death.is_dead() {
        return std::future::pending().await;
    }
    let known = match &answer {
        Ok(()) => after,
        Err(EngineError::Uncertain { .. }) => either,
        Err(_) => before,
    };
    let mut book = site.book();
    book.settings.insert(subject, known);
    book.being_set.remove(&subject);
    drop(book);
    match answer {
        Ok(()) => {
            site.count("setting done");
            site.tell(format!("  {ask}: done"));
        }
        Err(error) => refused(life, ask, &error),
    }
    let mut wrong = Vec::new();
    life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        site.book().check_settings(inventory, &mut wrong);
    });
    for what in wrong {
        site.wrong(what);
    }
}

/// A client asks again for an answer that it has.
fn ask_again(life: &Life) {
    let site = &life.site;
    let now = site.time.passed();
    let told: Vec<OperationId> = {
        let book = site.book();
        let told = book.entries.iter().filter(|(_, entry)| entry.told.is_some());
        told.map(|(id, _)| *id).collect()
    };
    let Some(id) = site.dice.any(&told) else { return };
    let (ended, until) = site.book().entries[&id].told.clone().unwrap();
    let margin = std::time::Duration::from_secs(10);
    let state = life.engine.operation(id);
    match state {
        Some(mortar_engine::OperationState::Ended(again)) if again == ended => {
            site.count("answer told again");
            if now > until + margin {
                site.wrong(format!("the answer of {id} is kept for too long"));
            }
        }
        None if now + margin > until => site.count("answer expired"),
        other => site.wrong(format!("{id} was told to be {ended:?}, and again {other:?}")),
    }
}

/// Something will go wrong with a command.
fn inject(life: &Life) {
    let dice = &life.site.dice;
    let commands = [
        "gluster volume create",
        "gluster volume set",
        "gluster volume start",
        "gluster volume stop",
        "gluster volume delete",
        "gluster volume add-brick",
        "gluster volume info",
        "gluster peer probe",
        "gluster pool list",
        "mkfs.xfs",
        "mount",
        "umount",
        "lvcreate",
        "lvremove",
        "pvcreate",
        "vgcreate",
        "vgremove",
        "flock",
        "tee",
        "rmdir",
        "blkid",
        "findmnt",
    ];
    for _ in 0..dice.between(1, 3) {
        let when = if dice.percent(50) {
            When::Change(dice.between(1, 12))
        } else {
            When::Command {
                kind: (*dice.pick(&commands)).to_owned(),
                host: None,
                nth: dice.between(1, 2),
            }
        };
        let fault = Fault {
            when,
            effect: effect(life),
        };
        life.site.tell(format!("will go wrong: {fault:?}"));
        life.hosts.world(|world| world.inject(fault));
    }
}

fn effect(life: &Life) -> Effect {
    let dice = &life.site.dice;
    let text = (*dice.pick(&[
        "injected failure",
        "volume x: failed: Another transaction is in progress. Please try again after some time.",
        "umount: target is busy.",
        "No space left on device",
        "Error : Request timed out",
    ]))
    .to_owned();
    match dice.below(20) {
        0..=5 => Effect::Fail { status: 1, text },
        6..=7 => Effect::FailAfter {
            status: 1,
            text: "injected failure".to_owned(),
        },
        8..=10 => Effect::LoseAnswer,
        11..=13 => Effect::LoseRest,
        14..=15 => Effect::LoseCommand,
        16 => Effect::Hang,
        17..=18 => Effect::Late,
        _ => Effect::PowerCut,
    }
}

/// A person takes something up again, or keeps a snapshot in the way of a deletion.
fn by_hand(life: &Life) {
    let open = truth::open(&life.engine);
    if let Some(id) = life.site.dice.any(&open)
        && life.engine.retry(id)
    {
        life.site.count("retried by hand");
        return life.site.tell(format!("somebody takes up {id}"));
    }
    let volumes: Vec<String> = life.engine.view(|landscape| {
        let volumes = landscape.inventory().volumes();
        volumes.map(|volume| volume.name.to_string()).collect()
    });
    if !volumes.is_empty() {
        let volume = life.site.dice.pick(&volumes);
        life.site.count("snapshot made");
        life.site.tell(format!("somebody makes a snapshot of {volume}"));
        life.hosts.world(|world| world.add_snapshot("n1", volume, "snap"));
    }
}

/// Something happens to a node.
fn disturb(life: &Life) {
    let site = &life.site;
    let host = format!("n{}", site.dice.between(1, 5));
    match site.dice.below(10) {
        0..=3 => {
            site.count("node off");
            site.tell(format!("{host} loses its power"));
            life.hosts.world(|world| world.kill_node(&host));
        }
        4..=5 => {
            site.count("node cut off");
            site.tell(format!("{host} is cut off"));
            life.part_from(|on| on == host);
            life.hosts.world(|world| world.cut(&host));
        }
        6..=7 => {
            site.count("glusterd stopped");
            site.tell(format!("glusterd of {host} stops"));
            life.part_from(|on| on == host);
            life.hosts.world(|world| world.stop_glusterd(&host));
        }
        8 => spoil(life, &host),
        _ => kill_brick(life),
    }
}

fn spoil(life: &Life, host: &str) {
    let path = *life.site.dice.pick(&["/dev/sdb", "/dev/sdc"]);
    let blank = life.hosts.world(|world| {
        let host = world.host(host);
        host.is_some_and(|host| {
            host.devices
                .iter()
                .any(|device| device.path == path && device.contents == "blank")
        })
    });
    // Only while nothing of ours is or comes there: nobody writes over a disk in use.
    let free = life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let host = HostName::new(host).unwrap();
        inventory.node_by_host(&host).is_none_or(|node| {
            let path = DevicePath::new(path).unwrap();
            landscape.path_holder(node.id, &path).is_none()
        })
    });
    if blank && free {
        life.site.count("disk spoiled");
        life.site.tell(format!("somebody puts ext4 on {path} of {host}"));
        life.hosts
            .world(|world| world.spoil_disk(host, path, Foreign::Ext4));
    }
}

fn kill_brick(life: &Life) {
    let bricks: Vec<(String, String)> = life.hosts.world(|world| {
        let pool = world.pool("n1").unwrap_or_default();
        let all = pool.volumes.iter().flat_map(|volume| volume.bricks.iter());
        all.filter_map(|brick| {
            brick
                .split_once(':')
                .map(|(host, path)| (host.to_owned(), path.to_owned()))
        })
        .collect()
    });
    if bricks.is_empty() {
        return;
    }
    let (host, path) = life.site.dice.pick(&bricks);
    if life.hosts.world(|world| world.kill_brick(host, path)) {
        life.site.count("brick killed");
        life.site
            .tell(format!("the process of brick {host}:{path} is killed"));
    }
}

/// A node that is not well is well again.
fn recover(life: &Life) {
    let ill: Vec<u64> = life.hosts.world(|world| {
        (1..=5)
            .filter(|number| !world.is_well(&format!("n{number}")))
            .collect()
    });
    let Some(number) = life.site.dice.any(&ill) else {
        return;
    };
    let host = format!("n{number}");
    life.site.tell(format!("{host} is mended"));
    life.site.count("node mended");
    life.hosts.world(|world| {
        world.start_node(&host);
        world.join(&host);
        world.start_glusterd(&host);
    });
}

/// The machine's clock is set.
fn jump(life: &Life) {
    let dice = &life.site.dice;
    let by = i64::try_from(dice.between(1, if dice.percent(50) { 90 } else { 3 * 86_400 })).unwrap() * 1000;
    let by = if dice.percent(50) { by } else { -by };
    life.site
        .count(if by > 0 { "clock forward" } else { "clock back" });
    life.site.tell(format!("the clock is set by {by} ms"));
    life.site.time.jump(by);
}

fn disk(life: &Life) {
    let dice = &life.site.dice;
    let trouble = if life.disk.trouble() == Trouble::None {
        *dice.pick(&[Trouble::Full, Trouble::Full, Trouble::Failing])
    } else {
        Trouble::None
    };
    life.site.count(format!("disk {trouble:?}"));
    life.site
        .tell(format!("trouble with the server's disk: {trouble:?}"));
    life.disk.set_trouble(trouble);
}

/// Everything that is broken is mended.
pub(crate) fn mend(life: &Life) {
    life.site.tell_faults();
    life.site.tell("everything is mended");
    life.disk.set_trouble(Trouble::None);
    life.hosts.world(|world| {
        world.clear_faults();
        for host in world.hosts() {
            world.start_node(&host);
            world.join(&host);
            world.start_glusterd(&host);
        }
    });
}

/// What is never asked for: kinds that histories do not know.
pub(crate) const KINDS: [OperationKind; 7] = [
    OperationKind::AddNode,
    OperationKind::RemoveNode,
    OperationKind::AddDevice,
    OperationKind::RemoveDevice,
    OperationKind::CreateVolume,
    OperationKind::ExpandVolume,
    OperationKind::DeleteVolume,
];
