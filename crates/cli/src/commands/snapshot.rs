//! `mortar snapshot …`

use mortar_api::{CloneRequest, Snapshot, SnapshotList, SnapshotRequest};

use super::volume::follow_to_volume;
use super::{Session, snapshot_group};
use crate::args::SnapshotCommand;
use crate::client::read;
use crate::error::Result;
use crate::show;

pub(super) async fn run(session: &Session, command: SnapshotCommand) -> Result<()> {
    match command {
        SnapshotCommand::Create { volume, name } => create(session, &volume, name).await,
        SnapshotCommand::List { volume } => list(session, volume.as_deref()).await,
        SnapshotCommand::Info { snapshot } => info(session, &snapshot).await,
        SnapshotCommand::Clone { snapshot, name } => clone(session, &snapshot, name).await,
        SnapshotCommand::Restore { snapshot } => restore(session, &snapshot).await,
        SnapshotCommand::Group(command) => snapshot_group::run(session, command).await,
        SnapshotCommand::Delete { snapshot } => delete(session, &snapshot).await,
    }
}

async fn create(session: &Session, volume: &str, name: Option<String>) -> Result<()> {
    let attempt = format!("make a snapshot of the volume {volume}");
    let volume = session.client.volume_id(volume, &attempt).await?;
    let request = SnapshotRequest { volume, name };
    let accepted = session.client.post("/v1/snapshots", &request, &attempt).await?;
    session.follow_to(accepted, &attempt, description).await
}

fn description(snapshot: &Snapshot) -> String {
    let mut rows = vec![
        ("Snapshot", snapshot.name.clone()),
        ("Id", snapshot.id.clone()),
        (
            "Volume",
            format!("{} ({})", snapshot.volume_name, snapshot.volume),
        ),
        ("Cluster", snapshot.cluster.clone()),
        ("Made", snapshot.created.clone()),
        ("Size", show::size(snapshot.size)),
        (
            "Kept",
            format!(
                "{} for {} copies of bricks",
                show::size(snapshot.taken),
                snapshot.bricks
            ),
        ),
    ];
    let group = snapshot.group.iter().zip(&snapshot.group_name);
    rows.extend(group.map(|(id, name)| ("Group", format!("{name} ({id})"))));
    let operation = snapshot.operation.iter();
    rows.extend(operation.map(|id| ("Used by", format!("operation {id}"))));
    show::fields(rows)
}

async fn list(session: &Session, volume: Option<&str>) -> Result<()> {
    const ATTEMPT: &str = "list snapshots";
    let query = match volume {
        Some(volume) => format!("?volume={}", session.client.volume_id(volume, ATTEMPT).await?),
        None => String::new(),
    };
    let body = session.client.get_query("/v1/snapshots", &query, ATTEMPT).await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    let list: SnapshotList = read(&body, ATTEMPT)?;
    let row = |snapshot: Snapshot| {
        vec![
            snapshot.id,
            snapshot.name,
            snapshot.volume_name,
            show::size(snapshot.size),
            show::size(snapshot.taken),
            snapshot.created,
        ]
    };
    let head = ["ID", "NAME", "VOLUME", ">SIZE", ">KEPT", "MADE"];
    let rows = list.snapshots.into_iter().map(row).collect();
    session.out.text(&show::table(&head, rows))
}

async fn info(session: &Session, snapshot: &str) -> Result<()> {
    let attempt = format!("show the snapshot {snapshot}");
    let id = session.client.snapshot_id(snapshot, &attempt).await?;
    let body = session
        .client
        .get(&format!("/v1/snapshots/{id}"), &attempt)
        .await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session.out.text(&description(&read(&body, &attempt)?))
}

async fn clone(session: &Session, snapshot: &str, name: Option<String>) -> Result<()> {
    let attempt = format!("make a volume of the snapshot {snapshot}");
    let id = session.client.snapshot_id(snapshot, &attempt).await?;
    let path = format!("/v1/snapshots/{id}/clone");
    let accepted = session
        .client
        .post(&path, &CloneRequest { name, options: None }, &attempt)
        .await?;
    follow_to_volume(session, accepted, &attempt).await
}

async fn restore(session: &Session, snapshot: &str) -> Result<()> {
    let attempt = format!("bring a volume back to its snapshot {snapshot}");
    let id = session.client.snapshot_id(snapshot, &attempt).await?;
    let path = format!("/v1/snapshots/{id}/restore");
    let accepted = session.client.post(&path, &(), &attempt).await?;
    session
        .follow(
            accepted,
            &attempt,
            format!("The volume is as in the snapshot {snapshot}; whoever had it mounted mounts it anew."),
        )
        .await
}

async fn delete(session: &Session, snapshot: &str) -> Result<()> {
    let attempt = format!("remove the snapshot {snapshot}");
    let id = session.client.snapshot_id(snapshot, &attempt).await?;
    let accepted = session
        .client
        .delete(&format!("/v1/snapshots/{id}"), &attempt)
        .await?;
    session
        .follow(accepted, &attempt, format!("Removed the snapshot {snapshot}."))
        .await
}
