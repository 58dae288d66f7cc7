//! One action: the commands of a step, sent where the plan says, and what their report means.

use std::time::Duration;

use mortar_argv::{Batch, Outcome, Report, script};
use mortar_command as command;
use mortar_journal::{Action, Event};
use mortar_model::work::{Facts, Goal, Seen, Thing, Verdict};
use mortar_model::{NodeId, OperationId};
use mortar_plan::{Place, Step};
use tokio::time::Instant;

use crate::drive::wait_or_halt;
use crate::engine::Inner;
use crate::members;
use crate::metrics::{BatchLabels, CommandLabels};
use crate::{away, cure, evict, fence, witness};

/// Carries the action out and answers with its event. `lock` names the operation and step whose lock it takes.
pub(crate) async fn act(inner: &Inner, lock: (OperationId, usize), step: Step, action: Action) -> Event {
    let lock = Lock(lock.0, lock.1);
    match action {
        Action::Do {
            step: number,
            goal,
            seen,
            wait,
        } => {
            let verdict = do_it(inner, &lock, &step, goal, seen.as_ref(), wait).await;
            tell(&step, goal, &verdict);
            Event::Did {
                step: number,
                verdict,
            }
        }
        Action::Look { step: number, wait } => Event::Looked {
            step: number,
            seen: look(inner, &lock, &step, wait).await,
        },
        // The loop of the operation handles these itself.
        Action::Finish | Action::Park => Event::Resume,
    }
}

/// What names the lock on the node: a script of this step whose connection broke may still run there.
pub(crate) struct Lock(OperationId, usize);

impl Lock {
    /// The lock of this operation's step.
    pub(crate) fn of((operation, step): (OperationId, usize)) -> Self {
        Self(operation, step)
    }

    pub(crate) fn on(&self, batch: Batch) -> Batch {
        batch.lock(&format!("{}-{}", self.0, self.1))
    }
}

async fn do_it(
    inner: &Inner,
    lock: &Lock,
    step: &Step,
    goal: Goal,
    seen: Option<&Seen>,
    wait: Duration,
) -> Verdict {
    if pause(inner, wait).await {
        return Verdict::Unknown("the server is stopping".into());
    }
    let (thing, settings) = (&step.thing, &inner.config.settings);
    if let (Thing::Member(spec), Goal::Present) = (thing, goal) {
        return cure::restart(inner, lock, step, spec, seen).await;
    }
    let (verb, batch) = match (goal, seen) {
        (Goal::Present, None) => ("make", command::make(thing, settings)),
        (Goal::Present, Some(seen)) => ("resume", command::resume(thing, settings, seen)),
        (Goal::Absent, _) => ("unmake", command::unmake(thing, settings)),
    };
    if batch.items().is_empty() {
        return Verdict::Done(Facts::None);
    }
    let (nodes, turn) = match &step.place {
        Place::Node(node) => (vec![*node], None),
        Place::Pool(pool, nodes) => (
            away::best_members(inner, *pool, nodes).await,
            inner.gates.enter(*pool).await,
        ),
    };
    let leaves = match (thing, goal) {
        (Thing::Peer(peer), Goal::Absent) => Some(inner.gates.leave(peer.node).await),
        _ => None,
    };
    // The turn may have come long after it was asked for.
    if inner.is_halted() {
        return Verdict::Unknown("the server is stopping".into());
    }
    if let Some(verdict) = evict::before(inner, step, goal).await
        && !matches!(verdict, Verdict::Done(_))
    {
        return verdict;
    }
    let what = format!("{verb} {}", thing.kind());
    let report = send(inner, &step.place, nodes.clone(), &lock.on(batch), &what).await;
    let mut verdict = command::judge(thing, goal, &report);
    if (step.goal, goal) == (Goal::Absent, Goal::Present) && command::is_rejected(thing, &report) {
        // It has not left. That others reject it is not what this operation has done, and is cured when it has ended.
        verdict = Verdict::Done(Facts::None);
    }
    if let Some(batch) = command::amends(thing, goal, &verdict, settings) {
        // What it comes to shows at the next try.
        send(inner, &step.place, nodes, &lock.on(batch), &what).await;
    }
    drop((turn, leaves));
    if let (Thing::Identity(spec), Goal::Present, Verdict::Done(_)) = (thing, goal, &verdict) {
        cure::joined(inner, spec.node).await;
    }
    let verdict = away::confirm(inner, &step.place, verdict).await;
    let verdict = match goal {
        Goal::Present => witness::confirm(inner, step, goal, verdict).await,
        // They were asked before.
        Goal::Absent => verdict,
    };
    members::confirm(inner, step, goal, verdict).await
}

async fn look(inner: &Inner, lock: &Lock, step: &Step, wait: Duration) -> Seen {
    if pause(inner, wait).await {
        return Seen::Unknown("the server is stopping".into());
    }
    match &step.place {
        Place::Node(node) => {
            let batch = lock.on(command::look(&step.thing, &inner.config.settings));
            let what = format!("look at {}", step.thing.kind());
            let report = send(inner, &step.place, vec![*node], &batch, &what).await;
            command::judge_look(&step.thing, &report)
        }
        Place::Pool(_, nodes) => {
            let seen = fence::look(inner, lock, step, nodes).await;
            witness::confirm_seen(inner, step, members::confirm_seen(inner, step, seen).await).await
        }
    }
}

/// Waits; answers whether the program halts.
async fn pause(inner: &Inner, wait: Duration) -> bool {
    if wait.is_zero() {
        inner.is_halted()
    } else {
        wait_or_halt(inner, wait).await
    }
}

fn tell(step: &Step, goal: Goal, verdict: &Verdict) {
    let title = step.thing.title();
    match verdict {
        Verdict::Done(_) => tracing::debug!(thing = %title, ?goal, "step done"),
        Verdict::Failed(failure) => {
            tracing::warn!(thing = %title, ?goal, reason = %failure.reason, "step failed");
        }
        Verdict::Unknown(why) => tracing::warn!(thing = %title, ?goal, %why, "outcome of step unknown"),
    }
}

/// Sends the batch to the first of these nodes that answers, and to no member that leaves its pool. One that is known
/// not to answer is asked for a word first: what it is worth a long wait for is not the same as finding out that it is
/// still away.
pub(crate) async fn send(
    inner: &Inner,
    place: &Place,
    nodes: Vec<NodeId>,
    batch: &Batch,
    what: &str,
) -> Report {
    let mut report = Report::not_run(batch.items().len(), "the pool has no node left to ask");
    for node in nodes {
        let _asked = match place {
            Place::Node(_) => None,
            Place::Pool(..) => Some(inner.gates.ask(node).await),
        };
        // Its removal may have begun while it was waited for.
        if matches!(place, Place::Pool(..)) && inner.landscape().is_node_leaving(node) {
            continue;
        }
        if let Some(why) = away::still_away(inner, node).await {
            report = Report::not_run(batch.items().len(), why);
            continue;
        }
        report = run(inner, node, batch, what).await;
        if !reached(&report) {
            continue;
        }
        if !command::not_served(&report) || may_have_changed(&report) {
            break;
        }
    }
    report
}

/// Whether the batch came to the node: something of it may have run, or an earlier one of the same step is still
/// at work there. Another node must not be asked beside that one.
fn reached(report: &Report) -> bool {
    report
        .broken
        .as_deref()
        .is_none_or(|why| why == script::STILL_RUNNING)
        || report.outcomes.iter().any(|outcome| *outcome != Outcome::NotRun)
}

/// Whether a command before the one that found no glusterd succeeded: the next node must not begin anew.
fn may_have_changed(report: &Report) -> bool {
    report.first_failure().is_some_and(|(index, _)| index > 0)
}

/// Members of a pool in the order in which they are asked; those that leave it are not.
pub(crate) fn healthy_first(inner: &Inner, nodes: &[NodeId]) -> Vec<NodeId> {
    let landscape = inner.landscape();
    let (mut first, last): (Vec<NodeId>, Vec<NodeId>) = nodes
        .iter()
        .filter(|node| !landscape.is_node_leaving(**node))
        .partition(|node| landscape.is_healthy(**node) && landscape.inventory().node(**node).is_some());
    first.extend(last);
    first
}

/// Runs the batch on one node, counts it, and notes when the node cannot be reached or has no glusterd. A batch that
/// came there and whose end is not known says nothing yet: it may have been slow, or waited for another node.
pub(crate) async fn run(inner: &Inner, node: NodeId, batch: &Batch, what: &str) -> Report {
    let host = inner
        .landscape()
        .inventory()
        .node(node)
        .map(|node| node.manage.clone());
    let Some(host) = host else {
        return Report::not_run(batch.items().len(), "the node is not known any more");
    };
    let report = run_on(inner, host.as_str(), batch, what).await;
    if let Some(reason) = report.broken.as_deref().filter(|_| !reached(&report)) {
        inner.note_health(node, false, reason);
    } else if command::glusterd_down(&report) {
        inner.note_health(node, false, "glusterd does not run");
    }
    report
}

/// Runs the batch on a host that need not be a node yet, and counts it.
pub(crate) async fn run_on(inner: &Inner, host: &str, batch: &Batch, what: &str) -> Report {
    let began = Instant::now();
    let report = inner.hosts.run(host, batch).await;
    let took = began.elapsed();
    inner
        .metrics
        .batch_seconds
        .get_or_create(&BatchLabels {
            batch: what.to_owned(),
        })
        .observe(took.as_secs_f64());
    for (item, outcome) in batch.items().iter().zip(&report.outcomes) {
        let result = match outcome {
            Outcome::Ran(output) if output.success() => "ok",
            Outcome::Ran(_) => "failed",
            Outcome::Unknown => "unknown",
            Outcome::Skipped | Outcome::NotRun => continue,
        };
        inner
            .metrics
            .commands
            .get_or_create(&CommandLabels {
                command: item.command.kind(),
                result,
            })
            .inc();
    }
    tracing::debug!(
        host,
        what,
        took_ms = took.as_millis(),
        broken = report.broken.as_deref(),
        "commands ran"
    );
    report
}

/// The answer to a question that changes nothing, or that none came in time.
pub(crate) async fn patiently(inner: &Inner, batch: &Batch, answer: impl Future<Output = Report>) -> Report {
    within(inner.config.patience, batch, answer).await
}

/// The same with a time of its own.
pub(crate) async fn within(
    patience: Duration,
    batch: &Batch,
    answer: impl Future<Output = Report>,
) -> Report {
    tokio::time::timeout(patience, answer)
        .await
        .unwrap_or_else(|_| Report::not_run(batch.items().len(), format!("no answer within {patience:?}")))
}
