//! `mortar serve`: settings from flags, environment and file, then the server.

use crate::args::ServeArgs;
use crate::config::{Config, read};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;
use crate::{log, wire};

/// Runs the server until it is asked to stop.
pub(super) fn run(arguments: ServeArgs, out: Out) -> Result<()> {
    let file = arguments
        .config
        .as_deref()
        .map(read)
        .transpose()?
        .unwrap_or_default();
    let settings = arguments
        .settings
        .or(file)
        .with_secrets(|name| std::env::var(name).ok());
    if arguments.print_config {
        let text = toml::to_string(&settings.without_secrets());
        let text = text.map_err(|error| Error::new(Exit::Failed, "print the settings", error.to_string()))?;
        return out.text(&text);
    }
    let config = Config::new(settings)?;
    log::set_up(&config)?;
    wire::run(config)
}
