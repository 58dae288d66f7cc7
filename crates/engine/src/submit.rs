//! From a plan to a durable, running operation, and to what became of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mortar_journal::{Ended, Event, Operation, Outcome, StepsEnded};
use mortar_model::work::Facts;
use mortar_model::{OperationId, OperationKind};
use mortar_plan::{Landscape, Plan, Refusal, Seed};
use mortar_store::{Durability, Kind, StoreError, Write, decode};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::admission::{self, Place};
use crate::drive::{self, Handle};
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::metrics::KindLabel;
use crate::records;

/// Longest wait for a repair that holds what somebody wants to change.
const REPAIRED: Duration = Duration::from_secs(10);

/// An operation that somebody asks about.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationState {
    /// Under way, or waiting for attention.
    Open(Box<Operation>),
    /// Ended.
    Ended(Ended),
}

impl OperationState {
    /// Its id.
    pub fn id(&self) -> OperationId {
        match self {
            Self::Open(operation) => operation.id,
            Self::Ended(ended) => ended.id,
        }
    }

    /// When it began, in milliseconds since 1970.
    pub fn created(&self) -> u64 {
        match self {
            Self::Open(operation) => operation.created,
            Self::Ended(ended) => ended.created,
        }
    }

    /// Whether nothing more happens by itself: it ended, or needs attention.
    pub fn at_rest(&self) -> bool {
        match self {
            Self::Open(operation) => operation.needs_attention(),
            Self::Ended(_) => true,
        }
    }
}

impl Inner {
    /// Writes and waits until it is as durable as asked.
    pub(crate) async fn write(&self, writes: Vec<Write>, durability: Durability) -> Result<(), StoreError> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let done = Box::new(move |result| {
            // Nobody waits any more when the caller was cancelled; the write is made all the same.
            let _ = answer.send(result);
        });
        self.store.submit(writes, durability, done);
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Hands in a write that may be lost; its failure is only told. `done` is called when it is over.
    pub(crate) fn write_lazily(&self, writes: Vec<Write>, done: impl FnOnce() + Send + 'static) {
        let done = Box::new(move |result: Result<(), StoreError>| {
            done();
            if let Err(error) = result {
                tracing::warn!(%error, "progress of an operation was not recorded");
            }
        });
        self.store.submit(writes, Durability::Lazy, done);
    }

    /// A place for one more operation.
    pub(crate) fn admit(&self) -> Result<Place, EngineError> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(EngineError::Stopping);
        }
        self.admission.enter().ok_or_else(|| self.busy())
    }

    fn busy(&self) -> EngineError {
        let limit = self.admission.limit();
        let attention = usize::try_from(self.metrics.attention.get()).unwrap_or(0);
        EngineError::Busy {
            limit,
            attention,
            // Where nothing goes on by itself, no pace tells when a place will be free.
            wait: if attention >= limit {
                admission::LONGEST
            } else {
                self.admission.wait()
            },
        }
    }

    pub(crate) fn refused(&self, kind: OperationKind) {
        self.metrics
            .refused
            .get_or_create(&KindLabel { kind: kind.name() })
            .inc();
    }
}

/// A decision that is not on disk yet. What it needs is held; dropped, it is given back.
pub(crate) struct Intent {
    operation: Operation,
    reservation: Reservation,
}

impl Engine {
    /// Plans under the landscape's lock, reserves what the plan needs, makes the intent durable, and runs it. Where a repair
    /// is in the way, it is waited for: what Mortar does by itself is no reason to send somebody away.
    pub(crate) async fn submit(
        &self,
        kind: OperationKind,
        mut plan: impl FnMut(&Landscape, &mut Seed) -> Result<Plan, Refusal> + Send,
    ) -> Result<OperationId, EngineError> {
        let inner = &self.inner;
        let mut place = inner.admit().inspect_err(|_| inner.refused(kind))?;
        let until = Instant::now() + REPAIRED;
        loop {
            let mut seed = Seed::new(inner.entropy.draw());
            let id = OperationId::from_u128(seed.next_u128());
            let planned = {
                let mut landscape = inner.landscape();
                match plan(&landscape, &mut seed) {
                    Ok(plan) => Ok(self.intend(&mut landscape, place, id, kind, plan)),
                    Err(refusal) => Err((refusal, place)),
                }
            };
            let (refusal, unused) = match planned {
                Ok(intent) => return self.enter(intent).await,
                Err(refused) => refused,
            };
            match &refusal {
                Refusal::Busy(_, _, holder)
                    if kind != OperationKind::Repair && self.is_repair(*holder) && Instant::now() < until =>
                {
                    self.wait(*holder, until - Instant::now()).await;
                    place = unused;
                }
                _ => {
                    inner.refused(kind);
                    return Err(refusal.into());
                }
            }
        }
    }

    fn is_repair(&self, id: OperationId) -> bool {
        let open = self.inner.operations();
        let handle = open.open.get(&id);
        handle.is_some_and(|handle| {
            let operation = handle.snapshot();
            operation.kind == OperationKind::Repair && !operation.needs_attention()
        })
    }

    /// Holds what the plan needs.
    pub(crate) fn intend(
        &self,
        landscape: &mut Landscape,
        place: Place,
        id: OperationId,
        kind: OperationKind,
        plan: Plan,
    ) -> Intent {
        landscape.hold(id, &plan);
        Intent {
            reservation: Reservation::new(&self.inner, id, place),
            operation: Operation::new(id, kind, self.inner.clock.now_ms(), plan),
        }
    }

    /// Makes the intent durable, and runs it.
    pub(crate) async fn enter(&self, intent: Intent) -> Result<OperationId, EngineError> {
        let engine = self.clone();
        to_the_end(async move {
            let Intent {
                operation,
                reservation,
            } = intent;
            let (inner, id) = (&engine.inner, operation.id);
            let write = records::operation(&operation)?;
            if let Err(error) = inner.write(vec![write], Durability::Synced).await {
                return Err(reservation.not_recorded(error));
            }
            let handle = Arc::new(Handle::new(operation));
            inner.operations().open.insert(id, Arc::clone(&handle));
            inner.metrics.open.inc();
            let place = reservation.keep();
            engine.spawn(handle, place, Event::Begin);
            Ok(id)
        })
        .await
    }

    /// A change of records alone: one transaction, ended at once.
    pub(crate) async fn record(
        &self,
        plan: impl FnOnce(&Landscape) -> Result<Plan, Refusal> + Send,
    ) -> Result<OperationId, EngineError> {
        let inner = &self.inner;
        let place = inner.admit()?;
        let id = OperationId::from_u128(inner.entropy.draw());
        let now = inner.clock.now_ms();
        let (plan, mut writes, reservation) = {
            let mut landscape = inner.landscape();
            let plan = plan(&landscape).inspect_err(|_| inner.refused(OperationKind::Record))?;
            let writes = records::changes(landscape.inventory(), &plan.changes, &Facts::None)?;
            landscape.hold(id, &plan);
            (plan, writes, Reservation::new(inner, id, place))
        };
        let removed = plan.changes.first().is_some_and(mortar_plan::Change::removes);
        let ended = Ended {
            id,
            kind: OperationKind::Record,
            subject: plan.subject(),
            created: now,
            ended: now,
            outcome: Outcome::Done { removed },
            warnings: Vec::new(),
            cleanup: None,
            steps: StepsEnded::default(),
        };
        writes.extend(records::end(&ended)?);
        let inner = Arc::clone(inner);
        to_the_end(async move {
            if let Err(error) = inner.write(writes, Durability::Synced).await {
                return Err(reservation.not_recorded(error));
            }
            // Given back by the change itself: in between somebody could decide on what is no longer so.
            let place = reservation.keep();
            drive::settle(&inner, &plan.changes, &Facts::None, id);
            inner.operations().note_ended(&ended);
            drop(place);
            Ok(id)
        })
        .await
    }

    pub(crate) fn spawn(&self, handle: Arc<Handle>, place: Place, first: Event) {
        drive::spawn(Arc::clone(&self.inner), handle, place, first);
    }

    /// The operation, if it is under way or ended within the keeping time.
    pub fn operation(&self, id: OperationId) -> Option<OperationState> {
        let open = self.inner.operations().open.get(&id).cloned();
        match open {
            Some(handle) => Some(handle.state()),
            None => self.ended(id).map(OperationState::Ended),
        }
    }

    fn ended(&self, id: OperationId) -> Option<Ended> {
        self.inner.operations().ended.is_kept(id).then_some(())?;
        let key = id.to_string();
        let value = self.inner.store.get(Kind::Ended, &key).and_then(|value| {
            value
                .map(|value| decode::<Ended>(Kind::Ended, &key, &value))
                .transpose()
        });
        value
            .inspect_err(|error| tracing::error!(%error, "cannot read an ended operation"))
            .ok()?
    }

    /// Waits up to `limit` for the operation to come to rest; answers where it stands then.
    pub async fn wait(&self, id: OperationId, limit: Duration) -> Option<OperationState> {
        let handle = self.inner.operations().open.get(&id).cloned();
        if let Some(handle) = handle {
            // Past the limit the answer is simply where it stands.
            let _ = tokio::time::timeout(limit, handle.rest()).await;
            return Some(handle.state());
        }
        self.operation(id)
    }
}

/// Carries on in a task of its own: what is handed to the store is written also when the caller goes away, so what
/// follows from it must happen as well.
pub(crate) async fn to_the_end<R: Send + 'static>(
    work: impl Future<Output = Result<R, EngineError>> + Send + 'static,
) -> Result<R, EngineError> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and the program with it.
            Err(_) => Err(EngineError::Stopping),
        },
    }
}

/// What an operation holds, given back unless its intent is on disk.
struct Reservation {
    inner: Arc<Inner>,
    id: OperationId,
    /// None once it is kept.
    place: Option<Place>,
    /// Dropped when it is decided whether the intent is on disk: those wake who wait for that.
    _decided: watch::Sender<()>,
}

impl Reservation {
    /// Made while the landscape is locked, in which what it gives back was just held: whoever finds that, finds it as
    /// entering too.
    fn new(inner: &Arc<Inner>, id: OperationId, place: Place) -> Self {
        let (decided, waiting) = watch::channel(());
        inner.operations().entering.insert(id, waiting);
        Self {
            inner: Arc::clone(inner),
            id,
            place: Some(place),
            _decided: decided,
        }
    }

    /// The store did not say that the intent is on disk. Where nobody knows whether it is, what it holds stays held.
    fn not_recorded(mut self, error: StoreError) -> EngineError {
        if let StoreError::Uncertain { path, reason } = &error {
            let mut operations = self.inner.operations();
            operations.doubt(self.id, path.clone(), reason.clone());
            self.place = None;
        }
        EngineError::not_recorded(self.id, error)
    }

    /// The intent is on disk.
    fn keep(mut self) -> Place {
        self.place.take().expect("it is kept once")
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // Given back before those wake who wait: they decide anew, on what is then.
        if self.place.is_some() {
            self.inner.landscape().release(self.id);
        }
        self.inner.operations().entering.remove(&self.id);
        self.inner.rested.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::sync::Arc;

    use futures::FutureExt as _;
    use mortar_executor::LocalHosts;
    use mortar_model::OperationKind;
    use mortar_plan::Plan;
    use mortar_store::MemoryStore;

    use crate::{Config, Engine, Parts, SystemClock, SystemEntropy};

    /// Whoever plans with a bug is told by the door; what was held for the request is given back.
    #[tokio::test]
    async fn a_bug_in_a_plan_leaves_nothing_behind() {
        let parts = Parts {
            store: Arc::new(MemoryStore::new()),
            hosts: Arc::new(LocalHosts::new()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::open().unwrap()),
        };
        let engine = Engine::open(parts, Config::default()).unwrap();
        let bug = engine.submit(OperationKind::CreateVolume, |_, _| panic!("a bug in a plan"));
        assert!(AssertUnwindSafe(bug).catch_unwind().await.is_err());
        assert_eq!(engine.load().open, 0);
        assert!(engine.inner.operations().at_rest());
        let id = engine.submit(OperationKind::Record, |_, _| Ok(Plan::default()));
        let id = id.await.unwrap();
        assert!(
            engine
                .wait(id, std::time::Duration::from_secs(20))
                .await
                .unwrap()
                .at_rest()
        );
    }
}
