//! Snapshots of several volumes at one moment, under a client that writes to one and then to the other.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::drift::findings;
use crate::ground::Ground;
use crate::life::Client;
use crate::site::Site;
use crate::snapshots::assert_healed;
use crate::writer::{told, under_a_writer};

/// A log is never older than the data that was written after it.
#[test]
fn a_group_shows_one_moment_of_all_its_volumes() {
    let ground = Ground::new('g', 3, 1, 8);
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "groups");
    let volumes = ["log", "data"].map(|name| copied(&site, name));
    let names = ["log", "data"].map(|name| site.name(name));
    let clients = names.each_ref().map(|name| Client::mount(&site, name));

    let (before, after) = under_a_writer(files(&clients), || {
        let [log, data] = &names;
        let made = said(&site, &["create", log, data, "--name", "monday"]);
        assert_eq!(made["snapshots"].as_array().unwrap().len(), 2, "{made}");
        // The same once more, in whatever order, is the same group.
        let again = said(&site, &["create", data, log, "--name", "monday"]);
        assert_eq!(again["id"], made["id"]);
    });
    assert_eq!(findings(&site), [] as [&str; 0]);

    let group = said(&site, &["info", "monday"]);
    let snapshots: Vec<&str> = group["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|snapshot| snapshot["id"].as_str().unwrap())
        .collect();
    let refused = site.server.cli(&["snapshot", "delete", snapshots[0]]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && text.contains("group"),
        "a moment has no parts: {text}"
    );

    // The way back, of both.
    for client in clients {
        client.unmount();
    }
    for snapshot in snapshots {
        site.server.says(&["snapshot", "restore", snapshot]);
    }
    let clients = names.each_ref().map(|name| Client::mount(&site, name));
    let (log, data) = told(files(&clients));
    assert!(
        (before..=after).contains(&log) && (log == data || log == data + 1),
        "{log} and {data} between {before} and {after}"
    );
    for name in &names {
        assert_healed(&site, name);
    }
    for client in clients {
        client.unmount();
    }
    site.server.says(&["snapshot", "group", "delete", "monday"]);
    for volume in &volumes {
        site.deleted(volume);
    }
    assert_eq!(findings(&site), [] as [&str; 0]);
    site.assert_bare();
}

/// A volume of which there can be a snapshot: on LVM it is in the room that the volume's thin pools have.
fn copied(site: &Site, name: &str) -> Value {
    let mut request = site.request(name, 1, 3);
    request["snapshot"] = json!({"enable": true, "factor": 2.0});
    let made = site.server.follow(&site.server.post("/volumes", &request));
    assert_eq!(made.status, 200, "{made:?}");
    made.json()
}

fn files(clients: &[Client; 2]) -> [PathBuf; 2] {
    clients.each_ref().map(|client| client.path().join("number"))
}

fn said(site: &Site, words: &[&str]) -> Value {
    let all = [&["snapshot", "group"], words, &["--json"]].concat();
    serde_json::from_str(&site.server.says(&all)).unwrap()
}
