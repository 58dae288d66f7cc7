//! What doors can ask of the engine.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mortar_command::Settings;
use mortar_executor::Hosts;
use mortar_journal::{Event, Policy};
use mortar_model::{
    ByteSize, Cluster, ClusterId, Device, DeviceId, Node, NodeId, OperationId, OperationKind, State, Tags,
    VolumeId,
};
use mortar_plan::{AddNode, Change, Expansion, Landscape, Limits, Plan, Refusal, Seed, Subject};
use mortar_store::{Kind, Store, StoreError, decode};
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

use crate::admission::Admission;
use crate::backup::{self, BackupPlan, Keeper};
use crate::check::Checks;
use crate::clock::{Clock, Entropy};
use crate::cure::{self, CurePlan};
use crate::drive::Handle;
use crate::ended::Keeping;
use crate::error::{EngineError, OpenError};
use crate::heal::Heals;
use crate::holds::DrainPlan;
use crate::metrics::Metrics;
use crate::nobody::Proven;
use crate::operations::Operations;
use crate::pool::Gates;
use crate::pool_sight::PoolSight;
use crate::reconcile::Reconciler;
use crate::replace;
use crate::submit::OperationState;
use crate::{heal, health, nodes, pool_sight, reconcile, records};

/// What the engine stands on.
pub struct Parts {
    /// Where it remembers. One that waits for a disk should be behind a [`GroupCommit`](mortar_store::GroupCommit): what
    /// makes its changes in place keeps the runtime waiting meanwhile.
    pub store: Arc<dyn Store>,
    /// How it reaches nodes.
    pub hosts: Arc<dyn Hosts>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub entropy: Arc<dyn Entropy>,
}

/// How the engine behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bounds of placement.
    pub limits: Limits,
    /// How commands are made.
    pub settings: Settings,
    /// How often steps are tried.
    pub policy: Policy,
    /// Changes of one trusted pool that may be sent to glusterd side by side.
    pub pool_width: usize,
    /// Operations that may be under way, those that wait for their turn included. Over it: [`EngineError::Busy`].
    pub open_max: usize,
    /// Operations that run side by side.
    pub running_max: usize,
    /// How long an ended operation can be asked for, whatever the machine's clock is set to meanwhile.
    pub keep_ended: Duration,
    /// The same for what a person has to read: a drain, a move or a change of copies that failed. At most 1,000 of them are
    /// kept for longer than others.
    pub keep_failed: Duration,
    /// How long one question to a node may take that changes nothing. glusterd itself waits minutes for a member that
    /// fell silent; whoever asks what is wrong needs the rest of the answer now.
    pub patience: Duration,
    /// How often every node is asked whether glusterd runs.
    pub health_interval: Duration,
    /// How often a node that did not answer is asked again. Also how long after the start, and after a node is back, the
    /// nodes are compared with the records.
    pub recovery_interval: Duration,
    /// How long an operation that needs attention waits until it is tried again by itself; each further wait is twice as
    /// long. What stood in its way may be gone without anybody having noticed.
    pub attention_first: Duration,
    /// The longest of these waits.
    pub attention_longest: Duration,
    /// How long drains wait for what keeps bricks where they are, and how often they try.
    pub drain: DrainPlan,
    /// Where the store is backed up, and how often; `None` where it is not.
    pub backups: Option<BackupPlan>,
    /// How often the nodes are compared with the records.
    pub check_interval: Duration,
    /// How long a node may take to show everything that is on it.
    pub check_patience: Duration,
    /// How often thin pools that may promise more than they have are looked at.
    pub pool_interval: Duration,
    /// Whether what was found is mended by itself, where that is proven safe, and the nodes' files follow the records.
    pub automatic: bool,
    /// Fill of a thin pool from which on it is warned of, in per cent.
    pub pool_fill: f64,
    /// Fill of a part of a device, in per cent, from which on it takes no bricks.
    pub fill_stop: u8,
    /// How long to wait between two passes over what all volumes have to heal; `None` where nobody is asked by the clock.
    pub heal_interval: Option<Duration>,
    /// When a member that differs from the others of its pool is cured; `None` where that is left to people.
    pub cure: Option<CurePlan>,
    /// How long a node or a device must be lost before its bricks are replaced; `None` where that is left to people.
    pub replace_after: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            settings: Settings::default(),
            policy: Policy::default(),
            pool_width: 4,
            open_max: 1024,
            running_max: 64,
            keep_ended: Duration::from_secs(3600),
            keep_failed: Duration::from_secs(7 * 86400),
            patience: Duration::from_secs(15),
            health_interval: Duration::from_secs(120),
            recovery_interval: Duration::from_secs(5),
            attention_first: Duration::from_secs(30),
            attention_longest: Duration::from_secs(600),
            drain: DrainPlan::default(),
            backups: None,
            check_interval: Duration::from_secs(600),
            check_patience: Duration::from_secs(60),
            pool_interval: Duration::from_secs(60),
            automatic: true,
            pool_fill: 80.0,
            fill_stop: 90,
            heal_interval: Some(Duration::from_secs(300)),
            cure: Some(CurePlan::default()),
            replace_after: None,
        }
    }
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hosts: Arc<dyn Hosts>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    landscape: Mutex<Landscape>,
    operations: Mutex<Operations>,
    /// Nodes that do not answer, and since when.
    silent: Mutex<BTreeMap<NodeId, Instant>>,
    pub(crate) proven: Proven,
    /// Held by whoever changes which nodes may use volumes: how many volumes a node has is counted over all of them.
    pub(crate) attaching: tokio::sync::Mutex<()>,
    pub(crate) gates: Gates,
    /// Members may differ from now on: a node is back, or a change met one that was away.
    pub(crate) may_differ: Arc<Notify>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) running: Semaphore,
    pub(crate) metrics: Metrics,
    pub(crate) backups: Keeper,
    pub(crate) stopping: AtomicBool,
    /// No further action is begun; what waits is woken.
    pub(crate) halted: AtomicBool,
    pub(crate) halt: Arc<Notify>,
    /// Some operation ended or came to rest.
    pub(crate) rested: Notify,
    pub(crate) checks: Checks,
    pub(crate) heals: Heals,
    pub(crate) pool_sight: PoolSight,
    pub(crate) reconciler: Arc<Reconciler>,
}

impl Inner {
    // A panic while the lock is held leaves a landscape whose parts were each changed completely or not at all
    // (plans are made before anything is held), so going on beats taking every later request down with it.
    pub(crate) fn landscape(&self) -> MutexGuard<'_, Landscape> {
        self.landscape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn operations(&self) -> MutexGuard<'_, Operations> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn silent(&self) -> MutexGuard<'_, BTreeMap<NodeId, Instant>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Acquire)
    }
}

/// The engine. Cheap to clone; all clones are the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

impl Engine {
    /// Reads what is recorded. Nothing runs until [`Self::start`].
    ///
    /// # Errors
    /// The store cannot be read, or its records contradict each other.
    pub fn open(parts: Parts, config: Config) -> Result<Self, OpenError> {
        let Parts {
            store,
            hosts,
            clock,
            entropy,
        } = parts;
        let loaded = records::load(store.as_ref())?;
        let violations = mortar_model::check::check(loaded.landscape.inventory());
        for violation in &violations {
            tracing::error!(found = %violation.0, "the records break an invariant");
        }
        let now = clock.now_ms();
        let keeping = Keeping {
            all: config.keep_ended,
            to_read: config.keep_failed,
        };
        let operations = Operations::load(loaded.open, &loaded.ended, now, keeping);
        let metrics = Metrics::new(config.open_max);
        let inner = Inner {
            gates: Gates::new(config.pool_width, metrics.pool_waiting.clone()),
            admission: Admission::new(config.open_max, metrics.admitted.clone()),
            running: Semaphore::new(config.running_max.max(1)),
            store,
            hosts,
            clock,
            entropy,
            landscape: Mutex::new(loaded.landscape),
            operations: Mutex::new(operations),
            silent: Mutex::default(),
            proven: Proven::default(),
            attaching: tokio::sync::Mutex::default(),
            may_differ: Arc::new(Notify::new()),
            metrics,
            backups: Keeper::new(config.backups.clone()),
            stopping: AtomicBool::new(false),
            halted: AtomicBool::new(false),
            halt: Arc::new(Notify::new()),
            rested: Notify::new(),
            checks: Checks::default(),
            heals: Heals::default(),
            pool_sight: PoolSight::default(),
            reconciler: Arc::default(),
            config,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Takes up what was under way when the program ended, and starts looking after nodes. Must run on a tokio runtime.
    pub fn start(&self) {
        let open: Vec<Arc<Handle>> = self.inner.operations().open.values().cloned().collect();
        if open.is_empty() && self.view(|landscape| landscape.inventory().clusters().next().is_none()) {
            tracing::info!(
                "nothing is recorded; if the store was lost, 'mortar rebuild --node HOST' restores it from the nodes"
            );
        }
        for handle in open {
            self.inner.metrics.open.inc();
            tracing::info!(operation = %handle.id(), "taken up again after a restart");
            let place = self.inner.admission.enter_again();
            self.spawn(handle, place, Event::Resume);
        }
        health::spawn(&self.inner);
        backup::spawn(&self.inner);
        reconcile::spawn(&self.inner);
        cure::spawn(&self.inner);
        replace::spawn(&self.inner);
        heal::spawn(&self.inner);
        pool_sight::spawn(&self.inner);
    }

    /// Looks at the landscape; quick things only, since decisions wait meanwhile.
    pub fn view<R>(&self, look: impl FnOnce(&Landscape) -> R) -> R {
        look(&self.inner.landscape())
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Bounds of placement.
    pub fn limits(&self) -> &Limits {
        &self.inner.config.limits
    }

    /// Makes a cluster.
    ///
    /// # Errors
    /// It could not be recorded.
    pub async fn create_cluster(&self, file: bool, block: bool) -> Result<Cluster, EngineError> {
        let cluster = Cluster {
            id: ClusterId::from_u128(self.inner.entropy.draw()),
            file,
            block,
        };
        self.record(|_| Ok(Plan::record(vec![Change::PutCluster(cluster.clone())])))
            .await?;
        Ok(cluster)
    }

    /// Sets what kinds of volumes a cluster takes.
    ///
    /// # Errors
    /// It is unknown or being changed, or could not be recorded.
    pub async fn set_cluster_flags(&self, id: ClusterId, file: bool, block: bool) -> Result<(), EngineError> {
        let change = |landscape: &Landscape| {
            free(landscape, Subject::Cluster(id))?;
            landscape
                .inventory()
                .cluster(id)
                .ok_or(Refusal::UnknownCluster(id))?;
            Ok(Plan::record(vec![Change::PutCluster(Cluster {
                id,
                file,
                block,
            })]))
        };
        self.record(change).await.map(drop)
    }

    /// Removes an empty cluster.
    ///
    /// # Errors
    /// It is unknown, holds nodes or volumes or is about to, or could not be recorded.
    pub async fn delete_cluster(&self, id: ClusterId) -> Result<(), EngineError> {
        let change = |landscape: &Landscape| {
            free(landscape, Subject::Cluster(id))?;
            let inventory = landscape.inventory();
            inventory.cluster(id).ok_or(Refusal::UnknownCluster(id))?;
            if inventory.nodes_of(id).next().is_some() || landscape.nodes_to_come(id).is_some() {
                return Err(Refusal::InUse("cluster", id.to_string(), "nodes"));
            }
            if inventory.volume_count(id) > 0 {
                return Err(Refusal::InUse("cluster", id.to_string(), "volumes"));
            }
            Ok(Plan::record(vec![Change::RemoveCluster(id)]))
        };
        self.record(change).await.map(drop)
    }

    /// Adds a node, after asking it whether it can join.
    ///
    /// # Errors
    /// It cannot be planned, or the node does not answer, has no glusterd or belongs to another pool.
    pub async fn add_node(&self, request: AddNode) -> Result<OperationId, EngineError> {
        // Planned once without asking anybody: a request that cannot be is answered at once.
        self.view(|landscape| mortar_plan::add_node(landscape, &request, &mut Seed::new(0)))?;
        if let Err(trouble) = nodes::can_join(&self.inner, &request).await {
            // Nobody speaks to it again, unless somebody asks again.
            self.inner.hosts.forget(request.manage.as_str());
            return Err(trouble);
        }
        self.submit(OperationKind::AddNode, |landscape, seed| {
            mortar_plan::add_node(landscape, &request, seed)
        })
        .await
    }

    /// Removes a node without devices from its pool.
    ///
    /// # Errors
    /// It is unknown, being changed, or has devices.
    pub async fn remove_node(&self, id: NodeId) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::RemoveNode, |landscape, _| {
            mortar_plan::remove_node(landscape, id)
        })
        .await
    }

    /// Gives a device without bricks back, bare; with `forget`, no command is sent to its node.
    ///
    /// # Errors
    /// It is unknown, being changed, or has bricks.
    pub async fn remove_device(&self, id: DeviceId, forget: bool) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::RemoveDevice, |landscape, _| {
            mortar_plan::remove_device(landscape, id, forget)
        })
        .await
    }

    /// Takes a device's size up to what its disk, or its directory's file system, has.
    ///
    /// # Errors
    /// It is unknown or being changed. That it is too small for what it holds is told by the operation.
    pub async fn resize_device(&self, id: DeviceId) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::ResizeDevice, |landscape, _| {
            mortar_plan::resize_device(landscape, id)
        })
        .await
    }

    /// Makes a volume larger: by larger bricks, or by further sets of them.
    ///
    /// # Errors
    /// It cannot be planned; the refusal says why.
    pub async fn expand_volume(
        &self,
        id: VolumeId,
        by: ByteSize,
        way: Expansion,
    ) -> Result<OperationId, EngineError> {
        self.expand_volume_from(id, None, by, way).await
    }

    /// As [`Self::expand_volume`], if the volume is still of this size: who lost an answer asks again and makes it no
    /// larger than wanted.
    ///
    /// # Errors
    /// It cannot be planned, or has another size by now; the refusal says why.
    pub async fn expand_volume_from(
        &self,
        id: VolumeId,
        from: Option<ByteSize>,
        by: ByteSize,
        way: Expansion,
    ) -> Result<OperationId, EngineError> {
        let limits = self.inner.config.limits.clone();
        self.submit(OperationKind::ExpandVolume, |landscape, seed| {
            let volume = landscape.inventory().volume(id);
            if volume.is_some_and(|volume| from.is_some_and(|from| from != volume.size)) {
                return Err(Refusal::Stale("volume", id.to_string()));
            }
            mortar_plan::expand_volume(landscape, &limits, id, by, way, seed)
        })
        .await
    }

    /// Removes a volume and its bricks.
    ///
    /// # Errors
    /// It is unknown or being changed.
    pub async fn delete_volume(&self, id: VolumeId) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::DeleteVolume, |landscape, _| {
            mortar_plan::delete_volume(landscape, id)
        })
        .await
    }

    /// Sets whether a node takes new bricks.
    ///
    /// # Errors
    /// It is unknown or being changed, or could not be recorded.
    pub async fn set_node_state(&self, id: NodeId, state: State) -> Result<OperationId, EngineError> {
        self.change_node(id, |node| node.state = state).await
    }

    /// Sets a node's labels, from those it has; answers what they are then.
    ///
    /// # Errors
    /// It is unknown or being changed, or could not be recorded.
    pub async fn set_node_tags(
        &self,
        id: NodeId,
        change: impl FnOnce(&mut Tags) + Send,
    ) -> Result<Tags, EngineError> {
        self.change_node(id, |node| change(&mut node.tags)).await?;
        Ok(self.view(|landscape| {
            landscape
                .inventory()
                .node(id)
                .map(|node| node.tags.clone())
                .unwrap_or_default()
        }))
    }

    async fn change_node(
        &self,
        id: NodeId,
        change: impl FnOnce(&mut Node) + Send,
    ) -> Result<OperationId, EngineError> {
        self.record(|landscape| {
            free(landscape, Subject::Node(id))?;
            let node = landscape
                .inventory()
                .node(id)
                .ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
            let mut node = node.clone();
            change(&mut node);
            Ok(Plan::record(vec![Change::PutNode(node)]))
        })
        .await
    }

    /// Sets whether a device takes new bricks.
    ///
    /// # Errors
    /// It is unknown or being changed, or could not be recorded.
    pub async fn set_device_state(&self, id: DeviceId, state: State) -> Result<OperationId, EngineError> {
        self.change_device(id, |device| device.state = state).await
    }

    /// Sets a device's labels, from those it has; answers what they are then.
    ///
    /// # Errors
    /// It is unknown or being changed, or could not be recorded.
    pub async fn set_device_tags(
        &self,
        id: DeviceId,
        change: impl FnOnce(&mut Tags) + Send,
    ) -> Result<Tags, EngineError> {
        self.change_device(id, |device| change(&mut device.tags)).await?;
        Ok(self.view(|landscape| {
            landscape
                .inventory()
                .device(id)
                .map(|device| device.tags.clone())
                .unwrap_or_default()
        }))
    }

    async fn change_device(
        &self,
        id: DeviceId,
        change: impl FnOnce(&mut Device) + Send,
    ) -> Result<OperationId, EngineError> {
        self.record(|landscape| {
            free(landscape, Subject::Device(id))?;
            let device = landscape
                .inventory()
                .device(id)
                .ok_or_else(|| Refusal::Unknown("device", id.to_string()))?;
            let mut device = device.clone();
            change(&mut device);
            Ok(Plan::record(vec![Change::PutDevice(device)]))
        })
        .await
    }

    /// What the store keeps under this key beside the records of things.
    ///
    /// # Errors
    /// The store cannot be read, or holds something else there.
    pub fn note<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StoreError> {
        let value = self.inner.store.get(Kind::Meta, key)?;
        value.map(|value| decode(Kind::Meta, key, &value)).transpose()
    }

    /// An id that no operation has: the name of what somebody waits for that is no operation.
    pub fn unused_id(&self) -> OperationId {
        OperationId::from_u128(self.inner.entropy.draw())
    }

    /// Takes up an operation that needs attention once more. Answers whether there is such a one.
    pub fn retry(&self, id: OperationId) -> bool {
        let handle = self.inner.operations().open.get(&id).cloned();
        handle.is_some_and(|handle| handle.nudge())
    }

    /// Operations under way, oldest first, then those that ended within the keeping time, newest first; at most `limit` of these.
    pub fn operations(&self, ended_limit: usize) -> (Vec<OperationState>, usize) {
        let (mut open, ended, more) = {
            let operations = self.inner.operations();
            let open: Vec<_> = operations.open.values().map(|handle| handle.snapshot()).collect();
            let ended: Vec<_> = operations.ended.newest().take(ended_limit).collect();
            let more = operations.ended.len().saturating_sub(ended.len());
            (open, ended, more)
        };
        open.sort_by_key(|operation| (operation.created, operation.id));
        let mut all: Vec<OperationState> = open
            .into_iter()
            .map(|operation| OperationState::Open(Box::new(operation)))
            .collect();
        all.extend(ended.into_iter().filter_map(|id| self.operation(id)));
        (all, more)
    }

    /// Ends: takes no new work, waits up to `limit` for what runs, then leaves the rest resumable.
    pub async fn stop(&self, limit: Duration) {
        self.inner.stopping.store(true, Ordering::Release);
        let drained = async {
            loop {
                let rested = self.inner.rested.notified();
                if self.inner.operations().at_rest() {
                    return;
                }
                rested.await;
            }
        };
        if tokio::time::timeout(limit, drained).await.is_err() {
            let left = self.inner.operations().open.len();
            tracing::warn!(
                left,
                "operations are left as they are; they go on after the next start"
            );
        }
        self.inner.halted.store(true, Ordering::Release);
        self.inner.halt.notify_waiters();
    }
}

/// Nobody else changes the thing.
pub(crate) fn free(landscape: &Landscape, subject: Subject) -> Result<(), Refusal> {
    match landscape.holder(subject) {
        Some(operation) => Err(Refusal::Busy(subject.kind(), subject.id(), operation)),
        None => Ok(()),
    }
}
