//! Shell completions and man pages, made from the definition of the command line.

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;

/// Prints completions for a shell.
pub(super) fn completions(arguments: &CompletionsArgs, out: Out) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "mortar", &mut text);
    out.text(&String::from_utf8_lossy(&text))
}

/// Writes one page for the program and one for each command.
pub(super) fn man(arguments: &ManArgs, out: Out) -> Result<()> {
    let folder = &arguments.folder;
    let told = |error: std::io::Error| {
        Error::new(
            Exit::Failed,
            format!("write man pages into {}", folder.display()),
            error.to_string(),
        )
    };
    std::fs::create_dir_all(folder).map_err(told)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(told)?;
    out.line(format!("Wrote man pages into {}.", folder.display()))
}
