//! Bricks in image files that become larger while they are mounted, and the size of a directory.

use mortar_command::make;
use mortar_model::work::{BrickSpec, DeviceSizeSpec, Goal, GrowthPart, GrowthSpec, Seen, Thing, Verdict};
use mortar_model::{ByteSize, DevicePath, layout};

use crate::ground::ground;
use crate::things::{brick_id, brick_spec, device_id, name_family};
use crate::twin::Twin;

fn growth(part: GrowthPart, small: &BrickSpec, size: ByteSize) -> Thing {
    let mut brick = small.clone();
    brick.size = size;
    brick.identity = format!("{} of {size}\n", small.identity.trim());
    Thing::Growth(GrowthSpec {
        part,
        space_before: brick.space,
        brick,
    })
}

#[test]
fn bricks_grow() {
    const FAMILY: u8 = 0xb6;
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);
    twin.prepare(2, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
    let small = brick_spec(FAMILY, 1);
    let size = small.size + ByteSize::from_mib(700);
    let [room, space, system] =
        [GrowthPart::Room, GrowthPart::Space, GrowthPart::FileSystem].map(|part| growth(part, &small, size));

    twin.say("Of a brick that is not there nothing grows, and nothing is made.");
    for thing in [&room, &space, &system] {
        assert!(!matches!(twin.look(2, thing), Seen::Present(_)));
        assert!(!matches!(twin.make(2, thing), Verdict::Done(_)));
    }
    let brick = Thing::Brick(small.clone());
    assert_eq!(twin.look(2, &brick), Seen::Absent);
    assert!(matches!(twin.make(2, &brick), Verdict::Done(_)));

    twin.say("The file system before what is under it.");
    assert!(matches!(twin.look(2, &room), Seen::Present(_)));
    assert!(matches!(twin.make(2, &room), Verdict::Done(_)));
    assert!(matches!(twin.make(2, &system), Verdict::Failed(_)));
    assert!(matches!(twin.look(2, &system), Seen::Partial(_)));

    twin.say("In their order, each twice.");
    for thing in [&space, &system] {
        assert!(matches!(twin.look(2, thing), Seen::Partial(_)));
        for _ in 0..2 {
            assert!(matches!(twin.make(2, thing), Verdict::Done(_)));
            assert!(matches!(twin.look(2, thing), Seen::Present(_)));
        }
    }
    assert!(matches!(twin.look(2, &brick), Seen::Present(_)));
    twin.say("Smaller is there already.");
    let less = small.size + ByteSize::from_mib(300);
    let smaller = growth(GrowthPart::Space, &small, less);
    assert!(matches!(twin.look(2, &smaller), Seen::Present(_)));
    assert!(matches!(twin.make(2, &smaller), Verdict::Done(_)));
    assert!(matches!(twin.look(2, &space), Seen::Present(_)));

    let larger = size + ByteSize::from_mib(500);
    let [more, grown] = [GrowthPart::Space, GrowthPart::FileSystem].map(|part| growth(part, &small, larger));
    for thing in [&more, &grown] {
        let making = make(thing, &twin.settings);
        for count in 1..making.items().len() {
            twin.say(&format!("Larger, as far as {count} commands."));
            twin.run_part(2, &making, count);
            twin.look(2, thing);
        }
        assert!(matches!(twin.make(2, thing), Verdict::Done(_)));
        assert!(matches!(twin.look(2, thing), Seen::Present(_)));
    }

    twin.say("Not mounted.");
    let target = layout::mount_point(device_id(FAMILY, 1), brick_id(FAMILY, 1));
    twin.prepare(2, &["umount", &target]);
    assert!(matches!(twin.look(2, &room), Seen::Foreign(_)));
    assert!(matches!(twin.look(2, &grown), Seen::Partial(_)));
    assert!(matches!(twin.make(2, &grown), Verdict::Failed(_)));
    assert!(matches!(twin.unmake(2, &brick), Verdict::Done(_)));
    assert_eq!(twin.look(2, &brick), Seen::Absent);
    twin.ends("growth");
}

#[test]
fn a_directory_is_measured() {
    const FAMILY: u8 = 0xb7;
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);
    let path = DevicePath::new("/disks/disk1/measured").unwrap();
    let id = device_id(FAMILY, 1);
    let size = |least: u64| {
        Thing::DeviceSize(DeviceSizeSpec {
            device: id,
            path: path.clone(),
            least: ByteSize::from_mib(least),
            shared: None,
            shared_before: None,
        })
    };
    twin.prepare(3, &["mkdir", "-p", &layout::image_folder(&path)]);
    twin.say("What does not say that it is the device is not measured.");
    assert!(matches!(twin.make(3, &size(1)), Verdict::Failed(_)));
    let identity = layout::device_identity_file(&path);
    twin.prepare_with(3, &["tee", &identity], &format!("{{\"device\": \"{id}\"}}"));
    twin.say(
        "One that is there has its size, and one that its bricks do not fit into keeps what was recorded.",
    );
    let both = twin.run(3, &make(&size(300), &twin.settings));
    for report in [both.real, both.simulated] {
        let verdict = mortar_command::judge(&size(300), Goal::Present, &report);
        assert!(matches!(verdict, Verdict::Done(_)), "{verdict:?}");
        let verdict = mortar_command::judge(&size(100 << 10), Goal::Present, &report);
        assert!(matches!(verdict, Verdict::Failed(_)), "{verdict:?}");
    }
    twin.prepare(3, &["rm", &identity]);
    twin.ends("device-size");
}
