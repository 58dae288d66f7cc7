//! The command line as a definition. Help, completions and man pages are made from it; nothing here acts.

mod block;
mod brick;
mod csi;
mod demo;
mod operate;
mod pool;
mod snapshot;
mod volume;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use block::{BlockCommand, BlockCreateArgs};
pub(crate) use brick::BrickCommand;
pub(crate) use csi::{CsiCommand, CsiCommon, CsiControllerArgs, CsiNodeArgs};
pub(crate) use demo::{DEMO_NAME, DEMO_ROOT, DemoArgs};
pub(crate) use operate::{
    AdoptArgs, CheckArgs, CompletionsArgs, DbCommand, ImportArgs, LabCommand, LabName, ManArgs,
    OperationCommand, RebuildArgs, RepairArgs,
};
pub(crate) use pool::{ClusterCommand, DeviceCommand, NodeCommand, TagsArgs, TopologyCommand};
pub(crate) use snapshot::{GroupCommand, SnapshotCommand};
pub(crate) use volume::{CreateArgs, DurabilityName, ExplainCommand, VolumeCommand, ZoneName};

use crate::config::Settings;

/// Bare disks to GlusterFS volumes: asks a Mortar server, or is one.
#[derive(Debug, Parser)]
#[command(name = "mortar", version, after_help = crate::exit::table(), max_term_width = 100, infer_subcommands = false)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Server to ask, by http:// or https:// [env: MORTAR_SERVER, HEKETI_CLI_SERVER] [default: http://127.0.0.1:8080]
    #[arg(long, short = 's', global = true, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Certificates (PEM) that the server's must lead to, for https [env: MORTAR_CA_FILE] [default: what this machine trusts]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// User to ask as, admin or user [env: MORTAR_USER, HEKETI_CLI_USER]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// The user's secret; other users of this machine can see it here, so prefer the two ways below [env:
    /// MORTAR_SECRET, HEKETI_CLI_KEY]
    #[arg(long, global = true, value_name = "SECRET")]
    pub(crate) secret: Option<String>,
    /// File whose first line is the user's secret [env: MORTAR_SECRET_FILE]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "secret")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Print JSON as the server says it
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Wait until long work is at its end (this is so anyway)
    #[arg(long, global = true, overrides_with = "no_wait")]
    pub(crate) wait: bool,
    /// Return when long work is accepted; 'mortar operation info' follows it
    #[arg(long, global = true, overrides_with = "wait")]
    pub(crate) no_wait: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    Serve(Box<ServeArgs>),
    /// Load a topology file, or draw what there is
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Clusters: trusted pools of nodes
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Nodes: members of a trusted pool
    #[command(subcommand)]
    Node(NodeCommand),
    /// Devices: disks, or directories that stand for them
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Bricks: the parts of volumes, one file system each
    #[command(subcommand)]
    Brick(BrickCommand),
    /// Volumes: what clients mount
    #[command(subcommand)]
    Volume(VolumeCommand),
    /// Block volumes: iSCSI disks in files of a volume
    #[command(subcommand)]
    Block(BlockCommand),
    /// Snapshots: volumes as they were
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Draw what a thing rests on, recorded beside seen
    #[command(subcommand)]
    Explain(ExplainCommand),
    /// Operations: changes that were asked for, and how far they are
    #[command(subcommand)]
    Operation(OperationCommand),
    /// The CSI driver: volumes for Kubernetes' claims
    #[command(subcommand)]
    Csi(CsiCommand),
    /// Restore the records from the nodes, when the store is lost
    #[command(
        long_about = "Restore the records from the nodes, when the store is lost.\n\n\
        Asks the named nodes and the members of their trusted pools what is there, and records clusters, nodes, \
        devices, volumes and bricks as they were. Nothing is changed on any node. What the nodes cannot tell, what is \
        there beside the records, and what does not fit together is shown; docs/recovery.md says what to do about it."
    )]
    Rebuild(RebuildArgs),
    /// Take volumes that were made by hand under management, where they are; shows what it understands, and does it only with --do
    #[command(
        long_about = "Take volumes that were made by hand under management, where they are; shows what it understands, and \
        does it only with --do.\n\n\
        Asks the named nodes and the members of their trusted pools, and tells of each volume whether it is understood, with which \
        limits, or why not. Nothing is changed on any node, then or later: what was adopted is never removed, only taken out \
        of its volume. docs/recovery.md says what can be done with it."
    )]
    Adopt(AdoptArgs),
    /// Compare the records with what the nodes show now: every difference with its proof and what can be done
    #[command(
        long_about = "Compare the records with what the nodes show now: every difference with its proof and what can be \
        done.\n\nChanges nothing. Ends with 0 when nothing but notices was found, with 10 otherwise."
    )]
    Check(CheckArgs),
    /// Mend differences that 'check' finds; shows what would be done, and does it only with --do
    #[command(
        long_about = "Mend differences that 'check' finds; shows what would be done, and does it only with --do.\n\n\
        Only what is proven safe is done, and nothing is removed but what is proven to be Mortar's own, in no record, \
        and used by no volume. The rest is shown with what a person has to do."
    )]
    Repair(RepairArgs),
    /// A real GlusterFS pool on this machine, for trying and testing (Linux, root)
    #[command(subcommand)]
    Lab(LabCommand),
    /// Show the main job on a real pool on this machine, step by step (Linux, root)
    #[command(
        long_about = "Show the main job on a real pool on this machine, step by step (Linux, root).\n\n\
        Makes a lab of three nodes, starts a server, asks it for a volume, mounts that at two clients, kills a node \
        in the middle of a write, brings it back, and leaves all of it up. What an earlier demo of the same name \
        left is removed first."
    )]
    Demo(DemoArgs),
    /// Take over the database of a Heketi server: heketi.db, or its JSON export
    #[command(
        long_about = "Take over the database of a Heketi server: heketi.db, or its JSON export.\n\nReads the file, makes a new \
        store of what is in it, and names what does not add up. The file is never changed; no node is asked. Bricks stay where \
        Heketi made them. docs/migrate-from-heketi.md is a walk-through."
    )]
    Import(ImportArgs),
    /// The server's store: backups of it, and its records as JSON
    #[command(subcommand)]
    Db(DbCommand),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Write man pages into a folder
    Man(ManArgs),
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Configuration file (TOML); every key is an option of this command without its dashes
    #[arg(long, value_name = "FILE", env = "MORTAR_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Configuration file of a Heketi server (heketi.json): its keys and HEKETI_ variables hold, and the database that it names is
    /// taken over where there is no store yet
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub(crate) heketi_config: Option<PathBuf>,
    /// Keys of the configuration file, each also an option and an environment variable.
    #[command(flatten)]
    pub(crate) settings: Settings,
    /// Print the settings that flags, environment and file give, secrets left out, and end; what is not printed has its default
    #[arg(long)]
    pub(crate) print_config: bool,
}

impl Global {
    /// Whether long work is waited for.
    pub(crate) const fn waits(&self) -> bool {
        !self.no_wait
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
