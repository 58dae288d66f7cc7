//! Volumes on the wire. Sizes are GiB, those of bricks KiB.

mod answer;
mod create;
mod request;

pub use answer::{BlockInfo, GlusterFsMount, Mount, VolumeInfo, VolumeList};
pub use create::{ARBITER_OPTION, VolumeCreate, VolumeExpand, impossible};
pub use request::{
    DisperseDurability, DurabilityRequest, ReplicaDurability, SnapshotRequest, VolumeCloneRequest,
    VolumeCreateRequest, VolumeExpandRequest,
};
