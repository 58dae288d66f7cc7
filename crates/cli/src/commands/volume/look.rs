//! `mortar volume list` and `info`. The role `user` sees its own volumes, and of nodes and devices nothing.

use std::collections::BTreeMap;

use mortar_api::{Topology, TopologyVolume, Volume};
use mortar_heketi::volume::VolumeInfo;
use serde::Serialize;

use super::{BRICKS, rows};
use crate::client::{devices, read};
use crate::commands::Session;
use crate::error::Result;
use crate::show;

/// Volumes with their clusters, in the server's words.
#[derive(Serialize)]
struct List<'a> {
    volumes: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    cluster: &'a str,
    #[serde(flatten)]
    volume: &'a TopologyVolume,
}

const LIST: &str = "list volumes";

pub(super) async fn list(session: &Session) -> Result<()> {
    if session.client.is_user() {
        return list_own(session).await;
    }
    let topology = session.client.topology(LIST).await?;
    let entries = topology.clusters.iter().flat_map(|cluster| {
        cluster.volumes.iter().map(|volume| Entry {
            cluster: &cluster.id,
            volume,
        })
    });
    if session.out.is_json() {
        return session.out.json(&List {
            volumes: entries.collect(),
        });
    }
    let row = |Entry { cluster, volume }: Entry<'_>| {
        vec![
            volume.id.clone(),
            volume.name.clone(),
            show::size(volume.size),
            volume.durability.clone(),
            volume.bricks.to_string(),
            cluster.to_owned(),
        ]
    };
    let head = ["ID", "NAME", ">SIZE", "DURABILITY", ">BRICKS", "CLUSTER"];
    session.out.text(&show::table(&head, entries.map(row).collect()))
}

/// Volumes of whoever asks, in the order of names.
#[derive(Serialize)]
struct Own {
    volumes: Vec<Volume>,
}

async fn list_own(session: &Session) -> Result<()> {
    let mut volumes = session.client.volumes(LIST).await?;
    volumes.sort_by(|a, b| a.name.cmp(&b.name));
    if session.out.is_json() {
        return session.out.json(&Own { volumes });
    }
    let row = |volume: Volume| {
        let size = show::size(volume.size);
        vec![volume.id, volume.name, size, volume.durability, volume.cluster]
    };
    let head = ["ID", "NAME", ">SIZE", "DURABILITY", "CLUSTER"];
    let rows = volumes.into_iter().map(row).collect();
    session.out.text(&show::table(&head, rows))
}

pub(super) async fn info(session: &Session, volume: &str) -> Result<()> {
    let attempt = format!("show the volume {volume}");
    let id = session.client.volume_id(volume, &attempt).await?;
    let body = session.client.get(&format!("/volumes/{id}"), &attempt).await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    let info: VolumeInfo = read(&body, &attempt)?;
    let mut rows = rows(&info);
    if !session.client.is_user() {
        let topology = session.client.topology(&attempt).await?;
        let places = bricks(&info, &topology);
        for (_, value) in rows.iter_mut().filter(|(name, _)| *name == BRICKS) {
            value.extend(places.iter().flat_map(|place| ["\n", place.as_str()]));
        }
    }
    let body = session.client.get(&format!("/v1/volumes/{id}"), &attempt).await?;
    let recorded: Volume = read(&body, &attempt)?;
    if !["none", "replicate 1"].contains(&recorded.durability.as_str()) {
        let heal = show::last_heal(recorded.heal.as_ref(), volume, session.out.paint());
        rows.push(("Heal", heal));
    }
    if !recorded.attachments.is_empty() {
        rows.push(("Attached", show::attachments(&recorded.attachments)));
    }
    session.out.text(&show::fields(rows))
}

/// Where each brick is: as clients reach it, its device, and its id.
fn bricks(info: &VolumeInfo, topology: &Topology) -> Vec<String> {
    let places: BTreeMap<&str, _> = devices(topology)
        .map(|hit| (hit.device.id.as_str(), hit))
        .collect();
    let line = |brick: &mortar_heketi::device::BrickInfo| {
        let hit = places.get(brick.device.to_string().as_str())?;
        let (node, device) = (hit.node, hit.device);
        Some(format!(
            "{}:{}  on {}:{}  {}",
            node.storage, brick.path, node.manage, device.path, brick.id
        ))
    };
    info.bricks.iter().filter_map(line).collect()
}
