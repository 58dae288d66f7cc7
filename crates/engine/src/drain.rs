//! Devices that are emptied: their bricks move one after the other, each by an operation of its own.
//!
//! The drain itself does nothing on any node. It starts the next move when the last one is at its end, tells how far that
//! is, and remembers which bricks could not move and why. After a restart it finds the move that is under way by the
//! volume that it holds; a brick that could not move is tried again then.
//!
//! | what keeps a brick where it is | what the drain does |
//! |---|---|
//! | its volume is being changed, healed or rebalanced, its pool does not answer | waits, as long as it takes, and moves others meanwhile |
//! | another brick of its set does not run; its move failed | tries it again, some minutes long |
//! | no device can take it, it has no copies | goes on with the others, and names it in the end |
//! | its move needs attention | goes on with the others, and waits for that move in the end |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mortar_journal::{Action, Event, Operation, Outcome, Phase};
use mortar_model::work::{BricksSpec, Facts, Failure, FailureKind, Goal, Seen, Thing, Verdict};
use mortar_model::{BrickId, DeviceId, NodeId, OperationId, OperationKind, VolumeName};
use mortar_plan::{Change, Plan, Refusal, Step, Subject};
use tokio::time::Instant;

use crate::drive::wait_or_halt;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::submit::OperationState;

/// How long one look at a move waits for its end.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bricks that are named; the others are counted.
const MOST_NAMED: usize = 16;

/// How often a brick is tried that may be able to move later, and how many of the longest waits lie between.
const TRIES: u32 = 10;
const WAITS: u32 = 10;

/// What a drain remembers while the program runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain {
    /// The move that is under way, and its brick.
    mover: Option<(OperationId, BrickId)>,
    /// Moves that need attention, and their bricks.
    parked: BTreeMap<OperationId, BrickId>,
    /// Bricks that could not move.
    stuck: BTreeMap<BrickId, Stuck>,
}

/// A brick that could not move.
#[derive(Clone, Debug)]
struct Stuck {
    why: String,
    /// How often it was tried.
    tries: u32,
    /// When it is tried again; not at all where that would change nothing.
    again: Option<Instant>,
}

/// What keeps a brick where it is.
enum Hold {
    /// It passes: it is waited for.
    Passes(String),
    /// It may pass.
    MayPass(String),
    /// It stays.
    Stays(String),
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
    let attention = parked(engine, id);
    let left = left(engine, spec);
    if is_turned(engine, id) {
        return underway(left.len(), "no more of them are moved");
    }
    let mut waits = attention;
    for (brick, volume) in left.iter().filter(|(brick, _)| is_due(engine, id, *brick)) {
        match begin(engine, *brick, spec.dead).await {
            Ok(mover) => {
                remember(engine, id, |drain| drain.mover = Some((mover, *brick)));
                return underway(
                    left.len(),
                    &format!("operation {mover} moves brick {brick} of volume {volume}"),
                );
            }
            Err(Hold::Passes(why)) => waits = waits.or(Some(format!("volume {volume}: {why}"))),
            Err(Hold::MayPass(why)) => hold(engine, id, *brick, format!("volume {volume}: {why}"), true),
            Err(Hold::Stays(why)) => hold(engine, id, *brick, format!("volume {volume}: {why}"), false),
        }
    }
    ended(engine, id, spec, waits)
}

/// Begins the move of a brick.
async fn begin(engine: &Engine, brick: BrickId, dead: bool) -> Result<OperationId, Hold> {
    match engine.hindrance(brick, dead).await.map_err(hold_of)? {
        Some(failure) if failure.kind == FailureKind::Refused => Err(Hold::MayPass(failure.reason)),
        Some(failure) => Err(Hold::Passes(failure.reason)),
        None => engine.begin_move(brick, dead).await.map_err(hold_of),
    }
}

fn hold_of(error: EngineError) -> Hold {
    match error {
        EngineError::Refused(refusal @ Refusal::Busy(..)) => Hold::Passes(refusal.to_string()),
        EngineError::Refused(refusal) => Hold::Stays(refusal.to_string()),
        // Too much is under way, or the server stops: it goes on later, or after the next start.
        error => Hold::Passes(error.to_string()),
    }
}

/// Remembers why a brick could not move.
fn hold(engine: &Engine, id: OperationId, brick: BrickId, why: String, may_pass: bool) {
    let pause = engine.inner.config.policy.longest_wait.saturating_mul(WAITS);
    remember(engine, id, |drain| {
        let tries = drain.stuck.get(&brick).map_or(0, |stuck| stuck.tries) + 1;
        let again = (may_pass && tries < TRIES).then(|| Instant::now() + pause);
        drain.stuck.insert(brick, Stuck { why, tries, again });
    });
}

/// Whether the brick may be tried now.
fn is_due(engine: &Engine, id: OperationId, brick: BrickId) -> bool {
    let drain = remembered(engine, id);
    let stuck = drain.stuck.get(&brick);
    let ripe = stuck.is_none_or(|stuck| stuck.again.is_some_and(|again| again <= Instant::now()));
    ripe && !drain.parked.values().any(|parked| *parked == brick)
}

/// Looks at the moves that needed attention. Tells of one that still does, or is under way again.
fn parked(engine: &Engine, id: OperationId) -> Option<String> {
    let mut told = None;
    for (mover, brick) in remembered(engine, id).parked {
        match engine.operation(mover) {
            Some(OperationState::Open(operation)) => {
                let far = far(&operation);
                told.get_or_insert_with(|| format!("operation {mover} moves brick {brick}: {far}"));
            }
            ended => {
                remember(engine, id, |drain| {
                    drain.parked.remove(&mover);
                });
                note_end(engine, id, brick, ended);
            }
        }
    }
    told
}

/// Whether the drain was cancelled while it followed a move.
fn is_turned(engine: &Engine, id: OperationId) -> bool {
    let Some(OperationState::Open(operation)) = engine.operation(id) else {
        return false;
    };
    matches!(operation.phase, Phase::Back { .. })
}

/// Nothing more can be begun now. `waits` is what will pass.
fn ended(engine: &Engine, id: OperationId, spec: &BricksSpec, waits: Option<String>) -> Verdict {
    let left = left(engine, spec);
    let drain = remembered(engine, id);
    let tried_again = left.iter().find_map(|(brick, _)| {
        let stuck = drain.stuck.get(brick).filter(|stuck| stuck.again.is_some())?;
        Some(format!("brick {brick} is tried again: {}", stuck.why))
    });
    if let Some(what) = waits.or(tried_again) {
        return underway(left.len(), &what);
    }
    if left.is_empty() && coming(engine, spec) {
        return underway(0, "another operation makes bricks there");
    }
    if left.is_empty() {
        forget(engine, id);
        return Verdict::Done(Facts::None);
    }
    forget(engine, id);
    let stuck = drain.stuck;
    let reasons = left.iter().take(MOST_NAMED).map(|(brick, volume)| {
        let why = stuck.get(brick).map_or("it came meanwhile", |stuck| &stuck.why);
        format!("brick {brick} of volume {volume} cannot move: {why}")
    });
    let mut reason = reasons.collect::<Vec<_>>().join("\n");
    if left.len() > MOST_NAMED {
        reason.push_str(&format!("\n{} more bricks cannot move", left.len() - MOST_NAMED));
    }
    let kind = FailureKind::Refused;
    Verdict::Failed(Failure { kind, reason })
}

/// On the way back nothing more is moved, and the moves under way come to their ends.
async fn settled(engine: &Engine, id: OperationId, spec: &BricksSpec) -> Verdict {
    if let Some((mover, brick)) = mover(engine, id, spec)
        && let Some(far) = follow(engine, id, spec, mover, brick).await
    {
        return far;
    }
    if let Some(what) = parked(engine, id) {
        return underway(left(engine, spec).len(), &what);
    }
    forget(engine, id);
    Verdict::Done(Facts::None)
}

/// How far the move is; none when it is at its end or needs attention. One that has failed keeps its brick where it is.
async fn follow(
    engine: &Engine,
    id: OperationId,
    spec: &BricksSpec,
    mover: OperationId,
    brick: BrickId,
) -> Option<Verdict> {
    match engine.wait(mover, PATIENCE).await {
        Some(OperationState::Open(operation)) if operation.needs_attention() => {
            remember(engine, id, |drain| {
                drain.mover = None;
                drain.parked.insert(mover, brick);
            });
        }
        Some(OperationState::Open(operation)) => {
            let many = left(engine, spec).len();
            let what = format!("operation {mover} moves brick {brick}: {}", far(&operation));
            return Some(underway(many, &what));
        }
        ended => {
            remember(engine, id, |drain| drain.mover = None);
            note_end(engine, id, brick, ended);
        }
    }
    None
}

/// A move has ended, or is not known any more.
fn note_end(engine: &Engine, id: OperationId, brick: BrickId, ended: Option<OperationState>) {
    if let Some(OperationState::Ended(ended)) = ended
        && let Outcome::Failed { reason } = ended.outcome
    {
        hold(engine, id, brick, reason, true);
    }
}

/// How far an operation is, in words.
fn far(operation: &Operation) -> String {
    if let Phase::Attention { reason, .. } = &operation.phase {
        return format!("it needs attention: {reason}");
    }
    let mut troubles = operation.left().filter_map(|(_, state)| state.trouble.clone());
    troubles.next().unwrap_or_else(|| "under way".into())
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
    let parked = remembered(engine, id).parked;
    let mut others = holders.into_iter().filter(|holder| !parked.contains_key(holder));
    others.find_map(|holder| {
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
