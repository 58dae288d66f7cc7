//! `mortar cluster …`

use mortar_api::TopologyCluster;
use mortar_heketi::cluster::{ClusterFlags, ClusterInfo};
use serde::Serialize;

use super::{Session, hindrance};
use crate::args::ClusterCommand;
use crate::client::read;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::parse::is_id;
use crate::show;

/// Clusters without what is in them.
#[derive(Serialize)]
struct List<'a> {
    clusters: &'a [TopologyCluster],
}

pub(super) async fn run(session: &Session, command: ClusterCommand) -> Result<()> {
    match command {
        ClusterCommand::Create { file, block } => create(session, ClusterFlags { file, block }).await,
        ClusterCommand::List => list(session).await,
        ClusterCommand::Info { cluster } => info(session, &cluster).await,
        ClusterCommand::Delete { cluster } => delete(session, &cluster).await,
        ClusterCommand::SetFlags { cluster, file, block } => set_flags(session, &cluster, file, block).await,
    }
}

/// A cluster's id; clusters have no other name.
fn id(text: &str, attempt: &str) -> Result<String> {
    if is_id(text) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Error::usage(attempt, format!("{text} is not a cluster's id"))
        .advise("see them: 'mortar cluster list'"))
}

async fn create(session: &Session, flags: ClusterFlags) -> Result<()> {
    const ATTEMPT: &str = "make a cluster";
    let answer = session.client.post("/clusters", &flags, ATTEMPT).await?;
    if session.out.is_json() {
        return session.out.wire(&answer.body);
    }
    let info: ClusterInfo = read(&answer.body, ATTEMPT)?;
    session.out.line(format!("Made cluster {}.", info.id))
}

async fn list(session: &Session) -> Result<()> {
    let topology = session.client.topology("list clusters").await?;
    if session.out.is_json() {
        return session.out.json(&List {
            clusters: &topology.clusters,
        });
    }
    let row = |cluster: &TopologyCluster| {
        let devices = || cluster.nodes.iter().flat_map(|node| &node.devices);
        vec![
            cluster.id.clone(),
            yes(cluster.file),
            yes(cluster.block),
            cluster.nodes.len().to_string(),
            cluster.volumes.len().to_string(),
            show::size(devices().map(|device| device.used).sum()),
            show::size(devices().map(|device| device.size).sum()),
        ]
    };
    let head = ["ID", "FILE", "BLOCK", ">NODES", ">VOLUMES", ">USED", ">SIZE"];
    session
        .out
        .text(&show::table(&head, topology.clusters.iter().map(row).collect()))
}

async fn info(session: &Session, cluster: &str) -> Result<()> {
    let attempt = format!("show the cluster {cluster}");
    let id = id(cluster, &attempt)?;
    let body = session.client.get(&format!("/clusters/{id}"), &attempt).await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    let info: ClusterInfo = read(&body, &attempt)?;
    let lines = |ids: Vec<String>| {
        if ids.is_empty() {
            "none".to_owned()
        } else {
            ids.join("\n")
        }
    };
    session.out.text(&show::fields(vec![
        ("Cluster", info.id.to_string()),
        ("File", yes(info.file)),
        ("Block", yes(info.block)),
        (
            "Nodes",
            lines(info.nodes.iter().map(ToString::to_string).collect()),
        ),
        (
            "Volumes",
            lines(info.volumes.iter().map(ToString::to_string).collect()),
        ),
    ]))
}

async fn delete(session: &Session, cluster: &str) -> Result<()> {
    let attempt = format!("remove the cluster {cluster}");
    let id = id(cluster, &attempt)?;
    let deleted = session.client.delete(&format!("/clusters/{id}"), &attempt).await;
    match deleted {
        Err(error) if error.exit == Exit::Conflict => {
            return Err(hindrance::of_cluster(session, &id, error).await);
        }
        other => other?,
    };
    done(session, &id, "Removed cluster")
}

async fn set_flags(session: &Session, cluster: &str, file: Option<bool>, block: Option<bool>) -> Result<()> {
    let attempt = format!("set the flags of the cluster {cluster}");
    let id = id(cluster, &attempt)?;
    // The server takes a flag that is left out as false; the command line keeps it.
    let now: ClusterInfo = read(
        &session.client.get(&format!("/clusters/{id}"), &attempt).await?,
        &attempt,
    )?;
    let flags = ClusterFlags {
        file: file.unwrap_or(now.file),
        block: block.unwrap_or(now.block),
    };
    session
        .client
        .post(&format!("/clusters/{id}/flags"), &flags, &attempt)
        .await?;
    done(session, &id, "Set the flags of cluster")
}

/// Shows a change that was made at once.
fn done(session: &Session, id: &str, what: &str) -> Result<()> {
    if session.out.is_json() {
        session.out.wire(b"{}")
    } else {
        session.out.line(format!("{what} {id}."))
    }
}

fn yes(flag: bool) -> String {
    if flag { "yes" } else { "no" }.to_owned()
}
