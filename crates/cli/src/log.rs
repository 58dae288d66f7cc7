//! The server's log: text on a terminal, one JSON object a line otherwise, on standard error.

use std::io::IsTerminal as _;

use mortar_heketi::admin::LogLevel;
use mortar_server::LogDial;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::{EnvFilter, reload};

use crate::config::{Config, LogFormat};
use crate::error::{Error, Result};

/// Sets the log up for the whole program, for bugs in it as well; answers with what turns it up and down.
///
/// # Errors
/// The filter is not one.
pub(crate) fn set_up(config: &Config) -> Result<LogDial> {
    start(&config.log, config.log_format, "start the server")
}

/// The same for a part of the program that is no server.
///
/// # Errors
/// The filter is not one.
pub(crate) fn start(filter: &str, format: LogFormat, attempt: &str) -> Result<LogDial> {
    let wrong = |error: String| Error::usage(attempt, format!("log = {filter:?}: {error}"));
    let parsed = EnvFilter::try_new(filter).map_err(|error| wrong(error.to_string()))?;
    let level = level(parsed.max_level_hint());
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none());
    let (turn, done): (Turn, _) = match (format, terminal) {
        (LogFormat::Text, _) | (LogFormat::Auto, true) => {
            let builder = builder.with_env_filter(parsed).with_filter_reloading();
            let handle = builder.reload_handle();
            (Box::new(move |filter| handle.reload(filter)), builder.try_init())
        }
        (LogFormat::Json, _) | (LogFormat::Auto, false) => {
            let builder = builder
                .json()
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(false)
                .with_env_filter(parsed)
                .with_filter_reloading();
            let handle = builder.reload_handle();
            (Box::new(move |filter| handle.reload(filter)), builder.try_init())
        }
    };
    done.map_err(|error| wrong(error.to_string()))?;
    mortar_engine::log_panics();
    Ok(LogDial::new(level, move |level| {
        if let Err(error) = turn(EnvFilter::new(level.filter())) {
            tracing::error!(%error, "the log cannot be set to another level");
        }
    }))
}

/// Puts another filter in the place of the one that holds.
type Turn = Box<dyn Fn(EnvFilter) -> std::result::Result<(), reload::Error> + Send + Sync>;

/// Heketi's word for the most that a filter lets through.
fn level(most: Option<LevelFilter>) -> LogLevel {
    match most {
        Some(LevelFilter::OFF) => LogLevel::None,
        Some(LevelFilter::ERROR) => LogLevel::Error,
        Some(LevelFilter::WARN) => LogLevel::Warning,
        Some(LevelFilter::INFO) => LogLevel::Info,
        _ => LogLevel::Debug,
    }
}
