//! A node that is reached under another name: only where the node itself is, and its pool's name stays.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use mortar_argv::Command;
use mortar_engine::plan::Refusal;
use mortar_engine::{EngineError, NodeTrouble};
use mortar_model::{ByteSize, Durability, HostName, NodeId, layout};
use mortar_plan::{CreateVolume, identity};

use support::bed::{self, Bed};

async fn prepared() -> Bed {
    let bed = Bed::new(100);
    bed.make_pool().await;
    bed
}

async fn set(bed: &Bed, node: NodeId, host: &str) -> Result<(), EngineError> {
    let host = HostName::new(host).unwrap();
    bed.engine.set_node_address(node, host).await.map(drop)
}

fn names(bed: &Bed, node: NodeId) -> (String, String) {
    bed.inventory(|inventory| {
        let node = inventory.node(node).unwrap();
        (node.manage.to_string(), node.storage.to_string())
    })
}

fn write_node_file(bed: &Bed, host: &str, text: &str) {
    let write = Command::new("tee").arg(layout::NODE_FILE).input(text);
    bed.hosts.world(|world| {
        world.run_one(host, &Command::new("mkdir").args(["-p", layout::ROOT]));
        world.run_one(host, &write);
    });
}

async fn assert_volumes_are_made(bed: &Bed) {
    let request = CreateVolume::new(ByteSize::from_gib(1), Durability::Replicate(3));
    let id = bed.engine.create_volume(request).await.unwrap();
    bed.done(id).await;
}

fn why(result: Result<(), EngineError>) -> String {
    match result {
        Err(EngineError::Node(NodeTrouble::OtherMachine { reason, .. })) => reason,
        other => panic!("{other:?}"),
    }
}

/// By glusterd's id, which the others know, and by its own file where nobody else tells.
#[test]
fn a_node_is_found_under_its_new_name() {
    bed::run(async {
        let bed = prepared().await;
        let node = bed.node(2);
        bed.hosts.world(|world| world.add_alias("n2", "ten-two"));
        set(&bed, node, "ten-two").await.unwrap();
        assert_eq!(names(&bed, node), ("ten-two".into(), "n2".into()));
        assert_volumes_are_made(&bed).await;
        bed.hosts.world(|world| {
            world.stop_glusterd("n1");
            world.stop_glusterd("n3");
            world.add_alias("n2", "twice");
        });
        write_node_file(&bed, "n2", "not one");
        assert!(why(set(&bed, node, "twice").await).contains("has no node file"));
        let own = bed.inventory(|inventory| identity::node_file(inventory, node).unwrap());
        write_node_file(&bed, "n2", &own);
        set(&bed, node, "twice").await.unwrap();
        assert_eq!(names(&bed, node).0, "twice");
    });
}

#[test]
fn another_machine_is_not_taken_for_it() {
    bed::run(async {
        let bed = prepared().await;
        let (node, other) = (bed.node(2), bed.node(3));
        let before = names(&bed, node);
        // n4 is of no pool: its glusterd has an id of its own.
        assert!(why(set(&bed, node, "n4").await).contains("another id"));
        let theirs = bed.inventory(|inventory| identity::node_file(inventory, other).unwrap());
        write_node_file(&bed, "n4", &theirs);
        assert!(why(set(&bed, node, "n4").await).contains(&other.to_string()));
        let taken = set(&bed, node, "n3").await;
        assert!(
            matches!(taken, Err(EngineError::Refused(Refusal::HostTaken(_, id))) if id == other),
            "{taken:?}"
        );
        let silent = set(&bed, node, "nobody").await;
        assert!(
            matches!(silent, Err(EngineError::Node(NodeTrouble::Unreachable { .. }))),
            "{silent:?}"
        );
        assert_eq!(names(&bed, node), before);
        assert_volumes_are_made(&bed).await;
    });
}

/// The name survives a crash, and the same one again changes nothing.
#[test]
fn the_name_is_recorded() {
    let (node, (world, store)) = bed::run(async {
        let bed = prepared().await;
        let node = bed.node(1);
        bed.hosts.world(|world| world.add_alias("n1", "ten-one"));
        set(&bed, node, "ten-one").await.unwrap();
        set(&bed, node, "ten-one").await.unwrap();
        (node, bed.remains())
    });
    bed::run(async {
        let bed = Bed::reopen(world, store);
        bed.engine.start();
        assert_eq!(names(&bed, node), ("ten-one".into(), "n1".into()));
        assert_volumes_are_made(&bed).await;
        set(&bed, node, "n1").await.unwrap();
        assert_eq!(names(&bed, node).0, "n1");
    });
}
