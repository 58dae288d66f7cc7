//! Snapshots of a volume under a client that writes, clones of them, and the way back.

use std::fs;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use mortar_lab::DeviceKind;
use serde_json::{Value, json};

use crate::drift::findings;
use crate::ground::{self, on, until};
use crate::life::Client;
use crate::site::Site;
use crate::writer::{told, under_a_writer};

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
    // On LVM snapshots are in the room that the volume's thin pools have.
    request["snapshot"] = json!({"enable": true, "factor": 2.0});
    let made = site.server.follow(&site.server.post("/volumes", &request));
    assert_eq!(made.status, 200, "{made:?}");
    let origin = made.json();
    let client = Client::mount(&site, &name);
    fs::create_dir(client.path().join("folder")).unwrap();
    fs::write(client.path().join("folder/kept"), "kept").unwrap();

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

    let cloned =
        (ground::devices() == DeviceKind::Directory).then(|| clone_of_monday(&site, &client, before..=after));
    if cloned.is_none() {
        thin_copies(&site, &name);
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
    if let Some(cloned) = &cloned {
        assert_eq!(
            told(files(cloned)),
            (first, second),
            "as the clone of the snapshot"
        );
    }
    fs::write(client.path().join("new"), "new").unwrap();
    assert_healed(&site, &name);

    if cloned.is_some() {
        a_volume_is_cloned_as_it_is(&site, &name);
    }
    assert_eq!(findings(&site), [] as [&str; 0]);

    // Nothing that was made needs what it was made of.
    let id = origin["id"].as_str().unwrap();
    let refused = site.server.delete(&format!("/volumes/{id}"));
    assert_eq!(refused.status, 409, "{refused:?}");
    site.server.says(&["snapshot", "delete", "monday"]);
    client.unmount();
    site.deleted(&origin);
    if let Some(cloned) = cloned {
        clones_live_on(&site, cloned);
    }
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
    assert_eq!(names, [FIRST, "folder", SECOND], "what the clone holds");
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
    site.server
        .says(&["volume", "expand", &copy, "--by", "1", "--in-place"]);
    until("the clone is larger", || cloned.size() > 15 << 26);
    cloned.unmount();
    for gone in [copy, site.name("direct")] {
        site.server.says(&["volume", "delete", &gone]);
    }
}

/// On LVM: what is there is in the pools of the bricks, one more has no room, a brick stays where it is, and there are no clones.
fn thin_copies(site: &Site, name: &str) {
    for (node, _, device) in &site.nodes {
        let volumes = on(
            &site.lab,
            node,
            &[
                "lvs",
                "--noheadings",
                "-o",
                "lv_name,pool_lv",
                &format!("vg_{device}"),
            ],
        );
        assert_eq!(volumes.matches("copy_").count(), 1, "{volumes}");
        assert_eq!(volumes.matches(" tp_").count(), 3, "{volumes}");
    }
    let refused = |arguments: &[&str], text: &str| {
        let output = site.server.cli(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(text),
            "{arguments:?}: {output:?}"
        );
    };
    refused(&["snapshot", "create", name], "one more snapshot needs 1 GiB");
    refused(
        &["snapshot", "clone", "monday"],
        "clones are made on devices whose bricks share one pool",
    );
    let device = site.server.get(&format!("/devices/{}", site.nodes[0].2)).json();
    let brick = device["bricks"][0]["id"].as_str().unwrap().to_owned();
    refused(
        &["brick", "evict", &brick],
        "snapshots of its volume are in its thin pool",
    );
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
