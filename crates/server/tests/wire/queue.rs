//! What the queue says of work that waits, and of work that failed.

use std::sync::Arc;

use serde_json::json;

use crate::flow::{nodes_with, open, replica};
use crate::snapshots::made;
use crate::support::hosts::CutBefore;
use crate::support::{Door, Reply, Setup};

const GIB: u64 = 1 << 30;

fn place(accepted: &Reply) -> String {
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    accepted.header("location").unwrap().to_owned()
}

/// Asks until the work is at its end, or stands still.
async fn at_rest(door: &Door, place: &str) -> Reply {
    loop {
        let reply = door.ask("GET", &format!("{place}?wait=10"), "").await;
        if reply.header("x-pending").is_none() || reply.header("mortar-phase").is_some() {
            return reply;
        }
    }
}

/// Bricks that have begun to grow only go forward, and one is on a node that goes away right then.
#[tokio::test]
async fn what_waits_for_a_node_has_not_failed() {
    let hosts = nodes_with(100 * GIB);
    let door = Setup {
        hosts: Arc::new(CutBefore {
            hosts: hosts.clone(),
            host: "n3",
            program: "xfs_growfs",
            done: false.into(),
        }),
        ..Setup::default()
    }
    .open()
    .await;
    door.pool(&["/dev/sdb"]).await;
    let volume = made(&door, "/volumes", &replica(3, 2)).await;
    let volume = format!("/volumes/{}", volume["id"].as_str().unwrap());
    let expand = json!({"expand_size": 1}).to_string();
    let accepted = door.ask("POST", &format!("{volume}/expand"), &expand).await;
    let place = place(&accepted);
    let waiting = at_rest(&door, &place).await;
    let header = |name: &str| waiting.header(name).map(str::to_owned);
    assert_eq!((waiting.status, waiting.body.as_str()), (200, ""), "{waiting:?}");
    // Both of Heketi's clients go on asking.
    assert_eq!(header("x-pending").as_deref(), Some("true"));
    assert_eq!(header("mortar-phase").as_deref(), Some("waiting-for-node"));
    hosts.world(|world| world.join("n3"));
    let id = place.trim_start_matches("/queue/").to_owned();
    let taken_up = door.ask("POST", &format!("/v1/operations/{id}/retry"), "").await;
    assert!(taken_up.status < 300, "{}", taken_up.body);
    let ended = at_rest(&door, &place).await;
    assert_eq!(
        (ended.status, ended.header("location")),
        (303, Some(volume.as_str())),
        "{}",
        ended.body
    );
    assert_eq!(door.ask("GET", &volume, "").await.json()["size"], 3);
}

#[tokio::test]
async fn a_device_whose_bricks_find_no_place_is_told_in_heketis_words() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    let (_, _, devices) = door.pool(&["/dev/sdb"]).await;
    made(&door, "/volumes", &replica(3, 2)).await;
    let device = &devices[0];
    let state = format!("/devices/{device}/state");
    let offline = door.finish("POST", &state, r#"{"state":"offline"}"#).await;
    assert_eq!(offline.status, 204, "{}", offline.body);
    let kept = door.finish("POST", &state, r#"{"state":"failed"}"#).await;
    let words = format!("Unable to delete device [{device}] as no device was found to replace it: ");
    assert_eq!(kept.status, 500);
    let why = kept
        .body
        .strip_prefix(&words)
        .unwrap_or_else(|| panic!("{}", kept.body));
    assert!(why.contains(" cannot move: volume "), "{why}");
    assert_eq!(
        door.ask("GET", &format!("/devices/{device}"), "").await.json()["state"],
        "offline"
    );
}

#[tokio::test]
async fn snapshots_that_keep_a_volume_are_counted_in_heketis_words() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&["/disks/one"]).await;
    let volume = made(&door, "/volumes", &replica(3, 2)).await;
    let (id, name) = (volume["id"].as_str().unwrap(), volume["name"].as_str().unwrap());
    let path = format!("/volumes/{id}");
    let words =
        |number: usize| format!("Unable to delete volume {name} because it contains {number} snapshots");

    // GlusterFS's own are met on the nodes.
    hosts.world(|world| assert!(world.add_snapshot("n1", name, "a") && world.add_snapshot("n1", name, "b")));
    let kept = door.finish("DELETE", &path, "").await;
    assert_eq!(kept.status, 500);
    assert!(kept.body.starts_with(&words(2)), "{}", kept.body);
    assert!(kept.body.contains("gluster snapshot list"), "{}", kept.body);

    // Mortar's are in its records.
    let snapshot = json!({"volume": id, "name": "monday"});
    made(&door, "/v1/snapshots", &snapshot).await;
    let kept = door.ask("DELETE", &path, "").await;
    assert_eq!((kept.status, kept.body), (409, format!("{}\n", words(1))));
}
