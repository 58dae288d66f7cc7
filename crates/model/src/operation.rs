//! The kinds of change that Mortar makes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of change an operation is. The names are stored and shown: a name is never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// A node joins a trusted pool.
    AddNode,
    /// A node leaves its trusted pool.
    RemoveNode,
    /// A device is made ready for bricks.
    AddDevice,
    /// A device is given back, bare.
    RemoveDevice,
    /// A device is as large as its disk has become.
    ResizeDevice,
    /// A volume and its bricks are made.
    CreateVolume,
    /// A volume's bricks become larger, or it gets more of them.
    ExpandVolume,
    /// Options of a volume are set to other values.
    SetOptions,
    /// Each file of a volume gets more copies, or fewer.
    ChangeReplicas,
    /// A volume and its bricks are removed.
    DeleteVolume,
    /// A volume as it is at this moment is kept.
    CreateSnapshot,
    /// Several volumes as they are at one moment are kept.
    CreateSnapshotGroup,
    /// A group of snapshots is removed.
    DeleteSnapshotGroup,
    /// A snapshot is removed.
    DeleteSnapshot,
    /// A volume is brought back to what a snapshot of it holds.
    RestoreSnapshot,
    /// A volume is made of a snapshot, or of another volume as it is.
    CloneVolume,
    /// A block volume is made, and a volume to hold it where none has the room.
    CreateBlock,
    /// A block volume becomes larger.
    ExpandBlock,
    /// A block volume is served by another host in place of one.
    ReplaceBlockHost,
    /// A block volume is removed.
    DeleteBlock,
    /// A brick is replaced by one on another device.
    EvictBrick,
    /// A device's bricks move to others.
    DrainDevice,
    /// The bricks of a node's devices move to others.
    DrainNode,
    /// What a change left on nodes that were away is removed.
    Cleanup,
    /// Things are brought back to what is recorded of them.
    Repair,
    /// A member that differs from the other members of its pool is brought to agree with them.
    CureMember,
    /// A new machine takes the place of a node that is lost, under its name.
    ReplaceNode,
    /// A record changed and no node was touched (a state flag, for instance).
    Record,
}

impl OperationKind {
    /// Every kind there is.
    pub const ALL: [Self; 28] = [
        Self::AddNode,
        Self::RemoveNode,
        Self::AddDevice,
        Self::RemoveDevice,
        Self::ResizeDevice,
        Self::CreateVolume,
        Self::ExpandVolume,
        Self::SetOptions,
        Self::ChangeReplicas,
        Self::DeleteVolume,
        Self::CreateSnapshot,
        Self::CreateSnapshotGroup,
        Self::DeleteSnapshotGroup,
        Self::DeleteSnapshot,
        Self::RestoreSnapshot,
        Self::CloneVolume,
        Self::CreateBlock,
        Self::ExpandBlock,
        Self::ReplaceBlockHost,
        Self::DeleteBlock,
        Self::EvictBrick,
        Self::DrainDevice,
        Self::DrainNode,
        Self::Cleanup,
        Self::Repair,
        Self::CureMember,
        Self::ReplaceNode,
        Self::Record,
    ];

    /// The kind's name as stored, shown and used in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AddNode => "add-node",
            Self::RemoveNode => "remove-node",
            Self::AddDevice => "add-device",
            Self::RemoveDevice => "remove-device",
            Self::ResizeDevice => "resize-device",
            Self::CreateVolume => "create-volume",
            Self::ExpandVolume => "expand-volume",
            Self::SetOptions => "set-options",
            Self::ChangeReplicas => "change-replicas",
            Self::DeleteVolume => "delete-volume",
            Self::CreateSnapshot => "create-snapshot",
            Self::CreateSnapshotGroup => "create-snapshot-group",
            Self::DeleteSnapshotGroup => "delete-snapshot-group",
            Self::DeleteSnapshot => "delete-snapshot",
            Self::RestoreSnapshot => "restore-snapshot",
            Self::CloneVolume => "clone-volume",
            Self::CreateBlock => "create-block",
            Self::ExpandBlock => "expand-block",
            Self::ReplaceBlockHost => "replace-block-host",
            Self::DeleteBlock => "delete-block",
            Self::EvictBrick => "evict-brick",
            Self::DrainDevice => "drain-device",
            Self::DrainNode => "drain-node",
            Self::Cleanup => "cleanup",
            Self::Repair => "repair",
            Self::CureMember => "cure-member",
            Self::ReplaceNode => "replace-node",
            Self::Record => "record",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::OperationKind;

    #[test]
    fn the_shown_name_is_the_stored_name() {
        for kind in OperationKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
