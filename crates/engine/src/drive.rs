//! The loop of one operation: an event, what the journal says is next, and the actions side by side.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, future::BoxFuture};
use mortar_journal::{
    Action, Direction, Ended, Event, Mark, Operation, Outcome, Persist, Phase, advance, remainder,
};
use mortar_model::work::{Facts, Thing};
use mortar_model::{ClusterId, HostName, NodeId, OperationId, OperationKind};
use mortar_plan::{Change, Landscape, Step, Subject};
use mortar_store::{Durability, StoreError, Write};
use tokio::sync::{Notify, watch};
use tracing::Instrument as _;

use crate::admission::Place;
use crate::engine::Inner;
use crate::metrics::{KindLabel, OperationLabels};
use crate::records;
use crate::submit::OperationState;
use crate::{act, drain};

/// Wait before the end of an operation is written again after the store refused it.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// An operation under way, as others see it.
pub(crate) struct Handle {
    operation: Mutex<Operation>,
    ended: Mutex<Option<Ended>>,
    rest: watch::Sender<bool>,
    wake: Notify,
    /// Somebody does not want it any more: its loop turns it back, and what waits for long in its actions ends.
    unwanted: Notify,
    called_off: watch::Sender<bool>,
    /// A lazy write of its state is on its way to the disk.
    writing: Arc<AtomicBool>,
}

impl Handle {
    pub(crate) fn new(operation: Operation) -> Self {
        Self {
            operation: Mutex::new(operation),
            ended: Mutex::new(None),
            rest: watch::Sender::new(false),
            wake: Notify::new(),
            unwanted: Notify::new(),
            called_off: watch::Sender::new(false),
            writing: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Operation> {
        self.operation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> OperationId {
        self.lock().id
    }

    pub(crate) fn snapshot(&self) -> Operation {
        self.lock().clone()
    }

    pub(crate) fn state(&self) -> OperationState {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ended.map_or_else(
            || OperationState::Open(Box::new(self.snapshot())),
            OperationState::Ended,
        )
    }

    /// One of the operation's steps, and the operation and step whose lock it takes.
    fn step(&self, step: usize) -> ((OperationId, usize), Step) {
        let operation = self.lock();
        let found = operation.plan.steps().nth(step).map(|(_, step)| step.clone());
        (
            operation.lock_of(step),
            found.expect("the journal names steps of its own plan"),
        )
    }

    /// Whether it only waits for others.
    pub(crate) fn drains(&self) -> bool {
        drains(self.lock().kind)
    }

    /// Neither ended nor waiting for attention.
    pub(crate) fn is_running(&self) -> bool {
        !*self.rest.borrow()
    }

    /// Takes it up when it waits for attention; from now on it is seen as under way, whenever its turn comes.
    pub(crate) fn nudge(&self) -> bool {
        let mut operation = self.lock();
        let parked = operation.take_up();
        if parked {
            self.rest.send_replace(false);
            self.wake.notify_one();
        }
        parked
    }

    /// Turns it back, if it moves bricks and can be turned back. Answers whether it can.
    pub(crate) fn cancel(&self) -> bool {
        {
            let operation = self.lock();
            let forward = match operation.phase {
                Phase::Forward => true,
                Phase::Attention { direction, .. } => direction == Direction::Forward,
                _ => false,
            };
            let moves = drains(operation.kind) || operation.kind == OperationKind::EvictBrick;
            if !moves || !forward || operation.committed {
                return false;
            }
        }
        self.unwanted.notify_one();
        self.called_off.send_replace(true);
        self.nudge();
        true
    }

    /// Whether somebody does not want it any more, since the program came up.
    pub(crate) fn is_called_off(&self) -> bool {
        *self.called_off.borrow()
    }

    /// Returns once that is so.
    pub(crate) async fn called_off(&self) {
        // The sender lives in self: it cannot be gone.
        let _ = self.called_off.subscribe().wait_for(|off| *off).await;
    }

    /// From now on it is seen as under way.
    fn goes_on(&self) {
        let mut operation = self.lock();
        if operation.take_up() {
            self.rest.send_replace(false);
        }
    }

    /// Ends it where it stands when it waits for somebody; what it left is named by `warnings`. It is seen as under way
    /// until that is recorded. Answers whether it waited.
    pub(crate) fn abandon(&self, warnings: impl FnOnce(&Operation) -> Vec<String>) -> bool {
        let mut operation = self.lock();
        let left = warnings(&operation);
        let waited = operation.abandon();
        if waited {
            operation.warnings.extend(left);
            self.rest.send_replace(false);
            self.wake.notify_one();
        }
        waited
    }

    /// Whether it waits for somebody, and that node, back in its cluster, may be whom it waits for.
    pub(crate) fn may_need(&self, node: NodeId, cluster: ClusterId) -> bool {
        let operation = self.lock();
        operation.needs_attention() && operation.may_need(node, cluster)
    }

    /// Lets those go on who wait for it to rest, unless it was taken up meanwhile.
    fn comes_to_rest(&self) {
        let operation = self.lock();
        if operation.needs_attention() {
            self.rest.send_replace(true);
        }
    }

    /// Whether its state is to be written now. What may be lost is left out while the last such write is under way: where many
    /// answers come at once, and the record is long, writing each would hold up those who wait for them.
    fn writes(&self, persist: Persist) -> bool {
        match persist {
            Persist::Not => false,
            Persist::Lazy => !self.writing.load(Ordering::Acquire),
            _ => true,
        }
    }

    /// Returns once it has ended or needs attention.
    pub(crate) async fn rest(&self) {
        // The sender lives in self: it cannot be gone.
        let _ = self.rest.subscribe().wait_for(|rest| *rest).await;
    }
}

/// Whether operations of that kind only wait for others.
const fn drains(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::DrainDevice | OperationKind::DrainNode)
}

/// Why the loop of an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is done or undone, and that is recorded.
    Finished,
    /// It needs attention.
    Parked,
    /// The program ends; it is taken up after the next start.
    Halted,
}

/// Runs the operation in a task of its own. A panic in it fails this operation and nothing else.
pub(crate) fn spawn(inner: Arc<Inner>, handle: Arc<Handle>, place: Place, first: Event) {
    let (id, kind) = {
        let operation = handle.lock();
        (operation.id, operation.kind)
    };
    let span = tracing::info_span!("operation", operation = %id, kind = %kind);
    let task = async move {
        let mut event = first;
        let mut wait = inner.config.attention_first;
        let mut place = Some(place);
        loop {
            // A parked operation holds no turn. A drain takes none at all: it waits for moves that need one.
            let turn = if drains(kind) {
                None
            } else {
                Some(inner.turn().await)
            };
            tracing::info!("begins");
            let end = AssertUnwindSafe(drive(&inner, &handle, event))
                .catch_unwind()
                .await;
            drop(turn);
            match end {
                Ok(End::Finished | End::Halted) => break,
                Ok(End::Parked) => {}
                Err(_) => panicked(&inner, &handle).await,
            }
            wait = match parked(&inner, &handle, &mut place, wait).await {
                Some(Woken::BySomebody) => inner.config.attention_first,
                Some(Woken::ByTime) => wait.saturating_mul(2).min(inner.config.attention_longest),
                None => break,
            };
            event = Event::Resume;
        }
        drop(place);
        inner.rested.notify_waiters();
    };
    tokio::spawn(task.instrument(span));
}

type Running<'a> = FuturesUnordered<BoxFuture<'a, Event>>;

async fn drive(inner: &Arc<Inner>, handle: &Handle, first: Event) -> End {
    let given_up = handle.lock().has_ended();
    if given_up {
        return finish(inner, handle).await;
    }
    let mut events = VecDeque::from([first]);
    let mut running: Running<'_> = FuturesUnordered::new();
    loop {
        let event = match events.pop_front() {
            Some(event) => event,
            // In order, so that the same history goes the same way when it is played again.
            None => tokio::select! {
                biased;
                () = handle.unwanted.notified() => Event::Cancel,
                event = running.next() => match event {
                    Some(event) => event,
                    // The journal leaves no operation without an action; were there one, somebody should see it.
                    None => return End::Parked,
                },
            },
        };
        if inner.is_halted() {
            return End::Halted;
        }
        let (next, write) = {
            let mut operation = handle.lock();
            let next = advance(&mut operation, event, &inner.config.policy);
            let write = handle
                .writes(next.persist)
                .then(|| records::operation(&operation));
            (next, write)
        };
        let finishing = next.actions.contains(&Action::Finish);
        if let Some(write) = write.filter(|_| !finishing)
            && let Err(end) = persist(inner, handle, write, next.persist).await
        {
            return end;
        }
        for action in next.actions {
            match action {
                Action::Finish => return finish(inner, handle).await,
                Action::Park => return End::Parked,
                Action::Do { step, .. } | Action::Look { step, .. } => {
                    let (lock, plan_step) = handle.step(step);
                    running.push(if let Thing::Bricks(_) = plan_step.thing {
                        drain::act(Arc::clone(inner), handle.id(), plan_step, action).boxed()
                    } else {
                        act::act(inner, lock, plan_step, action).boxed()
                    });
                }
            }
        }
    }
}

/// Waits until the state is on disk as firmly as asked. While the disk refuses, the operation stands still: acting on what
/// is not recorded is the one thing it must not do. Only a halt ends the wait. What cannot even be written as a record is no
/// better for waiting: then somebody has to see it.
async fn persist(
    inner: &Inner,
    handle: &Handle,
    write: Result<Write, StoreError>,
    persist: Persist,
) -> Result<(), End> {
    let write = write.map_err(|error| {
        tracing::error!(%error, "how far the operation is cannot be written as a record; it waits");
        stand_still(
            &mut handle.lock(),
            format!("its state cannot be recorded: {error}"),
        );
        End::Parked
    })?;
    if persist == Persist::Lazy {
        let writing = Arc::clone(&handle.writing);
        writing.store(true, Ordering::Release);
        inner.write_lazily(vec![write], move || writing.store(false, Ordering::Release));
        return Ok(());
    }
    while let Err(error) = inner.write(vec![write.clone()], Durability::Synced).await {
        tracing::error!(%error, "cannot record how far the operation is; it waits");
        if wait_or_halt(inner, STORE_RETRY).await {
            return Err(End::Halted);
        }
    }
    Ok(())
}

/// Waits; answers whether the program halts meanwhile.
pub(crate) async fn wait_or_halt(inner: &Inner, time: Duration) -> bool {
    let halt = inner.halt.notified();
    if inner.is_halted() {
        return true;
    }
    tokio::time::timeout(time, halt).await.is_ok()
}

/// The same between two passes of a background task. An engine that nobody has any more does not live on for the length of the
/// wait.
pub(crate) async fn rest_or_halt(inner: Arc<Inner>, time: Duration) -> bool {
    let halt = Arc::clone(&inner.halt);
    let halted = halt.notified();
    if inner.is_halted() {
        return true;
    }
    drop(inner);
    tokio::time::timeout(time, halted).await.is_ok()
}

/// An end that is to be recorded.
struct Finish {
    ended: Ended,
    changes: Vec<Change>,
    /// Hosts that were to be nodes, and are not where it came to nothing.
    hosts: Vec<HostName>,
    facts: Facts,
    /// What removes the things that were left on nodes that are away.
    cleanup: Option<Operation>,
}

impl Finish {
    /// The end of an operation that has come to one.
    fn of(inner: &Inner, operation: &Operation) -> Option<Self> {
        let now = inner.clock.now_ms();
        let mut ended = operation.ended(now)?;
        let deferred = operation.steps.iter().any(|state| state.mark == Mark::Deferred);
        let cleanup = deferred
            .then(|| OperationId::from_u128(inner.entropy.draw()))
            .and_then(|id| remainder(operation, id, now));
        if let Some(cleanup) = &cleanup {
            ended.cleanup = Some(cleanup.id);
            ended.warnings.push(format!(
                "{} of its things are on nodes that are away: operation {} removes them when they are back",
                cleanup.steps.len(),
                cleanup.id
            ));
        }
        let changes = operation.changes();
        let facts = operation.facts.clone();
        Some(Self {
            ended,
            changes,
            hosts: hosts_to_be(&operation.plan.changes),
            facts,
            cleanup,
        })
    }

    /// One transaction: there is no moment in which nobody knows of what is left.
    fn writes(&self, inner: &Inner) -> Result<Vec<Write>, StoreError> {
        let mut writes = {
            let landscape = inner.landscape();
            records::changes(landscape.inventory(), &self.changes, &self.facts)?
        };
        writes.extend(records::end(&self.ended)?);
        if let Some(cleanup) = &self.cleanup {
            writes.push(records::operation(cleanup)?);
        }
        Ok(writes)
    }
}

/// Records the end: outcome and changes in one transaction, then in memory.
async fn finish(inner: &Arc<Inner>, handle: &Handle) -> End {
    let finish = Finish::of(inner, &handle.lock());
    let Some(finish) = finish else { return End::Parked };
    loop {
        let result = match finish.writes(inner) {
            Ok(writes) => inner.write(writes, Durability::Synced).await,
            Err(error) => Err(error),
        };
        let Err(error) = result else { break };
        tracing::error!(%error, "cannot record the end of the operation; trying again");
        if wait_or_halt(inner, STORE_RETRY).await {
            return End::Halted;
        }
    }
    inner.reconciler.ends(&finish.ended);
    let Finish {
        ended,
        changes,
        hosts,
        facts,
        cleanup,
    } = finish;
    let settle = || {
        let mut landscape = inner.landscape();
        let left = settle_in(&mut landscape, &changes, hosts, &facts, ended.id);
        if let Some(cleanup) = &cleanup {
            landscape.hold(cleanup.id, &cleanup.plan);
        }
        drop(landscape);
        forget_hosts(inner, &left);
        inner.reconciler.records_changed(&changes);
    };
    // From here on it has ended, whatever happens to memory: it must not be taken up once more.
    if catch_unwind(AssertUnwindSafe(settle)).is_err() {
        inner.metrics.panicked("operation");
        tracing::error!("a bug in Mortar: the end is recorded and not made in memory; restart the server");
    }
    count(inner, &ended);
    let cleanup = cleanup.map(|cleanup| (cleanup.id, Arc::new(Handle::new(cleanup))));
    {
        let mut operations = inner.operations();
        operations.open.extend(cleanup.clone());
        operations.open.remove(&ended.id);
        operations.note_ended(&ended);
    }
    if let Some((_, cleanup)) = cleanup {
        inner.metrics.open.inc();
        // It gives its place back as soon as it waits for the nodes.
        let place = inner.admission.enter_again();
        spawn(Arc::clone(inner), cleanup, place, Event::Begin);
    }
    *handle.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    handle.rest.send_replace(true);
    End::Finished
}

/// Makes the changes in memory and gives back what the operation held.
pub(crate) fn settle(inner: &Inner, changes: &[Change], facts: &Facts, id: OperationId) {
    let left = settle_in(&mut inner.landscape(), changes, hosts_to_be(changes), facts, id);
    forget_hosts(inner, &left);
    inner.reconciler.records_changed(changes);
}

/// Hosts under which such changes have nodes reached.
fn hosts_to_be(changes: &[Change]) -> Vec<HostName> {
    let hosts = changes.iter().filter_map(|change| match change {
        Change::PutNode(node) => Some(node.manage.clone()),
        _ => None,
    });
    hosts.collect()
}

/// Makes the changes, and answers which of these hosts, and of those under which the changed nodes were reached, no node is
/// reached under any more.
fn settle_in(
    landscape: &mut Landscape,
    changes: &[Change],
    mut hosts: Vec<HostName>,
    facts: &Facts,
    id: OperationId,
) -> Vec<HostName> {
    landscape.release(id);
    hosts.extend(changes.iter().filter_map(|change| match change.subject() {
        Subject::Node(node) => Some(landscape.inventory().node(node)?.manage.clone()),
        _ => None,
    }));
    for change in changes {
        if let Err(error) = landscape.apply(change, facts) {
            // The operation held the thing, so nobody else can have changed it.
            tracing::error!(%error, "the change is recorded and does not fit what is in memory; restart the server");
        }
    }
    let nodes = || landscape.inventory().nodes();
    hosts.retain(|host| nodes().all(|node| node.manage != *host));
    hosts
}

/// What is kept for speaking to them goes.
fn forget_hosts(inner: &Inner, hosts: &[HostName]) {
    for host in hosts {
        inner.hosts.forget(host.as_str());
    }
}

fn count(inner: &Inner, ended: &Ended) {
    let (outcome, reason) = match &ended.outcome {
        Outcome::Done { .. } => ("done", None),
        Outcome::Failed { reason } => ("failed", Some(reason)),
    };
    let kind = ended.kind.name();
    inner
        .metrics
        .operations
        .get_or_create(&OperationLabels { kind, outcome })
        .inc();
    let took = Duration::from_millis(ended.ended.saturating_sub(ended.created));
    inner
        .metrics
        .operation_seconds
        .get_or_create(&KindLabel { kind })
        .observe(took.as_secs_f64());
    inner.metrics.open.dec();
    inner.admission.ended();
    match reason {
        None => tracing::info!(took_ms = took.as_millis(), "done"),
        Some(reason) => tracing::warn!(took_ms = took.as_millis(), %reason, "undone"),
    }
}

/// What took up an operation that needed attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    /// A person, or a node that is back.
    BySomebody,
    /// Its time: what stood in the way may be gone.
    ByTime,
}

/// Waits for a nudge, and no longer than this. Answers why to go on; not at all when the program ends.
async fn parked(inner: &Inner, handle: &Handle, place: &mut Option<Place>, wait: Duration) -> Option<Woken> {
    let (reason, waits) = match &handle.lock().phase {
        Phase::Attention { reason, waits, .. } => (reason.clone(), *waits),
        _ => (String::new(), false),
    };
    let gauge = if waits {
        tracing::info!(%reason, retry_in_s = wait.as_secs(), "waits for nodes that are away");
        // What waits for nodes takes nobody's place, however long they are away.
        *place = None;
        &inner.metrics.awaiting_nodes
    } else {
        tracing::warn!(%reason, retry_in_s = wait.as_secs(), "needs attention");
        &inner.metrics.attention
    };
    gauge.inc();
    handle.comes_to_rest();
    inner.rested.notify_waiters();
    let halt = inner.halt.notified();
    let woken = if inner.is_halted() {
        None
    } else {
        // In order, so that the same history goes the same way when it is played again.
        tokio::select! {
            biased;
            () = handle.wake.notified() => Some(Woken::BySomebody),
            () = halt => None,
            () = tokio::time::sleep(wait) => Some(Woken::ByTime),
        }
    };
    gauge.dec();
    if let Some(woken) = woken {
        place.get_or_insert_with(|| inner.admission.enter_again());
        handle.goes_on();
        tracing::info!(?woken, "taken up again");
    }
    woken
}

/// It stands where it stood, and needs somebody for this reason.
fn stand_still(operation: &mut Operation, reason: String) {
    let (because, direction) = match &operation.phase {
        Phase::Back { reason } | Phase::Undone { reason } => (Some(reason.clone()), Direction::Back),
        Phase::Attention {
            because, direction, ..
        } => (because.clone(), *direction),
        Phase::Forward | Phase::Done => (None, Direction::Forward),
    };
    operation.phase = Phase::Attention {
        reason,
        because,
        direction,
        waits: false,
    };
}

/// A bug in Mortar met the operation: it stands where it stood, and says so.
async fn panicked(inner: &Inner, handle: &Handle) {
    inner.metrics.panicked("operation");
    let write = {
        let mut operation = handle.lock();
        stand_still(
            &mut operation,
            "a bug in Mortar, whose trace is in the log".to_owned(),
        );
        records::operation(&operation)
    };
    tracing::error!("a bug in Mortar ended the operation's task");
    if let Ok(write) = write
        && let Err(error) = inner.write(vec![write], Durability::Synced).await
    {
        tracing::error!(%error, "cannot record that the operation needs attention");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mortar_executor::LocalHosts;
    use mortar_journal::{Operation, Persist};
    use mortar_model::{OperationId, OperationKind};
    use mortar_plan::Plan;
    use mortar_store::{MemoryStore, StoreError};

    use super::{End, Handle, persist};
    use crate::{Config, Engine, Parts, SystemClock, SystemEntropy};

    /// Nothing is done that follows from a state which is in no record.
    #[tokio::test]
    async fn what_cannot_be_written_as_a_record_needs_somebody() {
        let store = Arc::new(MemoryStore::new());
        let parts = Parts {
            store: Arc::clone(&store) as _,
            hosts: Arc::new(LocalHosts::new()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::open().unwrap()),
        };
        let engine = Engine::open(parts, Config::default()).unwrap();
        let written = store.applied();
        for firmness in [Persist::Lazy, Persist::Synced] {
            let id = OperationId::from_u128(1);
            let handle = Handle::new(Operation::new(id, OperationKind::Record, 0, Plan::default()));
            let end = persist(&engine.inner, &handle, Err(StoreError::Closed), firmness).await;
            assert_eq!(end, Err(End::Parked));
            assert!(handle.snapshot().needs_attention());
        }
        assert_eq!(store.applied(), written);
    }
}
