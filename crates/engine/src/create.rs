//! A volume that is asked for: made, or found when it was asked for before.

use mortar_journal::{Ended, Outcome, StepsEnded};
use mortar_model::{OperationId, OperationKind};
use mortar_plan::{CreateVolume, Creation, DeviceRefusal, Known, Landscape, Plan, Refusal, Seed, Subject};
use mortar_store::{Durability, Kind, Write};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::pool_sight;
use crate::submit::{Intent, to_the_end};

/// How often a request is decided anew because the operation that it would have joined came to nothing.
const TRIES: usize = 16;

/// How often places are chosen before a volume is made, to look at pools that are among them.
const LOOKS: usize = 3;

/// What becomes of a request by name.
pub(crate) enum Decided {
    /// It is new.
    New(Box<Intent>),
    /// What is asked for is there, or this operation is making it.
    Known(Subject, Option<OperationId>),
}

/// What a plan came to.
pub(crate) enum Planned {
    /// It is new, and this makes it.
    New(Plan),
    /// What is asked for is there, or this operation is making it.
    Known(Subject, Option<OperationId>),
}

impl From<Creation> for Planned {
    fn from(creation: Creation) -> Self {
        match creation {
            Creation::New(plan) => Self::New(plan),
            Creation::Known(known) => Self::Known(Subject::Volume(known.volume), known.operation),
        }
    }
}

fn of_known(known: Known) -> (Subject, Option<OperationId>) {
    (Subject::Volume(known.volume), known.operation)
}

impl Engine {
    /// Makes a volume. Asked again by the same name, it answers with the operation that makes it, or with one that has
    /// ended and is about the volume that was made.
    ///
    /// # Errors
    /// It cannot be planned, or its name stands for something else; the refusal says why.
    pub async fn create_volume(&self, request: CreateVolume) -> Result<OperationId, EngineError> {
        self.look_at_pools(&request).await;
        self.once(OperationKind::CreateVolume, || self.decide(&request))
            .await
    }

    /// Pools that promise more than they have are looked at before bricks go there: one that is found nearly full is left out, and
    /// others take its place, which are looked at, too.
    async fn look_at_pools(&self, request: &CreateVolume) {
        let limits = &self.inner.config.limits;
        if self.view(|landscape| landscape.inventory().overcommitted().next().is_none()) {
            return;
        }
        for _ in 0..LOOKS {
            let planned = self
                .view(|landscape| mortar_plan::create_volume(landscape, limits, request, &mut Seed::new(0)));
            let Ok(Creation::New(plan)) = planned else { return };
            if !pool_sight::refresh(&self.inner, plan.new_bricks().map(|brick| brick.device)).await {
                return;
            }
        }
    }

    /// Begins what is decided; or answers with the operation that makes it, or with one that has ended and is about it.
    pub(crate) async fn once(
        &self,
        kind: OperationKind,
        decide: impl Fn() -> Result<Decided, EngineError> + Send + Sync,
    ) -> Result<OperationId, EngineError> {
        let mut joined = None;
        for _ in 0..TRIES {
            let (subject, operation) = match decide().inspect_err(|_| self.inner.refused(kind))? {
                Decided::New(intent) => return self.enter(*intent).await,
                Decided::Known(subject, operation) => (subject, operation),
            };
            match operation {
                None => return self.made_before(kind, subject).await,
                Some(id) if self.has_entered(id).await? => {
                    self.inner.metrics.repeated.inc();
                    return Ok(id);
                }
                // Its intent is surely not recorded, so it came to nothing: decided anew.
                Some(id) => joined = Some((subject, id)),
            }
        }
        let (subject, id) = joined.expect("every round before was about an operation");
        Err(Refusal::Busy(subject.kind(), subject.id(), id).into())
    }

    /// Where would this volume go, and why not elsewhere? Changes nothing.
    ///
    /// # Errors
    /// It cannot be planned; the refusal says why.
    pub fn plan_volume(
        &self,
        request: &CreateVolume,
    ) -> Result<(Creation, Vec<DeviceRefusal>, usize), Refusal> {
        let limits = &self.inner.config.limits;
        let mut seed = Seed::new(self.inner.entropy.draw());
        self.view(|landscape| {
            let creation = mortar_plan::create_volume(landscape, limits, request, &mut seed)?;
            let (devices, more) = match &creation {
                Creation::New(plan) => mortar_plan::device_verdicts(landscape, limits, request, plan),
                Creation::Known(_) => (Vec::new(), 0),
            };
            Ok((creation, devices, more))
        })
    }

    fn decide(&self, request: &CreateVolume) -> Result<Decided, EngineError> {
        let limits = &self.inner.config.limits;
        self.decide_by(
            OperationKind::CreateVolume,
            |landscape, seed| mortar_plan::create_volume(landscape, limits, request, seed).map(Into::into),
            |landscape| mortar_plan::known_volume(landscape, request).map(|known| known.map(of_known)),
        )
    }

    /// Decides under the landscape's lock, and holds what the plan needs. `known` tells what was asked for before: that begins
    /// nothing, and is answered also where nothing more may begin.
    pub(crate) fn decide_by(
        &self,
        kind: OperationKind,
        plan: impl FnOnce(&Landscape, &mut Seed) -> Result<Planned, Refusal>,
        known: impl FnOnce(&Landscape) -> Result<Option<(Subject, Option<OperationId>)>, Refusal>,
    ) -> Result<Decided, EngineError> {
        let inner = &self.inner;
        match inner.admit() {
            Ok(place) => {
                let mut seed = Seed::new(inner.entropy.draw());
                let id = OperationId::from_u128(seed.next_u128());
                let mut landscape = inner.landscape();
                Ok(match plan(&landscape, &mut seed)? {
                    Planned::New(plan) => {
                        Decided::New(Box::new(self.intend(&mut landscape, place, id, kind, plan)))
                    }
                    Planned::Known(subject, operation) => Decided::Known(subject, operation),
                })
            }
            Err(busy @ EngineError::Busy { .. }) => match known(&inner.landscape())? {
                Some((subject, operation)) => Ok(Decided::Known(subject, operation)),
                None => Err(busy),
            },
            Err(other) => Err(other),
        }
    }

    /// Whether the operation's intent is on disk; waits while it is on its way there. Only then may its id be told: a
    /// crash before would leave nobody who knows it.
    ///
    /// # Errors
    /// Nobody knows whether it is on disk.
    async fn has_entered(&self, id: OperationId) -> Result<bool, EngineError> {
        let entering = self.inner.operations().entering.get(&id).cloned();
        if let Some(mut decided) = entering {
            // Nothing is ever sent: the sender goes when it is decided.
            let _ = decided.changed().await;
        }
        let doubt = self.inner.operations().doubt_of(id);
        doubt.map_or_else(|| Ok(self.operation(id).is_some()), Err)
    }

    /// An operation that has ended and is about this thing: the one that made it, while that can still be asked
    /// for long enough; else one that only says so.
    async fn made_before(&self, kind: OperationKind, subject: Subject) -> Result<OperationId, EngineError> {
        let inner = &self.inner;
        inner.metrics.repeated.inc();
        let now = inner.clock.now_ms();
        if let Some(id) = inner.operations().maker(subject, inner.config.keep_ended / 2) {
            return Ok(id);
        }
        let ended = Ended {
            id: OperationId::from_u128(inner.entropy.draw()),
            kind,
            subject: Some(subject),
            created: now,
            ended: now,
            outcome: Outcome::Done { removed: false },
            warnings: Vec::new(),
            cleanup: None,
            steps: StepsEnded::default(),
        };
        let write = Write::put(Kind::Ended, &ended.id, &ended)?;
        let engine = self.clone();
        to_the_end(async move {
            let written = engine.inner.write(vec![write], Durability::Synced).await;
            written.map_err(|error| EngineError::not_recorded(ended.id, error))?;
            engine.inner.operations().note_ended(&ended);
            Ok(ended.id)
        })
        .await
    }
}
