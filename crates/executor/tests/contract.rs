//! What every way to a host promises, asked of each by the same test: this machine, over ssh, through Kubernetes, and simulated as
//! far as the simulator knows the commands.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

mod apiserver;
mod common;

use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use apiserver::ApiServer;
use common::{Client, HOST, Server, appears};
use mortar_argv::{Batch, Command, Outcome, Report};
use mortar_executor::{Hosts, LocalHosts, SimHosts};
use mortar_simulator::{World, WorldConfig};

/// Runs `test` over each; the time limit is for a run that hangs.
async fn over_all(test: impl AsyncFn(&dyn Hosts)) {
    let server = Server::start().await;
    let client = Client::new(server.port);
    let api = ApiServer::start().await;
    for hosts in [&LocalHosts::new() as &dyn Hosts, &client.hosts(), &api.hosts()] {
        tokio::time::timeout(Duration::from_secs(60), test(hosts))
            .await
            .unwrap();
    }
}

/// The same batches give the same reports on real and on simulated nodes, word for word.
#[tokio::test]
async fn reports_are_the_same_wherever_a_batch_runs() {
    let mut world = World::new(WorldConfig::default());
    world.add_node(HOST);
    let sim = SimHosts::new(world);
    over_all(async |hosts| {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| format!("{}/{name}", folder.path().display());
        let program =
            |program: &str, arguments: &[&str]| Command::new(program).args(arguments.iter().copied());
        sim.run(
            HOST,
            &Batch::new().run(program("mkdir", &["-p", folder.path().to_str().unwrap()])),
        )
        .await;
        let (file, dir) = (path("file"), path("dir"));
        let batches = [
            Batch::new()
                .unless(program("test", &["-d", &dir]), program("mkdir", &[&dir]))
                .run(program("tee", &[&file]).input("some 'words'\nand $more\n"))
                .run(program("cat", &[&file])),
            Batch::new().unless(program("test", &["-d", &dir]), program("mkdir", &[&dir])),
            Batch::new()
                .run(program("mkdir", &[&dir]))
                .run(program("true", &[])),
            Batch::new()
                .ask(program("cat", &[&path("none")]))
                .ask(program("rmdir", &[&dir])),
            Batch::new()
                .only_if(program("test", &["-e", &file]), program("rm", &["-f", &file]))
                .only_if(program("test", &["-e", &file]), program("rm", &["-f", &file]))
                .run(program("test", &["-e", &file]))
                .ask(program("true", &[])),
        ];
        for batch in &batches {
            let (here, there) = (hosts.run(HOST, batch).await, sim.run(HOST, batch).await);
            assert_eq!(here, there, "{batch:?}");
        }
        // A shell words it differently; what counts is the status.
        let missing = Batch::new().ask(program("no-such-program-here", &[]));
        for report in [hosts.run(HOST, &missing).await, sim.run(HOST, &missing).await] {
            assert_eq!(report.output(0).unwrap().status, 127);
        }
    })
    .await;
    let unknown = sim.run("nobody", &Batch::new().run(Command::new("true"))).await;
    assert_eq!(unknown.outcomes, [Outcome::NotRun]);
    assert!(unknown.broken.unwrap().contains("nobody"));
}

fn sh(text: &str) -> Command {
    Command::new("sh").args(["-c", text])
}

async fn run(hosts: &dyn Hosts, batch: Batch) -> Report {
    hosts.run(HOST, &batch).await
}

#[tokio::test]
async fn each_command_has_its_own_status_and_texts() {
    over_all(async |hosts| {
        let batch = Batch::new()
            .ask(Command::new("printf").args(["%s", "a 'b' $HOME `x`; \\ \"é\"\n"]))
            .ask(sh("echo out; echo err >&2; exit 7"))
            .ask(sh("kill -9 $$"))
            .ask(Command::new("no-such-program-here"))
            .ask(Command::new("cat").input("fed\n"));
        let report = run(hosts, batch).await;
        assert_eq!(report.broken, None);
        assert_eq!(report.output(0).unwrap().stdout, "a 'b' $HOME `x`; \\ \"é\"\n");
        let second = report.output(1).unwrap();
        assert_eq!(
            (second.status, second.stdout.as_str(), second.stderr.as_str()),
            (7, "out\n", "err\n")
        );
        assert_eq!(report.output(2).unwrap().status, 137);
        assert_eq!(report.output(3).unwrap().status, 127);
        assert_eq!(report.output(4).unwrap().stdout, "fed\n");
    })
    .await;
}

#[tokio::test]
async fn guards_skip_and_a_failure_stops_the_rest() {
    over_all(async |hosts| {
        let batch = Batch::new()
            .unless(Command::new("true"), Command::new("false"))
            .only_if(Command::new("true"), Command::new("true"))
            .run(Command::new("false"))
            .run(Command::new("true"));
        let report = run(hosts, batch).await;
        assert_eq!(report.broken, None);
        assert_eq!(report.outcomes[0], Outcome::Skipped);
        assert!(report.output(1).unwrap().success());
        assert_eq!(report.first_failure().unwrap().0, 2);
        assert_eq!(report.outcomes[3], Outcome::NotRun);
        assert_eq!(run(hosts, Batch::new()).await, Report::default());
    })
    .await;
}

/// A command that hangs is given up at the batch's limit and ended; what ran before is known.
#[tokio::test]
async fn a_limit_that_passes_leaves_a_known_prefix() {
    over_all(async |hosts| {
        let folder = tempfile::tempdir().unwrap();
        let process = folder.path().join("process");
        let hang = format!("echo $$ > {}; exec sleep 120", process.display());
        let batch = Batch::new()
            .run(
                Command::new("echo")
                    .arg("first")
                    .limit(Duration::from_millis(100)),
            )
            .run(sh(&hang).limit(Duration::from_millis(400)))
            .run(Command::new("true").limit(Duration::ZERO));
        let start = Instant::now();
        let report = run(hosts, batch).await;
        assert!(start.elapsed() >= Duration::from_millis(500) && start.elapsed() < Duration::from_secs(20));
        assert_eq!(report.output(0).unwrap().stdout, "first\n");
        assert_eq!(report.outcomes[1..], [Outcome::Unknown, Outcome::Unknown]);
        assert!(report.broken.unwrap().contains("limit of 500ms"));
        ended(std::fs::read_to_string(process).unwrap().trim()).await;
    })
    .await;
}

/// Removes a file when dropped, so that none outlives a failed test.
struct Removed(String);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Who finds the lock held waits for it no longer than for its own commands, and is told.
#[tokio::test]
async fn a_held_lock_is_waited_for_and_told() {
    over_all(async |hosts| {
        let folder = tempfile::tempdir().unwrap();
        let (begun, end) = (folder.path().join("begun"), folder.path().join("end"));
        let name = format!(
            "test-{}-{}",
            std::process::id(),
            folder.path().metadata().unwrap().ino()
        );
        let _removed = Removed(format!("/run/lock/mortar-{name}.lock"));
        let holding = format!(
            "touch {}; e={}; while [ ! -e $e ] && [ -d ${{e%/*}} ]; do sleep 0.02; done",
            begun.display(),
            end.display()
        );
        let holder = Batch::new()
            .run(sh(&holding).limit(Duration::from_secs(30)))
            .lock(&name);
        let other = Batch::new()
            .run(Command::new("true").limit(Duration::from_secs(1)))
            .lock(&name);
        let (held, busy) = tokio::join!(hosts.run(HOST, &holder), async {
            appears(&begun).await;
            let busy = hosts.run(HOST, &other).await;
            std::fs::write(&end, "").unwrap();
            busy
        });
        assert!(held.success(), "{held:?}");
        assert_eq!(busy.outcomes, [Outcome::NotRun]);
        assert!(busy.broken.unwrap().contains("an earlier batch"));
        let after = hosts.run(HOST, &other).await;
        assert!(after.success(), "{after:?}");
    })
    .await;
}

#[tokio::test]
async fn a_megabyte_goes_in_and_comes_back() {
    over_all(async |hosts| {
        let text = "0123456789abcde\n".repeat(1 << 16);
        let report = run(hosts, Batch::new().run(Command::new("cat").input(&text))).await;
        assert_eq!(report.output(0).unwrap().stdout, text);
        assert_eq!(report.broken, None);
    })
    .await;
}

/// More output than anybody wants is cut off, and nothing is made up about what came after.
#[tokio::test]
async fn output_without_end_is_cut_off() {
    over_all(async |hosts| {
        let batch = Batch::new()
            .run(Command::new("echo").arg("first"))
            .run(sh("yes"))
            .run(Command::new("true"));
        let report = run(hosts, batch).await;
        assert_eq!(report.output(0).unwrap().stdout, "first\n");
        assert_eq!(report.outcomes[1..], [Outcome::Unknown, Outcome::Unknown]);
        let why = report.broken.unwrap();
        assert!(why.contains("printed more than 16777216 bytes"), "{why}");
    })
    .await;
}

/// A daemon that a command leaves behind holds the output open; the batch ends all the same, completely.
#[tokio::test]
async fn a_daemon_that_keeps_the_output_is_not_waited_for() {
    over_all(async |hosts| {
        let folder = tempfile::tempdir().unwrap();
        let end = folder.path().join("end").display().to_string();
        let daemon =
            format!("(e={end}; while [ ! -e $e ] && [ -d ${{e%/*}} ]; do sleep 0.05; done) & echo started");
        let start = Instant::now();
        let report = run(hosts, Batch::new().run(sh(&daemon)).run(Command::new("true"))).await;
        std::fs::write(&end, "").unwrap();
        assert!(report.success(), "{report:?}");
        assert_eq!(report.output(0).unwrap().stdout, "started\n");
        assert!(start.elapsed() < Duration::from_secs(20));
    })
    .await;
}

/// Dropping a run lets its command end and starts no more.
#[tokio::test]
async fn a_dropped_run_starts_no_more_commands() {
    over_all(async |hosts| {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let first = format!(
            "echo $PPID > {0}.part; mv {0}.part {0}; e={1}; while [ ! -e $e ] && [ -d ${{e%/*}} ]; do sleep 0.02; done; touch {2}",
            file("shell").display(),
            file("go").display(),
            file("first").display()
        );
        let batch = Batch::new()
            .run(sh(&first))
            .run(Command::new("touch").arg(file("second").display().to_string()));
        let begun = file("shell");
        tokio::select! {
            report = hosts.run(HOST, &batch) => panic!("ended: {report:?}"),
            () = appears(&begun) => {}
        }
        let shell = std::fs::read_to_string(&begun).unwrap();
        std::fs::write(file("go"), "").unwrap();
        ended(shell.trim()).await;
        assert!(file("first").exists());
        assert!(!file("second").exists());
    })
    .await;
}

/// Waits until the process is gone, or dead and not yet waited for.
async fn ended(process: &str) {
    let status = format!("/proc/{process}/stat");
    let runs = || std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z "));
    tokio::time::timeout(Duration::from_secs(20), async {
        while runs() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

/// What prints more than is kept is ended, unless the batch says that it does.
#[tokio::test]
async fn a_long_answer_comes_whole_where_the_batch_says_that_it_is_long() {
    const LONG: usize = 20_000_000;
    over_all(async |hosts| {
        let long = || {
            let length = LONG.to_string();
            Batch::new().run(Command::new("head").args(["-c", length.as_str(), "/dev/zero"]))
        };
        let cut = hosts.run(HOST, &long()).await;
        assert_eq!(cut.outcomes, [Outcome::Unknown]);
        assert!(cut.broken.unwrap().contains("printed more than 16777216 bytes"));
        let whole = hosts.run(HOST, &long().prints(2 * LONG)).await;
        assert_eq!(whole.broken, None);
        assert_eq!(whole.output(0).unwrap().stdout.len(), LONG);
    })
    .await;
}
