//! `mortar rebuild`

use mortar_api::{FOUND_UNRESTORED, RebuildAnswer, RebuildRequest};

use super::Session;
use crate::args::RebuildArgs;
use crate::client::read;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show;

/// Shows what was restored. That something was not is an error after that.
pub(super) async fn run(session: &Session, arguments: RebuildArgs) -> Result<()> {
    const ATTEMPT: &str = "restore the records from the nodes";
    let request = RebuildRequest {
        nodes: arguments.node,
        dry_run: arguments.dry_run,
    };
    session.progress.say("asking the nodes");
    let answer = session
        .client
        .post_patiently("/v1/rebuild", &request, ATTEMPT)
        .await;
    session.progress.end();
    let body = answer?.body;
    let answer: RebuildAnswer = read(&body, ATTEMPT)?;
    if session.out.is_json() {
        session.out.wire(&body)?;
    } else {
        session.out.text(&show::rebuild(&answer, session.out.paint()))?;
    }
    left(&answer, ATTEMPT)
}

fn left(answer: &RebuildAnswer, attempt: &str) -> Result<()> {
    let unrestored = answer
        .found
        .iter()
        .filter(|found| found.kind == FOUND_UNRESTORED)
        .count();
    if answer.restored.clusters.is_empty() {
        return Err(Error::new(
            Exit::NotFound,
            attempt,
            "nothing that could be restored was found there",
        )
        .advise("name nodes that answer and on which Mortar made volumes, one of each trusted pool"));
    }
    if unrestored > 0 {
        return Err(Error::new(
            Exit::NeedsAttention,
            attempt,
            format!("{unrestored} things of Mortar's were not restored; the rest was"),
        )
        .advise(
            "mend what is said of each; to restore them too, stop the server, move its store away, and rebuild again",
        ));
    }
    Ok(())
}
