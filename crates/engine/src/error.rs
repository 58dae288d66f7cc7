//! Why the engine could not do what was asked.

use std::time::Duration;

use mortar_model::OperationId;
use mortar_plan::Refusal;
use mortar_store::StoreError;

/// A request that did not become an operation. Nothing was changed, except perhaps where it is [`Self::Uncertain`].
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It cannot be planned.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Too much is under way already.
    #[error("{limit} operations are under way and no more may be: {}", later(*.attention, *.wait))]
    Busy {
        /// The limit, which is reached.
        limit: usize,
        /// How many of them wait for somebody and not for the nodes.
        attention: usize,
        /// When there may be room, at the pace at which operations end.
        wait: Duration,
    },
    /// The program is about to end.
    #[error("the server is stopping and takes no new work")]
    Stopping,
    /// Too many changes wait for the disk already.
    #[error("{waiting} changes wait for the server's disk: try again in a while")]
    StoreBusy {
        /// How many wait.
        waiting: usize,
    },
    /// The disk failed while the intent was being made durable: whether it is shows after the next start only.
    #[error(
        "it cannot be told whether operation {operation} is recorded: the server's disk failed meanwhile; after the server's next start, 'mortar operation info {operation}' tells what became of it, and one that is not found was never begun"
    )]
    Uncertain {
        /// The operation.
        operation: OperationId,
        /// What the store said.
        source: StoreError,
    },
    /// The intent could not be made durable.
    #[error("cannot record the operation")]
    Store(#[from] StoreError),
    /// A node was asked first, and said no or nothing.
    #[error("{0}")]
    Node(NodeTrouble),
}

impl EngineError {
    /// Why the intent of `operation` is not durable, or not known to be.
    pub(crate) fn not_recorded(operation: OperationId, error: StoreError) -> Self {
        match error {
            StoreError::Busy { waiting } => Self::StoreBusy { waiting },
            source @ StoreError::Uncertain { .. } => Self::Uncertain { operation, source },
            other => Self::Store(other),
        }
    }
}

fn later(attention: usize, wait: Duration) -> String {
    let again = format!("try again in {} s", wait.as_millis().div_ceil(1000).max(1));
    match attention {
        0 => again,
        some => {
            format!("{again}; {some} of them need attention, see 'mortar operation list --open'")
        }
    }
}

/// What stood in the way at a node that was asked before an operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeTrouble {
    /// It could not be reached.
    #[error("node {host} does not answer: {reason}")]
    Unreachable {
        /// The node.
        host: String,
        /// Why.
        reason: String,
    },
    /// glusterd does not run there.
    #[error("node {host} has no glusterd running: {reason}")]
    NoGlusterd {
        /// The node.
        host: String,
        /// What it said.
        reason: String,
    },
    /// No member of its cluster could be asked to take it in.
    #[error(
        "none of the cluster's nodes has glusterd running: start it on one of them, which then takes the new one in"
    )]
    NoMember,
    /// It was to be cured, and is left as it is.
    #[error("node {host} is left as it is: {reason}")]
    NotCured {
        /// The node.
        host: String,
        /// Why.
        reason: String,
    },
    /// A new machine was to take its place, and does not.
    #[error("node {host} is not replaced: {reason}")]
    NotReplaced {
        /// The node.
        host: String,
        /// Why.
        reason: String,
    },
    /// No member of its pool tells how a volume is.
    #[error("nobody in the pool of volume {volume} tells how it is: {reason}")]
    NotTold {
        /// The volume's name.
        volume: String,
        /// What was answered instead.
        reason: String,
    },
    /// Another machine answers there, or it cannot be told which.
    #[error("what answers at {host} is not known to be the node: {reason}")]
    OtherMachine {
        /// The name.
        host: String,
        /// What speaks against it.
        reason: String,
    },
    /// It is a member of another trusted pool.
    #[error("node {host} belongs to another trusted pool, with {}: detach it there first", .peers.join(", "))]
    OtherPool {
        /// The node.
        host: String,
        /// Members of that pool.
        peers: Vec<String>,
    },
}

/// Why the engine could not come up.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store cannot be read.
    #[error("cannot read what is recorded")]
    Store(#[from] StoreError),
    /// The records contradict each other.
    #[error("the records contradict each other: {0}")]
    Unsound(String),
}
