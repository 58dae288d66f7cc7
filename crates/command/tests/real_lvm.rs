//! Disks and thin bricks, made and unmade for real through LVM.
//!
//! Needs root, device-mapper with thin pools, and a disk of at least 2 GiB that may be wiped, named by
//! `MORTAR_TEST_DISK`. Few machines have all three, so it is run on purpose:
//! `MORTAR_TEST_DISK=/dev/vdb cargo test -p mortar-command --test real_lvm -- --ignored`

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

fn disk() -> DevicePath {
    let path = std::env::var("MORTAR_TEST_DISK").expect("MORTAR_TEST_DISK names a disk that may be wiped");
    DevicePath::new(path).unwrap()
}

fn thin_brick(size: ByteSize) -> Thing {
    let space = BrickSpace::ThinPool {
        pool: size,
        metadata: ByteSize::from_mib(8),
    };
    let Thing::Brick(mut spec) = brick(disk(), space, 2001) else {
        unreachable!()
    };
    spec.size = size;
    Thing::Brick(spec)
}

#[test]
#[ignore = "wipes the disk named by MORTAR_TEST_DISK and needs device-mapper"]
fn a_disk_and_its_bricks() {
    let room = Room::new("true");
    let wipe = device(disk(), true);
    let thing = device(disk(), false);

    // Somebody's data is refused, and wiped on demand.
    room.shell(&format!("wipefs --all --quiet {0} && mkfs.xfs -q {0}", disk()));
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
    comes_and_goes(&room, &wipe);
    comes_and_goes(&room, &thing);
    goes_on_from_every_half_made_state(&room, &thing);
    goes_on_from_every_half_undone_state(&room, &thing);

    room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    let brick = thin_brick(ByteSize::from_mib(400));
    comes_and_goes(&room, &brick);
    goes_on_from_every_half_made_state(&room, &brick);
    goes_on_from_every_half_undone_state(&room, &brick);
    a_brick_is_what_was_asked_for(&room, &brick);

    // A disk with bricks is not removed; one brick too many is no space, and leaves nothing.
    let refused = room.apply(&thing, Goal::Absent, &unmake(&thing, &room.settings));
    assert!(
        matches!(&refused, Verdict::Failed(failure) if failure.kind == FailureKind::Refused),
        "{refused:?}"
    );
    room.must(&brick, Goal::Absent, &unmake(&brick, &room.settings));
    let huge = thin_brick(ByteSize::from_gib(900));
    let full = room.apply(&huge, Goal::Present, &make(&huge, &room.settings));
    assert!(
        matches!(&full, Verdict::Failed(failure) if failure.kind == FailureKind::NoSpace),
        "{full:?}"
    );
    room.must(&huge, Goal::Absent, &unmake(&huge, &room.settings));
    room.must(&thing, Goal::Absent, &unmake(&thing, &room.settings));
    assert_eq!(room.look(&thing), Seen::Absent);
}

fn a_brick_is_what_was_asked_for(room: &Room, thing: &Thing) {
    // Twice: a brick that is whole is left as it is, or nobody claims to know.
    room.must(thing, Goal::Present, &make(thing, &room.settings));
    let again = room.apply(thing, Goal::Present, &make(thing, &room.settings));
    assert!(matches!(again, Verdict::Done(_)), "{again:?}");
    let path = disk();
    let site = query::brick_state::Site {
        brick: BRICK,
        device: DEVICE,
        device_path: &path,
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
    a_survey_sees_it(room, true);
    // After a reboot: not mounted, not active. What is left brings it back.
    room.shell(&format!("umount {}", layout::mount_point(DEVICE, BRICK)));
    room.shell(&format!(
        "lvchange -qq --activate n {}",
        layout::volume_group(DEVICE)
    ));
    a_survey_sees_it(room, false);
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
fn a_survey_sees_it(room: &Room, active: bool) {
    let seen = read_node(&[], &room.run(&ask_node(&room.settings, &[]))).unwrap();
    let group = layout::volume_group(DEVICE);
    let groups = seen.groups.unwrap();
    let found = groups.iter().find(|found| found.name == group).unwrap();
    assert_eq!(
        (found.path.as_str(), &found.tags),
        (disk().as_str(), &vec![layout::device_tag(DEVICE)])
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
