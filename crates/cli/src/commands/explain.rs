//! `mortar explain …`

use serde::de::DeserializeOwned;

use super::Session;
use crate::args::ExplainCommand;
use crate::client::read;
use crate::error::{Error, Result};
use crate::show::{self, Paint};

pub(super) async fn run(session: &Session, command: ExplainCommand) -> Result<()> {
    match command {
        ExplainCommand::Volume { volume } => explain_volume(session, &volume).await,
        ExplainCommand::Block { block } => explain_block(session, &block).await,
        ExplainCommand::Pvc { claim } => explain_claim(session, &claim).await,
        ExplainCommand::Slashed(words) => match slashed(&words) {
            Some(("volume", volume)) => explain_volume(session, volume).await,
            Some(("block", block)) => explain_block(session, block).await,
            Some(("pvc" | "persistentvolumeclaim", claim)) => explain_claim(session, claim).await,
            _ => Err(Error::usage(
                "explain something",
                format!("{} is nothing that can be explained", words.join(" ")),
            )
            .advise("write 'volume NAME', 'block NAME', or 'pvc/NAMESPACE/NAME' for a claim of Kubernetes")),
        },
    }
}

/// `KIND/NAME`, alone.
fn slashed(words: &[String]) -> Option<(&str, &str)> {
    match words {
        [word] => word.split_once('/'),
        _ => None,
    }
}

async fn explain_volume(session: &Session, volume: &str) -> Result<()> {
    let attempt = format!("explain the volume {volume}");
    let id = session.client.volume_id(volume, &attempt).await?;
    explain(session, &format!("volumes/{id}"), show::explanation, &attempt).await
}

async fn explain_block(session: &Session, block: &str) -> Result<()> {
    let attempt = format!("explain the block volume {block}");
    let id = session.client.block_id(block, &attempt).await?;
    let path = format!("block-volumes/{id}");
    explain(session, &path, show::block_explanation, &attempt).await
}

async fn explain_claim(session: &Session, claim: &str) -> Result<()> {
    let attempt = format!("explain the claim {claim}");
    let Some((namespace, name)) = claim.split_once('/') else {
        return Err(Error::usage(&attempt, "its namespace is missing").advise("write NAMESPACE/NAME"));
    };
    let id = session.client.claimed_volume(namespace, name, &attempt).await?;
    explain(session, &format!("volumes/{id}"), show::explanation, &attempt).await
}

async fn explain<C: DeserializeOwned>(
    session: &Session,
    path: &str,
    drawn: fn(&C, Paint) -> String,
    attempt: &str,
) -> Result<()> {
    session.progress.say("looking at the nodes");
    let body = session.client.get(&format!("/v1/explain/{path}"), attempt).await;
    session.progress.end();
    let body = body?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session
        .out
        .text(&drawn(&read(&body, attempt)?, session.out.paint()))
}
