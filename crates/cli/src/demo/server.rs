//! The demo's server: `mortar serve` as a process of its own, and asking it as the command line does.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser as _;
use mortar_csi::{Endpoint, EndpointError};
use mortar_engine::{Entropy as _, SystemEntropy};
use mortar_lab::{Lab, Process};
use tokio::runtime::Runtime;

use super::place::{Place, failed};
use super::show::Show;
use crate::args::{Cli, Command as Typed, Global};
use crate::client::{Client, Target};
use crate::commands::{Session, ask, lab_error, lab_settings, run_lab};
use crate::config::{LogFormatName, Settings};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// In the environment of the server: the demo's folder. So it is found again, also when the demo was killed before
/// it could write anything down, and never mistaken for another process.
const MARK: &str = "MORTAR_DEMO_FOLDER";
/// How long the server may take until it listens.
const START: Duration = Duration::from_secs(30);
/// How long running operations may take to end when the demo is removed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The demo's server, as one asks it.
#[derive(Debug)]
pub(super) struct Server {
    runtime: Runtime,
    session: Session,
    /// Its address as a URL.
    pub(super) url: String,
    /// The file with the admin's key.
    pub(super) admin_key: PathBuf,
    /// Where its CSI controller listens.
    pub(super) csi: Endpoint,
}

/// Starts the server and waits until it answers.
pub(super) fn start(place: &Place, lab: &Lab, global: &Global, show: &Show) -> Result<Server> {
    let folder = place.server();
    place.make_folder(&folder, true)?;
    let (admin_key, log) = (folder.join("admin.key"), folder.join("log"));
    let config = configure(place, lab, &admin_key)?;
    let csi: Endpoint = format!("unix://{}", folder.join("csi.sock").display())
        .parse()
        .map_err(|error: EndpointError| Error::new(Exit::Failed, "start the server", error.to_string()))?;
    show.command(&format!(
        "mortar serve --config {} --csi-endpoint {} &",
        config.display(),
        address(&csi)
    ))?;
    let child = spawn(place, &config, &csi, &log)?;
    let pid = child.id();
    let address = listening(child, &folder.join("address"), &log)?;
    let url = format!("http://{address}");
    let server = Server {
        runtime: runtime()?,
        session: session(&url, &admin_key, global, show)?,
        url,
        admin_key,
        csi,
    };
    show.fact(&format!(
        "process {pid} answers at {}, log: {}",
        server.url,
        log.display()
    ))?;
    server.check_door()?;
    show.fact(&format!(
        "a request without a token was refused; the admin's key is in {}, which only root can read",
        server.admin_key.display()
    ))?;
    Ok(server)
}

/// An endpoint as people write it.
fn address(endpoint: &Endpoint) -> String {
    format!("unix://{}", endpoint.path().display())
}

/// Writes the server's keys and settings.
fn configure(place: &Place, lab: &Lab, admin_key: &Path) -> Result<PathBuf> {
    let folder = place.server();
    let user_key = folder.join("user.key");
    let source = SystemEntropy::open().map_err(failed("make the keys of the server"))?;
    for file in [admin_key, &user_key] {
        place.write(file, &format!("{:032x}{:032x}\n", source.draw(), source.draw()))?;
    }
    let settings = Settings {
        listen: Some(([127, 0, 0, 1], 0).into()),
        address_file: Some(folder.join("address")),
        store: Some(folder.join("store.redb")),
        admin_key_file: Some(admin_key.to_owned()),
        user_key_file: Some(user_key),
        stop_patience: Some(PATIENCE.as_secs()),
        log_format: Some(LogFormatName::Text),
        ..lab_settings(lab)
    };
    let text = toml::to_string(&settings)
        .map_err(|error| Error::new(Exit::Failed, "write the server's settings", error.to_string()))?;
    let file = folder.join("server.toml");
    place.write(&file, &text)?;
    Ok(file)
}

fn spawn(place: &Place, config: &Path, csi: &Endpoint, log: &Path) -> Result<Child> {
    let attempt = "start the server";
    place.write(log, "")?;
    let log = std::fs::File::options()
        .append(true)
        .open(log)
        .map_err(failed(attempt))?;
    background(place, attempt)?
        .arg("serve")
        .arg("--config")
        .arg(config)
        .arg("--csi-endpoint")
        .arg(address(csi))
        .stderr(log)
        .spawn()
        .map_err(failed(attempt))
}

/// The program, to be started in a group of its own, so that an interrupt at the terminal does not reach it, and known as the
/// demo's.
pub(super) fn background(place: &Place, attempt: &str) -> Result<Command> {
    use std::os::unix::process::CommandExt as _;

    let mut command = Command::new(std::env::current_exe().map_err(failed(attempt))?);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env(MARK, place.folder())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0);
    Ok(command)
}

/// Waits for the address that the server writes down when it listens.
fn listening(mut child: Child, file: &Path, log: &Path) -> Result<String> {
    let told = |obstacle: String| {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let last = text.lines().rev().take(5).map(str::to_owned).collect::<Vec<_>>();
        Error::new(Exit::Failed, "start the server", obstacle)
            .with_details(last.into_iter().rev().collect())
            .advise(format!("see its log: {}", log.display()))
    };
    let began = Instant::now();
    loop {
        if let Ok(address) = std::fs::read_to_string(file) {
            return Ok(address.trim().to_owned());
        }
        if let Some(status) = child.try_wait().map_err(failed("start the server"))? {
            return Err(told(format!("it ended with {status}")));
        }
        if began.elapsed() > START {
            return Err(told(format!("it does not listen after {} s", START.as_secs())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed("set up the network"))
}

fn session(url: &str, admin_key: &Path, global: &Global, show: &Show) -> Result<Session> {
    let global = Global {
        server: Some(url.to_owned()),
        ca_file: None,
        user: Some("admin".to_owned()),
        secret: None,
        secret_file: Some(admin_key.to_owned()),
        json: false,
        wait: true,
        no_wait: false,
        color: global.color,
    };
    Session::new(&global, show.out())
}

impl Server {
    /// Sees that the server refuses who shows no token.
    fn check_door(&self) -> Result<()> {
        let attempt = "see that the server demands a token";
        let stranger = Client::new(Target {
            server: self.url.clone(),
            authority: None,
            identity: None,
        })?;
        match self.wait(stranger.get("/clusters", attempt)) {
            Err(error) if error.exit == Exit::Refused => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(Error::new(Exit::Failed, attempt, "it answered without one")),
        }
    }

    /// Runs a command as if it was typed.
    pub(super) fn typed(&self, words: &[&str], show: &Show) -> Result<()> {
        let command = typed(words, show)?;
        self.wait(ask(&self.session, command)).map(drop)
    }

    /// How to ask the server.
    pub(super) const fn client(&self) -> &Client {
        &self.session.client
    }

    /// Waits for an answer.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }
}

/// Runs a command about the lab as if it was typed.
pub(super) fn typed_for_lab(words: &[&str], show: &Show) -> Result<()> {
    let Typed::Lab(command) = typed(words, show)? else {
        unreachable!("only commands about the lab come here");
    };
    match run_lab(command, show.out())? {
        0 => Ok(()),
        code => Err(Error::new(
            Exit::Failed,
            format!("run mortar {}", words.join(" ")),
            format!("it ended with {code}"),
        )),
    }
}

/// Shows a command and reads it as the command line does.
fn typed(words: &[&str], show: &Show) -> Result<Typed> {
    show.command(&format!("mortar {}", words.join(" ")))?;
    show.quiet();
    let cli = Cli::try_parse_from(std::iter::once(&"mortar").chain(words))
        .map_err(|error| Error::usage("run a step of the demo", error.to_string()))?;
    Ok(cli.command)
}

/// Ends the server of a demo, and what else was started with its mark: node plug-ins and their clients. True when there was
/// something.
pub(super) fn end(place: &Place) -> Result<bool> {
    let servers = Process::started_with(MARK, &place.folder().to_string_lossy());
    for server in &servers {
        // Its own patience ends first.
        server
            .end(PATIENCE * 2)
            .map_err(lab_error("end the demo's server"))?;
    }
    Ok(!servers.is_empty())
}
