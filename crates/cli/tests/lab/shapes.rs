//! Shapes of volumes beside plain and replicated ones: arbiters and pieces, with a group of their own, as GlusterFS and
//! clients see them.

use std::os::unix::fs::MetadataExt as _;

use serde_json::Value;

use crate::ground::{calm, on, until};
use crate::life::{Client, about, gib};
use crate::site::Site;

/// Group that owns the volumes.
const GROUP: u32 = 4321;
/// What a file holds: more than an inode does.
const MEBIBYTE: usize = 1 << 20;

/// A shape of volume.
struct Shape {
    name: &'static str,
    /// Options of the command line that ask for it.
    options: &'static [&'static str],
    /// What `volume info` says of it, ours and GlusterFS's for one and for two sets.
    said: &'static str,
    shown: [&'static str; 2],
    /// GiB of it, and of what it grows by.
    size: u64,
    /// MiB of each brick of a set.
    bricks: [u64; 3],
    /// Bytes that a file of one MiB has on each brick of its set.
    file: [u64; 3],
    /// Whether the client of a mount that has seen the volume grow ends when it is unmounted. With GlusterFS 10.3 that of a
    /// dispersed volume still runs after 20 s.
    ends: bool,
}

const SHAPES: [Shape; 2] = [
    Shape {
        name: "arbiter",
        options: &["--durability", "arbiter", "--average-file-size", "8"],
        said: "arbiter",
        shown: ["1 x (2 + 1) = 3", "2 x (2 + 1) = 6"],
        size: 3,
        bricks: [3072, 3072, 384],
        file: [1 << 20, 1 << 20, 0],
        ends: true,
    },
    Shape {
        name: "dispersed",
        options: &[
            "--durability",
            "disperse",
            "--disperse-data",
            "2",
            "--redundancy",
            "1",
        ],
        said: "disperse 2+1",
        shown: ["1 x (2 + 1) = 3", "2 x (2 + 1) = 6"],
        size: 2,
        bricks: [1024; 3],
        file: [1 << 19; 3],
        ends: false,
    },
];

/// Made, mounted and written to as the group, made larger, deleted; nothing of them is left.
#[test]
fn arbiters_and_pieces_live_and_leave_nothing() {
    let site = Site::new(calm(), &[1, 2, 3], 4, "shapes");
    for shape in &SHAPES {
        live(&site, shape);
        site.assert_bare();
    }
}

fn live(site: &Site, shape: &Shape) {
    let name = site.name(shape.name);
    let (size, gid) = (shape.size.to_string(), GROUP.to_string());
    let mut words = vec![
        "volume", "create", "--json", "--name", &name, "--size", &size, "--gid", &gid,
    ];
    words.extend(shape.options);
    let volume: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
    assert_eq!(volume["gid"], GROUP);
    let told = site.server.says(&["volume", "info", &name]);
    assert!(told.contains(shape.said), "{told}");
    as_asked(site, shape, &volume, 1);

    let client = Client::mount(site, &name);
    assert!(about(client.size(), gib(shape.size)), "{}", client.size());
    let root = std::fs::metadata(client.path()).unwrap();
    assert_eq!((root.gid(), root.mode() & 0o7777), (GROUP, 0o2775));
    write(&client, "before");
    let words = [
        "volume",
        "expand",
        &name,
        "--expand-size",
        &size,
        "--add-bricks",
        "--json",
    ];
    let grown: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
    assert_eq!(grown["size"], 2 * shape.size);
    as_asked(site, shape, &grown, 2);
    until("the mount sees the new size", || {
        about(client.size(), gib(2 * shape.size))
    });
    read(&client, "before");
    write(&client, "after");
    let other = Client::mount(site, &name);
    read(&other, "after");
    other.unmount();
    if shape.ends {
        client.unmount();
    } else {
        client.leave();
    }
    site.server.says(&["volume", "delete", &name]);
    assert!(!site.volumes().contains(&name));
}

/// Files of one MiB, enough for each set to get some.
fn write(client: &Client, when: &str) {
    for number in 0..8_u8 {
        let file = client.path().join(format!("{when}{number}"));
        std::fs::write(&file, vec![number; MEBIBYTE]).unwrap();
        assert_eq!(
            std::fs::metadata(&file).unwrap().gid(),
            GROUP,
            "new files are the group's"
        );
    }
}

fn read(client: &Client, when: &str) {
    for number in 0..8_u8 {
        let path = client.path().join(format!("{when}{number}"));
        // A look that comes while the rebalance moves a file may miss it (seen with 10.3).
        until("the file is seen", || path.exists());
        let came = std::fs::read(path).unwrap();
        assert!(came == vec![number; MEBIBYTE], "{when}{number}");
    }
}

/// GlusterFS has so many sets of the shape; each brick has its size and its group.
fn as_asked(site: &Site, shape: &Shape, volume: &Value, sets: usize) {
    let name = volume["name"].as_str().unwrap();
    let info = on(
        &site.lab,
        "node1",
        &["gluster", "--mode=script", "volume", "info", name],
    );
    assert!(info.contains(shape.shown[sets - 1]), "{info}");
    assert_eq!(
        info.matches("(arbiter)").count(),
        if shape.name == "arbiter" { sets } else { 0 }
    );
    let bricks = volume["bricks"].as_array().unwrap();
    assert_eq!(bricks.len(), 3 * sets);
    let mut wanted: Vec<u64> = Vec::new();
    let mut found: Vec<u64> = Vec::new();
    for (number, brick) in bricks.iter().enumerate() {
        let path = brick["path"].as_str().unwrap();
        let host = node_of(site, brick);
        let owner = on(&site.lab, host, &["stat", "--format=%g %a", path]);
        assert_eq!(owner.trim(), format!("{GROUP} 2775"), "{path} on {host}");
        wanted.push(shape.bricks[number % 3]);
        found.push(brick["size"].as_u64().unwrap() >> 10);
        if sets == 2 {
            holds(site, shape, host, path);
        }
    }
    wanted.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, wanted);
    let explained = format!("/v1/explain/volumes/{}", volume["id"].as_str().unwrap());
    until("it is seen as recorded", || {
        site.server.get(&explained).json()["volume"]["sight"]["state"] == "ok"
    });
}

fn node_of<'a>(site: &'a Site, brick: &Value) -> &'a str {
    let mut nodes = site.nodes.iter();
    let (name, ..) = nodes.find(|(_, id, _)| *id == brick["node"]).unwrap();
    name
}

/// What files of one MiB have on a brick is what one brick of a set has of them.
fn holds(site: &Site, shape: &Shape, host: &str, path: &str) {
    let sizes = [
        "find",
        path,
        // The rebalance that adding bricks began moves files away while we look.
        "-ignore_readdir_race",
        "-maxdepth",
        "1",
        "-name",
        "before*",
        "-type",
        "f",
        "-size",
        "+0",
        "-printf",
        "%s\n",
    ];
    let sizes = on(&site.lab, host, &sizes);
    for size in sizes.lines() {
        assert!(shape.file.contains(&size.parse().unwrap()), "{size} on {path}");
    }
}
