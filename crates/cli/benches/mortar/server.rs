//! A server process of its own, and what it cost.
//!
//! Where `MORTAR_BENCH_LOG` says what is logged (`mortar_engine=debug`), the log is printed at the end: it tells what each batch took.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mortar_lab::Lab;

use crate::numbers::resident;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// A log that is to be printed.
    shown: Option<PathBuf>,
    /// From the start of the process to its first answer.
    pub(crate) start: Duration,
}

impl Server {
    /// Starts `mortar serve` without tokens, with its store and log in `folder`.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let file = folder.join("address");
        let _ = std::fs::remove_file(&file);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let filter = std::env::var("MORTAR_BENCH_LOG").ok();
        let shown = filter.is_some().then(|| folder.join("log"));
        let began = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_mortar"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--disable-auth",
                "--log",
                &filter.unwrap_or_else(|| "warn".into()),
                "--address-file",
            ])
            .arg(&file)
            .arg("--store")
            .arg(folder.join("store.redb"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            child,
            address: String::new(),
            shown,
            start: Duration::ZERO,
        };
        while began.elapsed() < Duration::from_secs(60) {
            if let Ok(address) = std::fs::read_to_string(&file)
                && std::net::TcpStream::connect(address.trim()).is_ok()
            {
                server.address = address.trim().to_owned();
                server.start = began.elapsed();
                return server;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!(
            "the server does not come up: {}",
            std::fs::read_to_string(folder.join("log")).unwrap_or_default()
        );
    }

    /// The same, for the nodes of a lab.
    pub(crate) fn start_for(folder: &Path, lab: &Lab, more: &[&str]) -> Self {
        let (key, hosts) = (lab.ssh_key(), lab.known_hosts());
        let arguments = [
            "--executor",
            "ssh",
            "--ssh-user",
            "root",
            "--ssh-key",
            key.to_str().unwrap(),
            "--ssh-known-hosts",
            hosts.to_str().unwrap(),
            "--fstab",
            lab.fstab(),
        ];
        Self::start(folder, &[&arguments[..], more].concat())
    }

    /// Processor time that it has used, user and system.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // Fields count from after the name, which is in parentheses: user and system time are the 12th and 13th.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }

    /// Resident memory in MB.
    pub(crate) fn memory(&self) -> f64 {
        resident(self.child.id())
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(log) = &self.shown {
            println!("{}", std::fs::read_to_string(log).unwrap_or_default());
        }
    }
}
