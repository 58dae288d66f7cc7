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
    if let Some(word) = no_level(filter) {
        let told = wrong(format!("{word:?} is no level"));
        return Err(told.advise(
            "write off, error, warn, info, debug or trace; PART=LEVEL for one part of the program; commas between several",
        ));
    }
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

/// A word that stands alone and is no level. The filter takes it for a part of the program of which all is logged, and of the others
/// nothing, which nobody means who mistypes a level.
fn no_level(filter: &str) -> Option<&str> {
    let words = filter.split(',').map(str::trim);
    let mut alone = words.filter(|word| !word.is_empty() && !word.contains(['=', '[', ']', '{', '}']));
    alone.find(|word| word.parse::<LevelFilter>().is_err())
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

#[cfg(test)]
mod tests {
    use super::no_level;

    #[test]
    fn a_mistyped_level_is_no_part_of_the_program() {
        for filter in [
            "info",
            "DEBUG",
            "off",
            "warn,mortar_engine=debug",
            "mortar_engine[request]=trace,error",
            "",
        ] {
            assert_eq!(no_level(filter), None, "{filter}");
        }
        for (filter, word) in [
            ("debgu", "debgu"),
            ("info, wran", "wran"),
            ("mortar_engine", "mortar_engine"),
        ] {
            assert_eq!(no_level(filter), Some(word));
        }
    }
}
