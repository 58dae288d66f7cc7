//! A server of its own for a test: the program itself on simulated nodes, on a free port.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mortar_simulator::World;

use crate::transcript::mortar;

/// A running server; ended when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    folder: tempfile::TempDir,
}

/// The key that admins of test servers have.
pub(crate) const ADMIN_KEY: &str = "the admin's key";

/// The keys of test servers, by their variables.
const KEYS: [(&str, &str); 2] = [
    ("MORTAR_ADMIN_KEY", ADMIN_KEY),
    ("MORTAR_USER_KEY", "the user's key"),
];

impl Server {
    /// Starts a server with further arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &KEYS)
    }

    /// Starts a server that knows other keys.
    pub(crate) fn start_with(arguments: &[&str], keys: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (child, address) = launch(folder.path(), arguments, keys);
        Self {
            child,
            address,
            folder,
        }
    }

    /// Its address as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same, where it speaks TLS.
    pub(crate) fn https_url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Sends it this signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let told = Command::new("kill")
            .args([&format!("-{name}"), &pid])
            .status()
            .unwrap();
        assert!(told.success());
    }

    /// Asks it to stop, waits for its end and starts another on the same store and the same simulated nodes.
    pub(crate) fn restart(&mut self, arguments: &[&str]) {
        self.restart_after(arguments, |_| {});
    }

    /// The same, with something done in its folder in between.
    pub(crate) fn restart_after(&mut self, arguments: &[&str], between: impl FnOnce(&Path)) {
        self.stop();
        between(self.folder.path());
        self.start_again(arguments);
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts another one on what the last one left.
    pub(crate) fn start_again(&mut self, arguments: &[&str]) {
        std::fs::remove_file(self.folder.path().join("address")).unwrap();
        (self.child, self.address) = launch(self.folder.path(), arguments, &KEYS);
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) fn stop(&mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        let ended = self.child.wait().unwrap();
        assert!(ended.success(), "the server ended with {ended}");
    }

    /// What this run of it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The simulated nodes as the last run left them.
    pub(crate) fn nodes(&self) -> World {
        World::load(&std::fs::read_to_string(self.folder.path().join("nodes.json")).unwrap()).unwrap()
    }

    /// The folder of its store.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn launch(folder: &Path, arguments: &[&str], keys: &[(&str, &str)]) -> (Child, String) {
    let file = folder.join("address");
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let mut child = mortar()
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--executor",
            "sim",
            "--log-format",
            "text",
        ])
        .arg("--address-file")
        .arg(&file)
        .arg("--store")
        .arg(folder.join("store.redb"))
        .arg("--sim-state")
        .arg(folder.join("nodes.json"))
        .args(arguments)
        .envs(keys.iter().copied())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let patience = Instant::now() + Duration::from_secs(30);
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
            let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "server log:\n{log}");
        }
    }
}
