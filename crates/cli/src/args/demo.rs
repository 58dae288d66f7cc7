//! Options of `mortar demo`.

use std::path::PathBuf;

use clap::Args;

/// Name of the demo when none is given.
pub(crate) const DEMO_NAME: &str = "demo";
/// Folder in which demos keep what they make when none is given.
pub(crate) const DEMO_ROOT: &str = "/var/lib/mortar-demo";

/// `mortar demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Remove all that the demo made
    #[arg(long)]
    pub(crate) down: bool,
    /// Name of the demo and of its lab
    #[arg(long, default_value = DEMO_NAME)]
    pub(crate) name: String,
    /// Folder in which demos keep what they make
    #[arg(long, value_name = "FOLDER", env = "MORTAR_DEMO_ROOT", default_value = DEMO_ROOT)]
    pub(crate) state: PathBuf,
}
