//! `mortar explain …`

use super::Session;
use crate::args::ExplainCommand;
use crate::client::read;
use crate::error::Result;
use crate::show;

pub(super) async fn run(session: &Session, command: ExplainCommand) -> Result<()> {
    let ExplainCommand::Volume { volume } = command;
    let attempt = format!("explain the volume {volume}");
    let id = session.client.volume_id(&volume, &attempt).await?;
    session.progress.say("looking at the nodes");
    let body = session
        .client
        .get(&format!("/v1/explain/volumes/{id}"), &attempt)
        .await;
    session.progress.end();
    let body = body?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session
        .out
        .text(&show::explanation(&read(&body, &attempt)?, session.out.paint()))
}
