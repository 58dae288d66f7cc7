//! Bricks mounted again, and what is left of others removed, for real: loop devices, XFS, mounts. Needs root.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::room::Room;
use common::{BRICK, DEVICE, brick, device, mount, remains};
use mortar_command::{make, unmake};
use mortar_model::work::{Goal, Seen, Thing, Verdict};
use mortar_model::{BrickSpace, ByteSize, DevicePath, layout};

const DISK: &str = "/var/lib/disks/1";
const OTHERS: &str = "# entries of others\n/dev/x /x ext4 defaults 0 0\n";

fn disk() -> DevicePath {
    DevicePath::new(DISK).unwrap()
}

fn image_brick() -> Thing {
    let Thing::Brick(mut spec) = brick(disk(), BrickSpace::Image, 2001) else {
        unreachable!()
    };
    spec.size = ByteSize::from_mib(320);
    Thing::Brick(spec)
}

fn mount_point() -> String {
    layout::mount_point(DEVICE, BRICK)
}

fn image() -> String {
    layout::image(&disk(), BRICK)
}

/// A room with a brick in it, and glusterd's folder of volumes.
fn room() -> Room {
    let room = Room::new(&format!(
        "mkdir -p {DISK} /var/lib/glusterd/vols && printf '{}' > /var/lib/fstab",
        OTHERS.replace('\n', "\\n")
    ));
    let device = device(disk(), false);
    room.must(&device, Goal::Present, &make(&device, &room.settings));
    let brick = image_brick();
    room.must(&brick, Goal::Present, &make(&brick, &room.settings));
    room
}

fn refused(room: &Room, thing: &Thing) -> String {
    match room.apply(thing, Goal::Present, &make(thing, &room.settings)) {
        Verdict::Failed(failure) => failure.reason,
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn a_brick_is_mounted_again_with_all_that_belongs_to_it() {
    let (room, thing) = (room(), mount(image_brick()));
    assert!(matches!(room.look(&thing), Seen::Present(_)));
    let place = mount_point();
    for damage in [
        format!("umount {place}"),
        "sed -i /mortar/d /var/lib/fstab".to_owned(),
        format!("chgrp 7 {place}/brick"),
        format!("rm {place}/mortar.json"),
        format!("echo '{{\"brick\": \"{BRICK}\", \"old\": 1}}' > {place}/mortar.json"),
        format!("umount {place}; sed -i /mortar/d /var/lib/fstab"),
        // An entry that names something else, as after a disk was exchanged by hand.
        "sed -i 's|^/var/lib/disks/1/[^ ]*|/dev/sdx|' /var/lib/fstab".to_owned(),
        format!("umount {place}; rmdir {place}"),
    ] {
        room.shell(&damage);
        assert!(matches!(room.look(&thing), Seen::Partial(_)), "{damage}");
        // Twice, as after a lost answer.
        for _ in 0..2 {
            room.must(&thing, Goal::Present, &make(&thing, &room.settings));
            assert!(matches!(room.look(&thing), Seen::Present(_)), "{damage}");
        }
        assert!(matches!(room.look(&image_brick()), Seen::Present(_)), "{damage}");
        let entries = room.shell("cat /var/lib/fstab");
        assert!(entries.starts_with(OTHERS), "entries of others stay: {entries}");
        assert_eq!(entries.lines().count(), 3, "{damage}: {entries}");
    }
    // An administrator's own way to name it is as good.
    let by_uuid = format!(
        "sed -i 's|^/var/lib/disks/1/[^ ]*|UUID={}|' /var/lib/fstab",
        layout::file_system_uuid(BRICK)
    );
    room.shell(&by_uuid);
    assert!(matches!(room.look(&thing), Seen::Present(_)));
    room.shell(&format!("umount {}", mount_point()));
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    assert!(room.shell("cat /var/lib/fstab").contains("UUID="));
}

/// What was written to the brick is there again, and nothing was made in its place.
#[test]
fn data_is_never_made_anew() {
    let (room, thing) = (room(), mount(image_brick()));
    let (place, image) = (mount_point(), image());
    room.shell(&format!("echo precious > {place}/brick/file && umount {place}"));
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    assert_eq!(room.shell(&format!("cat {place}/brick/file")), "precious\n");

    // A folder that is gone stays gone.
    room.shell(&format!("mv {place}/brick {place}/elsewhere && umount {place}"));
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    assert_eq!(room.shell(&format!("ls {place}")), "elsewhere\nmortar.json\n");
    room.shell(&format!("mv {place}/elsewhere {place}/brick"));

    // Another file system in its image is not mounted.
    room.shell(&format!(
        "umount {place} && cp --sparse=always {image} /var/lib/kept && mkfs.xfs -q -f {image}"
    ));
    let why = refused(&room, &thing);
    assert!(why.contains("does not say that it is brick"), "{why}");
    // Nor is no file system, and no image is made.
    room.shell(&format!(": > {image}"));
    refused(&room, &thing);
    room.shell(&format!("rm {image}"));
    refused(&room, &thing);
    assert!(matches!(room.look(&thing), Seen::Foreign(_)));
    assert_eq!(room.shell(&format!("ls {DISK}/mortar-bricks; ls {place}")), "");

    // With its own, all is as it was.
    room.shell(&format!("cp --sparse=always /var/lib/kept {image}"));
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    assert_eq!(room.shell(&format!("cat {place}/brick/file")), "precious\n");
}

#[test]
fn what_stands_in_the_place_of_a_brick_is_left_alone() {
    let (room, thing) = (room(), mount(image_brick()));
    let place = mount_point();
    room.shell(&format!(
        "umount {place} && mkdir {place}/brick && echo x > {place}/brick/file"
    ));
    assert!(matches!(room.look(&thing), Seen::Foreign(text) if text.contains("would be hidden")));
    room.shell(&format!("rm -r {place}/brick && mount -t tmpfs other {place}"));
    assert!(matches!(room.look(&thing), Seen::Foreign(text) if text.contains("other is mounted")));
    room.shell(&format!("umount {place}"));
    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    room.shell(&format!(
        "echo '{{\"brick\": \"another\"}}' > {place}/mortar.json"
    ));
    assert!(matches!(room.look(&thing), Seen::Foreign(text) if text.contains("it is not brick")));
}

/// What is left of a brick goes when it is proven to be one, whatever is left of it.
#[test]
fn remains_of_a_brick_go() {
    let (place, image) = (mount_point(), image());
    for damage in [
        String::from("true"),
        format!("umount {place}"),
        format!("umount {place}; sed -i /mortar/d /var/lib/fstab"),
        format!("umount {place}; rm {image}"),
        format!("umount {place}; rm -r {image} {place}"),
        format!("umount {place}; sed -i /mortar/d /var/lib/fstab; mv {image} {image}.part"),
    ] {
        let (room, thing) = (room(), remains(disk(), true));
        room.shell(&damage);
        assert!(matches!(room.look(&thing), Seen::Present(_)), "{damage}");
        for _ in 0..2 {
            room.must(&thing, Goal::Absent, &unmake(&thing, &room.settings));
            assert_eq!(room.look(&thing), Seen::Absent, "{damage}");
        }
        assert_eq!(room.shell("cat /var/lib/fstab"), OTHERS, "{damage}");
        assert_eq!(room.shell(&format!("ls {DISK}/mortar-bricks")), "", "{damage}");
    }
}

/// Everything that leaves a doubt stays.
#[test]
fn remains_that_are_not_proven_stay() {
    let (place, image) = (mount_point(), image());
    let record = "/var/lib/glusterd/vols/v/info";
    let uses = format!("brick-0=node1:-var-lib-mortar-mounts-vg_x-brick_{BRICK}-brick");
    for (doubt, part) in [
        (
            format!("mkdir -p $(dirname {record}) && echo {uses} > {record}"),
            "no volume uses it",
        ),
        ("rm -r /var/lib/glusterd".to_owned(), "no volume uses it"),
        (
            format!("umount {place} && mkfs.xfs -q -f {image}"),
            "nothing there proves",
        ),
        (format!("umount {place} && : > {image}"), "nothing there proves"),
        (
            format!("umount {place} && mount -t tmpfs other {place}"),
            "is mounted in its place",
        ),
    ] {
        let (room, thing) = (room(), remains(disk(), true));
        room.shell(&doubt);
        let seen = room.look(&thing);
        assert!(
            matches!(&seen, Seen::Unknown(text) if text.contains(part)),
            "{doubt}: {seen:?}"
        );
        assert_eq!(
            room.shell(&format!("ls {DISK}/mortar-bricks")),
            format!("brick_{BRICK}.img\n")
        );
    }
    // A volume that came to use it between the look and the removal keeps it.
    let (room, thing) = (room(), remains(disk(), true));
    assert!(matches!(room.look(&thing), Seen::Present(_)));
    room.shell(&format!("mkdir -p $(dirname {record}) && echo {uses} > {record}"));
    let verdict = room.apply(&thing, Goal::Absent, &unmake(&thing, &room.settings));
    assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    assert!(matches!(room.look(&image_brick()), Seen::Present(_)));
}
