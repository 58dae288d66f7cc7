//! Heketi's routes. Each handler reads and checks the body first, then looks for the thing, then asks the engine.

pub(crate) mod admin;
pub(crate) mod blocks;
pub(crate) mod bricks;
pub(crate) mod cleanup;
pub(crate) mod clones;
pub(crate) mod clusters;
pub(crate) mod db;
pub(crate) mod devices;
pub(crate) mod examine;
pub(crate) mod hello;
pub(crate) mod lists;
pub(crate) mod nodes;
pub(crate) mod operations;
pub(crate) mod queue;
pub(crate) mod topology;
pub(crate) mod volumes;

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use mortar_engine::OperationState;
use mortar_engine::plan::Subject;
use mortar_heketi::WireError;
use mortar_model::{OperationKind, State, VolumeId};

use crate::convert::heketi::Leaving;
use crate::http::answer::Plain;
use crate::state::{App, Shared};

/// The id in a path: hexadecimal, as the gate saw to. Whether it is one that can exist is said after the body was
/// checked, as Heketi does.
pub(crate) struct Id(String);

impl Id {
    /// The id as that of a thing.
    ///
    /// # Errors
    /// It is too short or too long to be any thing's.
    pub(crate) fn of<T: FromStr>(&self) -> Result<T, WireError> {
        self.0.parse().map_err(|_| WireError::IdNotFound)
    }
}

impl Id {
    /// The id as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl FromRequestParts<App> for Id {
    type Rejection = Plain;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Plain> {
        let Path(text) = Path::from_request_parts(parts, app)
            .await
            .map_err(|_| WireError::InvalidPath)?;
        Ok(Self(text))
    }
}

impl Shared {
    /// Which of these volumes are just being deleted.
    pub(crate) fn leaving(&self, volumes: impl FnOnce(&mortar_model::Inventory) -> Vec<VolumeId>) -> Leaving {
        let held: Vec<_> = self.engine.view(|landscape| {
            let held = |id| landscape.holder(Subject::Volume(id)).map(|holder| (id, holder));
            volumes(landscape.inventory())
                .into_iter()
                .filter_map(held)
                .collect()
        });
        let deleting = |state: &OperationState| match state {
            OperationState::Open(operation) => operation.kind == OperationKind::DeleteVolume,
            OperationState::Ended(operation) => operation.kind == OperationKind::DeleteVolume,
        };
        let leaving = held
            .into_iter()
            .filter(|(_, holder)| self.engine.operation(*holder).as_ref().is_some_and(deleting));
        leaving.map(|(id, _)| id).collect()
    }
}

/// What stands in the way of a change of state, of a node or a device.
pub(crate) struct StateRules {
    /// Said when `failed` is asked of one that is online.
    pub(crate) not_offline: WireError,
    /// Said when something is asked of a failed one.
    pub(crate) is_failed: fn(String) -> WireError,
}

impl StateRules {
    /// Checks a change of state.
    ///
    /// # Errors
    /// Heketi's text for the rule that is broken.
    pub(crate) fn check(self, old: State, new: State) -> Result<(), WireError> {
        match (old, new) {
            // Heketi let devices come back this way, and nodes not: one that was emptied for a repair had to be removed.
            (State::Failed, State::Offline) => Ok(()),
            (State::Failed, State::Online) => Err((self.is_failed)(new.to_string())),
            (State::Online, State::Failed) => Err(self.not_offline),
            _ => Ok(()),
        }
    }
}
