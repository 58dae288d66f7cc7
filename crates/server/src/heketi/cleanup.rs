//! `POST /operations/pending/cleanup`: operations that wait are taken up once more.
//!
//! Heketi rolled back what it had given up. Here nothing is given up: what waits is tried again, to its end or back. The queue tells
//! when all of them have ended or wait again; as with Heketi, it does not tell which.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use mortar_engine::{OperationState, Phase};
use mortar_heketi::operations::CleanupRequest;
use mortar_model::OperationId;

use crate::http::answer::{self, Answer, Plain};
use crate::http::body::Payload;
use crate::state::{App, Shared};

/// Most requests whose result can be asked for; the oldest is forgotten first.
const KEPT: usize = 1000;

/// What each of the last requests waits for, by its place in the queue.
#[derive(Debug, Default)]
pub(crate) struct Cleanups {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    order: Vec<OperationId>,
    operations: BTreeMap<OperationId, Vec<OperationId>>,
}

impl Cleanups {
    fn keep(&self, place: OperationId, operations: Vec<OperationId>) {
        let mut kept = self.lock();
        if kept.order.len() >= KEPT {
            let oldest = kept.order.remove(0);
            kept.operations.remove(&oldest);
        }
        kept.order.push(place);
        kept.operations.insert(place, operations);
    }

    fn of(&self, place: OperationId) -> Option<Vec<OperationId>> {
        self.lock().operations.get(&place).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes up operations that wait for a person or a node, all of them where none is named.
#[utoipa::path(post, path = "/operations/pending/cleanup", operation_id = "clean_up_operations", tag = "operations",
    request_body = CleanupRequest, responses(
    (status = 202, description = "Begun: Location names its place in the queue, which ends with 204 whatever became of them"),
    (status = 400, description = "Too many ids, or one that is none", body = String),
    (status = 422, description = "The body cannot be read", body = String),
))]
pub(crate) async fn clean_up(State(app): State<App>, body: Payload) -> Result<Answer, Plain> {
    let named = body.read::<CleanupRequest>()?.validate()?;
    let wanted = if named.is_empty() { waiting(&app) } else { named };
    let taken = wanted.into_iter().filter(|id| app.engine.retry(*id)).collect();
    let place = app.engine.unused_id();
    app.cleanups.keep(place, taken);
    Ok(answer::accepted(place))
}

fn waiting(app: &Shared) -> Vec<OperationId> {
    let (states, _) = app.engine.operations(0);
    let parked = |state: &OperationState| matches!(state, OperationState::Open(operation) if matches!(operation.phase, Phase::Attention { .. }));
    states
        .iter()
        .filter(|state| parked(state))
        .map(OperationState::id)
        .collect()
}

/// Whether a clean-up at this place in the queue is at its end, after at most `limit`; none where there is none.
pub(crate) async fn ended(app: &Shared, place: OperationId, limit: Duration) -> Option<bool> {
    let operations = app.cleanups.of(place)?;
    let deadline = Instant::now() + limit;
    for id in operations {
        let left = deadline.saturating_duration_since(Instant::now());
        let state = app.engine.wait(id, left).await;
        if state.is_some_and(|state| !state.at_rest()) {
            return Some(false);
        }
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use mortar_model::OperationId;

    use super::{Cleanups, KEPT};

    #[test]
    fn the_oldest_is_forgotten_first() {
        let cleanups = Cleanups::default();
        let ids: Vec<OperationId> = (1..=KEPT as u128 + 1).map(OperationId::from_u128).collect();
        for id in &ids {
            cleanups.keep(*id, vec![*id]);
        }
        assert_eq!(cleanups.of(ids[0]), None);
        assert_eq!(cleanups.of(ids[1]), Some(vec![ids[1]]));
        assert_eq!(cleanups.of(ids[KEPT]), Some(vec![ids[KEPT]]));
    }
}
