//! What `gluster-block --json` answers, and what is made of it. The answers are those that its source prints (version 0.5): it is in
//! no distribution that this was tried on.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use mortar_argv::{Outcome, Output, Report};
use mortar_command::query::block_volumes;
use mortar_command::{Settings, judge, judge_look, not_served, resume};
use mortar_model::work::{BlockPart, Facts, FailureKind, Goal, Seen, Thing, Verdict};
use mortar_model::{ByteSize, VolumeName};

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
                format!("{:?}", seen(part.clone(), answer)),
                format!("{:?}", made(part.clone(), &[answer])),
                format!(
                    "{:?}",
                    judge(&thing(part.clone()), Goal::Absent, &report(&[answer]))
                ),
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

/// What `replace` answers, read off its source (`rpc/block_replace.c`).
#[test]
fn a_host_that_gave_its_place_is_told_by_who_serves() {
    let host = |name: &str| mortar_model::HostName::new(name).unwrap();
    let part = || BlockPart::Host {
        old: host("node2"),
        new: host("node3"),
        dead: false,
    };
    let serve = |hosts: &str, more: &str| seen(part(), &info("2.0 GiB", hosts, more));
    assert_eq!(serve(BOTH, ""), Seen::Present(Facts::None));
    assert_eq!(serve(r#""node1", "node2""#, ""), Seen::Absent);
    for (hosts, more) in [
        (r#""node1", "node2", "node3""#, ""),
        (r#""node1""#, ""),
        (BOTH, r#", "ENCOUNTERED FAILURES ON": [ "node3" ]"#),
    ] {
        assert!(matches!(serve(hosts, more), Seen::Partial(_)), "{hosts} {more}");
    }
    assert!(matches!(seen(part(), GONE), Seen::Foreign(_)));

    let done = r#"{ "NAME": "disk", "CREATE SUCCESS": "node3", "DELETE SUCCESS": "node2", "REPLACE PORTAL SUCCESS ON": [ "node1" ], "RESULT": "SUCCESS" }"#;
    let before = r#"{ "NAME": "disk", "RESULT": "SKIPPED" }"#;
    for answer in [done, before] {
        assert_eq!(made(part(), &[answer]), Verdict::Done(Facts::None), "{answer}");
    }
    let unknown = r#"{ "RESULT": "FAIL", "errCode": 255, "errMsg": "block 'disk' is not configured on node 'node2' for volume 'vol_test'" }"#;
    let half = r#"{ "NAME": "disk", "CREATE FAILED": "node3", "DELETE SUCCESS": "node2", "REPLACE PORTAL SUCCESS ON": [ "node1" ], "RESULT": "FAIL" }"#;
    for answer in [unknown, half] {
        assert_eq!(
            kind(&made(part(), &[answer])),
            Some(FailureKind::Refused),
            "{answer}"
        );
    }
    assert_eq!(kind(&made(part(), &[AWAY])), Some(FailureKind::Away));
}

/// What `list` answers, read off its source (`rpc/block_list.c`), and what `info` tells of each.
#[test]
fn what_a_volume_holds_is_read_name_by_name() {
    let listed = |answer: &str| block_volumes::read(&report(&[answer]));
    let names = listed(r#"{ "blocks": [ "disk", "b-2" ], "RESULT": "SUCCESS" }"#).unwrap();
    assert_eq!(names, ["b-2", "disk"]);
    assert_eq!(
        listed(r#"{ "blocks": [ ], "RESULT": "SUCCESS" }"#).unwrap(),
        [] as [&str; 0]
    );
    let refused = r#"{ "RESULT": "FAIL", "errCode": 19, "errMsg": "Not able to Initialize volume v [Transport endpoint is not connected]" }"#;
    let why = listed(refused).unwrap_err().to_string();
    assert!(why.contains("Transport endpoint"), "{why}");
    for answer in ["", "gluster-block", r#"{ "RESULT": "SUCCESS" }"#] {
        assert!(listed(answer).is_err(), "{answer}");
    }

    let name = |name: &str| VolumeName::new(name).unwrap();
    let names = [name("disk"), name("gone"), name("odd")];
    let told = info("2.0 GiB", BOTH, r#", "RESIZE FAILED ON": { "node3": "1.0 GiB" }"#);
    let seen = block_volumes::read_each(&names, &report(&[&told, GONE, "hunter2"]));
    let [disk, odd] = &seen[..] else {
        panic!("{seen:?}")
    };
    let told = disk.told.as_ref().unwrap();
    assert_eq!((told.size.as_str(), told.ha, told.hosts.len()), ("2.0 GiB", 2, 2));
    assert_eq!(
        (&told.smaller[..], told.target.iqn.ends_with(":aa")),
        (&["node3".to_owned()][..], true)
    );
    assert!(odd.told.is_err() && !format!("{seen:?}").contains("hunter2"));
    let argv = block_volumes::ask_each(&Settings::default(), &name("vol_test"), &names[..1]);
    assert_eq!(
        argv.items()[0].command.arguments(),
        ["info", "vol_test/disk", "--json"]
    );
}
