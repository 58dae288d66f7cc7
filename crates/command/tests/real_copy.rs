//! Bricks that are frozen for a copy, for real: loop devices, XFS, mounts. Needs root.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::room::Room;
use common::{brick, device};
use mortar_argv::Batch;
use mortar_command::{make, unmake};
use mortar_model::work::{BrickSpec, CopyPart, CopySpec, FailureKind, Goal, Seen, Thing, Verdict};
use mortar_model::{BrickId, BrickSpace, ByteSize, DevicePath, SnapshotId, layout};

const DISK: &str = "/var/lib/disks/1";

/// A room with a mounted brick; `/var/lib` is a file system in memory there, whose files share no blocks.
fn room() -> (Room, BrickSpec) {
    let room = Room::new(&format!("mkdir -p {DISK} && : > /var/lib/fstab"));
    let disk = DevicePath::new(DISK).unwrap();
    let device = device(disk.clone(), false);
    room.must(&device, Goal::Present, &make(&device, &room.settings));
    let Thing::Brick(mut spec) = brick(disk, BrickSpace::Image, 0) else {
        unreachable!()
    };
    spec.size = ByteSize::from_mib(320);
    let thing = Thing::Brick(spec.clone());
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    (room, spec)
}

/// A part of a copy whose id no other test has: marks of freezes are the machine's.
fn part(part: CopyPart, brick: &BrickSpec, number: u128) -> Thing {
    Thing::Copy(CopySpec {
        part,
        snapshot: SnapshotId::from_u128(7),
        copy: copy_id(number),
        brick: brick.clone(),
        names_missed: false,
        name: None,
        text: "{}\n".into(),
        promised: ByteSize::ZERO,
    })
}

fn copy_id(number: u128) -> BrickId {
    BrickId::from_u128((u128::from(std::process::id()) << 64) | number)
}

#[test]
fn a_directory_whose_files_share_no_blocks_is_refused_before_anything_is_done() {
    let (room, spec) = room();
    let thing = part(CopyPart::Room, &spec, 1);
    let verdict = room.apply(&thing, Goal::Present, &make(&thing, &room.settings));
    let Verdict::Failed(failure) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(
        failure.reason.contains("does not let files share blocks"),
        "{}",
        failure.reason
    );
    assert_eq!(
        room.shell(&format!("ls {DISK}/mortar-bricks | grep -c copy_ || :"))
            .trim(),
        "0"
    );
}

/// Whoever froze it may be gone: it thaws all the same, and nothing can be called a copy of that moment any more.
#[test]
fn a_freeze_ends_by_itself() {
    let (room, spec) = room();
    let frozen = part(CopyPart::Frozen, &spec, 2);
    let begun = Instant::now();
    // With the lock of its batch, as the engine sends it: the watch that is left behind does not keep it.
    let lock = format!("{}-0", copy_id(2));
    room.must(&frozen, Goal::Present, &make(&frozen, &room.settings).lock(&lock));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "nothing waits for the watch"
    );
    assert!(matches!(room.look(&frozen), Seen::Present(_)));
    room.run(&Batch::new().lock(&lock));
    assert!(begun.elapsed() < Duration::from_secs(8), "the lock is free");

    room.shell(&format!(
        "echo later > {}/later",
        layout::mount_point(spec.device, spec.brick)
    ));
    let waited = begun.elapsed();
    assert!(
        waited > Duration::from_secs(10) && waited < Duration::from_secs(60),
        "a write waits until the freeze is over: {waited:?}"
    );
    assert_eq!(room.look(&frozen), Seen::Absent);
    assert!(!Path::new(&layout::freeze_mark(copy_id(2))).exists());
    for late in [CopyPart::Image, CopyPart::Whole] {
        let thing = part(late, &spec, 2);
        if late == CopyPart::Whole {
            let image = layout::copy_in_making(&spec.device_path, copy_id(2));
            room.shell(&format!(": > {image}"));
        }
        let verdict = room.apply(&thing, Goal::Present, &make(&thing, &room.settings));
        assert!(
            matches!(&verdict, Verdict::Failed(failure) if failure.reason.contains("thawed before")),
            "{verdict:?}"
        );
        room.must(&thing, Goal::Absent, &unmake(&thing, &room.settings));
    }
}

#[test]
fn what_is_frozen_by_us_is_thawed_and_what_is_not_stays() {
    let (room, spec) = room();
    let mount_point = layout::mount_point(spec.device, spec.brick);
    let frozen = part(CopyPart::Frozen, &spec, 3);
    room.must(&frozen, Goal::Present, &make(&frozen, &room.settings));
    for _ in 0..2 {
        room.must(&frozen, Goal::Absent, &unmake(&frozen, &room.settings));
    }
    room.shell(&format!("echo free > {mount_point}/free"));

    room.shell(&format!("xfs_freeze -f {mount_point}"));
    let other = part(CopyPart::Frozen, &spec, 4);
    let verdict = room.apply(&other, Goal::Present, &make(&other, &room.settings));
    assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    room.must(&other, Goal::Absent, &unmake(&other, &room.settings));
    room.shell(&format!("xfs_freeze -u {mount_point}"));

    // Where nothing is mounted, the file system below is left alone.
    room.shell(&format!("umount {mount_point}"));
    let verdict = room.apply(&other, Goal::Present, &make(&other, &room.settings));
    assert!(
        matches!(&verdict, Verdict::Failed(failure) if failure.reason.contains("not mounted")),
        "{verdict:?}"
    );
    room.shell("echo free > /var/lib/free");
}

/// What was frozen after all is thawed by whoever goes back, or by the watch.
#[test]
fn a_freeze_that_calls_itself_failed_is_ended() {
    let (room, spec) = room();
    let mount_point = layout::mount_point(spec.device, spec.brick);
    room.shell(
        "real=$(command -v xfs_freeze) && cp \"$real\" \"${real%/*}/xfs_io\" /var/lib && \
         printf '#!/bin/sh\\n/var/lib/xfs_freeze \"$@\" && test \"$1\" != -f\\n' > /var/lib/fails && \
         chmod 755 /var/lib/fails && mount --bind /var/lib/fails \"$real\"",
    );
    let frozen = part(CopyPart::Frozen, &spec, 5);
    let verdict = room.apply(&frozen, Goal::Present, &make(&frozen, &room.settings));
    assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    assert!(matches!(room.look(&frozen), Seen::Present(_)));
    room.must(&frozen, Goal::Absent, &unmake(&frozen, &room.settings));
    room.shell(&format!("echo free > {mount_point}/free"));
}
