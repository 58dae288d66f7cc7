//! Each group of programs on a simulated node: what Mortar types, and what must be refused.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use mortar_argv::{Batch, Command, Outcome, Output};
use mortar_simulator::{Foreign, World, WorldConfig};

const HOST: &str = "node1";
const GIB: u64 = 1 << 30;
const UUID: &str = "0123456789abcdef0123456789abcdef";

fn world() -> World {
    let mut world = World::new(WorldConfig {
        disk_size: 10 * GIB,
        directories: vec![("/srv/bricks".into(), 20 * GIB)],
        ..WorldConfig::default()
    });
    world.add_node(HOST);
    world
}

fn command(line: &str) -> Command {
    let mut words = line.split(' ');
    Command::new(words.next().unwrap()).args(words)
}

fn run(world: &mut World, line: &str) -> Output {
    world.run_one(HOST, &command(line))
}

#[track_caller]
fn ok(world: &mut World, line: &str) -> String {
    let output = run(world, line);
    assert!(output.success(), "{line}: {}", output.complaint());
    output.stdout
}

#[track_caller]
fn refused(world: &mut World, line: &str, words: &str) {
    let output = run(world, line);
    assert!(
        !output.success() && output.complaint().contains(words),
        "{line}: {output:?}"
    );
    assert_eq!(world.violations(), Vec::<String>::new());
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

const PV: &str = "pvcreate -qq --metadatasize=128M --dataalignment=256K /dev/sdb";
const VG: &str =
    "vgcreate -qq --physicalextentsize=4M --autobackup=n --addtag mortar.device=d1 vg_1 /dev/sdb";
const LV: &str = "lvcreate -qq --yes --autobackup=n --poolmetadataspare=n --chunksize 256K --poolmetadatasize 8192K --size 1048576K --thin vg_1/tp_1 --virtualsize 1048576K --name brick_1 --addtag mortar.brick=b1";

fn with_volume(world: &mut World) {
    for line in [PV, VG, LV] {
        ok(world, line);
    }
}

#[test]
fn extents_of_a_group_are_counted() {
    let mut world = world();
    with_volume(&mut world);
    let report = json(&ok(
        &mut world,
        "vgs --reportformat json --units b --nosuffix -o vg_size,vg_free,vg_tags vg_1",
    ));
    let group = &report["report"][0]["vg"][0];
    // 10 GiB less the first extent at 134,479,872 bytes are 2,527 extents; the pool has 256, its metadata 2.
    assert_eq!(group["vg_size"], (2527u64 * (4 << 20)).to_string());
    assert_eq!(group["vg_free"], ((2527u64 - 258) * (4 << 20)).to_string());
    assert_eq!(group["vg_tags"], "mortar.device=d1");
    ok(
        &mut world,
        "lvremove -qq --yes --autobackup=n --select lv_name=brick_1 vg_1",
    );
    let command =
        Command::new("lvremove").args(["-qq", "--yes", "--select", "lv_name=tp_1 && thin_count=0", "vg_1"]);
    assert!(world.run_one(HOST, &command).success());
    assert!(
        world.run_one(HOST, &command).success(),
        "nothing selected is no failure"
    );
    let view = world.host(HOST).unwrap();
    let group = view.devices[0].group.as_ref().unwrap();
    assert_eq!((group.free, view.logical_volumes.len()), (group.size, 0));
}

#[test]
fn a_pool_with_spare_metadata_takes_it_once_and_gives_it_back_with_the_last() {
    let mut world = world();
    ok(&mut world, PV);
    ok(&mut world, VG);
    let free = |world: &World| world.host(HOST).unwrap().devices[0].group.as_ref().unwrap().free >> 22;
    let before = free(&world);
    let pool = |number: u8, kib: u32| {
        format!(
            "lvcreate -qq --yes --type thin-pool --poolmetadatasize {kib}K --size 400M --name tp_{number} vg_1"
        )
    };
    ok(&mut world, &pool(1, 8192));
    assert_eq!(before - free(&world), 100 + 2 + 2);
    ok(&mut world, &pool(2, 16384));
    assert_eq!(before - free(&world), 104 + 100 + 4 + 2);
    ok(&mut world, "lvremove -qq --yes vg_1/tp_1");
    ok(&mut world, "lvremove -qq --yes vg_1/tp_2");
    assert_eq!(free(&world), before);
}

#[test]
fn lvm_refuses_what_does_not_fit() {
    let mut world = world();
    with_volume(&mut world);
    let small = "has insufficient free space (2269 extents): 5000 required.";
    refused(
        &mut world,
        "lvcreate -qq --yes --size 20000M --thin vg_1/tp_2 --virtualsize 1G --name brick_2",
        small,
    );
    refused(
        &mut world,
        LV,
        "Logical volume tp_1 already exists in Volume group vg_1.",
    );
    refused(
        &mut world,
        "lvcreate -qq --yes --thin vg_1/tp_9 --virtualsize 1G --name x",
        "Pool tp_9 not found",
    );
    refused(
        &mut world,
        "lvcreate -qq --yes --sizes 1G vg_1",
        "unrecognized option",
    );
    refused(
        &mut world,
        "lvremove -qq vg_1/brick_1",
        "Logical volume vg_1/brick_1 not removed.",
    );
    refused(&mut world, "vgremove -qq vg_1", "containing 2 logical volumes");
    refused(&mut world, "pvcreate -qq /dev/sdb", "without -ff");
    refused(
        &mut world,
        "lvs --reportformat json --units b --nosuffix -o lv_nome vg_1",
        "Unrecognised field",
    );
}

#[test]
fn reports_tell_of_thin_volumes() {
    let mut world = world();
    with_volume(&mut world);
    let line = "lvs --reportformat json --units b --nosuffix -o lv_name,vg_name,lv_size,pool_lv,data_percent,metadata_percent,lv_tags vg_1";
    let report = json(&ok(&mut world, line));
    let rows = report["report"][0]["lv"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["lv_name"], "brick_1");
    assert_eq!(
        (&rows[0]["pool_lv"], &rows[0]["lv_size"]),
        (&"tp_1".into(), &"1073741824".into())
    );
    // The tags of a command that makes both go to the pool.
    assert_eq!(
        (&rows[0]["lv_tags"], &rows[1]["lv_tags"]),
        (&"".into(), &"mortar.brick=b1".into())
    );
    let tree = json(&ok(
        &mut world,
        "lsblk --json --bytes --paths -o NAME,TYPE,FSTYPE,MOUNTPOINTS /dev/sdb",
    ));
    let disk = &tree["blockdevices"][0];
    assert_eq!(disk["fstype"], "LVM2_member");
    let layer = &disk["children"][0]["children"][0];
    assert_eq!(layer["name"], "/dev/mapper/vg_1-tp_1-tpool");
    assert_eq!(layer["children"][1]["name"], "/dev/mapper/vg_1-brick_1");
    ok(&mut world, "test -b /dev/vg_1/brick_1");
}

#[test]
fn a_mounted_volume_is_not_removed_and_a_busy_mount_stays() {
    let mut world = world();
    with_volume(&mut world);
    ok(
        &mut world,
        "mkfs.xfs -q -m uuid=01234567-89ab-cdef-0123-456789abcdef /dev/vg_1/brick_1",
    );
    ok(&mut world, "mkdir -p /m/brick_1");
    ok(&mut world, "mount -o rw,noatime /dev/vg_1/brick_1 /m/brick_1");
    ok(&mut world, "mkdir /m/brick_1/brick");
    refused(
        &mut world,
        "lvremove -qq --yes vg_1/brick_1",
        "contains a filesystem in use.",
    );
    refused(
        &mut world,
        "vgremove -qq --yes vg_1",
        "contains a filesystem in use.",
    );
    refused(&mut world, "rmdir /m/brick_1", "Device or resource busy");
    refused(&mut world, "wipefs --all /dev/sdb", "Device or resource busy");
    refused(
        &mut world,
        "mkfs.xfs -q /dev/vg_1/brick_1",
        "contains a mounted filesystem",
    );
    let line = format!("gluster --mode=script volume create v {HOST}:/m/brick_1/brick");
    ok(&mut world, &line);
    ok(&mut world, "gluster --mode=script volume start v");
    refused(&mut world, "umount /m/brick_1", "target is busy.");
    ok(&mut world, "gluster --mode=script volume stop v force");
    ok(&mut world, "umount /m/brick_1");
    assert!(
        !run(&mut world, "test -e /m/brick_1/brick").success(),
        "it lies in the file system, not under it"
    );
    ok(&mut world, "lvremove -qq --yes vg_1/brick_1");
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[test]
fn images_carry_file_systems_through_moves_and_starts() {
    let mut world = world();
    let image = "/srv/bricks/mortar-bricks/brick_1.img";
    for line in [
        "mkdir -p /srv/bricks/mortar-bricks /m/b".to_owned(),
        format!("truncate --size=1073741824 {image}.part"),
        format!("mkfs.xfs -q -K -f {image}.part"),
        format!("mv {image}.part {image}"),
        format!("mount -o loop,rw {image} /m/b"),
        "mkdir /m/b/brick".to_owned(),
    ] {
        ok(&mut world, &line);
    }
    let loops = json(&ok(&mut world, "losetup --json --list --output NAME,BACK-FILE"));
    assert_eq!(loops["loopdevices"][0]["back-file"], image);
    let table = format!("{image} /m/b xfs loop,rw,nofail 0 0\n");
    world.run_one(
        HOST,
        &command("flock /etc/fstab.lock tee -a /etc/fstab").input(table),
    );
    world.kill_node(HOST);
    let report = world.run(HOST, &Batch::new().ask(Command::new("true")));
    assert_eq!(report.outcomes, [Outcome::NotRun]);
    world.start_node(HOST);
    ok(&mut world, "test -d /m/b/brick");
    let view = world.host(HOST).unwrap();
    assert_eq!((view.mounts.len(), view.boot_errors.len()), (1, 0));
    assert_eq!(view.images, [(image.to_owned(), GIB)]);
    ok(&mut world, "umount /m/b");
    ok(&mut world, &format!("rm -f {image} {image}.part"));
    world.kill_node(HOST);
    world.start_node(HOST);
    assert!(world.host(HOST).unwrap().boot_errors[0].contains("failed to setup loop device"));
    assert_eq!(world.violations(), Vec::<String>::new());
}

#[test]
fn foreign_disks_are_seen_and_kept() {
    let mut world = world();
    assert!(world.spoil_disk(HOST, "/dev/sdb", Foreign::Partitions(2)));
    assert!(world.spoil_disk(HOST, "/dev/sdc", Foreign::Ext4));
    refused(&mut world, PV, "device is partitioned");
    refused(
        &mut world,
        "pvcreate -qq /dev/sdc",
        "1 existing signature left on the device.",
    );
    refused(
        &mut world,
        "mkfs.xfs -q /dev/sdc",
        "appears to contain an existing filesystem (ext4)",
    );
    let tree = json(&ok(
        &mut world,
        "lsblk --json --bytes --paths --output NAME,TYPE,FSTYPE,PTTYPE /dev/sdb /dev/sdc",
    ));
    assert_eq!(tree["blockdevices"][0]["pttype"], "gpt");
    assert_eq!(tree["blockdevices"][0]["children"][1]["name"], "/dev/sdb2");
    assert_eq!(tree["blockdevices"][1]["fstype"], "ext4");
    ok(&mut world, "wipefs --all /dev/sdb");
    ok(&mut world, PV);
    ok(&mut world, "blkid -c /dev/null -s TYPE -o value /dev/sdb");
}

#[test]
fn a_physical_volume_carries_the_uuid_it_was_given() {
    let mut world = world();
    let uuid = "012345-6789-abcd-ef01-2345-6789-abcdef";
    let create = |disk| {
        format!("pvcreate -qq --uuid {uuid} --norestorefile --metadatasize=128M --dataalignment=256K {disk}")
    };
    ok(&mut world, &create("/dev/sdb"));
    refused(&mut world, &create("/dev/sdc"), "already in use on \"/dev/sdb\"");
    ok(&mut world, &format!("blkid -c /dev/null -t UUID={uuid} /dev/sdb"));
    assert_eq!(
        run(&mut world, &format!("blkid -c /dev/null -t UUID={uuid} /dev/sdc")).status,
        2
    );
    let report = json(&ok(
        &mut world,
        "pvs --reportformat json --units b --nosuffix -o pv_name,pv_uuid,vg_name /dev/sdb",
    ));
    assert_eq!(report["report"][0]["pv"][0]["pv_uuid"], uuid);
    let links = ok(&mut world, "udevadm info --query=symlink --name=/dev/sdb");
    assert!(links.contains(&format!("disk/by-id/lvm-pv-uuid-{uuid}")));
    ok(
        &mut world,
        &format!("pvremove -qq /dev/disk/by-id/lvm-pv-uuid-{uuid}"),
    );
}

#[test]
fn views_of_mounts_and_space() {
    let mut world = world();
    ok(&mut world, "mkfs.xfs -q /dev/sdb");
    ok(&mut world, "mkdir /m");
    ok(&mut world, "mount -o rw /dev/sdb /m");
    let found = json(&ok(
        &mut world,
        "findmnt --json --bytes -o TARGET,SOURCE,FSTYPE,SIZE,USED,AVAIL /m",
    ));
    let row = &found["filesystems"][0];
    assert_eq!(
        (&row["target"], &row["source"], &row["fstype"]),
        (&"/m".into(), &"/dev/sdb".into(), &"xfs".into())
    );
    assert_eq!(
        row["size"].as_u64().unwrap(),
        row["used"].as_u64().unwrap() + row["avail"].as_u64().unwrap()
    );
    let text = ok(
        &mut world,
        "df --block-size=1 --output=size,avail,fstype /srv/bricks",
    );
    let fields: Vec<&str> = text.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(fields.len(), 3);
    assert!(fields[0].parse::<u64>().unwrap() > 19 * GIB);
    ok(&mut world, "mkdir /srv/bricks/mortar-bricks");
    let line = Command::new("find").args([
        "/srv/bricks",
        "-mindepth",
        "1",
        "-maxdepth",
        "2",
        "-printf",
        "%P\\n",
    ]);
    assert_eq!(world.run_one(HOST, &line).stdout, "mortar-bricks\n");
    ok(&mut world, "du --summarize --block-size=1 /srv/bricks");
}

#[test]
fn tables_of_mounts_are_edited_line_by_line() {
    let mut world = world();
    let add = |line: &str| command("flock /etc/fstab.lock tee -a /etc/fstab").input(format!("{line}\n"));
    for number in 0..3 {
        assert!(
            world
                .run_one(HOST, &add(&format!("/dev/vg/b{number} /m/{number} xfs rw 0 0")))
                .success()
        );
    }
    ok(&mut world, "grep -qsF -e nothing -e /dev/vg/b1 /etc/fstab");
    let sed = Command::new("flock").args(["/etc/fstab.lock", "sed", "-i", "-e", "\\| /m/1 |d", "/etc/fstab"]);
    assert!(world.run_one(HOST, &sed).success());
    let entries = world.host(HOST).unwrap().mount_entries;
    assert_eq!(
        entries,
        ["/dev/vg/b0 /m/0 xfs rw 0 0", "/dev/vg/b2 /m/2 xfs rw 0 0"]
    );
    assert_eq!(run(&mut world, "grep -qF /dev/vg/b1 /etc/fstab").status, 1);
    world.run_one(HOST, &command("tee /etc/loose").input("no end"));
    ok(&mut world, "sed -i -e $a\\ /etc/loose");
    assert_eq!(ok(&mut world, "cat /etc/loose"), "no end\n");
}

#[test]
fn glusterds_records_can_be_searched() {
    let mut world = world();
    ok(&mut world, "mkdir -p /srv/bricks/b");
    ok(
        &mut world,
        &format!("gluster --mode=script volume create v {HOST}:/srv/bricks/b"),
    );
    let search = format!("grep -qsF -e user.mortar.id={UUID} /var/lib/glusterd/vols/v/info");
    assert_eq!(run(&mut world, &search).status, 1);
    ok(
        &mut world,
        &format!("gluster --mode=script volume set v user.mortar.id {UUID}"),
    );
    ok(&mut world, &search);
    let snaps = "grep -rqsxF --include=info -e parent_volname=v /var/lib/glusterd/snaps";
    assert_eq!(run(&mut world, snaps).status, 1);
    assert!(!world.add_snapshot(HOST, "v", "s1"), "it is not started");
    ok(&mut world, "gluster --mode=script volume start v");
    assert!(world.add_snapshot(HOST, "v", "s1"));
    ok(&mut world, "gluster --mode=script volume stop v");
    ok(&mut world, snaps);
    refused(
        &mut world,
        "gluster --mode=script volume delete v",
        "as it has 1 snapshots",
    );
    assert!(
        run(&mut world, "gluster --mode=script snapshot list v")
            .stdout
            .contains("s1")
    );
}

#[test]
fn what_is_not_simulated_fails_clearly() {
    let mut world = world();
    assert_eq!(run(&mut world, "reboot").status, 127);
    refused(&mut world, "reboot", "not found");
    refused(&mut world, "mkdir --context x", "unrecognized option");
    refused(&mut world, "rm -r /m", "only with --one-file-system");
    refused(&mut world, "grep x /etc/fstab", "fixed strings only");
    refused(
        &mut world,
        "sed -i s/a/b/ /etc/fstab",
        "the simulated node only knows",
    );
    refused(
        &mut world,
        "gluster --mode=script volume top v",
        "unrecognized word",
    );
    refused(
        &mut world,
        "gluster --mode=script --colour volume list",
        "unrecognized word",
    );
    refused(&mut world, "lvresize -L 1G vg/lv", "not found");
    refused(&mut world, "mount --bind /a /b", "unrecognized option");
    assert_eq!(
        run(&mut world, "gluster volume stop v").status,
        1,
        "without --mode=script it asks"
    );
}

#[test]
fn volume_names_follow_glusters_rules() {
    let mut world = world();
    ok(&mut world, "mkdir -p /srv/bricks/b");
    let long = "a".repeat(300);
    for (name, words) in [
        ("-bad", "Usage:"),
        ("ba/d", "Usage:"),
        ("all", "\"all\" cannot be the name of a volume."),
        (&long, "Volume name exceeds 256 characters."),
        ("bad;", "Volume name should not contain \";\" character."),
    ] {
        let line = format!("gluster --mode=script volume create {name} {HOST}:/srv/bricks/b");
        refused(&mut world, &line, words);
    }
    refused(
        &mut world,
        "gluster --mode=script volume create v host:relative",
        "Wrong brick type",
    );
    refused(
        &mut world,
        &format!("gluster --mode=script volume create v {HOST}:/srv/bricks"),
        "is a mount point",
    );
    refused(
        &mut world,
        &format!("gluster --mode=script volume create v {HOST}:/srv/no/b"),
        "Failed to create brick directory",
    );
    refused(
        &mut world,
        &format!("gluster --mode=script volume create v {HOST}:/var/tmp/b"),
        "root partition",
    );
    refused(
        &mut world,
        "gluster --mode=script volume create v other:/srv/bricks/b",
        "is not in 'Peer in Cluster' state",
    );
}

#[test]
fn looks_at_a_brick_and_its_device() {
    let mut world = world();
    for line in [
        "mkdir -p /srv/bricks/mortar-bricks/old /m/b",
        "truncate --size=1G /srv/bricks/mortar-bricks/brick_1.img",
        "truncate --size=1G /srv/bricks/mortar-bricks/brick_2.img.part",
        "mkfs.xfs -q /srv/bricks/mortar-bricks/brick_1.img",
        "mount -o loop,rw /srv/bricks/mortar-bricks/brick_1.img /m/b",
    ] {
        ok(&mut world, line);
    }
    let find = |pattern: &str| {
        let words = [
            "/srv/bricks/mortar-bricks",
            "-mindepth",
            "1",
            "-maxdepth",
            "1",
            "-name",
            pattern,
        ];
        Command::new("find").args(words).args(["-printf", "%f|%s|%b\\n"])
    };
    let said = world.run_one(HOST, &find("brick_1.img*")).stdout;
    assert!(said.starts_with("brick_1.img|1073741824|"), "{said}");
    assert_eq!(
        world.run_one(HOST, &find("brick_2.img*")).stdout,
        "brick_2.img.part|1073741824|0\n"
    );
    let others = "find /srv/bricks -mindepth 1 -maxdepth 1 -not -name lost+found -not -name mortar-bricks -print -quit";
    assert_eq!(ok(&mut world, others), "");
    let output = run(&mut world, "stat --format=%n|%F|%g /m/b /m/b/brick");
    assert_eq!((output.status, output.stdout.as_str()), (1, "/m/b|directory|0\n"));
    assert!(output.complaint().contains("cannot statx '/m/b/brick'"));
    let mounts = json(&ok(
        &mut world,
        "findmnt --json --list --types xfs --output TARGET",
    ));
    assert_eq!(mounts["filesystems"], serde_json::json!([{ "target": "/m/b" }]));
    let signatures = |world: &mut World, path: &str| {
        let list = json(&ok(world, &format!("wipefs --json --output TYPE {path}")));
        list["signatures"].as_array().unwrap().len()
    };
    assert_eq!(signatures(&mut world, "/dev/sdb"), 0);
    world.spoil_disk(HOST, "/dev/sdb", Foreign::Partitions(1));
    assert_eq!(signatures(&mut world, "/dev/sdb"), 3);
    // A tree goes only as far as its own file system.
    ok(&mut world, "rm -rf --one-file-system /srv/bricks/mortar-bricks");
    ok(&mut world, "rm -rf --one-file-system /srv/bricks/mortar-bricks");
    assert!(!run(&mut world, "test -e /srv/bricks/mortar-bricks").success());
    refused(&mut world, "rm -rf --one-file-system /m", "different device");
    ok(&mut world, "test -d /m/b");
    ok(&mut world, "umount /m/b");
    assert_eq!(world.violations(), Vec::<String>::new());
}
