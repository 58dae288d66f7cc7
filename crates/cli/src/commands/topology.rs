//! `mortar topology …`

use super::{Session, load};
use crate::args::TopologyCommand;
use crate::error::Result;
use crate::show;

pub(super) async fn run(session: &Session, command: TopologyCommand) -> Result<()> {
    match command {
        TopologyCommand::Load { file } => load::run(session, &file).await,
        TopologyCommand::Show => draw(session).await,
    }
}

async fn draw(session: &Session) -> Result<()> {
    const ATTEMPT: &str = "show the topology";
    if session.out.is_json() {
        return session
            .out
            .wire(&session.client.get("/v1/topology", ATTEMPT).await?);
    }
    session.out.text(&show::topology(
        &session.client.topology(ATTEMPT).await?,
        session.out.paint(),
    ))
}
