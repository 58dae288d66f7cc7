//! The hands: runs operations over executor and store.
//!
//! Doors ask the [`Engine`]; it locks the landscape, lets `plan` decide, makes the intent durable, and then
//! drives the operation as `journal` says: commands from `command`, carried by a [`Hosts`](mortar_executor::Hosts), each
//! outcome recorded. Nothing is decided here but which task runs when.
//!
//! | file | job |
//! |---|---|
//! | `engine` | what doors can ask |
//! | `create` | a volume that is asked for, perhaps not for the first time |
//! | `admission` | how many may begin, and when to come again |
//! | `capacity` | how much room there is for volumes of a kind |
//! | `load` | what waits and what runs |
//! | `submit` | from a plan to a durable, running operation |
//! | `operations` | those that are known, from the way to the disk until an hour after the end |
//! | `drive` | the loop of one operation |
//! | `evict` | a brick that moves, and what has to hold before it does |
//! | `options` | options of a volume that are changed, and what they are before |
//! | `replicas` | more copies of each file, or fewer |
//! | `drain` | devices that are emptied, brick by brick |
//! | `act` | one action: commands to a node, and what they mean |
//! | `fence` | a look at what any member of a pool may have changed |
//! | `attach` | which nodes may use a volume |
//! | `away` | nodes that are away: whom to ask instead |
//! | `abandon` | giving up on command |
//! | `pool` | the queue before each pool's lock |
//! | `members` | whether a member of a pool still has what the others have deleted |
//! | `witness` | bricks that are asked on their own nodes, where the pool does not tell enough |
//! | `records` | the store's records, written and read |
//! | `replace` | lost bricks that are replaced by the clock |
//! | `tries` | when what came to nothing is tried again |
//! | `cure` | members of a pool that differ from the others |
//! | `heal` | how the copies of volumes are, asked for one volume at a time |
//! | `health` | which nodes answer; waking what waits for them |
//! | `ended` | operations that ended a while ago |
//! | `nodes` | what is asked of a node before it joins |
//! | `adopt` | records made of pools that nobody manages |
//! | `rebuild` | records restored from the nodes, for a store that lost them |
//! | `sight` | what is seen of a volume on its nodes |
//! | `backup` | backups of the store, by the clock and on request |
//! | `group` | snapshots of several volumes at one moment |
//! | `snapshot` | snapshots, and volumes that are made of them |
//! | `inspect` | what a store holds, without an engine |
//! | `block_sight` | what gluster-block tells of block volumes |
//! | `check` | the records beside what the nodes show |
//! | `repair` | findings mended on command |
//! | `reconcile` | checks by the clock, and what is mended by itself |
//! | `files` | the nodes' own files, kept as the records are |
//! | `metrics` | what is counted |
//! | `panics` | bugs: told, counted, kept to what met them |

mod abandon;
mod act;
mod address;
mod admission;
mod adopt;
mod attach;
mod away;
mod backup;
mod block;
mod block_sight;
mod capacity;
mod check;
mod clock;
mod create;
mod cure;
mod drain;
mod drive;
mod ended;
mod engine;
mod error;
mod evict;
mod fence;
mod files;
mod group;
mod heal;
mod health;
mod inspect;
mod load;
mod members;
mod metrics;
mod nodes;
mod operations;
mod options;
mod panics;
mod pool;
mod rebuild;
mod reconcile;
mod records;
mod repair;
mod replace;
mod replicas;
mod sight;
mod snapshot;
mod submit;
mod tries;
mod witness;

pub use adopt::Adopted;
pub use attach::Attach;
pub use backup::{Backup, BackupError, BackupPlan, Verdict};
pub use capacity::Capacity;
pub use check::Check;
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use cure::CurePlan;
pub use engine::{Config, Engine, Parts};
pub use error::{EngineError, NodeTrouble, OpenError};
pub use heal::HealSight;
pub use inspect::{Inspection, inspect};
pub use load::Load;
pub use metrics::Metrics;
pub use mortar_command::query;
pub use mortar_journal::{
    Direction, Ended, Mark, Operation, Outcome, Phase, StageEnded, StepEnded, StepState, StepsEnded,
};
pub use mortar_plan as plan;
pub use mortar_store::Reason as BackupReason;
pub use mortar_survey::adopt::{Adoption, Judged, Remark, Understanding};
pub use mortar_survey::rebuild::{Contradiction, Found, FoundKind, Gap, Rebuilt};
pub use mortar_survey::{Finding, Kind, Proof, Remedy, Severity, Subject as FindingSubject};
pub use panics::log_panics;
pub use rebuild::Rebuild;
pub use reconcile::Reconciled;
pub use records::{recorded_in, records_of};
pub use repair::{Begun, RepairRun, RepairTask};
pub use sight::VolumeSight;
pub use submit::OperationState;
