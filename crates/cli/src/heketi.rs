//! The program under the name `heketi`: unit files and container start scripts go on calling it as they did.
//!
//! | command | here |
//! |---|---|
//! | `heketi --config FILE [--disable-auth]` | `mortar serve --heketi-config FILE` |
//! | `heketi db export` | as there, from Heketi's file or from a store of Mortar's |
//! | `heketi db import` | makes a store of Mortar's, not a Bolt file |
//! | `heketi db consistency-check` | as there |
//! | `heketi db delete-bricks-with-empty-path` | nothing: such bricks are left out when the file is taken over |
//! | `heketi offline …` | nothing: the running server does what these were for |

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use mortar_heketi::db::{self, check};
use mortar_heketi::takeover::{Terms, take_over};
use mortar_model::ZoneChecking;
use mortar_store::EmbeddedStore;

use crate::args::{Cli, ColorChoice, Global};
use crate::commands;
use crate::config::read_heketi;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;
use crate::takeover;

/// A Mortar server that is called as Heketi's was.
#[derive(Debug, Parser)]
#[command(name = "heketi", disable_version_flag = true)]
struct Heketi {
    /// Configuration file (heketi.json)
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Take requests without a token
    #[arg(long)]
    disable_auth: bool,
    /// Print the version
    #[arg(long, short = 'v')]
    version: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    command: Option<Tool>,
}

/// What Heketi's program did beside serving.
#[derive(Debug, Subcommand)]
enum Tool {
    /// Work on a database while no server uses it
    #[command(subcommand)]
    Db(DbTool),
    /// Work on nodes while no server runs
    #[command(subcommand)]
    Offline(Offline),
    /// Print the version
    Version,
}

/// `heketi db …`
#[derive(Debug, Subcommand)]
enum DbTool {
    /// Write a database as JSON
    Export(Files),
    /// Make a database of JSON
    Import(Files),
    /// Check a database
    ConsistencyCheck(Dbfile),
    /// Take out bricks without a path
    DeleteBricksWithEmptyPath {
        /// Which are meant.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<OsString>,
    },
}

/// A database and its JSON.
#[derive(Debug, Args)]
struct Files {
    /// The JSON; - for standard output
    #[arg(long, value_name = "FILE")]
    jsonfile: PathBuf,
    /// The database
    #[arg(long, value_name = "FILE")]
    dbfile: PathBuf,
    /// Taken, and without effect
    #[arg(long)]
    debug: bool,
}

/// A database.
#[derive(Debug, Args)]
struct Dbfile {
    /// The database
    #[arg(long, value_name = "FILE")]
    dbfile: PathBuf,
    /// Taken, and without effect
    #[arg(long)]
    debug: bool,
}

/// `heketi offline …`
#[derive(Debug, Subcommand)]
enum Offline {
    /// Clean up operations that did not end
    CleanupOperations,
    /// Show what is on the nodes
    State {
        /// What to show.
        rest: Vec<OsString>,
    },
    /// Set the options of the volume that holds the database
    UpdateDbvol {
        /// Its name
        #[arg(long)]
        force_volume_name: Option<String>,
    },
}

/// Whether the program was called by Heketi's name.
pub(crate) fn is_called(program: Option<&OsString>) -> bool {
    let name = program.map(Path::new).and_then(Path::file_name);
    name.is_some_and(|name| name == "heketi")
}

/// What Heketi's command line is for everything here.
fn global() -> Global {
    Global {
        server: None,
        ca_file: None,
        user: None,
        secret: None,
        secret_file: None,
        json: false,
        wait: false,
        no_wait: false,
        color: ColorChoice::Auto,
    }
}

/// Runs the program as Heketi's; the code to end with.
///
/// # Errors
/// As every command's.
pub(crate) fn run() -> Result<u8> {
    let called = Heketi::parse();
    let out = Out::new(&global());
    if called.version || matches!(called.command, Some(Tool::Version)) {
        out.line(format!("Heketi (Mortar {})", env!("CARGO_PKG_VERSION")))?;
        return Ok(Exit::Done.code());
    }
    match called.command {
        Some(Tool::Db(tool)) => db_tool(tool, called.config.as_deref(), out)?,
        Some(Tool::Offline(tool)) => offline(&tool, out)?,
        Some(Tool::Version) => {}
        None => return serve(called.config.as_deref(), called.disable_auth),
    }
    Ok(Exit::Done.code())
}

fn serve(config: Option<&Path>, disable_auth: bool) -> Result<u8> {
    let Some(config) = config else {
        return Err(Error::usage("start the server", "no configuration file is given")
            .advise("name it with --config"));
    };
    let mut words: Vec<OsString> = vec![
        "mortar".into(),
        "serve".into(),
        "--heketi-config".into(),
        config.into(),
    ];
    if disable_auth {
        words.push("--disable-auth".into());
    }
    commands::run(Cli::parse_from(words))
}

fn db_tool(tool: DbTool, config: Option<&Path>, out: Out) -> Result<()> {
    match tool {
        DbTool::Export(files) => {
            let database = database(&files.dbfile)?;
            let text = db::write_export(&database);
            if files.jsonfile == Path::new("-") {
                return out.wire(text.as_bytes());
            }
            write_new(&files.jsonfile, &text)
        }
        DbTool::Import(files) => import(&files, config),
        DbTool::ConsistencyCheck(file) => {
            let checked = check::check(&database(&file.dbfile)?);
            out.wire(mortar_heketi::json::write_indented(&checked).as_bytes())
        }
        DbTool::DeleteBricksWithEmptyPath { .. } => out.line(
            "The file is left as it is: bricks without a path are left out when it is taken over, and named ('mortar import \
             --dry-run' lists them).",
        ),
    }
}

/// A database from Heketi's file or from a store of Mortar's.
fn database(file: &Path) -> Result<db::Database> {
    let attempt = format!("read the database {}", file.display());
    if takeover::is_store(file) {
        let store = EmbeddedStore::open(file).map_err(commands::store_error(attempt.clone()))?;
        let (home, _) = takeover::export(&store, &attempt)?;
        takeover::say_left_out(&home.left_out);
        return Ok(home.database);
    }
    let bytes = takeover::bytes(file, &attempt)?;
    let database = db::read(&bytes).map_err(|error| Error::usage(&attempt, error.to_string()))?;
    takeover::say_left_out(&database.unread);
    Ok(database)
}

/// As Heketi, which writes over nothing.
fn write_new(file: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let attempt = format!("write {}", file.display());
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(file);
    made.and_then(|mut made| made.write_all(text.as_bytes()))
        .map_err(|error| Error::new(Exit::Failed, attempt, error.to_string()))
}

/// What is not in a database is in the configuration, where one is named.
fn terms(config: Option<&Path>) -> Result<Terms> {
    let environment = |name: &str| std::env::var(name).ok();
    let heketi = config.map(|file| read_heketi(file, environment)).transpose()?;
    let zones = heketi.and_then(|heketi| heketi.settings.zone_checking);
    Ok(Terms {
        zones: zones.map(ZoneChecking::from).unwrap_or_default(),
        ..Terms::default()
    })
}

fn import(files: &Files, config: Option<&Path>) -> Result<()> {
    let attempt = format!(
        "import {} into {}",
        files.jsonfile.display(),
        files.dbfile.display()
    );
    let bytes = std::fs::read(&files.jsonfile).map_err(|error| Error::usage(&attempt, error.to_string()))?;
    let database = db::read(&bytes).map_err(|error| Error::usage(&attempt, error.to_string()))?;
    let told = commands::store_error(attempt);
    let writes = takeover::writes(&take_over(&database, terms(config)?)).map_err(&told)?;
    EmbeddedStore::restore(&files.dbfile, &writes).map_err(&told)
}

fn offline(tool: &Offline, out: Out) -> Result<()> {
    match tool {
        Offline::CleanupOperations => {
            out.line("Nothing to do: the server takes up what did not end when it starts.")
        }
        Offline::UpdateDbvol { .. } => {
            out.line("Nothing to do: Mortar's store is no volume that it serves, and needs no options.")
        }
        Offline::State { .. } => Err(Error::new(
            Exit::Failed,
            "show what is on the nodes",
            "only a running server asks them",
        )
        .advise("'mortar check' compares the records with the nodes")),
    }
}
