//! Block devices: what is refused, and that only the device that may be destroyed is wiped.
//!
//! In the lab, loop devices inside a node stand for disks: partition tables, file systems and LVM's physical volumes
//! and groups are as real on them as on any disk. Only logical volumes need device-mapper, which no lab has.

use std::os::unix::fs::FileExt as _;

use mortar_model::work::{Seen, Thing, Verdict};
use mortar_simulator::Foreign;

use crate::ground::{Ground, LIMIT, ground};
use crate::things::{device, device_id, name_family};
use crate::twin::Twin;

const FAMILY: u8 = 0xd5;
const SIZE: u64 = 2 << 30;

/// A loop device on node 1, detached at the end; in the simulated world it is a disk of another name.
pub(crate) struct Loop {
    ground: &'static Ground,
    pub(crate) path: String,
    simulated: String,
    image: String,
}

impl Loop {
    /// The same disk in both worlds, blank.
    pub(crate) fn new(twin: &mut Twin, number: u8) -> Self {
        let ground = twin.ground;
        let image = format!("/disks/disk2/disk-{number}.img");
        ground.on("node1", &["truncate", &format!("--size={SIZE}"), &image]);
        let path = ground
            .on("node1", &["losetup", "--find", "--show", "--partscan", &image])
            .trim()
            .to_owned();
        let simulated = format!("/dev/vd{}", char::from(b'a' + number));
        let host = twin.host(1).to_owned();
        assert!(twin.sim.world(|world| world.add_disk(&host, &simulated, SIZE)));
        twin.name(&path, &format!("/dev/disk{number}"));
        twin.name(&simulated, &format!("/dev/disk{number}"));
        twin.called(&path, &simulated);
        Self {
            ground,
            path,
            simulated,
            image,
        }
    }

    fn thing(&self, number: u8, destroy: bool) -> Thing {
        device(device_id(FAMILY, number), &self.path, destroy)
    }

    /// The first MiB of the real disk.
    fn first_bytes(&self) -> Vec<u8> {
        let root = self.ground.lab.node_root("node1").unwrap();
        let file = std::fs::File::open(root.join(self.image.trim_start_matches('/'))).unwrap();
        let mut bytes = vec![0; 1 << 20];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    fn spoil(&self, twin: &Twin, with: Foreign) {
        let host = twin.host(1).to_owned();
        assert!(
            twin.sim
                .world(|world| world.spoil_disk(&host, &self.simulated, with))
        );
        match with {
            Foreign::Xfs => drop(self.ground.on("node1", &["mkfs.xfs", "-q", &self.path])),
            Foreign::Ext4 => drop(self.ground.on("node1", &["mkfs.ext4", "-q", &self.path])),
            Foreign::PhysicalVolume => drop(self.ground.on("node1", &["pvcreate", "-qq", &self.path])),
            Foreign::Partitions(_) => self.partition(),
        }
    }

    /// Writes a table of partitions as fdisk would (which need not be installed), and has the kernel read it.
    fn partition(&self) {
        let root = self.ground.lab.node_root("node1").unwrap();
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(root.join(self.image.trim_start_matches('/')))
            .unwrap();
        file.write_all_at(&partition_table(), 0).unwrap();
        file.sync_all().unwrap();
        self.ground.on("node1", &["blockdev", "--rereadpt", &self.path]);
    }
}

/// A master boot record with one Linux partition of 100 MiB.
fn partition_table() -> [u8; 512] {
    const SECTORS: u32 = (100 << 20) / 512;
    let mut sector = [0; 512];
    sector[440..444].copy_from_slice(b"mort");
    sector[450] = 0x83;
    sector[454..458].copy_from_slice(&2048_u32.to_le_bytes());
    sector[458..462].copy_from_slice(&SECTORS.to_le_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

impl Drop for Loop {
    fn drop(&mut self) {
        let commands: [&[&str]; 2] = [&["losetup", "--detach", &self.path], &["rm", "-f", &self.image]];
        for argv in commands {
            if let Err(error) = self.ground.lab.exec("node1", argv, LIMIT) {
                eprintln!("{argv:?}: {error}");
            }
        }
    }
}

/// What somebody may want to keep is refused, and is still there afterwards.
#[test]
fn disks_that_hold_something_are_refused() {
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);
    // Not every kernel reads the tables of loop devices: then there are no devices for the partitions.
    for words in ["holds a partition table (dos)", "has a partition"] {
        twin.name(&words, "is partitioned");
    }
    let spoils = [
        ("an XFS file system", Foreign::Xfs),
        ("an ext4 file system", Foreign::Ext4),
        ("an LVM physical volume", Foreign::PhysicalVolume),
        ("a partition", Foreign::Partitions(1)),
    ];
    for (number, (what, with)) in (1..).zip(spoils) {
        let disk = Loop::new(&mut twin, number);
        twin.say(&format!("A disk with {what}."));
        disk.spoil(&twin, with);
        let before = disk.first_bytes();
        assert!(matches!(
            twin.look(1, &disk.thing(number, false)),
            Seen::Foreign(_)
        ));
        assert_eq!(twin.look(1, &disk.thing(number, true)), Seen::Absent);
        if with == Foreign::PhysicalVolume {
            // LVM takes one that is in no group anew without asking: there is nothing in it. Only the look refuses it.
            continue;
        }
        twin.say("Made all the same, without leave to destroy: LVM itself refuses, and nothing is lost.");
        let made = twin.make(1, &disk.thing(number, false));
        assert!(!matches!(made, Verdict::Done(_)), "{made:?}");
        assert!(matches!(
            twin.look(1, &disk.thing(number, false)),
            Seen::Foreign(_)
        ));
        assert!(
            disk.first_bytes() == before,
            "the disk with {what} was written to"
        );
    }
    twin.ends("disks-refused");
}

#[test]
fn disks_that_are_missing_in_use_or_too_small_are_refused() {
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);
    twin.say("No such disk.");
    let missing = device(device_id(FAMILY, 7), "/dev/mortar-has-no-such-disk", true);
    assert!(matches!(twin.look(1, &missing), Seen::Foreign(_)));
    assert!(!matches!(twin.make(1, &missing), Verdict::Done(_)));

    twin.say("Mounted: refused even with destroy, and made all the same it is not touched.");
    let disk = Loop::new(&mut twin, 7);
    disk.spoil(&twin, Foreign::Xfs);
    twin.prepare(1, &["mkdir", "-p", "/mnt/used"]);
    twin.prepare(1, &["mount", &disk.path, "/mnt/used"]);
    twin.prepare_with(1, &["tee", "/mnt/used/file"], "precious\n");
    for destroy in [false, true] {
        assert!(matches!(twin.look(1, &disk.thing(7, destroy)), Seen::Foreign(_)));
        assert!(!matches!(twin.make(1, &disk.thing(7, destroy)), Verdict::Done(_)));
    }
    twin.prepare(1, &["grep", "-qF", "precious", "/mnt/used/file"]);
    twin.prepare(1, &["umount", "/mnt/used"]);
    twin.ends("disks-in-the-way");
}

/// Physical volume and volume group come and go; leave to destroy is for the named disk alone.
#[test]
fn disks_come_and_go() {
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);
    let (disk, neighbour) = (Loop::new(&mut twin, 8), Loop::new(&mut twin, 9));
    neighbour.spoil(&twin, Foreign::Xfs);
    let before = neighbour.first_bytes();

    twin.say("A blank disk comes and goes, and each way twice is fine.");
    let thing = disk.thing(8, false);
    assert_eq!(twin.look(1, &thing), Seen::Absent);
    let made = twin.make(1, &thing);
    assert!(matches!(made, Verdict::Done(_)), "{made:?}");
    assert!(matches!(twin.look(1, &thing), Seen::Present(_)));
    twin.make(1, &thing);
    assert_eq!(twin.resume(1, &thing), made);
    twin.say("Another device is refused there.");
    assert!(matches!(twin.look(1, &disk.thing(1, false)), Seen::Foreign(_)));
    for _ in 0..2 {
        assert!(matches!(twin.unmake(1, &thing), Verdict::Done(_)));
        assert_eq!(twin.look(1, &thing), Seen::Absent);
    }

    twin.say("Half made: the group is missing.");
    twin.make(1, &thing);
    let group = mortar_model::layout::volume_group(device_id(FAMILY, 8));
    twin.prepare(1, &["vgremove", "-qq", &group]);
    assert!(matches!(twin.look(1, &thing), Seen::Partial(_)));
    assert_eq!(twin.resume(1, &thing), made);
    twin.unmake(1, &thing);

    twin.say("With leave to destroy, an old file system goes; the disk beside it stays as it was.");
    disk.spoil(&twin, Foreign::Xfs);
    assert!(matches!(twin.look(1, &disk.thing(8, false)), Seen::Foreign(_)));
    assert_eq!(twin.make(1, &disk.thing(8, true)), made);
    assert!(matches!(
        twin.look(1, &neighbour.thing(9, false)),
        Seen::Foreign(_)
    ));
    assert!(
        neighbour.first_bytes() == before,
        "the disk beside was written to"
    );
    twin.unmake(1, &disk.thing(8, true));
    twin.ends("disks");
}
