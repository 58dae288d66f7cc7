//! `mortar brick …`

use mortar_api::{BrickEntry, BrickPage, MoveRequest};

use super::Session;
use crate::args::BrickCommand;
use crate::client::Filter;
use crate::error::Result;
use crate::show;

const LIST: &str = "list bricks";

pub(super) async fn run(session: &Session, command: BrickCommand) -> Result<()> {
    match command {
        BrickCommand::List {
            cluster,
            node,
            device,
            volume,
        } => {
            let client = &session.client;
            let node = match node {
                Some(node) => Some(client.node_id(&node, LIST).await?),
                None => None,
            };
            let device = match device {
                Some(device) => Some(client.device_id(&device, LIST).await?),
                None => None,
            };
            let volume = match volume {
                Some(volume) => Some(client.volume_id(&volume, LIST).await?),
                None => None,
            };
            let filter = [
                ("cluster", cluster.as_deref()),
                ("node", node.as_deref()),
                ("device", device.as_deref()),
                ("volume", volume.as_deref()),
            ];
            list(session, &filter).await
        }
        BrickCommand::Evict { brick, dead } => evict(session, &brick, dead).await,
    }
}

async fn list(session: &Session, filter: Filter<'_>) -> Result<()> {
    let bricks = session.client.bricks(filter, LIST).await?;
    if session.out.is_json() {
        return session.out.json(&BrickPage { bricks, next: None });
    }
    let row = |entry: BrickEntry| {
        let brick = entry.brick;
        vec![
            brick.id,
            brick.volume_name,
            brick.set.to_string(),
            brick.position.to_string(),
            show::size(brick.size),
            format!("{}:{}", entry.host, entry.path),
        ]
    };
    let head = ["ID", "VOLUME", ">SET", ">PLACE", ">SIZE", "DEVICE"];
    session
        .out
        .text(&show::table(&head, bricks.into_iter().map(row).collect()))
}

async fn evict(session: &Session, brick: &str, dead: bool) -> Result<()> {
    let attempt = format!("move the brick {brick}");
    let id = session.client.brick_id(brick, &attempt).await?;
    let accepted = session
        .client
        .post(&format!("/v1/bricks/{id}/evict"), &MoveRequest { dead }, &attempt)
        .await?;
    session
        .follow(
            accepted,
            &attempt,
            format!("Brick {brick} has moved to another device."),
        )
        .await
}

/// Moves the bricks of the device or node at `path`.
pub(super) async fn drain(
    session: &Session,
    path: &str,
    dead: bool,
    attempt: &str,
    done: String,
) -> Result<()> {
    let accepted = session
        .client
        .post(&format!("{path}/drain"), &MoveRequest { dead }, attempt)
        .await?;
    session.follow(accepted, attempt, done).await
}
