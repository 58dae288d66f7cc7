//! What real disks look like, through LVM and util-linux of Debian 12 and 13.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::fixture::{LVM, answer, report};
use common::{BRICK, DEVICE, brick, device, output, thin};
use mortar_argv::{Outcome, Report};
use mortar_command::query::{brick_state, device_usage};
use mortar_command::{judge, judge_look};
use mortar_model::work::{DeviceFacts, Facts, FailureKind, Goal, Seen, Thing, Verdict};
use mortar_model::{ByteSize, DeviceId, DevicePath, layout};

/// The disk of the recordings.
fn path(version: &str) -> DevicePath {
    DevicePath::new(if version == "lvm-2.03.16" {
        "/dev/loop7"
    } else {
        "/dev/ubdb"
    })
    .unwrap()
}

fn look(version: &str, destroy: bool, names: [&str; 3]) -> Seen {
    let mut report = report(version, &names);
    report
        .outcomes
        .push(output(0, "disk/by-id/x disk/by-path/y\n", ""));
    judge_look(&device(path(version), destroy), &report)
}

fn foreign(seen: &Seen) -> &str {
    match seen {
        Seen::Foreign(text) => text,
        seen => panic!("{seen:?}"),
    }
}

/// 3 GiB less what LVM takes.
const TOTAL: ByteSize = ByteSize::from_mib(3072 - 132);

fn facts(version: &str) -> DeviceFacts {
    DeviceFacts {
        total: TOTAL,
        extent: ByteSize::from_mib(4),
        uuid: layout::physical_volume_uuid(DEVICE),
        paths: vec![
            path(version).to_string(),
            "/dev/disk/by-id/x".into(),
            "/dev/disk/by-path/y".into(),
        ],
    }
}

#[test]
fn a_bare_disk_may_be_made_and_is_then_present() {
    for version in LVM {
        for destroy in [false, true] {
            assert_eq!(
                look(version, destroy, ["lsblk-bare", "wipefs-list-bare", "pvs-bare"]),
                Seen::Absent
            );
            assert_eq!(
                look(version, destroy, ["lsblk-pv", "wipefs-list-pv", "pvs"]),
                Seen::Present(Facts::Device(facts(version)))
            );
            let half = look(version, destroy, ["lsblk-pv", "wipefs-list-pv", "pvs-no-group"]);
            assert!(matches!(half, Seen::Partial(_)), "{half:?}");
        }
    }
}

/// The same disk under another path, or in another pool: its bricks are somebody's data, whatever the request says.
#[test]
fn a_disk_that_is_a_device_already_is_never_wiped() {
    for version in LVM {
        for destroy in [false, true] {
            let mut other = device(path(version), destroy);
            if let Thing::Device(spec) = &mut other {
                spec.device = DeviceId::from_u128(7);
            }
            let mut report = report(version, &["lsblk-pv", "wipefs-list-pv", "pvs"]);
            report.outcomes.push(output(0, "", ""));
            let seen = judge_look(&other, &report);
            assert!(
                foreign(&seen).contains("not even destroydata wipes it")
                    && foreign(&seen).contains("vgremove vg_")
                    && foreign(&seen).contains("pvremove /dev/"),
                "{seen:?}"
            );
        }
    }
}

#[test]
fn what_holds_data_is_refused_with_the_way_on() {
    for version in LVM {
        let looks = |names| (look(version, false, names), look(version, true, names));
        let (kept, destroyed) = looks(["lsblk-xfs", "wipefs-list-xfs", "pvs-bare"]);
        assert!(
            foreign(&kept).contains("holds a file system (xfs); add it with destroydata"),
            "{kept:?}"
        );
        assert_eq!(destroyed, Seen::Absent);
        for destroy in [false, true] {
            let mounted = look(
                version,
                destroy,
                ["lsblk-mounted", "wipefs-list-mounted", "pvs-bare"],
            );
            assert!(foreign(&mounted).contains("is mounted at /mnt"), "{mounted:?}");
            let missing = look(
                version,
                destroy,
                ["lsblk-missing", "wipefs-list-missing", "pvs-missing"],
            );
            assert!(
                foreign(&missing).contains("not a block device of this node"),
                "{missing:?}"
            );
        }
    }
    // What LVM leaves out is not even wiped on demand.
    for destroy in [false, true] {
        let filtered = look(
            "lvm-2.03.16",
            destroy,
            ["lsblk-bare", "wipefs-list-bare", "pvs-filtered"],
        );
        assert!(
            foreign(&filtered).contains("(device is rejected by filter config): let the lines 'filter'"),
            "{filtered:?}"
        );
    }
    let version = "lvm-2.03.31";
    let partitions = look(
        version,
        false,
        ["lsblk-partitions", "wipefs-list-partitions", "pvs-bare"],
    );
    assert!(
        foreign(&partitions).contains("has 2 partitions"),
        "{partitions:?}"
    );
    assert_eq!(
        look(
            version,
            true,
            ["lsblk-partitions", "wipefs-list-partitions", "pvs-bare"]
        ),
        Seen::Absent
    );
    let table = look(
        version,
        false,
        ["lsblk-empty-table", "wipefs-list-empty-table", "pvs-bare"],
    );
    assert!(
        foreign(&table).contains("holds a partition table (gpt)"),
        "{table:?}"
    );
    let swap = look(
        "lvm-2.03.16",
        false,
        ["lsblk-swap-signature", "wipefs-list-swap-signature", "pvs-bare"],
    );
    assert!(foreign(&swap).contains("holds swap space"), "{swap:?}");
    for destroy in [false, true] {
        let swap = look(version, destroy, ["lsblk-swap", "wipefs-list-swap", "pvs-bare"]);
        assert!(foreign(&swap).contains("is swap space"), "{swap:?}");
        // Volumes of another group are active on it.
        let Thing::Device(mut spec) = device(path(version), destroy) else {
            unreachable!()
        };
        spec.device = DeviceId::from_u128(7);
        let mut report = report(version, &["lsblk-in-use", "wipefs-list-in-use", "pvs"]);
        report.outcomes.push(answer(version, "udevadm"));
        let used = judge_look(&Thing::Device(spec), &report);
        assert!(foreign(&used).contains("in use"), "{used:?}");
    }
}

/// Hidden by LVM's devices file, say: it may be anybody's.
#[test]
fn a_physical_volume_that_lvm_does_not_show_is_not_wiped() {
    for version in LVM {
        for destroy in [false, true] {
            let seen = look(version, destroy, ["lsblk-pv", "wipefs-list-pv", "pvs-bare"]);
            assert!(foreign(&seen).contains("lvmdevices --adddev"), "{seen:?}");
        }
    }
}

/// A bare disk that is in no devices file: `pvcreate` enters it there.
#[test]
fn the_devices_file_stands_in_nobodys_way() {
    let words = "  Cannot use /dev/ubdb: device is not in devices file";
    let mut report = report("lvm-2.03.31", &["lsblk-bare", "wipefs-list-bare"]);
    report
        .outcomes
        .push(output(5, r#"{"report":[{"pv":[]}]}"#, words));
    report.outcomes.push(output(0, "", ""));
    assert_eq!(
        judge_look(&device(path("lvm-2.03.31"), false), &report),
        Seen::Absent
    );
}

/// util-linux 2.32 to 2.36: one mount point, and flags and sizes as text in the oldest.
#[test]
fn disks_of_older_tools_are_read() {
    let seen = |place: &str| {
        let text = format!(
            r#"{{"blockdevices": [{{"name":"/dev/loop7", "type":"disk", "size":"{}", "ro":"0", "mountpoint":{place}}}]}}"#,
            3_u64 << 30
        );
        let mut report = report("lvm-2.03.16", &["wipefs-list-bare", "pvs-bare"]);
        report.outcomes.insert(0, output(0, &text, ""));
        report.outcomes.push(output(0, "", ""));
        judge_look(&device(path("lvm-2.03.16"), true), &report)
    };
    assert_eq!(seen("null"), Seen::Absent);
    let mounted = seen("\"/mnt\"");
    assert!(foreign(&mounted).contains("is mounted at /mnt"), "{mounted:?}");
}

#[test]
fn small_and_read_only_disks_are_refused() {
    let block = |size: u64, ro: bool, kind: &str| {
        let text = format!(
            r#"{{"blockdevices": [{{"name":"/dev/loop7", "type":"{kind}", "size":{size}, "ro":{ro}, "mountpoints":[null]}}]}}"#
        );
        let mut report = report("lvm-2.03.16", &["wipefs-list-bare", "pvs-bare"]);
        report.outcomes.insert(0, output(0, &text, ""));
        report.outcomes.push(output(127, "", ""));
        judge_look(&device(path("lvm-2.03.16"), true), &report)
    };
    const GIB: u64 = 1 << 30;
    assert!(foreign(&block(GIB, false, "disk")).contains("too small: it has 1 GiB"));
    assert_eq!(block(2 * GIB, false, "disk"), Seen::Absent);
    assert!(foreign(&block(2 * GIB, true, "disk")).contains("read-only"));
    assert!(foreign(&block(2 * GIB, false, "rom")).contains("read-only"));
}

#[test]
fn an_answer_that_is_missing_is_not_a_bare_disk() {
    for version in LVM {
        for gap in 0..3 {
            let mut report = report(version, &["lsblk-bare", "wipefs-list-bare", "pvs-bare"]);
            report.outcomes.push(output(0, "", ""));
            for outcome in [
                Outcome::Unknown,
                output(127, "", "sh: not found"),
                output(1, "", "broken"),
                output(0, "{", ""),
            ] {
                report.outcomes[gap] = outcome;
                let seen = judge_look(&device(path(version), true), &report);
                assert!(matches!(seen, Seen::Unknown(_)), "{version} {gap}: {seen:?}");
            }
        }
    }
}

#[test]
fn making_and_unmaking_a_disk() {
    for version in LVM {
        let thing = device(path(version), false);
        let made = |names: &[&str], fill: usize| {
            let mut report = report(version, names);
            report.outcomes.insert(0, Outcome::Skipped);
            report.outcomes.extend(vec![Outcome::NotRun; fill]);
            judge(&thing, Goal::Present, &report)
        };
        let Verdict::Done(Facts::Device(seen)) = ({
            let mut report = report(version, &["pvcreate", "vgcreate", "pvs"]);
            report.outcomes.push(output(127, "", "sh: 1: udevadm: not found"));
            judge(&thing, Goal::Present, &report)
        }) else {
            panic!("not done")
        };
        assert_eq!(
            seen,
            DeviceFacts {
                paths: vec![path(version).to_string()],
                ..facts(version)
            }
        );
        for refused in ["pvcreate-over-xfs", "pvcreate-mounted", "wipefs-mounted"] {
            assert!(matches!(made(&[refused], 3), Verdict::Failed(_)), "{refused}");
        }
        for again in ["pvcreate-again", "vgcreate-again"] {
            assert!(matches!(made(&[again], 3), Verdict::Unknown(_)), "{again}");
        }
        let unmade = |names: &[&str]| judge(&thing, Goal::Absent, &report(version, names));
        assert_eq!(unmade(&["vgremove", "pvremove"]), Verdict::Done(Facts::None));
        assert_eq!(unmade(&["vgremove-again"]), Verdict::Done(Facts::None));
        assert_eq!(
            device_usage::read(&path(version), &report(version, &["pvs"]))
                .unwrap()
                .total,
            TOTAL
        );
        assert!(device_usage::read(&path(version), &report(version, &["pvs-bare"])).is_err());
    }
    let mut in_use = report("lvm-2.03.31", &["vgremove-in-use"]);
    in_use.outcomes.push(Outcome::NotRun);
    let verdict = judge(&device(path("lvm-2.03.31"), false), Goal::Absent, &in_use);
    assert!(
        matches!(&verdict, Verdict::Failed(failure) if failure.kind == FailureKind::Refused),
        "{verdict:?}"
    );
}

/// A look at the recorded thin brick: nothing but its logical volume is asked of the recordings.
fn brick_seen(lvs: &str, mounted: bool) -> Seen {
    let version = "lvm-2.03.31";
    let none = || output(1, "", "cat: x: No such file or directory\n");
    let mount_point = layout::mount_point(DEVICE, BRICK);
    let outcomes = if mounted {
        let folders = format!("{mount_point}|directory|0\n{mount_point}/brick|directory|0\n");
        vec![
            output(0, &format!("{{\"brick\": \"{BRICK}\"}}"), ""),
            answer(version, "findmnt"),
            output(0, &folders, ""),
            output(0, "entry\n", ""),
            answer(version, lvs),
        ]
    } else {
        vec![
            none(),
            answer(version, "findmnt-nothing"),
            none(),
            output(1, "", ""),
            answer(version, lvs),
        ]
    };
    judge_look(
        &brick(path(version), thin(), 0),
        &Report {
            outcomes,
            broken: None,
        },
    )
}

#[test]
fn a_thin_brick_is_seen_as_far_as_it_has_come() {
    assert_eq!(brick_seen("lvs-used", true), Seen::Present(Facts::None));
    for half in ["lvs", "lvs-inactive", "lvs-pool-only"] {
        assert!(matches!(brick_seen(half, false), Seen::Partial(_)), "{half}");
    }
    for none in ["lvs-empty", "lvs-after", "lvs-no-group"] {
        assert_eq!(brick_seen(none, false), Seen::Absent, "{none}");
    }
    assert!(
        matches!(brick_seen("pvs-bare", false), Seen::Unknown(_)),
        "a complaint of something else"
    );
}

#[test]
fn a_thin_brick_tells_what_it_takes() {
    let version = "lvm-2.03.31";
    let device_path = path(version);
    let site = brick_state::Site {
        brick: BRICK,
        device: DEVICE,
        device_path: &device_path,
        image: false,
        names: None,
        pool: None,
    };
    let none = || output(1, "", "No such file or directory");
    let outcomes = vec![
        none(),
        answer(version, "findmnt"),
        none(),
        output(1, "", ""),
        answer(version, "lvs-used"),
    ];
    let state = brick_state::read(
        &site,
        &Report {
            outcomes,
            broken: None,
        },
    )
    .unwrap();
    let (space, mount) = (state.space.unwrap(), state.mount.unwrap());
    assert_eq!(space.size, ByteSize::from_mib(512));
    let taken = space.taken.unwrap();
    assert!(
        taken > ByteSize::from_mib(50) && taken < ByteSize::from_mib(200),
        "{taken}"
    );
    assert!(mount.ours && mount.size < space.size, "{mount:?}");
    assert!(state.pool);
}

#[test]
fn making_and_unmaking_a_thin_brick() {
    let version = "lvm-2.03.31";
    let thing = brick(path(version), thin(), 0);
    let made = |name| judge(&thing, Goal::Present, &report(version, &[name]));
    for good in [
        "lvcreate",
        "mkfs",
        "mount",
        "lvcreate-pool",
        "lvcreate-volume",
        "lvchange",
    ] {
        assert_eq!(made(good), Verdict::Done(Facts::None), "{good}");
    }
    for again in ["lvcreate-again", "mkfs-again", "mkfs-mounted"] {
        assert!(matches!(made(again), Verdict::Unknown(_)), "{again}");
    }
    let full = made("lvcreate-no-space");
    let Verdict::Failed(failure) = &full else {
        panic!("{full:?}")
    };
    assert_eq!(failure.kind, FailureKind::NoSpace);
    assert!(
        failure.reason.starts_with("Volume group"),
        "the warnings before it do not hide it: {failure:?}"
    );

    // Its process was ended before, or there was none.
    let unmade = |name| {
        let mut report = report(version, &[name]);
        report.outcomes.insert(0, output(1, "", ""));
        judge(&thing, Goal::Absent, &report)
    };
    for good in [
        "umount",
        "lvremove",
        "lvremove-again",
        "lvremove-pool",
        "lvremove-pool-in-use",
        "lvremove-no-group",
    ] {
        assert_eq!(unmade(good), Verdict::Done(Facts::None), "{good}");
    }
    for busy in ["umount-busy", "lvremove-mounted"] {
        assert!(
            matches!(unmade(busy), Verdict::Failed(failure) if failure.kind == FailureKind::Busy),
            "{busy}"
        );
    }
}
