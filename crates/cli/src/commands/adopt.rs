//! `mortar adopt`

use mortar_api::{ADOPT_LIMITED, ADOPT_NOT, ADOPT_UNDERSTOOD, AdoptAnswer, AdoptRequest};

use super::Session;
use crate::args::AdoptArgs;
use crate::client::read;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show;

/// Shows what is understood, or adopts it. That some of it is not is an error after that.
pub(super) async fn run(session: &Session, arguments: AdoptArgs) -> Result<()> {
    let attempt = if arguments.really {
        "take volumes under management"
    } else {
        "show what would be taken under management"
    };
    let request = AdoptRequest {
        nodes: arguments.node,
        volumes: (!arguments.volume.is_empty()).then_some(arguments.volume),
        dry_run: !arguments.really,
    };
    session.progress.say("asking the nodes");
    let answer = session
        .client
        .post_patiently("/v1/adopt", &request, attempt)
        .await;
    session.progress.end();
    let body = answer?.body;
    let answer: AdoptAnswer = read(&body, attempt)?;
    if session.out.is_json() {
        session.out.wire(&body)?;
    } else {
        session.out.text(&show::adopt(&answer, session.out.paint()))?;
    }
    left(&answer, attempt)
}

fn left(answer: &AdoptAnswer, attempt: &str) -> Result<()> {
    let count = |wanted: &[&str]| {
        let volumes = answer.volumes.iter();
        volumes
            .filter(|volume| wanted.contains(&volume.understanding.as_str()))
            .count()
    };
    let not = count(&[ADOPT_NOT]);
    if not > 0 {
        let what = if not == 1 {
            "1 volume was"
        } else {
            &format!("{not} volumes were")
        };
        return Err(Error::new(
            Exit::NeedsAttention,
            attempt,
            format!("{what} not understood and left alone"),
        )
        .advise("mend what is said of each and adopt again: what is adopted already is left as it is"));
    }
    if count(&[ADOPT_UNDERSTOOD, ADOPT_LIMITED]) == 0 {
        return Err(Error::new(Exit::NotFound, attempt, "no volume that could be adopted was found there")
            .advise("name a node of each trusted pool that has volumes; those under management already are not adopted again"));
    }
    Ok(())
}
