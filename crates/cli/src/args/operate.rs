//! Options of the commands about operations, the lab, the store, and the program itself.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use mortar_lab::DeviceKind;

use super::super::parse::{bytes, devices};
use super::volume::ZoneName;

/// `mortar operation …`
#[derive(Debug, Subcommand)]
pub(crate) enum OperationCommand {
    /// List operations, the youngest first
    List {
        /// Only those that are not at an end, or that wait for a person or a node
        #[arg(long)]
        open: bool,
        /// At most this many
        #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one operation with its stages and steps
    Info {
        /// The operation's id
        operation: String,
    },
    /// Take up an operation that waits for a person or a node once more
    Retry {
        /// The operation's id
        operation: String,
    },
    /// Turn back an operation that moves bricks: a drain ends after the brick that is moving now
    Cancel {
        /// The operation's id
        operation: String,
    },
    /// Give up an operation that waits: it ends as it stands, and what it did not reach is left
    Abandon {
        /// The operation's id
        operation: String,
    },
}

/// `mortar rebuild`
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// A node, by the name or address where commands reach it; one of each trusted pool is enough
    #[arg(long, value_name = "HOST", required = true, num_args = 1.., value_delimiter = ',')]
    pub(crate) node: Vec<String>,
    /// Show what would be restored, and record nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `mortar adopt`
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// A node, by the name or address where commands reach it; one of each trusted pool is enough
    #[arg(long, value_name = "HOST", required = true, num_args = 1.., value_delimiter = ',')]
    pub(crate) node: Vec<String>,
    /// Only this volume; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) volume: Vec<String>,
    /// Do it, and do not only show it
    #[arg(long = "do", visible_alias = "yes")]
    pub(crate) really: bool,
}

/// `mortar check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Show what the last check found and what was mended by itself; ask no node
    #[arg(long)]
    pub(crate) last: bool,
    /// Show what did not go over just as it was when Heketi's database was taken over; ask no node
    #[arg(long, conflicts_with = "last")]
    pub(crate) takeover: bool,
}

/// `mortar repair`
#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    /// Mend this difference alone, by the id that 'check' shows; may be given several times
    #[arg(long, value_name = "ID")]
    pub(crate) item: Vec<String>,
    /// Do it, and do not only show it
    #[arg(long = "do", visible_alias = "yes")]
    pub(crate) really: bool,
}

/// `mortar import`
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Heketi's heketi.db, or what 'heketi db export' made of it
    pub(crate) file: PathBuf,
    /// The store file to make, which must not exist
    #[arg(long, value_name = "FILE", env = "MORTAR_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Show what would be taken over and what not, and make no store
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave out volumes that do not add up, instead of taking them over with their faults named
    #[arg(long)]
    pub(crate) leave_out_faulty: bool,
    /// Zone checking of volumes that say nothing of it: what 'zone_checking' of heketi.json says [default: none]
    #[arg(long, value_name = "RULE", env = "MORTAR_ZONE_CHECKING")]
    pub(crate) zone_checking: Option<ZoneName>,
}

/// `mortar db …`
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Write all records of a store as JSON
    Export {
        /// Write what Heketi's own 'db import' takes: the way home
        #[arg(long)]
        heketi: bool,
        /// The store file
        #[arg(long, value_name = "FILE", env = "MORTAR_STORE")]
        store: PathBuf,
        /// The file to write, in place of what is there; - writes to standard output
        file: PathBuf,
    },
    /// Make a store of exported records
    Import {
        /// The store file to make, which must not exist
        #[arg(long, value_name = "FILE", env = "MORTAR_STORE")]
        store: PathBuf,
        /// The exported file; - reads from standard input
        file: PathBuf,
    },
    /// Back up the store: of the server that is asked, or of a file that no server uses
    Backup {
        /// A store file, while its server is stopped; without it the server is asked to back up its own
        #[arg(long, value_name = "FILE")]
        store: Option<PathBuf>,
        /// Folder of the backup [default: 'backups' beside the store file]
        #[arg(long, value_name = "FOLDER", requires = "store")]
        folder: Option<PathBuf>,
    },
    /// List the backups that the server keeps, the youngest first
    Backups,
    /// Read a backup, or the store of a stopped server, whole, and tell whether it is sound; changes nothing
    Verify {
        /// The backup or the store file
        file: PathBuf,
    },
    /// Make a store of a backup, once all of it is verified
    Restore {
        /// The backup
        backup: PathBuf,
        /// The store file to make, which must not exist
        #[arg(long, value_name = "FILE", env = "MORTAR_STORE")]
        store: PathBuf,
    },
}

impl DbCommand {
    /// Whether a server is asked.
    pub(crate) const fn asks(&self) -> bool {
        matches!(self, Self::Backup { store: None, .. } | Self::Backups)
    }
}

/// `mortar completions …`
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// `mortar man …`
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder, made when it is not there
    pub(crate) folder: PathBuf,
}

/// Which lab is meant.
#[derive(Clone, Debug, Args)]
pub(crate) struct LabName {
    /// Name of the lab
    #[arg(long, env = "MORTAR_LAB", default_value = "default")]
    pub(crate) lab: String,
}

/// `mortar lab …`
#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// Make a lab
    Up {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
        /// Storage nodes
        #[arg(long, value_name = "NUMBER", default_value_t = 3)]
        nodes: u32,
        /// Disks of each node
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        disks: u32,
        /// Size of each disk: GiB, or a number with MiB, GiB or TiB; only what is written takes space
        #[arg(long, value_parser = bytes, default_value = "20GiB")]
        size: u64,
        /// What the disks are: directories, or bare block devices for LVM (needs device-mapper)
        #[arg(long, value_name = "KIND", default_value = "directory", value_parser = devices)]
        devices: DeviceKind,
        /// Join the nodes to one trusted pool, which Mortar does otherwise
        #[arg(long)]
        peers: bool,
    },
    /// Remove a lab with all that is in it
    Down {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
    },
    /// List labs
    List,
    /// Show a lab as it is now
    Status {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
    },
    /// Run a program inside a node; its exit code is this command's
    Exec {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
        /// The node
        node: String,
        /// The program and its arguments
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// Cut a node off from the network; it runs on
    Cut {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
        /// The node
        node: String,
    },
    /// Join a node that was cut off
    Join {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
        /// The node
        node: String,
    },
    /// End a node as a power cut does
    Kill {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
        /// The node
        node: String,
    },
    /// Start a node that was killed
    Start {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
        /// Mount none of its bricks, as a machine whose disks came too late
        #[arg(long)]
        without_mounts: bool,
        /// The node
        node: String,
    },
    /// Mount a volume of the lab on this machine
    Mount {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
        /// The volume's name
        volume: String,
        /// The folder, which must be there
        folder: PathBuf,
    },
    /// Unmount a volume of the lab
    Unmount {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
        /// The folder
        folder: PathBuf,
    },
    /// Print the lab as a topology file, for 'mortar topology load -'
    Topology {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
    },
    /// Print the settings by which a server reaches the lab, for 'mortar serve --config'
    Config {
        /// Which lab is meant.
        #[command(flatten)]
        name: LabName,
    },
}
