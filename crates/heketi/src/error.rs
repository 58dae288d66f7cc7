//! Every error text of Heketi's routes with its status: the one table.

use std::fmt;

use mortar_model::Durability;

use crate::Problems;

const MOST_COPIES: u32 = Durability::MOST_COPIES;
const MOST_DATA: u32 = Durability::MOST_DATA;

/// Writes the enum, its texts and its statuses from one table, so that none can be forgotten.
macro_rules! table {
    ($($(#[$doc:meta])* $name:ident $(($($field:ident : $type:ty),+))? = $status:literal $text:literal;)+) => {
        /// An error as Heketi says it.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum WireError {
            $($(#[$doc])* $name $(($($type),+))?,)+
        }

        impl WireError {
            /// The HTTP status that goes with the text. Errors found after the 202 arrive by the queue, as 500.
            pub const fn status(&self) -> u16 {
                match self {
                    $(Self::$name { .. } => $status,)+
                }
            }
        }

        impl fmt::Display for WireError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $(($($field),+))? => write!(f, $text),)+
                }
            }
        }

        impl std::error::Error for WireError {}
    };
}

table! {
    // All routes.
    /// No such path.
    InvalidPath = 404 "Invalid path or request";
    /// No such thing; on the queue also: the result has expired.
    IdNotFound = 404 "Id not found";
    /// `GET /operations/pending/{id}` of one that is not under way.
    PendingNotFound(id: String) = 404 "Id not found: {id}";
    /// The body is empty, not JSON, or has a value of a wrong type.
    Unreadable = 422 "request unable to be parsed";
    /// The same on the two routes that say why.
    UnreadableBecause(why: String) = 400 "request unable to be parsed: {why}";
    /// Fields of the request break a rule.
    Invalid(problems: Problems) = 400 "validation failed: {problems}";
    /// Too many operations at once.
    Busy = 429 "Server busy. Retry operation later.";
    /// Mortar: the body is larger than the server reads (Heketi had no limit).
    TooLarge(limit: usize) = 413 "request body is larger than {limit} bytes";
    /// Mortar: the body did not arrive in time (Heketi had no limit).
    TooSlow(seconds: u64) = 408 "request body did not arrive within {seconds} seconds";
    /// Mortar: the server is on its way down and takes no new work.
    Stopping = 503 "Server is stopping. Retry operation later.";
    /// The administrator lets nobody change anything, or nobody from there.
    Maintenance = 503 "Service disabled for maintenance";
    /// Mortar: another operation works on the thing.
    InUse = 409 "The target exists, contains other items, or is in use.";
    /// Mortar: an operation that goes on by itself, or has ended, is not taken up once more.
    NoAttention(id: String) = 409 "operation {id} does not wait for attention";
    /// Mortar: an operation that is not one that can be turned back, or not any more.
    NoWayBack(id: String) = 409 "operation {id} cannot be cancelled: it moves no bricks, or goes back already, or has no way back any more";
    /// Mortar: the server's own disk refuses changes, so nothing was begun.
    NotRecorded = 500
        "The server cannot record the request: its store refuses changes. The server's log has the details.";
    /// Mortar: the server's own disk failed while the request was being recorded.
    MaybeRecorded(operation: String) = 500
        "The server cannot tell whether the request is recorded: its disk failed. After its next start, /queue/{operation} tells what became of it; when that is not found, nothing was begun.";
    /// Mortar: something went wrong inside; the log has the details.
    Internal = 500 "Internal error. The server's log has the details.";

    /// `POST /internal/logging` of a logger that is not `glusterfs`.
    OtherLogger = 422 "Only \"glusterfs\" logger may be modified";
    /// `POST /internal/logging` with a level that there is not.
    NoLogLevel(level: String) = 422 "invalid log level: {level}";
    /// Mortar: `GET /backup/db`, and no backup can be taken.
    NoBackup(why: String) = 500 "The database cannot be backed up: {why}";

    // Clusters.
    /// `DELETE /clusters/{id}` of one in use.
    ClusterInUse(id: String) = 409 "Unable to delete cluster [{id}] because it contains volumes and/or nodes";

    // Nodes.
    /// `POST /nodes` to an unknown cluster.
    ClusterUnknown = 404 "Cluster id does not exist";
    /// `POST /nodes` with a host name of another node. Heketi's text ends in a newline of its own.
    HostTaken(host: String, node: String) = 409 "Hostname {host} already used by node with id {node}\n";
    /// `POST /nodes`: the first node of a cluster does not answer.
    NoGlusterd = 400 "New Node doesn't have glusterd running";
    /// `POST /nodes`: no node of the cluster could take the new one in.
    NoGlusterdInCluster = 400 "None of the nodes in cluster has glusterd running";
    /// `DELETE /nodes/{id}` of one in use.
    NodeInUse(id: String) = 409 "Unable to delete node [{id}] because it contains devices";
    /// Mortar: `DELETE /nodes/{id}` of one that serves block volumes, which Heketi left without it.
    NodeServesBlocks(id: String, names: String) = 409
        "Unable to delete node [{id}] because it serves {names}: give them to another host with 'mortar block replace'";
    /// State `failed` asked of a node that is online.
    NodeNotOffline(id: String) = 500 "Node must be offline before remove operation is performed, node:{id}";
    /// Mortar: a node that is asked to join is a member of another trusted pool already.
    OtherPool(host: String, peers: String) = 400
        "New Node {host} belongs to another trusted pool, with {peers}: detach it there first";
    /// Mortar: a node that is asked to join does not answer.
    NodeUnreachable(host: String, reason: String) = 400 "New Node {host} does not answer: {reason}";
    /// State asked of a failed node.
    NodeFailed(state: String) = 500 "Cannot move a failed/removed node to {state} state";

    // Devices.
    /// `POST /devices` to an unknown node.
    NodeUnknown = 404 "Node id does not exist";
    /// Mortar: `POST /devices` with a path that another device of the node has.
    PathTaken(path: String, device: String) = 409
        "Device {path} already used by device with id {device}; another disk is taken there once the node shows that one gone";
    /// `DELETE /devices/{id}` of one in use.
    DeviceInUse(id: String) = 409 "Unable to delete device [{id}] because it contains bricks";
    /// `DELETE /devices/{id}` of one whose bricks were not moved away by state `failed`.
    DeviceNotFailed(id: String) = 400 "device: {id} is not in failed state";
    /// State `failed` asked of a device that is online.
    DeviceNotOffline(id: String) = 500 "Device must be offline before remove operation is performed, device:{id}";
    /// State `failed` asked of a device whose bricks find no other place. Where Heketi only said that there is none, the reason
    /// names each brick.
    NoReplacement(id: String, why: String) = 500
        "Unable to delete device [{id}] as no device was found to replace it: {why}";
    /// State asked of a failed device.
    DeviceFailed(state: String) = 500 "Cannot move a failed/removed device to {state} state";

    // Volumes.
    /// `POST /volumes` on a cluster that does not exist.
    ClusterNotFound(id: String) = 400 "Cluster id {id} not found";
    /// `POST /volumes` without any cluster.
    NoClusters = 400 "No clusters configured";
    /// A durability type that is none of Heketi's.
    UnknownDurability = 400 "Unknown durability type";
    /// More than three replicas or (unlike Heketi) fewer than none.
    InvalidReplica = 400 "Invalid replica value: 1 to {MOST_COPIES} can be made";
    /// A shape of dispersed volume that is none of Heketi's.
    InvalidDispersion(data: i64, redundancy: i64) = 400
        "Invalid dispersion combination: {data}+{redundancy}; data is 2 to {MOST_DATA}, redundancy at least 1 and less than data";
    /// Mortar: arbiters are asked for beside another durability than `replicate` with 3.
    ArbiterShape = 400
        "Arbiters are in volumes of type replicate with replica 3: ask for that, or leave out the option user.heketi.arbiter";
    /// Mortar: the option that asks for arbiters has a strange value.
    ArbiterValue(value: String) = 400 "Option user.heketi.arbiter is true or false, not {value}";
    /// A group below 0.
    GroupNegative = 400 "Bad group id less than zero";
    /// A group of 2147483647 or more (the text is Heketi's).
    GroupTooLarge = 400 "Bad group id equal or greater than 2**32";
    /// Snapshots on and a factor outside 1 to 100.
    InvalidSnapshotFactor = 400 "Invalid snapshot factor";
    /// Less than the smallest brick (the text mixes GiB and KiB, as Heketi's).
    TooSmall(gib: u64, minimum_kib: u64) = 400
        "Requested volume size ({gib} GB) is smaller than the minimum supported volume size ({minimum_kib})";
    /// `POST /volumes`: no place was found.
    AllocateVolume(why: Allocation) = 500 "Failed to allocate new volume: {why}";
    /// `POST /bricks/to-evict/{id}`: it stays where it is.
    Eviction(why: String) = 500 "Failed to set up brick eviction: {why}";
    /// `POST /volumes/{id}/expand`: no place was found.
    AllocateExpansion(why: Allocation) = 500 "Failed to allocate volume expansion: {why}";
    /// `POST /volumes/{id}/clone` of a volume for block volumes.
    CloneOfHosting(id: String) = 500 "Failed clone volume {id}: Cloning of block hosting volumes is not supported";
    /// `POST /blockvolumes`: no hosting volume has the room.
    AllocateBlock(why: Allocation) = 500 "Failed to allocate new block volume: {why}";
    /// `POST /blockvolumes/{id}/expand`: there is no room, or nothing to do.
    AllocateBlockExpansion(why: Allocation) = 500 "Failed to allocate block volume expansion: {why}";
    /// Mortar: `DELETE /blockvolumes/{id}` while another operation works on it.
    BlockBusy = 500 "Failed to set up block volume delete: The target exists, contains other items, or is in use.";
    /// `DELETE /volumes/{id}` of the volume that holds Heketi's own database.
    HoldsDatabase = 409 "Cannot delete volume containing the Heketi database";
    /// `DELETE /volumes/{id}` of one with snapshots.
    HoldsSnapshots(name: String, number: usize) = 409
        "Unable to delete volume {name} because it contains {number} snapshots";
    /// `DELETE /volumes/{id}` of a hosting volume in use.
    HoldsBlockVolumes = 409 "Cannot delete a block hosting volume containing block volumes";
    /// `POST /volumes/{id}/block-restriction` of a volume that holds no block volumes.
    RestrictionOfFile = 500
        "Failed to set block restriction: Block restrictions can only be set on block hosting volumes";
    /// `DELETE /volumes/{id}` while another operation works on it.
    VolumeBusy = 500 "Failed to set up volume delete: The target exists, contains other items, or is in use.";
}

impl From<Problems> for WireError {
    fn from(problems: Problems) -> Self {
        Self::Invalid(problems)
    }
}

/// Why no place was found for bricks. Texts are Heketi's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Allocation {
    /// Not enough space on distinct nodes, or not where the rules allow.
    #[error("No space")]
    NoSpace,
    /// More bricks than a volume may have.
    #[error("Maximum number of bricks reached.")]
    TooManyBricks,
    /// Another volume of the cluster has that name.
    #[error("Volume name '{0}' already in use")]
    NameTaken(String),
    /// Mortar: the same, with what has it.
    #[error("Volume name '{0}' already in use {1}")]
    NameTakenBy(String, String),
    /// The cluster has as many volumes as it may.
    #[error("Cluster has {0} volumes and limit is {1}")]
    TooManyVolumes(usize, usize),
    /// The cluster's flags allow the other type only.
    #[error("Cluster does not support requested volume type")]
    WrongType,
    /// The cluster's flags allow nothing.
    #[error("Cluster has disabled all volume types")]
    NoType,
    /// The cluster has no node that can take bricks.
    #[error("No nodes in cluster")]
    NoNodes,
    /// An option that steers placement cannot be read; the text says which.
    #[error("{0}")]
    BadOption(String),
    /// Something works on the thing already.
    #[error("The target exists, contains other items, or is in use.")]
    InUse,
    /// No hosting volume has the room, and none is made.
    #[error("Block Hosting Volume Creation is disabled. Create a Block hosting volume and try again.")]
    HostingOff,
    /// Hosting volumes are made with so much, the block volume has so much, and so much of the first is for it.
    #[error(
        "The size configured for automatic creation of block hosting volumes ({0}) is too small to host the requested block volume \
         of size {1}. The available size on this block hosting volume, minus overhead, is {2}. Please create a sufficiently large \
         block hosting volume manually."
    )]
    HostingTooSmall(u64, u64, u64),
    /// The asked and the current size of a block volume.
    #[error("Requested new-size {0} is less than current block volume size {1}, shrinking is not allowed.")]
    Shrinks(u64, u64),
    /// The size that a block volume has.
    #[error("Requested new-size {0} is same as current block volume size {0}, nothing to be done.")]
    SameSize(u64),
    /// Several clusters were tried: each with its reason.
    #[error("Unable to create volume on any cluster:{}", per_cluster(.0))]
    AnyCluster(Vec<(String, Allocation)>),
}

fn per_cluster(refusals: &[(String, Allocation)]) -> String {
    refusals
        .iter()
        .map(|(cluster, why)| format!("\nCluster {cluster}: {why}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Allocation, WireError};
    use crate::Problems;

    /// The texts as Heketi's users have seen them; a change here is a change of the wire.
    #[test]
    fn texts_and_statuses() {
        let mut problems = Problems::default();
        problems.add("size", "cannot be blank");
        let cases: Vec<(WireError, u16, &str)> = vec![
            (WireError::InvalidPath, 404, "Invalid path or request"),
            (WireError::IdNotFound, 404, "Id not found"),
            (WireError::Unreadable, 422, "request unable to be parsed"),
            (
                WireError::Invalid(problems),
                400,
                "validation failed: size: cannot be blank.",
            ),
            (WireError::Busy, 429, "Server busy. Retry operation later."),
            (
                WireError::MaybeRecorded("0a".into()),
                500,
                "The server cannot tell whether the request is recorded: its disk failed. After its next start, \
                 /queue/0a tells what became of it; when that is not found, nothing was begun.",
            ),
            (
                WireError::ClusterInUse("c".into()),
                409,
                "Unable to delete cluster [c] because it contains volumes and/or nodes",
            ),
            (WireError::ClusterUnknown, 404, "Cluster id does not exist"),
            (
                WireError::HostTaken("h".into(), "n".into()),
                409,
                "Hostname h already used by node with id n\n",
            ),
            (
                WireError::NoGlusterd,
                400,
                "New Node doesn't have glusterd running",
            ),
            (
                WireError::NoGlusterdInCluster,
                400,
                "None of the nodes in cluster has glusterd running",
            ),
            (
                WireError::NodeInUse("n".into()),
                409,
                "Unable to delete node [n] because it contains devices",
            ),
            (
                WireError::NodeNotOffline("n".into()),
                500,
                "Node must be offline before remove operation is performed, node:n",
            ),
            (
                WireError::NodeFailed("online".into()),
                500,
                "Cannot move a failed/removed node to online state",
            ),
            (WireError::NodeUnknown, 404, "Node id does not exist"),
            (
                WireError::DeviceInUse("d".into()),
                409,
                "Unable to delete device [d] because it contains bricks",
            ),
            (
                WireError::DeviceNotFailed("d".into()),
                400,
                "device: d is not in failed state",
            ),
            (
                WireError::DeviceNotOffline("d".into()),
                500,
                "Device must be offline before remove operation is performed, device:d",
            ),
            (
                WireError::DeviceFailed("online".into()),
                500,
                "Cannot move a failed/removed device to online state",
            ),
            (
                WireError::ClusterNotFound("c".into()),
                400,
                "Cluster id c not found",
            ),
            (WireError::NoClusters, 400, "No clusters configured"),
            (WireError::UnknownDurability, 400, "Unknown durability type"),
            (
                WireError::InvalidReplica,
                400,
                "Invalid replica value: 1 to 16 can be made",
            ),
            (
                WireError::InvalidDispersion(3, 3),
                400,
                "Invalid dispersion combination: 3+3; data is 2 to 16, redundancy at least 1 and less than data",
            ),
            (WireError::GroupNegative, 400, "Bad group id less than zero"),
            (
                WireError::GroupTooLarge,
                400,
                "Bad group id equal or greater than 2**32",
            ),
            (WireError::InvalidSnapshotFactor, 400, "Invalid snapshot factor"),
            (
                WireError::TooSmall(3, 4_194_304),
                400,
                "Requested volume size (3 GB) is smaller than the minimum supported volume size (4194304)",
            ),
            (
                WireError::AllocateVolume(Allocation::NoSpace),
                500,
                "Failed to allocate new volume: No space",
            ),
            (
                WireError::AllocateVolume(Allocation::NameTaken("foo".into())),
                500,
                "Failed to allocate new volume: Volume name 'foo' already in use",
            ),
            (
                WireError::AllocateVolume(Allocation::NameTakenBy(
                    "foo".into(),
                    "by a volume with another size (asked 2 GiB, has 1 GiB)".into(),
                )),
                500,
                "Failed to allocate new volume: Volume name 'foo' already in use by a volume with another size \
                 (asked 2 GiB, has 1 GiB)",
            ),
            (
                WireError::AllocateVolume(Allocation::TooManyVolumes(1000, 1000)),
                500,
                "Failed to allocate new volume: Cluster has 1000 volumes and limit is 1000",
            ),
            (
                WireError::AllocateVolume(Allocation::BadOption(
                    "Invalid tag matching rule: Invalid tag match rule: bad".into(),
                )),
                500,
                "Failed to allocate new volume: Invalid tag matching rule: Invalid tag match rule: bad",
            ),
            (
                WireError::AllocateVolume(Allocation::AnyCluster(vec![
                    ("a".into(), Allocation::NoSpace),
                    ("b".into(), Allocation::NoNodes),
                ])),
                500,
                "Failed to allocate new volume: Unable to create volume on any cluster:\
                 \nCluster a: No space\nCluster b: No nodes in cluster",
            ),
            (
                WireError::AllocateExpansion(Allocation::NoSpace),
                500,
                "Failed to allocate volume expansion: No space",
            ),
            (
                WireError::AllocateExpansion(Allocation::TooManyBricks),
                500,
                "Failed to allocate volume expansion: Maximum number of bricks reached.",
            ),
            (
                WireError::HoldsDatabase,
                409,
                "Cannot delete volume containing the Heketi database",
            ),
            (
                WireError::HoldsBlockVolumes,
                409,
                "Cannot delete a block hosting volume containing block volumes",
            ),
            (
                WireError::VolumeBusy,
                500,
                "Failed to set up volume delete: The target exists, contains other items, or is in use.",
            ),
        ];
        for (error, status, text) in cases {
            assert_eq!((error.status(), error.to_string()), (status, text.to_owned()));
        }
    }
}
