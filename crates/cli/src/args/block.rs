//! Options of the commands about block volumes.

use clap::{Args, Subcommand};

use super::super::parse::gibibytes;

/// `mortar block …`
#[derive(Debug, Subcommand)]
pub(crate) enum BlockCommand {
    /// Make a block volume on a volume that holds such ones
    #[command(long_about = "Make a block volume on a volume that holds such ones.\n\n\
        It is a file in a volume that was made with 'mortar volume create --block', served by several hosts as one iSCSI disk. Of those \
        volumes the one that has most left is taken. Where none has the room, one is made too, if the server is set so \
        (--block-hosting-auto). The command gluster-block must be on a node of the cluster, with its daemon on each that is to serve it.")]
    Create(BlockCreateArgs),
    /// List block volumes
    List {
        /// Only those that the volume with this id or name holds
        #[arg(long, value_name = "VOLUME")]
        hosting: Option<String>,
    },
    /// Show one block volume, with what initiators need to reach it
    Info {
        /// The block volume's id or name
        block: String,
    },
    /// Make a block volume larger while it is in use
    Expand {
        /// The block volume's id or name
        block: String,
        /// How large it is to be: GiB, or a number with GiB or TiB
        #[arg(long, alias = "size", value_name = "SIZE", value_parser = gibibytes)]
        new_size: u64,
    },
    /// Let another host serve a block volume in place of one, while it is in use
    #[command(
        long_about = "Let another host serve a block volume in place of one, while it is in use.\n\n\
        A node that serves block volumes is not removed before others serve them. It only goes forward; all hosts of the block volume must \
        answer. With --dead the old one is not asked: what it has of the block volume stays on it, should it ever come back."
    )]
    Replace {
        /// The block volume's id or name
        block: String,
        /// The host that serves it, by either name of its node
        #[arg(long)]
        host: String,
        /// The host that takes its place [default: the one with the fewest block volumes]
        #[arg(long, value_name = "HOST")]
        with: Option<String>,
        /// The old host never comes back
        #[arg(long)]
        dead: bool,
    },
    /// Remove a block volume with all that is in it
    Delete {
        /// The block volume's id or name
        block: String,
    },
}

/// `mortar block create …`
#[derive(Clone, Debug, Args)]
pub(crate) struct BlockCreateArgs {
    /// Size: GiB, or a number with GiB or TiB
    #[arg(long, value_parser = gibibytes)]
    pub(crate) size: u64,
    /// Name in gluster-block [default: blockvol_ and the block volume's id]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// How many hosts serve it [default: all that can]
    #[arg(long, value_name = "HOSTS")]
    pub(crate) ha: Option<u32>,
    /// Let initiators prove who they are, with a name and a password that are made for it
    #[arg(long)]
    pub(crate) auth: bool,
    /// Ids of the clusters that may be used [default: all]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) clusters: Vec<String>,
}
