//! Options that are changed: what real GlusterFS answered, and what is made of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::changed_options;
use common::fixture::report;
use mortar_command::{judge, judge_look};
use mortar_model::VolumeOption;
use mortar_model::work::{ChangedOptionsSpec, Facts, FailureKind, Goal, Seen, Thing, Verdict};

const VERSION: &str = "gluster-10.3";

fn refused(verdict: &Verdict, words: &str) -> bool {
    matches!(verdict, Verdict::Failed(failure)
        if failure.kind == FailureKind::Refused && failure.reason.contains(words))
}

#[test]
fn what_glusterfs_refuses_is_told_in_its_words() {
    let thing = Thing::ChangedOptions(changed_options());
    let made = |names: &[&str]| judge(&thing, Goal::Present, &report(VERSION, names));
    assert_eq!(made(&["set", "reset"]), Verdict::Done(Facts::None));
    assert_eq!(made(&["set", "reset-again"]), Verdict::Done(Facts::None));
    for (answers, words) in [
        (
            vec!["set-unknown-option"],
            "option : no.such-option does not exist",
        ),
        (vec!["set-bad-value"], "volume set: failed: "),
        (
            vec!["set", "reset-unknown-option"],
            "Option no.such-option does not exist",
        ),
        (
            vec!["set", "reset-user"],
            "Option user.mortar.asked.1 does not exist",
        ),
        (vec!["set", "reset-missing"], "Volume vol_none does not exist"),
    ] {
        let verdict = made(&answers);
        assert!(refused(&verdict, words), "{answers:?}: {verdict:?}");
    }
}

/// What GlusterFS does not know as an option was never set: that is no reason to wait for anybody.
#[test]
fn an_option_that_there_is_not_needs_no_way_back() {
    let mut spec = changed_options();
    spec.set.push(VolumeOption::new("no.such-option", "1").unwrap());
    let unmade = |spec: &ChangedOptionsSpec, names: &[&str]| {
        judge(
            &Thing::ChangedOptions(spec.clone()),
            Goal::Absent,
            &report(VERSION, names),
        )
    };
    assert_eq!(
        unmade(&spec, &["set", "reset", "reset-unknown-option"]),
        Verdict::Done(Facts::None)
    );
    let other = unmade(&changed_options(), &["set", "reset-unknown-option"]);
    assert!(refused(&other, "does not exist"), "{other:?}");
}

/// The recorded volume has `performance.readdir-ahead` off, and its own `nfs.disable` on.
#[test]
fn a_look_tells_before_from_after() {
    let look = |spec: &ChangedOptionsSpec| {
        judge_look(
            &Thing::ChangedOptions(spec.clone()),
            &report(VERSION, &["volume-info"]),
        )
    };
    let option = |key: &str, value: &str| VolumeOption::new(key, value).unwrap();
    let mut spec = ChangedOptionsSpec {
        set: vec![option("performance.io-cache", "off")],
        reset: Vec::new(),
        back: Vec::new(),
        ..changed_options()
    };
    assert_eq!(look(&spec), Seen::Absent);
    spec.set.push(option("performance.readdir-ahead", "off"));
    spec.back.push(option("performance.readdir-ahead", "on"));
    assert!(matches!(look(&spec), Seen::Partial(_)));
    spec.set.remove(0);
    assert_eq!(look(&spec), Seen::Present(Facts::None));
    // A value that GlusterFS writes down by itself may be its own again: it is given back once more.
    let given = ChangedOptionsSpec {
        set: Vec::new(),
        reset: vec![mortar_model::OptionName::new("nfs.disable").unwrap()],
        back: vec![option("nfs.disable", "on")],
        ..spec.clone()
    };
    assert_eq!(look(&given), Seen::Absent);
    spec.volume = mortar_model::VolumeId::from_u128(1);
    assert!(matches!(look(&spec), Seen::Foreign(_)));
    let missing = report(VERSION, &["volume-info-missing"]);
    assert!(matches!(
        judge_look(&Thing::ChangedOptions(spec), &missing),
        Seen::Foreign(_)
    ));
}
