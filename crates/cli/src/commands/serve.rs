//! `mortar serve`: settings from flags, environment and file, then the server.

use crate::args::ServeArgs;
use crate::config::{Config, read, read_heketi};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;
use crate::takeover::Origin;
use crate::{log, wire};

/// Runs the server until it is asked to stop.
pub(super) fn run(arguments: ServeArgs, out: Out) -> Result<()> {
    let file = arguments
        .config
        .as_deref()
        .map(read)
        .transpose()?
        .unwrap_or_default();
    let environment = |name: &str| std::env::var(name).ok();
    let heketi = arguments
        .heketi_config
        .as_deref()
        .map(|file| read_heketi(file, environment))
        .transpose()?;
    let from_heketi = heketi.as_ref().map(|heketi| heketi.settings.clone());
    let settings = arguments
        .settings
        .or(file)
        .or(from_heketi.unwrap_or_default())
        .with_secrets(environment);
    if arguments.print_config {
        let text = toml::to_string(&settings.without_secrets());
        let text = text.map_err(|error| Error::new(Exit::Failed, "print the settings", error.to_string()))?;
        return out.text(&text);
    }
    let config = Config::new(settings)?;
    let dial = log::set_up(&config)?;
    for remark in heketi.iter().flat_map(|heketi| &heketi.remarks) {
        tracing::warn!(key = remark.key, "{}", remark.instead);
    }
    let origin = heketi.map(|heketi| Origin {
        database: heketi.database,
        zones: config.engine.zone_checking.unwrap_or_default(),
    });
    wire::run(config, dial, origin)
}
