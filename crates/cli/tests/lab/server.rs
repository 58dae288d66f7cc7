//! A server of its own for a test: the program itself, reaching a lab over ssh, on a free port, with tokens required.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use mortar_lab::Lab;

use crate::ground::LIMIT;

/// Secrets of the two users.
pub(crate) const ADMIN_KEY: &str = "the admin's secret";
const USER_KEY: &str = "the user's secret";

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
    store: PathBuf,
}

/// The program, with an environment of its own. It ends with the test's thread, even when that is killed.
pub(crate) fn mortar() -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--", env!("CARGO_BIN_EXE_mortar")])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(std::env::var_os(mortar_lab::ROOT_VARIABLE).map(|root| (mortar_lab::ROOT_VARIABLE, root)))
        .stdin(Stdio::null());
    command
}

impl Server {
    /// Starts a server on a fresh store.
    pub(crate) fn start(lab: &Lab) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.redb");
        Self::start_on(lab, folder, store)
    }

    /// Starts a server whose store is elsewhere.
    pub(crate) fn start_on(lab: &Lab, folder: tempfile::TempDir, store: PathBuf) -> Self {
        let config = mortar()
            .args(["lab", "config", "--lab", lab.name()])
            .output()
            .unwrap();
        assert!(config.status.success(), "{config:?}");
        std::fs::write(folder.path().join("lab.toml"), config.stdout).unwrap();
        let (child, address) = launch(folder.path(), &store, &[]);
        Self {
            child,
            address,
            folder,
            store,
        }
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its store file.
    pub(crate) fn store(&self) -> &Path {
        &self.store
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop, and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let patience = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < patience,
                "the server does not end:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts it again on the same store after it has ended.
    pub(crate) fn again(&mut self) {
        self.again_with(&[]);
    }

    /// The same with further arguments.
    pub(crate) fn again_with(&mut self, arguments: &[&str]) {
        (self.child, self.address) = launch(self.folder.path(), &self.store, arguments);
    }

    /// Stops it gracefully and starts it again.
    pub(crate) fn restart(&mut self) {
        self.ask_to_stop();
        let ended = self.ended();
        assert!(ended.success(), "{ended}\n{}", self.log());
        self.again();
    }

    /// Runs a server on the same store to its end, which comes at once when it cannot start.
    pub(crate) fn fails_to_start(&self) -> Output {
        let mut command = command(self.folder.path(), &self.store, &[]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let patience = Instant::now() + LIMIT;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > patience {
                child.kill().unwrap();
                panic!("it started: {:?}", child.wait_with_output());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        child.wait_with_output().unwrap()
    }

    /// Runs a command of the program as the admin, and gives what it said and how it ended.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Output {
        mortar()
            .args(arguments)
            .env("MORTAR_SERVER", format!("http://{}", self.address))
            .env("MORTAR_SECRET", ADMIN_KEY)
            .output()
            .unwrap()
    }

    /// Runs a command that must succeed, and gives its output.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let output = self.cli(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {output:?}\n{}",
            self.log()
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

fn command(folder: &Path, store: &Path, arguments: &[&str]) -> Command {
    let mut command = mortar();
    command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "text",
            "--config",
        ])
        .arg(folder.join("lab.toml"))
        .arg("--address-file")
        .arg(folder.join("address"))
        .arg("--store")
        .arg(store)
        .args(arguments)
        .env("MORTAR_ADMIN_KEY", ADMIN_KEY)
        .env("MORTAR_USER_KEY", USER_KEY);
    command
}

fn launch(folder: &Path, store: &Path, arguments: &[&str]) -> (Child, String) {
    let file = folder.join("address");
    let _ = std::fs::remove_file(&file);
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    let mut child = command(folder, store, arguments)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let patience = Instant::now() + LIMIT;
    loop {
        // The file is moved into place whole.
        if let Ok(address) = std::fs::read_to_string(&file) {
            return (child, address.trim().to_owned());
        }
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        if let Some(status) = child.try_wait().unwrap() {
            panic!("the server ended with {status}:\n{}", log());
        }
        if Instant::now() > patience {
            let _ = child.kill();
            panic!("the server does not listen:\n{}", log());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("server log:\n{}", self.log());
        }
    }
}
