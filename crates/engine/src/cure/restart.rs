//! The step of a cure: done while nobody changes the pool, and only if all is still as it was decided.

use std::collections::BTreeMap;
use std::time::Duration;

use mortar_argv::{Batch, Command, script};
use mortar_command as command;
use mortar_journal::Mark;
use mortar_model::work::{Failure, FailureKind, Goal, MemberSpec, Seen, Verdict};
use mortar_model::{ClusterId, NodeId, VolumeName};
use mortar_plan::cure::{self, Ailment, Recorded, Word};
use mortar_plan::{Place, Step, Subject};
use tokio::time::Instant;

use super::begin::TURN;
use super::words;
use crate::act::{self, Lock};
use crate::away;
use crate::drive::wait_or_halt;
use crate::engine::Inner;

/// How long members take to tell each other what they have after one was started, with time to spare.
const AGREES: Duration = Duration::from_secs(20);
/// Wait before they are asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Longest wait for a node to say whether a script of ours still runs there.
const SCRIPT: Duration = Duration::from_secs(1);

/// Starts the member's glusterd anew. What has begun goes on, whatever the others say now.
pub(crate) async fn restart(
    inner: &Inner,
    lock: &Lock,
    step: &Step,
    spec: &MemberSpec,
    seen: Option<&Seen>,
) -> Verdict {
    let Some(cluster) = inner
        .landscape()
        .inventory()
        .node(spec.node)
        .map(|node| node.cluster)
    else {
        return failed(FailureKind::Refused, "the node is not known any more");
    };
    // One that hangs may be what all others wait for.
    let turn = if spec.hangs {
        None
    } else if let Some(kept) = inner.gates.kept(spec.node) {
        Some(kept)
    } else {
        match tokio::time::timeout(TURN, inner.gates.alone(cluster)).await {
            Ok(turn) => turn,
            // Whoever watches begins anew, on what is so then.
            Err(_) => return failed(FailureKind::Refused, "changes of the pool are under way"),
        }
    };
    if inner.is_halted() {
        return Verdict::Unknown("the server is stopping".into());
    }
    let has_begun = matches!(seen, Some(Seen::Partial(_)));
    if !has_begun && let Err(failure) = still(inner, cluster, spec).await {
        return Verdict::Failed(failure);
    }
    let batch = lock.on(command::make(&step.thing, &inner.config.settings));
    let report = act::send(inner, &step.place, vec![spec.node], &batch, "cure member").await;
    let verdict = command::judge(&step.thing, Goal::Present, &report);
    if matches!(verdict, Verdict::Done(_)) {
        // What members tell each other now, nobody changes meanwhile.
        agrees(inner, cluster, spec.node, |volume| {
            spec.records.iter().any(|record| record.name == *volume)
        })
        .await;
        drop(turn);
        inner.note_health(spec.node, true, "");
        inner.wake(spec.node, cluster);
    }
    verdict
}

/// A new machine has joined its pool in a node's place: waits until it has learned of the volumes from the others, and takes up what
/// waits for the node.
pub(crate) async fn joined(inner: &Inner, node: NodeId) {
    let cluster = inner.landscape().inventory().node(node).map(|node| node.cluster);
    let Some(cluster) = cluster else { return };
    agrees(inner, cluster, node, |_| true).await;
    inner.note_health(node, true, "");
    inner.wake(node, cluster);
}

/// Waits until the member says what most say of these volumes. One that does not come to that is found ill again, and looked at anew.
async fn agrees(inner: &Inner, cluster: ClusterId, node: NodeId, counts: impl Fn(&VolumeName) -> bool) {
    let begun = Instant::now();
    loop {
        let differs = cure::differing(&words::ask(inner, cluster).await, node);
        let Some(volume) = differs.keys().find(|volume| counts(volume)) else {
            return;
        };
        if begun.elapsed() > AGREES || wait_or_halt(inner, ASK_AGAIN).await {
            tracing::warn!(%node, %volume, "glusterd was started anew and still differs");
            return;
        }
    }
}

fn failed(kind: FailureKind, reason: &str) -> Verdict {
    Verdict::Failed(failure(kind, reason))
}

fn failure(kind: FailureKind, reason: impl Into<String>) -> Failure {
    Failure {
        kind,
        reason: reason.into(),
    }
}

/// Whether the member is ill as it was, against the same majority.
async fn still(inner: &Inner, cluster: ClusterId, spec: &MemberSpec) -> Result<(), Failure> {
    let words = words::ask(inner, cluster).await;
    let all = cure::ailments(&words);
    let Some(ailment) = all.get(&spec.node) else {
        return Err(failure(FailureKind::Refused, "it is well again by itself"));
    };
    if spec.hangs {
        return match ailment {
            Ailment::Hangs => Ok(()),
            _ => Err(failure(FailureKind::Refused, "it answers again by itself")),
        };
    }
    if let Ailment::Unstored(_) = ailment
        && spec.records.is_empty()
    {
        return Ok(());
    }
    hears_nothing_wrong(inner, spec.node, &words).await?;
    let differs = cure::differing(&words, spec.node);
    let decided: BTreeMap<_, _> = spec
        .records
        .iter()
        .map(|record| (record.name.clone(), (record.said.clone(), record.right.clone())))
        .collect();
    let readable = decided
        .iter()
        .filter(|(_, (said, _))| said.as_deref() != Some(""));
    if let Some((name, _)) = readable
        .clone()
        .find(|(name, both)| differs.get(*name) != Some(*both))
    {
        let why = format!("volume {name} has changed meanwhile");
        return Err(failure(FailureKind::Refused, why));
    }
    // Of what is not proven, nothing may come to the others when they meet.
    if let Some((name, _)) = differs.iter().find(|(name, _)| !decided.contains_key(*name)) {
        let why = format!("it differs in volume {name} as well");
        return Err(failure(FailureKind::Refused, why));
    }
    quiet(inner, cluster, spec).await
}

/// Whether what other members that differ would tell it is older than what most have, or of the same version: then it
/// takes over nothing from them.
async fn hears_nothing_wrong(inner: &Inner, node: NodeId, words: &[(NodeId, Word)]) -> Result<(), Failure> {
    let busy = |why: String| failure(FailureKind::Busy, why);
    let heard = cure::heard(words, node).map_err(busy)?;
    for (other, name, _) in heard {
        let names = std::slice::from_ref(&name);
        let differs = cure::differing(words, other);
        let speaker = cure::speaker(words, other, &differs)
            .ok_or_else(|| busy(format!("nobody says of volume {name} what most members say")))?;
        let theirs = words::recorded(inner, other, names).await.map_err(busy)?;
        let right = words::recorded(inner, speaker, names).await.map_err(busy)?;
        let version =
            |records: &BTreeMap<VolumeName, Recorded>| records.get(&name).map(|record| record.version);
        if version(&theirs) > version(&right) {
            let why = format!("it would hear of a newer volume {name} from another one");
            return Err(busy(why));
        }
    }
    Ok(())
}

/// Whether no script that may change one of these volumes goes on somewhere after its connection broke.
async fn quiet(inner: &Inner, cluster: ClusterId, spec: &MemberSpec) -> Result<(), Failure> {
    let names = spec.records.iter().map(|record| &record.name);
    for (lock, nodes) in in_doubt(inner, cluster, names) {
        let word = lock.on(Batch::new().ask(Command::new("true").limit(SCRIPT)));
        for node in nodes {
            let report = away::ask(inner, node, &word, "ask whether a script still runs").await;
            if report.broken.as_deref() == Some(script::STILL_RUNNING) {
                return Err(failure(FailureKind::Busy, script::STILL_RUNNING));
            }
        }
    }
    Ok(())
}

/// Locks of steps whose outcome is not known, of operations that hold one of these volumes, with the nodes that may have
/// been asked.
fn in_doubt<'a>(
    inner: &Inner,
    cluster: ClusterId,
    names: impl Iterator<Item = &'a VolumeName>,
) -> Vec<(Lock, Vec<NodeId>)> {
    let holders: Vec<_> = {
        let landscape = inner.landscape();
        let holder = |name: &VolumeName| {
            let made = landscape
                .volume_to_come(cluster, name)
                .map(|(operation, _)| operation);
            let volume = landscape.inventory().volume_by_name(cluster, name);
            made.or_else(|| landscape.name_leaving(cluster, name))
                .or_else(|| landscape.holder(Subject::Volume(volume?.id)))
        };
        names.filter_map(holder).collect()
    };
    let open = inner.operations();
    let operations = holders
        .iter()
        .filter_map(|id| open.open.get(id))
        .map(|handle| handle.snapshot());
    let steps = operations.flat_map(|operation| {
        let touched = operation.plan.steps().enumerate().zip(&operation.steps);
        let touched = touched.filter(|(_, state)| matches!(state.mark, Mark::Touched | Mark::Deferred));
        let steps: Vec<_> = touched
            .filter_map(|((number, (_, step)), _)| match &step.place {
                Place::Pool(_, nodes) => Some((Lock::of(operation.lock_of(number)), nodes.clone())),
                Place::Node(_) => None,
            })
            .collect();
        steps
    });
    steps.collect()
}
