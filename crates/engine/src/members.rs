//! What is deleted stays deleted: no member of the pool may still have a record of it.
//!
//! glusterd refuses to delete a volume while a member is away. But a member that comes back between the begin of that
//! transaction and its check has no part in it (seen with 10.3): it keeps its record, the deletion succeeds, and when
//! members tell each other what they have, the others take the volume over again. So each member is looked at.

use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use mortar_argv::Batch;
use mortar_command as command;
use mortar_model::NodeId;
use mortar_model::work::{Goal, Seen, Verdict};
use mortar_plan::{Place, Step};

use crate::act;
use crate::drive::wait_or_halt;
use crate::engine::Inner;

/// Members that are asked side by side.
const WIDTH: usize = 16;
/// Wait before they are asked again where some have a record and some have none: they are about to tell each other.
const AGREE: Duration = Duration::from_millis(500);

/// A removal that was done is only done when no member has a record.
pub(crate) async fn confirm(inner: &Inner, step: &Step, goal: Goal, verdict: Verdict) -> Verdict {
    match (goal, &verdict) {
        (Goal::Absent, Verdict::Done(_)) => match forgotten(inner, step, true).await {
            Ok(()) => verdict,
            Err(why) => Verdict::Unknown(why),
        },
        _ => verdict,
    }
}

/// What one member does not have may be half there. Where it is to be removed, all members have to say so; else a
/// member that does not answer cannot have learned of it since it was last undone.
pub(crate) async fn confirm_seen(inner: &Inner, step: &Step, seen: Seen) -> Seen {
    if seen != Seen::Absent {
        return seen;
    }
    let removal = step.goal == Goal::Absent;
    match forgotten(inner, step, removal).await {
        Ok(()) => seen,
        Err(why) if removal => Seen::Unknown(why),
        Err(why) => Seen::Partial(why),
    }
}

/// Waits until no member has a record; else says which has one, or (when that must be `sure`) did not answer.
async fn forgotten(inner: &Inner, step: &Step, sure: bool) -> Result<(), String> {
    let (Place::Pool(pool, _), Some(batch)) =
        (&step.place, command::record(&step.thing, &inner.config.settings))
    else {
        return Ok(());
    };
    let begun = Instant::now();
    loop {
        let members: Vec<NodeId> = {
            let landscape = inner.landscape();
            landscape
                .inventory()
                .nodes_of(*pool)
                .map(|node| node.id)
                .collect()
        };
        let answers = ask(inner, members, &batch).await;
        let having = answers.iter().find(|(_, answer)| *answer == Ok(true));
        let without = answers.iter().any(|(_, answer)| *answer == Ok(false));
        let Some((host, _)) = having else {
            let silent = answers.iter().find_map(|(_, answer)| answer.as_ref().err());
            return silent.filter(|_| sure).map_or(Ok(()), |why| Err(why.clone()));
        };
        let why = format!("{host} still has a record of it, from which the others take it over");
        if !without || begun.elapsed() >= inner.config.patience || wait_or_halt(inner, AGREE).await {
            return Err(why);
        }
    }
}

/// Whether each member has a record, by its host name.
async fn ask(inner: &Inner, members: Vec<NodeId>, batch: &Batch) -> Vec<(String, Result<bool, String>)> {
    let questions = members
        .into_iter()
        .map(|node| ask_one(inner, node, batch).boxed());
    stream::iter(questions).buffer_unordered(WIDTH).collect().await
}

async fn ask_one(inner: &Inner, node: NodeId, batch: &Batch) -> (String, Result<bool, String>) {
    let answer = act::run(inner, node, batch, "look for a record");
    let report = act::patiently(inner, batch, answer).await;
    let landscape = inner.landscape();
    let host = landscape
        .inventory()
        .node(node)
        .map(|node| node.manage.to_string());
    let has = command::judge_record(&report).map_err(|error| error.to_string());
    (host.unwrap_or_default(), has)
}
