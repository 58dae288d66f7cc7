//! The hands: runs operations over executor and store.
//!
//! Doors ask the [`Engine`]; it locks the landscape, lets `plan` decide, makes the intent durable, and then
//! drives the operation as `journal` says: commands from `command`, carried by a [`Hosts`](mortar_executor::Hosts), each
//! outcome recorded. What changes is planned by `plan`; decided here is who is asked, and when.
//!
//! | file | job |
//! |---|---|
//! | `engine` | what doors can ask |
//! | `error` | why something was not done |
//! | `clock` | what time it is, and chance |
//! | `create` | a request for a volume, perhaps a repeated one |
//! | `admission` | how many operations may begin, and when to try again |
//! | `capacity` | how much room there is for volumes of a kind |
//! | `load` | what waits and what runs |
//! | `submit` | from a plan to a durable, running operation |
//! | `operations` | those that are known, from the way to the disk until a while after the end |
//! | `drive` | the loop of one operation |
//! | `evict` | moving a brick, and what must hold before it moves |
//! | `options` | changing options of a volume, and their values before |
//! | `replicas` | more copies of each file, or fewer |
//! | `device` | disks that are made ready, also where another one was |
//! | `drain` | devices that are emptied, brick by brick |
//! | `holds` | what keeps bricks of a drain where they are, and when each is tried again |
//! | `forget` | nodes that never come back |
//! | `act` | one action: commands to a node, and what they mean |
//! | `fence` | looking at something that any member of a pool may be changing |
//! | `block` | block volumes |
//! | `attach` | which nodes may use a volume |
//! | `away` | nodes that are away: which member to ask instead |
//! | `abandon` | giving up an operation on command |
//! | `pool` | the queue for each pool's lock |
//! | `pool_sight` | how full thin pools are that may promise more than they have |
//! | `members` | whether a member of a pool still has what the others have deleted |
//! | `witness` | bricks that are asked on their own nodes, where the pool does not tell enough |
//! | `records` | the store's records, written and read |
//! | `replace` | lost bricks that are replaced by the clock |
//! | `losses` | which devices and bricks are lost, and since when |
//! | `tries` | when what came to nothing is tried again |
//! | `cure` | members of a pool that differ from the others |
//! | `heal` | the heal state of volumes, asked for one volume at a time |
//! | `health` | which nodes answer; waking what waits for them |
//! | `ended` | operations that ended a while ago |
//! | `address` | another address of a node |
//! | `machine` | a new machine in the place of a lost node |
//! | `nobody` | machines in a node's place that are not that node yet |
//! | `nodes` | what is asked of a node before it joins |
//! | `adopt` | records made of pools that nobody manages |
//! | `rebuild` | records restored from the nodes, for a store that lost them |
//! | `sight` | what is seen of a volume on its nodes |
//! | `backup` | backups of the store, scheduled and on request |
//! | `group` | snapshots of several volumes at the same moment |
//! | `snapshot` | snapshots, and volumes made from them |
//! | `inspect` | what a store holds, without an engine |
//! | `block_sight` | what gluster-block says about block volumes |
//! | `check` | the records compared with what the nodes show |
//! | `repair` | findings repaired on command |
//! | `reconcile` | scheduled checks, and automatic repairs |
//! | `files` | the nodes' own files, kept in step with the records |
//! | `metrics` | what is counted |
//! | `panics` | bugs: logged, counted, and contained |

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
mod device;
mod drain;
mod drive;
mod ended;
mod engine;
mod error;
mod evict;
mod fence;
mod files;
mod forget;
mod group;
mod heal;
mod health;
mod holds;
mod inspect;
mod load;
mod losses;
mod machine;
mod members;
mod metrics;
mod nobody;
mod nodes;
mod operations;
mod options;
mod panics;
mod pool;
mod pool_sight;
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
pub use block_sight::BlockSight;
pub use capacity::Capacity;
pub use check::Check;
pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use cure::CurePlan;
pub use engine::{Config, Engine, Parts};
pub use error::{EngineError, NodeTrouble, OpenError};
pub use heal::HealSight;
pub use holds::DrainPlan;
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
