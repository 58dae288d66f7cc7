//! Volumes that grow where they are, and disks that grew: what cannot be is told before anything is done, and what was
//! begun is brought to its end.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use mortar_argv::Command;
use mortar_engine::{OperationState, Outcome};
use mortar_model::{ByteSize, Durability, OperationId, VolumeName, VolumeOption, layout};
use mortar_plan::{CreateVolume, Expansion};
use mortar_simulator::{Effect, Fault, When};

use support::bed::{self, Bed, LIMIT};

fn request(name: &str, gib: u64, media: &str) -> CreateVolume {
    let mut request = CreateVolume::new(ByteSize::from_gib(gib), Durability::Replicate(3));
    request.name = Some(VolumeName::new(name).unwrap());
    let tags = format!("media={media}");
    request.options = vec![VolumeOption::new("user.mortar.device-tag-match", tags).unwrap()];
    request
}

async fn prepared(gib: u64, media: &str) -> Bed {
    let bed = Bed::new(gib);
    bed.make_pool().await;
    let id = bed.engine.create_volume(request("data", 2, media)).await.unwrap();
    bed.done(id).await;
    bed
}

async fn grow(bed: &Bed, gib: u64) -> OperationId {
    let by = ByteSize::from_gib(gib);
    let asked = bed
        .engine
        .expand_volume(bed.volume("data"), by, Expansion::InPlace);
    asked.await.unwrap()
}

async fn failure(bed: &Bed, id: OperationId) -> String {
    bed.engine.wait(id, LIMIT).await;
    match bed.engine.operation(id) {
        Some(OperationState::Ended(ended)) => match ended.outcome {
            Outcome::Failed { reason } => reason,
            outcome @ Outcome::Done { .. } => panic!("{outcome:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// A SCSI disk has grown in its array, and the node's kernel was not told.
#[test]
fn a_disk_that_the_kernel_has_not_looked_at_is_looked_at() {
    bed::run(async {
        let bed = prepared(100, "disk").await;
        let device = bed.device(2, "/dev/sdb");
        let size = || bed.inventory(|inventory| inventory.device(device).unwrap().total);
        let before = size();
        assert!(
            bed.hosts
                .world(|world| world.grow_disk_unseen("n2", "/dev/sdb", 150 << 30))
        );
        let id = bed.engine.resize_device(device).await.unwrap();
        bed.done(id).await;
        assert_eq!(size().minus(before), ByteSize::from_gib(50));
        bed.assert_agreement("done");
    });
}

/// Nothing was begun, so nothing is waited for.
#[test]
fn a_node_that_is_away_ends_it_before_it_begins() {
    bed::run(async {
        for media in ["disk", "directory"] {
            let bed = prepared(100, media).await;
            bed.hosts.world(|world| world.kill_node("n2"));
            let changes = bed.changes();
            let id = grow(&bed, 3).await;
            let reason = failure(&bed, id).await;
            assert!(reason.contains("room for brick"), "{reason}");
            assert_eq!(bed.changes(), changes, "no node was changed");
            bed.assert_agreement("undone");
            // It is known now, and until it is known to be back nothing is begun at all.
            let by = ByteSize::from_gib(3);
            let again = bed.engine.expand_volume(bed.volume("data"), by, Expansion::Best);
            let refused = again.await.unwrap_err().to_string();
            assert!(refused.contains("its node does not answer"), "{refused}");
        }
    });
}

/// What somebody put there by hand counts, though no record tells of it.
#[test]
fn room_that_is_not_there_ends_it_before_it_begins() {
    bed::run(async {
        let bed = prepared(10, "disk").await;
        let group = layout::volume_group(bed.device(3, "/dev/sdb"));
        let words = ["--yes", "--size", "6G", "--name", "stray", group.as_str()];
        let stray = Command::new("lvcreate").args(words);
        assert!(bed.hosts.world(|world| world.run_one("n3", &stray)).success());
        let id = grow(&bed, 4).await;
        let reason = failure(&bed, id).await;
        assert!(
            reason.contains("in no record") && reason.contains(&group),
            "{reason}"
        );
        let words = ["--yes".to_owned(), format!("{group}/stray")];
        let gone = Command::new("lvremove").args(words);
        assert!(bed.hosts.world(|world| world.run_one("n3", &gone)).success());
        bed.assert_agreement("undone");
        let id = grow(&bed, 4).await;
        bed.done(id).await;
        bed.assert_agreement("done");
    });
}

#[test]
fn a_brick_that_is_not_mounted_does_not_grow() {
    bed::run(async {
        let bed = prepared(100, "directory").await;
        let target = bed.inventory(|inventory| {
            let brick = inventory.bricks().next().unwrap();
            layout::mount_point(brick.device, brick.id)
        });
        let host = ["n1", "n2", "n3"];
        assert!(
            host.iter()
                .any(|host| bed.hosts.world(|world| world.lose_mount(host, &target)))
        );
        let id = grow(&bed, 3).await;
        let reason = failure(&bed, id).await;
        assert!(reason.contains("is not mounted"), "{reason}");
    });
}

/// Once begun it only goes forward: it waits for its node and never says that it was undone.
#[test]
fn a_node_that_is_lost_in_the_middle_is_waited_for() {
    bed::run(async {
        let bed = prepared(100, "disk").await;
        let when = When::Command {
            kind: "xfs_growfs".into(),
            host: Some("n2".into()),
            nth: 1,
        };
        let effect = Effect::PowerCut;
        bed.hosts.world(|world| world.inject(Fault { when, effect }));
        let id = grow(&bed, 3).await;
        bed.engine.wait(id, LIMIT).await;
        let Some(OperationState::Open(operation)) = bed.engine.operation(id) else {
            panic!("{:?}", bed.engine.operation(id));
        };
        assert!(
            operation.waits_for_nodes() && operation.committed,
            "{operation:?}"
        );
        let volume = bed.volume("data");
        let size = bed.inventory(|inventory| inventory.volume(volume).unwrap().size);
        assert_eq!(size, ByteSize::from_gib(2), "not before it is so");
        let cancelled = bed.engine.delete_volume(bed.volume("data")).await;
        assert!(cancelled.is_err(), "it is held meanwhile");
        bed.settle(id, "the node is back").await;
        assert!(bed.is_done(id));
        bed.assert_agreement("done");
    });
}

/// Two volumes that grow and one that is made, side by side on disks that hold just that: none is refused what was
/// promised to it.
#[test]
fn room_is_promised_once() {
    bed::run(async {
        let bed = prepared(21, "disk").await;
        let id = bed
            .engine
            .create_volume(request("more", 2, "disk"))
            .await
            .unwrap();
        bed.done(id).await;
        let by = ByteSize::from_gib(5);
        let one = bed
            .engine
            .expand_volume(bed.volume("data"), by, Expansion::InPlace);
        let two = bed
            .engine
            .expand_volume(bed.volume("more"), by, Expansion::InPlace);
        let new = bed.engine.create_volume(request("new", 5, "disk"));
        let (one, two, new) = tokio::join!(one, two, new);
        let over = bed.engine.create_volume(request("over", 2, "disk")).await;
        assert!(over.is_err(), "2 + 5, 2 + 5 and 5 of 20.9 GiB leave no 2");
        for id in [one.unwrap(), two.unwrap(), new.unwrap()] {
            bed.done(id).await;
        }
        bed.assert_agreement("all done");
    });
}

#[test]
fn a_disk_that_grew_is_taken_up_and_one_that_shrank_is_not() {
    bed::run(async {
        let bed = prepared(10, "disk").await;
        let device = bed.device(1, "/dev/sdb");
        let total = || bed.inventory(|inventory| inventory.device(device).unwrap().total);
        let before = total();
        assert!(
            bed.hosts
                .world(|world| world.grow_disk("n1", "/dev/sdb", 30 << 30))
        );
        let id = bed.engine.resize_device(device).await.unwrap();
        bed.done(id).await;
        assert_eq!(total(), before + ByteSize::from_gib(20));
        bed.assert_agreement("grown");

        // Its bricks are in the way.
        assert!(
            bed.hosts
                .world(|world| world.grow_disk("n1", "/dev/sdb", 1 << 30))
        );
        let id = bed.engine.resize_device(device).await.unwrap();
        let reason = failure(&bed, id).await;
        assert!(reason.contains("cannot resize"), "{reason}");
        assert_eq!(total(), before + ByteSize::from_gib(20));
    });
}

#[test]
fn a_directory_that_is_too_small_for_its_bricks_keeps_its_size() {
    bed::run(async {
        let bed = prepared(10, "directory").await;
        let device = bed.device(1, "/disks/one");
        let total = || bed.inventory(|inventory| inventory.device(device).unwrap().total);
        let before = total();
        let resize = |size: u64| {
            assert!(
                bed.hosts
                    .world(|world| world.resize_device("n1", "/disks/one", size))
            );
        };
        resize(20 << 30);
        let id = bed.engine.resize_device(device).await.unwrap();
        bed.done(id).await;
        let grown = total();
        assert!(grown > before + ByteSize::from_gib(9), "{grown}");
        resize(1 << 30);
        let id = bed.engine.resize_device(device).await.unwrap();
        let reason = failure(&bed, id).await;
        assert!(reason.contains("its bricks take 2 GiB"), "{reason}");
        assert_eq!(total(), grown);
    });
}
