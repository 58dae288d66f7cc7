//! The operations that are known: on their way to the disk, under way, ended a while ago.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mortar_journal::{Ended, Operation, Outcome};
use mortar_model::{OperationId, OperationKind};
use mortar_plan::Subject;
use mortar_store::StoreError;
use tokio::sync::watch;

use crate::drive::Handle;
use crate::ended::{EndedLately, Keeping};
use crate::error::EngineError;
use crate::holds::Drain;

/// Operations under way and those that ended a while ago.
pub(crate) struct Operations {
    pub(crate) open: BTreeMap<OperationId, Arc<Handle>>,
    /// Those whose intent is on its way to the disk. The sender goes when it is there, or will never be.
    pub(crate) entering: BTreeMap<OperationId, watch::Receiver<()>>,
    /// Those of which nobody knows before the next start whether they are recorded, with what the store said. What they
    /// hold stays held: were it given back, somebody else might be given the same once more.
    doubtful: BTreeMap<OperationId, (PathBuf, String)>,
    pub(crate) ended: EndedLately,
    /// What drains remember.
    pub(crate) drains: BTreeMap<OperationId, Drain>,
    /// The ended operation that made each volume, snapshot and group: for those who ask for it again.
    makers: BTreeMap<Subject, OperationId>,
}

impl Operations {
    /// Those that a store remembers, the ended ones oldest first; `now` is in milliseconds since 1970.
    pub(crate) fn load(open: Vec<Operation>, ended: &[Ended], now: u64, keeping: Keeping) -> Self {
        let handle = |operation: Operation| (operation.id, Arc::new(Handle::new(operation)));
        Self {
            open: open.into_iter().map(handle).collect(),
            entering: BTreeMap::new(),
            doubtful: BTreeMap::new(),
            drains: BTreeMap::new(),
            ended: EndedLately::load(ended, now, keeping),
            makers: ended.iter().filter_map(made).collect(),
        }
    }

    /// One has ended just now, and that is recorded.
    pub(crate) fn note_ended(&mut self, ended: &Ended) {
        self.ended.add(ended);
        self.drains.remove(&ended.id);
        self.makers.extend(made(ended));
    }

    /// The operation that made the thing, if it can be asked for at least so long from now on.
    pub(crate) fn maker(&self, subject: Subject, lasting: Duration) -> Option<OperationId> {
        let maker = self.makers.get(&subject).copied();
        maker.filter(|id| self.ended.lasts(*id, lasting))
    }

    /// These of the ended are forgotten.
    pub(crate) fn forget(&mut self, over: &[OperationId]) {
        self.ended.forget(over);
        self.makers.retain(|_, id| self.ended.is_kept(*id));
    }

    /// Whether the operation is recorded shows after the next start.
    pub(crate) fn doubt(&mut self, id: OperationId, path: PathBuf, reason: String) {
        self.doubtful.insert(id, (path, reason));
    }

    /// What is said to those who ask for what this operation may be about.
    pub(crate) fn doubt_of(&self, id: OperationId) -> Option<EngineError> {
        let (path, reason) = self.doubtful.get(&id)?.clone();
        Some(EngineError::Uncertain {
            operation: id,
            source: StoreError::Uncertain { path, reason },
        })
    }

    /// Whether none goes on by itself, and none is about to. One that only waits for others stands still between two of them:
    /// when nothing more may be begun, there is nothing to wait for.
    pub(crate) fn at_rest(&self) -> bool {
        let mut at_work = self.open.values().filter(|handle| !handle.drains());
        self.entering.is_empty() && !at_work.any(|handle| handle.is_running())
    }
}

/// What it made that can be asked for again.
fn made(ended: &Ended) -> Option<(Subject, OperationId)> {
    let makes = matches!(
        ended.kind,
        OperationKind::CreateVolume
            | OperationKind::CloneVolume
            | OperationKind::CreateSnapshot
            | OperationKind::CreateSnapshotGroup
            | OperationKind::CreateBlock
    );
    let done = matches!(ended.outcome, Outcome::Done { .. });
    (makes && done).then_some((ended.subject?, ended.id))
}
