//! What `gluster-block --json` answers, and what is made of it. The answers are those that its source prints (version 0.5): it is in
//! no distribution that this was tried on.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use mortar_argv::{Outcome, Output, Report};
use mortar_command::{Settings, judge, judge_look, not_served, resume};
use mortar_model::ByteSize;
use mortar_model::work::{BlockPart, Facts, FailureKind, Goal, Seen, Thing, Verdict};

const NAME: BlockPart = BlockPart::Name;
const WHOLE: BlockPart = BlockPart::Whole;
const SIZE: BlockPart = BlockPart::Size {
    before: ByteSize::from_gib(1),
};
const GONE: &str = r#"{ "RESULT": "FAIL", "errCode": 2, "errMsg": "block vol_test/disk doesn't exist" }"#;
const AWAY: &str = r#"{ "RESULT": "FAIL", "errCode": 255, "errMsg": "Version check failed [host node3 returned -107] (Hint: See if all servers are up and running gluster-blockd daemon)" }"#;
const MADE: &str = r#"{ "IQN": "iqn.2016-12.org.gluster-block:aa", "USERNAME": "aa", "PASSWORD": "hunter2", "PORTAL(S)": [ "node1:3260", "node3:3260" ], "RESULT": "SUCCESS" }"#;

fn thing(part: BlockPart) -> Thing {
    Thing::Block(common::block(part))
}

fn report(answers: &[&str]) -> Report {
    let ran = |answer: &&str| {
        Outcome::Ran(Output {
            status: i32::from(answer.contains("FAIL")),
            stdout: (*answer).to_owned(),
            stderr: String::new(),
        })
    };
    Report {
        outcomes: answers.iter().map(ran).collect(),
        broken: None,
    }
}

/// What `info` tells: this size, these hosts, and more.
fn info(size: &str, hosts: &str, more: &str) -> String {
    format!(
        r#"{{ "NAME": "disk", "VOLUME": "vol_test", "GBID": "aa", "SIZE": "{size}", "HA": 2, "PASSWORD": "hunter2", "EXPORTED ON": [ {hosts} ]{more} }}"#
    )
}

const BOTH: &str = r#""node1", "node3""#;

fn seen(part: BlockPart, answer: &str) -> Seen {
    judge_look(&thing(part), &report(&[answer]))
}

fn made(part: BlockPart, answers: &[&str]) -> Verdict {
    judge(&thing(part), Goal::Present, &report(answers))
}

fn kind(verdict: &Verdict) -> Option<FailureKind> {
    match verdict {
        Verdict::Failed(failure) => Some(failure.kind),
        _ => None,
    }
}

#[test]
fn an_answer_that_was_lost_is_told_again_by_a_look() {
    let Seen::Present(Facts::Target(looked)) = seen(WHOLE, &info("2.0 GiB", BOTH, "")) else {
        panic!("both hosts serve it")
    };
    let Verdict::Done(Facts::Target(told)) = made(WHOLE, &[MADE]) else {
        panic!("it is made")
    };
    assert_eq!(looked, told);
    assert_eq!(told.iqn, "iqn.2016-12.org.gluster-block:aa");
    assert_eq!(
        (told.username.as_str(), told.password.reveal()),
        ("aa", "hunter2")
    );
    assert_eq!(seen(WHOLE, GONE), Seen::Absent);
}

/// A volume that is made with its block volume may not be there yet, or not any more.
#[test]
fn nothing_is_on_a_hosting_volume_that_does_not_run() {
    let refused = r#"{ "RESULT": "FAIL", "errCode": 2, "errMsg": "Volume vol_test does not exist" }"#;
    let mut spec = common::block(WHOLE);
    let none = "<cliOutput><opRet>-1</opRet><opErrno>30806</opErrno><opErrstr>Volume vol_test does not exist</opErrstr></cliOutput>";
    let both = report(&[refused, none]);
    assert!(matches!(
        judge_look(&Thing::Block(spec.clone()), &both),
        Seen::Unknown(_)
    ));
    spec.with_hosting = true;
    assert_eq!(judge_look(&Thing::Block(spec.clone()), &both), Seen::Absent);
    let started = none.replace("-1", "0").replace(
        "<opErrstr>Volume vol_test does not exist</opErrstr>",
        "<opErrstr/><volInfo><volumes><volume><name>vol_test</name><statusStr>Started</statusStr></volume></volumes></volInfo>",
    );
    let running = report(&[refused, &started]);
    assert!(matches!(
        judge_look(&Thing::Block(spec.clone()), &running),
        Seen::Unknown(_)
    ));
    let stopped = report(&[refused, &started.replace("Started", "Stopped")]);
    assert_eq!(judge_look(&Thing::Block(spec), &stopped), Seen::Absent);
}

#[test]
fn what_is_half_there_is_taken_away_before_it_is_made() {
    let broken = r#", "ENCOUNTERED FAILURES ON": [ "node3" ]"#;
    for answer in [
        info("2.0 GiB", r#""node1""#, ""),
        info("2.0 GiB", BOTH, broken),
        info("2.0 GiB", BOTH, "").replace("hunter2", ""),
    ] {
        let half = seen(WHOLE, &answer);
        assert!(matches!(half, Seen::Partial(_)), "{answer}: {half:?}");
        let batch = resume(&thing(WHOLE), &Settings::default(), &half);
        let verbs: Vec<&str> = batch
            .items()
            .iter()
            .map(|item| item.command.arguments()[0].as_str())
            .collect();
        assert_eq!(verbs, ["delete", "create"]);
    }
    assert!(matches!(
        made(WHOLE, &[r#"{"RESULT":"SUCCESS"}"#, MADE]),
        Verdict::Done(_)
    ));
    assert_eq!(kind(&made(WHOLE, &[MADE, AWAY])), Some(FailureKind::Away));
}

#[test]
fn a_name_that_somebody_else_uses_is_never_touched() {
    assert_eq!(seen(NAME, GONE), Seen::Present(Facts::None));
    assert!(matches!(seen(NAME, &info("2.0 GiB", BOTH, "")), Seen::Foreign(_)));
    assert_eq!(made(NAME, &[GONE]), Verdict::Done(Facts::None));
    assert_eq!(
        kind(&made(NAME, &[&info("2.0 GiB", BOTH, "")])),
        Some(FailureKind::Refused)
    );
    let taken = r#"{ "RESULT": "FAIL", "errCode": 17, "errMsg": "BLOCK with name: 'disk' already EXIST\n" }"#;
    assert!(matches!(made(WHOLE, &[taken]), Verdict::Unknown(_)));
}

#[test]
fn a_size_is_settled_by_what_is_printed_or_by_asking_again() {
    let larger = |answer: &str| seen(SIZE, answer);
    assert_eq!(larger(&info("2.0 GiB", BOTH, "")), Seen::Present(Facts::None));
    assert_eq!(larger(&info("1.0 GiB", BOTH, "")), Seen::Absent);
    let behind = r#", "RESIZE FAILED ON": { "node3": "1.0 GiB" }"#;
    assert!(matches!(larger(&info("2.0 GiB", BOTH, behind)), Seen::Partial(_)));
    assert!(matches!(larger(GONE), Seen::Foreign(_)));
    // From 1 TiB on, what is printed tells one size from the next only by a tenth.
    let mut spec = common::block(BlockPart::Size {
        before: ByteSize::from_gib(2000),
    });
    spec.size = ByteSize::from_gib(2001);
    let unclear = judge_look(&Thing::Block(spec), &report(&[&info("2.0 TiB", BOTH, "")]));
    assert!(matches!(unclear, Seen::Partial(_)));
    let same = r#"{ "RESULT": "FAIL", "errCode": 255, "errMsg": "request size (2.0 GiB) is same as current size (2.0 GiB) ]" }"#;
    assert_eq!(made(SIZE, &[same]), Verdict::Done(Facts::None));
    let part = r#"{ "IQN": "iqn.2016-12.org.gluster-block:aa", "FAILED ON": [ "node3" ], "SUCCESSFUL ON": [ "node1" ], "RESULT": "FAIL" }"#;
    let Verdict::Failed(failure) = made(SIZE, &[part]) else {
        panic!("a part is not the whole")
    };
    assert!(failure.reason.contains("failed on node3"), "{}", failure.reason);
}

#[test]
fn what_is_gone_is_gone() {
    let unmade = |answer: &str| judge(&thing(WHOLE), Goal::Absent, &report(&[answer]));
    let removed = r#"{ "SUCCESSFUL ON": [ "node1", "node3" ], "RESULT": "SUCCESS" }"#;
    assert_eq!(unmade(removed), Verdict::Done(Facts::None));
    assert_eq!(unmade(GONE), Verdict::Done(Facts::None));
    assert_eq!(kind(&unmade(AWAY)), Some(FailureKind::Away));
    let volume = r#"{ "RESULT": "FAIL", "errCode": 2, "errMsg": "Volume vol_test does not exist" }"#;
    assert_eq!(kind(&unmade(volume)), Some(FailureKind::Refused));
}

/// Whatever went wrong, nobody reads a password in why.
#[test]
fn no_password_is_told() {
    let cut = MADE.trim_end_matches('}');
    let strange = MADE.replace("SUCCESS", "FAIL");
    for part in [NAME, WHOLE, SIZE] {
        for answer in [cut, strange.as_str(), &info("9.0 GiB", r#""node1""#, "")] {
            for text in [
                format!("{:?}", seen(part, answer)),
                format!("{:?}", made(part, &[answer])),
                format!("{:?}", judge(&thing(part), Goal::Absent, &report(&[answer]))),
            ] {
                assert!(!text.contains("hunter2"), "{text}");
            }
        }
    }
}

#[test]
fn a_node_without_gluster_block_is_passed_over() {
    let failed = |status, stderr: &str| Report {
        outcomes: vec![Outcome::Ran(Output {
            status,
            stdout: String::new(),
            stderr: stderr.into(),
        })],
        broken: None,
    };
    let missing = failed(127, "sh: 1: gluster-block: not found\n");
    let stopped = failed(
        1,
        "Connection failed. Please check if gluster-block daemon is operational.\n",
    );
    for report in [&missing, &stopped] {
        assert!(not_served(report) && !mortar_command::glusterd_down(report));
    }
    assert_eq!(
        kind(&judge(&thing(WHOLE), Goal::Present, &missing)),
        Some(FailureKind::Refused)
    );
    assert!(!not_served(&failed(255, "")));
}
