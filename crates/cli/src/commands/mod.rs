//! What each command does.

mod adopt;
mod backup;
mod block;
mod brick;
mod check;
mod cluster;
mod csi;
mod db;
mod device;
mod explain;
mod hindrance;
mod import;
mod lab;
mod load;
mod node;
mod operation;
mod paper;
mod rebuild;
mod serve;
mod snapshot;
mod snapshot_group;
mod tags;
mod topology;
mod volume;

pub(crate) use db::told as store_error;
pub(crate) use lab::{run as run_lab, settings as lab_settings, told as lab_error};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::{Cli, Command, Global};
use crate::client::{Answer, Client, Finished, Target, Work, read};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;
use crate::progress::Progress;

/// What commands that ask a server share.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) out: Out,
    pub(crate) progress: Progress,
}

/// How long work ended, as JSON where there is nothing else to show.
#[derive(Serialize)]
struct Outcome<'a> {
    operation: &'a str,
    state: &'static str,
}

impl Session {
    /// For the server and the user that flags and environment name.
    ///
    /// # Errors
    /// They are not ones that can be used.
    pub(crate) fn new(global: &Global, out: Out) -> Result<Self> {
        let target = Target::new(global, |name| std::env::var(name).ok())?;
        Ok(Self {
            client: Client::new(target)?,
            out,
            progress: Progress::new(global.waits()),
        })
    }

    /// Waits for the end of work that leaves nothing to show, and says that it is done.
    async fn follow(&self, accepted: Answer, attempt: &str, done: impl AsRef<str>) -> Result<()> {
        let work = self.client.finish(accepted, attempt, &self.progress).await?;
        self.tell(&work, done)
    }

    /// Waits for the end of work, and shows what it made.
    async fn follow_to<T: DeserializeOwned>(
        &self,
        accepted: Answer,
        attempt: &str,
        described: impl Fn(&T) -> String,
    ) -> Result<()> {
        let work = self.client.finish(accepted, attempt, &self.progress).await?;
        match &work.finished {
            Finished::Resource(body) if self.out.is_json() => self.out.wire(body),
            Finished::Resource(body) => self.out.text(&described(&read(body, attempt)?)),
            _ => self.tell(&work, "Done."),
        }
    }

    /// Shows long work that leaves nothing to show but that it is done.
    fn tell(&self, work: &Work, done: impl AsRef<str>) -> Result<()> {
        let accepted = work.finished == Finished::Accepted;
        if self.out.is_json() {
            let state = if accepted { "accepted" } else { "done" };
            return self.out.json(&Outcome {
                operation: &work.operation,
                state,
            });
        }
        if accepted {
            let id = &work.operation;
            return self.out.line(format!(
                "Accepted as operation {id}; 'mortar operation info {id}' tells how far it is."
            ));
        }
        self.out.line(done)
    }
}

/// Runs the command; the code to end with.
///
/// # Errors
/// Says what was attempted, what stood in the way, and what to do next.
pub(crate) fn run(cli: Cli) -> Result<u8> {
    let out = Out::new(&cli.global);
    match cli.command {
        Command::Serve(arguments) => serve::run(*arguments, out)?,
        Command::Completions(arguments) => paper::completions(&arguments, out)?,
        Command::Man(arguments) => paper::man(&arguments, out)?,
        Command::Db(command) if !command.asks() => db::run(command, out)?,
        Command::Csi(command) => csi::run(command, &cli.global)?,
        Command::Import(arguments) => import::run(&arguments, out)?,
        Command::Lab(command) => return lab::run(command, out),
        Command::Demo(arguments) => crate::demo::run(&arguments, &cli.global, out)?,
        command => {
            let session = Session::new(&cli.global, out)?;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| Error::new(Exit::Failed, "set up the network", error.to_string()))?;
            return Ok(runtime.block_on(ask(&session, command))?.code());
        }
    }
    Ok(Exit::Done.code())
}

/// Runs a command that asks a server; how the program ends.
///
/// # Errors
/// As [`run`].
pub(crate) async fn ask(session: &Session, command: Command) -> Result<Exit> {
    match command {
        Command::Check(arguments) => return check::check(session, &arguments).await,
        Command::Repair(arguments) => return check::repair(session, &arguments).await,
        Command::Topology(command) => topology::run(session, command).await?,
        Command::Cluster(command) => cluster::run(session, command).await?,
        Command::Node(command) => node::run(session, command).await?,
        Command::Device(command) => device::run(session, command).await?,
        Command::Brick(command) => brick::run(session, command).await?,
        Command::Volume(command) => volume::run(session, command).await?,
        Command::Block(command) => block::run(session, command).await?,
        Command::Snapshot(command) => snapshot::run(session, command).await?,
        Command::Explain(command) => explain::run(session, command).await?,
        Command::Operation(command) => operation::run(session, command).await?,
        Command::Db(command) if command.asks() => backup::ask(session, &command).await?,
        Command::Adopt(arguments) => adopt::run(session, arguments).await?,
        Command::Rebuild(arguments) => rebuild::run(session, arguments).await?,
        Command::Serve(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Db(_)
        | Command::Import(_)
        | Command::Lab(_)
        | Command::Csi(_)
        | Command::Demo(_) => {
            unreachable!("these ask no server and were run before")
        }
    }
    Ok(Exit::Done)
}
