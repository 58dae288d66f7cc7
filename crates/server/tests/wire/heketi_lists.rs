//! Lists, operations and the database on Heketi's paths.

use std::sync::Arc;

use crate::support::hosts::Silent;
use crate::support::world::{self, A, B, C, D1, FAILED_NODE, V};
use crate::support::{Door, Setup};

async fn door() -> Door {
    Setup {
        store: world::recorded(),
        hosts: Arc::new(Silent),
        ..Setup::default()
    }
    .open()
    .await
}

#[tokio::test]
async fn everything_is_listed() {
    let door = door().await;
    let nodes = door.ask("GET", "/nodes", "").await;
    assert_eq!(nodes.status, 200);
    for id in [A, B, FAILED_NODE] {
        assert!(nodes.body.contains(id), "{}", nodes.body);
    }
    assert!(nodes.body.starts_with("{\"nodes\":[\"") && nodes.body.ends_with("\"]}\n"));
    let devices = door.ask("GET", "/devices", "").await;
    assert!(
        devices.body.starts_with("{\"devices\":[\"") && devices.body.contains(D1),
        "{}",
        devices.body
    );
    let bricks = door.ask("GET", "/bricks", "").await.json();
    assert!(!bricks["bricks"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn operations_are_counted_listed_and_told() {
    let door = door().await;
    let before = door.ask("GET", "/operations", "").await.json();
    let body = format!("{{\"size\":1,\"clusters\":[\"{C}\"],\"durability\":{{\"type\":\"none\"}}}}");
    let begun = door.ask("POST", "/volumes", &body).await;
    assert_eq!(begun.status, 202, "{}", begun.body);
    let id = begun
        .header("location")
        .unwrap()
        .strip_prefix("/queue/")
        .unwrap()
        .to_owned();
    let counts = door.ask("GET", "/operations", "").await;
    let count = |of: &serde_json::Value, name: &str| of[name].as_u64().unwrap();
    assert_eq!(count(&counts.json(), "total"), count(&before, "total") + 1);
    assert!(
        counts.body.starts_with("{\"total\":") && counts.body.contains(",\"in_flight\":"),
        "{}",
        counts.body
    );
    let list = door.ask("GET", "/operations/pending", "").await;
    let told = format!(
        "{{\"id\":\"{id}\",\"type_name\":\"create-volume\",\"status\":\"\",\"sub_status\":\"in-flight\"}}"
    );
    assert!(list.body.contains(&told), "{}", list.body);
    let details = door.ask("GET", &format!("/operations/pending/{id}"), "").await;
    let changes = details.json()["changes"].as_array().unwrap().clone();
    let words: Vec<&str> = changes
        .iter()
        .map(|change| change["description"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["Add brick", "Add volume"]);
    for unknown in ["abc", "00000000000000000000000000000abc"] {
        let answer = door
            .ask("GET", &format!("/operations/pending/{unknown}"), "")
            .await;
        assert_eq!(
            (answer.status, answer.body),
            (404, format!("Id not found: {unknown}\n"))
        );
    }
}

#[tokio::test]
async fn the_records_go_out_as_heketis_database() {
    let door = door().await;
    let dump = door.ask("GET", "/db/dump", "").await;
    assert_eq!(
        (dump.status, dump.header("content-type")),
        (200, Some("application/json; charset=UTF-8"))
    );
    assert!(
        dump.body.starts_with("{\n    \"clusterentries\": {\n        \""),
        "{:.80}",
        dump.body
    );
    let database = mortar_heketi::db::read(dump.body.as_bytes()).unwrap();
    assert!(database.volumes.contains_key(V) && database.clusters.contains_key(C));
    let checked = door.ask("GET", "/db/check", "").await;
    assert_eq!(
        checked.json()["totalinconsistencies"].as_u64(),
        Some(0),
        "{}",
        checked.body
    );
    assert!(checked.json()["dbattributes"]["inconsistencies"].is_null());
}
