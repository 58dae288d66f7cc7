//! What exists: clusters, nodes, devices, bricks, volumes, snapshots and block volumes, by the names that every layer of Mortar uses.
//!
//! This room knows these things, their sizes and names, and what must be true of all of them together ([`check`]).
//! It does not know how they are made, where they are stored or who asks for them: no I/O, no clock, no async.

mod attachment;
mod block;
pub mod check;
mod durability;
mod id;
mod inventory;
pub mod layout;
mod name;
mod operation;
mod overcommit;
mod size;
mod snapshot;
mod things;
pub mod work;

pub use attachment::{AccessMode, Attachment, Attachments};
pub use block::{BlockRestriction, BlockVolume, Secret, Target, block_group, options_of, room_for_blocks};
pub use durability::{Disperse, Durability, Impossible, NoDurability};
pub use id::{
    BlockVolumeId, BrickId, ClusterId, DeviceId, GroupId, NodeId, OperationId, ParseIdError, SnapshotId,
    VolumeId,
};
pub use inventory::{Inventory, InventoryError, largest_pool, taken_by};
pub use name::{
    ClientNode, DevicePath, HostName, InvalidName, LvmName, OptionName, PeerId, Tags, VolumeName,
    VolumeOption,
};
pub use operation::OperationKind;
pub use overcommit::{BadOvercommit, Overcommit};
pub use size::ByteSize;
pub use snapshot::{BrickCopy, Group, Origin, Snapshot};
pub use things::{
    Brick, BrickNames, BrickSpace, Cluster, Device, DeviceKind, Node, Snapshots, State, Volume, ZoneChecking,
};
