//! Directory devices and their bricks, made and unmade for real: loop devices, XFS, mounts. Needs root.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use common::room::{Room, prefix};
use common::trials::{
    comes_and_goes, goes_on_from_every_half_made_state, goes_on_from_every_half_undone_state,
};
use common::{BRICK, DEVICE, brick, device};
use mortar_command::{make, query, resume, unmake};
use mortar_model::work::{Facts, FailureKind, Goal, GrowthPart, GrowthSpec, Seen, Thing, Verdict};
use mortar_model::{BrickSpace, ByteSize, DevicePath, layout};

const DISK: &str = "/var/lib/disks/1";

fn disk() -> DevicePath {
    DevicePath::new(DISK).unwrap()
}

fn empty_room() -> Room {
    Room::new(&format!(
        "mkdir -p {DISK} && printf '# entries of others\n/dev/x /x ext4 defaults 0 0' > /var/lib/fstab"
    ))
}

/// A room whose directory device is ready.
fn room() -> Room {
    let room = empty_room();
    let device = device(disk(), false);
    room.must(&device, Goal::Present, &make(&device, &room.settings));
    room
}

fn image_brick() -> Thing {
    let Thing::Brick(mut spec) = brick(disk(), BrickSpace::Image, 2001) else {
        unreachable!()
    };
    spec.size = ByteSize::from_mib(320);
    Thing::Brick(spec)
}

#[test]
fn a_directory_device_comes_and_goes() {
    comes_and_goes(&empty_room(), &device(disk(), false));
}

#[test]
fn a_directory_device_goes_on_from_everywhere() {
    let room = empty_room();
    goes_on_from_every_half_made_state(&room, &device(disk(), false));
    goes_on_from_every_half_undone_state(&room, &device(disk(), false));
}

#[test]
fn a_brick_comes_and_goes() {
    let room = room();
    let entries = room.shell("cat /var/lib/fstab");
    comes_and_goes(&room, &image_brick());
    assert_eq!(
        room.shell("cat /var/lib/fstab"),
        entries,
        "entries of others stay as they were"
    );
    assert_eq!(
        room.shell("ls -A /var/lib/disks/1/mortar-bricks /var/lib/mortar/mounts/*"),
        room.shell(
            "echo '/var/lib/disks/1/mortar-bricks:\n' && ls -Ad /var/lib/mortar/mounts/* | sed s/$/:/"
        )
    );
}

#[test]
fn a_brick_goes_on_from_every_half_made_state() {
    goes_on_from_every_half_made_state(&room(), &image_brick());
}

#[test]
fn a_brick_goes_on_from_every_half_undone_state() {
    goes_on_from_every_half_undone_state(&room(), &image_brick());
}

/// In use, twice, and from wherever it was cut short; the same brick is there afterwards, and it goes as it came.
#[test]
fn a_brick_grows_while_it_is_mounted() {
    let room = room();
    let small = image_brick();
    room.must(&small, Goal::Present, &make(&small, &room.settings));
    let mount_point = layout::mount_point(DEVICE, BRICK);
    room.shell(&format!("echo kept > {mount_point}/brick/file"));
    for mib in [700, 1100] {
        let part = |part| {
            let Thing::Brick(mut brick) = small.clone() else {
                unreachable!()
            };
            brick.size = ByteSize::from_mib(mib);
            brick.identity = format!("{} {mib}\n", brick.identity.trim());
            Thing::Growth(GrowthSpec {
                part,
                space_before: brick.space,
                brick,
            })
        };
        let steps = [GrowthPart::Room, GrowthPart::Space, GrowthPart::FileSystem].map(part);
        for thing in &steps[1..] {
            assert!(matches!(room.look(thing), Seen::Partial(_)));
        }
        for thing in &steps {
            let whole = make(thing, &room.settings);
            for count in 0..=whole.items().len() {
                room.run(&prefix(&whole, count));
                let seen = room.look(thing);
                if !matches!(seen, Seen::Present(_)) {
                    room.must(thing, Goal::Present, &resume(thing, &room.settings, &seen));
                }
                assert!(matches!(room.look(thing), Seen::Present(_)), "{mib}, {thing:?}");
            }
            room.must(thing, Goal::Present, &whole);
        }
        let blocks = room.shell(&format!("xfs_growfs -n {mount_point} | grep ^data"));
        let wanted = format!("blocks={},", mib << 8);
        assert!(blocks.contains(&wanted), "{blocks}");
        assert_eq!(room.shell(&format!("cat {mount_point}/brick/file")), "kept\n");
    }
    // Not mounted, it cannot; and what is not there is not made.
    let Thing::Brick(mut brick) = small.clone() else {
        unreachable!()
    };
    brick.size = ByteSize::from_gib(2);
    let growth = |part| {
        Thing::Growth(GrowthSpec {
            part,
            space_before: brick.space,
            brick: brick.clone(),
        })
    };
    room.shell(&format!("umount {mount_point}"));
    for part in [GrowthPart::Room, GrowthPart::FileSystem] {
        let refused = room.apply(&growth(part), Goal::Present, &make(&growth(part), &room.settings));
        assert!(
            matches!(&refused, Verdict::Failed(failure) if failure.reason.contains("is not mounted")),
            "{refused:?}"
        );
    }
    room.must(&small, Goal::Absent, &unmake(&small, &room.settings));
    let space = growth(GrowthPart::Space);
    assert!(!matches!(
        room.apply(&space, Goal::Present, &make(&space, &room.settings)),
        Verdict::Done(_)
    ));
    assert_eq!(room.look(&small), Seen::Absent);
}

#[test]
fn a_brick_is_what_was_asked_for() {
    let room = room();
    let thing = image_brick();
    // Twice: a brick that is whole is left as it is.
    for _ in 0..2 {
        room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    }
    let path = disk();
    let site = query::brick_state::Site {
        brick: BRICK,
        device: DEVICE,
        device_path: &path,
        image: true,
        names: None,
        pool: None,
    };
    let state =
        query::brick_state::read(&site, &room.run(&query::brick_state::ask(&room.settings, &site))).unwrap();
    let (mount, space) = (state.mount.unwrap(), state.space.unwrap());
    assert!(mount.ours && mount.source.starts_with("/dev/loop"), "{mount:?}");
    assert_eq!(space.size, ByteSize::from_mib(320));
    assert!(
        space.taken.unwrap() < space.size,
        "the image is sparse: {space:?}"
    );
    assert!(mount.size < space.size && mount.used < mount.size);
    assert_eq!((state.folder_gid, state.mount_entry), (Some(2001), true));
    let mount_point = layout::mount_point(DEVICE, BRICK);
    assert_eq!(
        room.shell(&format!("stat --format=%a {mount_point}/brick")),
        "2775\n"
    );
    assert_eq!(
        room.shell(&format!("grep -c {mount_point} /var/lib/fstab")),
        "1\n"
    );
    // The entry alone brings the brick back, as after a reboot.
    room.shell(&format!(
        "umount {mount_point} && mount --fstab /var/lib/fstab {mount_point} && test -d {mount_point}/brick"
    ));
}

#[test]
fn a_brick_in_use_is_busy_and_stays() {
    let room = room();
    let thing = image_brick();
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    let hold = format!("cd {} && echo here && cat", layout::mount_point(DEVICE, BRICK));
    let mut user = room
        .enter("sh")
        .args(["-c", &hold])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    BufReader::new(user.stdout.take().unwrap())
        .read_line(&mut String::new())
        .unwrap();
    let verdict = room.apply(&thing, Goal::Absent, &unmake(&thing, &room.settings));
    let seen = room.look(&thing);
    drop(user.stdin.take());
    user.wait().unwrap();
    assert!(
        matches!(&verdict, Verdict::Failed(failure) if failure.kind == FailureKind::Busy),
        "{verdict:?}"
    );
    assert_eq!(seen, Seen::Present(Facts::None));
    room.must(&thing, Goal::Absent, &unmake(&thing, &room.settings));
}

#[test]
fn somebody_elses_mount_is_foreign() {
    let room = room();
    let mount_point = layout::mount_point(DEVICE, BRICK);
    room.shell(&format!(
        "mkdir -p {mount_point} && mount -t tmpfs theirs {mount_point}"
    ));
    let seen = room.look(&image_brick());
    assert!(
        matches!(&seen, Seen::Foreign(text) if text.contains("theirs")),
        "{seen:?}"
    );
}

#[test]
fn a_device_with_bricks_is_not_removed() {
    let room = room();
    let (thing, device) = (image_brick(), device(disk(), false));
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    let verdict = room.apply(&device, Goal::Absent, &unmake(&device, &room.settings));
    assert!(
        matches!(&verdict, Verdict::Failed(failure) if failure.reason.contains("not empty")),
        "{verdict:?}"
    );
    assert!(matches!(room.look(&device), Seen::Present(_)));
    assert!(matches!(room.look(&thing), Seen::Present(_)));
}

#[test]
fn a_lost_disk_takes_no_new_brick() {
    let room = room();
    // As when its disk is not mounted: the folder is there, its contents are not.
    room.shell(&format!("mount -t tmpfs other {DISK}"));
    let thing = image_brick();
    let verdict = room.apply(&thing, Goal::Present, &make(&thing, &room.settings));
    assert!(
        matches!(&verdict, Verdict::Failed(failure) if failure.kind == FailureKind::Refused),
        "{verdict:?}"
    );
    assert_eq!(room.shell(&format!("ls -A {DISK}")), "");
}

#[test]
fn a_full_disk_is_no_space() {
    let room = Room::new(&format!(
        "mkdir -p {DISK} && mount -t tmpfs -o size=8m small {DISK} && mkdir {DISK}/mortar-bricks"
    ));
    let thing = image_brick();
    let verdict = room.apply(&thing, Goal::Present, &make(&thing, &room.settings));
    assert!(
        matches!(&verdict, Verdict::Failed(failure) if failure.kind == FailureKind::NoSpace),
        "{verdict:?}"
    );
    room.must(&thing, Goal::Absent, &unmake(&thing, &room.settings));
    assert_eq!(room.look(&thing), Seen::Absent);
}

fn foreign_text(room: &Room, thing: &Thing) -> String {
    match room.look(thing) {
        Seen::Foreign(text) => text,
        seen => panic!("{seen:?}"),
    }
}

#[test]
fn directories_that_are_not_for_bricks_are_refused_and_left_alone() {
    let room = Room::new(&format!(
        "mkdir -p {DISK} /var/lib/full/lost+found && echo precious > /var/lib/full/theirs && touch /var/lib/file \
         && mkdir /var/lib/small && mount -t tmpfs -o size=100m small /var/lib/small"
    ));
    let at = |path: &str, destroy| device(DevicePath::new(path).unwrap(), destroy);
    assert!(foreign_text(&room, &at("/var/lib/none", true)).contains("does not exist"));
    assert!(foreign_text(&room, &at("/var/lib/file", true)).contains("not a directory"));
    assert!(foreign_text(&room, &at("/var/lib/small", true)).contains("too small"));
    let text = foreign_text(&room, &at("/var/lib/full", false));
    assert!(
        text.contains("/var/lib/full/theirs") && text.contains("destroydata"),
        "{text}"
    );
    // With destroy it is used as it is, and what is in it is left alone, also when it is given back.
    let used = at("/var/lib/full", true);
    comes_and_goes(&room, &used);
    assert_eq!(
        room.shell("cat /var/lib/full/theirs && ls /var/lib/full"),
        "precious\nlost+found\ntheirs\n"
    );
}

#[test]
fn a_device_of_an_earlier_life_is_wiped_only_on_demand_and_never_in_use() {
    let room = room();
    let thing = image_brick();
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    let again = |destroy| {
        let Thing::Device(mut spec) = device(disk(), destroy) else {
            unreachable!()
        };
        spec.device = mortar_model::DeviceId::from_u128(7);
        Thing::Device(spec)
    };
    assert!(foreign_text(&room, &again(false)).contains("in use"));
    assert!(foreign_text(&room, &again(true)).contains("in use"));
    room.shell(&format!("umount {}", layout::mount_point(DEVICE, BRICK)));
    assert!(foreign_text(&room, &again(false)).contains("destroydata"));
    assert_eq!(room.look(&again(true)), Seen::Absent);
    room.must(&again(true), Goal::Present, &make(&again(true), &room.settings));
    assert_eq!(room.shell(&format!("ls {DISK}/mortar-bricks")), "");
    assert!(foreign_text(&room, &device(disk(), false)).contains("device 00000000000000000000000000000007"));
}
