//! Snapshots as the wire says them.

use mortar_engine::plan::{Landscape, Subject};
use mortar_model::{ByteSize, Group, Snapshot};

use super::operation::time;

/// A snapshot with what it takes.
pub(crate) fn snapshot(landscape: &Landscape, snapshot: &Snapshot) -> mortar_api::Snapshot {
    let volume = &snapshot.volume;
    let taken: ByteSize = snapshot
        .bricks
        .iter()
        .map(mortar_model::BrickCopy::footprint)
        .sum();
    let holder = landscape.holder(Subject::Snapshot(snapshot.id));
    mortar_api::Snapshot {
        id: snapshot.id.to_string(),
        name: snapshot.name.to_string(),
        created: time(snapshot.created_ms),
        volume: volume.id.to_string(),
        volume_name: volume.name.to_string(),
        cluster: volume.cluster.to_string(),
        size: volume.size.bytes(),
        durability: volume.durability.to_string(),
        gid: volume.gid,
        options: super::volume::recorded_options(volume),
        snapshot_factor: super::volume::snapshot_factor(volume),
        zones: super::volume::zones(volume.cluster, landscape.inventory()),
        taken: taken.bytes(),
        bricks: u32::try_from(snapshot.bricks.len()).unwrap_or(u32::MAX),
        group: snapshot.group.as_ref().map(|group| group.id.to_string()),
        group_name: snapshot.group.as_ref().map(|group| group.name.to_string()),
        operation: holder.map(|id| id.to_string()),
    }
}

/// A group with its snapshots.
pub(crate) fn group(landscape: &Landscape, group: &Group) -> mortar_api::SnapshotGroup {
    let members = landscape.inventory().members(group.id);
    let snapshots: Vec<_> = members.map(|member| snapshot(landscape, member)).collect();
    let first = snapshots.first();
    let holder = landscape.holder(Subject::Group(group.id));
    mortar_api::SnapshotGroup {
        id: group.id.to_string(),
        name: group.name.to_string(),
        created: first.map(|first| first.created.clone()).unwrap_or_default(),
        cluster: first.map(|first| first.cluster.clone()).unwrap_or_default(),
        volumes: group.volumes.iter().map(ToString::to_string).collect(),
        snapshots,
        operation: holder.map(|id| id.to_string()),
    }
}
