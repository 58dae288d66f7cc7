//! Lost bricks are replaced without anybody's help, where that was asked for, and only where it is safe.

use std::time::Duration;

use mortar_engine::{Config, Kind, OperationState};
use mortar_model::{
    Brick, ByteSize, DevicePath, Durability, HostName, NodeId, OperationKind, State, Tags, VolumeName,
    VolumeOption,
};
use mortar_plan::{AddDevice, AddNode, CreateVolume};

use crate::bed::{Bed, DIRECTORY, LIMIT, eventually, quiet};

fn soon() -> Config {
    Config {
        replace_after: Some(Duration::from_millis(50)),
        recovery_interval: Duration::from_millis(10),
        health_interval: Duration::from_millis(20),
        check_interval: Duration::from_millis(30),
        ..quiet()
    }
}

/// The bed with a fourth node that has nothing yet, and a volume of two copies on n2 and n3.
async fn with_spare() -> Bed {
    let bed = Bed::new(soon(), Duration::ZERO).await;
    let mut request = CreateVolume::new(ByteSize::from_gib(1), Durability::Replicate(2));
    request.name = Some(VolumeName::new("two").unwrap());
    request.options = vec![VolumeOption::new("user.mortar.device-tag-match", "media=disk").unwrap()];
    // Not on n1.
    bed.engine
        .set_node_state(bed.node(1), State::Offline)
        .await
        .unwrap();
    bed.done(bed.engine.create_volume(request).await.unwrap()).await;
    bed.engine
        .set_node_state(bed.node(1), State::Online)
        .await
        .unwrap();
    bed.hosts.world(|world| world.add_node("n4"));
    let host = HostName::new("n4").unwrap();
    let cluster = bed
        .engine
        .view(|landscape| landscape.inventory().clusters().next().unwrap().id);
    let node = AddNode {
        cluster,
        zone: 4,
        manage: host.clone(),
        storage: host,
        tags: Tags::new(),
    };
    bed.done(bed.engine.add_node(node).await.unwrap()).await;
    for (path, media) in [("/dev/sdb", "disk"), (DIRECTORY, "directory")] {
        let device = AddDevice {
            node: bed.node(4),
            path: DevicePath::new(path).unwrap(),
            tags: Tags::from([("media".to_owned(), media.to_owned())]),
            destroy: false,
            shared: None,
        };
        bed.done(bed.engine.add_device(device).await.unwrap()).await;
    }
    bed
}

/// Names of the volumes that have a brick on the node.
fn volumes_on(bed: &Bed, node: NodeId) -> Vec<String> {
    bed.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let bricks = inventory
            .devices_of(node)
            .flat_map(|device| inventory.bricks_on(device.id));
        let mut names: Vec<String> = bricks
            .map(|brick| inventory.volume(brick.volume).unwrap().name.to_string())
            .collect();
        names.sort();
        names
    })
}

/// The brick of a volume on the node.
fn brick(bed: &Bed, volume: &str, node: NodeId) -> Brick {
    bed.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let mut bricks = inventory.bricks();
        let found = bricks.find(|brick| {
            let of = inventory.volume(brick.volume).unwrap();
            of.name.as_str() == volume && inventory.node_of_brick(brick).is_some_and(|on| on.id == node)
        });
        found.unwrap().clone()
    })
}

/// How many moves there were.
fn moves(bed: &Bed) -> usize {
    let (all, _) = bed.engine.operations(1000);
    let kinds = all.iter().map(|state| match state {
        OperationState::Open(open) => open.kind,
        OperationState::Ended(ended) => ended.kind,
    });
    kinds.filter(|kind| *kind == OperationKind::EvictBrick).count()
}

#[tokio::test]
async fn what_has_a_majority_elsewhere_is_replaced() {
    let bed = with_spare().await;
    bed.hosts.world(|world| world.kill_node("n3"));
    let (lost, spare) = (bed.node(3), bed.node(4));
    eventually("bricks are replaced", || volumes_on(&bed, lost) == ["two"]).await;
    assert_eq!(volumes_on(&bed, spare), ["on-directory", "on-disk"]);
    // Nobody said that the node is gone for good: it is back, and what it has left is removed.
    bed.hosts.world(|world| world.start_node("n3"));
    eventually("nothing is left open", || bed.engine.operations(0).0.is_empty()).await;
    assert_eq!(bed.hosts.world(|world| world.violations()), Vec::<String>::new());
    assert_eq!(moves(&bed), 2);
}

#[tokio::test]
async fn of_two_lost_nodes_none_is_replaced() {
    let bed = with_spare().await;
    let before = volumes_on(&bed, bed.node(2));
    bed.hosts.world(|world| {
        world.kill_node("n2");
        world.kill_node("n3");
    });
    eventually("both are lost", || {
        bed.engine.view(|landscape| landscape.unhealthy().count() == 2)
    })
    .await;
    bed.hosts.world(|world| world.start_node("n2"));
    let lost = bed.node(3);
    eventually("the one that stays lost is replaced", || {
        volumes_on(&bed, lost) == ["two"]
    })
    .await;
    assert_eq!(volumes_on(&bed, bed.node(2)), before);
    assert_eq!(moves(&bed), 2);
}

#[tokio::test]
async fn a_device_that_is_gone_is_replaced_and_one_that_is_offline_is_left() {
    let bed = with_spare().await;
    let lost = bed.node(3);
    let disk = bed.engine.view(|landscape| {
        let mut devices = landscape.inventory().devices_of(lost);
        devices
            .find(|device| device.path.as_str() == "/dev/sdb")
            .unwrap()
            .id
    });
    bed.engine.set_device_state(disk, State::Offline).await.unwrap();
    bed.hosts.world(|world| {
        assert!(world.replace_device("n3", "/dev/sdb"));
        assert!(world.replace_device("n3", DIRECTORY));
    });
    eventually("the device that takes bricks is replaced", || {
        volumes_on(&bed, lost) == ["on-disk", "two"]
    })
    .await;
    bed.engine.set_device_state(disk, State::Online).await.unwrap();
    eventually("and the other one, when it is online", || {
        volumes_on(&bed, lost) == ["two"]
    })
    .await;
    assert_eq!(volumes_on(&bed, bed.node(4)), ["on-directory", "on-disk"]);
}

/// A path that was lost while a check looked, and is back: the next check is far away, and would be too late.
#[tokio::test]
async fn a_device_that_is_back_is_not_replaced() {
    let bed = with_spare().await;
    bed.engine.stop(LIMIT).await;
    let bed = bed.again(Config {
        check_interval: Duration::from_secs(3600),
        replace_after: Some(Duration::from_millis(500)),
        ..soon()
    });
    eventually("the check after the start", || bed.engine.last_check().is_some()).await;
    let before = volumes_on(&bed, bed.node(3));
    let (there, away) = (
        format!("{DIRECTORY}/mortar-device.json"),
        format!("{DIRECTORY}/away"),
    );
    let moved = |from: &str, to: &str| {
        let command = mortar_argv::Command::new("mv").args([from, to]);
        let report = bed
            .hosts
            .world(|world| world.run("n3", &mortar_argv::Batch::new().run(command)));
        assert!(report.success(), "{report:?}");
    };
    moved(&there, &away);
    assert_eq!(bed.kinds().await, [Kind::DeviceMissing]);
    moved(&away, &there);
    let looked = bed.engine.last_check().unwrap().number;
    eventually("it is looked at once more", || {
        bed.engine.last_check().unwrap().number > looked
    })
    .await;
    assert_eq!(bed.kinds().await, []);
    assert_eq!((moves(&bed), volumes_on(&bed, bed.node(3))), (0, before));
}

/// A disk that fails while LVM still reads its label: the file system cannot be read, the brick has died.
#[tokio::test]
async fn what_cannot_be_read_is_replaced() {
    let bed = with_spare().await;
    let lost = bed.node(3);
    let target = brick(&bed, "on-disk", lost).place().mount_point();
    bed.hosts.world(|world| assert!(world.break_mount("n3", &target)));
    eventually("its brick is replaced", || {
        volumes_on(&bed, lost) == ["on-directory", "two"]
    })
    .await;
    bed.hosts
        .world(|world| assert!(world.break_mount("n3", DIRECTORY)));
    // What is left in a directory that cannot be read cannot be removed either: its move waits for somebody with that.
    eventually("and those of a directory", || moves(&bed) == 2).await;
}

/// No check sees that a brick's process has ended; those that hold the other copies do.
#[tokio::test]
async fn a_brick_that_does_not_run_is_replaced() {
    let bed = with_spare().await;
    bed.engine.stop(LIMIT).await;
    let bed = bed.again(Config {
        heal_interval: Some(Duration::from_millis(20)),
        ..soon()
    });
    let lost = bed.node(3);
    let path = brick(&bed, "on-disk", lost).place().brick_path();
    bed.hosts.world(|world| assert!(world.kill_brick("n3", &path)));
    eventually("its brick is replaced", || {
        volumes_on(&bed, lost) == ["on-directory", "two"]
    })
    .await;
    assert_eq!(volumes_on(&bed, bed.node(4)), ["on-disk"]);
}
