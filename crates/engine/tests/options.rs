//! Options of a volume that are changed later: they steer, are undone whole, and are told by every look.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use mortar_argv::Command;
use mortar_engine::{EngineError, OperationState, Outcome};
use mortar_model::{ByteSize, Durability, OptionName, VolumeName, VolumeOption, ZoneChecking};
use mortar_plan::{CreateVolume, OptionsChange};

use support::bed::{self, Bed, LIMIT};

async fn prepared() -> Bed {
    let bed = Bed::new(100);
    bed.make_pool().await;
    let mut request = CreateVolume::new(ByteSize::from_gib(2), Durability::Replicate(3));
    request.name = Some(VolumeName::new("data").unwrap());
    request.options = options(&[("performance.readdir-ahead", "off")]);
    let id = bed.engine.create_volume(request).await.unwrap();
    bed.done(id).await;
    bed
}

fn options(list: &[(&str, &str)]) -> Vec<VolumeOption> {
    let option = |(key, value): &(&str, &str)| VolumeOption::new(*key, *value).unwrap();
    list.iter().map(option).collect()
}

fn change(set: &[(&str, &str)], reset: &[&str]) -> OptionsChange {
    OptionsChange {
        set: options(set),
        reset: reset.iter().map(|name| OptionName::new(*name).unwrap()).collect(),
    }
}

async fn done(bed: &Bed, change: OptionsChange) {
    let id = bed.engine.set_options(bed.volume("data"), change).await.unwrap();
    bed.done(id).await;
    bed.assert_agreement("options are set");
}

/// Why the change came to nothing.
async fn undone(bed: &Bed, change: OptionsChange) -> String {
    let id = bed.engine.set_options(bed.volume("data"), change).await.unwrap();
    bed.engine.wait(id, LIMIT).await;
    match bed.engine.operation(id) {
        Some(OperationState::Ended(ended)) => match ended.outcome {
            Outcome::Failed { reason } => reason,
            outcome @ Outcome::Done { .. } => panic!("{outcome:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn recorded(bed: &Bed) -> Vec<String> {
    let id = bed.volume("data");
    bed.inventory(|inventory| {
        let options = &inventory.volume(id).unwrap().options;
        options.iter().map(ToString::to_string).collect()
    })
}

fn in_gluster(bed: &Bed) -> Vec<(String, String)> {
    bed.hosts
        .world(|world| world.volume("n1", "data").unwrap().options)
}

#[test]
fn options_are_set_and_given_back() {
    bed::run(async {
        let bed = prepared().await;
        done(
            &bed,
            change(&[("network.ping-timeout", "21")], &["performance.readdir-ahead"]),
        )
        .await;
        assert_eq!(recorded(&bed), ["network.ping-timeout 21"]);
        // Given back once more, and one that was never set.
        let again = change(
            &[("network.ping-timeout", "30")],
            &["performance.readdir-ahead", "performance.io-cache"],
        );
        done(&bed, again).await;
        assert_eq!(recorded(&bed), ["network.ping-timeout 30"]);
    });
}

/// GlusterFS refuses one of them: all stay as they were.
#[test]
fn what_glusterfs_refuses_changes_nothing() {
    bed::run(async {
        let bed = prepared().await;
        let before = in_gluster(&bed);
        for (wanted, words) in [
            (
                change(&[("network.ping-timeout", "21"), ("no.such-option", "1")], &[]),
                "option : no.such-option does not exist",
            ),
            (
                change(
                    &[("performance.io-cache", "maybe")],
                    &["performance.readdir-ahead"],
                ),
                "volume set: failed",
            ),
            (
                change(
                    &[("network.ping-timeout", "21")],
                    &["performance.readdir-ahead", "no.such-option"],
                ),
                "Option no.such-option does not exist",
            ),
        ] {
            let reason = undone(&bed, wanted).await;
            assert!(reason.contains(words), "{reason}");
            assert_eq!(in_gluster(&bed), before);
            assert_eq!(recorded(&bed), ["performance.readdir-ahead off"]);
            bed.assert_agreement("undone");
        }
    });
}

#[test]
fn an_option_that_is_not_to_be_changed_is_refused_by_name() {
    bed::run(async {
        let bed = prepared().await;
        let commands = bed.commands();
        for (wanted, words) in [
            (change(&[], &[]), "no option is named"),
            (
                change(&[("user.mortar.id", "7")], &[]),
                "user.mortar.id cannot be set",
            ),
            (
                change(&[], &["user.mortar.size"]),
                "user.mortar.size cannot be set",
            ),
            (
                change(&[("user.heketi.arbiter", "true")], &[]),
                "user.heketi.arbiter cannot be changed",
            ),
            (
                change(&[("storage.owner-gid", "7")], &[]),
                "storage.owner-gid cannot be changed",
            ),
            (
                change(&[("stat-prefetch", "off")], &[]),
                "performance.stat-prefetch",
            ),
            (change(&[], &["user.note"]), "user.note cannot be reset"),
            (change(&[("a.b", "1"), ("a.b", "2")], &[]), "a.b is named twice"),
            (change(&[("a.b", "1")], &["a.b"]), "a.b is named twice"),
            (
                change(&[("user.mortar.zone-checking", "maybe")], &[]),
                "is none or strict, not maybe",
            ),
            (
                change(&[("user.mortar.device-tag-match", "media")], &[]),
                "Invalid tag match rule",
            ),
        ] {
            let refused = bed.engine.set_options(bed.volume("data"), wanted).await;
            let refused = refused.unwrap_err();
            assert!(matches!(refused, EngineError::Refused(_)), "{refused}");
            assert!(refused.to_string().contains(words), "{refused}");
        }
        assert_eq!(bed.commands(), commands, "nobody was asked");
    });
}

/// What steers placement steers what comes later, and a rule that is given back is none.
#[test]
fn rules_for_placement_follow() {
    bed::run(async {
        let bed = prepared().await;
        let zones = |bed: &Bed| {
            let id = bed.volume("data");
            bed.inventory(|inventory| inventory.volume(id).unwrap().zone_checking)
        };
        assert_eq!(zones(&bed), ZoneChecking::None);
        let rules = [
            ("user.mortar.zone-checking", "strict"),
            ("user.mortar.device-tag-match", "media=disk"),
        ];
        done(&bed, change(&rules, &[])).await;
        assert_eq!(zones(&bed), ZoneChecking::Strict);
        let told = in_gluster(&bed);
        assert!(
            told.contains(&("user.mortar.zones".into(), "strict".into())),
            "{told:?}"
        );
        done(
            &bed,
            change(
                &[],
                &["user.mortar.zone-checking", "user.mortar.device-tag-match"],
            ),
        )
        .await;
        assert_eq!(zones(&bed), ZoneChecking::None);
        assert_eq!(recorded(&bed), ["performance.readdir-ahead off"]);
    });
}

/// An undone change sets back what a person set past Mortar, too.
#[test]
fn the_way_back_leads_to_what_was_there() {
    bed::run(async {
        let bed = prepared().await;
        let words = [
            "--mode=script",
            "volume",
            "set",
            "data",
            "performance.io-cache",
            "off",
        ];
        let set = Command::new("gluster").args(words);
        assert!(bed.hosts.world(|world| world.run_one("n1", &set)).success());
        let before = in_gluster(&bed);
        let wanted = change(&[("performance.io-cache", "on")], &["no.such-option"]);
        let reason = undone(&bed, wanted).await;
        assert!(reason.contains("no.such-option"), "{reason}");
        assert_eq!(in_gluster(&bed), before);
    });
}

#[test]
fn a_pool_that_says_nothing_is_named() {
    bed::run(async {
        let bed = prepared().await;
        bed.hosts
            .world(|world| ["n1", "n2", "n3"].map(|node| world.kill_node(node)));
        let wanted = change(&[("network.ping-timeout", "21")], &[]);
        let refused = bed
            .engine
            .set_options(bed.volume("data"), wanted)
            .await
            .unwrap_err();
        assert!(matches!(refused, EngineError::Node(_)), "{refused}");
        assert!(refused.to_string().contains("volume data"), "{refused}");
    });
}
