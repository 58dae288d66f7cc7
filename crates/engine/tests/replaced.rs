//! Disks and machines that are lost, and new ones in their place, under the same path and the same name.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use mortar_argv::Command;
use mortar_engine::{EngineError, NodeTrouble, OperationState, Outcome};
use mortar_model::{
    ByteSize, DeviceId, DevicePath, Durability, NodeId, OperationId, State, Tags, VolumeName, VolumeOption,
};
use mortar_plan::{AddDevice, CreateVolume, Refusal};

use support::bed::{self, Bed};

/// A volume of three copies on the three nodes that there are, with files; on devices of this kind.
async fn prepared(media: &str) -> Bed {
    let bed = Bed::new(100);
    bed.make_pool().await;
    let mut request = CreateVolume::new(ByteSize::from_gib(2), Durability::Replicate(3));
    request.name = Some(VolumeName::new("data").unwrap());
    request.options =
        vec![VolumeOption::new("user.mortar.device-tag-match", format!("media={media}")).unwrap()];
    let id = bed.engine.create_volume(request).await.unwrap();
    bed.done(id).await;
    assert!(bed.hosts.world(|world| world.write_files("n1", "data", 12)));
    bed
}

async fn add(bed: &Bed, node: NodeId, path: &str, media: &str) -> Result<OperationId, EngineError> {
    let request = AddDevice {
        node,
        path: DevicePath::new(path).unwrap(),
        tags: Tags::from([("media".to_owned(), media.to_owned())]),
        destroy: false,
        shared: None,
    };
    bed.engine.add_device(request).await
}

/// Bricks move from a device that is dead to another one of the same node, and the dead one is given back.
async fn moved(bed: &Bed, dead: DeviceId, new: DeviceId) {
    let id = bed.engine.drain_device(dead, true).await.unwrap();
    bed.settle(id, "the dead device is drained").await;
    assert!(bed.is_done(id), "{:?}", bed.engine.operation(id));
    assert_eq!(
        bed.inventory(|inventory| (inventory.brick_count(dead), inventory.brick_count(new))),
        (0, 1)
    );
    assert_eq!(bed.hosts.world(|world| world.to_be_healed("n1", "data")), Some(0));
    let id = bed.engine.remove_device(dead, false).await.unwrap();
    bed.done(id).await;
    bed.assert_agreement("a new disk has the place of the dead one");
    let check = bed.engine.check().await;
    let told = |finding: &&mortar_engine::Finding| finding.kind != mortar_engine::Kind::NodeFile;
    assert_eq!(
        check.findings.iter().filter(told).collect::<Vec<_>>(),
        Vec::<&mortar_engine::Finding>::new()
    );
}

#[test]
fn a_new_disk_is_taken_under_the_path_of_a_dead_one() {
    bed::run(async {
        for (media, path) in [("disk", "/dev/sdb"), ("directory", "/disks/one")] {
            let bed = prepared(media).await;
            let node = bed.node(3);
            let dead = bed.device(3, path);
            // While the disk is there, its path is its own.
            let refused = add(&bed, node, path, media).await.unwrap_err();
            assert!(
                matches!(&refused, EngineError::Refused(Refusal::PathTaken(_, id)) if *id == dead),
                "{refused}"
            );
            assert!(bed.hosts.world(|world| world.replace_device("n3", path)));
            let told = bed.engine.check().await;
            let remedy = told
                .findings
                .iter()
                .map(|finding| format!("{:?}", finding.remedy));
            let way = format!("mortar device drain --dead {dead}");
            assert!(
                remedy.into_iter().any(|remedy| remedy.contains(&way)),
                "{:#?}",
                told.findings
            );

            let id = add(&bed, node, path, media).await.unwrap();
            bed.done(id).await;
            let new = bed.device(3, path);
            assert_ne!(new, dead);
            let lost = bed.inventory(|inventory| inventory.device(dead).unwrap().path.to_string());
            assert!(
                lost.contains("lvm-pv-uuid-") || lost.ends_with(&format!("/lost-{dead}")),
                "{lost}"
            );
            assert_eq!(bed.inventory(mortar_model::check::check), []);
            moved(&bed, dead, new).await;
        }
    });
}

#[test]
fn what_cannot_be_told_is_not_gone() {
    bed::run(async {
        let bed = prepared("disk").await;
        let node = bed.node(3);
        assert!(bed.hosts.world(|world| world.replace_device("n3", "/dev/sdb")));
        bed.hosts.world(|world| world.kill_node("n3"));
        let refused = add(&bed, node, "/dev/sdb", "disk").await.unwrap_err();
        assert!(
            matches!(&refused, EngineError::Refused(Refusal::PathTaken(..))),
            "{refused}"
        );
    });
}

/// All of n3 is lost, and a machine of the same name stands in its place, with a glusterd that is nobody and blank disks.
fn lose_n3(bed: &Bed) {
    bed.hosts.world(|world| {
        assert!(world.replace_node("n3"));
        assert!(world.start_new_glusterd("n3"));
    });
}

#[test]
fn a_new_machine_takes_the_place_of_a_lost_one() {
    bed::run(async {
        let bed = prepared("disk").await;
        let node = bed.node(3);
        let (disk, directory) = (bed.device(3, "/dev/sdb"), bed.device(3, "/disks/one"));
        lose_n3(&bed);
        let check = bed.engine.check().await;
        let told = format!("{:?}", check.findings);
        assert!(told.contains("mortar node replace n3"), "{told}");
        // Its members have it in their lists, whoever answers there.
        let probe = ["--mode=script", "peer", "probe", "n3"];
        let probed = bed
            .hosts
            .world(|world| world.run_one("n1", &Command::new("gluster").args(probe)));
        assert!(probed.stdout.contains("already in peer list"), "{probed:?}");

        let id = bed.engine.replace_node(node).await.unwrap();
        bed.done(id).await;
        let members = bed.hosts.world(|world| world.pool("n3").unwrap().members.len());
        assert_eq!(members, 3);
        // It is itself now.
        let again = bed.engine.replace_node(node).await.unwrap_err();
        assert!(again.to_string().contains("nothing to replace"), "{again}");

        for (path, media) in [("/disks/one", "directory"), ("/dev/sdb", "disk")] {
            let id = add(&bed, node, path, media).await.unwrap();
            bed.done(id).await;
        }
        let id = bed.engine.remove_device(directory, false).await.unwrap();
        bed.done(id).await;
        moved(&bed, disk, bed.device(3, "/dev/sdb")).await;
    });
}

/// Neither the node itself, nor a machine that is somebody's.
#[test]
fn only_a_new_machine_takes_a_place() {
    bed::run(async {
        let bed = prepared("disk").await;
        let node = bed.node(3);
        let changes = bed.changes();
        let refused = bed.engine.replace_node(node).await.unwrap_err();
        assert!(
            matches!(&refused, EngineError::Node(NodeTrouble::NotReplaced { .. })),
            "{refused}"
        );
        bed.hosts.world(|world| world.kill_node("n3"));
        let refused = bed.engine.replace_node(node).await.unwrap_err();
        assert!(
            matches!(&refused, EngineError::Node(NodeTrouble::Unreachable { .. })),
            "{refused}"
        );
        assert_eq!(bed.changes(), changes, "nothing was done anywhere");

        lose_n3(&bed);
        let own = ["--mode=script", "volume", "create", "own", "n3:/srv/own", "force"];
        let made = bed
            .hosts
            .world(|world| world.run_one("n3", &Command::new("gluster").args(own)));
        assert!(made.success(), "{made:?}");
        let id = bed.engine.replace_node(node).await.unwrap();
        bed.engine.wait(id, bed::LIMIT).await;
        match bed.engine.operation(id) {
            Some(OperationState::Ended(ended)) => match ended.outcome {
                Outcome::Failed { reason } => {
                    assert!(reason.contains("volumes of its own (own)"), "{reason}");
                }
                outcome @ Outcome::Done { .. } => panic!("{outcome:?}"),
            },
            other => panic!("{other:?}"),
        }
        let members = bed.hosts.world(|world| world.pool("n3").unwrap().members.len());
        assert_eq!(members, 1);
    });
}

/// A server that was away while a machine was exchanged takes what answers under its name for the node, until it is asked who it is.
#[test]
fn a_machine_that_is_nobody_is_told_nothing() {
    bed::run(async {
        for number in 1..=3 {
            let host = format!("n{number}");
            let bed = prepared("disk").await;
            bed.hosts.world(|world| {
                assert!(world.reinstall_node(&host));
                assert!(world.start_new_glusterd(&host));
            });
            let (world, store) = bed.remains();
            let bed = Bed::reopen(world, store);
            let node = bed.node(number);
            // A volume of one brick would be made there, and be there for nobody else.
            for other in (1..=3).filter(|other| *other != number) {
                let offline = bed.engine.set_node_state(bed.node(other), State::Offline).await;
                offline.unwrap();
            }
            let mut request = CreateVolume::new(ByteSize::from_gib(1), Durability::None);
            request.name = Some(VolumeName::new("lonely").unwrap());
            if let Ok(id) = bed.engine.create_volume(request).await {
                bed.engine.wait(id, bed::LIMIT).await;
                assert!(!bed.is_done(id), "{host}: {:?}", bed.engine.operation(id));
            }
            let own = bed.hosts.world(|world| world.pool(&host).unwrap());
            assert_eq!(own.volumes, [], "{host} is told to make volumes of its own");
            let healthy = bed.engine.view(|landscape| landscape.is_healthy(node));
            assert!(!healthy, "{host} counts as well");
            for other in bed.open() {
                bed.settle(other, "what waited for the node").await;
            }
            let id = bed.engine.replace_node(node).await.unwrap();
            bed.done(id).await;
            let members = bed.hosts.world(|world| world.pool(&host).unwrap().members.len());
            assert_eq!(members, 3);
        }
    });
}
