//! Directories that stand for disks.

use mortar_command::query::device_usage;
use mortar_model::work::{Seen, Thing, Verdict};
use mortar_model::{ByteSize, DevicePath};

use crate::ground::ground;
use crate::things::{brick_spec, device, device_id, name_family};
use crate::twin::Twin;

const FAMILY: u8 = 0xd1;
const PATH: &str = "/disks/disk2";

fn ours(destroy: bool) -> Thing {
    device(device_id(FAMILY, 1), PATH, destroy)
}

fn other(destroy: bool) -> Thing {
    device(device_id(FAMILY, 2), PATH, destroy)
}

/// Asks how full a device is; a GiB is as exact as two worlds can be.
pub(crate) fn usage(twin: &mut Twin, node: usize, path: &str) {
    let gib = |size: ByteSize| (size.bytes() + (1 << 29)) >> 30;
    let path = DevicePath::new(path).unwrap();
    let ask = device_usage::ask(&twin.settings, &path);
    twin.ask(
        &format!("usage of {path}"),
        node,
        &ask,
        |report| match device_usage::read(&path, report) {
            Ok(usage) => format!("about {} of {} GiB free", gib(usage.free), gib(usage.total)),
            Err(error) => error.to_string(),
        },
    );
}

#[test]
fn directories_come_and_go() {
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);

    twin.say("It comes and goes, and each way twice is fine.");
    assert_eq!(twin.look(1, &ours(false)), Seen::Absent);
    assert!(matches!(twin.make(1, &ours(false)), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &ours(false)), Seen::Present(_)));
    usage(&mut twin, 1, PATH);
    usage(&mut twin, 1, "/disks/none");
    assert!(matches!(twin.make(1, &ours(false)), Verdict::Done(_)));
    assert!(matches!(twin.resume(1, &ours(false)), Verdict::Done(_)));
    for _ in 0..2 {
        assert!(matches!(twin.unmake(1, &ours(false)), Verdict::Done(_)));
        assert_eq!(twin.look(1, &ours(false)), Seen::Absent);
    }

    twin.say("Half made: the identity is there and the folder is not; the identity was cut short.");
    twin.make(1, &ours(false));
    twin.prepare(1, &["rmdir", "/disks/disk2/mortar-bricks"]);
    assert!(matches!(twin.look(1, &ours(false)), Seen::Partial(_)));
    assert!(matches!(twin.resume(1, &ours(false)), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &ours(false)), Seen::Present(_)));
    twin.prepare_with(1, &["tee", "/disks/disk2/mortar-device.json"], "{\n  \"mor");
    assert!(matches!(twin.look(1, &ours(false)), Seen::Partial(_)));
    assert!(matches!(twin.resume(1, &ours(false)), Verdict::Done(_)));

    twin.say("Another device's identity: refused, unless it may be destroyed.");
    assert!(matches!(twin.look(1, &other(false)), Seen::Foreign(_)));
    assert_eq!(twin.look(1, &other(true)), Seen::Absent);
    twin.make(1, &other(true));
    assert!(matches!(twin.look(1, &other(true)), Seen::Present(_)));
    assert!(matches!(twin.look(1, &ours(false)), Seen::Foreign(_)));
    twin.unmake(1, &other(false));

    twin.say("Files of others: refused; with destroy they are left alone.");
    twin.prepare_with(1, &["tee", "/disks/disk2/notes"], "keep me\n");
    assert!(matches!(twin.look(1, &ours(false)), Seen::Foreign(_)));
    assert_eq!(twin.look(1, &ours(true)), Seen::Absent);
    twin.make(1, &ours(true));
    twin.unmake(1, &ours(true));
    twin.prepare(1, &["grep", "-qF", "keep me", "/disks/disk2/notes"]);
    twin.prepare(1, &["rm", "/disks/disk2/notes"]);
    twin.ends("directories");
}

#[test]
fn directories_that_cannot_be_used_are_refused() {
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    let refused = |twin: &mut Twin, path: &str| {
        let thing = device(device_id(FAMILY, 3), path, false);
        assert!(matches!(twin.look(2, &thing), Seen::Foreign(_)));
        assert!(matches!(
            twin.look(2, &device(device_id(FAMILY, 3), path, true)),
            Seen::Foreign(_)
        ));
    };
    twin.say("Nothing there, no directory, too small.");
    refused(&mut twin, "/disks/nothing");
    twin.prepare_with(2, &["tee", "/disks/file"], "x");
    refused(&mut twin, "/disks/file");
    refused(&mut twin, "/disks/file/below");
    let lab = &twin.ground;
    lab.on("node2", &["mkdir", "/disks/small"]);
    lab.on(
        "node2",
        &["mount", "-t", "tmpfs", "-o", "size=600M", "small", "/disks/small"],
    );
    // What a file system takes for itself differs.
    for size in ["600 MiB", "511.21 MiB"] {
        twin.name(&size, "some hundred MiB");
    }
    let small = device(device_id(FAMILY, 3), "/disks/small", false);
    let seen = twin.look(2, &small);
    twin.ground.on("node2", &["umount", "/disks/small"]);
    assert!(matches!(seen, Seen::Foreign(_)), "{seen:?}");
    twin.ends("directories-refused");
}

/// A brick on the device keeps it: its folder is not removed, and nobody takes it over while it is mounted.
#[test]
fn directories_with_bricks_are_kept() {
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);
    let thing = device(device_id(FAMILY, 1), "/disks/disk2", false);
    let mut spec = brick_spec(FAMILY, 1);
    spec.device_path = mortar_model::DevicePath::new("/disks/disk2").unwrap();
    let brick = Thing::Brick(spec);
    twin.say("A brick is made on it.");
    twin.make(3, &thing);
    assert!(matches!(twin.make(3, &brick), Verdict::Done(_)));
    assert!(matches!(twin.look(3, &thing), Seen::Present(_)));
    twin.say("The device is not removed.");
    assert!(matches!(twin.unmake(3, &thing), Verdict::Failed(_)));
    assert!(matches!(twin.look(3, &thing), Seen::Present(_)));
    twin.say("Nobody takes it over, not even with destroy, while the brick is in use.");
    let thief = |destroy| device(device_id(FAMILY, 2), "/disks/disk2", destroy);
    assert!(matches!(twin.look(3, &thief(false)), Seen::Foreign(_)));
    assert!(matches!(twin.look(3, &thief(true)), Seen::Foreign(_)));
    twin.say("Not mounted any more, it is taken over with destroy only.");
    let mount_point =
        mortar_model::layout::mount_point(device_id(FAMILY, 1), crate::things::brick_id(FAMILY, 1));
    twin.prepare(3, &["umount", &mount_point]);
    assert!(matches!(twin.look(3, &thief(false)), Seen::Foreign(_)));
    assert_eq!(twin.look(3, &thief(true)), Seen::Absent);
    twin.make(3, &thief(true));
    assert!(matches!(twin.look(3, &thief(false)), Seen::Present(_)));
    twin.unmake(3, &thief(false));
    twin.unmake(3, &brick);
    twin.ends("directories-with-bricks");
}
