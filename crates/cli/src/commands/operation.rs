//! `mortar operation …`

use super::Session;
use crate::args::OperationCommand;
use crate::client::read;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::parse::is_id;
use crate::show;

pub(super) async fn run(session: &Session, command: OperationCommand) -> Result<()> {
    match command {
        OperationCommand::List { open, limit } => list(session, open, limit).await,
        OperationCommand::Info { operation } => info(session, &operation).await,
        OperationCommand::Retry { operation } => retry(session, &operation).await,
        OperationCommand::Cancel { operation } => cancel(session, &operation).await,
        OperationCommand::Abandon { operation } => abandon(session, &operation).await,
    }
}

async fn list(session: &Session, open: bool, limit: u32) -> Result<()> {
    const ATTEMPT: &str = "list operations";
    let only = if open { "&open=true" } else { "" };
    let body = session
        .client
        .get_query("/v1/operations", &format!("?limit={limit}{only}"), ATTEMPT)
        .await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session
        .out
        .text(&show::operations(&read(&body, ATTEMPT)?, session.out.paint()))
}

async fn info(session: &Session, operation: &str) -> Result<()> {
    let attempt = format!("show the operation {operation}");
    check(operation, &attempt)?;
    let body = session
        .client
        .get(&format!("/v1/operations/{operation}"), &attempt)
        .await
        .map_err(known)?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session
        .out
        .text(&show::operation(&read(&body, &attempt)?, session.out.paint()))
}

async fn retry(session: &Session, operation: &str) -> Result<()> {
    let attempt = format!("take up the operation {operation} once more");
    check(operation, &attempt)?;
    let accepted = session
        .client
        .post(&format!("/v1/operations/{operation}/retry"), &(), &attempt)
        .await
        .map_err(known)?;
    session
        .follow(accepted, &attempt, format!("The operation {operation} is done."))
        .await
}

/// Answers when it turns, not when it has come back: the move under way may take long.
async fn cancel(session: &Session, operation: &str) -> Result<()> {
    let attempt = format!("cancel the operation {operation}");
    check(operation, &attempt)?;
    let answer = session
        .client
        .post(&format!("/v1/operations/{operation}/cancel"), &(), &attempt)
        .await
        .map_err(known)?;
    if session.out.is_json() {
        return session.out.wire(&answer.body);
    }
    session.out.line(format!(
        "The operation {operation} turns back; 'mortar operation info {operation}' tells how far it is."
    ))
}

async fn abandon(session: &Session, operation: &str) -> Result<()> {
    let attempt = format!("give up the operation {operation}");
    check(operation, &attempt)?;
    let answer = session
        .client
        .post(&format!("/v1/operations/{operation}/abandon"), &(), &attempt)
        .await
        .map_err(known)?;
    if session.out.is_json() {
        return session.out.wire(&answer.body);
    }
    session.out.text(&show::operation(
        &read(&answer.body, &attempt)?,
        session.out.paint(),
    ))
}

/// The same error; for one that is not known, with where those that are can be seen.
fn known(error: Error) -> Error {
    match error.exit {
        Exit::NotFound => {
            error.advise("see them: 'mortar operation list'; one that ended is forgotten after an hour, a failed move or drain after a week")
        }
        _ => error,
    }
}

fn check(operation: &str, attempt: &str) -> Result<()> {
    if is_id(operation) {
        return Ok(());
    }
    Err(Error::usage(attempt, "that is not an operation's id").advise("see them: 'mortar operation list'"))
}
