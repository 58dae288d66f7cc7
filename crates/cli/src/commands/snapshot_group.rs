//! `mortar snapshot group …`

use mortar_api::{Snapshot, SnapshotGroup, SnapshotGroupList, SnapshotGroupRequest};

use super::Session;
use crate::args::GroupCommand;
use crate::client::read;
use crate::error::Result;
use crate::show;

pub(super) async fn run(session: &Session, command: GroupCommand) -> Result<()> {
    match command {
        GroupCommand::Create { volumes, name } => create(session, &volumes, name).await,
        GroupCommand::List => list(session).await,
        GroupCommand::Info { group } => info(session, &group).await,
        GroupCommand::Delete { group } => delete(session, &group).await,
    }
}

async fn create(session: &Session, named: &[String], name: Option<String>) -> Result<()> {
    let attempt = format!("make a group of snapshots of the volumes {}", named.join(", "));
    let mut volumes = Vec::new();
    for volume in named {
        volumes.push(session.client.volume_id(volume, &attempt).await?);
    }
    let request = SnapshotGroupRequest { volumes, name };
    let accepted = session
        .client
        .post("/v1/snapshot-groups", &request, &attempt)
        .await?;
    session.follow_to(accepted, &attempt, description).await
}

fn description(group: &SnapshotGroup) -> String {
    let mut rows = vec![
        ("Snapshot group", group.name.clone()),
        ("Id", group.id.clone()),
        ("Cluster", group.cluster.clone()),
        ("Made", group.created.clone()),
    ];
    if group.snapshots.len() < group.volumes.len() {
        let (there, all) = (group.snapshots.len(), group.volumes.len());
        rows.push(("Incomplete", format!("{there} of {all} snapshots are there")));
    }
    let operation = group.operation.iter();
    rows.extend(operation.map(|id| ("Used by", format!("operation {id}"))));
    let row = |snapshot: &Snapshot| {
        vec![
            snapshot.id.clone(),
            snapshot.name.clone(),
            snapshot.volume_name.clone(),
            show::size(snapshot.size),
            show::size(snapshot.taken),
        ]
    };
    let head = ["SNAPSHOT", "NAME", "VOLUME", ">SIZE", ">KEPT"];
    let members = show::table(&head, group.snapshots.iter().map(row).collect());
    format!("{}\n{members}", show::fields(rows))
}

async fn list(session: &Session) -> Result<()> {
    const ATTEMPT: &str = "list groups of snapshots";
    let body = session.client.get("/v1/snapshot-groups", ATTEMPT).await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    let list: SnapshotGroupList = read(&body, ATTEMPT)?;
    let row = |group: SnapshotGroup| {
        let names = group.snapshots.iter().map(|member| member.volume_name.as_str());
        let names: Vec<&str> = names.collect();
        vec![group.id, group.name, names.join(", "), group.created]
    };
    let head = ["ID", "NAME", "VOLUMES", "MADE"];
    let rows = list.groups.into_iter().map(row).collect();
    session.out.text(&show::table(&head, rows))
}

async fn info(session: &Session, group: &str) -> Result<()> {
    let attempt = format!("show the snapshot group {group}");
    let id = session.client.group_id(group, &attempt).await?;
    let path = format!("/v1/snapshot-groups/{id}");
    let body = session.client.get(&path, &attempt).await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session.out.text(&description(&read(&body, &attempt)?))
}

async fn delete(session: &Session, group: &str) -> Result<()> {
    let attempt = format!("remove the snapshot group {group}");
    let id = session.client.group_id(group, &attempt).await?;
    let path = format!("/v1/snapshot-groups/{id}");
    let accepted = session.client.delete(&path, &attempt).await?;
    session
        .follow(
            accepted,
            &attempt,
            format!("Removed the group {group} with its snapshots."),
        )
        .await
}
