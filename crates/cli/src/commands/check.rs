//! `mortar check` and `mortar repair`.

use std::time::Duration;

use mortar_api::{CheckAnswer, Operation, Phase, RepairAnswer, RepairRequest, RepairState};

use super::Session;
use crate::args::{CheckArgs, RepairArgs};
use crate::client::read;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show;

/// Between two looks at an operation.
const PAUSE: Duration = Duration::from_millis(200);

/// Ends with [`Exit::Differences`] when something differs.
pub(super) async fn check(session: &Session, arguments: &CheckArgs) -> Result<Exit> {
    const ATTEMPT: &str = "compare the records with the nodes";
    let body = if arguments.last || arguments.takeover {
        session.client.get("/v1/check", ATTEMPT).await?
    } else {
        session.progress.say("asking the nodes");
        let answer = session.client.post("/v1/check", &(), ATTEMPT).await;
        session.progress.end();
        answer?.body
    };
    let answer: CheckAnswer = read(&body, ATTEMPT)?;
    if session.out.is_json() {
        session.out.wire(&body)?;
    } else if arguments.takeover {
        session.out.text(&show::takeover(answer.takeover.as_ref()))?;
    } else {
        session.out.text(&show::check(&answer, session.out.paint()))?;
    }
    Ok(match answer.check {
        Some(check) if !check.clean && !arguments.takeover => Exit::Differences,
        _ => Exit::Done,
    })
}

/// Shows what would be done, or does it and waits for its end.
pub(super) async fn repair(session: &Session, arguments: &RepairArgs) -> Result<Exit> {
    let attempt = if arguments.really {
        "mend what differs"
    } else {
        "show what would mend what differs"
    };
    let request = RepairRequest {
        dry_run: !arguments.really,
        items: (!arguments.item.is_empty()).then(|| arguments.item.clone()),
    };
    session.progress.say("asking the nodes");
    let body = session.client.post("/v1/repair", &request, attempt).await;
    session.progress.end();
    let body = body?.body;
    let answer: RepairAnswer = read(&body, attempt)?;
    if session.out.is_json() {
        session.out.wire(&body)?;
    } else {
        session.out.text(&show::repairs(&answer, session.out.paint()))?;
    }
    if !answer.dry_run && session.progress.waits() {
        let failed = follow(session, &answer, attempt).await?;
        if !failed.is_empty() {
            return Err(Error::new(Exit::Failed, attempt, "not all could be done")
                .with_details(failed)
                .advise("see what is left: 'mortar check'"));
        }
    }
    if answer.not_found.is_empty() {
        return Ok(Exit::Done);
    }
    let obstacle = "some of the ids are not among what differs now";
    Err(Error::new(Exit::NotFound, attempt, obstacle)
        .with_details(answer.not_found)
        .advise("see them: 'mortar check'"))
}

/// Waits for the operations; answers what failed.
async fn follow(session: &Session, answer: &RepairAnswer, attempt: &str) -> Result<Vec<String>> {
    let mut failed = Vec::new();
    for task in &answer.tasks {
        let ids = task.findings.join(", ");
        if task.state == RepairState::Refused {
            failed.push(format!("{ids}: {}", task.reason.as_deref().unwrap_or_default()));
        }
        let Some(operation) = &task.operation else {
            continue;
        };
        let end = rest(session, operation, attempt).await?;
        failed.extend(end.warnings.iter().map(|warning| format!("{ids}: {warning}")));
        let whole = end.phase == Phase::Done && end.warnings.is_empty();
        match &end.attention {
            Some(attention) => failed.push(format!("{ids}: {}", attention.reason)),
            None if end.phase != Phase::Done => {
                failed.push(format!("{ids}: {}", end.error.unwrap_or_default()));
            }
            None => {}
        }
        if whole && !session.out.is_json() {
            session.out.line(format!("done  {ids}"))?;
        }
    }
    Ok(failed)
}

/// The operation when nothing more happens with it by itself.
async fn rest(session: &Session, id: &str, attempt: &str) -> Result<Operation> {
    loop {
        let news = session.client.operation(id, attempt).await;
        let news = news.inspect_err(|_| session.progress.end())?;
        if news.phase.at_rest() {
            session.progress.end();
            return Ok(news);
        }
        session.progress.show(&news);
        tokio::time::sleep(PAUSE).await;
    }
}
