//! The server's log: text on a terminal, one JSON object a line otherwise, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{Config, LogFormat};
use crate::error::{Error, Result};

/// Sets the log up for the whole program, for bugs in it as well.
///
/// # Errors
/// The filter is not one.
pub(crate) fn set_up(config: &Config) -> Result<()> {
    start(&config.log, config.log_format, "start the server")
}

/// The same for a part of the program that is no server.
///
/// # Errors
/// The filter is not one.
pub(crate) fn start(filter: &str, format: LogFormat, attempt: &str) -> Result<()> {
    let wrong = |error: String| Error::usage(attempt, format!("log = {filter:?}: {error}"));
    let filter = EnvFilter::try_new(filter).map_err(|error| wrong(error.to_string()))?;
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none());
    let done = match (format, terminal) {
        (LogFormat::Text, _) | (LogFormat::Auto, true) => builder.try_init(),
        (LogFormat::Json, _) | (LogFormat::Auto, false) => builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    };
    done.map_err(|error| wrong(error.to_string()))?;
    mortar_engine::log_panics();
    Ok(())
}
