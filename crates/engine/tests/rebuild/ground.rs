//! What all rebuilds of this test need: nodes' files, lost stores, records to compare.

use std::sync::Arc;

use mortar_command::{Settings, make};
use mortar_engine::Rebuild;
use mortar_executor::Hosts as _;
use mortar_model::HostName;
use mortar_model::work::{NodeFileSpec, Thing};
use mortar_plan::identity;
use mortar_simulator::World;
use mortar_store::MemoryStore;
use serde_json::Value;

use crate::support::bed::Bed;

/// Writes every node's file as it is recorded.
pub(crate) async fn write_files(bed: &Bed) {
    let files: Vec<(HostName, Thing)> = bed.inventory(|inventory| {
        let file = |node: &mortar_model::Node| {
            let text = identity::node_file(inventory, node.id).unwrap();
            (
                node.manage.clone(),
                Thing::NodeFile(NodeFileSpec { node: node.id, text }),
            )
        };
        inventory.nodes().map(file).collect()
    });
    for (host, thing) in files {
        let report = bed
            .hosts
            .run(host.as_str(), &make(&thing, &Settings::default()))
            .await;
        assert!(report.success(), "{host}: {report:?}");
    }
}

/// A server over the same nodes and an empty store.
pub(crate) fn lose_store(bed: Bed) -> Bed {
    let (world, _) = bed.remains();
    with_empty_store(world)
}

pub(crate) fn with_empty_store(world: World) -> Bed {
    let bed = Bed::reopen(world, Arc::new(MemoryStore::new()));
    bed.engine.start();
    bed
}

pub(crate) fn hosts(names: &[&str]) -> Vec<HostName> {
    names.iter().map(|name| HostName::new(*name).unwrap()).collect()
}

pub(crate) async fn rebuild(bed: &Bed, names: &[&str]) -> Rebuild {
    bed.engine
        .rebuild(&hosts(names), false)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Everything that the store holds but operations that have ended.
pub(crate) fn records(bed: &Bed) -> Value {
    let mut document = Vec::new();
    mortar_store::export(bed.store(), &mut document).unwrap();
    let mut document: Value = serde_json::from_slice(&document).unwrap();
    document["records"]
        .as_object_mut()
        .unwrap()
        .remove("ended")
        .unwrap();
    document
}

/// What is told beside the records, one a line.
pub(crate) fn notes(report: &Rebuild) -> Vec<String> {
    let rebuilt = &report.rebuilt;
    let gaps = rebuilt
        .gaps
        .iter()
        .map(|gap| format!("gap: {}: {}", gap.about, gap.unknown));
    let found = rebuilt
        .found
        .iter()
        .map(|found| format!("found: {}: {}", found.about, found.what));
    let others = rebuilt
        .contradictions
        .iter()
        .map(|note| format!("contradiction: {}: {}", note.about, note.found));
    gaps.chain(found).chain(others).collect()
}
