//! Which nodes may use a volume: recorded by one server, known to the next, and in the way of the volume's end.

use std::sync::Arc;

use mortar_api::ErrorKind;
use mortar_store::MemoryStore;
use serde_json::{Value, json};

use crate::flow::{nodes_with, open_on, replica};
use crate::snapshots::{made, refused};
use crate::support::Door;

const GIB: u64 = 1 << 30;

fn wanted(node: &str, mode: &str) -> Value {
    json!({"node": node, "mode": mode})
}

async fn nodes(door: &Door, volume: &str) -> Vec<String> {
    let known = door.ask("GET", &format!("/v1/volumes/{volume}"), "").await.json();
    let all = known["attachments"].as_array().cloned().unwrap_or_default();
    let name = |one: &Value| one["node"].as_str().unwrap().to_owned();
    all.iter().map(name).collect()
}

#[tokio::test]
async fn what_is_attached_is_known_to_the_next_server() {
    let (hosts, store) = (nodes_with(100 * GIB), Arc::new(MemoryStore::new()));
    let door = open_on(&hosts, &store).await;
    door.pool(&["/disks/one"]).await;
    let volume = made(&door, "/volumes", &replica(3, 2)).await;
    let id = volume["id"].as_str().unwrap();
    let place = format!("/v1/volumes/{id}/attachments");
    let writer = wanted("worker 1/ü", "single-node-writer").to_string();
    let mut told = Vec::new();
    for _ in 0..2 {
        let reply = door.ask("POST", &place, &writer).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        told.push(reply.json());
    }
    // Recorded once, with its first time.
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0]["attachments"][0]["node"], "worker 1/ü");
    door.stop().await;

    let door = open_on(&hosts, &store).await;
    assert_eq!(nodes(&door, id).await, ["worker 1/ü"]);
    let explained = door
        .ask("GET", &format!("/v1/explain/volumes/{id}"), "")
        .await
        .json();
    assert_eq!(explained["volume"]["attachments"], told[0]["attachments"]);
    let second = wanted("two", "single-node-writer").to_string();
    let (status, kind, why) = refused(&door, "POST", &place, &second).await;
    assert_eq!((status, kind), (409, ErrorKind::Conflict));
    assert!(why.contains("worker 1/ü") && why.contains("detach"), "{why}");
    let other = wanted("worker 1/ü", "multi-node-multi-writer").to_string();
    let (status, _, why) = refused(&door, "POST", &place, &other).await;
    assert!(status == 409 && why.contains("already"), "{why}");

    // It is removed through neither language.
    let (status, kind, why) = refused(&door, "DELETE", &format!("/v1/volumes/{id}"), "").await;
    assert_eq!((status, kind), (409, ErrorKind::Conflict));
    assert!(why.contains("worker 1/ü"), "{why}");
    let old = door.ask("DELETE", &format!("/volumes/{id}"), "").await;
    assert_eq!(old.status, 409, "{}", old.body);

    // Somebody else's end changes nothing; its own does, once and for all.
    for (query, left) in [
        ("?node=two", vec!["worker 1/ü"]),
        ("?node=worker%201%2F%C3%BC", vec![]),
        ("", vec![]),
    ] {
        let reply = door.ask("DELETE", &format!("{place}{query}"), "").await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(nodes(&door, id).await, left, "{query}");
    }
    assert_eq!(door.ask("POST", &place, &second).await.status, 200);
    assert_eq!(door.ask("DELETE", &place, "").await.status, 200);
    let gone = door.finish("DELETE", &format!("/v1/volumes/{id}"), "").await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let (status, _, _) = refused(&door, "POST", &place, &second).await;
    assert_eq!(status, 404);
    let (status, _, _) = refused(&door, "DELETE", &place, "").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn what_is_no_request_is_refused() {
    let (hosts, store) = (nodes_with(100 * GIB), Arc::new(MemoryStore::new()));
    let door = open_on(&hosts, &store).await;
    door.pool(&["/disks/one"]).await;
    let volume = made(&door, "/volumes", &replica(3, 2)).await;
    let place = format!("/v1/volumes/{}/attachments", volume["id"].as_str().unwrap());
    let long = "n".repeat(257);
    for body in [
        wanted("", "single-node-writer"),
        wanted(&long, "single-node-writer"),
        wanted("a\nb", "single-node-writer"),
        wanted("a", "unknown"),
        wanted("a", "ReadWriteOnce"),
        json!({"node": "a"}),
        json!({"node": "a", "mode": "single-node-writer", "force": true}),
    ] {
        let (status, kind, why) = refused(&door, "POST", &place, &body.to_string()).await;
        assert_eq!((status, kind), (400, ErrorKind::Invalid), "{body}: {why}");
    }
    let (status, _, _) = refused(&door, "DELETE", &format!("{place}?node="), "").await;
    assert_eq!(status, 400);
    let (status, _, _) = refused(&door, "DELETE", &format!("{place}?nodes=a"), "").await;
    assert_eq!(status, 400);
}

/// A volume is attached while it grows, since that may take long; a hundred nodes that come at once are all recorded, but for those
/// for which there is no room.
#[tokio::test]
async fn nodes_come_and_go_whatever_happens_to_the_volume() {
    let (hosts, store) = (nodes_with(100 * GIB), Arc::new(MemoryStore::new()));
    let door = open_on(&hosts, &store).await;
    door.pool(&["/disks/one"]).await;
    let volume = made(&door, "/volumes", &replica(3, 2)).await;
    let id = volume["id"].as_str().unwrap();
    let place = format!("/v1/volumes/{id}/attachments");
    let expand = json!({"by": GIB, "from": 2 * GIB}).to_string();
    let begun = door
        .ask("POST", &format!("/v1/volumes/{id}/expand"), &expand)
        .await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    let bodies: Vec<String> = (0..50)
        .map(|node| wanted(&format!("n{node:02}"), "multi-node-multi-writer").to_string())
        .collect();
    let replies = futures::future::join_all(bodies.iter().map(|body| door.ask("POST", &place, body))).await;
    for reply in replies {
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    let wanted_nodes: Vec<String> = (0..50).map(|node| format!("n{node:02}")).collect();
    assert_eq!(nodes(&door, id).await, wanted_nodes);

    // Volumes that come to one node at once are counted together.
    let mut places = Vec::new();
    for _ in 0..4 {
        let volume = made(&door, "/volumes", &replica(3, 1)).await;
        places.push(format!(
            "/v1/volumes/{}/attachments",
            volume["id"].as_str().unwrap()
        ));
    }
    let small = json!({"node": "small", "mode": "single-node-writer", "most": 2}).to_string();
    let asked = places.iter().map(|place| door.ask("POST", place, &small));
    let replies = futures::future::join_all(asked).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 507, 507]);
}
