//! Options of the commands about snapshots.

use clap::Subcommand;

use super::super::parse::new_name;

/// `mortar snapshot …`
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Keep a volume as it is now, while it is in use
    #[command(long_about = "Keep a volume as it is now, while it is in use.\n\n\
        Every change that a client was told to be done before is in the snapshot, and none that is asked for afterwards. The \
        volume's bricks take no writes for some seconds at most. On directory devices their file system must let files \
        share blocks: XFS made with reflink=1 (as it is by default), or btrfs. On LVM the nodes need Linux 6.8, and thin \
        pools that have no room for the copy become larger.")]
    Create {
        /// The volume's id or name
        volume: String,
        /// Name of the snapshot [default: snap_ and the snapshot's id]
        #[arg(long, value_parser = new_name)]
        name: Option<String>,
    },
    /// List snapshots
    List {
        /// Only those of the volume with this id or name
        #[arg(long)]
        volume: Option<String>,
    },
    /// Show one snapshot
    Info {
        /// The snapshot's id or name
        snapshot: String,
    },
    /// Make a volume that begins with what a snapshot holds; it needs neither the snapshot nor that one's volume any more
    Clone {
        /// The snapshot's id or name
        snapshot: String,
        /// Name of the new volume in GlusterFS [default: vol_ and the volume's id]
        #[arg(long, value_parser = new_name)]
        name: Option<String>,
    },
    /// Bring a volume back to what its snapshot holds: what was written since is lost
    #[command(
        long_about = "Bring a volume back to what its snapshot holds: what was written since is lost.\n\n\
        The volume is stopped meanwhile; who has it mounted mounts it anew afterwards. It is refused when the volume's \
        bricks moved, grew or became more since: make a new volume of the snapshot then."
    )]
    Restore {
        /// The snapshot's id or name
        snapshot: String,
    },
    /// Groups: snapshots of several volumes at one moment
    #[command(subcommand)]
    Group(GroupCommand),
    /// Remove a snapshot; volumes that were made of it stay
    Delete {
        /// The snapshot's id or name
        snapshot: String,
    },
}

/// `mortar snapshot group …`
#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    /// Keep several volumes as they are at one moment, while they are in use
    #[command(
        long_about = "Keep several volumes as they are at one moment, while they are in use.\n\n\
        The bricks of all of them take no writes for some seconds at most, so that what was written to one volume before \
        something was written to another is in the snapshots if that is. The volumes are 1 to 32 of one cluster; for \
        each the same holds as for 'mortar snapshot create'. Each snapshot is one like any other, but that it is removed \
        with its group only."
    )]
    Create {
        /// The volumes' ids or names
        #[arg(required = true, value_name = "VOLUME")]
        volumes: Vec<String>,
        /// Name of the group [default: group_ and the group's id]
        #[arg(long, value_parser = new_name)]
        name: Option<String>,
    },
    /// List groups of snapshots
    List,
    /// Show one group with its snapshots
    Info {
        /// The group's id or name
        group: String,
    },
    /// Remove a group with all its snapshots; volumes that were made of them stay
    Delete {
        /// The group's id or name
        group: String,
    },
}
