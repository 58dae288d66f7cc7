//! Each accident is found, with its proof and nothing beside it; what was found is counted.

use mortar_engine::{Kind, Remedy};
use mortar_simulator::World;

use crate::bed::{Bed, DIRECTORY};

/// What is done to node 2; answers whether it could be.
type Accident = fn(&mut World, &Bed) -> bool;

const DRILLS: &[(&str, Accident, &[Kind])] = &[
    (
        "power lost",
        |world, _| {
            world.kill_node("n2");
            true
        },
        &[Kind::NodeSilent],
    ),
    (
        "network lost",
        |world, _| {
            world.cut("n2");
            true
        },
        &[Kind::NodeSilent],
    ),
    (
        "no glusterd",
        |world, _| {
            world.stop_glusterd("n2");
            true
        },
        &[Kind::GlusterdDown],
    ),
    (
        "a brick's process ended",
        |world, bed| world.kill_brick("n2", &bed.bricks(2)[0].1),
        &[],
    ),
    (
        "a brick unmounted",
        |world, bed| world.lose_mount("n2", &bed.bricks(2)[0].0),
        &[Kind::BrickUnmounted],
    ),
    (
        "a file system dead",
        |world, bed| world.break_mount("n2", &bed.bricks(2)[0].0),
        &[Kind::BrickUnreadable],
    ),
    (
        "a disk grown",
        |world, _| world.resize_device("n2", "/dev/sdb", 101 << 30),
        &[Kind::DeviceSize],
    ),
    (
        "a disk replaced",
        |world, _| world.replace_device("n2", "/dev/sdb"),
        &[Kind::DeviceMissing],
    ),
    (
        "a directory replaced",
        |world, _| world.replace_device("n2", DIRECTORY),
        &[Kind::DeviceMissing],
    ),
    (
        "a directory dead",
        |world, _| world.break_mount("n2", DIRECTORY),
        &[Kind::DeviceUnreadable],
    ),
    (
        "a node installed anew",
        |world, _| world.reinstall_node("n2"),
        &[
            Kind::GlusterdDown,
            Kind::NodeFile,
            Kind::BrickUnmounted,
            Kind::BrickUnmounted,
            Kind::EntryMissing,
            Kind::EntryMissing,
        ],
    ),
];

#[tokio::test]
async fn each_accident_is_found() {
    for (name, drill, kinds) in DRILLS {
        let bed = Bed::quiet().await;
        bed.engine.reconcile().await;
        assert_eq!(bed.kinds().await, [], "{name}: before");
        assert!(bed.hosts.world(|world| drill(world, &bed)), "{name}");
        let check = bed.engine.check().await;
        let found: Vec<Kind> = check.findings.iter().map(|finding| finding.kind).collect();
        let mut expected = kinds.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}: {:#?}", check.findings);
        assert!(
            check
                .findings
                .iter()
                .all(|finding| finding.node == Some(bed.node(2))),
            "{name}"
        );
        assert_eq!(check.is_clean(), kinds.is_empty(), "{name}");
    }
}

/// What was found is exported, each kind by its name.
#[tokio::test]
async fn findings_are_counted() {
    let bed = Bed::quiet().await;
    let (target, _) = bed.bricks(2)[0].clone();
    bed.engine.reconcile().await;
    bed.hosts.world(|world| world.lose_mount("n2", &target));
    let check = bed.engine.check().await;
    assert!(matches!(check.findings[0].remedy, Remedy::Automatic(_)));
    let mut registry = prometheus_client::registry::Registry::default();
    bed.engine.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "mortar_check_findings{kind=\"brick_unmounted\",severity=\"error\"} 1",
        "mortar_check_findings{kind=\"orphan_brick\",severity=\"warning\"} 0",
        "mortar_check_findings{kind=\"peer_unknown\",severity=\"notice\"} 0",
        "mortar_check_findings_left_out 0",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} is not in {text}");
    }
    assert!(text.contains("\nmortar_check_last_time_seconds "), "{text}");
}
