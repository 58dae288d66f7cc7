//! Devices that cannot be used: each gets a clear answer, and node, pool and store are as before.
//!
//! Loop devices inside a node stand for disks: partition tables, file systems and LVM's physical volumes and groups
//! are as real on them as on any disk. Bricks on them need device-mapper, which a lab does not have.

use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::PoisonError;

use mortar_lab::Lab;

use crate::ground::{LIMIT, NODE_4, calm, on};
use crate::site::Site;

/// A loop device on node 4, detached when dropped.
struct Disk {
    lab: Lab,
    path: String,
    image: String,
}

impl Disk {
    fn new(lab: &Lab, name: &str) -> Self {
        let image = format!("/disks/disk2/{name}.img");
        on(lab, "node4", &["truncate", "--size=2G", &image]);
        let path = on(
            lab,
            "node4",
            &["losetup", "--find", "--show", "--partscan", &image],
        );
        Self {
            lab: lab.clone(),
            path: path.trim().to_owned(),
            image,
        }
    }

    fn file(&self) -> PathBuf {
        let root = self.lab.node_root("node4").unwrap();
        root.join(self.image.trim_start_matches('/'))
    }

    /// The first MiB.
    fn bytes(&self) -> Vec<u8> {
        on(&self.lab, "node4", &["sync"]);
        let mut bytes = vec![0; 1 << 20];
        let file = std::fs::File::open(self.file()).unwrap();
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    /// One Linux partition, as fdisk would write it (which need not be installed).
    fn partition(&self) {
        let mut sector = [0; 512];
        sector[440..444].copy_from_slice(b"mort");
        sector[450] = 0x83;
        sector[454..458].copy_from_slice(&2048_u32.to_le_bytes());
        sector[458..462].copy_from_slice(&204_800_u32.to_le_bytes());
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        let file = std::fs::OpenOptions::new().write(true).open(self.file()).unwrap();
        file.write_all_at(&sector, 0).unwrap();
        file.sync_all().unwrap();
        on(&self.lab, "node4", &["blockdev", "--rereadpt", &self.path]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let commands: [&[&str]; 2] = [&["losetup", "--detach", &self.path], &["rm", "-f", &self.image]];
        for argv in commands {
            if let Err(error) = self.lab.exec("node4", argv, LIMIT) {
                eprintln!("{argv:?}: {error}");
            }
        }
    }
}

/// The device is refused with this text; nothing changed.
fn refused(site: &Site, node: &str, path: &str, destroy: bool, text: &str) {
    let before = site.state();
    let ended = site.server.follow(&site.add_device(node, path, destroy));
    assert_eq!(ended.status, 500, "{path}: {ended:?}");
    assert!(ended.text.contains(text), "{path}: {ended:?} lacks {text:?}");
    assert_eq!(site.state(), before, "{path}");
}

#[test]
fn devices_that_cannot_be_used_change_nothing() {
    let lab = calm();
    let _node4 = NODE_4.lock().unwrap_or_else(PoisonError::into_inner);
    // Its disks are loop devices of this machine, which LVM sees on no other node of a lab.
    on(lab, "node4", &["truncate", "--size=0", "/etc/lvm/lvm.conf"]);
    let site = Site::new(lab, &[4], 1, "dev");
    let node = site.nodes[0].1.clone();

    // Paths that are no devices at all.
    for (path, status) in [
        ("relative", 400),
        ("/dev/../etc", 400),
        ("/x;$(touch /tmp/x)", 400),
        ("", 400),
    ] {
        let said = site.add_device(&node, path, false);
        assert_eq!(said.status, status, "{path:?}: {said:?}");
    }
    let said = site.add_device(&node, "/disks/disk1", false);
    assert_eq!(said.status, 409, "{said:?}");
    assert!(said.text.contains("already used by device with id"), "{said:?}");
    refused(
        &site,
        &node,
        "/dev/mortar-none",
        false,
        "is not a block device of this node",
    );
    refused(&site, &node, "/disks/none", false, "does not exist on the node");

    directories(&site, &node);
    disks(&site, &node);
    only_the_named_disk_is_wiped(&site, &node);
}

fn directories(site: &Site, node: &str) {
    let lab = &site.lab;
    // A directory in use: by files of others, by bricks of another server.
    on(lab, "node4", &["mkdir", "-p", "/disks/disk3/used"]);
    on(lab, "node4", &["touch", "/disks/disk3/used/file"]);
    refused(site, node, "/disks/disk3/used", false, "is not empty");
    on(lab, "node4", &["mkdir", "-p", "/disks/disk3/other/mortar-bricks"]);
    let identity = format!(
        "echo '{{\"mortar\": 1, \"device\": \"{}\"}}' > /disks/disk3/other/mortar-device.json",
        "ab".repeat(16)
    );
    on(lab, "node4", &["sh", "-c", &identity]);
    refused(site, node, "/disks/disk3/other", false, &"ab".repeat(16));
    on(lab, "node4", &["touch", "/disks/disk3/plain-file"]);
    refused(
        site,
        node,
        "/disks/disk3/plain-file",
        false,
        "is not a directory but a regular",
    );
}

fn disks(site: &Site, node: &str) {
    let lab = &site.lab;
    let disk = Disk::new(lab, "xfs");
    on(lab, "node4", &["mkfs.xfs", "-q", &disk.path]);
    let before = disk.bytes();
    refused(site, node, &disk.path, false, "holds a file system (xfs)");
    assert!(disk.bytes() == before);
    // Mounted it is refused even where it may be destroyed.
    on(lab, "node4", &["mkdir", "-p", "/mnt/used"]);
    on(lab, "node4", &["mount", &disk.path, "/mnt/used"]);
    refused(site, node, &disk.path, true, "is mounted at /mnt/used");
    on(lab, "node4", &["umount", "/mnt/used"]);
    drop(disk);

    let disk = Disk::new(lab, "lvm");
    on(lab, "node4", &["pvcreate", "-qq", &disk.path]);
    let before = disk.bytes();
    refused(site, node, &disk.path, false, "holds an LVM physical volume");
    assert!(disk.bytes() == before);
    drop(disk);

    let disk = Disk::new(lab, "parts");
    disk.partition();
    let before = disk.bytes();
    // "has a partition", or "holds a partition table" where the kernel does not read those of loop devices.
    refused(site, node, &disk.path, false, "a partition");
    assert!(disk.bytes() == before);
    drop(disk);

    // LVM's configuration on the node leaves it out.
    let disk = Disk::new(lab, "filtered");
    let before = disk.bytes();
    let filter = format!("devices {{ filter=[ \"r|^{}$|\" ] }}", disk.path);
    on(
        lab,
        "node4",
        &["sh", "-c", &format!("echo '{filter}' > /etc/lvm/lvm.conf")],
    );
    for destroy in [false, true] {
        refused(
            site,
            node,
            &disk.path,
            destroy,
            "device is rejected by filter config",
        );
        assert!(disk.bytes() == before);
    }
    on(lab, "node4", &["truncate", "--size=0", "/etc/lvm/lvm.conf"]);
    drop(disk);

    let disk = Disk::new(lab, "small");
    on(lab, "node4", &["truncate", "--size=512M", &disk.image]);
    on(lab, "node4", &["losetup", "--set-capacity", &disk.path]);
    refused(site, node, &disk.path, true, "is too small");
}

fn only_the_named_disk_is_wiped(site: &Site, node: &str) {
    let lab = &site.lab;
    let (named, beside) = (Disk::new(lab, "named"), Disk::new(lab, "beside"));
    for disk in [&named, &beside] {
        on(lab, "node4", &["mkfs.ext4", "-q", &disk.path]);
    }
    let before = beside.bytes();
    refused(site, node, &named.path, false, "holds a file system (ext4)");
    let done = site.server.follow(&site.add_device(node, &named.path, true));
    assert_eq!(done.status, 204, "{done:?}\n{}", site.server.log());
    assert!(beside.bytes() == before, "the disk beside was written to");
    refused(site, node, &beside.path, false, "holds a file system (ext4)");

    // Given back, it is bare.
    let info = site.server.get(&format!("/nodes/{node}")).json();
    let devices = info["devices"].as_array().unwrap();
    let device = devices
        .iter()
        .find(|device| device["name"] == named.path.as_str())
        .unwrap();
    let id = device["id"].as_str().unwrap();
    for state in ["offline", "failed"] {
        let said = site.server.post(
            &format!("/devices/{id}/state"),
            &serde_json::json!({"state": state}),
        );
        let done = site.server.follow(&said);
        assert_eq!(done.status, 204, "{done:?}");
    }
    let done = site.server.follow(&site.server.delete(&format!("/devices/{id}")));
    assert_eq!(done.status, 204, "{done:?}\n{}", site.server.log());
    let left = on(
        lab,
        "node4",
        &["wipefs", "--output", "TYPE", "--noheadings", &named.path],
    );
    assert_eq!(left.trim(), "");
}
