//! Options of the commands about bricks.

use clap::Subcommand;

/// `mortar brick …`
#[derive(Debug, Subcommand)]
pub(crate) enum BrickCommand {
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
