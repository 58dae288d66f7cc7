//! Copies of bricks in image files while they are mounted, and the way back to one.

use mortar_command::make;
use mortar_model::work::{BrickSpec, CopyPart, CopySpec, Seen, Thing, Verdict};
use mortar_model::{ByteSize, SnapshotId, layout};

use crate::ground::ground;
use crate::things::{brick_id, brick_spec, device_id, name_family};
use crate::twin::Twin;

const NODE: usize = 1;

fn copy(part: CopyPart, brick: &BrickSpec, family: u8, number: u8) -> Thing {
    Thing::Copy(CopySpec {
        part,
        snapshot: SnapshotId::from_u128(number.into()),
        copy: brick_id(family, number),
        brick: brick.clone(),
        names_missed: false,
        name: None,
        text: format!("{{\"mortar\": 1, \"copy\": {number}}}\n"),
        promised: ByteSize::ZERO,
    })
}

#[test]
fn bricks_are_copied_while_they_are_in_use() {
    const FAMILY: u8 = 0xb8;
    const COPY: u8 = 2;
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);
    twin.prepare(NODE, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
    let spec = brick_spec(FAMILY, 1);
    let identity = layout::device_identity_file(&spec.device_path);
    twin.prepare_with(NODE, &["tee", &identity], "{}\n");
    let brick = Thing::Brick(spec.clone());
    let part = |part| copy(part, &spec, FAMILY, COPY);
    let [room, frozen, image, whole, back] = [
        CopyPart::Room,
        CopyPart::Frozen,
        CopyPart::Image,
        CopyPart::Whole,
        CopyPart::Back,
    ]
    .map(part);

    twin.say("Of a brick that is not there nothing is copied or frozen.");
    for thing in [&room, &frozen, &image, &whole, &back] {
        assert!(!matches!(twin.look(NODE, thing), Seen::Present(_)));
        assert!(matches!(twin.make(NODE, thing), Verdict::Failed(_)));
    }
    assert!(matches!(twin.make(NODE, &brick), Verdict::Done(_)));
    assert!(matches!(twin.make(NODE, &room), Verdict::Done(_)));

    twin.say("What is not frozen is neither copied nor called whole.");
    for thing in [&image, &whole] {
        assert!(matches!(twin.make(NODE, thing), Verdict::Failed(_)));
    }

    twin.say("In their order.");
    for thing in [&frozen, &image, &whole] {
        assert!(matches!(twin.look(NODE, thing), Seen::Absent | Seen::Partial(_)));
        assert!(matches!(twin.make(NODE, thing), Verdict::Done(_)));
    }
    assert_eq!(twin.look(NODE, &frozen), Seen::Absent);
    assert!(matches!(twin.look(NODE, &whole), Seen::Present(_)));
    assert!(matches!(twin.make(NODE, &whole), Verdict::Failed(_)));

    twin.say("Somebody else freezes it: his freeze stays.");
    let mount_point = layout::mount_point(device_id(FAMILY, 1), brick_id(FAMILY, 1));
    let other = copy(CopyPart::Frozen, &spec, FAMILY, 3);
    twin.prepare(NODE, &["xfs_freeze", "-f", &mount_point]);
    assert!(matches!(twin.make(NODE, &other), Verdict::Failed(_)));
    assert!(matches!(twin.unmake(NODE, &other), Verdict::Done(_)));
    twin.prepare(NODE, &["xfs_freeze", "-u", &mount_point]);

    twin.say("However far freezing came, it is taken back.");
    let making = make(&other, &twin.settings);
    for count in 1..=making.items().len() {
        twin.run_part(NODE, &making, count);
        twin.look(NODE, &other);
        for _ in 0..2 {
            assert!(matches!(twin.unmake(NODE, &other), Verdict::Done(_)));
            assert_eq!(twin.look(NODE, &other), Seen::Absent);
        }
    }

    twin.say("The way back, as often as one likes.");
    let file = format!("{mount_point}/later");
    twin.prepare_with(NODE, &["tee", &file], "written after the copy\n");
    assert!(matches!(twin.look(NODE, &back), Seen::Partial(_)));
    for _ in 0..2 {
        assert!(matches!(twin.make(NODE, &back), Verdict::Done(_)));
        assert!(matches!(twin.look(NODE, &back), Seen::Present(_)));
        assert!(matches!(twin.look(NODE, &brick), Seen::Present(_)));
    }
    twin.prepare(NODE, &["test", "!", "-e", &file]);
    let making = make(&back, &twin.settings);
    for count in 1..making.items().len() {
        twin.say(&format!("Back as far as {count} commands."));
        twin.run_part(NODE, &making, count);
        assert!(matches!(twin.make(NODE, &back), Verdict::Done(_)));
        assert!(matches!(twin.look(NODE, &brick), Seen::Present(_)));
    }

    twin.say("Gone, twice.");
    for _ in 0..2 {
        assert!(matches!(twin.unmake(NODE, &whole), Verdict::Done(_)));
        assert_eq!(twin.look(NODE, &whole), Seen::Absent);
    }
    assert!(matches!(twin.unmake(NODE, &brick), Verdict::Done(_)));
    twin.prepare(NODE, &["rm", "-f", &identity]);
    twin.ends("copies");
}
