//! What is understood, with which limits, and what not.

use mortar_engine::{EngineError, Understanding};
use mortar_model::{BrickSpace, ByteSize, DeviceKind, Durability};
use mortar_plan::Refusal;

use crate::ground::{adopted, ask, findings, gluster, judged, made_by_hand, seen, typed};
use crate::support::bed::run;

#[test]
fn nothing_on_any_node_is_changed_by_it_then_or_later() {
    run(async {
        let bed = made_by_hand();
        let before = seen(&bed);
        let dry = ask(&bed, &[], true).await.unwrap();
        assert_eq!(dry.operation, None);
        assert_eq!(bed.inventory(|inventory| inventory.clusters().count()), 0);
        let done = adopted(&bed).await;
        assert_eq!(judged(&done), judged(&dry));
        assert_eq!(findings(&bed).await, ["volume_stopped single: created"]);
        // What is mended by itself, and the nodes' own files.
        assert_eq!(bed.engine.reconcile().await.mended.len(), 0);
        assert_eq!(seen(&bed), before);
        assert!(before.0.iter().all(|host| host.node_file.is_none()));
    });
}

#[test]
fn volumes_are_taken_as_they_are() {
    run(async {
        let bed = made_by_hand();
        let done = adopted(&bed).await;
        let told = judged(&done);
        let how: Vec<(&str, &str)> = told
            .iter()
            .map(|(name, how, _)| (name.as_str(), how.as_str()))
            .collect();
        assert_eq!(
            how,
            [
                ("rooted", "Limited"),
                ("single", "Limited"),
                ("two", "Limited"),
                ("whole", "Whole"),
            ]
        );
        let whys = |name: &str| {
            let mut volumes = done.adoption.volumes.iter();
            volumes.find(|judged| judged.name == name).unwrap().why.join("; ")
        };
        assert!(whys("rooted").contains("root file system"), "{}", whys("rooted"));
        assert!(whys("single").contains("no copies") && whys("single").contains("created"));
        assert!(whys("two").contains("share their file system"), "{}", whys("two"));
        let ids = ["whole", "rooted", "two"].map(|name| (name, bed.volume(name)));
        let (first, ids) = (bed.node(1), std::collections::BTreeMap::from(ids));
        bed.inventory(|inventory| {
            let volume = |name| inventory.volume(ids[name]).unwrap();
            assert_eq!(volume("whole").durability, Durability::Replicate(3));
            assert_eq!(volume("rooted").durability, Durability::Arbiter);
            assert_eq!(volume("two").durability, Durability::Replicate(2));
            let options: Vec<String> = volume("whole").options.iter().map(ToString::to_string).collect();
            assert_eq!(options, ["performance.readdir-ahead off"]);
            // Of three bricks on n2's second file system each has a third, of n1's two each a half.
            let brick = |name, number| inventory.bricks_of(ids[name]).nth(number).unwrap();
            let whole = inventory.device(brick("two", 0).device).unwrap().total;
            let half = |size: ByteSize| ByteSize::from_bytes(whole.bytes() / 2 / 4096 * 4096) == size;
            assert!(
                half(brick("two", 0).size) && half(brick("two", 1).size),
                "{whole}"
            );
            assert_eq!(brick("two", 2).size, whole);
            assert_eq!((brick("two", 2).set, brick("two", 2).position), (1, 0));
            assert_eq!(volume("two").size, brick("two", 0).size + brick("two", 3).size);
            let paths: Vec<&str> = inventory
                .devices_of(first)
                .map(|device| device.path.as_str())
                .collect();
            let mut paths = paths;
            paths.sort_unstable();
            assert_eq!(paths, ["/.", "/disks/one", "/disks/two"]);
            assert!(
                inventory
                    .devices()
                    .all(|device| device.kind == DeviceKind::Adopted)
            );
            assert!(inventory.bricks().all(|brick| brick.space == BrickSpace::Folder));
        });
    });
}

#[test]
fn what_is_recorded_is_not_taken_twice() {
    run(async {
        let bed = made_by_hand();
        ask(&bed, &["whole"], false).await.unwrap();
        assert_eq!(bed.inventory(|inventory| inventory.volumes().count()), 1);
        let refused = ask(&bed, &["whole", "two"], false).await.unwrap_err();
        assert!(
            matches!(&refused, EngineError::Refused(Refusal::Recorded(known)) if known == &["volume whole"]),
            "{refused}"
        );
        let rest = adopted(&bed).await;
        assert_eq!(rest.adoption.volumes[3].understanding, Understanding::Recorded);
        assert_eq!(
            bed.inventory(|inventory| (inventory.nodes().count(), inventory.clusters().count())),
            (3, 1)
        );
        assert_eq!(bed.inventory(|inventory| inventory.volumes().count()), 4);
        let again = ask(&bed, &[], false).await.unwrap();
        assert_eq!((again.operation, again.adoption.changes.len()), (None, 0));
        let missing = ask(&bed, &["nobody"], true).await.unwrap();
        assert_eq!(missing.adoption.volumes[0].understanding, Understanding::Not);
    });
}

#[test]
fn what_is_not_understood_is_named_and_left_alone() {
    run(async {
        let bed = made_by_hand();
        gluster(
            &bed,
            "volume create close replica 2 n1:/disks/one/c n1:/disks/two/c force",
        );
        gluster(&bed, "volume create other n3:/disks/one/other");
        gluster(
            &bed,
            "volume set other user.mortar.id 00000000000000000000000000000001",
        );
        gluster(&bed, "volume create gone n3:/disks/one/gone");
        typed(&bed, "n3", "rm -r --one-file-system /disks/one/gone");
        bed.hosts.world(|world| world.kill_node("n2"));
        let done = ask(&bed, &[], false).await.unwrap();
        let why = |name: &str| {
            let told = judged(&done);
            let (_, how, why) = told.into_iter().find(|(known, ..)| known == name).unwrap();
            assert_eq!(how, "Not", "{name}");
            why
        };
        assert!(
            why("close").contains("two bricks on one node"),
            "{}",
            why("close")
        );
        assert!(why("other").contains("mortar rebuild"), "{}", why("other"));
        assert!(why("gone").contains("has no folder"), "{}", why("gone"));
        for name in ["whole", "rooted", "two", "single"] {
            assert!(why(name).contains("did not answer"), "{}", why(name));
        }
        // Of a pool of which nothing is adopted, nothing is recorded.
        assert_eq!((done.operation, done.adoption.changes.len()), (None, 0));
        bed.hosts.world(|world| world.start_node("n2"));
        let done = adopted(&bed).await;
        assert_eq!(
            done.adoption
                .volumes
                .iter()
                .filter(|judged| judged.is_adopted())
                .count(),
            4
        );
    });
}
