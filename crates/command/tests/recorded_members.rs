//! What real nodes answered whose glusterd differed from the others, was rejected by them, could not read a record, or did
//! not answer.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::fixture::{answer, report};
use common::{member, output};
use mortar_argv::{Outcome, Report};
use mortar_command::query::{glusterd_process, record, records};
use mortar_command::{Settings, judge, judge_look};
use mortar_model::VolumeName;
use mortar_model::work::{Facts, FailureKind, Goal, Seen, Starter, Thing, Verdict};

const RECORDED: &str = "gluster-10.3";

fn name(name: &str) -> VolumeName {
    VolumeName::new(name).unwrap()
}

fn read(names: &[&str]) -> Report {
    report(RECORDED, names)
}

fn started() -> Starter {
    Starter::Command(
        ["glusterd", "-p", "/run/glusterd.pid"]
            .map(str::to_owned)
            .to_vec(),
    )
}

#[test]
fn records_are_told_by_their_checksums() {
    let said = records::read(&read(&["records", "pool"])).unwrap();
    let expected = [("vol_more", "598227669"), ("vol_test", "1134821546")];
    let expected = expected.map(|(volume, sum)| (name(volume), sum.to_owned()));
    assert_eq!(said.into_iter().collect::<Vec<_>>(), expected);
    let other = records::read(&read(&["records-rejected", "pool-rejected"])).unwrap();
    assert_eq!(other.get(&name("vol_test")).unwrap(), "4222659794");
    assert!(
        records::read(&read(&["records-none", "pool"]))
            .unwrap()
            .is_empty()
    );
    let broken = Report::not_run(2, "no route");
    assert!(records::read(&broken).is_err());
    let failed = Report {
        outcomes: vec![output(2, "", "grep: /var/lib/glusterd/vols: Permission denied\n")],
        broken: None,
    };
    assert!(records::read(&failed).is_err());
}

#[test]
fn members_that_reject_each_other_are_no_members_to_each_other() {
    let members = records::read_pool(&read(&["records-rejected", "pool-rejected"])).unwrap();
    let settled: Vec<bool> = members.iter().map(|member| member.settled).collect();
    assert_eq!(settled, [false, false, true]);
    assert!(members.iter().all(|member| member.connected));
    let members = records::read_pool(&read(&["records", "pool-rejects-one"])).unwrap();
    let rejected: Vec<_> = members.iter().filter(|member| !member.settled).collect();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].state, "Peer Rejected");
}

#[test]
fn one_that_is_down_and_one_that_hangs_are_told_apart() {
    let down = read(&["records", "pool-down"]);
    let hangs = read(&["records", "pool-hangs"]);
    let well = read(&["records", "pool"]);
    let told = |report: &Report| (records::is_down(report), records::hangs(report));
    assert_eq!(told(&down), (true, false));
    assert_eq!(told(&hangs), (false, true));
    assert_eq!(told(&well), (false, false));
    // What it has on disk is known all the same.
    assert_eq!(records::read(&hangs).unwrap().len(), 2);
    assert!(records::read_pool(&hangs).is_err() && records::read_pool(&down).is_err());
}

#[test]
fn a_record_tells_version_id_and_bricks_and_nothing_secret() {
    let names = [name("vol_test"), name("vol_gone")];
    let all = record::read(&read(&["record", "record-missing"]), &names).unwrap();
    assert_eq!(all.len(), 1);
    let found = &all[&names[0]];
    assert_eq!((found.version, found.bricks.len()), (3, 3));
    assert_eq!(found.id, common::VOLUME.to_string());
    assert!(found.bricks[0].ends_with(":-bricks-v"));
    let Outcome::Ran(text) = answer(RECORDED, "record") else {
        panic!("it ran")
    };
    assert!(!text.stdout.contains("password"));
}

#[test]
fn how_glusterd_was_started_and_why_it_does_not_start() {
    let settings = Settings::default();
    let process = |pid: &str, log: Outcome| {
        let outcomes = vec![output(1, "", ""), Outcome::Skipped, answer(RECORDED, pid), log];
        let report = Report {
            outcomes,
            broken: None,
        };
        glusterd_process::read(&report).unwrap()
    };
    let torn = process("glusterd-pid", answer(RECORDED, "glusterd-log-unreadable"));
    assert_eq!(torn.unreadable, Some(name("vol_more")));
    assert!(torn.died && !torn.by_systemd);
    let command = read(&["glusterd-command"]);
    assert_eq!(
        glusterd_process::starter(&torn, Some(&command), &settings),
        started()
    );
    assert_eq!(glusterd_process::starter(&torn, None, &settings), started());
    // A process id that was given to another program since.
    let other = Report {
        outcomes: vec![output(0, "sshd\0-D\0", "")],
        broken: None,
    };
    assert_eq!(
        glusterd_process::starter(&torn, Some(&other), &settings),
        started()
    );

    let line = |words: &str| {
        output(
            0,
            &format!("[2026-11-25 15:53:31] W [glusterfsd.c] 0-: {words}\n"),
            "",
        )
    };
    assert!(!process("glusterd-pid", line("received signum (15), shutting down")).died);
    assert!(process("glusterd-pid", line("anything else")).died);
    let begun = "received signum (15), shutting down\n[2026] I [glusterfsd.c] 0-glusterd: Started running version [10.3]";
    assert!(process("glusterd-pid", line(begun)).died);

    let outcomes = vec![
        output(0, "", ""),
        output(1, "", ""),
        answer(RECORDED, "glusterd-pid"),
        output(0, "", ""),
    ];
    let by_systemd = glusterd_process::read(&Report {
        outcomes,
        broken: None,
    })
    .unwrap();
    assert!(by_systemd.by_systemd && !by_systemd.died);
    assert_eq!(
        glusterd_process::starter(&by_systemd, None, &settings),
        Starter::Systemd
    );
}

#[test]
fn a_member_agrees_when_it_says_something_else_than_before() {
    let thing = Thing::Member(member(started()));
    let look = |marks: [i32; 2], names: [&str; 2]| {
        let mut report = read(&names);
        report
            .outcomes
            .splice(0..0, marks.map(|status| output(status, "", "")));
        judge_look(&thing, &report)
    };
    assert_eq!(look([1, 1], ["records-rejected", "pool-rejected"]), Seen::Absent);
    assert!(matches!(
        look([1, 0], ["records-rejected", "pool-down"]),
        Seen::Partial(_)
    ));
    // What it lacked may be gone everywhere since.
    assert_eq!(look([0, 0], ["records-none", "pool"]), Seen::Present(Facts::None));
    // Its glusterd has started and met nobody yet.
    let mut lonely = read(&["records", "pool"]);
    let Outcome::Ran(pool) = &mut lonely.outcomes[1] else {
        panic!("it ran")
    };
    pool.stdout = pool.stdout.replacen("<connected>1<", "<connected>0<", 2);
    lonely
        .outcomes
        .splice(0..0, [0, 0].map(|status| output(status, "", "")));
    assert!(matches!(judge_look(&thing, &lonely), Seen::Partial(_)));
    assert!(matches!(
        look([0, 0], ["records", "pool-rejects-one"]),
        Seen::Partial(_)
    ));
    assert_eq!(look([0, 0], ["records", "pool"]), Seen::Present(Facts::None));
    // It came to agree by itself.
    assert_eq!(look([1, 1], ["records", "pool"]), Seen::Present(Facts::None));
    let mut anew = member(started());
    anew.anew = true;
    let mut report = read(&["records", "pool"]);
    report
        .outcomes
        .splice(0..0, [1, 1].map(|status| output(status, "", "")));
    assert_eq!(judge_look(&Thing::Member(anew), &report), Seen::Absent);
}

#[test]
fn what_a_restart_comes_to() {
    let thing = Thing::Member(member(started()));
    let ok = || output(0, "", "");
    let made = |start: Outcome, rest: [&str; 2]| {
        // No mark; folder; old folders; end (none runs); record moved; start; mark; then a look.
        let mut outcomes = vec![
            ok(),
            ok(),
            ok(),
            answer(RECORDED, "glusterd-pkill-again"),
            ok(),
            start,
        ];
        if matches!(&outcomes[5], Outcome::Ran(output) if output.success()) {
            outcomes.extend([ok(), ok(), ok()]);
            outcomes.extend(rest.map(|name| answer(RECORDED, name)));
        } else {
            outcomes.extend(std::iter::repeat_n(Outcome::NotRun, 5));
        }
        judge(
            &thing,
            Goal::Present,
            &Report {
                outcomes,
                broken: None,
            },
        )
    };
    let begun = || answer(RECORDED, "glusterd-start");
    assert_eq!(made(begun(), ["records", "pool"]), Verdict::Done(Facts::None));
    let kind = |verdict: Verdict| match verdict {
        Verdict::Failed(failure) => failure.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        kind(made(begun(), ["records", "pool-rejects-one"])),
        FailureKind::Busy
    );

    let refused = made(answer(RECORDED, "glusterd-start-again"), ["records", "pool"]);
    assert_eq!(kind(refused), FailureKind::Refused);
    // It was done before: only the look that follows tells.
    let again = Report {
        outcomes: std::iter::once(output(1, "", ""))
            .chain(std::iter::repeat_n(Outcome::NotRun, 10))
            .collect(),
        broken: None,
    };
    assert_eq!(kind(judge(&thing, Goal::Present, &again)), FailureKind::Busy);
    let unmade = |status| {
        judge(
            &thing,
            Goal::Absent,
            &Report {
                outcomes: vec![output(status, "", "")],
                broken: None,
            },
        )
    };
    assert_eq!(unmade(0), Verdict::Done(Facts::None));
    assert_eq!(unmade(1), Verdict::Done(Facts::None));
    let lost = judge(&thing, Goal::Absent, &Report::not_run(1, "no route"));
    assert_eq!(kind(lost), FailureKind::Unreached);
}
