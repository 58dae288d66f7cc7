//! What real GlusterFS answered, versions 10 and 11, as questions and verdicts read it.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::fixture::{GLUSTER, answer, report};
use common::{NODES, VOLUME, added, addresses, names, output, recorded_set, volume, volume_name};
use mortar_argv::{Outcome, Report};
use mortar_command::query::rebalance::Progress;
use mortar_command::query::{glusterd, heal_info, pool, rebalance, volume_info, volume_list, volume_status};
use mortar_command::{Settings, amends, judge, judge_before, judge_look};
use mortar_model::work::{
    AddedBricksSpec, BrickAddress, Facts, FailureKind, Goal, HealSpec, PeerSpec, RebalanceSpec, SeatSpec,
    Seen, Thing, Verdict, VolumeSpec,
};
use mortar_model::{BrickId, HostName, NodeId, VolumeOption};

fn spec() -> VolumeSpec {
    volume(3, addresses(&NODES))
}

fn expansion() -> AddedBricksSpec {
    AddedBricksSpec {
        options: Vec::new(),
        options_back: Vec::new(),
        ..added(recorded_set(0xb2))
    }
}

fn peer(host: &str) -> Thing {
    Thing::Peer(PeerSpec {
        node: NodeId::from_u128(1),
        host: HostName::new(host).unwrap(),
        force: false,
    })
}

/// Kind of a failed verdict; `None` for "nobody knows".
fn kind(verdict: &Verdict) -> Option<FailureKind> {
    match verdict {
        Verdict::Failed(failure) => Some(failure.kind),
        Verdict::Unknown(_) => None,
        Verdict::Done(_) => panic!("done: {verdict:?}"),
    }
}

const DONE: Verdict = Verdict::Done(Facts::None);

#[test]
fn members_of_the_pool() {
    for version in GLUSTER {
        let read = |name| pool::read(&report(version, &[name])).unwrap();
        let alone = read("pool-alone");
        assert_eq!(
            (alone.len(), alone[0].hosts.as_slice()),
            (1, ["localhost".to_owned()].as_slice())
        );
        let members = read("pool");
        assert_eq!(members.len(), 3);
        assert!(
            members.iter().all(|member| member.connected && member.settled),
            "{members:?}"
        );
        let down: Vec<_> = read("pool-node-down")
            .into_iter()
            .filter(|member| !member.connected)
            .collect();
        assert_eq!((down.len(), down[0].hosts[0].as_str()), (1, "node3"));
        assert!(glusterd::read(&report(version, &["pool"])).unwrap());
        assert!(!glusterd::read(&report(version, &["glusterd-down"])).unwrap());
        let error = pool::read(&report(version, &["glusterd-down"]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("Please check if gluster daemon is operational"),
            "{error}"
        );
    }
}

#[test]
fn peers_come_and_go() {
    for version in GLUSTER {
        let look = |host, name| judge_look(&peer(host), &report(version, &[name]));
        assert_eq!(look("node2", "pool-alone"), Seen::Absent);
        assert_eq!(look("node2", "pool"), Seen::Present(Facts::None));
        assert_eq!(look("node3", "pool-node-down"), Seen::Present(Facts::None));
        assert!(matches!(look("node2", "glusterd-down"), Seen::Unknown(_)));

        let made = |host, names: &[&str]| judge(&peer(host), Goal::Present, &report(version, names));
        assert_eq!(made("node1", &["probe-self", "pool-alone"]), DONE);
        assert_eq!(made("node2", &["probe", "pool-just-probed"]), DONE);
        assert_eq!(made("node2", &["probe-again", "pool"]), DONE);
        assert_eq!(
            kind(&made("node2", &["probe", "pool-alone"])),
            Some(FailureKind::Busy)
        );
        assert_eq!(
            kind(&made("node3", &["probe-again", "pool-node-down"])),
            Some(FailureKind::Busy)
        );
        let stop = |name| Report {
            outcomes: vec![answer(version, name), Outcome::NotRun],
            broken: None,
        };
        for name in ["probe-unreachable", "probe-other-pool"] {
            assert_eq!(
                kind(&judge(&peer("node9"), Goal::Present, &stop(name))),
                Some(FailureKind::Refused)
            );
        }
        assert_eq!(
            kind(&judge(&peer("node9"), Goal::Present, &stop("glusterd-down"))),
            None
        );

        let unmade = |host, names: &[&str]| judge(&peer(host), Goal::Absent, &report(version, names));
        assert_eq!(unmade("node3", &["detach", "pool-just-probed"]), DONE);
        assert_eq!(unmade("node4", &["detach-stranger", "pool"]), DONE);
        assert_eq!(unmade("node1", &["detach-self", "pool-alone"]), DONE);
        assert_eq!(
            kind(&unmade("node1", &["detach-self", "pool"])),
            Some(FailureKind::Refused)
        );
        assert_eq!(
            kind(&unmade("node3", &["detach-in-use", "pool"])),
            Some(FailureKind::Refused)
        );
    }
}

#[test]
fn volumes_and_their_definition() {
    for version in GLUSTER {
        assert_eq!(
            volume_list::read(&report(version, &["volume-list-empty"])).unwrap(),
            Vec::<String>::new()
        );
        assert_eq!(
            volume_list::read(&report(version, &["volume-list"])).unwrap(),
            ["vol_test"]
        );
        let read = |name| volume_info::read(&report(version, &[name])).unwrap();
        assert_eq!(read("volume-info-missing"), None);
        let info = read("volume-info").unwrap();
        assert_eq!(
            (info.name.as_str(), info.kind.as_str(), info.status.as_str()),
            ("vol_test", "Replicate", "Started")
        );
        assert_eq!((info.replica, info.snapshots, info.started()), (3, 0, true));
        assert_eq!(info.bricks, names(&recorded_set(0xb1)));
        assert_eq!(info.option("user.mortar.id"), Some(VOLUME.to_string().as_str()));
        assert_eq!(info.option("performance.readdir-ahead"), Some("off"));
        assert_eq!(info.option("user.mortar.none"), None);
        assert_eq!(read("volume-info-created").unwrap().status, "Created");
        assert_eq!(read("volume-info-stopped").unwrap().status, "Stopped");
        let expanded = read("volume-info-expanded").unwrap();
        assert_eq!(
            (expanded.kind.as_str(), expanded.bricks.len()),
            ("Distributed-Replicate", 6)
        );
        let plain = read("volume-info-plain").unwrap();
        assert_eq!(
            (plain.kind.as_str(), plain.replica, plain.bricks.len()),
            ("Distribute", 1, 2)
        );
    }
    let info = volume_info::read(&report("gluster-11.1", &["volume-info-snapshots"]))
        .unwrap()
        .unwrap();
    assert_eq!(info.snapshots, 1);
}

#[test]
fn a_volume_is_seen_as_far_as_it_has_come() {
    for version in GLUSTER {
        let look = |spec: VolumeSpec, name| judge_look(&Thing::Volume(spec), &report(version, &[name]));
        assert_eq!(look(spec(), "volume-info-missing"), Seen::Absent);
        assert_eq!(look(spec(), "volume-info"), Seen::Present(Facts::None));
        assert_eq!(look(spec(), "volume-info-expanded"), Seen::Present(Facts::None));
        for half in ["volume-info-created", "volume-info-stopped"] {
            assert!(matches!(look(spec(), half), Seen::Partial(_)), "{half}");
        }
        let other_id = VolumeSpec {
            volume: mortar_model::VolumeId::from_u128(1),
            ..spec()
        };
        assert!(matches!(look(other_id, "volume-info"), Seen::Foreign(_)));
        let other_bricks = VolumeSpec {
            bricks: recorded_set(0xb9),
            ..spec()
        };
        assert!(matches!(
            look(other_bricks, "volume-info-created"),
            Seen::Foreign(_)
        ));
        let more_options = {
            let mut spec = spec();
            spec.options
                .push(mortar_model::VolumeOption::new("nfs.rdirplus", "off").unwrap());
            spec
        };
        assert!(
            matches!(look(more_options, "volume-info"), Seen::Partial(text) if text.contains("nfs.rdirplus"))
        );
        assert!(matches!(look(spec(), "glusterd-down"), Seen::Unknown(_)));
    }
}

/// A member that takes volumes over from another tells of parts of them meanwhile: nothing may be concluded from that.
#[test]
fn a_volume_that_a_member_knows_a_part_of_is_not_a_stranger() {
    let without_bricks = |version: &str, left: usize| {
        let Outcome::Ran(mut output) = answer(version, "volume-info-created") else {
            panic!("it ran");
        };
        let mut bricks = 0..;
        let keep = |line: &&str| !line.contains("<brick uuid") || bricks.next().unwrap() < left;
        output.stdout = output.stdout.lines().filter(keep).collect::<Vec<_>>().join("\n");
        Report {
            outcomes: vec![Outcome::Ran(output)],
            broken: None,
        }
    };
    for version in GLUSTER {
        for left in [0, 1, 2] {
            let seen = judge_look(&Thing::Volume(spec()), &without_bricks(version, left));
            assert!(matches!(seen, Seen::Unknown(_)), "{left} bricks: {seen:?}");
        }
        let expansion = Thing::AddedBricks(added(recorded_set(0xb9)));
        let seen = judge_look(&expansion, &without_bricks(version, 0));
        assert!(matches!(seen, Seen::Unknown(_)), "{seen:?}");
    }
}

#[test]
fn making_a_volume() {
    for version in GLUSTER {
        let made = |names: &[&str], not_run: usize| {
            let mut report = report(version, names);
            report.outcomes.extend(vec![Outcome::NotRun; not_run]);
            judge(&Thing::Volume(spec()), Goal::Present, &report)
        };
        assert_eq!(made(&["create", "set", "start"], 0), DONE);
        assert_eq!(made(&["create", "set", "start-again"], 0), DONE);
        for (uncertain, rest) in [
            (vec!["create-again"], 2),
            (vec!["glusterd-down"], 2),
            (vec!["create", "stop-timed-out"], 1),
        ] {
            assert_eq!(kind(&made(&uncertain, rest)), None, "{uncertain:?}");
        }
        for refused in ["create-no-peer", "create-brick-taken", "create-no-folder"] {
            assert_eq!(
                kind(&made(&[refused], 2)),
                Some(FailureKind::Refused),
                "{refused}"
            );
        }
        assert_eq!(kind(&made(&["create", "set-busy"], 1)), Some(FailureKind::Busy));
        assert_eq!(kind(&made(&["create-node-down"], 2)), Some(FailureKind::Away));
        let verdict = made(&["create", "set-unknown-option"], 1);
        let Verdict::Failed(failure) = &verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(
            failure
                .reason
                .starts_with("volume set: failed: option : no.such-option does not exist"),
            "{failure:?}"
        );
    }
}

#[test]
fn unmaking_a_volume() {
    let thing = Thing::Volume(spec());
    for version in GLUSTER {
        let unmade = |names: &[&str]| {
            let mut report = report(version, names);
            // No snapshots: neither listed nor refused for.
            report.outcomes.splice(0..0, [Outcome::Skipped, Outcome::Skipped]);
            judge(&thing, Goal::Absent, &report)
        };
        assert_eq!(unmade(&["stop", "delete"]), DONE);
        assert_eq!(unmade(&["stop-again", "delete"]), DONE);
        assert_eq!(unmade(&["stop-missing", "delete-missing"]), DONE);
        assert_eq!(kind(&unmade(&["stop", "delete-busy"])), Some(FailureKind::Busy));
        // Only of a volume that is surely stopped is it said that its deletion waits for a node.
        for stopped in ["stop", "stop-again"] {
            assert_eq!(
                kind(&unmade(&[stopped, "delete-node-down"])),
                Some(FailureKind::Away)
            );
        }
        assert_eq!(
            kind(&unmade(&["set-busy", "delete-node-down"])),
            Some(FailureKind::Busy)
        );
        assert_eq!(kind(&unmade(&["stop-timed-out", "delete-node-down"])), None);
        assert_eq!(kind(&unmade(&["stop-timed-out", "delete-busy"])), None);
        assert_eq!(kind(&unmade(&["stop-glusterd-killed", "glusterd-down"])), None);
    }
    // The guard says that there are snapshots: the volume is neither stopped nor deleted.
    for refusal in ["delete-started-snapshots", "delete-stopped-snapshots"] {
        let mut report = report("gluster-11.1", &[refusal]);
        let snapshot =
            |name: &str| format!("/var/lib/glusterd/snaps/{name}/1a2b/info:parent_volname=vol_test\n");
        let listed = output(0, &["one", "two"].map(snapshot).concat(), "");
        report.outcomes.insert(0, listed);
        report.outcomes.extend([Outcome::NotRun, Outcome::NotRun]);
        let verdict = judge(&thing, Goal::Absent, &report);
        let Verdict::Failed(failure) = &verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(failure.kind, FailureKind::Refused);
        let words = "Unable to delete volume vol_test because it contains 2 snapshots";
        assert!(failure.reason.starts_with(words), "{failure:?}");
        assert!(
            failure.reason.contains("gluster snapshot list vol_test"),
            "{failure:?}"
        );
    }
    // No record of it under its id: gone or foreign, a look tells.
    let report = Report {
        outcomes: vec![Outcome::Skipped; 4],
        broken: None,
    };
    assert_eq!(kind(&judge(&thing, Goal::Absent, &report)), None);
}

/// A member that has just come back speaks for itself: what it says is so there is not so in the pool (seen with 10.3).
#[test]
fn a_member_that_is_behind_does_not_speak_for_the_pool() {
    let refused = |text: &str| output(1, "", text);
    let thing = Thing::Volume(spec());
    let stop = "volume stop: v: failed: Pre Validation failed on 10.0.0.3. Volume v does not exist";
    let delete = "volume delete: v: failed: Staging failed on 10.0.0.3. Error: Volume v does not exist";
    let report = |outcomes: Vec<Outcome>| Report {
        outcomes,
        broken: None,
    };
    let unmade = judge(
        &thing,
        Goal::Absent,
        &report(vec![
            Outcome::Skipped,
            Outcome::Skipped,
            refused(stop),
            refused(delete),
        ]),
    );
    assert_eq!(kind(&unmade), Some(FailureKind::Busy));
    let started = "volume delete: v: failed: Staging failed on 10.0.0.3. Error: Volume v has been started.Volume needs to be stopped before deletion.";
    let unmade = judge(
        &thing,
        Goal::Absent,
        &report(vec![
            Outcome::Skipped,
            Outcome::Skipped,
            output(0, "volume stop: v: success\n", ""),
            refused(started),
        ]),
    );
    assert_eq!(kind(&unmade), Some(FailureKind::Busy));
    let start = "volume start: v: failed: Pre Validation failed on 10.0.0.3. Volume v already started";
    let made = judge(
        &thing,
        Goal::Present,
        &report(vec![Outcome::Skipped, Outcome::Skipped, refused(start)]),
    );
    assert_eq!(kind(&made), Some(FailureKind::Busy));
}

/// The guard that protects snapshots is a `grep`: it found one, and none.
#[test]
fn the_snapshot_guard_was_seen_to_work() {
    let status = |name| match answer("gluster-11.1", name) {
        Outcome::Ran(output) => output.status,
        outcome => panic!("{outcome:?}"),
    };
    assert_eq!((status("has-snapshots"), status("no-snapshots")), (0, 1));
}

#[test]
fn bricks_that_run_and_those_that_do_not() {
    for version in GLUSTER {
        let read = |name| volume_status::read(&report(version, &[name])).unwrap();
        assert_eq!(read("volume-status-stopped"), Vec::new());
        let all = read("volume-status");
        assert_eq!(
            all.iter().map(|status| status.brick.clone()).collect::<Vec<_>>(),
            names(&recorded_set(0xb1))
        );
        assert!(
            all.iter()
                .all(|status| status.online && status.port.is_some() && status.pid.is_some()),
            "{all:?}"
        );
        let dead: Vec<_> = read("volume-status-brick-dead")
            .into_iter()
            .filter(|status| !status.online)
            .collect();
        assert_eq!(
            (dead.len(), dead[0].brick.clone(), dead[0].port),
            (1, names(&recorded_set(0xb1))[2].clone(), None)
        );
        let up = read("volume-status-node-down");
        assert!(
            up.len() == 2 && up.iter().all(|status| !status.brick.starts_with("node3")),
            "{up:?}"
        );
        assert!(volume_status::read(&report(version, &["glusterd-down"])).is_err());
    }
}

#[test]
fn what_has_to_be_healed() {
    for version in GLUSTER {
        let read = |name| heal_info::read(&report(version, &[name]));
        let clean = read("heal-info-clean").unwrap();
        assert!(
            clean.len() == 3
                && clean
                    .iter()
                    .all(|brick| brick.connected && brick.entries == Some(0)),
            "{clean:?}"
        );
        let pending = read("heal-info-pending").unwrap();
        assert!(
            pending[0].entries > Some(0) && pending[0].split_brain == Some(0),
            "{pending:?}"
        );
        assert!(
            !pending[2].connected && pending[2].entries.is_none(),
            "{pending:?}"
        );
        let full = read("heal-info-pending-full").unwrap();
        assert_eq!(full[0].entries, pending[0].entries);
        assert!(
            read("heal-info-missing")
                .unwrap_err()
                .to_string()
                .contains("does not exist")
        );
        assert!(read("heal-info-stopped").is_err());
    }
}

#[test]
fn adding_bricks() {
    let thing = Thing::AddedBricks(expansion());
    for version in GLUSTER {
        let look = |name| judge_look(&thing, &report(version, &[name]));
        assert_eq!(look("volume-info"), Seen::Absent);
        assert_eq!(look("volume-info-expanded"), Seen::Present(Facts::None));
        assert!(matches!(look("volume-info-missing"), Seen::Foreign(_)));
        let mut other = added(recorded_set(0xb2));
        other.options_back = vec![VolumeOption::new("user.mortar.size", "1").unwrap()];
        let other_options = Thing::AddedBricks(other);
        for name in ["volume-info", "volume-info-expanded"] {
            let seen = judge_look(&other_options, &report(version, &[name]));
            assert!(matches!(seen, Seen::Partial(_)), "{name}: {seen:?}");
        }

        let made = |name| judge(&thing, Goal::Present, &report(version, &[name]));
        assert_eq!(made("add-brick"), DONE);
        assert_eq!(
            kind(&made("add-brick-again")),
            None,
            "it may be in this volume: look"
        );
        assert_eq!(kind(&made("add-brick-missing")), Some(FailureKind::Refused));

        let unmade = |names: &[&str]| judge(&thing, Goal::Absent, &report(version, names));
        assert_eq!(
            unmade(&["remove-brick-start", "remove-brick-commit", "volume-info"]),
            DONE
        );
        let back = |set| {
            let names = ["remove-brick-start", "remove-brick-commit", set, "volume-info"];
            judge(&other_options, Goal::Absent, &report(version, &names))
        };
        assert_eq!(kind(&back("set-busy")), Some(FailureKind::Busy));
        assert_eq!(kind(&back("set")), None, "said to be set, and not so: look");
        assert_eq!(
            unmade(&["remove-brick-start-again", "remove-brick-commit", "volume-info"]),
            DONE
        );
        assert_eq!(
            unmade(&["remove-brick-gone", "remove-brick-gone", "volume-info"]),
            DONE
        );
        assert_eq!(
            unmade(&["stop-missing", "stop-missing", "volume-info-missing"]),
            DONE
        );
        for moving in [
            ["remove-brick-start", "remove-brick-commit-early"],
            ["remove-brick-start-again", "remove-brick-commit-early"],
        ] {
            let verdict = unmade(&[moving[0], moving[1], "volume-info-expanded"]);
            assert_eq!(kind(&verdict), Some(FailureKind::Busy), "{moving:?}");
        }
        assert_eq!(
            kind(&unmade(&["glusterd-down", "glusterd-down", "glusterd-down"])),
            None
        );
    }
}

#[test]
fn rebalancing() {
    let thing = Thing::Rebalance(RebalanceSpec {
        volume: VOLUME,
        name: volume_name(),
    });
    for version in GLUSTER {
        let read = |name| rebalance::read(&report(version, &[name])).unwrap().progress;
        assert_eq!(read("rebalance-single-set"), Progress::Never);
        assert_eq!(read("rebalance-never"), Progress::Never);
        assert_eq!(read("rebalance-ended"), Progress::Completed);
        let look = |name| judge_look(&thing, &report(version, &[name]));
        assert_eq!(look("rebalance-never"), Seen::Absent);
        assert_eq!(look("rebalance-ended"), Seen::Absent);
        let made = |name| judge(&thing, Goal::Present, &report(version, &[name]));
        for name in [
            "rebalance-start",
            "rebalance-start-running",
            "rebalance-start-single-set",
        ] {
            assert_eq!(made(name), DONE, "{name}");
        }
        assert_eq!(
            kind(&made("rebalance-start-removing")),
            Some(FailureKind::Refused)
        );
        assert_eq!(kind(&made("start-missing")), Some(FailureKind::Refused));
    }
    let told = rebalance::read(&report("gluster-10.3", &["rebalance-running"])).unwrap();
    assert_eq!((told.progress, told.scanned), (Progress::Running, 440));
    let told = rebalance::read(&report("gluster-10.3", &["rebalance-moving"])).unwrap();
    assert_eq!(
        (told.progress, told.files, told.size.bytes(), told.scanned),
        (Progress::Running, 20, 4_300_000, 1514)
    );
    let told = rebalance::read(&report("gluster-10.3", &["rebalance-failed"])).unwrap();
    assert_eq!((told.progress, told.failures), (Progress::Failed, 3));
    let running = judge_look(&thing, &report("gluster-10.3", &["rebalance-running"]));
    assert_eq!(running, Seen::Present(Facts::None));
    assert_eq!(
        judge(&thing, Goal::Absent, &Report::default()),
        DONE,
        "there is nothing to take back"
    );
}

#[test]
fn no_brick_is_replaced_while_files_move() {
    let at = |number: u8| BrickAddress {
        brick: BrickId::from_u128(number.into()),
        host: HostName::new(format!("10.0.0.{number}")).unwrap(),
        path: format!("/b/{number}"),
    };
    let seat = Thing::Seat(SeatSpec {
        volume: VOLUME,
        name: volume_name(),
        old: at(1),
        new: at(2),
        others: vec![at(3)],
        dead: false,
        alike: false,
        pieces: false,
    });
    let refused = judge(
        &seat,
        Goal::Absent,
        &report("gluster-10.3", &["replace-brick-rebalancing"]),
    );
    assert_eq!(kind(&refused), Some(FailureKind::Busy), "{refused:?}");

    // It is seen before, too.
    let [old, others @ ..] = &recorded_set(0xb1)[..] else {
        panic!("a set has three bricks")
    };
    let seat = Thing::Seat(SeatSpec {
        volume: VOLUME,
        name: volume_name(),
        old: old.clone(),
        new: at(4),
        others: others.to_vec(),
        dead: false,
        alike: false,
        pieces: false,
    });
    let may = |rebalance| {
        let told = report("gluster-10.3", &["heal-info-clean", rebalance]);
        judge_before(&seat, &told)
    };
    assert_eq!(may("rebalance-ended"), DONE);
    assert_eq!(may("rebalance-single-set"), DONE);
    assert_eq!(may("rebalance-failed"), DONE);
    let running = may("rebalance-moving");
    assert_eq!(kind(&running), Some(FailureKind::Busy), "{running:?}");

    // Where it waits it asks for what may be waited for; where it may go on it does.
    let amends = |verdict: &Verdict| amends(&seat, Goal::Absent, verdict, &Settings::default());
    assert_eq!(amends(&running).map(|batch| batch.items().len()), Some(1));
    assert_eq!(amends(&DONE), None);
}

#[test]
fn a_heal_whose_answer_takes_too_long_is_under_way() {
    let heal = Thing::Heal(HealSpec {
        volume: VOLUME,
        name: volume_name(),
        bricks: recorded_set(0xb1),
        pieces: false,
    });
    let slow = Report {
        outcomes: vec![output(0, "", ""), Outcome::Unknown],
        broken: Some("the commands on node1 did not end within their limit".into()),
    };
    let made = judge(&heal, Goal::Present, &slow);
    assert_eq!(kind(&made), Some(FailureKind::Underway), "{made:?}");
    let slow = Report::unknown(1, "the commands on node1 did not end within their limit");
    assert_eq!(judge_look(&heal, &slow), Seen::Absent);
    let away = Report::not_run(1, "no route");
    assert!(matches!(judge_look(&heal, &away), Seen::Unreached(_)));
}

/// The daemons look by themselves every ten minutes: whoever wonders why a heal takes so long is told that they were not asked.
#[test]
fn why_the_daemons_were_not_told_to_heal_is_told() {
    let mut bricks = recorded_set(0xb1);
    bricks.truncate(2);
    let heal = Thing::Heal(HealSpec {
        volume: VOLUME,
        name: volume_name(),
        bricks,
        pieces: false,
    });
    for version in GLUSTER {
        let reason = |asked: Outcome| {
            let mut report = report(version, &["heal-info-pending"]);
            report.outcomes.insert(0, asked);
            let Verdict::Failed(failure) = judge(&heal, Goal::Present, &report) else {
                panic!("{report:?}")
            };
            assert_eq!(failure.kind, FailureKind::Underway);
            failure.reason
        };
        let asked = reason(output(0, "", ""));
        assert!(asked.ends_with("are still to be healed"), "{asked}");
        let refused = reason(output(1, "", "Self-heal daemon is not running.\n"));
        assert!(
            refused.ends_with("not told to begin: Self-heal daemon is not running"),
            "{refused}"
        );
    }
}

#[test]
fn a_node_without_gluster_says_so() {
    let report = Report {
        outcomes: vec![output(127, "", "sh: 1: gluster: not found\n")],
        broken: None,
    };
    let error = pool::read(&report).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot tell who is in the trusted pool: sh: 1: gluster: not found"
    );
    assert!(!glusterd::read(&report).unwrap());
}
