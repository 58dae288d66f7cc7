//! `mortar block …`

use mortar_api::{
    BlockHostRequest, BlockVolume, BlockVolumeExpandRequest, BlockVolumeList, BlockVolumeRequest,
};
use serde::Deserialize;

use super::Session;
use crate::args::{BlockCommand, BlockCreateArgs};
use crate::client::{Answer, Finished, read};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show;

const PATH: &str = "/v1/block-volumes";

pub(super) async fn run(session: &Session, command: BlockCommand) -> Result<()> {
    match command {
        BlockCommand::Create(arguments) => create(session, arguments).await,
        BlockCommand::List { hosting } => list(session, hosting.as_deref()).await,
        BlockCommand::Info { block } => info(session, &block).await,
        BlockCommand::Expand { block, new_size } => expand(session, &block, new_size).await,
        BlockCommand::Replace {
            block,
            host: old,
            with: new,
            dead,
        } => replace(session, &block, BlockHostRequest { old, new, dead }).await,
        BlockCommand::Delete { block } => delete(session, &block).await,
    }
}

const fn bytes(gib: u64) -> u64 {
    gib.saturating_mul(1 << 30)
}

async fn create(session: &Session, arguments: BlockCreateArgs) -> Result<()> {
    let BlockCreateArgs {
        size,
        name,
        ha,
        auth,
        clusters,
    } = arguments;
    let called = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let attempt = format!("make the block volume{called} of {size} GiB");
    let request = BlockVolumeRequest {
        size: bytes(size),
        name,
        clusters,
        ha,
        auth,
    };
    let accepted = session.client.post(PATH, &request, &attempt).await;
    let accepted = accepted.map_err(|error| {
        without_room(
            error,
            "make a volume for block volumes: 'mortar volume create --block'",
        )
    })?;
    follow(session, accepted, &attempt).await
}

/// What to do where there is no room: nothing of these can be tried out before.
fn without_room(error: Error, advice: &str) -> Error {
    match error.exit {
        Exit::NoSpace => error.advise(advice),
        _ => error,
    }
}

/// What the queue leads to tells the id; Heketi's words for the rest are not ours.
#[derive(Deserialize)]
struct Made {
    id: String,
}

/// Waits until the block volume is made or changed, and shows it.
async fn follow(session: &Session, accepted: Answer, attempt: &str) -> Result<()> {
    let work = session
        .client
        .finish(accepted, attempt, &session.progress)
        .await?;
    match &work.finished {
        Finished::Resource(body) => show(session, &read::<Made>(body, attempt)?.id, attempt).await,
        _ => session.tell(&work, "Done."),
    }
}

async fn show(session: &Session, id: &str, attempt: &str) -> Result<()> {
    let body = session.client.get(&format!("{PATH}/{id}"), attempt).await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session.out.text(&description(&read(&body, attempt)?))
}

/// Its hosts, sorted: their order means nothing.
fn hosts(block: &BlockVolume) -> String {
    let mut hosts: Vec<&str> = block.hosts.iter().map(String::as_str).collect();
    hosts.sort_unstable();
    hosts.join(", ")
}

fn description(block: &BlockVolume) -> String {
    let mut rows = vec![
        ("Block volume", block.name.clone()),
        ("Id", block.id.clone()),
        ("Cluster", block.cluster.clone()),
        ("Held by", format!("{} ({})", block.hosting_name, block.hosting)),
        ("Size", show::size(block.size)),
    ];
    if block.usable < block.size {
        rows.push(("Usable", show::size(block.usable)));
    }
    rows.push(("Hosts", format!("{} of {}", block.ha, hosts(block))));
    if !block.iqn.is_empty() {
        rows.push(("Target", format!("{} lun {}", block.iqn, block.lun)));
    }
    rows.extend(block.username.iter().map(|name| ("User", name.clone())));
    rows.extend(block.password.iter().map(|word| ("Password", word.clone())));
    let operation = block.operation.iter();
    rows.extend(operation.map(|id| ("Changed by", format!("operation {id}"))));
    show::fields(rows)
}

async fn list(session: &Session, hosting: Option<&str>) -> Result<()> {
    const ATTEMPT: &str = "list block volumes";
    let hosting = match hosting {
        Some(volume) => Some(session.client.volume_id(volume, ATTEMPT).await?),
        None => None,
    };
    let filter = [("hosting", hosting.as_deref())];
    let block_volumes = session.client.block_volumes(&filter, ATTEMPT).await?;
    if session.out.is_json() {
        return session.out.json(&BlockVolumeList {
            block_volumes,
            ..BlockVolumeList::default()
        });
    }
    let row = |block: BlockVolume| {
        let hosts = hosts(&block);
        vec![
            block.id,
            block.name,
            show::size(block.size),
            hosts,
            if block.auth { "yes" } else { "no" }.to_owned(),
            block.hosting_name,
        ]
    };
    let head = ["ID", "NAME", ">SIZE", "HOSTS", "AUTH", "HELD BY"];
    let rows = block_volumes.into_iter().map(row).collect();
    session.out.text(&show::table(&head, rows))
}

async fn info(session: &Session, block: &str) -> Result<()> {
    let attempt = format!("show the block volume {block}");
    let id = session.client.block_id(block, &attempt).await?;
    show(session, &id, &attempt).await
}

async fn expand(session: &Session, block: &str, size: u64) -> Result<()> {
    let attempt = format!("make the block volume {block} as large as {size} GiB");
    let id = session.client.block_id(block, &attempt).await?;
    let request = BlockVolumeExpandRequest { size: bytes(size) };
    let path = format!("{PATH}/{id}/expand");
    let accepted = session.client.post(&path, &request, &attempt).await;
    let accepted = accepted.map_err(|error| {
        without_room(
            error,
            "make the volume that holds it larger: 'mortar volume expand'",
        )
    })?;
    follow(session, accepted, &attempt).await
}

async fn replace(session: &Session, block: &str, request: BlockHostRequest) -> Result<()> {
    let attempt = format!(
        "let another host than {} serve the block volume {block}",
        request.old
    );
    let id = session.client.block_id(block, &attempt).await?;
    let path = format!("{PATH}/{id}/replace-host");
    let accepted = session.client.post(&path, &request, &attempt).await;
    let accepted =
        accepted.map_err(|error| without_room(error, "add a node, or bring one back: 'mortar node list'"))?;
    follow(session, accepted, &attempt).await
}

async fn delete(session: &Session, block: &str) -> Result<()> {
    let attempt = format!("remove the block volume {block}");
    let id = session.client.block_id(block, &attempt).await?;
    let accepted = session.client.delete(&format!("{PATH}/{id}"), &attempt).await?;
    session
        .follow(accepted, &attempt, format!("Removed the block volume {block}."))
        .await
}
