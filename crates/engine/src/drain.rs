//! Devices that are emptied: their bricks move one after the other, each by an operation of its own.
//!
//! The drain itself does nothing on any node. It starts the next move when the last one is at its end, tells how far that
//! is, and remembers which bricks could not move and why. After a restart it finds the move that is under way by the
//! volume that it holds; a brick that could not move is tried once more then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mortar_journal::{Action, Event, Outcome, Phase};
use mortar_model::work::{BricksSpec, Facts, Failure, FailureKind, Goal, Seen, Thing, Verdict};
use mortar_model::{BrickId, DeviceId, NodeId, OperationId, OperationKind, VolumeName};
use mortar_plan::{Change, Plan, Refusal, Step, Subject};

use crate::drive::wait_or_halt;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::submit::OperationState;

/// How long one look at a move waits for its end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bricks that are named; the others are counted.
const MOST_NAMED: usize = 16;

/// What a drain remembers while the program runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain {
    /// The move that is under way, and its brick.
    mover: Option<(OperationId, BrickId)>,
    /// Bricks that could not move, and why.
    stuck: BTreeMap<BrickId, String>,
}

impl Engine {
    /// Moves all bricks of a device to others; done, the device is `failed`. With `dead`, the bricks need not run.
    ///
    /// # Errors
    /// The device is unknown or being changed.
    pub async fn drain_device(&self, id: DeviceId, dead: bool) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::DrainDevice, |landscape, _| {
            mortar_plan::drain_device(landscape, id, dead)
        })
        .await
    }

    /// Moves all bricks of a node's devices to others; done, the node is `failed`. With `dead`, it need not answer.
    ///
    /// # Errors
    /// The node is unknown, or it or a device of it is being changed.
    pub async fn drain_node(&self, id: NodeId, dead: bool) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::DrainNode, |landscape, _| {
            mortar_plan::drain_node(landscape, id, dead)
        })
        .await
    }

    /// Turns back an operation that moves bricks, as far as there is a way back: a drain moves no more of them, and the
    /// move that is under way comes to its end. Answers whether it turns.
    pub fn cancel(&self, id: OperationId) -> bool {
        let handle = self.inner.operations().open.get(&id).cloned();
        handle.is_some_and(|handle| handle.cancel())
    }
}

/// Carries the action of a drain out and answers with its event.
pub(crate) async fn act(inner: Arc<Inner>, id: OperationId, step: Step, action: Action) -> Event {
    let engine = Engine { inner };
    let Thing::Bricks(spec) = &step.thing else {
        return Event::Resume;
    };
    match action {
        Action::Do { step, goal, wait, .. } => {
            let halted = rest(&engine, id, spec, wait).await;
            let verdict = match goal {
                _ if halted || engine.inner.is_halted() => Verdict::Unknown("the server is stopping".into()),
                Goal::Absent => advance(&engine, id, spec).await,
                Goal::Present => settled(&engine, id, spec).await,
            };
            Event::Did { step, verdict }
        }
        Action::Look { step, wait } => {
            rest(&engine, id, spec, wait).await;
            let seen = if left(&engine, spec).is_empty() && !coming(&engine, spec) {
                Seen::Absent
            } else {
                Seen::Partial("bricks are left".into())
            };
            Event::Looked { step, seen }
        }
        Action::Finish | Action::Park => Event::Resume,
    }
}

/// Waits, and no longer than until the move under way is at its end. Answers whether the program halts.
async fn rest(engine: &Engine, id: OperationId, spec: &BricksSpec, wait: Duration) -> bool {
    if wait.is_zero() {
        return engine.inner.is_halted();
    }
    let Some((mover, _)) = mover(engine, id, spec) else {
        return wait_or_halt(&engine.inner, wait).await;
    };
    // In order, so that the same history goes the same way when it is played again.
    tokio::select! {
        biased;
        halted = wait_or_halt(&engine.inner, wait) => halted,
        () = ends(engine, mover) => engine.inner.is_halted(),
    }
}

/// Returns once an operation has ended; not while it needs attention, however often it is taken up.
async fn ends(engine: &Engine, id: OperationId) {
    while let Some(OperationState::Open(operation)) = engine.wait(id, PATIENCE).await {
        if operation.needs_attention() {
            std::future::pending::<()>().await;
        }
    }
}

/// One step further: the move under way is looked at, or the next one begun, the moment the last one is at its end.
async fn advance(engine: &Engine, id: OperationId, spec: &BricksSpec) -> Verdict {
    if let Some((mover, brick)) = mover(engine, id, spec)
        && let Some(far) = follow(engine, id, spec, mover, brick).await
    {
        return far;
    }
    let left = left(engine, spec);
    if is_turned(engine, id) {
        return underway(left.len(), "no more of them are moved");
    }
    let stuck = remembered(engine, id).stuck;
    let mut busy = None;
    for (brick, volume) in left.iter().filter(|(brick, _)| !stuck.contains_key(brick)) {
        match engine.evict_brick(*brick, spec.dead).await {
            Ok(mover) => {
                remember(engine, id, |drain| drain.mover = Some((mover, *brick)));
                return underway(
                    left.len(),
                    &format!("operation {mover} moves brick {brick} of volume {volume}"),
                );
            }
            // It goes on after the next start.
            Err(error @ EngineError::Stopping) => return underway(left.len(), &error.to_string()),
            Err(EngineError::Refused(refusal @ Refusal::Busy(..))) => busy = Some(refusal.to_string()),
            Err(EngineError::Refused(refusal)) => {
                let why = format!("volume {volume}: {refusal}");
                remember(engine, id, |drain| {
                    drain.stuck.insert(*brick, why);
                });
            }
            Err(error) => busy = Some(error.to_string()),
        }
    }
    ended(engine, id, spec, busy)
}

/// Whether the drain was cancelled while it followed a move.
fn is_turned(engine: &Engine, id: OperationId) -> bool {
    let Some(OperationState::Open(operation)) = engine.operation(id) else {
        return false;
    };
    matches!(operation.phase, Phase::Back { .. })
}

/// Nothing more can be begun now.
fn ended(engine: &Engine, id: OperationId, spec: &BricksSpec, busy: Option<String>) -> Verdict {
    let left = left(engine, spec);
    if let Some(reason) = busy {
        let kind = FailureKind::Busy;
        return Verdict::Failed(Failure { kind, reason });
    }
    if left.is_empty() && coming(engine, spec) {
        return underway(0, "another operation makes bricks there");
    }
    if left.is_empty() {
        forget(engine, id);
        return Verdict::Done(Facts::None);
    }
    let stuck = remembered(engine, id).stuck;
    forget(engine, id);
    let reasons = left.iter().take(MOST_NAMED).map(|(brick, volume)| {
        let why = stuck.get(brick).map_or("it came meanwhile", String::as_str);
        format!("brick {brick} of volume {volume} cannot move: {why}")
    });
    let mut reason = reasons.collect::<Vec<_>>().join("\n");
    if left.len() > MOST_NAMED {
        reason.push_str(&format!("\n{} more bricks cannot move", left.len() - MOST_NAMED));
    }
    let kind = FailureKind::Refused;
    Verdict::Failed(Failure { kind, reason })
}

/// On the way back nothing more is moved, and the move under way comes to its end.
async fn settled(engine: &Engine, id: OperationId, spec: &BricksSpec) -> Verdict {
    if let Some((mover, brick)) = mover(engine, id, spec)
        && let Some(far) = follow(engine, id, spec, mover, brick).await
    {
        return far;
    }
    forget(engine, id);
    Verdict::Done(Facts::None)
}

/// How far the move is; none when it is at its end. One that has failed keeps its brick where it is.
async fn follow(
    engine: &Engine,
    id: OperationId,
    spec: &BricksSpec,
    mover: OperationId,
    brick: BrickId,
) -> Option<Verdict> {
    match engine.wait(mover, PATIENCE).await {
        Some(OperationState::Open(operation)) => {
            let far = match &operation.phase {
                Phase::Attention { reason, .. } => format!("it needs attention: {reason}"),
                _ => {
                    let mut troubles = operation.left().filter_map(|(_, state)| state.trouble.clone());
                    troubles.next().unwrap_or_else(|| "under way".into())
                }
            };
            let many = left(engine, spec).len();
            let what = format!("operation {mover} moves brick {brick}: {far}");
            return Some(underway(many, &what));
        }
        Some(OperationState::Ended(ended)) => {
            remember(engine, id, |drain| {
                drain.mover = None;
                if let Outcome::Failed { reason } = ended.outcome {
                    drain.stuck.insert(brick, reason);
                }
            });
        }
        None => remember(engine, id, |drain| drain.mover = None),
    }
    None
}

fn underway(left: usize, what: &str) -> Verdict {
    Verdict::Failed(Failure {
        kind: FailureKind::Underway,
        reason: format!("{left} bricks left; {what}"),
    })
}

/// Bricks that are on the devices now, with their volumes' names.
fn left(engine: &Engine, spec: &BricksSpec) -> Vec<(BrickId, VolumeName)> {
    engine.view(|landscape| {
        let inventory = landscape.inventory();
        let bricks = spec
            .devices
            .iter()
            .flat_map(|device| inventory.bricks_on(*device));
        let named = bricks.filter_map(|brick| {
            let volume = inventory.volume(brick.volume)?;
            Some((brick.id, volume.name.clone()))
        });
        named.collect()
    })
}

fn coming(engine: &Engine, spec: &BricksSpec) -> bool {
    engine.view(|landscape| {
        let mut devices = spec.devices.iter();
        devices.any(|device| landscape.bricks_come(*device))
    })
}

/// The move that is under way: the one that is remembered, or after a restart the one that holds a volume with bricks here.
fn mover(engine: &Engine, id: OperationId, spec: &BricksSpec) -> Option<(OperationId, BrickId)> {
    if let Some(mover) = remembered(engine, id).mover {
        return Some(mover);
    }
    let (holders, bricks) = engine.view(|landscape| {
        let inventory = landscape.inventory();
        let bricks = spec
            .devices
            .iter()
            .flat_map(|device| inventory.bricks_on(*device));
        let bricks: Vec<_> = bricks.cloned().collect();
        let holders: BTreeSet<OperationId> = bricks
            .iter()
            .filter_map(|brick| landscape.holder(Subject::Volume(brick.volume)))
            .collect();
        let ids: BTreeSet<BrickId> = bricks.iter().map(|brick| brick.id).collect();
        (holders, ids)
    });
    holders.into_iter().find_map(|holder| {
        let OperationState::Open(operation) = engine.operation(holder)? else {
            return None;
        };
        let brick = replaced(&operation.plan).filter(|brick| bricks.contains(brick))?;
        remember(engine, id, |drain| drain.mover = Some((holder, brick)));
        Some((holder, brick))
    })
}

fn replaced(plan: &Plan) -> Option<BrickId> {
    plan.changes.iter().find_map(|change| match change {
        Change::ReplaceBrick { old, .. } => Some(*old),
        _ => None,
    })
}

fn remembered(engine: &Engine, id: OperationId) -> Drain {
    let operations = engine.inner.operations();
    operations.drains.get(&id).cloned().unwrap_or_default()
}

fn remember(engine: &Engine, id: OperationId, change: impl FnOnce(&mut Drain)) {
    change(engine.inner.operations().drains.entry(id).or_default());
}

fn forget(engine: &Engine, id: OperationId) {
    engine.inner.operations().drains.remove(&id);
}
