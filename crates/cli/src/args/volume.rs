//! Options of the commands about volumes.

use clap::{Args, Subcommand, ValueEnum};
use mortar_model::ZoneChecking;
use serde::{Deserialize, Serialize};

use super::super::parse::{gibibytes, key_value, new_name, parts, snapshot_factor};

/// `mortar volume …`
#[derive(Debug, Subcommand)]
pub(crate) enum VolumeCommand {
    /// Make a volume, or say where it would go
    Create(CreateArgs),
    /// List volumes
    List,
    /// Show one volume
    Info {
        /// The volume's id or name
        volume: String,
    },
    /// Make a volume larger: its bricks grow, or it gets more of them where their devices are full
    Expand {
        /// The volume's id or name
        volume: String,
        /// How much larger: GiB, or a number with GiB or TiB
        #[arg(long, visible_alias = "by", value_name = "SIZE", value_parser = gibibytes)]
        expand_size: u64,
        /// Let its bricks grow where they are, or do nothing
        #[arg(long, conflicts_with = "add_bricks")]
        in_place: bool,
        /// Add bricks, and spread its files over them
        #[arg(long)]
        add_bricks: bool,
    },
    /// Show what is to be healed in a volume, asked now
    Heal {
        /// The volume's id or name
        volume: String,
    },
    /// Set options of a volume, or give them back to GlusterFS
    Set {
        /// The volume's id or name
        volume: String,
        /// GlusterFS option with its value, or with nothing behind the = for GlusterFS's own
        #[arg(value_name = "KEY=VALUE", value_parser = key_value, required = true)]
        options: Vec<(String, String)>,
    },
    /// Give each file of a volume more copies, or fewer, while it is in use
    Replicas {
        /// The volume's id or name
        volume: String,
        /// Copies of each file, an arbiter among them
        replicas: u32,
        /// Let the third be an arbiter, which holds no data
        #[arg(long)]
        arbiter: bool,
    },
    /// Make a volume that begins with what another one holds now
    Clone {
        /// The other volume's id or name
        volume: String,
        /// Name of the new volume in GlusterFS [default: vol_ and the volume's id]
        #[arg(long, value_parser = new_name)]
        name: Option<String>,
    },
    /// Say that nodes do not use a volume any more, where those who attached it do not say so themselves
    #[command(
        long_about = "Say that nodes do not use a volume any more, where those who attached it do not say so themselves.\n\n\
        A volume is attached to nodes by a CSI controller that was started with --attach; it is not removed meanwhile, and \
        other nodes do not get one that one node may have. Where Kubernetes is gone, or the controller attaches no more, \
        this ends that. No client is stopped: see to it that nothing on those nodes uses the volume."
    )]
    Detach {
        /// The volume's id or name
        volume: String,
        /// The node [default: all that have it]
        #[arg(long, value_name = "NAME")]
        node: Option<String>,
    },
    /// Remove a volume and all that it rests on, with its files
    Delete {
        /// The volume's id or name
        volume: String,
    },
}

/// `mortar volume create …`
#[derive(Clone, Debug, Args)]
pub(crate) struct CreateArgs {
    /// Usable size: GiB, or a number with GiB or TiB
    #[arg(long, value_parser = gibibytes)]
    pub(crate) size: u64,
    /// Name in GlusterFS [default: vol_ and the volume's id]
    #[arg(long, value_parser = new_name)]
    pub(crate) name: Option<String>,
    /// How the volume survives the loss of bricks
    #[arg(long, value_name = "KIND", default_value = "replicate")]
    pub(crate) durability: DurabilityName,
    /// Copies of each file, each on a node of its own; with replicate [default: 3]
    #[arg(long, value_name = "COPIES", value_parser = parts)]
    pub(crate) replica: Option<u32>,
    /// Pieces of each file that are needed to read it; with disperse [default: 4]
    #[arg(long, value_name = "PIECES", value_parser = parts)]
    pub(crate) disperse_data: Option<u32>,
    /// Pieces of each file that may be lost; with disperse [default: 2]
    #[arg(long, value_name = "PIECES", value_parser = parts)]
    pub(crate) redundancy: Option<u32>,
    /// Size of files in KiB as expected, which says how large arbiter bricks are; with arbiter [default: 64]
    #[arg(long, value_name = "KIB", value_parser = parts)]
    pub(crate) average_file_size: Option<u32>,
    /// GlusterFS option of the volume; may be repeated
    #[arg(long = "option", short = 'o', value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) options: Vec<(String, String)>,
    /// Group that owns the volume's root
    #[arg(long)]
    pub(crate) gid: Option<u32>,
    /// Whether copies must be in distinct zones [default: as the server is set]
    #[arg(long, value_name = "RULE")]
    pub(crate) zone: Option<ZoneName>,
    /// Room for snapshots, as a factor of the size, 1 to 100; more than 1 keeps room
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = snapshot_factor)]
    pub(crate) snapshot_factor: f64,
    /// Let the volume hold block volumes (see 'mortar block create'), with GlusterFS's options for such volumes before those of --option
    #[arg(long)]
    pub(crate) block: bool,
    /// Ids of the clusters that may be used [default: all]
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) clusters: Vec<String>,
    /// Say where the volume would go and why not elsewhere; make nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How a volume survives the loss of bricks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DurabilityName {
    /// Not at all: each file is on one brick.
    None,
    /// Each file is on several bricks, see --replica.
    Replicate,
    /// Each file is on two bricks, and a third and small one knows which of them is newer, see --average-file-size.
    Arbiter,
    /// Each file is cut into pieces, of which some may be lost, see --disperse-data and --redundancy.
    Disperse,
}

impl DurabilityName {
    /// The word of the command line, and mostly Heketi's.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Replicate => "replicate",
            Self::Arbiter => "arbiter",
            Self::Disperse => "disperse",
        }
    }
}

/// Whether copies must be in distinct zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ZoneName {
    /// Preferred, not demanded.
    None,
    /// Demanded.
    Strict,
}

impl From<ZoneName> for ZoneChecking {
    fn from(name: ZoneName) -> Self {
        match name {
            ZoneName::None => Self::None,
            ZoneName::Strict => Self::Strict,
        }
    }
}

/// `mortar explain …`
#[derive(Debug, Subcommand)]
pub(crate) enum ExplainCommand {
    /// Claim, volume, bricks, logical volumes or images, devices and nodes
    Volume {
        /// The volume's id or name
        volume: String,
    },
    /// Block volume, its hosts, the volume that holds it, and so on down; also 'mortar explain block/NAME'
    Block {
        /// The block volume's id or name
        block: String,
    },
    /// The same from a claim of Kubernetes on; also 'mortar explain pvc/NAMESPACE/NAME'
    Pvc {
        /// The claim, NAMESPACE/NAME
        claim: String,
    },
    /// KIND/NAME, as kubectl writes it.
    #[command(external_subcommand)]
    Slashed(Vec<String>),
}
