//! The GlusterFS client of a staged volume: a process that outlives the plug-in.
//!
//! It is started where the end of the plug-in's process, container or version does not end it: as a unit of systemd, by a helper
//! in a container of its own, or at least in a session of its own. Its pid file, which it keeps locked as long as it lives,
//! tells whether it lives, also across containers that do not see each other's processes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::helper;

/// How long a client may take until its volume is mounted. It gives up by itself when no server answers.
const START: Duration = Duration::from_secs(60);

/// How clients are started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientRunner {
    /// As a process in a session of its own: it outlives the plug-in's process, not its container.
    Session,
    /// As a scope of this machine's systemd; from a container, through the first process's namespaces.
    Systemd {
        /// Whether this is a container, and systemd outside of it.
        outside: bool,
    },
    /// By the helper that listens at this socket.
    Helper(PathBuf),
}

/// A client that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientSpec {
    /// The volume's name in GlusterFS.
    pub(crate) volume: String,
    /// Hosts that are asked what the volume is made of, one after the other.
    pub(crate) servers: Vec<String>,
    /// Further arguments.
    pub(crate) arguments: Vec<String>,
    /// Where it is mounted.
    pub(crate) path: PathBuf,
    /// The file that it keeps locked.
    pub(crate) pid_file: PathBuf,
    /// Its log.
    pub(crate) log: PathBuf,
}

impl ClientSpec {
    /// The command, by itself in the background once the volume is mounted.
    pub(crate) fn argv(&self) -> Vec<String> {
        let mut argv = vec!["glusterfs".to_owned(), "--process-name=fuse".to_owned()];
        argv.extend(
            self.servers
                .iter()
                .map(|server| format!("--volfile-server={server}")),
        );
        argv.push(format!("--volfile-id=/{}", self.volume));
        argv.push(format!("--pid-file={}", self.pid_file.display()));
        argv.push(format!("--log-file={}", self.log.display()));
        // Options that the caller names come later, and win.
        argv.push("--log-level=WARNING".to_owned());
        argv.extend(self.arguments.iter().cloned());
        argv.push(self.path.display().to_string());
        argv
    }
}

impl ClientRunner {
    /// Starts a client, and waits until the volume is mounted or surely not.
    ///
    /// # Errors
    /// Why it is not mounted.
    pub(crate) async fn start(&self, spec: &ClientSpec) -> Result<(), String> {
        match self {
            Self::Helper(socket) => helper::ask(socket, spec).await,
            Self::Session | Self::Systemd { .. } => {
                let argv: Vec<String> = self.prefix(spec).into_iter().chain(spec.argv()).collect();
                run(&argv, spec).await
            }
        }
    }

    fn prefix(&self, spec: &ClientSpec) -> Vec<String> {
        let Self::Systemd { outside } = self else {
            return Vec::new();
        };
        let outside = outside.then_some("nsenter --target 1 --mount --ipc --net --pid --");
        let scope = "systemd-run --scope --collect --quiet --slice=mortar-clients.slice";
        let words = outside.into_iter().chain([scope]).flat_map(str::split_whitespace);
        let description = format!("--description=GlusterFS client of {}", spec.volume);
        words
            .map(str::to_owned)
            .chain([description, "--".to_owned()])
            .collect()
    }
}

/// Runs a client in a process group of its own, and waits until it is in the background.
pub(crate) async fn run(argv: &[String], spec: &ClientSpec) -> Result<(), String> {
    for file in [&spec.pid_file, &spec.log] {
        let folder = file.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    }
    let (program, arguments) = argv.split_first().expect("the program stands first");
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| format!("starting {program}: {error}"))?;
    match tokio::time::timeout(START, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!(
            "{program} ended with {status}: {}",
            last_words(&spec.log)
        )),
        Ok(Err(error)) => Err(format!("waiting for {program}: {error}")),
        Err(_) => {
            let _ = child.kill().await;
            Err(format!(
                "{program} did not mount the volume within {} s",
                START.as_secs()
            ))
        }
    }
}

/// The last error in a client's log.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let error = text.lines().rfind(|line| line.contains("] E ["));
    let words = error.and_then(|line| line.rsplit("] ").next());
    words.map_or_else(|| format!("see {}", log.display()), str::to_owned)
}

/// Whether the client that has this pid file lives: it keeps the file locked.
///
/// # Errors
/// The file cannot be opened.
pub(crate) fn lives(pid_file: &Path) -> io::Result<bool> {
    let file = match fs::File::options().read(true).write(true).open(pid_file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    match rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(false),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientRunner, ClientSpec, lives};

    fn spec() -> ClientSpec {
        ClientSpec {
            volume: "csi_1".into(),
            servers: vec!["a".into(), "b".into()],
            arguments: vec!["--acl".into()],
            path: "/staging".into(),
            pid_file: "/state/1.pid".into(),
            log: "/log/1.log".into(),
        }
    }

    #[test]
    fn the_mount_point_stands_last_and_servers_first() {
        let argv = spec().argv().join(" ");
        assert!(argv.starts_with("glusterfs --process-name=fuse --volfile-server=a --volfile-server=b "));
        assert!(argv.contains(" --volfile-id=/csi_1 ") && argv.ends_with(" --acl /staging"));
    }

    #[test]
    fn systemd_outside_of_a_container_is_asked_in_its_namespaces() {
        let prefix = |runner: ClientRunner| runner.prefix(&spec()).join(" ");
        assert_eq!(prefix(ClientRunner::Session), "");
        let inside = prefix(ClientRunner::Systemd { outside: false });
        assert!(inside.starts_with("systemd-run --scope ") && inside.ends_with(" --"));
        let outside = prefix(ClientRunner::Systemd { outside: true });
        assert!(outside.starts_with("nsenter --target 1 ") && outside.ends_with(&inside));
    }

    #[test]
    fn without_a_pid_file_no_client_lives() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        assert!(!lives(&file).unwrap());
        std::fs::write(&file, "1").unwrap();
        assert!(!lives(&file).unwrap());
    }
}
