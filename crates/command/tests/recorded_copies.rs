//! What LVM answered when thin bricks were copied.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::fixture::{answer, report};
use common::{brick, copy, disk, output, thin};
use mortar_argv::{Outcome, Report};
use mortar_command::{judge, judge_look};
use mortar_model::ByteSize;
use mortar_model::work::{CopyPart, Facts, FailureKind, Goal, Seen, Thing, Verdict};

/// Where device-mapper was.
const DM: &str = "lvm-2.03.31";

/// A part of the copy that was recorded, of a brick of 512 MiB.
fn part(part: CopyPart) -> Thing {
    let Thing::Copy(mut spec) = copy(part, brick(disk(), thin(), 0)) else {
        unreachable!()
    };
    spec.brick.size = ByteSize::from_mib(512);
    Thing::Copy(spec)
}

fn seen(what: CopyPart, volumes: &str, beside: Outcome) -> Seen {
    let mut report = report(DM, &[volumes]);
    report.outcomes.push(beside);
    judge_look(&part(what), &report)
}

fn yes() -> Outcome {
    output(0, "", "")
}

fn no() -> Outcome {
    output(1, "", "")
}

#[test]
fn a_copy_is_seen_at_each_of_its_stages() {
    assert_eq!(seen(CopyPart::Image, "lvs-no-copy", yes()), Seen::Absent);
    for making in [CopyPart::Image, CopyPart::Whole] {
        let half = seen(making, "lvs-copy-in-making", no());
        assert!(matches!(half, Seen::Partial(_)), "{half:?}");
    }
    assert_eq!(seen(CopyPart::Whole, "lvs-no-copy", no()), Seen::Absent);
    assert_eq!(
        seen(CopyPart::Whole, "lvs-copy", yes()),
        Seen::Present(Facts::None)
    );
    // Without the file that tells of it, it is no whole copy; the file alone is none either.
    assert!(matches!(
        seen(CopyPart::Whole, "lvs-copy", no()),
        Seen::Partial(_)
    ));
    assert!(matches!(
        seen(CopyPart::Whole, "lvs-no-copy", yes()),
        Seen::Partial(_)
    ));
    assert_eq!(seen(CopyPart::Whole, "lvs-no-group", no()), Seen::Absent);
}

#[test]
fn a_brick_is_brought_back_once_for_each_reason() {
    let before = output(0, "another time\n", "");
    let done = output(0, "{}\n", "");
    let gone = output(1, "", "cat: x: No such file or directory\n");
    for beside in [before, gone.clone()] {
        let seen = seen(CopyPart::Back, "lvs-copy", beside);
        assert!(matches!(seen, Seen::Partial(_)), "{seen:?}");
    }
    assert_eq!(seen(CopyPart::Back, "lvs-copy", done), Seen::Present(Facts::None));
    assert!(matches!(
        seen(CopyPart::Back, "lvs-no-copy", gone),
        Seen::Foreign(_)
    ));
}

/// A copy is promised only where it could become all new.
#[test]
fn the_pool_and_the_kernel_decide_whether_there_is_room() {
    let room = |kernel: &str, volumes: &str| {
        let kernel = output(0, &format!("{kernel}\n"), "");
        let outcomes = vec![yes(), kernel, answer(DM, volumes), yes()];
        let report = Report {
            outcomes,
            broken: None,
        };
        judge(&part(CopyPart::Room), Goal::Present, &report)
    };
    let Outcome::Ran(recorded) = answer(DM, "uname") else {
        panic!("it ran")
    };
    let done = Verdict::Done(Facts::None);
    for kernel in [recorded.stdout.trim(), "6.8.0", "6.12.48+deb13-amd64", "10.0-rc1"] {
        assert_eq!(room(kernel, "lvs-no-copy"), done, "{kernel}");
    }
    // The way back to the copy that takes the rest.
    assert_eq!(room("7.2.7", "lvs-copy"), done);
    let refused = |verdict: Verdict, words: &str| {
        let Verdict::Failed(failure) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(failure.reason.contains(words), "{}", failure.reason);
    };
    // A third one, under a name that no copy of ours has.
    refused(room("7.2.7", "lvs-copy-in-making"), "one more of 512 MiB");
    refused(room("6.1.0-40-amd64", "lvs-no-copy"), "from Linux 6.8 on");
    refused(room("plan9", "lvs-no-copy"), "which is no version");
    refused(room("7.2.7", "lvs-all-none"), "has no thin pool");
}

#[test]
fn what_lvm_refuses_is_a_failure_and_what_it_warns_of_is_none() {
    let image = |name: &str| {
        let mut report = report(DM, &[name]);
        report.outcomes.insert(0, yes());
        report.outcomes.push(yes());
        judge(&part(CopyPart::Image), Goal::Present, &report)
    };
    assert_eq!(image("lvcreate-snapshot"), Verdict::Done(Facts::None));
    for name in ["lvcreate-snapshot-again", "lvcreate-snapshot-no-origin"] {
        let verdict = image(name);
        let bad = matches!(verdict, Verdict::Failed(_) | Verdict::Unknown(_));
        assert!(bad, "{name}: {verdict:?}");
    }
    // Not frozen any more.
    let report = Report {
        outcomes: vec![no()],
        broken: None,
    };
    let Verdict::Failed(failure) = judge(&part(CopyPart::Image), Goal::Present, &report) else {
        panic!("nothing was frozen")
    };
    assert!(failure.reason.contains("thawed before all bricks"), "{failure:?}");
    let gone = report_of(&["lvremove-no-group", "lvremove-no-group"]);
    assert_eq!(
        judge(&part(CopyPart::Whole), Goal::Absent, &gone),
        Verdict::Done(Facts::None)
    );
    assert_eq!(
        judge(
            &part(CopyPart::Whole),
            Goal::Absent,
            &report_of(&["lvremove", "lvremove-again"])
        ),
        Verdict::Done(Facts::None)
    );
}

/// Before anything is frozen it is waited for; then it is too late for that.
#[test]
fn a_brick_that_holds_what_others_missed_is_not_copied() {
    let named = || output(0, "/brick/.glusterfs/indices/xattrop/0000-1\n", "");
    let judged = |part: CopyPart, outcomes: Vec<Outcome>| {
        let report = Report {
            outcomes,
            broken: None,
        };
        let Verdict::Failed(failure) = judge(&self::part(part), Goal::Present, &report) else {
            panic!("{part:?}")
        };
        assert!(
            failure.reason.contains("when the volume is healed"),
            "{failure:?}"
        );
        failure.kind
    };
    let room = vec![yes(), answer(DM, "uname"), answer(DM, "lvs-no-copy"), named()];
    assert_eq!(judged(CopyPart::Room, room), FailureKind::Busy);
    let image = vec![yes(), answer(DM, "lvcreate-snapshot"), named()];
    assert_eq!(judged(CopyPart::Image, image), FailureKind::Refused);
}

fn report_of(names: &[&str]) -> Report {
    let mut report = report(DM, names);
    report.outcomes.push(yes());
    report
}
