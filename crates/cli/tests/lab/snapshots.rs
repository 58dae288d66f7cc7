//! Snapshots of a volume under a client that writes, clones of them, and the way back.

use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use mortar_lab::DeviceKind;
use serde_json::{Value, json};

use crate::drift::findings;
use crate::ground::{self, on, until, volumes_on};
use crate::life::Client;
use crate::site::Site;
use crate::writer::{told, under_a_writer};

/// A file that is as it was whatever becomes of the volume that it was written to.
const LARGE: &str = "large";

/// What it holds: nothing that is alike in two places.
fn large() -> Vec<u8> {
    let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    let words = std::iter::successors(Some(1_u64), next);
    words.take(4 << 20).flat_map(u64::to_le_bytes).collect()
}

/// How far the writer is; see `writer`.
const FIRST: &str = "first";
const SECOND: &str = "second";

/// A snapshot shows one moment: what was written before something else is in it where that is.
#[test]
fn a_snapshot_shows_one_moment_and_what_is_made_of_it_needs_it_no_more() {
    let ground = ground::Ground::new('s', 3, 1, 8);
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "snapshots");
    let name = site.name("data");
    let mut request = site.request("data", 1, 3);
    // On LVM the snapshot is in the room that the volume's thin pools have, and they become larger for its clones.
    request["snapshot"] = json!({"enable": true, "factor": 2.0});
    let made = site.server.follow(&site.server.post("/volumes", &request));
    assert_eq!(made.status, 200, "{made:?}");
    let origin = made.json();
    let client = Client::mount(&site, &name);
    fs::create_dir(client.path().join("folder")).unwrap();
    fs::write(client.path().join("folder/kept"), "kept").unwrap();
    fs::write(client.path().join(LARGE), large()).unwrap();

    let (before, after) = under_a_writer(files(&client), || {
        let words = ["snapshot", "create", &name, "--name", "monday", "--json"];
        let made: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
        assert_eq!(
            (&made["volume_name"], &made["size"]),
            (&Value::from(name.clone()), &Value::from(1 << 30))
        );
        // The same once more is the same snapshot.
        let again: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
        assert_eq!(again["id"], made["id"]);
    });
    assert_eq!(findings(&site), [] as [&str; 0]);

    let cloned = clone_of_monday(&site, &client, before..=after);
    if ground::devices() == DeviceKind::Lvm {
        thin_copies(&site, &origin);
    }

    // The way back.
    fs::remove_file(client.path().join("folder/kept")).unwrap();
    client.unmount();
    site.server.says(&["snapshot", "restore", "monday"]);
    let client = Client::mount(&site, &name);
    assert_eq!(
        fs::read_to_string(client.path().join("folder/kept")).unwrap(),
        "kept"
    );
    let (first, second) = told(files(&client));
    assert!(
        (before..=after).contains(&first) && (first == second || first == second + 1),
        "{first} and {second} between {before} and {after}"
    );
    assert_eq!(
        told(files(&cloned)),
        (first, second),
        "as the clone of the snapshot"
    );
    fs::write(client.path().join("new"), "new").unwrap();
    assert_healed(&site, &name);

    a_volume_is_cloned_as_it_is(&site, &name);
    assert_eq!(findings(&site), [] as [&str; 0]);

    // Nothing that was made needs what it was made of.
    let id = origin["id"].as_str().unwrap();
    let refused = site.server.delete(&format!("/volumes/{id}"));
    assert_eq!(refused.status, 409, "{refused:?}");
    site.server.says(&["snapshot", "delete", "monday"]);
    client.unmount();
    site.deleted(&origin);
    clones_live_on(&site, cloned);
    assert_eq!(findings(&site), [] as [&str; 0]);
    site.assert_bare();
}

fn files(client: &Client) -> [PathBuf; 2] {
    [FIRST, SECOND].map(|name| client.path().join(name))
}

/// A clone, and what its origin does not see of it.
fn clone_of_monday(site: &Site, client: &Client, moment: RangeInclusive<u64>) -> Client {
    let copy = site.name("copy");
    site.server
        .says(&["snapshot", "clone", "monday", "--name", &copy]);
    let cloned = Client::mount(site, &copy);
    let (first, second) = told(files(&cloned));
    assert!(
        moment.contains(&first) && (first == second || first == second + 1),
        "{first} and {second} in {moment:?}"
    );
    assert_eq!(
        fs::read_to_string(cloned.path().join("folder/kept")).unwrap(),
        "kept"
    );
    let mut names: Vec<String> = fs::read_dir(cloned.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [FIRST, "folder", LARGE, SECOND], "what the clone holds");
    fs::write(cloned.path().join("folder/kept"), "of the clone").unwrap();
    assert_eq!(
        fs::read_to_string(client.path().join("folder/kept")).unwrap(),
        "kept"
    );
    assert_healed(site, &copy);
    cloned
}

fn a_volume_is_cloned_as_it_is(site: &Site, name: &str) {
    let direct = site.name("direct");
    site.server.says(&["volume", "clone", name, "--name", &direct]);
    let third = Client::mount(site, &direct);
    assert_eq!(fs::read_to_string(third.path().join("new")).unwrap(), "new");
    third.unmount();
}

fn clones_live_on(site: &Site, cloned: Client) {
    let copy = site.name("copy");
    assert_eq!(
        fs::read_to_string(cloned.path().join("folder/kept")).unwrap(),
        "of the clone"
    );
    assert!(fs::read(cloned.path().join(LARGE)).unwrap() == large());
    site.server
        .says(&["volume", "expand", &copy, "--by", "1", "--in-place"]);
    until("the clone is larger", || cloned.size() > 15 << 26);
    cloned.unmount();
    for gone in [copy, site.name("direct")] {
        site.server.says(&["volume", "delete", &gone]);
    }
}

/// On LVM: copies and clones are in the pool that their brick has, which becomes larger for one more and counts once; a brick with
/// snapshots stays where it is.
fn thin_copies(site: &Site, origin: &Value) {
    let name = origin["name"].as_str().unwrap();
    assert_pools(site, 3);
    site.server
        .says(&["snapshot", "create", name, "--name", "tuesday"]);
    assert_pools(site, 4);
    site.server.says(&["snapshot", "delete", "tuesday"]);
    assert_pools(site, 4);
    let device = site.server.get(&format!("/devices/{}", site.nodes[0].2)).json();
    let used = device["storage"]["used"].as_u64().unwrap();
    assert!((4 << 20..(4 << 20) + (64 << 10)).contains(&used), "{device}");
    let mut bricks = device["bricks"].as_array().unwrap().iter();
    let brick = bricks.find(|brick| brick["volume"] == origin["id"]).unwrap();
    let brick = brick["id"].as_str().unwrap().to_owned();
    let output = site.server.cli(&["brick", "evict", &brick]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("snapshots of its volume are in its thin pool"),
        "{output:?}"
    );
}

/// One pool of so many GiB on each disk, with all that there is.
fn assert_pools(site: &Site, gib: u64) {
    for (node, _, device) in &site.nodes {
        let rows = volumes_on(&site.lab, node, device, "lv_name,lv_size,pool_lv");
        let pools: Vec<_> = rows.iter().filter(|row| row[0].starts_with("tp_")).collect();
        assert_eq!(pools.len(), 1, "{rows:?}");
        assert_eq!(pools[0][1], format!("{gib}.00"), "{rows:?}");
        assert!(
            rows.iter()
                .filter(|row| row.len() == 3)
                .all(|row| row[2] == pools[0][0]),
            "{rows:?}"
        );
    }
}

/// All copies of all files become the same, and none is in doubt.
pub(crate) fn assert_healed(site: &Site, volume: &str) {
    until("the copies are alike", || {
        let said = on(
            &site.lab,
            "node1",
            &[
                "gluster",
                "--mode=script",
                "volume",
                "heal",
                volume,
                "info",
                "summary",
            ],
        );
        said.lines()
            .filter(|line| line.contains("entries") || line.contains("split-brain"))
            .all(|line| line.trim_end().ends_with(": 0"))
    });
}
