//! A trusted pool that nobody manages, taken under management: its nodes are asked, [`mortar_survey::adopt`] says what it
//! understands, and that is recorded in one transaction. Nothing is changed on any node.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};
use mortar_command::query::folder;
use mortar_model::{DevicePath, HostName, OperationId, VolumeName};
use mortar_plan::{Change, Landscape, Plan, Refusal, Seed};
use mortar_survey::adopt::{Adoption, Places, Understanding, adopt, folders};

use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::rebuild::{WIDTH, ask, fits, hear, idle};

/// Folders that one batch asks for.
const FOLDERS: usize = 500;

/// What an adoption came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Adopted {
    /// What was recorded, or would be, and what is to be told.
    pub adoption: Adoption,
    /// The hosts that were asked, with the reason of those that did not answer.
    pub asked: Vec<(HostName, Option<String>)>,
    /// The operation that recorded it; `None` when nothing was recorded.
    pub operation: Option<OperationId>,
}

impl Engine {
    /// Takes what these hosts and the members of their pools show under management: all volumes that are understood, or
    /// those of these names. With `dry_run`, nothing is recorded.
    ///
    /// # Errors
    /// Operations are under way, a volume that was named is recorded already, what was found collides with the records, or it could
    /// not be recorded.
    pub async fn adopt(
        &self,
        hosts: &[HostName],
        only: Option<&BTreeSet<VolumeName>>,
        dry_run: bool,
    ) -> Result<Adopted, EngineError> {
        let inner = &self.inner;
        self.view(idle)?;
        let heard = hear(inner, hosts).await;
        let places = ask_places(inner, folders(&heard)).await;
        let seed = inner.entropy.draw();
        let adoption = {
            let recorded = inner.landscape().inventory().clone();
            adopt(&heard, &places, &recorded, only, &mut Seed::new(seed))
        };
        if only.is_some() {
            named_twice(&adoption)?;
        }
        let changes = &adoption.changes;
        self.view(|landscape| still_fits(landscape, changes))?;
        let operation = if dry_run || changes.is_empty() {
            None
        } else {
            let record = |landscape: &Landscape| {
                still_fits(landscape, changes)?;
                Ok(Plan::record(changes.clone()))
            };
            Some(self.record(record).await?)
        };
        if operation.is_some() {
            let volumes = adoption.volumes.iter().filter(|judged| judged.is_adopted());
            let (volumes, changes) = (volumes.count(), changes.len());
            tracing::info!(volumes, changes, "a pool was adopted");
        }
        let asked = heard.hosts.into_iter();
        Ok(Adopted {
            adoption,
            asked: asked.map(|(host, answer)| (host, answer.err())).collect(),
            operation,
        })
    }
}

async fn ask_places(inner: &Inner, folders: BTreeMap<HostName, BTreeSet<DevicePath>>) -> Places {
    let asked: Vec<(HostName, Vec<DevicePath>)> = folders
        .into_iter()
        .flat_map(|(host, paths)| {
            let paths: Vec<DevicePath> = paths.into_iter().collect();
            let parts: Vec<_> = paths
                .chunks(FOLDERS)
                .map(|part| (host.clone(), part.to_vec()))
                .collect();
            parts
        })
        .collect();
    let answers: Vec<_> = stream::iter(asked)
        .map(|(host, paths)| async move {
            let batch = folder::ask(&inner.config.settings, &paths);
            let report = ask(inner, &host, &batch, "look at the folders of bricks").await;
            let places = folder::read(&paths, &report);
            let places = paths.into_iter().zip(places);
            places
                .map(|(path, place)| {
                    let place = place.map_err(|error| error.to_string());
                    ((host.clone(), path), place)
                })
                .collect::<Vec<_>>()
        })
        .buffer_unordered(WIDTH)
        .collect()
        .await;
    answers.into_iter().flatten().collect()
}

/// A volume that was asked for by its name is not taken a second time.
fn named_twice(adoption: &Adoption) -> Result<(), Refusal> {
    let known = adoption
        .volumes
        .iter()
        .filter(|judged| judged.understanding == Understanding::Recorded);
    let known: Vec<String> = known.map(|judged| format!("volume {}", judged.name)).collect();
    if known.is_empty() {
        return Ok(());
    }
    Err(Refusal::Recorded(known))
}

/// Whether the records still take it: nodes were asked meanwhile.
fn still_fits(landscape: &Landscape, changes: &[Change]) -> Result<(), Refusal> {
    idle(landscape)?;
    fits(landscape, changes)
}
