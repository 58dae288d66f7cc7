//! How a server is put together from the other rooms.

use crate::config::Config;
use crate::error::{Error, Result};
use crate::exit::Exit;

pub(crate) fn run(config: Config) -> Result<()> {
    tracing::debug!(?config, "settings");
    Err(Error::new(Exit::Failed, "start the server", "not wired yet"))
}
