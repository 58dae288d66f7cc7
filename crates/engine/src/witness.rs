//! Bricks that are asked on their own nodes, where what a member of the pool tells of them is not enough.

use futures::future::join_all;
use mortar_argv::Report;
use mortar_command as command;
use mortar_model::NodeId;
use mortar_model::work::{BrickAddress, Goal, Seen, Verdict};
use mortar_plan::{Place, Step};

use crate::away;
use crate::engine::Inner;

/// What was done counts only when the bricks say so too.
pub(crate) async fn confirm(inner: &Inner, step: &Step, goal: Goal, verdict: Verdict) -> Verdict {
    if !matches!(verdict, Verdict::Done(_)) {
        return verdict;
    }
    match hear(inner, step, goal).await {
        Verdict::Done(_) => verdict,
        other => other,
    }
}

/// What is seen counts only when the bricks say so too.
pub(crate) async fn confirm_seen(inner: &Inner, step: &Step, seen: Seen) -> Seen {
    if !matches!(seen, Seen::Present(_)) {
        return seen;
    }
    match hear(inner, step, Goal::Present).await {
        Verdict::Done(_) => seen,
        Verdict::Failed(_) => Seen::Absent,
        Verdict::Unknown(why) => Seen::Unknown(why),
    }
}

/// Asks all of them, then all of them again.
async fn hear(inner: &Inner, step: &Step, goal: Goal) -> Verdict {
    let bricks = command::witnesses(&step.thing, goal);
    let mut rounds = Vec::new();
    for _ in 0..command::WITNESS_ROUNDS {
        let asked = bricks.iter().map(|brick| ask(inner, step, brick));
        rounds.push(join_all(asked).await);
    }
    command::judge_witnesses(&step.thing, goal, &rounds)
}

async fn ask(inner: &Inner, step: &Step, brick: &BrickAddress) -> Report {
    let batch = command::ask_witness(brick, &inner.config.settings);
    match node_of(inner, &step.place, brick) {
        Some(node) => away::ask(inner, node, &batch, "ask a brick itself").await,
        None => Report::not_run(batch.items().len(), "no node of its pool has that name"),
    }
}

fn node_of(inner: &Inner, place: &Place, brick: &BrickAddress) -> Option<NodeId> {
    let Place::Pool(pool, _) = place else { return None };
    let landscape = inner.landscape();
    let node = landscape.inventory().node_by_host(&brick.host)?;
    (node.cluster == *pool).then_some(node.id)
}
