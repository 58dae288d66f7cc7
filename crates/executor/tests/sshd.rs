//! The same against OpenSSH's own sshd, as the nodes run it.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

mod common;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::time::Duration;

use common::{CLIENT_KEY, Client, HOST, HOST_KEY, appears, key};
use mortar_argv::{Batch, Command, Outcome};
use mortar_executor::{Hosts as _, SshHosts, SshOptions};
use russh::keys::ssh_key::LineEnding;

/// An sshd with a configuration, keys and a port of its own; killed when dropped.
struct Sshd {
    process: Child,
    client: Client,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sshd_program() -> &'static str {
    let program = "/usr/sbin/sshd";
    assert!(
        Path::new(program).exists(),
        "{program} is not installed; these tests need the package openssh-server"
    );
    program
}

/// Starts sshd on a free port. Another process may take the port first; then the next one is tried.
fn start() -> Sshd {
    if rustix::process::geteuid().is_root() {
        // Made at boot by the service, and wanted by sshd itself.
        std::fs::create_dir_all("/run/sshd").unwrap();
    }
    for _ in 0..20 {
        let port = std::net::TcpListener::bind((HOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let client = Client::new(port);
        let folder = client.folder.path();
        let file = |name: &str| folder.join(name).display().to_string();
        std::fs::write(
            file("host_key"),
            key(HOST_KEY).to_openssh(LineEnding::LF).unwrap().as_bytes(),
        )
        .unwrap();
        std::fs::set_permissions(file("host_key"), PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(
            file("authorized_keys"),
            key(CLIENT_KEY).public_key().to_openssh().unwrap(),
        )
        .unwrap();
        // The user's shell reads files in its home; those of the machine's owner are no part of the test.
        let config = format!(
            "ListenAddress {HOST}\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\nMaxStartups 100\nSetEnv HOME={}\n",
            file("host_key"),
            file("authorized_keys"),
            folder.display(),
        );
        std::fs::write(file("sshd_config"), config).unwrap();
        let mut process = Process::new(sshd_program())
            .args(["-D", "-e", "-f", &file("sshd_config")])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let told: Vec<_> = lines
            .by_ref()
            .take_while(|line| !line.contains("Server listening"))
            .collect();
        let sshd = Sshd { process, client };
        if told.iter().any(|line| line.contains("Address already in use")) {
            continue;
        }
        // Its words are read on, or it would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        return sshd;
    }
    panic!("no free port found for sshd");
}

fn options(sshd: &Sshd) -> SshOptions {
    let mut options = sshd.client.options();
    let user = Process::new("id").arg("-un").output().unwrap();
    options.user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
    options
}

fn sh(text: &str) -> Command {
    Command::new("sh").args(["-c", text])
}

/// sshd's sessions show in its processes: `sh -s` of this port's sshd.
#[tokio::test]
async fn batches_run_over_one_connection_with_status_output_and_input() {
    let sshd = start();
    let hosts = SshHosts::new(options(&sshd)).unwrap();
    let text = "0123456789abcde\n".repeat(1 << 16);
    let batch = Batch::new()
        .ask(sh("echo out; echo err >&2; exit 7"))
        .ask(Command::new("cat").input(&text))
        .run(sh("echo $SSH_CONNECTION"));
    let report = hosts.run(HOST, &batch).await;
    assert_eq!(report.broken, None, "{report:?}");
    let first = report.output(0).unwrap();
    assert_eq!(
        (first.status, first.stdout.as_str(), first.stderr.as_str()),
        (7, "out\n", "err\n")
    );
    assert_eq!(report.output(1).unwrap().stdout, text);
    let connection = report.output(2).unwrap().stdout.clone();
    let who = Batch::new().run(sh("echo $SSH_CONNECTION"));
    let reports = futures::future::join_all((0..30).map(|_| hosts.run(HOST, &who))).await;
    for report in reports {
        assert!(report.success(), "{report:?}");
        assert_eq!(
            report.output(0).unwrap().stdout,
            connection,
            "the same connection, by its client port"
        );
    }
}

#[tokio::test]
async fn a_limit_ends_the_command_and_a_daemon_is_not_waited_for() {
    let sshd = start();
    let hosts = SshHosts::new(options(&sshd)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (begun, end) = (folder.path().join("begun"), folder.path().join("end"));
    let hang = format!(
        "echo $$ > {0}.part; mv {0}.part {0}; exec sleep 120",
        begun.display()
    );
    let batch = Batch::new().run(Command::new("true").limit(Duration::ZERO));
    let batch = batch
        .run(sh(&hang).limit(Duration::from_secs(1)))
        .run(Command::new("true").limit(Duration::ZERO));
    let report = hosts.run(HOST, &batch).await;
    assert!(report.output(0).unwrap().success());
    assert_eq!(report.outcomes[1..], [Outcome::Unknown, Outcome::Unknown]);
    let process = std::fs::read_to_string(&begun).unwrap();
    let status = format!("/proc/{}/cmdline", process.trim());
    let gone = async {
        while std::fs::read_to_string(&status).is_ok_and(|line| line.contains("sleep")) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
    let daemon = format!(
        "(e={}; while [ ! -e $e ] && [ -d ${{e%/*}} ]; do sleep 0.05; done) & echo started",
        end.display()
    );
    let report = hosts
        .run(HOST, &Batch::new().run(sh(&daemon)).run(Command::new("true")))
        .await;
    std::fs::write(&end, "").unwrap();
    assert!(report.success(), "{report:?}");
}

#[tokio::test]
async fn a_node_that_goes_down_leaves_a_known_prefix_and_comes_back() {
    let sshd = start();
    let hosts = SshHosts::new(options(&sshd)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let begun = folder.path().join("begun");
    // The session's sshd is the parent of its shell; killing it is what a crash of the node looks like from here.
    let dying = format!("touch {}; kill -9 $(ps -o ppid= -p $PPID)", begun.display());
    let batch = Batch::new()
        .run(Command::new("echo").arg("first"))
        .run(sh(&dying))
        .run(Command::new("true"));
    let report = hosts.run(HOST, &batch).await;
    appears(&begun).await;
    assert_eq!(report.outcomes.len(), 3);
    assert_eq!(
        report.outcomes[1..],
        [Outcome::Unknown, Outcome::Unknown],
        "{report:?}"
    );
    assert!(
        hosts
            .run(HOST, &Batch::new().run(Command::new("true")))
            .await
            .success()
    );
}

#[tokio::test]
async fn a_key_that_sshd_does_not_know_is_refused() {
    let sshd = start();
    sshd.client.write_key(9);
    let hosts = SshHosts::new(options(&sshd)).unwrap();
    let report = hosts.run(HOST, &Batch::new().run(Command::new("true"))).await;
    assert_eq!(report.outcomes, [Outcome::NotRun]);
    assert!(report.broken.unwrap().contains("authorized_keys"));
}

/// Hashed lines as ssh-keygen makes them.
#[tokio::test]
async fn hashed_known_hosts_of_openssh_are_understood() {
    let sshd = start();
    let known = sshd.client.known_hosts();
    let hashed = Process::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(&known)
        .output()
        .unwrap();
    assert!(hashed.status.success());
    assert!(std::fs::read_to_string(&known).unwrap().starts_with("|1|"));
    let hosts = SshHosts::new(options(&sshd)).unwrap();
    let report = hosts.run(HOST, &Batch::new().run(Command::new("true"))).await;
    assert!(report.success(), "{report:?}");
}
