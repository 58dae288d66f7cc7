//! Volumes that grow where they are, under a client that writes, and disks that grew.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;

use crate::drift::{as_recorded, findings};
use crate::ground::{self, on, until};
use crate::life::{Client, about, gib};
use crate::site::Site;

const MEBIBYTE: u64 = 1 << 20;
/// MiB of the file before the volume grows; from there on the client writes into the last of them again and again.
const BEFORE: u64 = 700;
/// MiB of the whole file: more than the volume held.
const WHOLE: u64 = 1100;
/// What is written at the beginning of each MiB. The rest is only allocated: it takes as much room, and a guest writes slowly.
const WRITTEN: usize = 64 << 10;

/// One file becomes larger than the volume was, and the client never stops writing.
#[test]
fn a_volume_grows_where_it_is_while_a_client_writes() {
    let ground = ground::Ground::new('g', 3, 1, 8);
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "growth");
    let name = site.name("data");
    let volume = site.created("data", 1, 3);
    let client = Client::mount(&site, &name);
    let small = client.size();
    assert!(about(small, gib(1)), "{small}");

    let file = client.path().join("one");
    let (written, larger) = (AtomicU64::new(0), AtomicBool::new(false));
    let grown = std::thread::scope(|scope| {
        let writer = scope.spawn(|| write(&file, &written, &larger));
        until("the client writes", || written.load(Ordering::Relaxed) >= BEFORE);
        let before = written.load(Ordering::Relaxed);
        let words = ["volume", "expand", &name, "--by", "1", "--in-place", "--json"];
        let said = site.server.says(&words);
        assert!(
            written.load(Ordering::Relaxed) > before,
            "it wrote while the volume grew"
        );
        larger.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        serde_json::from_str::<Value>(&said).unwrap()
    });
    assert_eq!(grown["size"], 2);
    let bricks = |volume: &Value| -> Vec<(Value, Value)> {
        let bricks = volume["bricks"].as_array().unwrap().iter();
        bricks
            .map(|brick| (brick["id"].clone(), brick["size"].clone()))
            .collect()
    };
    let same: Vec<(Value, Value)> = bricks(&volume)
        .into_iter()
        .map(|(id, _)| (id, Value::from(2 << 20)))
        .collect();
    assert_eq!(bricks(&grown), same, "the same bricks, of 2 GiB each");
    until("the mount sees the new size", || about(client.size(), gib(2)));
    // As large as one that was made so.
    site.created("twin", 2, 3);
    let twin = Client::mount(&site, &site.name("twin"));
    let (came, made) = (client.size(), twin.size());
    assert!(came.abs_diff(made) < made / 100, "{came} beside {made}");
    twin.unmount();
    site.server.says(&["volume", "delete", &site.name("twin")]);

    assert!(std::fs::metadata(&file).unwrap().len() > small);
    let other = Client::mount(&site, &name);
    check(&other.path().join("one"));
    other.unmount();
    client.unmount();
    assert_eq!(findings(&site), [] as [&str; 0]);
    // Once more, over what grew already; and more bricks, and these grow as well.
    for (way, size, count) in [("--in-place", 3, 3), ("--add-bricks", 4, 6), ("--in-place", 6, 6)] {
        let by = if size == 6 { "2" } else { "1" };
        let words = ["volume", "expand", &name, "--by", by, way, "--json"];
        let grown: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
        assert_eq!(
            (&grown["size"], bricks(&grown).len()),
            (&Value::from(size), count)
        );
    }
    let client = Client::mount(&site, &name);
    assert!(about(client.size(), gib(6)), "{}", client.size());
    check(&client.path().join("one"));
    client.unmount();
    assert_eq!(findings(&site), [] as [&str; 0]);
    site.server.says(&["volume", "delete", &name]);
    site.assert_bare();
    a_disk_that_grew(&site);
}

/// The file, MiB by MiB; from the first part on it waits for nothing.
fn write(path: &Path, written: &AtomicU64, larger: &AtomicBool) {
    let mut file = std::fs::File::create(path).unwrap();
    allocate(path, BEFORE);
    let (mut number, mut allocated) = (0, BEFORE);
    while number < WHOLE {
        if number >= allocated {
            allocated = WHOLE;
            allocate(path, WHOLE);
        }
        file.seek(SeekFrom::Start(number * MEBIBYTE)).unwrap();
        file.write_all(&block(number)).unwrap();
        written.fetch_add(1, Ordering::Relaxed);
        number = if number + 1 < BEFORE || larger.load(Ordering::Relaxed) {
            number + 1
        } else {
            BEFORE - 50 + number % 49
        };
    }
    file.sync_all().unwrap();
}

/// Takes the room for so many MiB of the file: fails where the volume has less.
fn allocate(path: &Path, mebibytes: u64) {
    let done = std::process::Command::new("fallocate")
        .args(["--length", &(mebibytes * MEBIBYTE).to_string()])
        .arg(path)
        .status();
    assert!(done.unwrap().success(), "{mebibytes} MiB are allocated");
}

fn block(number: u64) -> Vec<u8> {
    (number + 1).to_le_bytes().repeat(WRITTEN / 8)
}

fn check(path: &Path) {
    let mut file = std::fs::File::open(path).unwrap();
    let mut came = vec![0; WRITTEN];
    for number in 0..WHOLE {
        file.seek(SeekFrom::Start(number * MEBIBYTE)).unwrap();
        file.read_exact(&mut came).unwrap();
        assert!(came == block(number), "MiB {number} is not as written");
    }
    assert_eq!(file.metadata().unwrap().len(), WHOLE * MEBIBYTE);
}

/// The file under a node's disk grows by 2 GiB, and what is told it says so.
fn a_disk_that_grew(site: &Site) {
    let (node, _, device) = &site.nodes[0];
    let path = site.lab.disk(node, 1).unwrap();
    let size = || {
        let info = site.server.get(&format!("/devices/{device}")).json();
        info["storage"]["total"].as_u64().unwrap()
    };
    let directory = !path.starts_with("/dev/");
    let disk = if directory {
        on(
            &site.lab,
            node,
            &["findmnt", "--noheadings", "--output", "SOURCE", &path],
        )
    } else {
        on(&site.lab, node, &["readlink", "--canonicalize", &path])
    };
    let disk = disk.trim();
    let backing = on(
        &site.lab,
        node,
        &["cat", &format!("/sys/block/{}/loop/backing_file", &disk[5..])],
    );
    let before = size();
    let words = ["device", "resize", device];
    site.server.says(&words);
    assert!(
        size().abs_diff(before) < 1 << 16,
        "as it was: {} beside {before}",
        size()
    );
    let truncated = std::process::Command::new("truncate")
        .args(["--no-create", "--size=+2G", backing.trim()])
        .status();
    assert!(truncated.unwrap().success());
    on(&site.lab, node, &["losetup", "--set-capacity", disk]);
    if directory {
        on(&site.lab, node, &["xfs_growfs", "-d", &path]);
    }
    let said = site.server.says(&words);
    assert!(said.contains("has 9.") || said.contains("has 10"), "{said}");
    // XFS takes a part of what it gets.
    let more = size() - before;
    assert!(
        ((2 << 20) * 95 / 100..=2 << 20).contains(&more),
        "{more} KiB more"
    );
    as_recorded(site);
}
