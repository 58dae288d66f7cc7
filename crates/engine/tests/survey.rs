//! A survey sees what was made, whatever it was told beforehand: batches of things are run on simulated nodes, and then
//! the nodes are asked.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use mortar_argv::Command;
use mortar_command::query::survey::{
    DirectorySeen, EntrySeen, FolderSeen, NodeSurvey, ask_node, ask_pool, read_node, read_pool,
};
use mortar_command::{Settings, make};
use mortar_executor::{Hosts as _, SimHosts};
use mortar_model::work::{BrickAddress, BrickSpec, DeviceSpec, NodeFileSpec, PeerSpec, Thing, VolumeSpec};
use mortar_model::{
    BrickId, BrickSpace, ByteSize, DeviceId, DevicePath, HostName, NodeId, VolumeId, VolumeName,
    VolumeOption, layout,
};
use mortar_simulator::{World, WorldConfig};

const DISK: DeviceId = DeviceId::from_u128(0xd1);
const DIRECTORY: DeviceId = DeviceId::from_u128(0xd2);
const NODES: [&str; 3] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];

fn path(text: &str) -> DevicePath {
    DevicePath::new(text).unwrap()
}

fn world() -> World {
    let mut world = World::new(WorldConfig {
        directories: vec![("/disks/1".into(), 4 << 40)],
        ..WorldConfig::default()
    });
    for node in NODES {
        world.add_node(node);
    }
    world
}

fn done(world: &mut World, node: &str, thing: &Thing) {
    let report = world.run(node, &make(thing, &Settings::default()));
    assert!(report.success(), "{thing:?}: {report:#?}");
}

fn survey(world: &mut World, node: &str) -> NodeSurvey {
    let directories = [path("/disks/1"), path("/disks/none")];
    let batch = ask_node(&Settings::default(), &directories);
    read_node(&directories, &world.run(node, &batch)).unwrap()
}

fn device(id: DeviceId, at: &str) -> Thing {
    Thing::Device(DeviceSpec {
        device: id,
        path: path(at),
        destroy: false,
        shared: None,
    })
}

fn brick(number: u128, image: bool) -> Thing {
    let brick = BrickId::from_u128(number);
    let size = ByteSize::from_gib(1);
    let (device, at, space) = if image {
        (DIRECTORY, "/disks/1", BrickSpace::Image)
    } else {
        let (pool, metadata) = (size, ByteSize::from_mib(8));
        (DISK, "/dev/sdb", BrickSpace::ThinPool { pool, metadata })
    };
    Thing::Brick(BrickSpec {
        brick,
        volume: VolumeId::from_u128(0xe),
        device,
        device_path: path(at),
        space,
        size,
        arbiter: false,
        gid: 2001,
        identity: identity(brick),
        from: None,
        names: None,
        pool: None,
    })
}

fn identity(brick: BrickId) -> String {
    // As long as one of Mortar's.
    let more = ",\n  \"more\": \"0123456789abcdef0123456789abcdef\"".repeat(10);
    format!("{{\n  \"mortar\": 1,\n  \"brick\": \"{brick}\"{more}\n}}\n")
}

fn ready(world: &mut World, node: &str) {
    let text = "{\n  \"mortar\": 1\n}\n".to_owned();
    let file = NodeFileSpec {
        node: NodeId::from_u128(1),
        text,
    };
    done(world, node, &Thing::NodeFile(file));
    done(world, node, &device(DISK, "/dev/sdb"));
    done(world, node, &device(DIRECTORY, "/disks/1"));
}

#[test]
fn a_bare_node_shows_itself() {
    let mut world = world();
    let seen = survey(&mut world, NODES[0]);
    assert_eq!(seen.node_file, Ok(None));
    let nothing = (
        seen.groups.unwrap().len(),
        seen.volumes.unwrap().len(),
        seen.images.unwrap().len(),
        seen.mounts.unwrap().len(),
        seen.entries.unwrap().len(),
        seen.loops.unwrap().len(),
        seen.folders.unwrap().len(),
        seen.identities.unwrap().len(),
        seen.unreadable.len(),
    );
    assert_eq!(nothing, (0, 0, 0, 0, 0, 0, 0, 0, 0));
    let members = seen.members.unwrap();
    assert_eq!((members.len(), members[0].hosts[0].as_str()), (1, "localhost"));
    let directories = seen.directories.unwrap();
    assert!(directories[0].space.is_some() && directories[0].identity.is_none());
    let none = DirectorySeen {
        path: "/disks/none".into(),
        identity: None,
        space: None,
    };
    assert_eq!(directories[1], none);
}

#[test]
fn what_was_made_is_seen() {
    let mut world = world();
    ready(&mut world, NODES[0]);
    done(&mut world, NODES[0], &brick(0xb2, true));
    done(&mut world, NODES[0], &brick(0xb1, false));
    let seen = survey(&mut world, NODES[0]);
    assert_eq!(
        seen.node_file.as_ref().unwrap().as_deref(),
        Some("{\n  \"mortar\": 1\n}\n")
    );
    assert_eq!(seen.node_file.unwrap(), world.host(NODES[0]).unwrap().node_file);

    let [group] = &seen.groups.unwrap()[..] else {
        panic!()
    };
    assert_eq!(group.name, layout::volume_group(DISK));
    assert_eq!(
        (group.path.as_str(), group.uuid.as_str()),
        ("/dev/sdb", &*layout::physical_volume_uuid(DISK))
    );
    assert_eq!(group.tags, [layout::device_tag(DISK)]);
    assert_eq!(group.extent, ByteSize::from_mib(4));
    // The spare of the pool's metadata is not made: 1 GiB and 8 MiB are taken.
    assert_eq!(group.free + ByteSize::from_mib(1032), group.size);

    let (thin, image) = (BrickId::from_u128(0xb1), BrickId::from_u128(0xb2));
    let volumes = seen.volumes.unwrap();
    let [volume, pool] = &volumes[..] else {
        panic!("{volumes:?}")
    };
    assert_eq!(volume.name, layout::logical_volume(thin));
    assert_eq!(
        (volume.pool.clone(), volume.is_pool),
        (Some(layout::thin_pool(thin)), false)
    );
    assert_eq!(
        (volume.size, volume.metadata),
        (ByteSize::from_gib(1), ByteSize::ZERO)
    );
    assert_eq!(
        (pool.name.clone(), pool.is_pool, &pool.pool),
        (layout::thin_pool(thin), true, &None)
    );
    assert_eq!(
        (pool.size, pool.metadata),
        (ByteSize::from_gib(1), ByteSize::from_mib(8))
    );
    assert!(pool.tags.contains(&layout::brick_tag(thin)) && pool.active && volume.active);
    assert!(pool.data_percent.is_some() && pool.metadata_percent.is_some() && volume.data_percent.is_some());

    let (thin_at, image_at) = (
        layout::mount_point(DISK, thin),
        layout::mount_point(DIRECTORY, image),
    );
    let mounts = seen.mounts.unwrap();
    let targets: Vec<_> = mounts
        .iter()
        .map(|mount| (mount.target.clone(), mount.uuid.clone()))
        .collect();
    assert_eq!(
        targets,
        [
            (thin_at.clone(), layout::file_system_uuid(thin)),
            (image_at.clone(), layout::file_system_uuid(image))
        ]
    );
    assert!(
        mounts
            .iter()
            .all(|mount| mount.used > ByteSize::ZERO && mount.size > mount.used)
    );
    let image_file = layout::image(&path("/disks/1"), image);
    let entry = |source: &str, target: &str| EntrySeen {
        source: source.into(),
        target: target.into(),
    };
    assert_eq!(
        seen.entries.unwrap(),
        [
            entry(&layout::logical_volume_device(DISK, thin), &thin_at),
            entry(&image_file, &image_at)
        ]
    );
    let [used] = &seen.loops.unwrap()[..] else {
        panic!()
    };
    assert_eq!((&used.device, &used.file), (&mounts[1].source, &image_file));
    let [seen_image] = &seen.images.unwrap()[..] else {
        panic!()
    };
    assert_eq!(
        (&seen_image.path, seen_image.size),
        (&image_file, ByteSize::from_gib(1))
    );
    assert!(seen_image.taken < seen_image.size && seen_image.taken > ByteSize::ZERO);
    let folder = |mount_point: &str| FolderSeen {
        mount_point: mount_point.into(),
        gid: 2001,
    };
    assert_eq!(seen.folders.unwrap(), [folder(&thin_at), folder(&image_at)]);
    assert_eq!(
        seen.identities.unwrap(),
        [(thin_at, identity(thin)), (image_at, identity(image))]
    );
    let directories = seen.directories.unwrap();
    assert!(
        directories[0]
            .identity
            .as_ref()
            .unwrap()
            .contains(&DIRECTORY.to_string())
    );
    assert_eq!(seen.unreadable, []);
}

#[test]
fn a_pool_tells_its_volumes_and_their_options() {
    let mut world = world();
    let read = |world: &mut World| read_pool(&world.run(NODES[1], &ask_pool(&Settings::default())));
    assert_eq!(read(&mut world), Ok(Vec::new()));
    for node in &NODES[1..] {
        let host = HostName::new(*node).unwrap();
        let peer = PeerSpec {
            node: NodeId::from_u128(1),
            host,
            force: false,
        };
        done(&mut world, NODES[0], &Thing::Peer(peer));
    }
    let mut names = Vec::new();
    for (number, name) in ["b", "a"].into_iter().enumerate() {
        let bricks = NODES.map(|node| {
            let number = u128::try_from(number).unwrap() + 1;
            if world.host(node).unwrap().devices[0].group.is_none() {
                ready(&mut world, node);
            }
            done(&mut world, node, &brick(number, false));
            let brick = BrickId::from_u128(number);
            let (host, path) = (HostName::new(node).unwrap(), layout::brick_path(DISK, brick));
            BrickAddress { brick, host, path }
        });
        let spec = VolumeSpec {
            volume: VolumeId::from_u128(7),
            name: VolumeName::new(name).unwrap(),
            replica: 3,
            arbiter: false,
            disperse: None,
            bricks: bricks.to_vec(),
            options: vec![VolumeOption::new("user.mortar.id", "7").unwrap()],
        };
        done(&mut world, NODES[0], &Thing::Volume(spec));
        names.insert(0, bricks.map(|brick| format!("{}:{}", brick.host, brick.path)));
    }
    let volumes = read(&mut world).unwrap();
    let seen: Vec<_> = volumes
        .iter()
        .map(|volume| (volume.name.as_str(), volume.bricks.clone()))
        .collect();
    assert_eq!(seen, [("a", names[0].to_vec()), ("b", names[1].to_vec())]);
    assert!(
        volumes
            .iter()
            .all(|volume| volume.started() && volume.option("user.mortar.id") == Some("7"))
    );
    // What people do by hand.
    for words in [
        "volume stop a",
        "volume set b performance.quick-read off",
        "volume stop b",
        "volume delete b",
        "volume create by_hand 10.0.0.1:/srv/brick force",
        "volume set a auth.allow none",
    ] {
        world.run_one(NODES[0], &Command::new("mkdir").args(["-p", "/srv/brick"]));
        let gluster = Command::new("gluster")
            .arg("--mode=script")
            .args(words.split(' '));
        let output = world.run_one(NODES[0], &gluster);
        assert!(output.success(), "{words}: {}", output.complaint());
    }
    let volumes = read(&mut world).unwrap();
    let [a, by_hand] = &volumes[..] else {
        panic!("{volumes:?}")
    };
    assert_eq!(
        (a.status.as_str(), a.option("auth.allow")),
        ("Stopped", Some("none"))
    );
    assert_eq!(
        (by_hand.name.as_str(), by_hand.option("user.mortar.id")),
        ("by_hand", None)
    );
    world.stop_glusterd(NODES[1]);
    assert!(read(&mut world).is_err());
    assert!(survey(&mut world, NODES[1]).members.is_err());
    world.cut(NODES[2]);
    let batch = ask_node(&Settings::default(), &[]);
    assert!(read_node(&[], &world.run(NODES[2], &batch)).is_err());
}

/// What needs no drill: a person types it. Each is seen, and nothing else.
#[test]
fn what_people_do_by_hand_is_seen() {
    let mut world = world();
    let node = NODES[0];
    ready(&mut world, node);
    for (number, image) in [(1, false), (2, true), (3, true)] {
        done(&mut world, node, &brick(number, image));
    }
    let (thin, image) = (BrickId::from_u128(1), BrickId::from_u128(2));
    let group = layout::volume_group(DISK);
    let at = |device, brick| layout::mount_point(device, brick);
    let images = "/disks/1/mortar-bricks";
    let typed = [
        format!("umount {}", at(DISK, thin)),
        format!("lvremove --yes {group}/{}", layout::logical_volume(thin)),
        format!("lvcreate -qq -L 1G -n stray {group}"),
        format!(
            "lvcreate -qq -L 1G -n tagged --addtag {} {group}",
            layout::brick_tag(BrickId::from_u128(9))
        ),
        format!("rm {images}/brick_{image}.img"),
        format!("truncate --size=1G {images}/brick_{}.img", BrickId::from_u128(9)),
        "truncate --size=1G /disks/1/mortar-bricks/brick_x.img".into(),
        format!(
            "sed -i -e \\|{}|d /etc/fstab",
            at(DIRECTORY, BrickId::from_u128(3))
        ),
        format!("rm {}/mortar.json", at(DIRECTORY, BrickId::from_u128(3))),
        "rm /var/lib/mortar/node.json".into(),
    ];
    for line in typed {
        let mut words = line.split(' ');
        let command = Command::new(words.next().unwrap()).args(words);
        let output = world.run_one(node, &command);
        assert!(output.success(), "{line}: {}", output.complaint());
    }
    assert_eq!(world.violations(), Vec::<String>::new());
    let seen = survey(&mut world, node);
    assert_eq!(seen.node_file, Ok(None));
    let volumes: Vec<_> = seen
        .volumes
        .unwrap()
        .into_iter()
        .map(|volume| (volume.name, volume.tags.len(), volume.is_pool))
        .collect();
    let pool = (layout::thin_pool(thin), 2, true);
    assert_eq!(
        volumes,
        [("stray".into(), 0, false), ("tagged".into(), 1, false), pool]
    );
    let names: Vec<_> = seen
        .images
        .unwrap()
        .into_iter()
        .map(|image| (image.path, image.taken))
        .collect();
    let image_of = |number| layout::image(&path("/disks/1"), BrickId::from_u128(number));
    assert_eq!(names.len(), 3);
    assert_eq!((&names[0].0, &names[1].0), (&image_of(3), &image_of(9)));
    assert_eq!(
        (names[1].1, names[2].0.as_str()),
        (ByteSize::ZERO, "/disks/1/mortar-bricks/brick_x.img")
    );
    let loops: Vec<_> = seen.loops.unwrap().into_iter().map(|used| used.file).collect();
    assert_eq!(loops, [image_of(2) + " (deleted)", image_of(3)]);
    let mounts: Vec<_> = seen
        .mounts
        .unwrap()
        .into_iter()
        .map(|mount| mount.target)
        .collect();
    assert_eq!(
        mounts,
        [at(DIRECTORY, image), at(DIRECTORY, BrickId::from_u128(3))]
    );
    let entries: Vec<_> = seen
        .entries
        .unwrap()
        .into_iter()
        .map(|entry| entry.target)
        .collect();
    assert_eq!(entries, [at(DISK, thin), at(DIRECTORY, image)]);
    let identities: Vec<_> = seen.identities.unwrap().into_iter().map(|(at, _)| at).collect();
    assert_eq!(identities, [at(DIRECTORY, image)]);
    assert_eq!(seen.folders.unwrap().len(), 2);
}

/// A dead disk is named, and hurts only itself.
#[test]
fn a_dead_disk_is_named() {
    let mut world = world();
    let node = NODES[0];
    ready(&mut world, node);
    done(&mut world, node, &brick(1, false));
    done(&mut world, node, &brick(2, true));
    let thin = layout::mount_point(DISK, BrickId::from_u128(1));
    assert!(world.break_mount(node, &thin));
    let seen = survey(&mut world, node);
    let why = "Input/output error".to_owned();
    assert_eq!(seen.unreadable, [(thin, why.clone())]);
    assert_eq!(
        (seen.folders.unwrap().len(), seen.identities.unwrap().len()),
        (1, 1)
    );
    assert_eq!((seen.mounts.unwrap().len(), seen.images.unwrap().len()), (2, 1));

    assert!(world.break_mount(node, "/disks/1"));
    let seen = survey(&mut world, node);
    assert_eq!(seen.unreadable[0], ("/disks/1".to_owned(), why));
    assert_eq!(seen.unreadable.len(), 3);
    assert_eq!((seen.images, seen.folders), (Ok(Vec::new()), Ok(Vec::new())));
    let directories = seen.directories.unwrap();
    assert_eq!((&directories[0].identity, directories[0].space), (&None, None));
}

/// The bound that the survey's page names: executors keep 16 MiB of an answer.
#[test]
fn a_thousand_bricks_of_a_node_fit_into_one_batch() {
    let mut world = world();
    ready(&mut world, NODES[0]);
    for number in 0..1000 {
        done(&mut world, NODES[0], &brick(number + 1, number % 2 == 0));
    }
    let directories = [path("/disks/1")];
    let report = world.run(NODES[0], &ask_node(&Settings::default(), &directories));
    let bytes: usize = (0..report.outcomes.len())
        .map(|index| report.output(index).unwrap().stdout.len())
        .sum();
    assert!(bytes < 5 << 20, "{bytes}");
    let seen = read_node(&directories, &report).unwrap();
    assert_eq!(seen.identities.unwrap().len(), 1000);
    assert_eq!(seen.folders.unwrap().len(), 1000);
    assert_eq!(seen.volumes.unwrap().len(), 1000);
}

/// The answer about 6,000 volumes is longer than what is kept of other commands.
#[tokio::test]
async fn a_pool_of_thousands_tells_all_of_its_volumes() {
    const MANY: usize = 6_000;
    let mut world = World::new(WorldConfig::default());
    for node in NODES {
        world.add_node(node);
    }
    let run = |world: &mut World, node: &str, program: &str, words: &[&str]| {
        let output = world.run_one(node, &Command::new(program).args(words.iter().copied()));
        assert!(output.success(), "{words:?}: {output:?}");
    };
    for node in &NODES[1..] {
        run(
            &mut world,
            NODES[0],
            "gluster",
            &["--mode=script", "peer", "probe", node],
        );
    }
    for number in 0..MANY {
        let name = format!("volume_{number}");
        let folder = format!("/bricks/{name}/{}", "b".repeat(200));
        for node in NODES {
            run(&mut world, node, "mkdir", &["-p", &folder]);
        }
        let bricks = NODES.map(|node| format!("{node}:{folder}/brick"));
        let mut words = vec!["--mode=script", "volume", "create", &name, "replica", "3"];
        words.extend(bricks.iter().map(String::as_str));
        words.push("force");
        run(&mut world, NODES[0], "gluster", &words);
    }
    let batch = ask_pool(&Settings::default());
    let report = SimHosts::new(world).run(NODES[1], &batch).await;
    assert!(report.output(0).unwrap().stdout.len() > 16 << 20);
    assert_eq!(read_pool(&report).map(|volumes| volumes.len()), Ok(MANY));
}
