//! A volume that is asked for: made, or found when it was asked for before.

use mortar_journal::{Ended, Outcome, StepsEnded};
use mortar_model::{OperationId, OperationKind, VolumeId};
use mortar_plan::{CreateVolume, Creation, DeviceRefusal, Known, Refusal, Seed, Subject};
use mortar_store::{Durability, Kind, Write};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::submit::{Intent, to_the_end};

/// How often a request is decided anew because the operation that it would have joined came to nothing.
const TRIES: usize = 16;

enum Decided {
    New(Box<Intent>),
    Known(Known),
}

impl Engine {
    /// Makes a volume. Asked again by the same name, it answers with the operation that makes it, or with one that has
    /// ended and is about the volume that was made.
    ///
    /// # Errors
    /// It cannot be planned, or its name stands for something else; the refusal says why.
    pub async fn create_volume(&self, request: CreateVolume) -> Result<OperationId, EngineError> {
        let mut joined = None;
        for _ in 0..TRIES {
            let known = match self.decide(&request)? {
                Decided::New(intent) => return self.enter(*intent).await,
                Decided::Known(known) => known,
            };
            match known.operation {
                None => return self.made_before(known.volume).await,
                Some(id) if self.has_entered(id).await? => {
                    self.inner.metrics.repeated.inc();
                    return Ok(id);
                }
                // Its intent is surely not recorded, so it came to nothing: decided anew.
                Some(id) => joined = Some((known.volume, id)),
            }
        }
        let (volume, id) = joined.expect("every round before was about an operation");
        Err(Refusal::Busy("volume", volume.to_string(), id).into())
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
        let (inner, kind) = (&self.inner, OperationKind::CreateVolume);
        let decided = match inner.admit() {
            Ok(place) => {
                let mut seed = Seed::new(inner.entropy.draw());
                let id = OperationId::from_u128(seed.next_u128());
                let mut landscape = inner.landscape();
                let limits = &inner.config.limits;
                mortar_plan::create_volume(&landscape, limits, request, &mut seed)
                    .map(|creation| match creation {
                        Creation::New(plan) => {
                            Decided::New(Box::new(self.intend(&mut landscape, place, id, kind, plan)))
                        }
                        Creation::Known(known) => Decided::Known(known),
                    })
                    .map_err(EngineError::from)
            }
            // One that was asked for before begins nothing, and is answered also where nothing more may begin.
            Err(busy @ EngineError::Busy { .. }) => {
                match mortar_plan::known_volume(&inner.landscape(), request) {
                    Ok(Some(known)) => Ok(Decided::Known(known)),
                    Ok(None) => Err(busy),
                    Err(refusal) => Err(refusal.into()),
                }
            }
            Err(other) => Err(other),
        };
        decided.inspect_err(|_| inner.refused(kind))
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

    /// An operation that has ended and is about this volume: the one that made it, while that can still be asked
    /// for long enough; else one that only says so.
    async fn made_before(&self, volume: VolumeId) -> Result<OperationId, EngineError> {
        let inner = &self.inner;
        inner.metrics.repeated.inc();
        let now = inner.clock.now_ms();
        if let Some(id) = inner.operations().maker(volume, inner.config.keep_ended / 2) {
            return Ok(id);
        }
        let ended = Ended {
            id: OperationId::from_u128(inner.entropy.draw()),
            kind: OperationKind::CreateVolume,
            subject: Some(Subject::Volume(volume)),
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
