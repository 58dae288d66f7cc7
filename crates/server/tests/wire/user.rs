//! The user role: it makes volumes, learns what became of them, looks at its own, and deletes them.

use std::sync::Arc;

use mortar_store::MemoryStore;
use serde_json::json;

use crate::flow::{nodes_with, open, open_on, replica};
use crate::support::{Door, Reply, user};

const GIB: u64 = 1 << 30;

impl Door {
    async fn ask_as_user(&self, method: &str, path: &str, body: &str) -> Reply {
        self.ask_as(Some(&user(method, path)), method, path, body).await
    }

    /// Asks, and polls to the end as the user.
    async fn end_as_user(&self, method: &str, path: &str, body: &str) -> Reply {
        let accepted = self.ask_as_user(method, path, body).await;
        assert_eq!(accepted.status, 202, "{}", accepted.body);
        let place = format!("{}?wait=30", accepted.header("location").unwrap());
        self.ask_as_user("GET", &place, "").await
    }
}

fn is_refused(reply: &Reply) -> bool {
    (reply.status, reply.body.as_str()) == (401, "Administrator access required\n")
}

#[tokio::test]
async fn a_user_looks_at_and_deletes_what_it_made() {
    let (hosts, store) = (nodes_with(100 * GIB), Arc::new(MemoryStore::new()));
    let door = open_on(&hosts, &store).await;
    door.pool(&["/dev/sdb"]).await;
    let mut request = replica(3, 1);
    request["name"] = json!("mine");
    let made = door.end_as_user("POST", "/volumes", &request.to_string()).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let own = made.header("location").unwrap().to_owned();
    let info = door.ask_as_user("GET", &own, "").await;
    assert_eq!((info.status, info.json()["name"].as_str()), (200, Some("mine")));
    // It is remembered on disk, not by the process.
    drop(door);
    let door = open_on(&hosts, &store).await;
    assert_eq!(door.ask_as_user("GET", &own, "").await.status, 200);
    // It may do nothing else with it.
    for (method, place) in [("POST", "/expand"), ("POST", "/clone")] {
        let reply = door.ask_as_user(method, &format!("{own}{place}"), "{}").await;
        assert!(is_refused(&reply), "{method} {place}: {}", reply.body);
    }
    let gone = door.end_as_user("DELETE", &own, "").await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    assert!(is_refused(&door.ask_as_user("GET", &own, "").await));
    assert_eq!(door.ask("GET", &own, "").await.status, 404);
}

/// The names that a list on `/v1` shows the user.
async fn listed(door: &Door, query: &str) -> Vec<String> {
    // A token is for a path without its query.
    let token = user("GET", "/v1/volumes");
    let path = format!("/v1/volumes{query}");
    let reply = door.ask_as(Some(&token), "GET", &path, "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let page = reply.json();
    assert!(page["operation"].is_null(), "{page}");
    let volumes = page["volumes"].as_array().unwrap();
    let name = |volume: &serde_json::Value| volume["name"].as_str().unwrap().to_owned();
    volumes.iter().map(name).collect()
}

#[tokio::test]
async fn on_v1_a_user_sees_its_own_volumes_alone() {
    let door = open(&nodes_with(100 * GIB)).await;
    door.pool(&["/dev/sdb"]).await;
    let mut request = replica(3, 1);
    request["name"] = json!("theirs");
    let made = door.finish("POST", "/volumes", &request.to_string()).await;
    let theirs = format!("/v1{}", made.header("location").unwrap());
    assert!(listed(&door, "").await.is_empty());
    request["name"] = json!("mine");
    let made = door.end_as_user("POST", "/volumes", &request.to_string()).await;
    let mine = format!("/v1{}", made.header("location").unwrap());
    assert_eq!(listed(&door, "").await, ["mine"]);
    assert_eq!(listed(&door, "?name=mine").await, ["mine"]);
    assert!(listed(&door, "?name=theirs").await.is_empty());
    assert_eq!(listed(&door, "?limit=1").await, ["mine"]);
    assert_eq!(door.ask_as_user("GET", &mine, "").await.json()["name"], "mine");
    for (method, path) in [
        ("GET", theirs.as_str()),
        ("DELETE", theirs.as_str()),
        ("POST", "/v1/volumes"),
        ("GET", "/v1/topology"),
    ] {
        let reply = door.ask_as_user(method, path, "{}").await;
        assert_eq!(reply.status, 403, "{method} {path}: {}", reply.body);
    }
    let all = door.ask("GET", "/v1/volumes", "").await.json();
    assert_eq!(all["volumes"].as_array().unwrap().len(), 2, "{all}");
    assert_eq!(door.end_as_user("DELETE", &mine, "").await.status, 204);
    assert!(listed(&door, "").await.is_empty());
}

#[tokio::test]
async fn what_others_made_is_not_the_users_own() {
    let door = open(&nodes_with(100 * GIB)).await;
    // Where clones can be made.
    door.pool(&["/disks/one"]).await;
    let mut request = replica(3, 1);
    request["name"] = json!("theirs");
    let body = request.to_string();
    let made = door.ask("POST", "/volumes", &body).await;
    let place = format!("{}?wait=30", made.header("location").unwrap());
    let theirs = door.ask("GET", &place, "").await;
    let theirs = theirs.header("location").unwrap().to_owned();
    // Asked for by its name it is found, and stays whose it is.
    let known = door.end_as_user("POST", "/volumes", &body).await;
    assert_eq!(
        (known.status, known.header("location")),
        (303, Some(theirs.as_str()))
    );
    for method in ["GET", "DELETE"] {
        let reply = door.ask_as_user(method, &theirs, "").await;
        assert!(is_refused(&reply), "{method}: {}", reply.body);
    }
    // A clone of what a user made is its maker's.
    let mine = door
        .end_as_user("POST", "/volumes", &replica(3, 1).to_string())
        .await;
    let mine = mine.header("location").unwrap().to_owned();
    let cloned = door.ask("POST", &format!("{mine}/clone"), "{}").await;
    assert_eq!(cloned.status, 202, "{}", cloned.body);
    let place = format!("{}?wait=30", cloned.header("location").unwrap());
    let clone = door.ask("GET", &place, "").await;
    let clone = clone.header("location").unwrap().to_owned();
    assert!(is_refused(&door.ask_as_user("DELETE", &clone, "").await));
}
