//! What LVM and XFS answered when bricks and disks grew.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::fixture::{LVM, answer, report};
use common::{brick, device_size, directory, disk, growth, larger, output, thin};
use mortar_argv::{Outcome, Report};
use mortar_command::{judge, judge_look};
use mortar_model::work::{Facts, FailureKind, Goal, GrowthPart, Seen, Thing, Verdict};
use mortar_model::{BrickSpace, ByteSize};

/// Where device-mapper was.
const DM: &str = "lvm-2.03.31";

/// The brick as it was recorded: 2 GiB in a pool with 12 MiB of metadata.
fn grown(part: GrowthPart) -> Thing {
    let Thing::Growth(mut spec) = growth(part, brick(disk(), larger(), 0)) else {
        unreachable!()
    };
    spec.brick.size = ByteSize::from_gib(2);
    spec.brick.space = BrickSpace::ThinPool {
        pool: ByteSize::from_gib(2),
        metadata: ByteSize::from_mib(12),
    };
    spec.space_before = thin();
    Thing::Growth(spec)
}

fn made(names: &[&str]) -> Verdict {
    judge(&grown(GrowthPart::Space), Goal::Present, &report(DM, names))
}

fn kind(verdict: &Verdict) -> Option<FailureKind> {
    match verdict {
        Verdict::Failed(failure) => Some(failure.kind),
        _ => None,
    }
}

#[test]
fn a_size_that_it_has_already_is_no_failure() {
    let done = Verdict::Done(Facts::None);
    for pool in ["lvextend", "lvextend-again", "lvextend-smaller"] {
        for metadata in [
            "lvextend-metadata",
            "lvextend-metadata-again",
            "lvextend-metadata-smaller",
        ] {
            let names = [metadata, pool, "lvremove-spare", "lvextend-volume"];
            assert_eq!(made(&names), done, "{names:?}");
        }
    }
    // A spare that is not there need not be removed.
    let names = [
        "lvextend-metadata",
        "lvextend",
        "lvremove-no-spare",
        "lvextend-volume",
    ];
    assert_eq!(made(&names), done);
    assert_eq!(
        made(&["lvextend-both", "lvremove-spare", "lvextend-volume"]),
        done
    );
    assert_eq!(
        made(&[
            "lvextend-both-metadata-there",
            "lvremove-no-spare",
            "lvextend-again"
        ]),
        done
    );
    // As LVM 2.03.16 says it.
    let mut older = report(DM, &["lvextend-metadata", "lvextend", "lvremove-spare"]);
    let words = "  New size (512 extents) matches existing size (512 extents).\n";
    older.outcomes.push(output(5, "", words));
    assert_eq!(
        judge(&grown(GrowthPart::Space), Goal::Present, &older),
        done,
        "{words}"
    );
}

/// Asked for both parts of a pool, LVM may leave one as it is when the other has its size.
#[test]
fn a_pool_of_which_a_part_has_its_size_is_looked_at() {
    for both in [
        "lvextend-both-again",
        "lvextend-both-data-there",
        "lvextend-both-smaller",
    ] {
        let verdict = made(&[both, "lvremove-spare", "lvextend-volume"]);
        assert!(matches!(verdict, Verdict::Unknown(_)), "{both}: {verdict:?}");
    }
    let verdict = made(&["lvextend-both-no-space", "lvremove-spare", "lvextend-volume"]);
    assert_eq!(kind(&verdict), Some(FailureKind::NoSpace));
}

/// Of a pool that grows alone, the volume in it counts for nothing.
#[test]
fn a_pool_grows_without_its_brick() {
    let done = Verdict::Done(Facts::None);
    let thing = grown(GrowthPart::Pool);
    let made = |names: &[&str]| judge(&thing, Goal::Present, &report(DM, names));
    assert_eq!(made(&["lvextend-both", "lvremove-spare"]), done);
    assert_eq!(made(&["lvextend-metadata", "lvextend", "lvremove-spare"]), done);
    let verdict = made(&["lvextend-both-data-there", "lvremove-spare"]);
    assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict:?}");
    let verdict = made(&["lvextend-both-no-space", "lvremove-spare"]);
    assert_eq!(kind(&verdict), Some(FailureKind::NoSpace));
    let Thing::Growth(mut spec) = thing.clone() else {
        unreachable!()
    };
    // Larger than the volume is recorded.
    spec.brick.size = ByteSize::from_gib(9);
    let look = |names: [&str; 2]| judge_look(&Thing::Growth(spec.clone()), &report(DM, &names));
    for names in [["lvs-grown", "lvs-no-spare"], ["lvs-half-grown", "lvs-no-spare"]] {
        assert_eq!(look(names), Seen::Present(Facts::None), "{names:?}");
    }
    let seen = look(["lvs-grown", "lvs-spare"]);
    assert!(matches!(seen, Seen::Partial(_)), "{seen:?}");
}

#[test]
fn a_brick_has_the_room_that_its_group_has() {
    let room = |mount: &str, gib: u64| {
        let Thing::Growth(mut spec) = grown(GrowthPart::Room) else {
            unreachable!()
        };
        spec.brick.space = BrickSpace::ThinPool {
            pool: ByteSize::from_gib(gib),
            metadata: ByteSize::from_mib(12),
        };
        judge_look(&Thing::Growth(spec), &report(DM, &[mount, "lvs-room"]))
    };
    // The pool has 1 GiB already, and 20,388,511,744 bytes are free.
    assert_eq!(room("findmnt", 19), Seen::Present(Facts::None));
    for (mount, gib, why) in [
        ("findmnt", 20, "and 19 GiB are needed"),
        ("findmnt-nothing", 2, "is not mounted"),
    ] {
        let seen = room(mount, gib);
        assert!(
            matches!(&seen, Seen::Foreign(text) if text.contains(why)),
            "{seen:?}"
        );
    }
}

#[test]
fn what_is_not_so_is_told() {
    let with = |failed| made(&["lvextend-metadata", failed, "lvremove-spare", "lvextend-volume"]);
    assert_eq!(kind(&with("lvextend-no-space")), Some(FailureKind::NoSpace));
    assert_eq!(kind(&with("lvextend-no-group")), Some(FailureKind::Refused));
    assert_eq!(kind(&with("lvextend-no-volume")), Some(FailureKind::Refused));
}

#[test]
fn a_spare_beside_it_is_to_be_removed() {
    let thing = grown(GrowthPart::Space);
    let look = |names: [&str; 2]| judge_look(&thing, &report(DM, &names));
    assert_eq!(look(["lvs-grown", "lvs-no-spare"]), Seen::Present(Facts::None));
    for names in [["lvs-grown", "lvs-spare"], ["lvs-half-grown", "lvs-no-spare"]] {
        assert!(matches!(look(names), Seen::Partial(_)), "{names:?}");
    }
}

#[test]
fn a_file_system_tells_its_size() {
    for version in LVM {
        let (thing, mounted) = match version {
            DM => (
                grown(GrowthPart::FileSystem),
                vec![output(0, "", ""), answer(version, "xfs-growfs")],
            ),
            _ => (
                growth(GrowthPart::FileSystem, brick(directory(), BrickSpace::Image, 0)),
                vec![
                    output(0, "", ""),
                    output(0, "", ""),
                    answer(version, "xfs-growfs"),
                ],
            ),
        };
        let Thing::Growth(mut spec) = thing else {
            unreachable!()
        };
        spec.brick.size = ByteSize::from_gib(2);
        let judged = |spec, last: &str, outcomes: &[Outcome]| {
            let mut outcomes = outcomes.to_vec();
            outcomes.push(output(0, "", ""));
            outcomes.push(answer(version, last));
            let report = Report {
                outcomes,
                broken: None,
            };
            judge(&Thing::Growth(spec), Goal::Present, &report)
        };
        assert_eq!(
            judged(spec.clone(), "xfs-size", &mounted),
            Verdict::Done(Facts::None)
        );
        assert_eq!(
            kind(&judged(spec.clone(), "xfs-size-before", &mounted)),
            Some(FailureKind::Refused)
        );
        let gone = judged(spec.clone(), "xfs-growfs-not-mounted", &mounted);
        assert!(matches!(gone, Verdict::Failed(_)), "{gone:?}");
        // Less than 64 blocks at the end are left unused.
        spec.brick.size = ByteSize::from_bytes((2 << 30) + (255 << 10));
        assert!(matches!(
            judged(spec.clone(), "xfs-size", &mounted),
            Verdict::Done(_)
        ));
        spec.brick.size = ByteSize::from_bytes((2 << 30) + (256 << 10));
        assert!(matches!(judged(spec, "xfs-size", &mounted), Verdict::Failed(_)));
    }
}

#[test]
fn a_disk_that_grew_is_measured() {
    let thing = device_size(disk());
    let judged = |before: Vec<Outcome>, least: u64| {
        let Thing::DeviceSize(mut spec) = thing.clone() else {
            unreachable!()
        };
        spec.least = ByteSize::from_mib(least);
        let mut outcomes = before;
        outcomes.push(answer(DM, "pvs"));
        outcomes.push(output(0, "disk/by-id/x\n", ""));
        let report = Report {
            outcomes,
            broken: None,
        };
        judge(&Thing::DeviceSize(spec), Goal::Present, &report)
    };
    let resized = || vec![answer(DM, "blkid-pv"), answer(DM, "pvresize")];
    let Verdict::Done(Facts::Device(facts)) = judged(resized(), 2000) else {
        panic!()
    };
    assert_eq!(facts.total, ByteSize::from_mib(3072 - 132));
    let small = judged(resized(), 3000);
    assert!(
        matches!(&small, Verdict::Failed(failure) if failure.reason.contains("its bricks take")),
        "{small:?}"
    );
    let in_use = judged(vec![answer(DM, "blkid-pv"), answer(DM, "pvresize-in-use")], 2000);
    assert!(
        matches!(&in_use, Verdict::Failed(failure) if failure.reason.contains("cannot resize")),
        "{in_use:?}"
    );
    let other = judged(vec![answer(DM, "blkid-no-pv"), Outcome::NotRun], 2000);
    assert!(
        matches!(&other, Verdict::Failed(failure) if failure.reason.contains("does not say that it is device")),
        "{other:?}"
    );
}

/// Free space and what images take are asked one after the other: a brick that came or went between them is in neither, or in both.
#[test]
fn a_directory_is_measured_while_nothing_of_it_changes() {
    let thing = device_size(directory());
    let measured = |before: u64, after: u64| {
        let images = |bytes: u64| output(0, &format!("{bytes}\t/disks/one/mortar-bricks\n"), "");
        let free = "   1B-blocks        Avail Type\n107374182400 10737418240 xfs\n";
        let outcomes = vec![
            output(0, "", ""),
            images(before),
            output(0, free, ""),
            images(after),
        ];
        let report = Report {
            outcomes,
            broken: None,
        };
        judge(&thing, Goal::Present, &report)
    };
    let Verdict::Done(Facts::Device(facts)) = measured(1 << 30, 1 << 30) else {
        panic!()
    };
    assert_eq!(facts.total, ByteSize::from_gib(11));
    // Copies share space with their origins.
    let Verdict::Done(Facts::Device(facts)) = measured(200 << 30, 200 << 30) else {
        panic!()
    };
    assert_eq!(facts.total, ByteSize::from_gib(100));
    for (before, after) in [(1 << 30, 2 << 30), (2 << 30, 1 << 30)] {
        let verdict = measured(before, after);
        assert!(
            matches!(&verdict, Verdict::Unknown(why) if why.contains("made or removed meanwhile")),
            "{verdict:?}"
        );
    }
}
