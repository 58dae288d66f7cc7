//! `mortar brick …`

use mortar_api::MoveRequest;

use super::Session;
use crate::args::BrickCommand;
use crate::error::Result;

pub(super) async fn run(session: &Session, command: BrickCommand) -> Result<()> {
    match command {
        BrickCommand::Evict { brick, dead } => evict(session, &brick, dead).await,
    }
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
