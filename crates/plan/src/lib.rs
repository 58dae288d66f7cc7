//! What should happen: pure decisions over what exists.
//!
//! Everything here is a function of a [`Landscape`] (what exists and what is reserved), a request and a [`Seed`]: no clock,
//! no I/O, no async, and no choice left to those who carry out a [`Plan`]. The same three always give the same plan.
//!
//! | decided here | left to others |
//! |---|---|
//! | where bricks go, how large they are, what they are called | how a brick is made (command) |
//! | in which stages things are made, and what is recorded at the end | running stages, retrying, undoing (journal, engine) |
//! | why something cannot be done | which status or text a client reads (doors) |

mod attach;
mod block;
mod block_host;
mod clone;
mod create;
pub mod cure;
mod device;
mod drain;
mod evict;
mod expand;
mod group;
mod grow;
pub mod identity;
mod index;
mod involved;
mod landscape;
mod limits;
mod machine;
mod node;
mod options;
mod placement;
mod plan;
mod pools;
mod refusal;
mod remove;
mod repeat;
mod replicas;
mod request;
mod resize;
mod seed;
mod shape;
mod snapshot;
mod space;
mod spec;
mod steering;

pub use attach::{AttachRefusal, attach, detach};
pub use block::{
    BlockCreation, BlockPolicy, CreateBlock, create_block, delete_block, expand_block, restrict_blocks,
};
pub use block_host::{ReplaceBlockHost, replace_block_host};
pub use clone::CloneVolume;
pub use clone::{clone_snapshot, clone_volume};
pub use create::{create_volume, device_verdicts, known_volume};
pub use device::{add_device, remove_device};
pub use drain::{drain_device, drain_node};
pub use evict::evict_brick;
pub use expand::expand_volume;
pub use group::{CreateGroup, GroupCreation, GroupRefusal, MOST_VOLUMES, create_group, delete_group};
pub use involved::Involved;
pub use landscape::{Landscape, found_at, learned};
pub use limits::Limits;
pub use machine::replace_node;
pub use node::{add_node, forget_node, remove_node};
pub use options::{SetNow, set_options};
pub use plan::{Change, Place, Plan, Remains, Stage, Step, Subject};
pub use refusal::{DeviceRefusal, NoCopies, NoRoom, NoSpace, Refusal, Rule, TooFull, differences_in_words};
pub use remove::delete_volume;
pub use repeat::{Creation, Difference, Known};
pub use replicas::change_replicas;
pub use request::{AddDevice, AddNode, CreateVolume, Expansion, OptionsChange, STEERING_OPTIONS, TagRule};
pub use resize::{of_size, resize_device, set_overcommit};
pub use seed::Seed;
pub use shape::{ARBITER_TAG, arbiter_size};
pub use snapshot::{CreateSnapshot, SnapshotCreation, create_snapshot, delete_snapshot, restore_snapshot};
pub use space::{BrickSize, brick_space};
pub use spec::{any_member, brick_addresses, brick_spec, identity_options};
