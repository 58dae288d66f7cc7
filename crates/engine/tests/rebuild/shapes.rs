//! Pools of every shape, lost and restored.

use mortar_engine::EngineError;
use mortar_model::{
    ByteSize, ClusterId, DevicePath, Durability, HostName, OperationId, Snapshots, State, Tags, VolumeName,
    VolumeOption, ZoneChecking,
};
use mortar_plan::{AddNode, CreateBlock, CreateVolume, Expansion, Refusal};

use crate::ground::{hosts, lose_store, notes, rebuild, records, write_files};
use crate::support::bed::{self, Bed, Saved, Stop};

fn request(name: &str, durability: Durability, media: &str) -> CreateVolume {
    let mut request = CreateVolume::new(ByteSize::from_gib(2), durability);
    request.name = Some(VolumeName::new(name).unwrap());
    request.options =
        vec![VolumeOption::new("user.mortar.device-tag-match", format!("media={media}")).unwrap()];
    request
}

async fn create(bed: &Bed, request: CreateVolume) {
    let id: OperationId = bed.engine.create_volume(request).await.unwrap();
    bed.done(id).await;
}

/// A pool of three nodes with volumes of every shape, and what an administrator sets beside them.
async fn everything(bed: &Bed) {
    bed.make_pool().await;
    for (number, durability) in [
        Durability::None,
        Durability::Replicate(1),
        Durability::Replicate(2),
        Durability::Replicate(3),
        Durability::Arbiter,
        Durability::disperse(2, 1),
    ]
    .into_iter()
    .enumerate()
    {
        for media in ["disk", "directory"] {
            let mut request = request(&format!("{media}-{number}"), durability, media);
            request.gid = if number % 2 == 0 { 2000 } else { 0 };
            request
                .options
                .push(VolumeOption::new("performance.readdir-ahead", "off").unwrap());
            if media == "disk" {
                request.snapshots = Snapshots {
                    enable: true,
                    factor: 2.0,
                };
            }
            if number == 3 {
                request.zone_checking = Some(ZoneChecking::Strict);
            }
            create(bed, request).await;
        }
    }
    // A name that Mortar made tells the id.
    let mut hosting = request("hosting", Durability::Replicate(3), "disk");
    hosting.size = ByteSize::from_gib(8);
    hosting.block = true;
    create(bed, hosting).await;
    for (size, ha, auth) in [(2, 2, true), (3, 0, false)] {
        let block = CreateBlock {
            name: None,
            size: ByteSize::from_gib(size),
            clusters: Vec::new(),
            ha,
            auth,
        };
        let made = bed.engine.create_block(block).await.unwrap();
        bed.done(made).await;
    }
    // Larger bricks; several sets by growth, and because one brick cannot hold it.
    let grown = [
        ("disk-2", Expansion::AddBricks),
        ("directory-3", Expansion::AddBricks),
        ("disk-4", Expansion::AddBricks),
        ("directory-5", Expansion::AddBricks),
        ("disk-3", Expansion::InPlace),
        ("directory-2", Expansion::InPlace),
        ("disk-4", Expansion::InPlace),
        ("directory-3", Expansion::InPlace),
    ];
    for (name, way) in grown {
        let id = bed
            .engine
            .expand_volume(bed.volume(name), ByteSize::from_gib(2), way)
            .await
            .unwrap();
        bed.done(id).await;
    }
    let mut large = CreateVolume::new(ByteSize::from_gib(90), Durability::Replicate(2));
    large.block = true;
    create(bed, large).await;
    snapshots(bed).await;
    bed.engine
        .set_cluster_flags(bed.cluster(), true, false)
        .await
        .unwrap();
    let node = bed.node(2);
    bed.engine
        .set_node_tags(node, |tags| *tags = Tags::from([("rack".into(), "7".into())]))
        .await
        .unwrap();
    bed.engine
        .set_node_state(bed.node(3), State::Offline)
        .await
        .unwrap();
    let device = bed.device(1, "/dev/sdb");
    bed.engine.set_device_state(device, State::Offline).await.unwrap();
    write_files(bed).await;
}

/// A snapshot, one that has been restored, and volumes that are made of a snapshot and of a volume.
async fn snapshots(bed: &Bed) {
    let name = |text: &str| Some(VolumeName::new(text).unwrap());
    for (volume, snapshot) in [
        ("directory-2", "friday"),
        ("directory-5", "sunday"),
        ("disk-1", "monday"),
        ("disk-5", "tuesday"),
    ] {
        let made = bed
            .engine
            .create_snapshot(bed.volume(volume), name(snapshot))
            .await;
        bed.done(made.unwrap()).await;
    }
    for snapshot in ["sunday", "tuesday"] {
        let restored = bed.engine.restore_snapshot(bed.snapshot(snapshot)).await;
        bed.done(restored.unwrap()).await;
    }
    let week = vec![bed.volume("directory-1"), bed.volume("directory-5")];
    let grouped = bed.engine.create_snapshot_group(week, name("week")).await;
    bed.done(grouped.unwrap()).await;
    let cloned = bed
        .engine
        .clone_snapshot(bed.snapshot("friday"), name("of-friday"), None)
        .await;
    bed.done(cloned.unwrap()).await;
    let cloned = bed
        .engine
        .clone_volume(bed.volume("directory-1"), name("of-volume"), None)
        .await;
    bed.done(cloned.unwrap()).await;
}

/// Create, expand and delete go on.
async fn goes_on(bed: &Bed) {
    let state = |state| async move {
        bed.engine.set_node_state(bed.node(3), state).await.unwrap();
        bed.engine
            .set_device_state(bed.device(1, "/dev/sdb"), state)
            .await
            .unwrap();
    };
    state(State::Online).await;
    create(bed, request("after", Durability::Replicate(3), "disk")).await;
    let grown = bed
        .engine
        .expand_volume(bed.volume("disk-3"), ByteSize::from_gib(1), Expansion::Best)
        .await
        .unwrap();
    bed.done(grown).await;
    for name in ["after", "directory-3", "disk-2"] {
        let gone = bed.engine.delete_volume(bed.volume(name)).await.unwrap();
        bed.done(gone).await;
    }
    for snapshot in ["friday", "monday"] {
        let gone = bed.engine.delete_snapshot(bed.snapshot(snapshot)).await;
        bed.done(gone.unwrap()).await;
    }
    let week = VolumeName::new("week").unwrap();
    let week = bed.inventory(|inventory| inventory.group_by_name(&week).unwrap().id);
    let gone = bed.engine.delete_snapshot_group(week).await;
    bed.done(gone.unwrap()).await;
    let gone = bed.engine.delete_volume(bed.volume("directory-2")).await;
    bed.done(gone.unwrap()).await;
    let open = bed.open();
    assert!(open.is_empty(), "{open:?}");
    bed.hosts
        .world(|world| assert_eq!(world.violations(), Vec::<String>::new()));
}

#[test]
fn all_records_come_back_from_all_nodes() {
    bed::run(async {
        let bed = Bed::new(100);
        everything(&bed).await;
        let before = records(&bed);
        let bed = lose_store(bed);
        let dry = bed
            .engine
            .rebuild(&hosts(&["n1", "n2", "n3"]), true)
            .await
            .unwrap();
        assert_eq!(dry.operation, None);
        assert!(bed.inventory(|inventory| inventory.clusters().next().is_none()));
        let report = rebuild(&bed, &["n1", "n2", "n3"]).await;
        assert_eq!(notes(&report), Vec::<String>::new());
        assert_eq!(report.rebuilt, dry.rebuilt);
        assert_eq!(records(&bed), before);
        assert!(bed.is_done(report.operation.unwrap()));
        goes_on(&bed).await;
    });
}

#[test]
fn one_node_names_its_peers() {
    bed::run(async {
        let bed = Bed::new(100);
        everything(&bed).await;
        let before = records(&bed);
        let bed = lose_store(bed);
        let report = rebuild(&bed, &["n2"]).await;
        assert_eq!(report.asked.len(), 3);
        assert_eq!(notes(&report), Vec::<String>::new());
        assert_eq!(records(&bed), before);
        goes_on(&bed).await;
    });
}

/// Only volumes without copies need the dead node itself; when it is back, it is as it was recorded.
#[test]
fn a_dead_node_is_known_by_its_neighbours() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        for media in ["disk", "directory"] {
            create(&bed, request(media, Durability::Replicate(3), media)).await;
        }
        write_files(&bed).await;
        let before = records(&bed);
        let bed = lose_store(bed);
        bed.hosts.world(|world| world.kill_node("n3"));
        let report = rebuild(&bed, &["n1"]).await;
        assert_eq!(records(&bed), before);
        let told = notes(&report);
        assert!(
            told.iter()
                .any(|note| note.starts_with("gap: node n3: ") && note.contains("did not answer")),
            "{told:?}"
        );
        assert!(told.iter().all(|note| note.starts_with("gap: ")), "{told:?}");
        // It gets no bricks until it answers.
        let refused = bed
            .engine
            .create_volume(request("three", Durability::Replicate(3), "disk"))
            .await;
        assert!(
            matches!(refused, Err(EngineError::Refused(Refusal::NoSpace(_)))),
            "{refused:?}"
        );
        create(&bed, request("two", Durability::Replicate(2), "disk")).await;
    });
}

#[test]
fn a_node_with_a_new_root_is_known_by_its_disks_and_its_neighbours() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        create(&bed, request("data", Durability::Replicate(3), "disk")).await;
        write_files(&bed).await;
        let before = records(&bed);
        let bed = lose_store(bed);
        assert!(bed.hosts.world(|world| world.reinstall_node("n2")));
        let report = rebuild(&bed, &["n1", "n2", "n3"]).await;
        let told = notes(&report);
        assert!(told.iter().any(|note| note.contains("node n2")), "{told:?}");
        assert_eq!(records(&bed), before, "{told:#?}");
    });
}

#[test]
fn what_is_recorded_is_not_made_over() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        create(&bed, request("data", Durability::Replicate(3), "disk")).await;
        write_files(&bed).await;
        let before = records(&bed);
        let refused = bed.engine.rebuild(&hosts(&["n1"]), false).await;
        let Err(EngineError::Refused(Refusal::Recorded(known))) = refused else {
            panic!("{refused:?}")
        };
        assert!(
            known.iter().any(|what| what.starts_with("cluster "))
                && known.iter().any(|what| what.contains("(data)")),
            "{known:?}"
        );
        assert_eq!(records(&bed), before);
    });
}

/// A backup of yesterday: what was made since comes back, what it knows stays as it knows it.
#[test]
fn a_store_of_yesterday_takes_in_what_was_made_since() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        create(&bed, request("old", Durability::Replicate(3), "disk")).await;
        let yesterday = bed.save().store;
        create(&bed, request("new", Durability::Replicate(3), "directory")).await;
        let name = VolumeName::new("monday").unwrap();
        let kept = bed.engine.create_snapshot(bed.volume("new"), Some(name)).await;
        bed.done(kept.unwrap()).await;
        write_files(&bed).await;
        let before = records(&bed);
        let world = bed.save().world;
        let (new, taken) = (
            bed.volume("new"),
            bed.inventory(|inventory| inventory.nodes().count()),
        );
        drop(bed);

        let bed = Bed::load(
            &Saved {
                world,
                store: yesterday,
            },
            Stop::Never,
        );
        bed.engine.start();
        assert!(bed.inventory(|inventory| inventory.volume(new).is_none()));
        let report = rebuild(&bed, &["n1"]).await;
        assert!(
            report.recorded > taken && report.operation.is_some(),
            "{report:?}"
        );
        assert_eq!(records(&bed), before, "{:#?}", notes(&report));
        assert_eq!(bed.engine.check().await.findings, []);
    });
}

/// Two clusters on one server, restored one after the other.
#[test]
fn clusters_are_restored_one_by_one() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        let other: ClusterId = bed.engine.create_cluster(true, true).await.unwrap().id;
        let host = HostName::new("n5").unwrap();
        let joined = bed
            .engine
            .add_node(AddNode {
                cluster: other,
                zone: 9,
                manage: host.clone(),
                storage: host,
                tags: Tags::new(),
            })
            .await
            .unwrap();
        bed.done(joined).await;
        let node = bed.node(5);
        bed.add_device(node, "/disks/two", "directory").await;
        let path = DevicePath::new("/disks/two").unwrap();
        assert!(bed.inventory(|inventory| inventory.devices_of(node).any(|device| device.path == path)));
        write_files(&bed).await;
        let before = records(&bed);
        let bed = lose_store(bed);
        rebuild(&bed, &["n1"]).await;
        assert_eq!(bed.inventory(|inventory| inventory.clusters().count()), 1);
        rebuild(&bed, &["n5"]).await;
        assert_eq!(records(&bed), before);
    });
}

#[test]
fn hosts_that_are_nobodys_restore_nothing_and_are_named() {
    bed::run(async {
        let bed = Bed::new(100);
        let report = rebuild(&bed, &["n1", "n2", "nowhere"]).await;
        assert_eq!((report.operation, report.rebuilt.changes.len()), (None, 0));
        let told = notes(&report);
        assert!(
            told.iter()
                .any(|note| note.contains("pool of n1: nothing there says")),
            "{told:?}"
        );
        bed.hosts.world(|world| world.kill_node("n4"));
        let report = rebuild(&bed, &["n4"]).await;
        assert!(report.asked[0].1.is_some());
        assert!(
            notes(&report)[0].contains("it did not answer"),
            "{:?}",
            notes(&report)
        );
    });
}

/// What it is about to make would be taken for what is there.
#[test]
fn not_while_an_operation_is_under_way() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        let request = request("data", Durability::Replicate(3), "disk");
        let id = bed.engine.create_volume(request).await.unwrap();
        bed.engine.wait(id, bed::LIMIT).await;
        bed.hosts.world(|world| world.kill_node("n3"));
        let volume = bed.engine.view(|landscape| {
            let mut volumes = landscape.inventory().volumes();
            volumes.next().map(|volume| volume.id).unwrap()
        });
        let id = bed.engine.delete_volume(volume).await.unwrap();
        bed.engine.wait(id, bed::LIMIT).await;
        // What is on the node that is away is removed by an operation of its own.
        let [cleanup] = bed.open()[..] else {
            panic!("{:?}", bed.open())
        };
        assert_ne!(cleanup, id);
        let refused = bed.engine.rebuild(&hosts(&["n1"]), true).await;
        assert!(
            matches!(refused, Err(EngineError::Refused(Refusal::UnderWay(1)))),
            "{refused:?}"
        );
    });
}
