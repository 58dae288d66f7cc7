//! Volumes as `/v1/volumes` shows them, and requests for them.

use std::collections::{BTreeMap, BTreeSet};

use mortar_api as api;
use mortar_api::ErrorKind;
use mortar_engine::plan::{CreateVolume, Landscape, Subject};
use mortar_heketi::{Allocation, Problems, WireError};
use mortar_model::{
    ByteSize, ClusterId, Durability, Inventory, Node, Snapshots, Volume, VolumeName, VolumeOption,
};

use super::attachment::attachments;
use crate::http::failure::Failure;

/// Most hosts that are named to clients: one that answers is enough, and what is told has to fit where clients keep it.
const SERVERS: usize = 16;

/// A volume, as recorded.
pub(crate) fn volume(volume: &Volume, landscape: &Landscape) -> api::Volume {
    let inventory = landscape.inventory();
    let holder = landscape.holder(Subject::Volume(volume.id));
    api::Volume {
        id: volume.id.to_string(),
        name: volume.name.to_string(),
        cluster: volume.cluster.to_string(),
        size: volume.size.bytes(),
        durability: volume.durability.to_string(),
        gid: volume.gid,
        options: recorded_options(volume),
        snapshot_factor: snapshot_factor(volume),
        servers: servers(volume, inventory),
        zones: zones(volume.cluster, inventory),
        attachments: attachments(inventory, volume.id),
        heal: None,
        operation: holder.map(|id| id.to_string()),
    }
}

/// Options of a volume by name.
pub(crate) fn recorded_options(volume: &Volume) -> BTreeMap<String, String> {
    let pair = |option: &VolumeOption| (option.key().to_owned(), option.value().to_owned());
    volume.options.iter().map(pair).collect()
}

/// Thin pool size over brick size, where room for snapshots is kept.
pub(crate) fn snapshot_factor(volume: &Volume) -> Option<f64> {
    volume.snapshots.enable.then_some(volume.snapshots.factor)
}

fn servers(volume: &Volume, inventory: &Inventory) -> Vec<String> {
    let bricks = inventory
        .bricks_of(volume.id)
        .filter_map(|brick| inventory.node_of_brick(brick));
    let nodes = bricks.chain(inventory.nodes_of(volume.cluster));
    let mut seen = BTreeSet::new();
    let new = nodes.filter(|node: &&Node| seen.insert(node.id));
    new.map(|node| node.storage.to_string()).take(SERVERS).collect()
}

/// Zones in which a cluster has nodes.
pub(crate) fn zones(cluster: ClusterId, inventory: &Inventory) -> Vec<u32> {
    let zones: BTreeSet<u32> = inventory.nodes_of(cluster).map(|node| node.zone).collect();
    zones.into_iter().collect()
}

/// A volume to make.
///
/// # Errors
/// A field is not of its form, or a cluster is not known.
pub(crate) fn request(wanted: api::VolumeRequest, landscape: &Landscape) -> Result<CreateVolume, Failure> {
    let mut problems = Problems::default();
    let name = VolumeName::new(wanted.name).map_err(|error| problems.add("name", error.to_string()));
    let options = options(wanted.options).map_err(|error| problems.add("options", error));
    let like = kind(
        &wanted.durability,
        wanted.snapshot_factor,
        &wanted.clusters,
        &wanted.zones,
        landscape,
    )?;
    let (Ok(name), Ok(options)) = (name, options) else {
        return Err(WireError::from(problems).into());
    };
    Ok(CreateVolume {
        name: Some(name),
        size: ByteSize::from_bytes(wanted.size),
        gid: wanted.gid,
        options,
        ..like
    })
}

/// Options that are asked for.
///
/// # Errors
/// One is not of its form.
pub(crate) fn options(wanted: BTreeMap<String, String>) -> Result<Vec<VolumeOption>, String> {
    let option = |(key, value): (String, String)| {
        VolumeOption::new(key.as_str(), value).map_err(|error| format!("{key}: {error}"))
    };
    wanted.into_iter().map(option).collect()
}

/// A request for a volume of this kind, its size left open.
///
/// # Errors
/// A field is not of its form, a cluster is not known, or none has a node in one of the zones.
pub(crate) fn kind(
    durability: &str,
    snapshot_factor: Option<f64>,
    clusters: &[String],
    zones: &[u32],
    landscape: &Landscape,
) -> Result<CreateVolume, Failure> {
    let mut problems = Problems::default();
    let durability = durability.parse::<Durability>();
    let durability = durability.map_err(|error| problems.add("durability", error.to_string()));
    if snapshot_factor.is_some_and(|factor| !(1.0..=100.0).contains(&factor)) {
        problems.add("snapshot_factor", "must be 1 to 100");
    }
    let Ok(durability) = durability else {
        return Err(WireError::from(problems).into());
    };
    if !problems.is_empty() {
        return Err(WireError::from(problems).into());
    }
    let mut request = CreateVolume::new(ByteSize::ZERO, durability);
    request.clusters = places(clusters, zones, landscape.inventory())?;
    if let Some(factor) = snapshot_factor {
        request.snapshots = Snapshots { enable: true, factor };
    }
    Ok(request)
}

/// The clusters that are named and have a node in one of the zones, those of the first zone first; empty for all of them.
pub(crate) fn places(
    clusters: &[String],
    zones: &[u32],
    inventory: &Inventory,
) -> Result<Vec<ClusterId>, Failure> {
    if inventory.clusters().next().is_none() {
        return Err(WireError::NoClusters.into());
    }
    let known = |text: &String| {
        let id = text.parse::<ClusterId>().ok();
        let known = id.filter(|id| inventory.cluster(*id).is_some());
        known.ok_or_else(|| {
            WireError::ClusterNotFound(text.chars().filter(|c| !c.is_control()).take(64).collect())
        })
    };
    let named: Vec<ClusterId> = clusters.iter().map(known).collect::<Result<_, _>>()?;
    if zones.is_empty() {
        return Ok(named);
    }
    let candidates = if named.is_empty() {
        inventory.clusters().map(|cluster| cluster.id).collect()
    } else {
        named
    };
    let mut placed = Vec::new();
    for zone in zones {
        for id in &candidates {
            let there = inventory.nodes_of(*id).any(|node| node.zone == *zone);
            if there && !placed.contains(id) {
                placed.push(*id);
            }
        }
    }
    if placed.is_empty() {
        let words: Vec<String> = zones.iter().map(u32::to_string).collect();
        let why = format!(
            "no cluster that may be used has a node in zone {}",
            words.join(" or ")
        );
        let mut failure = Failure::new(
            &WireError::AllocateVolume(Allocation::NoNodes),
            ErrorKind::NoSpace,
        );
        failure.message = Some(why);
        return Err(failure);
    }
    Ok(placed)
}
