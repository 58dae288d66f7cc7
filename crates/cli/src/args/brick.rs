//! Options of the commands about bricks.

use clap::Subcommand;

/// `mortar brick …`
#[derive(Debug, Subcommand)]
pub(crate) enum BrickCommand {
    /// List bricks, all or those that pass each filter
    List {
        /// Only those of this cluster
        #[arg(long, value_name = "ID")]
        cluster: Option<String>,
        /// Only those on this node, by its id or host name
        #[arg(long)]
        node: Option<String>,
        /// Only those on this device, by its id or NODE:PATH
        #[arg(long)]
        device: Option<String>,
        /// Only those of this volume, by its id or name
        #[arg(long)]
        volume: Option<String>,
    },
    /// Move a brick to another device
    #[command(long_about = "Move a brick to another device.\n\n\
        A new brick is made where the rules of placement allow it, takes the old one's place, is healed from the other \
        bricks of its set, and then the old one is removed. It is refused while another brick of the set is down or \
        lacks something that only the old one has.")]
    Evict {
        /// The brick's id, or its first 6 digits or more
        brick: String,
        /// The brick itself need not run: whatever only it holds is given up
        #[arg(long)]
        dead: bool,
    },
}
