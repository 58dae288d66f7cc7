//! The one table from what the engine refuses to what the wire says.

use mortar_api::ErrorKind;
use mortar_engine::plan::{NoSpace, Refusal};
use mortar_engine::{EngineError, NodeTrouble};
use mortar_heketi::{Allocation, WireError};

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
}

/// What the wire says of an error of the engine.
pub(crate) fn failure(error: &EngineError, asked: Asked) -> Failure {
    match error {
        EngineError::Refused(refusal) => refused(refusal, asked),
        EngineError::Busy { .. } => with_message(WireError::Busy.into(), error),
        EngineError::Stopping => WireError::Stopping.into(),
        EngineError::Node(trouble) => node_trouble(trouble),
        EngineError::Store(reason) => {
            // Paths and records are for the log only.
            tracing::error!(%reason, "a change could not be recorded");
            let mut failure = Failure::from(WireError::NotRecorded);
            failure.kind = ErrorKind::Unavailable;
            failure
        }
    }
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
        NodeTrouble::OtherPool { host, peers } => WireError::OtherPool(host.clone(), peers.join(", ")),
    };
    with_message(Failure::new(&wire, ErrorKind::NodeFailed), trouble)
}

/// What the wire says of a refusal.
pub(crate) fn refused(refusal: &Refusal, asked: Asked) -> Failure {
    let (wire, kind) = wire(refusal, asked);
    let mut failure = with_message(Failure::new(&wire, kind), refusal);
    if let Refusal::NoSpace(why) = refusal {
        failure.message = Some(no_space_headline(why));
        failure.details = why
            .devices
            .iter()
            .map(|device| {
                format!(
                    "{}:{} (zone {}): {}",
                    device.host, device.path, device.zone, device.rule
                )
            })
            .collect();
    }
    failure
}

/// The first line of why there is no space; the devices follow as details.
fn no_space_headline(why: &NoSpace) -> String {
    why.to_string().lines().next().unwrap_or_default().to_owned()
}

fn wire(refusal: &Refusal, asked: Asked) -> (WireError, ErrorKind) {
    use ErrorKind::{Conflict, Invalid, NoSpace, NotFound};
    match refusal {
        Refusal::NoClusters => (WireError::NoClusters, Invalid),
        Refusal::UnknownCluster(id) => match asked {
            Asked::AddNode => (WireError::ClusterUnknown, NotFound),
            Asked::CreateVolume => (WireError::ClusterNotFound(id.to_string()), Invalid),
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
        Refusal::BadReplica(_) => (WireError::InvalidReplica, Invalid),
        Refusal::InUse("cluster", id, _) => (WireError::ClusterInUse(id.clone()), Conflict),
        Refusal::InUse("node", id, _) => (WireError::NodeInUse(id.clone()), Conflict),
        Refusal::InUse("device", id, _) => (WireError::DeviceInUse(id.clone()), Conflict),
        Refusal::InUse(..) | Refusal::WrongState { .. } => (WireError::InUse, Conflict),
        Refusal::Busy(..) => match asked {
            Asked::DeleteVolume => (WireError::VolumeBusy, Conflict),
            Asked::ExpandVolume => (WireError::AllocateExpansion(Allocation::InUse), Conflict),
            _ => (WireError::InUse, Conflict),
        },
        Refusal::BadOption(_) => (placement(refusal, asked), Invalid),
        Refusal::NameTaken(_)
        | Refusal::TooManyVolumes { .. }
        | Refusal::TooManyBricks { .. }
        | Refusal::WrongType(_) => (placement(refusal, asked), Conflict),
        Refusal::NoNodes | Refusal::NoSpace(_) | Refusal::Everywhere(_) => {
            (placement(refusal, asked), NoSpace)
        }
    }
}

fn placement(refusal: &Refusal, asked: Asked) -> WireError {
    match asked {
        Asked::ExpandVolume => WireError::AllocateExpansion(allocation(refusal)),
        _ => WireError::AllocateVolume(allocation(refusal)),
    }
}

/// Why no place was found, in Heketi's words.
fn allocation(refusal: &Refusal) -> Allocation {
    match refusal {
        Refusal::NoSpace(_) => Allocation::NoSpace,
        Refusal::NameTaken(name) => Allocation::NameTaken(name.to_string()),
        Refusal::TooManyVolumes { has, limit } => Allocation::TooManyVolumes(*has, *limit),
        Refusal::TooManyBricks { .. } => Allocation::TooManyBricks,
        Refusal::WrongType(_) => Allocation::WrongType,
        Refusal::NoNodes => Allocation::NoNodes,
        Refusal::BadOption(text) => Allocation::BadOption(text.clone()),
        Refusal::Everywhere(all) => Allocation::AnyCluster(
            all.iter()
                .map(|(id, why)| (id.to_string(), allocation(why)))
                .collect(),
        ),
        other => Allocation::BadOption(other.to_string()),
    }
}
