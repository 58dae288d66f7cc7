//! Disks and thin bricks, made and unmade for real through LVM.
//!
//! Needs root and a kernel with device-mapper and thin pools, which few machines have: `make test-lvm` runs it, in a guest where it
//! has to. The disk is a file in memory, and LVM sees nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::room::Room;
use common::trials::{
    comes_and_goes, goes_on_from_every_half_made_state, goes_on_from_every_half_undone_state,
};
use common::{BRICK, DEVICE, brick, device};
use mortar_command::query::survey::{ask_node, read_node};
use mortar_command::{make, query, unmake};
use mortar_model::work::{FailureKind, Goal, Seen, Thing, Verdict};
use mortar_model::{BrickSpace, ByteSize, DevicePath, layout};

/// A room with a disk.
struct Ground {
    room: Room,
    disk: DevicePath,
}

/// Attaches the disk `$disk`, and has LVM see it alone. Where no udev runs LVM makes its device nodes itself.
const SETUP: &str = r#"truncate --size=4G /var/lib/disk && disk=$(losetup --find --show /var/lib/disk) && echo "$disk" >/var/lib/disk.name &&
    mount -t tmpfs lvm /etc/lvm && {
        test -e /run/udev/control || echo 'activation { udev_sync=0 udev_rules=0 verify_udev_operations=0 monitoring=0 }
            devices/obtain_device_list_from_udev=0
            devices/external_device_info_source="none"'
        echo "devices/use_devicesfile=0
            devices/filter=[ \"a|^$disk\$|\", \"r|.*|\" ]"
    } >/etc/lvm/lvm.conf"#;

impl Ground {
    fn new() -> Self {
        let room = Room::new(SETUP);
        let disk = DevicePath::new(room.shell("cat /var/lib/disk.name").trim()).unwrap();
        Self { room, disk }
    }

    fn thin_brick(&self, size: ByteSize) -> Thing {
        let space = BrickSpace::ThinPool {
            pool: size,
            metadata: ByteSize::from_mib(8),
        };
        let Thing::Brick(mut spec) = brick(self.disk.clone(), space, 2001) else {
            unreachable!()
        };
        spec.size = size;
        Thing::Brick(spec)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Of a test that failed, the group may still be there.
        let group = layout::volume_group(DEVICE);
        let end = format!(
            "umount {}; vgchange --quiet --activate n {group}; losetup --detach {}",
            layout::mount_point(DEVICE, BRICK),
            self.disk
        );
        let _ = self.room.enter("sh").args(["-c", &end]).output();
    }
}

#[test]
#[ignore = "needs device-mapper: make test-lvm"]
fn a_disk_and_its_bricks() {
    let ground = Ground::new();
    let (room, disk) = (&ground.room, &ground.disk);
    let wipe = device(disk.clone(), true);
    let thing = device(disk.clone(), false);

    // Somebody's data is refused, and wiped on demand.
    room.shell(&format!("wipefs --all --quiet {disk} && mkfs.xfs -q {disk}"));
    let seen = room.look(&thing);
    assert!(
        matches!(&seen, Seen::Foreign(text) if text.contains("xfs")),
        "{seen:?}"
    );
    let refused = room.apply(&thing, Goal::Present, &make(&thing, &room.settings));
    assert!(
        matches!(&refused, Verdict::Failed(failure) if failure.kind == FailureKind::Refused),
        "{refused:?}"
    );
    comes_and_goes(room, &wipe);
    comes_and_goes(room, &thing);
    goes_on_from_every_half_made_state(room, &thing);
    goes_on_from_every_half_undone_state(room, &thing);

    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    let brick = ground.thin_brick(ByteSize::from_mib(400));
    comes_and_goes(room, &brick);
    goes_on_from_every_half_made_state(room, &brick);
    goes_on_from_every_half_undone_state(room, &brick);
    a_brick_is_what_was_asked_for(&ground, &brick);

    // A disk with bricks is not removed; one brick too many is no space, and leaves nothing.
    let refused = room.apply(&thing, Goal::Absent, &unmake(&thing, &room.settings));
    assert!(
        matches!(&refused, Verdict::Failed(failure) if failure.kind == FailureKind::Refused),
        "{refused:?}"
    );
    room.must(&brick, Goal::Absent, &unmake(&brick, &room.settings));
    let huge = ground.thin_brick(ByteSize::from_gib(900));
    let full = room.apply(&huge, Goal::Present, &make(&huge, &room.settings));
    assert!(
        matches!(&full, Verdict::Failed(failure) if failure.kind == FailureKind::NoSpace),
        "{full:?}"
    );
    room.must(&huge, Goal::Absent, &unmake(&huge, &room.settings));
    room.must(&thing, Goal::Absent, &unmake(&thing, &room.settings));
    assert_eq!(room.look(&thing), Seen::Absent);
}

fn a_brick_is_what_was_asked_for(ground: &Ground, thing: &Thing) {
    let room = &ground.room;
    // Twice: a brick that is whole is left as it is, or nobody claims to know.
    room.must(thing, Goal::Present, &make(thing, &room.settings));
    let again = room.apply(thing, Goal::Present, &make(thing, &room.settings));
    assert!(matches!(again, Verdict::Done(_)), "{again:?}");
    let site = query::brick_state::Site {
        brick: BRICK,
        device: DEVICE,
        device_path: &ground.disk,
        image: false,
        names: None,
        pool: None,
    };
    let state =
        query::brick_state::read(&site, &room.run(&query::brick_state::ask(&room.settings, &site))).unwrap();
    let (mount, space) = (state.mount.unwrap(), state.space.unwrap());
    assert!(mount.ours, "{mount:?}");
    assert_eq!(space.size, ByteSize::from_mib(400));
    assert!(space.taken.unwrap() < space.size);
    assert_eq!((state.folder_gid, state.mount_entry), (Some(2001), true));
    a_survey_sees_it(ground, true);
    // After a reboot: not mounted, not active. What is left brings it back.
    room.shell(&format!("umount {}", layout::mount_point(DEVICE, BRICK)));
    room.shell(&format!(
        "lvchange -qq --activate n {}",
        layout::volume_group(DEVICE)
    ));
    a_survey_sees_it(ground, false);
    let seen = room.look(thing);
    assert!(matches!(seen, Seen::Partial(_)), "{seen:?}");
    room.must(
        thing,
        Goal::Present,
        &mortar_command::resume(thing, &room.settings, &seen),
    );
    assert!(matches!(room.look(thing), Seen::Present(_)));
}

/// The group, the pool and the brick in it, whether it is active and mounted or not.
fn a_survey_sees_it(ground: &Ground, active: bool) {
    let room = &ground.room;
    let seen = read_node(&[], &room.run(&ask_node(&room.settings, &[]))).unwrap();
    let group = layout::volume_group(DEVICE);
    let groups = seen.groups.unwrap();
    let found = groups.iter().find(|found| found.name == group).unwrap();
    assert_eq!(
        (found.path.as_str(), &found.tags),
        (ground.disk.as_str(), &vec![layout::device_tag(DEVICE)])
    );
    assert_eq!(found.uuid, layout::physical_volume_uuid(DEVICE));
    assert!(found.free < found.size && found.extent == ByteSize::from_mib(4));
    let volumes: Vec<_> = seen
        .volumes
        .unwrap()
        .into_iter()
        .filter(|volume| volume.group == group)
        .collect();
    let [volume, pool] = &volumes[..] else {
        panic!("{volumes:?}")
    };
    assert_eq!(
        (&volume.name, volume.active),
        (&layout::logical_volume(BRICK), active)
    );
    assert_eq!(
        (volume.size, &volume.pool),
        (ByteSize::from_mib(400), &Some(pool.name.clone()))
    );
    assert_eq!(
        (&pool.name, pool.is_pool, pool.metadata),
        (&layout::thin_pool(BRICK), true, ByteSize::from_mib(8))
    );
    assert!(pool.tags.contains(&layout::brick_tag(BRICK)) && pool.data_percent.is_some() == active);
    let mount_point = layout::mount_point(DEVICE, BRICK);
    let mounts = seen.mounts.unwrap();
    let mount = mounts.iter().find(|mount| mount.target == mount_point);
    let uuid = mount.map(|mount| mount.uuid.clone());
    assert_eq!(uuid, active.then(|| layout::file_system_uuid(BRICK)));
    assert!(
        seen.entries
            .unwrap()
            .iter()
            .any(|entry| entry.target == mount_point)
    );
    assert_eq!(
        (seen.folders.unwrap().len(), seen.identities.unwrap().len()),
        (usize::from(active), usize::from(active))
    );
}
