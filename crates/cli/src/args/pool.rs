//! Options of the commands about clusters, nodes and devices.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};
use mortar_api::PoolMode;
use mortar_model::Overcommit;

use super::super::parse::{key_value, overcommit, pool_mode};

/// `mortar topology …`
#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Make clusters, nodes and devices of a topology file, as far as they are not there
    #[command(
        long_about = "Make clusters, nodes and devices of a topology file, as far as they are not there.\n\n\
        The file is Heketi's topology.json. Nothing is ever removed. A node or device that cannot be added is \
        reported and the others go on; loading the same file again goes on where it stopped."
    )]
    Load {
        /// The file; - reads from standard input
        file: PathBuf,
    },
    /// Draw clusters, nodes, devices and bricks as a tree
    #[command(alias = "info")]
    Show,
}

/// `mortar cluster …`
#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Make an empty cluster
    Create {
        /// Whether file volumes may be made here
        #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
        file: bool,
        /// Whether block volumes may be made here
        #[arg(long, default_value_t = true, action = ArgAction::Set, value_name = "BOOL")]
        block: bool,
    },
    /// List clusters
    List,
    /// Show one cluster
    Info {
        /// The cluster's id
        cluster: String,
    },
    /// Remove a cluster that is empty
    Delete {
        /// The cluster's id
        cluster: String,
    },
    /// Say which volumes may be made on a cluster
    #[command(alias = "setflags")]
    SetFlags {
        /// The cluster's id
        cluster: String,
        /// Whether file volumes may be made here; as it was when left out
        #[arg(long, value_name = "BOOL")]
        file: Option<bool>,
        /// Whether block volumes may be made here; as it was when left out
        #[arg(long, value_name = "BOOL")]
        block: Option<bool>,
    },
}

/// `mortar node …`
#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// Add a node to a cluster's trusted pool
    Add {
        /// The cluster's id
        #[arg(long)]
        cluster: String,
        /// Failure domain, 1 or more: copies go to distinct zones where possible
        #[arg(long)]
        zone: u32,
        /// Host name or address where commands reach the node
        #[arg(long, alias = "management-host-name", value_name = "HOST")]
        manage: String,
        /// Host name or address of the node in the trusted pool, where clients reach its bricks
        #[arg(long, alias = "storage-host-name", value_name = "HOST")]
        storage: String,
        /// Label; may be repeated
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = key_value)]
        tags: Vec<(String, String)>,
    },
    /// List nodes, all or those that pass each filter
    List {
        /// Only those of this cluster
        #[arg(long, value_name = "ID")]
        cluster: Option<String>,
        /// Only those of this zone
        #[arg(long)]
        zone: Option<u32>,
        /// Only those in this state: online, offline or failed
        #[arg(long)]
        state: Option<String>,
        /// Only those with this label
        #[arg(long, value_name = "KEY[=VALUE]")]
        tag: Option<String>,
    },
    /// Show one node
    Info {
        /// The node's id or host name
        node: String,
    },
    /// Move all bricks of a node to other nodes, one after the other
    Drain {
        /// The node's id or host name
        node: String,
        /// The node need not answer: whatever only its bricks hold is given up
        #[arg(long)]
        dead: bool,
    },
    /// Let a new machine take the place of a node that is lost, under its name or address
    #[command(
        long_about = "Let a new machine take the place of a node that is lost, under its name or address.\n\n\
        The machine must answer where the node did, with GlusterFS installed and nothing in it. It gets the node's identity in the \
        trusted pool. Its disks are added as devices of the node then, and the bricks of the old ones moved there: 'mortar device \
        add', and 'mortar device drain --dead' for each old one."
    )]
    Replace {
        /// The node's id or host name
        node: String,
    },
    /// Forget a node that never comes back, with its devices; it must have no bricks
    Forget {
        /// The node's id or host name
        node: String,
    },
    /// Take a node out of its pool; it must have no devices
    Delete {
        /// The node's id or host name
        node: String,
    },
    /// Let a node take new bricks
    Enable {
        /// The node's id or host name
        node: String,
    },
    /// Let a node take no new bricks; those it has go on
    Disable {
        /// The node's id or host name
        node: String,
    },
    /// Reach a node under another name or address from now on; its name in the trusted pool stays
    SetAddress {
        /// The node's id or host name
        node: String,
        /// Host name or address where commands reach the node; it must answer there
        #[arg(value_name = "HOST")]
        manage: String,
    },
    /// Show or change a node's labels
    Tags {
        /// The node's id or host name
        node: String,
        /// What to change.
        #[command(flatten)]
        change: TagsArgs,
    },
}

/// `mortar device …`
#[derive(Debug, Subcommand)]
pub(crate) enum DeviceCommand {
    /// Make a device ready for bricks
    Add {
        /// The node's id or host name
        #[arg(long)]
        node: String,
        /// Path on the node: a disk below /dev, or a directory
        #[arg(long, alias = "path", value_name = "PATH")]
        name: String,
        /// Thin pools of a disk's bricks: own, one for each brick; or shared, one for all
        #[arg(long, value_name = "MODE", default_value = "own", value_parser = pool_mode)]
        pool: PoolMode,
        /// What a shared pool may promise to bricks over what it has, 1.0 to 10.0; it takes no more bricks when it is really 80 % full
        #[arg(long, value_name = "RATIO", value_parser = overcommit)]
        overcommit: Option<Overcommit>,
        /// Wipe what is on this device first
        #[arg(long)]
        destroy_existing_data: bool,
        /// Label; may be repeated
        #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = key_value)]
        tags: Vec<(String, String)>,
    },
    /// List devices, all or those that pass each filter
    List {
        /// Only those of this cluster
        #[arg(long, value_name = "ID")]
        cluster: Option<String>,
        /// Only those of this node, by its id or host name
        #[arg(long)]
        node: Option<String>,
        /// Only those in this state: online, offline or failed
        #[arg(long)]
        state: Option<String>,
        /// Only those with this label, of their own or of their node
        #[arg(long, value_name = "KEY[=VALUE]")]
        tag: Option<String>,
    },
    /// Show one device
    Info {
        /// The device's id, or NODE:PATH
        device: String,
    },
    /// Move all bricks of a device to others, one after the other
    Drain {
        /// The device's id, or NODE:PATH
        device: String,
        /// The bricks need not run: whatever only they hold is given up
        #[arg(long)]
        dead: bool,
    },
    /// Take up the size that a device's disk has grown to
    Resize {
        /// The device's id, or NODE:PATH
        device: String,
    },
    /// Change what the pool that all bricks of a device share may promise over what it has
    SetOvercommit {
        /// The device's id, or NODE:PATH
        device: String,
        /// 1.0 to 10.0; not less than what is promised already
        #[arg(value_name = "RATIO", value_parser = overcommit)]
        overcommit: Overcommit,
    },
    /// Give a device back, bare; it must have no bricks
    Delete {
        /// The device's id, or NODE:PATH
        device: String,
        /// Forget it even when its node does not answer
        #[arg(long)]
        force_forget: bool,
    },
    /// Let a device take new bricks
    Enable {
        /// The device's id, or NODE:PATH
        device: String,
    },
    /// Let a device take no new bricks; those it has go on
    Disable {
        /// The device's id, or NODE:PATH
        device: String,
    },
    /// Show or change a device's labels
    Tags {
        /// The device's id, or NODE:PATH
        device: String,
        /// What to change.
        #[command(flatten)]
        change: TagsArgs,
    },
}

/// What to change of a thing's labels; nothing shows them.
#[derive(Debug, Args)]
pub(crate) struct TagsArgs {
    /// Labels to set
    #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Labels to take away
    #[arg(long, value_name = "KEY", conflicts_with = "exact")]
    pub(crate) remove: Vec<String>,
    /// Take away all labels that are not set here
    #[arg(long, short = 'e')]
    pub(crate) exact: bool,
}
