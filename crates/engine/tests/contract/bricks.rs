//! Bricks in image files.

use mortar_command::{make, unmake};
use mortar_model::layout;
use mortar_model::work::{Seen, Thing, Verdict};

use crate::ground::ground;
use crate::things::{brick, brick_id, brick_spec, device_id, name_family};
use crate::twin::Twin;

fn ready(family: u8, node: usize) -> Twin {
    let mut twin = Twin::new();
    name_family(&mut twin, family);
    twin.prepare(node, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
    twin
}

#[test]
fn bricks_come_and_go() {
    const FAMILY: u8 = 0xb1;
    let _beside = ground().beside_others();
    let mut twin = ready(FAMILY, 1);
    twin.say("A brick comes and goes, and each way twice is fine.");
    let thing = brick(FAMILY, 1);
    assert_eq!(twin.look(1, &thing), Seen::Absent);
    assert!(matches!(twin.make(1, &thing), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &thing), Seen::Present(_)));
    assert!(matches!(twin.make(1, &thing), Verdict::Done(_)));
    assert!(matches!(twin.resume(1, &thing), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &thing), Seen::Present(_)));
    for _ in 0..2 {
        assert!(matches!(twin.unmake(1, &thing), Verdict::Done(_)));
        assert_eq!(twin.look(1, &thing), Seen::Absent);
    }

    twin.say("One whose folder belongs to a group.");
    let mut spec = brick_spec(FAMILY, 2);
    spec.gid = 2001;
    let grouped = Thing::Brick(spec);
    assert!(matches!(twin.make(1, &grouped), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &grouped), Seen::Present(_)));
    let folder = layout::brick_path(device_id(FAMILY, 1), brick_id(FAMILY, 2));
    twin.prepare(1, &["chgrp", "0", &folder]);
    assert!(matches!(twin.look(1, &grouped), Seen::Partial(_)));
    assert!(matches!(twin.resume(1, &grouped), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &grouped), Seen::Present(_)));
    assert!(matches!(twin.unmake(1, &grouped), Verdict::Done(_)));

    twin.say("On a device that is not there.");
    let mut spec = brick_spec(FAMILY, 3);
    spec.device_path = mortar_model::DevicePath::new("/disks/gone").unwrap();
    let homeless = Thing::Brick(spec);
    assert_eq!(twin.look(1, &homeless), Seen::Absent);
    assert!(matches!(twin.make(1, &homeless), Verdict::Failed(_)));
    assert!(matches!(twin.look(1, &homeless), Seen::Partial(_)));
    assert!(matches!(twin.unmake(1, &homeless), Verdict::Done(_)));
    assert_eq!(twin.look(1, &homeless), Seen::Absent);
    twin.ends("bricks");
}

/// However far an interrupted run came, a look sees it, and both ways lead to their ends.
#[test]
fn bricks_go_on_from_wherever_they_were_left() {
    const FAMILY: u8 = 0xb2;
    let _beside = ground().beside_others();
    let mut twin = ready(FAMILY, 2);
    let thing = brick(FAMILY, 1);
    let (making, unmaking) = (make(&thing, &twin.settings), unmake(&thing, &twin.settings));
    for count in 1..making.items().len() {
        twin.say(&format!("Made as far as {count} commands."));
        twin.run_part(2, &making, count);
        let seen = twin.look(2, &thing);
        assert!(
            !matches!(seen, Seen::Unknown(_) | Seen::Unreached(_) | Seen::Foreign(_)),
            "{seen:?}"
        );
        assert!(matches!(twin.resume(2, &thing), Verdict::Done(_)));
        assert!(matches!(twin.look(2, &thing), Seen::Present(_)));
        twin.unmake(2, &thing);
        twin.run_part(2, &making, count);
        assert!(matches!(twin.unmake(2, &thing), Verdict::Done(_)));
        assert_eq!(twin.look(2, &thing), Seen::Absent);
    }
    for count in 1..unmaking.items().len() {
        twin.say(&format!("Unmade as far as {count} commands."));
        twin.make(2, &thing);
        twin.run_part(2, &unmaking, count);
        twin.look(2, &thing);
        assert!(matches!(twin.resume(2, &thing), Verdict::Done(_)));
        twin.run_part(2, &unmaking, count);
        assert!(matches!(twin.unmake(2, &thing), Verdict::Done(_)));
        assert_eq!(twin.look(2, &thing), Seen::Absent);
    }
    twin.ends("bricks-half-done");
}

/// What is not ours is told apart and stays.
#[test]
fn bricks_in_whose_place_is_something_else_are_refused() {
    const FAMILY: u8 = 0xb3;
    let _beside = ground().beside_others();
    let mut twin = ready(FAMILY, 3);
    let (thing, other) = (brick(FAMILY, 1), brick(FAMILY, 2));
    let place = layout::mount_point(device_id(FAMILY, 1), brick_id(FAMILY, 1));
    twin.say("Another file system is mounted there.");
    twin.make(3, &other);
    let image = layout::image(&brick_spec(FAMILY, 2).device_path, brick_id(FAMILY, 2));
    twin.unmake(3, &thing);
    twin.prepare(3, &["mkdir", "-p", &place]);
    twin.prepare(
        3,
        &[
            "umount",
            &layout::mount_point(device_id(FAMILY, 1), brick_id(FAMILY, 2)),
        ],
    );
    twin.prepare(3, &["mount", "-o", "loop,nouuid", &image, &place]);
    assert!(matches!(twin.look(3, &thing), Seen::Foreign(_)));
    twin.prepare(3, &["umount", &place]);
    twin.unmake(3, &other);
    twin.unmake(3, &thing);

    twin.say("Its file system says that it is another brick.");
    twin.make(3, &thing);
    let identity = layout::identity_file(device_id(FAMILY, 1), brick_id(FAMILY, 1));
    twin.prepare_with(3, &["tee", &identity], "{\"brick\": \"somebody else's\"}\n");
    assert!(matches!(twin.look(3, &thing), Seen::Foreign(_)));
    twin.unmake(3, &thing);

    twin.say("In use: it waits, and then goes.");
    twin.make(3, &thing);
    let root = twin.ground.lab.node_root("node3").unwrap();
    let used = std::fs::File::open(root.join(identity.trim_start_matches('/'))).unwrap();
    // In the simulated world a brick has no other users than GlusterFS: only the real one has to wait.
    assert!(matches!(twin.unmake_in_use(3, &thing, used), Verdict::Done(_)));
    assert_eq!(twin.look(3, &thing), Seen::Absent);
    twin.ends("bricks-refused");
}
