//! `mortar topology …`

use super::{Session, load};
use crate::args::TopologyCommand;
use crate::client::read;
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
    let body = session.client.get("/v1/topology", ATTEMPT).await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session
        .out
        .text(&show::topology(&read(&body, ATTEMPT)?, session.out.paint()))
}
