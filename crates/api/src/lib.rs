//! The new language: the wire types of Mortar's own API, below `/v1`.
//!
//! This room knows what is said, in JSON: sizes are bytes, times are RFC 3339 in UTC, ids are 32 hex digits,
//! names of states and kinds are kebab-case. It does not know who says it, how it travels or how it is shown:
//! no I/O, no async, no clock, and none of Mortar's inner types, so that an inner change never changes the wire.
//!
//! The language only grows: fields are added with a default, never renamed or removed. A reader treats a state or
//! kind that it does not know as `unknown`.

mod adopt;
mod attach;
mod backup;
mod block;
mod bricks;
mod check;
mod device;
mod error;
mod explain;
mod group;
mod growth;
mod heal;
mod node;
mod operation;
mod options;
mod plan;
mod rebalance;
mod rebuild;
mod replicas;
mod snapshot;
mod topology;
mod volume;

pub use adopt::{
    ADOPT_LIMITED, ADOPT_NOT, ADOPT_RECORDED, ADOPT_UNDERSTOOD, AdoptAnswer, AdoptRemark, AdoptRequest,
    AdoptVolume,
};
pub use attach::{AccessMode, AttachRequest, Attachment, AttachmentList, DetachQuery};
pub use backup::{Backup, BackupList, BackupReason, BackupState};
pub use block::{
    BlockHostRequest, BlockVolume, BlockVolumeExpandRequest, BlockVolumeList, BlockVolumeQuery,
    BlockVolumeRequest,
};
pub use bricks::{BrickEntry, BrickPage, BrickQuery, MoveRequest};
pub use check::{
    Check, CheckAnswer, FailedRepair, Finding, Reconciled, Remedy, RemedyBy, RepairAnswer, RepairRequest,
    RepairState, RepairTask, Takeover, TakeoverNote, TakeoverWeight,
};
pub use device::{DeviceEntry, DevicePage, DeviceQuery, DeviceRequest, OvercommitRequest, PoolMode};
pub use error::{ERROR_KIND_HEADER, ErrorBody, ErrorInfo, ErrorKind};
pub use explain::{
    BlockExplanation, ExplainedBlock, ExplainedBrick, ExplainedDevice, ExplainedHost, ExplainedNode,
    ExplainedSpace, ExplainedVolume, Explanation, FileSystem, Heal, Mount, Sight, SightState, SpaceKind,
};
pub use group::{SnapshotGroup, SnapshotGroupList, SnapshotGroupQuery, SnapshotGroupRequest};
pub use growth::{ExpandRequest, ExpandWay};
pub use heal::{BrickHeal, LastHeal, VolumeHeal};
pub use node::{AddressRequest, NodeEntry, NodePage, NodeQuery};
pub use operation::{
    Attention, Load, Operation, OperationList, OperationQuery, PHASE_HEADER, Phase, Stage, Step, StepState,
    Subject,
};
pub use options::OptionsRequest;
pub use plan::{Existing, NotChosen, PassedOver, PlanAnswer, PlannedBrick, PlannedSet};
pub use rebalance::{Rebalance, RebalanceState};
pub use rebuild::{
    FOUND_UNRESTORED, RebuildAnswer, RebuildContradiction, RebuildFound, RebuildGap, RebuildHost,
    RebuildRequest,
};
pub use replicas::ReplicasRequest;
pub use snapshot::{CloneRequest, Snapshot, SnapshotList, SnapshotQuery, SnapshotRequest};
pub use topology::{
    DEVICE_ADOPTED, DEVICE_DIRECTORY, DEVICE_LVM, NodeHealth, Topology, TopologyBrick, TopologyCluster,
    TopologyDevice, TopologyNode, TopologyQuery, TopologyVolume,
};
pub use volume::{
    CLAIM_OPTION, Capacity, CapacityQuery, Harm, Limits, Trouble, Volume, VolumeHealth, VolumeHealthPage,
    VolumePage, VolumeQuery, VolumeRequest,
};
