//! The program `mortar`: the door for people, and the server's `main`.
//!
//! This room knows the command line, how to ask a server over HTTP, how answers look, and how a server is put
//! together from the other rooms. It makes no decision about volumes, and the commands that ask a server know
//! nothing but its two languages.
//!
//! | file | job |
//! |---|---|
//! | `args` | the command line as a definition |
//! | `commands` | what each command does |
//! | `demo` | the main job, shown on a real pool |
//! | `client` | asking a server |
//! | `doors` | the ways from the CSI controller to a server |
//! | `show` | what people see: tables, trees, bars, colours |
//! | `config` | the server's settings: flags, environment, file, defaults |
//! | `wire` | the server, put together |
//! | `takeover`, `heketi` | Heketi's database taken over; the program under Heketi's name |
//! | `seeded`, `simulated` | chance and nodes of a server that only plays |
//! | `exit` | exit codes, in one table |

mod args;
mod attach;
mod client;
mod commands;
mod config;
mod demo;
mod doors;
mod error;
mod exit;
mod heketi;
mod log;
mod out;
mod parse;
mod progress;
mod seeded;
mod show;
mod simulated;
mod takeover;
mod wire;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::ColorChoice;

fn main() -> ExitCode {
    if heketi::is_called(std::env::args_os().next().as_ref()) {
        return ended(heketi::run(), ColorChoice::Auto);
    }
    // clap itself ends the program with 2, our code for a wrong command line.
    let cli = command_line();
    let color = cli.global.color;
    ended(commands::run(cli), color)
}

/// The code to end with; an error is told before.
fn ended(result: error::Result<u8>, color: ColorChoice) -> ExitCode {
    let paint = out::paint(color, std::io::stderr().is_terminal());
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // When standard error cannot be written to, the code still tells.
            let _ = std::io::stderr().write_all(error.text(paint).as_bytes());
            ExitCode::from(error.exit.code())
        }
    }
}

/// clap itself ends the program with 2, our code for a wrong command line.
///
/// kubectl runs its plug-ins by their file's name: `kubectl mortar …` is the program `kubectl-mortar`, and help names
/// it as it was called.
fn command_line() -> args::Cli {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let mut command = args::Cli::command();
    if called.file_name().is_some_and(|name| name == "kubectl-mortar") {
        command = command.bin_name("kubectl mortar");
    }
    let matches = command.get_matches();
    args::Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}
