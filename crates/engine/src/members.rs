//! What is deleted stays deleted: no member of the pool may still have a record of it.
//!
//! glusterd refuses to delete a volume while a member is away. But a member that comes back between the begin of that
//! transaction and its check has no part in it (seen with 10.3): it keeps its record, the deletion succeeds, and when
//! members tell each other what they have, the others take the volume over again. And one that started a moment ago may
//! be about to write down what it heard before the deletion. So each member is looked at, and such a one for a while. It is the same
//! with a node that is not to be a member: one that has just come back may not have heard of it, and another knows it.
//!
//! The other way round, a node has joined when the members reach it, and not when the one that was asked says so.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use futures::stream::{self, StreamExt as _};
use mortar_argv::{Batch, Report};
use mortar_command::{self as command, Knows};
use mortar_model::NodeId;
use mortar_model::work::{Failure, FailureKind, Goal, Seen, Thing, Verdict};
use mortar_plan::{Place, Step};
use tokio::time::Instant;

use crate::away;
use crate::drive::wait_or_halt;
use crate::engine::Inner;

/// Members that are asked side by side.
const WIDTH: usize = 16;
/// Most members that are asked whether something that is to be made is there already. Each tells of the whole pool, so that asking all
/// members of a large one for each node that joins would cost the cube of their number.
const MOST_ASKED: usize = 32;
/// Wait before they are asked again where some have a record and some have none: they are about to tell each other.
const AGREE: Duration = Duration::from_millis(500);

/// Longest wait until members reach a node that has joined: glusterd tries every three seconds.
const REACH: Duration = Duration::from_secs(7);

/// What a member knows, or why that is not known.
type Answer = Result<Knows, String>;

/// Why it is not known that no member has a record.
enum Doubt {
    /// One has.
    Has(String),
    /// One did not answer.
    Silent(String),
}

/// A removal that was done is only done when no member has a record. One that is away is asked when it is back. And a node has
/// joined when others than the one that was asked reach it.
pub(crate) async fn confirm(inner: &Inner, step: &Step, goal: Goal, verdict: Verdict) -> Verdict {
    match (goal, &verdict) {
        (Goal::Present, Verdict::Done(_)) => reached(inner, step, verdict).await,
        (Goal::Absent, Verdict::Done(_)) => match forgotten(inner, step, true).await {
            Ok(()) => verdict,
            Err(Doubt::Has(why)) => Verdict::Unknown(why),
            Err(Doubt::Silent(reason)) => Verdict::Failed(Failure {
                kind: FailureKind::Away,
                reason,
            }),
        },
        _ => verdict,
    }
}

/// Waits until members reach a node that has joined. One that does not yet refuses a volume with bricks there, when others have
/// marked theirs already: these are "part of a volume" from then on (seen with 10.3). Of a large pool some are asked; what still is
/// not connected in the end shows when it is needed.
async fn reached(inner: &Inner, step: &Step, verdict: Verdict) -> Verdict {
    let (Thing::Peer(peer), Place::Pool(pool, _)) = (&step.thing, &step.place) else {
        return verdict;
    };
    let Some(batch) = command::record(&step.thing, &inner.config.settings) else {
        return verdict;
    };
    let members: Vec<NodeId> = {
        let landscape = inner.landscape();
        let nodes = landscape.inventory().nodes_of(*pool).map(|node| node.id);
        let others = nodes.filter(|node| *node != peer.node && landscape.is_healthy(*node));
        others.take(WIDTH).collect()
    };
    let begun = Instant::now();
    loop {
        let asked = members
            .iter()
            .map(|node| away::ask(inner, *node, &batch, "look for a peer"));
        let reports = join_all(asked).await;
        let apart = |report: &Report| report.broken.is_none() && !command::is_connected(&step.thing, report);
        if !reports.iter().any(apart) || begun.elapsed() >= REACH || wait_or_halt(inner, AGREE).await {
            return verdict;
        }
    }
}

/// What one member does not have may be half there. Where it is to be removed, all members have to say so; else most:
/// one that does not answer cannot have learned of it since it was last undone.
pub(crate) async fn confirm_seen(inner: &Inner, step: &Step, seen: Seen) -> Seen {
    if seen != Seen::Absent {
        return seen;
    }
    if let Thing::AddedBricks(_) = step.thing {
        return confirm_none_added(inner, step, seen).await;
    }
    let removal = step.goal == Goal::Absent;
    match forgotten(inner, step, removal).await {
        Ok(()) => seen,
        Err(Doubt::Silent(why)) => Seen::Away(why),
        Err(Doubt::Has(why)) if removal => Seen::Unknown(why),
        Err(Doubt::Has(why)) => Seen::Partial(why),
    }
}

/// Bricks that one member does not have another may have all the same, and have started: what the member that was asked for
/// them had not stored when it was lost, the others keep in mind (seen with 10.3).
async fn confirm_none_added(inner: &Inner, step: &Step, seen: Seen) -> Seen {
    let Place::Pool(pool, _) = &step.place else {
        return seen;
    };
    let batch = command::look(&step.thing, &inner.config.settings);
    let members: Vec<NodeId> = {
        let landscape = inner.landscape();
        let nodes = landscape.inventory().nodes_of(*pool);
        nodes
            .filter(|node| landscape.is_healthy(node.id))
            .map(|node| node.id)
            .collect()
    };
    for node in members {
        let report = away::ask(inner, node, &batch, "look at added bricks").await;
        if let Seen::Present(_) | Seen::Partial(_) = command::judge_look(&step.thing, &report) {
            let host = inner
                .landscape()
                .inventory()
                .node(node)
                .map(|node| node.manage.to_string());
            return Seen::Unknown(format!(
                "{} has them and others do not: it has to be started anew",
                host.unwrap_or_default()
            ));
        }
    }
    seen
}

/// Waits until no member has a record; else says which has one, or (when that must be `sure`) did not answer.
async fn forgotten(inner: &Inner, step: &Step, sure: bool) -> Result<(), Doubt> {
    let (Place::Pool(pool, _), Some(batch)) =
        (&step.place, command::record(&step.thing, &inner.config.settings))
    else {
        return Ok(());
    };
    // Who is made to leave whatever others say leaves those that are away as well.
    let (leaves, sure) = match &step.thing {
        Thing::Peer(peer) => (Some(peer.node), sure && !peer.force),
        _ => (None, sure),
    };
    let begun = Instant::now();
    loop {
        let members: Vec<NodeId> = {
            let landscape = inner.landscape();
            let nodes = landscape.inventory().nodes_of(*pool).map(|node| node.id);
            let members = nodes.filter(|node| Some(*node) != leaves).collect();
            if step.goal == Goal::Absent {
                members
            } else {
                some_of(members)
            }
        };
        let answers = ask(inner, &step.thing, members, &batch).await;
        let (known, settled) = known(&answers, sure);
        if settled || begun.elapsed() >= inner.config.patience || wait_or_halt(inner, AGREE).await {
            return known;
        }
    }
}

/// Members from all over the pool, and the same ones each time.
fn some_of(members: Vec<NodeId>) -> Vec<NodeId> {
    let apart = members.len().div_ceil(MOST_ASKED).max(1);
    members.into_iter().step_by(apart).collect()
}

/// What the answers say now, and whether they will still say it in a while.
fn known(answers: &[(String, Answer)], sure: bool) -> (Result<(), Doubt>, bool) {
    let saying = |knows: Knows| answers.iter().find(|(_, answer)| *answer == Ok(knows));
    let young = saying(Knows::NotYet).is_some();
    if let Some((host, _)) = saying(Knows::Yes) {
        let why = format!(
            "{host} still has a record of it, from which the others take it over (when that stays so, restart \
             glusterd there)"
        );
        return (Err(Doubt::Has(why)), !young && saying(Knows::No).is_none());
    }
    let silent = answers.iter().filter(|_| sure).find_map(|(host, answer)| {
        let why = answer.as_ref().err()?;
        Some(format!("whether {host} has forgotten it is not known: {why}"))
    });
    let silent = silent.or_else(|| too_few(answers));
    (silent.map_or(Ok(()), |why| Err(Doubt::Silent(why))), !young)
}

/// One that does not know of it may have missed that it was made: most members have to say so.
fn too_few(answers: &[(String, Answer)]) -> Option<String> {
    let told = answers.iter().filter(|(_, answer)| answer.is_ok()).count();
    let few = told * 2 <= answers.len();
    few.then(|| {
        format!(
            "only {told} of {} members can be asked whether they know of it",
            answers.len()
        )
    })
}

/// Whether each member has a record, by its host name.
async fn ask(inner: &Inner, thing: &Thing, members: Vec<NodeId>, batch: &Batch) -> Vec<(String, Answer)> {
    let questions = members
        .into_iter()
        .map(|node| ask_one(inner, thing, node, batch).boxed());
    stream::iter(questions).buffer_unordered(WIDTH).collect().await
}

async fn ask_one(inner: &Inner, thing: &Thing, node: NodeId, batch: &Batch) -> (String, Answer) {
    let report = away::ask(inner, node, batch, "look for a record").await;
    let landscape = inner.landscape();
    let host = landscape
        .inventory()
        .node(node)
        .map(|node| node.manage.to_string());
    let knows = command::judge_record(thing, &report).map_err(|error| error.to_string());
    (host.unwrap_or_default(), knows)
}
