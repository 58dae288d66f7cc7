//! The one table from what the engine refuses to what the wire says.

use mortar_api::ErrorKind;
use mortar_engine::plan::{AttachRefusal, Refusal, differences_in_words};
use mortar_engine::{BackupError, EngineError, NodeTrouble};
use mortar_heketi::{Allocation, WireError};
use mortar_model::{ClusterId, OperationId};

use crate::http::answer::{self, Answer};
use crate::http::failure::Failure;

/// What was asked for when the engine refused: the same refusal has other texts on other routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Something about a thing named in the path.
    Thing,
    /// A new node.
    AddNode,
    /// A new device.
    AddDevice,
    /// A new volume.
    CreateVolume,
    /// A larger volume.
    ExpandVolume,
    /// The end of a volume.
    DeleteVolume,
    /// Another place for a brick.
    EvictBrick,
    /// A new block volume.
    CreateBlock,
    /// A larger block volume.
    ExpandBlock,
    /// The end of a block volume.
    DeleteBlock,
    /// Whether a volume takes block volumes.
    Restrict,
    /// A snapshot, or a volume that is made of one or of another volume.
    Snapshot,
}

/// Whether a cluster's flags allow no volume at all, for which Heketi has a text of its own. `None` is the only
/// cluster that a volume may be on: a refusal names clusters only when there are several.
pub(crate) type TypesOff<'a> = &'a dyn Fn(Option<ClusterId>) -> bool;

/// What the wire says of an error of the engine.
pub(crate) fn failure(error: &EngineError, asked: Asked) -> Failure {
    failure_with(error, asked, &|_| false)
}

/// What is answered when an operation was asked for: its place in the queue, or why there is none.
pub(crate) fn queued(begun: Result<OperationId, EngineError>, asked: Asked) -> Result<Answer, Failure> {
    begun
        .map(answer::accepted)
        .map_err(|error| failure(&error, asked))
}

/// The same, when it is known which clusters' flags allow nothing.
pub(crate) fn failure_with(error: &EngineError, asked: Asked, off: TypesOff<'_>) -> Failure {
    match error {
        EngineError::Refused(refusal) => refused(refusal, asked, off),
        EngineError::StoreBusy { .. } => with_message(WireError::Busy.into(), error),
        EngineError::Busy { wait, .. } => {
            let mut failure = with_message(WireError::Busy.into(), error);
            failure.retry_after = Some(*wait);
            failure
        }
        EngineError::Stopping => WireError::Stopping.into(),
        EngineError::Node(trouble) => node_trouble(trouble),
        EngineError::Uncertain { operation, source } => {
            tracing::error!(%operation, reason = %source, "whether the operation is recorded cannot be told");
            let wire = WireError::MaybeRecorded(operation.to_string());
            with_message(Failure::new(&wire, ErrorKind::NeedsAttention), error)
        }
        EngineError::Store(reason) => {
            // Paths and records are for the log only.
            tracing::error!(%reason, "a change could not be recorded");
            let mut failure = Failure::from(WireError::NotRecorded);
            failure.kind = ErrorKind::Unavailable;
            failure
        }
    }
}

/// What `/v1` says of a backup that there is not. The reason, with its paths, is in the log.
pub(crate) fn no_backup(error: &BackupError) -> Failure {
    let kind = match error {
        BackupError::Off => ErrorKind::Conflict,
        BackupError::Busy => ErrorKind::Busy,
        BackupError::Store(reason) => {
            tracing::error!(%reason, "a request about backups failed");
            let mut failure = Failure::new(&WireError::Internal, ErrorKind::Unavailable);
            failure.message = Some(format!("{error}: the server's log tells why"));
            return failure;
        }
        BackupError::Bug => ErrorKind::Internal,
    };
    with_message(Failure::new(&WireError::Internal, kind), error)
}

fn with_message(mut failure: Failure, error: &dyn std::fmt::Display) -> Failure {
    failure.message = Some(error.to_string());
    failure
}

fn node_trouble(trouble: &NodeTrouble) -> Failure {
    let wire = match trouble {
        NodeTrouble::NoGlusterd { .. } => WireError::NoGlusterd,
        NodeTrouble::NoMember => WireError::NoGlusterdInCluster,
        NodeTrouble::Unreachable { host, reason } => WireError::NodeUnreachable(host.clone(), reason.clone()),
        NodeTrouble::NotCured { host, reason } | NodeTrouble::NotReplaced { host, reason } => {
            WireError::NodeUnreachable(host.clone(), reason.clone())
        }
        NodeTrouble::NotTold { volume, reason } => WireError::NodeUnreachable(volume.clone(), reason.clone()),
        NodeTrouble::OtherMachine { host, reason } => {
            WireError::NodeUnreachable(host.clone(), reason.clone())
        }
        NodeTrouble::OtherPool { host, peers } => WireError::OtherPool(host.clone(), peers.join(", ")),
    };
    with_message(Failure::new(&wire, ErrorKind::NodeFailed), trouble)
}

/// What the wire says of a refusal.
pub(crate) fn refused(refusal: &Refusal, asked: Asked, off: TypesOff<'_>) -> Failure {
    let (wire, kind) = wire(refusal, asked, off);
    let mut failure = Failure::new(&wire, kind);
    let text = refusal.to_string();
    let mut lines = text.lines().map(|line| line.trim().to_owned());
    // A refusal with many reasons tells the whole first, then one reason a line.
    failure.message = lines.next().map(|line| line.trim_end_matches(':').to_owned());
    failure.details = lines.collect();
    failure
}

fn wire(refusal: &Refusal, asked: Asked, off: TypesOff<'_>) -> (WireError, ErrorKind) {
    use ErrorKind::{Conflict, Invalid, NoSpace, NodeFailed, NotFound};
    if asked == Asked::EvictBrick {
        return eviction(refusal);
    }
    match refusal {
        Refusal::NoClusters => (WireError::NoClusters, Invalid),
        Refusal::UnknownCluster(id) => match asked {
            Asked::AddNode => (WireError::ClusterUnknown, NotFound),
            Asked::CreateVolume | Asked::CreateBlock => (WireError::ClusterNotFound(id.to_string()), Invalid),
            _ => (WireError::IdNotFound, NotFound),
        },
        Refusal::Unknown(_, _) if asked == Asked::AddDevice => (WireError::NodeUnknown, NotFound),
        Refusal::Unknown(_, _) => (WireError::IdNotFound, NotFound),
        Refusal::HostTaken(host, node) => {
            (WireError::HostTaken(host.to_string(), node.to_string()), Conflict)
        }
        Refusal::PathTaken(path, device) => (
            WireError::PathTaken(path.to_string(), device.to_string()),
            Conflict,
        ),
        Refusal::TooSmall { size, smallest } => (WireError::TooSmall(size.gib(), smallest.kib()), Invalid),
        Refusal::Impossible(why) => (mortar_heketi::volume::impossible(*why), Invalid),
        Refusal::InUse("volume", _, "block volumes") => (WireError::HoldsBlockVolumes, Conflict),
        Refusal::InUse("cluster", id, _) => (WireError::ClusterInUse(id.clone()), Conflict),
        Refusal::ServesBlocks(id, names) => {
            (WireError::NodeServesBlocks(id.clone(), names.clone()), Conflict)
        }
        Refusal::NotServed(..) | Refusal::HostsUnclear { .. } => (WireError::InUse, Conflict),
        Refusal::NoSpareHost(_) => (WireError::InUse, NoSpace),
        Refusal::InUse("node", id, _) => (WireError::NodeInUse(id.clone()), Conflict),
        Refusal::InUse("device", id, _) => (WireError::DeviceInUse(id.clone()), Conflict),
        Refusal::InUse(..)
        | Refusal::WrongState { .. }
        | Refusal::NoCopies { .. }
        | Refusal::SetsGuessed { .. }
        | Refusal::Adopted(..)
        | Refusal::Needed(..) => (WireError::InUse, Conflict),
        Refusal::Recorded(_) | Refusal::UnderWay(_) | Refusal::Stale(..) | Refusal::Copies(_) => {
            (WireError::InUse, Conflict)
        }
        Refusal::Group(why) if why.is_of_the_request() => (placement(refusal, asked, off), Invalid),
        Refusal::Group(_)
        | Refusal::SnapshotTaken { .. }
        | Refusal::SnapshotLeaving(..)
        | Refusal::Changed { .. } => (placement(refusal, asked, off), Conflict),
        Refusal::NoCopiesRoom(room) if room.only_away() => (placement(refusal, asked, off), NodeFailed),
        Refusal::NoCopiesRoom(_) => (placement(refusal, asked, off), NoSpace),
        Refusal::Busy(..) => match asked {
            Asked::DeleteVolume => (WireError::VolumeBusy, Conflict),
            Asked::DeleteBlock => (WireError::BlockBusy, Conflict),
            Asked::CreateBlock => (WireError::AllocateBlock(Allocation::InUse), Conflict),
            Asked::ExpandBlock => (WireError::AllocateBlockExpansion(Allocation::InUse), Conflict),
            Asked::ExpandVolume => (WireError::AllocateExpansion(Allocation::InUse), Conflict),
            _ => (WireError::InUse, Conflict),
        },
        // Clients ask again later, as for any busy server.
        Refusal::HostingComes(_) => (WireError::Busy, ErrorKind::Busy),
        Refusal::NoHosting(_) | Refusal::HostingTooSmall { .. } | Refusal::NoBlockRoom { .. } => {
            (placement(refusal, asked, off), NoSpace)
        }
        Refusal::BlockTaken(..) | Refusal::BlockShrinks { .. } | Refusal::BlockAsLarge(_) => {
            (placement(refusal, asked, off), Conflict)
        }
        Refusal::Attach(AttachRefusal::NodeFull { .. }) => (WireError::InUse, NoSpace),
        Refusal::Attach(_) => (WireError::InUse, Conflict),
        Refusal::NotHosting(_) => (WireError::RestrictionOfFile, Conflict),
        Refusal::CloneOfHosting(id) => (WireError::CloneOfHosting(id.to_string()), Conflict),
        Refusal::BadOption(_) => (placement(refusal, asked, off), Invalid),
        Refusal::NameTaken { .. }
        | Refusal::NameLeaving(..)
        | Refusal::TooManyVolumes { .. }
        | Refusal::TooManyBricks { .. }
        | Refusal::WrongType(_) => (placement(refusal, asked, off), Conflict),
        Refusal::NoNodes | Refusal::NoSpace(_) | Refusal::NoBrickSize { .. } => {
            (placement(refusal, asked, off), NoSpace)
        }
        Refusal::NoRoom(room) if room.only_away() => (placement(refusal, asked, off), NodeFailed),
        Refusal::NoRoom(_) => (placement(refusal, asked, off), NoSpace),
        // What more bricks would need tells what kind it is: the bricks that are there have no room.
        Refusal::NeitherWay(_, added) => match wire(added, asked, off) {
            (wire, Invalid) => (wire, NoSpace),
            other => other,
        },
        Refusal::Everywhere(all) => (placement(refusal, asked, off), kind_of_all(all)),
    }
}

/// Why a brick stays where it is. Heketi's own texts name no reason.
fn eviction(refusal: &Refusal) -> (WireError, ErrorKind) {
    let kind = match refusal {
        Refusal::Unknown(..) => return (WireError::IdNotFound, ErrorKind::NotFound),
        Refusal::NoSpace(_) => ErrorKind::NoSpace,
        _ => ErrorKind::Conflict,
    };
    (WireError::Eviction(refusal.to_string()), kind)
}

/// Where several clusters refuse: more space would help if it would help one of them.
fn kind_of_all(all: &[(ClusterId, Refusal)]) -> ErrorKind {
    let mut kinds = all
        .iter()
        .map(|(_, why)| wire(why, Asked::CreateVolume, &|_| false).1);
    if kinds.any(|kind| kind == ErrorKind::NoSpace) {
        ErrorKind::NoSpace
    } else {
        ErrorKind::Conflict
    }
}

fn placement(refusal: &Refusal, asked: Asked, off: TypesOff<'_>) -> WireError {
    match asked {
        // Heketi, too, says by which limit a volume does not grow, and of a new one that there is no space.
        Asked::ExpandVolume if matches!(refusal, Refusal::NoBrickSize { brick_min: None, .. }) => {
            WireError::AllocateExpansion(Allocation::TooManyBricks)
        }
        Asked::ExpandVolume => WireError::AllocateExpansion(allocation(refusal, None, off)),
        Asked::CreateBlock => WireError::AllocateBlock(allocation(refusal, None, off)),
        Asked::ExpandBlock => WireError::AllocateBlockExpansion(allocation(refusal, None, off)),
        _ => WireError::AllocateVolume(allocation(refusal, None, off)),
    }
}

/// Why no place was found on this cluster, in Heketi's words.
fn allocation(refusal: &Refusal, cluster: Option<ClusterId>, off: TypesOff<'_>) -> Allocation {
    match refusal {
        Refusal::NoRoom(room) if room.only_away() => {
            Allocation::BadOption("a node that has a brick of the volume does not answer".into())
        }
        Refusal::NoCopiesRoom(room) if room.only_away() => {
            Allocation::BadOption("a node that has a brick of the volume does not answer".into())
        }
        Refusal::NoSpace(_) | Refusal::NoRoom(_) | Refusal::NoCopiesRoom(_) => Allocation::NoSpace,
        Refusal::NoBlockRoom { .. } | Refusal::NoBrickSize { .. } => Allocation::NoSpace,
        Refusal::TooManyBricks { has: 0, .. } => Allocation::NoSpace,
        Refusal::NoHosting(_) => Allocation::HostingOff,
        Refusal::HostingTooSmall {
            configured,
            room,
            size,
        } => Allocation::HostingTooSmall(configured.gib(), size.gib(), room.gib()),
        Refusal::BlockShrinks { has, asked } => Allocation::Shrinks(asked.gib(), has.gib()),
        Refusal::BlockAsLarge(size) => Allocation::SameSize(size.gib()),
        Refusal::BlockTaken(name, id) => {
            let by = format!("by block volume {id}, which is not as asked");
            Allocation::NameTakenBy(name.to_string(), by)
        }
        Refusal::NeitherWay(_, added) => allocation(added, cluster, off),
        Refusal::NameTaken {
            name, differences, ..
        } => {
            let by = format!("by a volume with {}", differences_in_words(differences));
            Allocation::NameTakenBy(name.to_string(), by)
        }
        Refusal::NameLeaving(name, operation) => {
            let by = format!("until operation {operation} has removed its volume");
            Allocation::NameTakenBy(name.to_string(), by)
        }
        Refusal::TooManyVolumes { has, limit } => Allocation::TooManyVolumes(*has, *limit),
        Refusal::TooManyBricks { .. } => Allocation::TooManyBricks,
        Refusal::WrongType(_) if off(cluster) => Allocation::NoType,
        Refusal::WrongType(_) => Allocation::WrongType,
        Refusal::NoNodes => Allocation::NoNodes,
        Refusal::BadOption(text) => Allocation::BadOption(text.clone()),
        Refusal::Everywhere(all) => {
            let one = |(id, why): &(ClusterId, Refusal)| (id.to_string(), allocation(why, Some(*id), off));
            Allocation::AnyCluster(all.iter().map(one).collect())
        }
        other => Allocation::BadOption(other.to_string()),
    }
}
