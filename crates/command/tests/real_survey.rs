//! A survey of this machine: image bricks made for real, in every state that hurts. Needs root.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::room::Room;
use common::{BRICK, DEVICE, brick, device, node_file};
use mortar_command::make;
use mortar_command::query::survey::{FolderSeen, NodeSurvey, ask_node, read_node};
use mortar_model::work::{Goal, Thing};
use mortar_model::{BrickId, BrickSpace, ByteSize, DevicePath, layout};

const DISK: &str = "/var/lib/disks/1";
const OTHER: BrickId = BrickId::from_u128(0xb2b2_b2b2_b2b2_b2b2_b2b2_b2b2_b2b2_b2b2);
const SIZE: ByteSize = ByteSize::from_mib(320);

fn directories() -> [DevicePath; 2] {
    [DISK, "/var/lib/disks/none"].map(|path| DevicePath::new(path).unwrap())
}

fn image_brick(id: BrickId) -> Thing {
    let Thing::Brick(mut spec) = brick(directories()[0].clone(), BrickSpace::Image, 2001) else {
        unreachable!()
    };
    (spec.brick, spec.size) = (id, SIZE);
    spec.identity = format!("{{\n  \"brick\": \"{id}\"\n}}\n");
    Thing::Brick(spec)
}

/// A room with a directory device and two bricks on it.
fn room() -> Room {
    let room = Room::new(&format!(
        "mkdir -p {DISK} && printf '# others\n/dev/x /x ext4 defaults 0 0\n' > /var/lib/fstab"
    ));
    let things = [
        node_file(),
        device(directories()[0].clone(), false),
        image_brick(BRICK),
        image_brick(OTHER),
    ];
    for thing in things {
        room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    }
    room
}

fn survey(room: &Room) -> NodeSurvey {
    read_node(
        &directories(),
        &room.run(&ask_node(&room.settings, &directories())),
    )
    .unwrap()
}

fn at(brick: BrickId) -> String {
    layout::mount_point(DEVICE, brick)
}

fn image(brick: BrickId) -> String {
    layout::image(&directories()[0], brick)
}

#[test]
fn what_was_made_is_seen() {
    let room = room();
    // Data that looks like a brick is not looked at.
    room.shell(&format!(
        "mkdir -p {0}/brick/brick && touch {0}/brick/mortar.json",
        at(BRICK)
    ));
    let seen = survey(&room);
    assert_eq!(seen.unreadable, []);
    assert_eq!(seen.node_file.unwrap().unwrap(), "{\n  \"mortar\": 1\n}\n");
    let folder = |brick| FolderSeen {
        mount_point: at(brick),
        gid: 2001,
    };
    assert_eq!(seen.folders.unwrap(), [folder(BRICK), folder(OTHER)]);
    let text = |brick| format!("{{\n  \"brick\": \"{brick}\"\n}}\n");
    assert_eq!(
        seen.identities.unwrap(),
        [(at(BRICK), text(BRICK)), (at(OTHER), text(OTHER))]
    );
    let images = seen.images.unwrap();
    let paths: Vec<_> = images.iter().map(|seen| (seen.path.clone(), seen.size)).collect();
    assert_eq!(paths, [(image(BRICK), SIZE), (image(OTHER), SIZE)]);
    assert!(
        images
            .iter()
            .all(|seen| seen.taken > ByteSize::ZERO && seen.taken < SIZE)
    );

    // Others may have mounts and loop devices on this machine.
    let mounts = seen.mounts.unwrap();
    let loops = seen.loops.unwrap();
    for brick in [BRICK, OTHER] {
        let mount = mounts.iter().find(|mount| mount.target == at(brick)).unwrap();
        assert_eq!(mount.uuid, layout::file_system_uuid(brick));
        assert!(mount.size < SIZE && mount.used > ByteSize::ZERO && mount.used < mount.size);
        assert!(
            loops
                .iter()
                .any(|used| used.device == mount.source && used.file == image(brick))
        );
    }
    let entries: Vec<_> = seen
        .entries
        .unwrap()
        .into_iter()
        .map(|entry| (entry.source, entry.target))
        .collect();
    assert_eq!(entries, [(image(BRICK), at(BRICK)), (image(OTHER), at(OTHER))]);
    let directories = seen.directories.unwrap();
    assert!(
        directories[0]
            .identity
            .as_ref()
            .unwrap()
            .contains(&DEVICE.to_string())
    );
    let (size, free) = directories[0].space.unwrap();
    assert!(free < size && size == ByteSize::from_gib(8));
    assert_eq!((&directories[1].identity, directories[1].space), (&None, None));
    // No glusterd runs in a room; LVM is asked, and answers.
    assert!(seen.members.is_err());
    assert!(seen.groups.is_ok() && seen.volumes.is_ok());
}

#[test]
fn a_damaged_identity_hurts_only_itself() {
    let room = room();
    let place = |name: &str| format!("{}/{name}", layout::mount_folder(DEVICE));
    let (empty, long, strange) = (place("brick_empty"), place("brick_long"), place("brick_strange"));
    room.shell(&format!(
        "mkdir {empty} {long} {strange} && touch {empty}/mortar.json && head -c 1M /dev/zero > {long}/mortar.json \
         && printf 'a\\0\\377\\n\\nb:/mortar.json:c' > {strange}/mortar.json"
    ));
    let identities = survey(&room).identities.unwrap();
    let text = |place: &str| identities.iter().find(|(at, _)| at == place).unwrap().1.as_str();
    assert_eq!(identities.len(), 5);
    assert_eq!((text(&empty), text(&long)), ("", ""));
    assert_eq!(text(&strange), "a\0\u{fffd}\n\nb:/mortar.json:c\n");
    assert!(text(&at(BRICK)).contains(&BRICK.to_string()));
    assert!(text(&at(OTHER)).contains(&OTHER.to_string()));
}

#[test]
fn a_dead_disk_hurts_only_itself() {
    let room = room();
    room.shell(&format!("xfs_io -x -c shutdown {}", at(BRICK)));
    let seen = survey(&room);
    assert_eq!(seen.unreadable, [(at(BRICK), "Input/output error".to_owned())]);
    let folders: Vec<_> = seen
        .folders
        .unwrap()
        .into_iter()
        .map(|seen| seen.mount_point)
        .collect();
    assert_eq!(folders, [at(OTHER)]);
    let identities: Vec<_> = seen.identities.unwrap().into_iter().map(|(at, _)| at).collect();
    assert_eq!(identities, [at(OTHER)]);
    assert!(seen.mounts.unwrap().iter().any(|mount| mount.target == at(BRICK)));
    assert_eq!(seen.images.unwrap().len(), 2);
}

#[test]
fn a_dead_directory_hurts_only_itself() {
    let room = Room::new(&format!(
        "truncate -s 2G /var/lib/disk.img && mkfs.xfs -q /var/lib/disk.img && mkdir -p {DISK} \
         && mount -o loop /var/lib/disk.img {DISK} && touch /var/lib/fstab && mkdir -p /var/lib/disks/none"
    ));
    for path in directories() {
        let thing = device(path, false);
        room.must(&thing, Goal::Present, &make(&thing, &room.settings));
    }
    room.shell(&format!("xfs_io -x -c shutdown {DISK}"));
    let seen = survey(&room);
    assert_eq!(seen.unreadable.len(), 1);
    assert_eq!(seen.unreadable[0].0, DISK);
    assert!(
        seen.unreadable[0].1.contains("Input/output error"),
        "{:?}",
        seen.unreadable
    );
    let found = seen.directories.unwrap();
    assert_eq!((&found[0].identity, found[0].space), (&None, None));
    assert!(found[1].identity.is_some() && found[1].space.is_some());
    assert_eq!(seen.images, Ok(Vec::new()));
}

#[test]
fn what_is_gone_is_not_there() {
    let room = room();
    room.shell(&format!("umount {} && rm {}", at(BRICK), image(OTHER)));
    let seen = survey(&room);
    let folders: Vec<_> = seen
        .folders
        .unwrap()
        .into_iter()
        .map(|seen| seen.mount_point)
        .collect();
    assert_eq!(folders, [at(OTHER)]);
    let targets: Vec<_> = seen
        .mounts
        .unwrap()
        .into_iter()
        .map(|mount| mount.target)
        .collect();
    assert!(!targets.contains(&at(BRICK)) && targets.contains(&at(OTHER)));
    let images: Vec<_> = seen.images.unwrap().into_iter().map(|seen| seen.path).collect();
    assert_eq!(images, [image(BRICK)]);
    let deleted = format!("{} (deleted)", image(OTHER));
    assert!(seen.loops.unwrap().iter().any(|used| used.file == deleted));
    assert_eq!(seen.entries.unwrap().len(), 2);
}

#[test]
fn a_node_that_mortar_never_was_on_shows_nothing() {
    let room = Room::new("true");
    let seen = survey(&room);
    assert_eq!((seen.node_file, seen.entries), (Ok(None), Ok(Vec::new())));
    assert_eq!((seen.folders, seen.identities), (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!((seen.images, seen.unreadable), (Ok(Vec::new()), Vec::new()));
}

#[test]
fn the_node_file_comes_and_goes() {
    use common::trials::{
        comes_and_goes, goes_on_from_every_half_made_state, goes_on_from_every_half_undone_state,
    };
    let room = Room::new("true");
    comes_and_goes(&room, &node_file());
    goes_on_from_every_half_made_state(&room, &node_file());
    goes_on_from_every_half_undone_state(&room, &node_file());
}
