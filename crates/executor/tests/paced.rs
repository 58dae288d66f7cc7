//! Simulated nodes on which commands take their time: batches overlap, and are told as they would be over ssh.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures::future::join;
use mortar_argv::{Batch, Command, Outcome, Report, script};
use mortar_executor::{Hosts as _, Pace, SimHosts, Wait};
use mortar_simulator::{Effect, Fault, When, World, WorldConfig};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Each command takes a second, everything else nothing; what hangs goes on ten seconds after its limit.
#[derive(Debug)]
struct Seconds;

impl Pace for Seconds {
    fn takes(&self, _host: &str, wait: Wait<'_>) -> Duration {
        match wait {
            Wait::Command(_) => SECOND,
            Wait::Beyond => 10 * SECOND,
            Wait::Connect | Wait::Refusal => Duration::ZERO,
        }
    }
}

fn hosts() -> SimHosts {
    let mut world = World::new(WorldConfig::default());
    for host in ["n1", "n2"] {
        world.add_node(host);
    }
    SimHosts::new(world).pace(Seconds)
}

fn make(folders: &[&str]) -> Batch {
    folders.iter().fold(Batch::new(), |batch, folder| {
        batch.run(Command::new("mkdir").arg(*folder).limit(5 * SECOND))
    })
}

async fn exists(hosts: &SimHosts, folder: &str) -> bool {
    let report = hosts
        .run("n1", &Batch::new().ask(Command::new("test").args(["-d", folder])))
        .await;
    report.output(0).unwrap().success()
}

fn inject(hosts: &SimHosts, nth: u64, effect: Effect) {
    let when = When::Change(nth);
    hosts.world(|world| world.inject(Fault { when, effect }));
}

#[tokio::test(start_paused = true)]
async fn batches_of_one_node_overlap_command_by_command() {
    let (hosts, begun) = (hosts(), Instant::now());
    let (one, other) = (make(&["/a", "/a/b"]), make(&["/c"]));
    let (one, other) = join(hosts.run("n1", &one), async {
        let report = hosts.run("n1", &other).await;
        (report, begun.elapsed())
    })
    .await;
    assert!(one.success() && other.0.success());
    assert_eq!((begun.elapsed(), other.1), (2 * SECOND, SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_lock_is_waited_for_and_not_for_ever() {
    let (hosts, begun) = (hosts(), Instant::now());
    let (long, short) = (make(&["/a", "/b", "/c"]).lock("x"), make(&["/d"]).lock("x"));
    let waits = async {
        sleep(SECOND / 2).await;
        hosts.run("n1", &short).await
    };
    let (one, other) = join(hosts.run("n1", &long), waits).await;
    assert!(one.success() && other.success());
    assert_eq!(begun.elapsed(), 4 * SECOND, "one after the other");

    inject(&hosts, 1, Effect::Late);
    let (hangs, busy) = (make(&["/e"]).lock("x"), make(&["/f"]).lock("x"));
    assert!(hosts.run("n1", &hangs).await.has_unknown());
    let report = hosts.run("n1", &busy).await;
    assert_eq!(report, Report::not_run(1, script::STILL_RUNNING));
    assert!(
        hosts.run("n2", &make(&["/f"]).lock("x")).await.success(),
        "the lock is one node's"
    );
    sleep(10 * SECOND).await;
    assert!(exists(&hosts, "/e").await, "done late");
    assert!(hosts.run("n1", &busy).await.success());
}

/// What is known is what was told before; what goes on, goes on unseen.
#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_leaves_a_known_prefix() {
    for goes_on in [false, true] {
        let hosts = hosts();
        let batch = make(&["/a", "/b", "/c"]);
        let breaks = async {
            sleep(SECOND + SECOND / 2).await;
            hosts.world(|world| {
                let id = world.scripts().next().unwrap().0;
                world.lose(id, "gone", goes_on);
            });
        };
        let (report, ()) = join(hosts.run("n1", &batch), breaks).await;
        assert!(matches!(report.outcomes[0], Outcome::Ran(_)));
        assert_eq!(report.outcomes[1..], [Outcome::Unknown, Outcome::Unknown]);
        sleep(5 * SECOND).await;
        assert!(exists(&hosts, "/b").await, "the command under way does its work");
        assert_eq!(exists(&hosts, "/c").await, goes_on);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_without_power_has_no_scripts_and_one_cut_off_has_them_still() {
    let hosts = hosts();
    let batch = make(&["/a", "/b"]);
    let after = |then: fn(&mut World)| {
        let hosts = hosts.clone();
        async move {
            sleep(SECOND / 2).await;
            hosts.world(then);
        }
    };
    let (report, ()) = join(hosts.run("n1", &batch), after(|world| world.kill_node("n1"))).await;
    assert_eq!(report.outcomes, [Outcome::Unknown, Outcome::Unknown]);
    hosts.world(|world| world.start_node("n1"));
    sleep(5 * SECOND).await;
    assert!(!exists(&hosts, "/a").await);

    let (report, ()) = join(hosts.run("n1", &batch), after(|world| world.cut("n1"))).await;
    assert_eq!(report.outcomes, [Outcome::Unknown, Outcome::Unknown]);
    sleep(5 * SECOND).await;
    hosts.world(|world| world.join("n1"));
    assert!(exists(&hosts, "/b").await);
}

/// A runtime that ends takes nobody's script along, and the next one lets it go on.
#[test]
fn scripts_outlive_the_server() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let hosts = hosts();
    runtime().block_on(async {
        let batch = make(&["/a", "/b"]);
        assert!(timeout(SECOND / 2, hosts.run("n1", &batch)).await.is_err());
        let id = hosts.world(|world| world.scripts().next().unwrap().0);
        // Dropped, it has hung up already: the command under way is its last.
        hosts.world(|world| world.hang_up(id, true));
    });
    runtime().block_on(async {
        hosts.take_up();
        sleep(5 * SECOND).await;
        assert!(exists(&hosts, "/a").await);
        assert!(!exists(&hosts, "/b").await);
    });
}

/// glusterd lets one change of a volume in at a time, from whichever member it comes.
#[tokio::test(start_paused = true)]
async fn a_volume_that_is_being_changed_refuses_another_change() {
    let hosts = hosts();
    let gluster = |words: &str| {
        let command = Command::new("gluster").arg("--mode=script");
        Batch::new().run(command.args(words.split(' ').map(str::to_owned)))
    };
    let folder = make(&["/bricks"]);
    assert!(hosts.run("n1", &folder).await.success());
    let made = gluster("volume create data n1:/bricks/one force");
    assert!(hosts.run("n1", &made).await.success());
    let (one, other) = (gluster("volume start data"), gluster("volume set data user.x y"));
    let (one, other) = join(hosts.run("n1", &one), hosts.run("n1", &other)).await;
    assert!(one.success());
    assert_eq!(
        other.output(0).unwrap().complaint(),
        "volume set: failed: Another transaction is in progress for data. Please try again after some time."
    );
}
