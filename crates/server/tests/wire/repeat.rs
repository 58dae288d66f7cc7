//! The same create, asked again through the door: the same volume, or a refusal that says what differs.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::hosts::Silent;
use crate::support::world::{self, C, EMPTY_CLUSTER, V};
use crate::support::{Door, Setup};

async fn door() -> Door {
    Setup {
        hosts: Arc::new(Silent),
        store: world::recorded(),
        ..Setup::default()
    }
    .open()
    .await
}

/// What V was made by.
fn foo() -> Value {
    json!({
        "size": 10,
        "name": "foo",
        "durability": {"type": "replicate", "replicate": {"replica": 2}},
        "gid": 2000,
        "glustervolumeoptions": ["nfs.disable on"],
        "snapshot": {"enable": true, "factor": 1.5},
    })
}

fn with(key: &str, value: &Value) -> String {
    let mut request = foo();
    request[key] = value.clone();
    request.to_string()
}

#[tokio::test]
async fn a_volume_that_is_there_is_the_answer() {
    let door = door().await;
    let both = with("clusters", &json!([EMPTY_CLUSTER, C]));
    for body in [foo().to_string(), with("clusters", &json!([C])), both] {
        let accepted = door.ask("POST", "/volumes", &body).await;
        assert_eq!((accepted.status, accepted.body.as_str()), (202, ""), "{body}");
        let place = accepted.header("location").unwrap();
        for _ in 0..2 {
            let result = door.ask("GET", place, "").await;
            let volume = format!("/volumes/{V}");
            assert_eq!(
                (result.status, result.header("location")),
                (303, Some(volume.as_str()))
            );
        }
        let answer = door.ask("POST", "/v1/plan", &body).await.json();
        assert_eq!(
            (&answer["possible"], &answer["existing"], &answer["cluster"]),
            (&json!(true), &json!({"volume": V}), &json!(C))
        );
    }
}

#[tokio::test]
async fn another_one_of_the_name_is_refused_with_what_differs() {
    let door = door().await;
    for (key, value, words) in [
        ("size", json!(11), "another size (asked 11 GiB, has 10 GiB)"),
        (
            "size",
            json!(9),
            "another size (asked 9 GiB, has 10 GiB: it may have been expanded)",
        ),
        ("gid", json!(0), "another group (asked 0, has 2000)"),
        ("block", json!(true), "another type (asked block, has file)"),
        (
            "durability",
            json!({"type": "none"}),
            "another durability (asked none, has replicate 2)",
        ),
        (
            "snapshot",
            json!({"enable": false}),
            "another room for snapshots (asked none, has a factor of 1.5)",
        ),
        (
            "glustervolumeoptions",
            json!(["nfs.disable off"]),
            "another option nfs.disable (asked off, has on)",
        ),
    ] {
        let body = with(key, &value);
        let refused = door.ask("POST", "/volumes", &body).await;
        let text = format!(
            "Failed to allocate new volume: Volume name 'foo' already in use by a volume with {words}\n"
        );
        assert_eq!((refused.status, &refused.body), (500, &text));
        assert_eq!(refused.header("mortar-error-kind"), Some("conflict"));
        let answer = door.ask("POST", "/v1/plan", &body).await.json();
        let told = format!("volume name foo is already in use on cluster {C} by a volume with {words}");
        assert_eq!(
            (&answer["possible"], &answer["refusal"]["message"]),
            (&json!(false), &json!(told))
        );
    }
    let leaving = door.ask("DELETE", &format!("/volumes/{V}"), "").await;
    let operation = leaving.header("location").unwrap().trim_start_matches("/queue/");
    let refused = door.ask("POST", "/volumes", &foo().to_string()).await;
    let text = format!(
        "Failed to allocate new volume: Volume name 'foo' already in use until operation {operation} has removed its \
         volume\n"
    );
    assert_eq!((refused.status, &refused.body), (500, &text));
    assert_eq!(refused.header("mortar-error-kind"), Some("conflict"));
}

#[tokio::test]
async fn a_volume_that_is_being_made_is_the_same_place_in_the_queue() {
    let door = door().await;
    let body = with("name", &json!("new"));
    let first = door.ask("POST", "/volumes", &body).await;
    let again = door.ask("POST", "/volumes", &body).await;
    assert_eq!((first.status, again.status), (202, 202), "{}", first.body);
    assert_eq!(first.header("location"), again.header("location"));
    let operation = first.header("location").unwrap().trim_start_matches("/queue/");
    let answer = door.ask("POST", "/v1/plan", &body).await.json();
    assert_eq!(answer["existing"]["operation"], operation);
    let unnamed = with("name", &json!(""));
    let first = door.ask("POST", "/volumes", &unnamed).await;
    let other = door.ask("POST", "/volumes", &unnamed).await;
    assert_ne!(
        first.header("location"),
        other.header("location"),
        "without a name each is a new one"
    );
    let metrics = door.ask("GET", "/metrics", "").await.body;
    assert!(
        metrics.contains("\nmortar_requests_repeated_total 1\n"),
        "{metrics}"
    );
}
