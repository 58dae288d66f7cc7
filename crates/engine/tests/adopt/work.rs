//! What was adopted is worked with: beside volumes of Mortar's, moved onto its devices, made larger, and given up.

use mortar_engine::EngineError;
use mortar_model::{BrickId, BrickSpace, ByteSize, Durability, VolumeName, VolumeOption};
use mortar_plan::{CreateSnapshot, CreateVolume, Expansion, OptionsChange, Refusal, Rule};

use crate::ground::{adopted, findings, made_by_hand, typed};
use crate::support::bed::{Bed, run};

/// The pool, adopted, with a disk of Mortar's on each member and on one more.
async fn with_devices() -> Bed {
    let bed = made_by_hand();
    adopted(&bed).await;
    bed.add_node(bed.cluster(), 4).await;
    for number in 1..=4 {
        // A brick keeps its size when it moves, and a pool takes a little more.
        let added = bed
            .hosts
            .world(|world| world.add_disk(&format!("n{number}"), "/dev/sdx", 300 << 30));
        assert!(added);
        bed.add_device(bed.node(number), "/dev/sdx", "disk").await;
    }
    bed.engine.reconcile().await;
    bed
}

fn folder_is_there(bed: &Bed, host: &str, path: &str) {
    typed(bed, host, &format!("test -d {path}"));
}

fn bricks(bed: &Bed, name: &str) -> Vec<(BrickId, String, BrickSpace)> {
    let volume = bed.volume(name);
    bed.inventory(|inventory| {
        let bricks = inventory.bricks_of(volume);
        bricks
            .map(|brick| {
                let node = inventory.node_of_brick(brick).unwrap();
                let at = format!("{}:{}", node.storage, brick.place().brick_path());
                (brick.id, at, brick.space)
            })
            .collect()
    })
}

#[test]
fn volumes_of_mortar_s_own_stand_beside() {
    run(async {
        let bed = with_devices().await;
        let mut request = CreateVolume::new(ByteSize::from_gib(5), Durability::Replicate(3));
        request.name = Some(VolumeName::new("mine").unwrap());
        bed.done(bed.engine.create_volume(request).await.unwrap()).await;
        let own = bricks(&bed, "mine");
        assert!(
            own.iter().all(|(_, at, _)| at.contains("/var/lib/mortar/")),
            "{own:?}"
        );
        assert_eq!(findings(&bed).await, ["volume_stopped single: created"]);
        bed.done(bed.engine.delete_volume(bed.volume("mine")).await.unwrap())
            .await;
        assert_eq!(findings(&bed).await, ["volume_stopped single: created"]);
    });
}

#[test]
fn a_brick_moves_onto_a_device_and_its_folder_stays() {
    run(async {
        let bed = with_devices().await;
        let (old, at, _) = bricks(&bed, "whole").swap_remove(0);
        assert_eq!(at, "n1:/disks/one/films/brick");
        bed.done(bed.engine.evict_brick(old, false).await.unwrap()).await;
        let now = bricks(&bed, "whole");
        assert!(now.iter().all(|(id, ..)| *id != old), "{now:?}");
        assert_eq!(
            now.iter()
                .filter(|(.., space)| *space == BrickSpace::Folder)
                .count(),
            2
        );
        folder_is_there(&bed, "n1", "/disks/one/films/brick");
        assert_eq!(findings(&bed).await, ["volume_stopped single: created"]);
        // All of it: then it is as if Mortar had made it, and says so.
        for path in ["/disks/one"] {
            for number in [2, 3] {
                bed.done(
                    bed.engine
                        .drain_device(bed.device(number, path), false)
                        .await
                        .unwrap(),
                )
                .await;
            }
        }
        assert!(
            bricks(&bed, "whole")
                .iter()
                .all(|(.., space)| *space != BrickSpace::Folder)
        );
        bed.engine.reconcile().await;
        assert_eq!(findings(&bed).await, ["volume_stopped single: created"]);
        let view = bed.hosts.world(|world| world.volume("n1", "whole")).unwrap();
        assert!(view.options.iter().any(|(key, _)| key == "user.mortar.id"));
        // The empty place is a record only.
        let changes = bed.changes();
        bed.done(
            bed.engine
                .remove_device(bed.device(1, "/disks/one"), false)
                .await
                .unwrap(),
        )
        .await;
        assert_eq!(bed.changes(), changes);
        folder_is_there(&bed, "n1", "/disks/one/films/brick");
    });
}

#[test]
fn it_becomes_larger_by_bricks_on_devices() {
    run(async {
        let bed = with_devices().await;
        let (id, by) = (bed.volume("whole"), ByteSize::from_gib(2));
        let refused = bed
            .engine
            .expand_volume(id, by, Expansion::InPlace)
            .await
            .unwrap_err();
        let EngineError::Refused(Refusal::NoRoom(room)) = &refused else {
            panic!("{refused}")
        };
        assert!(
            room.devices.iter().all(|device| device.rule == Rule::Adopted),
            "{refused}"
        );
        bed.done(bed.engine.expand_volume(id, by, Expansion::Best).await.unwrap())
            .await;
        assert_eq!(bricks(&bed, "whole").len(), 6);
        let change = OptionsChange {
            set: vec![VolumeOption::parse("performance.readdir-ahead on").unwrap()],
            reset: Vec::new(),
        };
        bed.done(bed.engine.set_options(id, change).await.unwrap()).await;
        bed.engine.reconcile().await;
        assert_eq!(findings(&bed).await, ["volume_stopped single: created"]);
    });
}

#[test]
fn a_deleted_volume_leaves_its_folders() {
    run(async {
        let bed = with_devices().await;
        let places = bricks(&bed, "whole");
        bed.done(bed.engine.delete_volume(bed.volume("whole")).await.unwrap())
            .await;
        assert!(bed.hosts.world(|world| world.volume("n1", "whole")).is_none());
        for (_, at, _) in places {
            let (host, path) = at.split_once(':').unwrap();
            folder_is_there(&bed, host, path);
        }
        assert_eq!(findings(&bed).await, ["volume_stopped single: created"]);
        for number in 1..=3 {
            bed.done(
                bed.engine
                    .remove_device(bed.device(number, "/disks/one"), false)
                    .await
                    .unwrap(),
            )
            .await;
        }
    });
}

#[test]
fn what_would_change_a_folder_is_refused() {
    run(async {
        let bed = with_devices().await;
        let request = CreateSnapshot {
            volume: bed.volume("whole"),
            name: None,
            now_ms: 1,
        };
        let refused = bed.engine.view(|landscape| {
            mortar_plan::create_snapshot(landscape, &request, &mut mortar_plan::Seed::new(1)).unwrap_err()
        });
        assert!(matches!(&refused, Refusal::NoCopiesRoom(_)), "{refused}");
        assert!(refused.to_string().contains("others made"), "{refused}");
        let device = bed.device(1, "/disks/one");
        let refused = bed.engine.resize_device(device).await.unwrap_err();
        assert!(
            matches!(refused, EngineError::Refused(Refusal::Adopted(..))),
            "{refused}"
        );
        // What is on the root file system cannot be moved where nothing else takes it, and no device of others is chosen.
        let rooted = bricks(&bed, "rooted");
        assert_eq!(rooted.len(), 3);
    });
}

#[test]
fn a_folder_that_is_gone_is_told_of() {
    run(async {
        let bed = with_devices().await;
        typed(&bed, "n3", "rm -r --one-file-system /disks/one/films/brick");
        assert!(bed.hosts.world(|world| world.break_mount("n2", "/disks/one")));
        let told = findings(&bed).await;
        let broken = "brick_unreadable /disks/one of volume whole";
        assert!(told.iter().any(|finding| finding.starts_with(broken)), "{told:?}");
        assert!(
            told.iter()
                .any(|finding| finding.starts_with("brick_missing /disks/one of volume whole")),
            "{told:?}"
        );
    });
}
