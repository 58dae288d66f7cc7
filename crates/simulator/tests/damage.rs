//! Accidents: mounts, disks and machines that are lost behind everybody's back.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use mortar_argv::{Command, Output};
use mortar_simulator::{HostView, World, WorldConfig};

const NODES: [&str; 3] = ["node1", "node2", "node3"];
const THIN: &str = "/m/thin";
const IMAGE: &str = "/m/image";
const DISK: u64 = 1 << 40;

fn run(world: &mut World, node: &str, line: &str) -> Output {
    let (line, input) = line.split_once(" < ").unwrap_or((line, ""));
    let mut words = line.split(' ');
    let command = Command::new(words.next().unwrap()).args(words);
    world.run_one(node, &command.input(input))
}

fn must(world: &mut World, node: &str, line: &str) -> String {
    let output = run(world, node, line);
    assert!(output.success(), "{line} on {node}: {}", output.complaint());
    output.stdout
}

fn refused(world: &mut World, node: &str, line: &str) -> String {
    let output = run(world, node, line);
    assert!(!output.success(), "{line} on {node} succeeds");
    output.complaint().to_owned()
}

/// Three nodes in a pool, each with a thin brick on `/dev/sdb` and one in an image on `/disks/1`; a volume of each.
fn world() -> World {
    let mut world = World::new(WorldConfig {
        disk_size: DISK,
        directories: vec![("/disks/1".into(), DISK)],
        ..WorldConfig::default()
    });
    for node in NODES {
        world.add_node(node);
        for line in [
            "pvcreate -qq /dev/sdb",
            "vgcreate -qq vg /dev/sdb",
            "lvcreate -qq -L 1G --thin vg/pool -V 1G -n thin",
            "mkfs.xfs -q /dev/vg/thin",
            "truncate --size=1G /disks/1/image",
            "mkfs.xfs -q /disks/1/image",
            "mkdir -p /m/thin /m/image /var/lib/mortar",
            "mount -o noatime /dev/vg/thin /m/thin",
            "mount -o loop,noatime /disks/1/image /m/image",
            "mkdir /m/thin/brick /m/image/brick",
            "tee /m/thin/mortar.json < identity",
            "tee /var/lib/mortar/node.json < node",
            "tee -a /etc/fstab < /dev/vg/thin /m/thin xfs noatime,nofail 0 0\n/disks/1/image /m/image xfs loop,noatime,nofail 0 0\n",
        ] {
            must(&mut world, node, line);
        }
    }
    for line in [
        "gluster --mode=script peer probe node2",
        "gluster --mode=script peer probe node3",
        "gluster --mode=script volume create thin replica 3 node1:/m/thin/brick node2:/m/thin/brick node3:/m/thin/brick",
        "gluster --mode=script volume create image replica 3 node1:/m/image/brick node2:/m/image/brick node3:/m/image/brick",
        "gluster --mode=script volume start thin",
        "gluster --mode=script volume start image",
    ] {
        must(&mut world, "node1", line);
    }
    world
}

fn targets(view: &HostView) -> Vec<&str> {
    view.mounts.iter().map(|mount| mount.target.as_str()).collect()
}

/// How many bricks of a volume run.
fn online(world: &World, volume: &str) -> usize {
    let view = world.volume("node1", volume).unwrap();
    view.online.iter().filter(|online| **online).count()
}

fn sound(world: &World) {
    assert_eq!(world.violations(), Vec::<String>::new());
    // And it is the same after a restart of the program.
    let again = World::load(&world.save().unwrap()).unwrap();
    assert_eq!(again.violations(), Vec::<String>::new());
    assert_eq!(again.host("node2"), world.host("node2"));
}

#[test]
fn a_mount_is_lost_and_its_entry_stays() {
    let mut world = world();
    let entries = world.host("node2").unwrap().mount_entries;
    assert!(!refused(&mut world, "node2", "umount /m/thin").is_empty());
    assert!(world.lose_mount("node2", THIN));
    assert!(!world.lose_mount("node2", THIN));
    assert!(!world.lose_mount("node2", "/disks/1"), "the machine's own");
    let view = world.host("node2").unwrap();
    assert_eq!((targets(&view), &view.mount_entries), (vec![IMAGE], &entries));
    assert_eq!((online(&world, "thin"), online(&world, "image")), (2, 3));
    sound(&world);
    must(&mut world, "node2", "mount -o noatime /dev/vg/thin /m/thin");
    must(
        &mut world,
        "node1",
        "gluster --mode=script volume start thin force",
    );
    assert_eq!(online(&world, "thin"), 3);
    sound(&world);
}

#[test]
fn a_node_comes_back_without_its_mounts() {
    let mut world = world();
    world.kill_node("node2");
    world.start_node_without_mounts("node2");
    let view = world.host("node2").unwrap();
    assert_eq!(
        (targets(&view).len(), view.mount_entries.len(), view.glusterd),
        (0, 2, true)
    );
    assert_eq!((online(&world, "thin"), online(&world, "image")), (2, 2));
    sound(&world);
    world.kill_node("node2");
    world.start_node("node2");
    assert_eq!((online(&world, "thin"), online(&world, "image")), (3, 3));
}

#[test]
fn a_dead_disk_cannot_be_read() {
    let mut world = world();
    assert!(!world.break_mount("node2", "/m/none"));
    assert!(world.break_mount("node2", THIN));
    assert_eq!((online(&world, "thin"), online(&world, "image")), (2, 3));
    for line in [
        "cat /m/thin/mortar.json",
        "mkdir /m/thin/more",
        "df --block-size=1 --output=size,avail /m/thin",
        "find /m -mindepth 2 -maxdepth 2 -name brick -printf %P\\n",
    ] {
        let why = refused(&mut world, "node2", line);
        assert!(why.contains("Input/output error"), "{line}: {why}");
    }
    let output = run(
        &mut world,
        "node2",
        "find /m -mindepth 2 -maxdepth 2 -name brick -printf %P\\n",
    );
    assert_eq!(output.stdout, "image/brick\n");
    // Its parent folder can be read.
    assert_eq!(
        must(
            &mut world,
            "node2",
            "find /m -mindepth 1 -maxdepth 1 -printf %P\\n"
        ),
        "image\nthin\n"
    );
    must(&mut world, "node2", "umount /m/thin");
    let why = refused(&mut world, "node2", "mount -o noatime /dev/vg/thin /m/thin");
    assert!(why.contains("can't read superblock"), "{why}");
    sound(&world);

    assert!(world.break_mount("node3", "/disks/1"));
    for line in [
        "find /disks/1 -mindepth 1",
        "find /m/image -mindepth 1",
        "cat /disks/1/image",
    ] {
        assert!(
            refused(&mut world, "node3", line).contains("Input/output error"),
            "{line}"
        );
    }
    assert_eq!(online(&world, "image"), 2);
    sound(&world);
}

#[test]
fn disks_grow_and_shrink() {
    let mut world = world();
    let group = |world: &World| world.host("node2").unwrap().devices[0].group.clone().unwrap();
    let before = group(&world);
    assert!(world.resize_device("node2", "/dev/sdb", 2 * DISK));
    let grown = group(&world);
    assert_eq!((grown.size - before.size, grown.free - before.free), (DISK, DISK));
    assert!(
        !world.resize_device("node2", "/dev/sdb", 1 << 30),
        "the brick is in the way"
    );
    assert_eq!(group(&world), grown);
    assert!(world.resize_device("node2", "/dev/sdb", 2 << 30));
    assert!(group(&world).free < before.free);
    let df = "df --block-size=1 --output=size /disks/1";
    let space = must(&mut world, "node2", df);
    assert!(world.resize_device("node2", "/disks/1", 2 * DISK));
    assert_ne!(must(&mut world, "node2", df), space);
    assert!(!world.resize_device("node2", "/disks/2", DISK));
    sound(&world);
}

#[test]
fn a_disk_is_replaced_by_an_empty_one() {
    let mut world = world();
    assert!(world.replace_device("node2", "/dev/sdb"));
    let view = world.host("node2").unwrap();
    assert_eq!(
        (view.devices[0].contents.as_str(), view.logical_volumes.len()),
        ("blank", 0)
    );
    assert_eq!((targets(&view), view.mount_entries.len()), (vec![IMAGE], 2));
    assert_eq!((online(&world, "thin"), online(&world, "image")), (2, 3));
    sound(&world);
    assert!(world.replace_device("node3", "/disks/1"));
    let view = world.host("node3").unwrap();
    assert_eq!((view.images.len(), targets(&view)), (0, vec![THIN]));
    assert_eq!((online(&world, "thin"), online(&world, "image")), (2, 2));
    assert!(!world.replace_device("node3", "/m/thin"), "not a device");
    sound(&world);
}

#[test]
fn a_node_is_installed_anew_and_keeps_its_disks() {
    let mut world = world();
    let before = world.host("node2").unwrap();
    assert!(world.reinstall_node("node2"));
    let view = world.host("node2").unwrap();
    assert_eq!((view.node_file.clone(), view.glusterd), (None, false));
    assert_eq!((view.mounts.len(), view.mount_entries.len()), (0, 0));
    assert_eq!((&view.devices, &view.images), (&before.devices, &before.images));
    assert_eq!(view.logical_volumes, before.logical_volumes);
    sound(&world);
    // Its peers miss it; its own records are gone.
    assert_eq!((online(&world, "thin"), online(&world, "image")), (2, 2));
    let pool = must(&mut world, "node1", "gluster --mode=script pool list");
    assert!(pool.contains("node2") && pool.contains("Disconnected"), "{pool}");
    refused(&mut world, "node2", "cat /var/lib/glusterd/vols/thin/info");
    refused(&mut world, "node2", "gluster --mode=script pool list");
    // Mounted again and with its records back, its bricks run.
    for line in [
        "mkdir -p /m/thin /m/image",
        "mount -o noatime /dev/vg/thin /m/thin",
        "mount -o loop,noatime /disks/1/image /m/image",
    ] {
        must(&mut world, "node2", line);
    }
    world.start_glusterd("node2");
    assert_eq!((online(&world, "thin"), online(&world, "image")), (3, 3));
    must(&mut world, "node2", "cat /var/lib/glusterd/vols/thin/info");
    assert_eq!(must(&mut world, "node2", "cat /m/thin/mortar.json"), "identity");
    sound(&world);
}

#[test]
fn a_node_is_lost_with_all_it_had() {
    let mut world = world();
    assert!(!world.replace_node("node9"));
    world.kill_node("node2");
    assert!(world.replace_node("node2"));
    let view = world.host("node2").unwrap();
    assert!(
        view.devices
            .iter()
            .all(|device| device.contents == "blank" && device.group.is_none())
    );
    assert_eq!(
        (view.images.len(), view.logical_volumes.len(), view.mounts.len()),
        (0, 0, 0)
    );
    assert_eq!((online(&world, "thin"), online(&world, "image")), (2, 2));
    sound(&world);
    world.start_glusterd("node2");
    assert_eq!((online(&world, "thin"), online(&world, "image")), (2, 2));
    must(&mut world, "node2", "pvcreate -qq /dev/sdb");
    sound(&world);
}

#[test]
fn a_lonely_node_that_is_installed_anew_forgets_its_volumes() {
    let mut world = World::new(WorldConfig::default());
    world.add_node("node1");
    must(&mut world, "node1", "mkdir -p /srv/brick");
    must(
        &mut world,
        "node1",
        "gluster --mode=script volume create v node1:/srv/brick force",
    );
    assert!(world.reinstall_node("node1"));
    world.start_glusterd("node1");
    assert_eq!(world.pool("node1").unwrap().volumes, []);
    assert_eq!(world.violations(), Vec::<String>::new());
    must(&mut world, "node1", "mkdir -p /srv/brick");
    must(
        &mut world,
        "node1",
        "gluster --mode=script volume create v node1:/srv/brick force",
    );
    assert_eq!(world.violations(), Vec::<String>::new());
}
