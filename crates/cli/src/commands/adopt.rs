//! `mortar adopt`

use mortar_api::{ADOPT_LIMITED, ADOPT_NOT, ADOPT_UNDERSTOOD, AdoptAnswer, AdoptRequest, AdoptVolume};

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
    if let Some(names) = nowhere(answer).filter(|names| names.len() == not) {
        let obstacle = format!(
            "there is no volume {} in the pools of these nodes",
            names.join(" and no volume ")
        );
        return Err(Error::new(Exit::NotFound, attempt, obstacle)
            .advise("see what there is: the same command without --volume"));
    }
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

/// The volumes that were asked for by name and are in no pool. `None` when there are none, or a node was not heard that may know them.
fn nowhere(answer: &AdoptAnswer) -> Option<Vec<&str>> {
    let all_heard = answer.asked.iter().all(|host| host.silent.is_none());
    // Of what is nowhere there is no kind to tell.
    let nowhere = |volume: &&AdoptVolume| volume.understanding == ADOPT_NOT && volume.kind.is_empty();
    let names: Vec<&str> = answer
        .volumes
        .iter()
        .filter(nowhere)
        .map(|volume| volume.name.as_str())
        .collect();
    (all_heard && !names.is_empty()).then_some(names)
}
