//! Over ssh: who is let in, what is kept, and what is known when something breaks.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use common::{Client, HOST, HOST_KEY, Server, Wire, WireState, appears, key};
use mortar_argv::{Batch, Command, Outcome, Report};
use mortar_executor::{Hosts as _, SshError, SshHosts};

fn sh(text: &str) -> Command {
    Command::new("sh").args(["-c", text])
}

fn hello() -> Batch {
    Batch::new().run(Command::new("echo").arg("hello"))
}

/// The reason of a report that says that nothing was run.
fn why(report: Report) -> String {
    assert!(
        report.outcomes.iter().all(|outcome| *outcome == Outcome::NotRun),
        "{report:?}"
    );
    let why = report.broken.unwrap();
    assert!(!why.contains("PRIVATE KEY"), "{why}");
    why
}

#[tokio::test]
async fn one_connection_is_kept_and_used_by_all() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    let hosts = client.hosts();
    let batch = hello();
    let reports = futures::future::join_all((0..40).map(|_| hosts.run(HOST, &batch))).await;
    assert!(reports.iter().all(Report::success));
    assert_eq!(server.seen.logins.load(SeqCst), 1);
    let most = server.seen.most_open.load(SeqCst);
    assert!(most <= 8, "{most} sessions at once");
}

/// The limit is really used: as many batches as it allows run side by side.
#[tokio::test]
async fn as_many_sessions_as_allowed_run_side_by_side() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    let mut options = client.options();
    options.sessions = 3;
    let hosts = SshHosts::new(options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // Each of the first three waits until all three are there.
    let meet = format!(
        "touch {0}/$$; while [ $(ls {0} | wc -l) -lt 3 ]; do sleep 0.02; done",
        folder.path().display()
    );
    let batch = Batch::new().run(sh(&meet));
    let reports = futures::future::join_all((0..6).map(|_| hosts.run(HOST, &batch))).await;
    assert!(reports.iter().all(Report::success), "{reports:?}");
    assert_eq!(server.seen.most_open.load(SeqCst), 3);
}

#[tokio::test]
async fn a_user_that_is_not_let_in_is_told_which_key_was_shown() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    client.write_key(9);
    let why = why(client.hosts().run(HOST, &hello()).await);
    let fingerprint = key(9)
        .public_key()
        .fingerprint(russh::keys::HashAlg::Sha256)
        .to_string();
    for part in [
        HOST,
        "tester",
        &fingerprint,
        "authorized_keys",
        client.key_file().to_str().unwrap(),
    ] {
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_with_the_way_to_add_it() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    client.know(&[]);
    let text = why(client.hosts().run(HOST, &hello()).await);
    let fingerprint = key(HOST_KEY)
        .public_key()
        .fingerprint(russh::keys::HashAlg::Sha256)
        .to_string();
    let way = format!(
        "ssh-keyscan -p {} {HOST} >> {}",
        server.port,
        client.known_hosts().display()
    );
    for part in ["not known", &fingerprint, &way] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(server.seen.logins.load(SeqCst), 0);
    std::fs::remove_file(client.known_hosts()).unwrap();
    let text = why(client.hosts().run(HOST, &hello()).await);
    assert!(
        text.contains("cannot read the known_hosts file") && text.contains("ssh-keyscan"),
        "{text}"
    );
}

#[tokio::test]
async fn a_changed_host_key_is_refused_loudly() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    client.know(&[key(7).public_key().clone()]);
    let text = why(client.hosts().run(HOST, &hello()).await);
    for part in [
        "HAS CHANGED",
        "line 1",
        "ssh-keygen -R",
        &format!("[{HOST}]:{}", server.port),
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(server.seen.logins.load(SeqCst), 0);
}

#[tokio::test]
async fn a_revoked_host_key_is_refused_though_it_is_known() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    let known = std::fs::read_to_string(client.known_hosts()).unwrap();
    std::fs::write(client.known_hosts(), format!("{known}@revoked {known}")).unwrap();
    let text = why(client.hosts().run(HOST, &hello()).await);
    assert!(text.contains("revoked") && text.contains("line 2"), "{text}");
}

#[tokio::test]
async fn a_corrected_known_hosts_file_helps_without_a_restart() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    client.know(&[]);
    let hosts = client.hosts();
    why(hosts.run(HOST, &hello()).await);
    client.know(&[key(HOST_KEY).public_key().clone()]);
    let start = Instant::now();
    while !hosts.run(HOST, &hello()).await.success() {
        assert!(start.elapsed() < Duration::from_secs(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn keys_that_must_not_be_used_are_refused_at_once() {
    let client = Client::new(22);
    let refused = |what: &str| {
        let error = SshHosts::new(client.options()).unwrap_err();
        assert!(matches!(error, SshError::Key { .. }));
        let text = error.to_string();
        assert!(
            text.contains(what) && text.contains(client.key_file().to_str().unwrap()),
            "{what}: {text}"
        );
        assert!(!text.contains("BEGIN"), "{text}");
    };
    std::fs::set_permissions(client.key_file(), PermissionsExt::from_mode(0o640)).unwrap();
    refused("chmod 600");
    std::fs::set_permissions(client.key_file(), PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::write(client.key_file(), "-----BEGIN SOMETHING ELSE-----\n").unwrap();
    refused("not a private key");
    std::fs::write(client.key_file(), include_str!("encrypted_key")).unwrap();
    refused("passphrase");
    std::fs::write(client.key_file(), vec![0xff; 100]).unwrap();
    refused("not a text file");
    std::fs::remove_file(client.key_file()).unwrap();
    refused("ssh-keygen");
}

#[tokio::test]
async fn a_host_that_refuses_the_connection_is_told() {
    let client = Client::new(Server::start().await.port);
    let closed = std::net::TcpListener::bind((HOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut options = client.options();
    options.port = closed;
    let hosts = SshHosts::new(options).unwrap();
    let text = why(hosts.run(HOST, &hello()).await);
    assert!(
        text.contains(&format!("cannot connect to {HOST} port {closed}")) && text.contains("sshd"),
        "{text}"
    );
    let text = why(hosts.run("no-such-host.invalid", &hello()).await);
    assert!(
        text.contains("cannot find the address of no-such-host.invalid"),
        "{text}"
    );
}

/// Something answers the connection but never says a word.
#[tokio::test]
async fn a_silent_host_times_out_and_a_hundred_batches_do_not_wait_in_turn() {
    let silent = std::net::TcpListener::bind((HOST, 0)).unwrap();
    let client = Client::new(silent.local_addr().unwrap().port());
    let mut options = client.options();
    options.connect_timeout = Duration::from_millis(400);
    let hosts = SshHosts::new(options).unwrap();
    let batch = hello();
    let start = Instant::now();
    let reports = futures::future::join_all((0..100).map(|_| hosts.run(HOST, &batch))).await;
    // Some of the batches of a slow machine may start a second attempt; a hundred attempts would take 40 s.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    for report in reports {
        let text = why(report);
        assert!(text.contains("did not answer within 400ms"), "{text}");
    }
}

#[tokio::test]
async fn something_that_is_not_ssh_is_told() {
    let listener = tokio::net::TcpListener::bind((HOST, 0)).await.unwrap();
    let client = Client::new(listener.local_addr().unwrap().port());
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let text = why(client.hosts().run(HOST, &hello()).await);
    assert!(
        text.contains("answered, but ssh failed while agreeing on keys"),
        "{text}"
    );
    answering.await.unwrap();
}

#[tokio::test]
async fn a_node_that_refuses_sessions_or_shells_is_told() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    let mut options = client.options();
    options.connect_timeout = Duration::from_millis(500);
    let hosts = SshHosts::new(options).unwrap();
    server.seen.refuses_exec.store(true, SeqCst);
    let text = why(hosts.run(HOST, &hello()).await);
    assert!(text.contains("refused to start a shell"), "{text}");
    while server.seen.open.load(SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    server.seen.refuses_exec.store(false, SeqCst);
    server.seen.allowed.store(1, SeqCst);
    let folder = tempfile::tempdir().unwrap();
    let (begun, end) = (folder.path().join("begun"), folder.path().join("end"));
    let wait = format!(
        "touch {}; e={}; while [ ! -e $e ] && [ -d ${{e%/*}} ]; do sleep 0.02; done",
        begun.display(),
        end.display()
    );
    let holding = Batch::new().run(sh(&wait));
    let (held, refused) = tokio::join!(hosts.run(HOST, &holding), async {
        appears(&begun).await;
        let refused = hosts.run(HOST, &hello()).await;
        std::fs::write(&end, "").unwrap();
        refused
    });
    // The session that was running is not hurt.
    assert!(held.success(), "{held:?}");
    let text = why(refused);
    assert!(text.contains("MaxSessions"), "{text}");
    assert_eq!(server.seen.logins.load(SeqCst), 1);
}

/// sshd counts a session for a moment longer than it is open; nobody gets to see that.
#[tokio::test]
async fn a_session_that_is_refused_for_a_moment_is_tried_again() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    server.seen.allowed.store(2, SeqCst);
    let hosts = client.hosts();
    let batch = hello();
    let reports = futures::future::join_all((0..30).map(|_| hosts.run(HOST, &batch))).await;
    assert!(reports.iter().all(Report::success), "{reports:?}");
}

/// `sudo -n` that may not: nothing was run, and its own words are told.
#[tokio::test]
async fn a_shell_that_does_not_come_up_means_that_nothing_was_run() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    let mut options = client.options();
    options.sudo = true;
    let report = SshHosts::new(options).unwrap().run(HOST, &hello()).await;
    if report.success() {
        // A machine whose sudo lets us: then it must have been root.
        let report = SshHosts::new(client.options()).unwrap().run(HOST, &hello()).await;
        assert!(report.success());
    } else {
        let text = why(report);
        assert!(text.contains("sudo"), "{text}");
    }
}

/// Waits in its second command until the test has broken something.
fn three(folder: &std::path::Path) -> Batch {
    let wait = format!(
        "touch {0}/begun; e={0}/end; while [ ! -e $e ] && [ -d ${{e%/*}} ]; do sleep 0.02; done; echo second",
        folder.display()
    );
    Batch::new()
        .run(Command::new("echo").arg("first"))
        .run(sh(&wait))
        .run(Command::new("echo").arg("third"))
}

fn prefix_is_known(report: &Report, reason: &str) {
    assert_eq!(report.output(0).unwrap().stdout, "first\n");
    assert_eq!(report.outcomes[1..], [Outcome::Unknown, Outcome::Unknown]);
    let why = report.broken.as_deref().unwrap();
    assert!(why.contains(HOST) && why.contains(reason), "{why}");
}

#[tokio::test]
async fn a_connection_that_is_lost_leaves_a_known_prefix_and_is_made_anew() {
    let server = Server::start().await;
    let wire = Wire::to(server.port).await;
    let client = Client::new(wire.port);
    let hosts = client.hosts();
    let folder = tempfile::tempdir().unwrap();
    let (batch, begun) = (three(folder.path()), folder.path().join("begun"));
    let (report, ()) = tokio::join!(hosts.run(HOST, &batch), async {
        appears(&begun).await;
        // What the first command printed came before the answer to this.
        assert!(hosts.run(HOST, &hello()).await.success());
        wire.set(WireState::Cut);
    });
    std::fs::write(folder.path().join("end"), "").unwrap();
    prefix_is_known(&report, "lost");
    wire.set(WireState::Whole);
    let start = Instant::now();
    while !hosts.run(HOST, &hello()).await.success() {
        assert!(start.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(server.seen.logins.load(SeqCst), 2);
}

/// A kept connection that died meanwhile costs the next batch nothing: it gets a new one at once.
#[tokio::test]
async fn a_connection_that_died_in_between_is_replaced_without_a_failure() {
    let server = Server::start().await;
    let wire = Wire::to(server.port).await;
    let client = Client::new(wire.port);
    let hosts = client.hosts();
    for round in 1..=5 {
        assert!(hosts.run(HOST, &hello()).await.success());
        assert_eq!(server.seen.logins.load(SeqCst), round);
        wire.drop_connections().await;
    }
}

#[tokio::test]
async fn a_node_that_falls_silent_is_noticed_by_keepalives() {
    let server = Server::start().await;
    let wire = Wire::to(server.port).await;
    let client = Client::new(wire.port);
    let mut options = client.options();
    options.keepalive = Duration::from_millis(200);
    options.connect_timeout = Duration::from_millis(500);
    let hosts = SshHosts::new(options).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (batch, begun) = (three(folder.path()), folder.path().join("begun"));
    let (report, start) = tokio::join!(hosts.run(HOST, &batch), async {
        appears(&begun).await;
        // What the first command printed came before the answer to this.
        assert!(hosts.run(HOST, &hello()).await.success());
        wire.set(WireState::Frozen);
        Instant::now()
    });
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    std::fs::write(folder.path().join("end"), "").unwrap();
    prefix_is_known(&report, "no sign of life for 600ms");
    // And while it is silent, batches fail fast.
    let start = Instant::now();
    let text = why(hosts.run(HOST, &hello()).await);
    assert!(
        text.contains("did not answer within 500ms") && start.elapsed() < Duration::from_secs(5),
        "{text}"
    );
}

/// A long quiet command is not taken for a dead node: the answers to keepalives count.
#[tokio::test]
async fn a_long_quiet_command_is_not_taken_for_a_dead_node() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    let mut options = client.options();
    options.keepalive = Duration::from_millis(50);
    let hosts = SshHosts::new(options).unwrap();
    let report = hosts
        .run(HOST, &Batch::new().run(Command::new("sleep").arg("1")))
        .await;
    assert!(report.success(), "{report:?}");
}

/// A batch that was sent in part only ran nowhere, and the report knows it.
#[tokio::test]
async fn a_batch_that_was_not_sent_whole_is_surely_not_run() {
    let server = Server::start().await;
    let wire = Wire::to(server.port).await;
    let client = Client::new(wire.port);
    let hosts = client.hosts();
    assert!(hosts.run(HOST, &hello()).await.success());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    let text = "x".repeat(8 << 20);
    let batch = Batch::new().run(Command::new("tee").arg(file.display().to_string()).input(&text));
    let before = wire.sent.load(SeqCst);
    let (report, ()) = tokio::join!(hosts.run(HOST, &batch), async {
        while wire.sent.load(SeqCst) < before + (1 << 20) {
            tokio::task::yield_now().await;
        }
        wire.set(WireState::Cut);
    });
    let text = why(report);
    assert!(text.contains("lost"), "{text}");
    assert!(!file.exists());
}

/// What was forgotten is closed, and may be used again.
#[tokio::test]
async fn a_forgotten_host_is_connected_anew() {
    let server = Server::start().await;
    let client = Client::new(server.port);
    let hosts = Arc::new(client.hosts());
    assert!(hosts.run(HOST, &hello()).await.success());
    hosts.forget(HOST);
    assert!(hosts.run(HOST, &hello()).await.success());
    assert_eq!(server.seen.logins.load(SeqCst), 2);
}
