//! What goes wrong on purpose, power and network, crash points, saving; and the same again from the same seed.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use mortar_argv::{Batch, Command, OnFailure, Outcome, Report};
use mortar_simulator::{Effect, Fault, When, World, WorldConfig};

const HOST: &str = "node1";

fn world() -> World {
    let mut world = World::new(WorldConfig {
        directories: vec![("/bricks".into(), 1 << 40)],
        ..WorldConfig::default()
    });
    world.add_node(HOST);
    world
}

fn mkdir(path: &str) -> Command {
    Command::new("mkdir").arg(path)
}

/// Makes /a, /b and /c.
fn three() -> Batch {
    Batch::new().run(mkdir("/a")).run(mkdir("/b")).run(mkdir("/c"))
}

fn made(world: &mut World) -> String {
    let there = |path: &&str| {
        world
            .run_one(HOST, &Command::new("test").args(["-d", path]))
            .success()
    };
    ["/a", "/b", "/c"].into_iter().filter(there).collect()
}

fn shape(report: &Report) -> String {
    let letter = |outcome: &Outcome| match outcome {
        Outcome::Ran(output) if output.success() => 'r',
        Outcome::Ran(_) => 'f',
        Outcome::Skipped => 's',
        Outcome::NotRun => 'n',
        Outcome::Unknown => 'u',
    };
    report.outcomes.iter().map(letter).collect()
}

fn second(effect: Effect) -> (World, Report) {
    let mut world = world();
    world.inject(Fault {
        when: When::Change(2),
        effect,
    });
    let report = world.run(HOST, &three());
    assert_eq!(world.faults_waiting(), 0);
    (world, report)
}

#[test]
fn each_effect_leaves_its_own_traces() {
    let text = || "injected".to_owned();
    let cases = [
        (
            Effect::Fail {
                status: 5,
                text: text(),
            },
            "rfn",
            "/a",
        ),
        (
            Effect::FailAfter {
                status: 5,
                text: text(),
            },
            "rfn",
            "/a/b",
        ),
        (Effect::LoseAnswer, "ruu", "/a/b"),
        (Effect::LoseRest, "ruu", "/a/b/c"),
        (Effect::LoseCommand, "ruu", "/a"),
        (Effect::Hang, "ruu", "/a"),
        (Effect::Late, "ruu", "/a/b"),
    ];
    for (effect, outcomes, traces) in cases {
        let (mut world, report) = second(effect.clone());
        assert_eq!(shape(&report), outcomes, "{effect:?}");
        assert_eq!(made(&mut world), traces, "{effect:?}");
        assert_eq!(report.broken.is_some(), outcomes.contains('u'), "{effect:?}");
        assert!(!report.success());
    }
}

/// A guard whose answer is lost decides all the same, and a command that fails unseen ends the batch.
#[test]
fn what_goes_on_unseen_goes_on_as_its_script_says() {
    let lose = |nth| {
        let mut world = world();
        world.inject(Fault {
            when: When::Command {
                kind: "test".into(),
                host: None,
                nth,
            },
            effect: Effect::LoseRest,
        });
        world
    };
    let is = |path: &str| Command::new("test").args(["-d", path]);
    let batch = Batch::new()
        .unless(is("/none"), mkdir("/a"))
        .only_if(is("/none"), mkdir("/b"))
        .run(mkdir("/c"));
    assert_eq!(shape(&lose(1).run(HOST, &batch)), "uuu");
    for nth in [1, 2] {
        let mut world = lose(nth);
        world.run(HOST, &batch);
        assert_eq!(made(&mut world), "/a/c", "the test number {nth} is not heard");
    }
    let mut world = lose(1);
    let batch = Batch::new().run(is("/none")).run(mkdir("/a"));
    assert_eq!(shape(&world.run(HOST, &batch)), "uu");
    assert_eq!(made(&mut world), "");
}

#[test]
fn a_power_cut_in_a_batch_leaves_the_node_off() {
    let (mut world, report) = second(Effect::PowerCut);
    assert_eq!(shape(&report), "ruu");
    assert_eq!(shape(&world.run(HOST, &three())), "nnn");
    world.start_node(HOST);
    assert_eq!(made(&mut world), "/a/b");
}

#[test]
fn faults_find_commands_by_kind_and_host() {
    let mut world = world();
    world.add_node("node2");
    let fail = || Effect::Fail {
        status: 1,
        text: "no".into(),
    };
    let when = When::Command {
        kind: "mkdir".into(),
        host: Some("node2".into()),
        nth: 2,
    };
    world.inject(Fault { when, effect: fail() });
    world.inject(Fault::volume_locked("gluster volume start", "v"));
    assert_eq!(shape(&world.run(HOST, &three())), "rrr");
    assert_eq!(shape(&world.run("node2", &three())), "rfn");
    let start = Command::new("gluster").args(["--mode=script", "volume", "start", "v"]);
    assert!(
        world
            .run_one(HOST, &start)
            .complaint()
            .contains("Another transaction is in progress for v.")
    );
    assert!(
        world
            .run_one(HOST, &start)
            .complaint()
            .contains("Volume v does not exist")
    );
}

#[test]
fn looks_are_not_counted_as_changes() {
    let mut world = world();
    world.inject(Fault::fail_change(1));
    let look = Batch::new()
        .ask(Command::new("lsblk").args(["--json", "--bytes", "--paths", "-o", "NAME"]))
        .ask(Command::new("gluster").args(["--mode=script", "volume", "info", "v", "--xml"]))
        .unless(Command::new("test").args(["-d", "/"]), mkdir("/x"));
    assert_eq!(shape(&world.run(HOST, &look)), "rrs");
    assert_eq!((world.changes_run(), world.commands_run()), (0, 3));
    assert_eq!(shape(&world.run(HOST, &three())), "fnn");
    assert_eq!(world.changes_run(), 1);
}

#[test]
fn guards_and_failures_steer_a_batch_as_in_its_script() {
    let mut world = world();
    let there = || Command::new("test").args(["-d", "/etc"]);
    let batch = Batch::new()
        .unless(there(), mkdir("/a"))
        .only_if(there(), mkdir("/b"))
        .ask(mkdir("/etc"))
        .item(
            mortar_argv::Guard::Unless(Command::new("false")),
            mkdir("/etc"),
            OnFailure::Continue,
        )
        .run(mkdir("/etc"))
        .run(mkdir("/c"));
    assert_eq!(shape(&world.run(HOST, &batch)), "srfffn");
    assert_eq!(
        world.run("nowhere", &three()).outcomes,
        [Outcome::NotRun, Outcome::NotRun, Outcome::NotRun]
    );
}

#[test]
fn a_lost_guard_is_not_taken_for_an_answer() {
    let mut world = world();
    let when = When::Command {
        kind: "test".into(),
        host: None,
        nth: 1,
    };
    world.inject(Fault {
        when,
        effect: Effect::LoseAnswer,
    });
    let batch = Batch::new()
        .unless(Command::new("test").args(["-d", "/etc"]), mkdir("/a"))
        .run(mkdir("/b"));
    assert_eq!(shape(&world.run(HOST, &batch)), "uu");
    assert_eq!(made(&mut world), "");
}

#[test]
fn a_halted_world_runs_a_known_prefix() {
    let mut counting = world();
    counting.run(HOST, &three());
    for point in 0..=counting.commands_run() {
        let mut world = world();
        world.halt_after(point);
        world.run(HOST, &three());
        assert_eq!(world.commands_run(), point);
        assert_eq!(shape(&world.run(HOST, &three())), "nnn");
        world.resume();
        assert_eq!(made(&mut world).len() as u64, 2 * point);
    }
}

#[test]
fn cut_nodes_run_on_and_killed_ones_do_not() {
    let mut world = pool();
    volume(&mut world, "v");
    let online = |world: &World| world.volume("n1", "v").unwrap().online;
    world.cut("n2");
    assert_eq!(online(&world), [true, true, true]);
    assert!(gluster(&mut world, "n1", "peer status").contains("(Disconnected)"));
    world.join("n2");
    world.kill_node("n3");
    assert_eq!(online(&world), [true, true, false]);
    assert!(!gluster(&mut world, "n1", "volume status v").contains("n3:"));
    world.start_node("n3");
    assert_eq!(online(&world), [true, true, true]);
    world.stop_glusterd("n2");
    gluster(&mut world, "n1", "volume stop v force");
    assert_eq!(
        online(&world),
        [false, true, false],
        "a brick without its glusterd runs on"
    );
    world.start_glusterd("n2");
    assert_eq!(online(&world), [false, false, false]);
    assert_eq!(world.violations(), Vec::<String>::new());
}

fn pool() -> World {
    let mut world = World::new(WorldConfig {
        directories: vec![("/bricks".into(), 1 << 40)],
        ..WorldConfig::default()
    });
    for host in ["n1", "n2", "n3"] {
        world.add_node(host);
    }
    gluster(&mut world, "n1", "peer probe n2");
    gluster(&mut world, "n1", "peer probe n3");
    world
}

fn gluster(world: &mut World, host: &str, words: &str) -> String {
    let command = Command::new("gluster")
        .arg("--mode=script")
        .args(words.split(' '));
    let output = world.run_one(host, &command);
    assert!(output.success(), "{words}: {}", output.complaint());
    output.stdout
}

fn volume(world: &mut World, name: &str) {
    for host in ["n1", "n2", "n3"] {
        assert!(
            world
                .run_one(
                    host,
                    &Command::new("mkdir").args(["-p", &format!("/bricks/{name}")])
                )
                .success()
        );
    }
    gluster(
        world,
        "n1",
        &format!("volume create {name} replica 3 n1:/bricks/{name} n2:/bricks/{name} n3:/bricks/{name}"),
    );
    gluster(
        world,
        "n1",
        &format!("volume set {name} user.mortar.id 0123456789abcdef0123456789abcdef"),
    );
    gluster(world, "n1", &format!("volume start {name}"));
}

#[test]
fn a_saved_world_goes_on_as_it_was() {
    let mut world = pool();
    volume(&mut world, "v");
    world.inject(Fault::fail_change(3));
    let mut again = World::load(&world.save().unwrap()).unwrap();
    assert_eq!(again.pool("n1"), world.pool("n1"));
    assert_eq!(again.host("n1"), world.host("n1"));
    for world in [&mut world, &mut again] {
        let taken = Command::new("gluster").args(["--mode=script", "volume", "create", "w", "n1:/bricks/v"]);
        assert!(world.run_one("n1", &taken).complaint().contains("not available"));
        assert!(gluster(world, "n2", "volume info v --xml").contains("user.mortar.id"));
        volume_stop(world);
    }
    assert_eq!(again.save().unwrap(), world.save().unwrap());
    assert!(World::load("{}").is_err());
}

fn volume_stop(world: &mut World) {
    gluster(world, "n1", "volume stop v force");
    let lost = Command::new("gluster").args(["--mode=script", "volume", "delete", "v"]);
    assert!(!world.run_one("n1", &lost).success(), "the third change fails");
    gluster(world, "n1", "volume delete v");
}

#[test]
fn the_same_calls_give_the_same_answers() {
    let story = |seed| {
        let mut world = World::new(WorldConfig {
            seed,
            directories: vec![("/bricks".into(), 1 << 40)],
            ..WorldConfig::default()
        });
        for host in ["n1", "n2", "n3"] {
            world.add_node(host);
        }
        gluster(&mut world, "n1", "peer probe n2");
        gluster(&mut world, "n1", "peer probe n3");
        volume(&mut world, "v");
        gluster(&mut world, "n2", "volume status v --xml") + &gluster(&mut world, "n3", "volume info v --xml")
    };
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}

#[test]
fn hosts_appear_when_they_are_spoken_to() {
    let mut world = World::new(WorldConfig {
        auto_nodes: true,
        directories: vec![("/bricks".into(), 1 << 40)],
        aliases: [("10.0.0.9".to_owned(), "manage9".to_owned())].into(),
        ..WorldConfig::default()
    });
    for host in ["manage1", "manage2", "manage9"] {
        assert!(
            world
                .run_one(
                    host,
                    &Command::new("mkdir").args(["-p", &format!("/bricks/{host}")])
                )
                .success()
        );
    }
    // The pool's names differ from those that commands are sent to.
    gluster(&mut world, "manage1", "peer probe 10.0.0.2");
    gluster(&mut world, "manage1", "peer probe 10.0.0.9");
    gluster(
        &mut world,
        "manage1",
        "volume create v replica 3 10.0.0.1:/bricks/manage1 10.0.0.2:/bricks/manage2 10.0.0.9:/bricks/manage9",
    );
    gluster(&mut world, "manage2", "volume start v");
    assert_eq!(world.hosts(), ["manage1", "manage2", "manage9"]);
    assert_eq!(
        world.pool("manage9").unwrap().members,
        ["10.0.0.2", "10.0.0.9", "manage1"]
    );
}
