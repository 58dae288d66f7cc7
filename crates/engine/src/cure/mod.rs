//! Members of a pool that differ from the others, and their cure.
//!
//! `watch` looks for them, `words` asks all members, `begin` decides what is proven and makes the operation, `restart`
//! carries its step out. What is right is decided by `plan`; nothing here changes a node but that step.

mod begin;
mod restart;
mod watch;
mod words;

use std::time::Duration;

use mortar_model::{NodeId, OperationId};
use mortar_plan::Refusal;

use crate::engine::Engine;
use crate::error::{EngineError, NodeTrouble};

pub(crate) use begin::process;
pub(crate) use restart::{joined, restart};
pub(crate) use watch::spawn;

/// When members are looked at, and from when on one is cured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurePlan {
    /// How often all members are looked at. Larger pools are looked at less often.
    pub interval: Duration,
    /// How often while one differs, or a node came back a moment ago.
    pub closely: Duration,
    /// How long a member must differ, or be down, before it is cured: longer than what members need to tell each other.
    pub after: Duration,
    /// How long one must have given no answer before it is ended: longer than glusterd is busy with anything.
    pub silent: Duration,
}

impl Engine {
    /// Cures a member of a pool that differs from most others, or whose glusterd does not run or answer, at once.
    ///
    /// # Errors
    /// The node is unknown, or well, or it is not proven what is right; the text says so.
    pub async fn cure_member(&self, id: NodeId) -> Result<OperationId, EngineError> {
        let node = self.view(|landscape| landscape.inventory().node(id).cloned());
        let node = node.ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
        let words = words::ask(&self.inner, node.cluster).await;
        let begun = match mortar_plan::cure::ailments(&words).get(&id) {
            Some(ailment) => begin::begin(&self.inner, node.cluster, id, ailment, &words).await,
            None => {
                Err("its glusterd says what most members of its pool say, or no majority agrees".to_owned())
            }
        };
        begun.map_err(|reason| {
            let host = node.manage.to_string();
            EngineError::Node(NodeTrouble::NotCured { host, reason })
        })
    }
}

impl Default for CurePlan {
    fn default() -> Self {
        Self::after(Duration::from_secs(20))
    }
}

impl CurePlan {
    /// A member is cured after this long.
    pub fn after(after: Duration) -> Self {
        Self {
            interval: (after * 3).min(Duration::from_secs(60)),
            closely: (after / 4).min(Duration::from_secs(5)),
            after,
            silent: after * 3,
        }
    }
}
