//! Devices that are emptied: their bricks move one after the other, each by an operation of its own.
//!
//! The drain itself does nothing on any node. It starts the next move when the last one is at its end, and tells how far that
//! is; what it cannot move now it waits for or tries again ([`crate::holds`]). It is recorded when what it tells changes, not
//! at each look. After a restart it finds the moves that are under way by the volumes that they hold, and tries begin anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mortar_journal::{Action, CANCELLED, Event, Operation, Outcome, Phase};
use mortar_model::work::{BricksSpec, Facts, Failure, FailureKind, Goal, Seen, Thing, Verdict};
use mortar_model::{BrickId, DeviceId, NodeId, OperationId, OperationKind, VolumeName};
use mortar_plan::{Change, Plan, Refusal, Rule, Step, Subject};

use crate::drive::{Handle, wait_or_halt};
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::holds::{Drain, DrainPlan, Hold};
use crate::submit::OperationState;

/// Most bricks that are named; the others are counted.
const MOST_NAMED: usize = 16;

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

    /// Turns back an operation that moves bricks, as far as there is a way back: a drain moves no more of them, and
    /// ends when the move that is under way does; one that needs attention goes on without it. Answers whether it turns.
    pub fn cancel(&self, id: OperationId) -> bool {
        let handle = self.inner.operations().open.get(&id).cloned();
        handle.is_some_and(|handle| handle.cancel())
    }
}

/// Carries the action of a drain out and answers with its event.
pub(crate) async fn act(inner: Arc<Inner>, id: OperationId, step: Step, action: Action) -> Event {
    let engine = Engine { inner };
    let Thing::Bricks(spec) = step.thing else {
        return Event::Resume;
    };
    let mut drained = Drained {
        engine,
        id,
        spec,
        forward: true,
    };
    drained.forward = match action {
        Action::Do { goal, .. } => goal == Goal::Absent,
        _ => !drained.is_turned(),
    };
    match action {
        Action::Do { step, goal, wait, .. } => {
            if !wait.is_zero() {
                drained.rest(wait).await;
            }
            let verdict = drained.until_it_tells(goal).await;
            Event::Did { step, verdict }
        }
        Action::Look { step, wait } => {
            drained.rest(wait).await;
            let seen = if drained.left().is_empty() && !drained.more_come() {
                Seen::Absent
            } else {
                Seen::Partial("bricks are left".into())
            };
            Event::Looked { step, seen }
        }
        Action::Finish | Action::Park => Event::Resume,
    }
}

/// A drain, and what it drains.
struct Drained {
    engine: Engine,
    id: OperationId,
    spec: BricksSpec,
    /// Whether this is a step of the way forward, which ends when the drain is called off.
    forward: bool,
}

/// How it waits.
impl Drained {
    /// Goes on until there is something to tell that was not told before: only that is worth a record.
    async fn until_it_tells(&self, goal: Goal) -> Verdict {
        loop {
            let verdict = match goal {
                _ if self.engine.inner.is_halted() => Verdict::Unknown("the server is stopping".into()),
                Goal::Absent => self.advance().await,
                Goal::Present => self.settle(),
            };
            if self.is_news(&verdict) || self.is_called_off() {
                return verdict;
            }
            self.rest(self.plan().look()).await;
        }
    }

    fn is_news(&self, verdict: &Verdict) -> bool {
        let told = self.handle().and_then(|drain| {
            let drain = drain.snapshot();
            drain.steps.into_iter().find_map(|state| state.trouble)
        });
        !matches!(verdict, Verdict::Failed(failure) if failure.kind == FailureKind::Underway && told.as_ref() == Some(&failure.reason))
    }

    /// Waits, and no longer than until a move comes to rest, the drain is called off, or the program halts.
    async fn rest(&self, wait: Duration) {
        let wait = DrainPlan::at_least(wait);
        // In order, so that the same history goes the same way when it is played again.
        tokio::select! {
            biased;
            _ = wait_or_halt(&self.engine.inner, wait) => {}
            () = self.called_off() => {}
            () = self.move_rests() => {}
        }
    }

    /// Returns once a move has ended or needs attention of which that is not known yet.
    async fn move_rests(&self) {
        let (beside, moves) = self.memory(|drain| (drain.beside(), drain.moves()));
        let (mut going, mut awaited) = (None, None);
        for (mover, _) in moves {
            let is_beside = beside.contains(&mover);
            match self.engine.inner.operations().open.get(&mover) {
                Some(handle) if handle.is_running() && is_beside => going = Some(Arc::clone(handle)),
                Some(handle) if handle.is_running() => awaited = Some(Arc::clone(handle)),
                Some(_) if is_beside => {}
                _ => return,
            }
        }
        match awaited.or(going) {
            Some(handle) => handle.rest().await,
            None => std::future::pending().await,
        }
    }

    /// Returns once somebody does not want the drain any more; on the way back never.
    async fn called_off(&self) {
        match self.handle().filter(|_| self.forward) {
            Some(drain) => drain.called_off().await,
            None => std::future::pending().await,
        }
    }

    fn is_called_off(&self) -> bool {
        self.forward && self.handle().is_some_and(|drain| drain.is_called_off())
    }

    /// Whether it goes back.
    fn is_turned(&self) -> bool {
        let drain = self.handle();
        drain.is_some_and(|drain| matches!(drain.snapshot().phase, Phase::Back { .. }))
    }
}

/// How it goes on.
impl Drained {
    /// One step further: the move under way is looked at, or the next one begun, the moment the last one is at its end.
    async fn advance(&self) -> Verdict {
        self.learn();
        let left = self.left();
        if self.is_called_off() {
            return underway(left.len(), NO_MORE);
        }
        if let Some(far) = self.memory(|drain| drain.moving()) {
            return underway(left.len(), &far);
        }
        for (brick, volume) in &left {
            if !self.memory(|drain| drain.is_due(*brick, self.plan())) {
                continue;
            }
            match self.begin(*brick).await {
                Some(Ok(mover)) => {
                    self.memory(|drain| drain.begins(mover, *brick));
                    return underway(
                        left.len(),
                        &format!("operation {mover} moves brick {brick} of volume {volume}"),
                    );
                }
                Some(Err(hold)) => {
                    let hold = hold.of(volume);
                    self.memory(|drain| drain.holds(*brick, hold, self.plan()));
                }
                None => return underway(left.len(), NO_MORE),
            }
        }
        self.stands()
    }

    /// Begins the move of a brick, unless the drain is called off while nodes are asked.
    async fn begin(&self, brick: BrickId) -> Option<Result<OperationId, Hold>> {
        let dead = self.spec.dead;
        let found = tokio::select! {
            biased;
            () = self.called_off() => return None,
            found = self.engine.hindrance(brick, dead) => found,
        };
        Some(match found {
            Err(error) => Err(self.hold_of(error)),
            Ok(Some(Verdict::Failed(failure))) if passes(failure.kind) => Err(Hold::Passes(failure.reason)),
            Ok(Some(Verdict::Failed(Failure { reason, .. }) | Verdict::Unknown(reason))) => {
                Err(Hold::MayPass(reason))
            }
            Ok(Some(Verdict::Done(_)) | None) => {
                let begun = self.engine.begin_move(brick, dead).await;
                begun.map_err(|error| self.hold_of(error))
            }
        })
    }

    fn hold_of(&self, error: EngineError) -> Hold {
        let refusal = match error {
            EngineError::Refused(refusal) => refusal,
            // It goes on after the next start.
            EngineError::Stopping => return Hold::Passes(error.to_string()),
            error => return Hold::MayPass(error.to_string()),
        };
        let why = refusal.to_string();
        match refusal {
            Refusal::Busy(_, _, holder) => self.held_by(holder, why),
            // A check tells.
            Refusal::SetsGuessed { .. } => Hold::MayPass(why),
            Refusal::NoSpace(found)
                if found.devices.iter().any(|device| {
                    device.rule == Rule::NodeUnhealthy && !self.spec.devices.contains(&device.device)
                }) =>
            {
                Hold::MayPass(why)
            }
            _ => Hold::Stays(why),
        }
    }

    /// Another operation has the volume. What somebody has to attend to may pass, unless the drain waits for it anyway; so may one
    /// of which nobody knows more before the next start.
    fn held_by(&self, holder: OperationId, why: String) -> Hold {
        let own = self.memory(|drain| drain.moves().iter().any(|(mover, _)| *mover == holder));
        match self.engine.operation(holder) {
            Some(OperationState::Open(operation)) if operation.needs_attention() && !own => {
                Hold::MayPass(format!("{why}; {}", far(&operation)))
            }
            Some(_) => Hold::Passes(why),
            None => Hold::MayPass(why),
        }
    }

    /// Nothing more can be begun now.
    fn stands(&self) -> Verdict {
        let left = self.left();
        let comes = self.more_come();
        if left.is_empty() && !comes {
            self.forget();
            return Verdict::Done(Facts::None);
        }
        let waits = self.memory(|drain| {
            let bricks = left
                .iter()
                .filter_map(|(brick, _)| drain.waits(*brick, self.plan()));
            let come = (comes && !drain.is_over(self.plan())).then(|| MORE_COME.to_owned());
            bricks.chain(come).collect::<Vec<_>>()
        });
        match waits.split_first() {
            Some((first, [])) => underway(left.len(), first),
            Some((first, others)) => underway(left.len(), &format!("{first}; {} more wait", others.len())),
            None => self.gives_up(&left),
        }
    }

    fn gives_up(&self, left: &[(BrickId, VolumeName)]) -> Verdict {
        let named = self.memory(|drain| {
            let named = left.iter().take(MOST_NAMED).map(|(brick, volume)| {
                let why = drain.verdict(*brick, self.plan());
                format!("brick {brick} of volume {volume} cannot move: {why}")
            });
            named.collect::<Vec<_>>()
        });
        let mut reason = named.join("\n");
        if left.len() > MOST_NAMED {
            reason.push_str(&format!("\n{} more bricks cannot move", left.len() - MOST_NAMED));
        }
        if left.is_empty() {
            reason = format!(
                "{MORE_COME} ('mortar operation list --open' names it): drain it again when that has ended"
            );
        }
        self.forget();
        let kind = FailureKind::Refused;
        Verdict::Failed(Failure { kind, reason })
    }

    /// On the way back nothing more is moved, and what moves comes to its end; what needs attention goes on without the drain.
    fn settle(&self) -> Verdict {
        self.learn();
        if let Some(far) = self.memory(|drain| drain.going_on()) {
            return underway(self.left().len(), &far);
        }
        self.forget();
        Verdict::Done(Facts::None)
    }
}

/// What it knows.
impl Drained {
    fn plan(&self) -> &DrainPlan {
        &self.engine.inner.config.drain
    }

    fn handle(&self) -> Option<Arc<Handle>> {
        self.engine.inner.operations().open.get(&self.id).cloned()
    }

    fn memory<R>(&self, look: impl FnOnce(&mut Drain) -> R) -> R {
        look(self.engine.inner.operations().drains.entry(self.id).or_default())
    }

    fn forget(&self) {
        self.engine.inner.operations().drains.remove(&self.id);
    }

    /// Looks how the moves of its bricks are.
    fn learn(&self) {
        for (mover, brick) in self.found() {
            self.memory(|drain| drain.begins(mover, brick));
        }
        for (mover, _) in self.memory(|drain| drain.moves()) {
            match self.engine.operation(mover) {
                Some(OperationState::Open(operation)) => {
                    let (far, waits) = (far(&operation), operation.needs_attention());
                    self.memory(|drain| drain.sees(mover, far, waits));
                }
                ended => self.memory(|drain| drain.ends(mover, hold_after(ended), self.plan())),
            }
        }
        let left: BTreeSet<BrickId> = self.left().into_iter().map(|(brick, _)| brick).collect();
        self.memory(|drain| drain.settle(&left));
    }

    /// Moves of bricks here that it does not know, as after a restart: they hold the volumes of these bricks.
    fn found(&self) -> BTreeMap<OperationId, BrickId> {
        let known = self.memory(|drain| drain.moves());
        let (holders, bricks) = self.engine.view(|landscape| {
            let inventory = landscape.inventory();
            let devices = self.spec.devices.iter();
            let bricks: Vec<_> = devices.flat_map(|device| inventory.bricks_on(*device)).collect();
            let holders = bricks
                .iter()
                .filter_map(|brick| landscape.holder(Subject::Volume(brick.volume)));
            let ids: BTreeSet<BrickId> = bricks.iter().map(|brick| brick.id).collect();
            (holders.collect::<BTreeSet<_>>(), ids)
        });
        let unknown = holders
            .into_iter()
            .filter(|holder| known.iter().all(|(mover, _)| mover != holder));
        let moves = unknown.filter_map(|holder| {
            let OperationState::Open(operation) = self.engine.operation(holder)? else {
                return None;
            };
            let brick = replaced(&operation.plan).filter(|brick| bricks.contains(brick))?;
            Some((holder, brick))
        });
        moves.collect()
    }

    /// Bricks that are on the devices now, with their volumes' names.
    fn left(&self) -> Vec<(BrickId, VolumeName)> {
        self.engine.view(|landscape| {
            let inventory = landscape.inventory();
            let devices = self.spec.devices.iter();
            let bricks = devices.flat_map(|device| inventory.bricks_on(*device));
            let named = bricks.filter_map(|brick| {
                let volume = inventory.volume(brick.volume)?;
                Some((brick.id, volume.name.clone()))
            });
            named.collect()
        })
    }

    fn more_come(&self) -> bool {
        self.engine.view(|landscape| {
            let mut devices = self.spec.devices.iter();
            devices.any(|device| landscape.bricks_come(*device))
        })
    }
}

/// What is told while another operation makes bricks there.
const MORE_COME: &str = "another operation makes bricks there";
/// What is told once somebody does not want the drain any more.
const NO_MORE: &str = "no more of them are moved";

/// What is found before a move, and passes.
const fn passes(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Busy | FailureKind::Underway)
}

/// What keeps a brick where it is whose move has ended.
fn hold_after(ended: Option<OperationState>) -> Option<Hold> {
    let Some(OperationState::Ended(ended)) = ended else {
        return Some(Hold::MayPass(
            "what became of its move is not known any more".into(),
        ));
    };
    match ended.outcome {
        Outcome::Failed { reason } if reason == CANCELLED => Some(Hold::Stays(format!(
            "operation {}, which moved it, was {reason}",
            ended.id
        ))),
        Outcome::Failed { reason } => Some(Hold::MayPass(reason)),
        Outcome::Done { .. } => None,
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

fn replaced(plan: &Plan) -> Option<BrickId> {
    plan.changes.iter().find_map(|change| match change {
        Change::ReplaceBrick { old, .. } => Some(*old),
        _ => None,
    })
}
