//! Lists, operations and the database on Heketi's paths.

use std::sync::Arc;

use crate::support::hosts::Silent;
use crate::support::world::{self, A, B, C, D1, D3, DATABASE, EMPTY_CLUSTER, FAILED_DEVICE, FAILED_NODE, V};
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

/// What is listed below this path, and where the next page begins.
async fn listed(door: &Door, path: &str) -> (Vec<String>, Option<String>) {
    let reply = door.ask("GET", path, "").await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    let list = reply.json();
    let name = path.split('?').next().unwrap().rsplit('/').next().unwrap();
    let entries = list[name].as_array().unwrap().iter();
    // Heketi's lists are of ids, those of `/v1` of things.
    let id = |entry: &serde_json::Value| entry.as_str().or(entry["id"].as_str()).unwrap().to_owned();
    (
        entries.map(id).collect(),
        list["next"].as_str().map(str::to_owned),
    )
}

/// Both languages read the same queries.
#[tokio::test]
async fn lists_are_filtered() {
    let door = door().await;
    let brick = |number: u32| format!("{number:032x}");
    let cases: Vec<(String, Vec<String>)> = [
        ("nodes?cluster={C}", vec![FAILED_NODE, A, B]),
        ("nodes?cluster={EMPTY}", vec![]),
        ("nodes?zone=2", vec![FAILED_NODE, B]),
        ("nodes?zone=2&state=online", vec![B]),
        ("nodes?state=failed", vec![FAILED_NODE]),
        ("nodes?tag=rack", vec![A]),
        ("nodes?tag=rack%3D7", vec![A]),
        ("nodes?tag=rack=8", vec![]),
        ("devices?node={A}", vec![D1, FAILED_DEVICE]),
        ("devices?cluster={EMPTY}", vec![]),
        ("devices?state=online", vec![D1, D3]),
        // A device without a label of its own has its node's.
        ("devices?tag=rack=7", vec![D1, FAILED_DEVICE]),
    ]
    .into_iter()
    .map(|(path, ids)| (path.to_owned(), ids.into_iter().map(str::to_owned).collect()))
    .chain([
        ("bricks?volume={V}".to_owned(), vec![brick(0xb1), brick(0xb2)]),
        ("bricks?device={D3}".to_owned(), vec![brick(0xb2), brick(0xb3)]),
        ("bricks?node={A}".to_owned(), vec![brick(0xb1)]),
        ("bricks?node={B}&volume={V}".to_owned(), vec![brick(0xb2)]),
        ("bricks?cluster={EMPTY}".to_owned(), vec![]),
        (
            "volumes?cluster={C}".to_owned(),
            vec![DATABASE.to_owned(), V.to_owned()],
        ),
        ("volumes?cluster={EMPTY}".to_owned(), vec![]),
        ("volumes?name=foo".to_owned(), vec![V.to_owned()]),
    ])
    .collect();
    for (path, wanted) in cases {
        let ids = [
            ("{C}", C),
            ("{EMPTY}", EMPTY_CLUSTER),
            ("{A}", A),
            ("{B}", B),
            ("{V}", V),
            ("{D3}", D3),
        ];
        let path = ids.iter().fold(path, |path, (name, id)| path.replace(name, id));
        for root in ["/", "/v1/"] {
            let path = format!("{root}{path}");
            assert_eq!(listed(&door, &path).await, (wanted.clone(), None), "{path}");
        }
    }
    for root in ["", "/v1"] {
        let one = door
            .ask("GET", &format!("{root}/topology?cluster={C}"), "")
            .await
            .json();
        assert_eq!(one["clusters"].as_array().unwrap().len(), 1);
        assert_eq!(one["clusters"][0]["id"], C);
    }
}

#[tokio::test]
async fn lists_are_told_page_by_page() {
    let door = door().await;
    for path in [
        "/nodes",
        "/devices",
        "/bricks",
        "/volumes",
        "/v1/nodes",
        "/v1/devices",
        "/v1/bricks",
        "/v1/volumes",
    ] {
        let (all, next) = listed(&door, path).await;
        assert!(
            all.len() > 1 && next.is_none() && all.is_sorted(),
            "{path}: {all:?}"
        );
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let (page, next) = listed(&door, &format!("{path}?limit=1{after}")).await;
            assert_eq!(page.len(), 1, "{path}");
            paged.extend(page);
            match next {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(paged, all, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_is_none_is_refused() {
    let door = door().await;
    for (path, field) in [
        ("/nodes?clustre=1", "query"),
        ("/nodes?state=away", "state"),
        ("/nodes?tag==7", "tag"),
        ("/nodes?zone=x", "query"),
        ("/devices?node=n1", "node"),
        ("/bricks?limit=-1", "query"),
        ("/bricks?after=1", "after"),
        ("/volumes?cluster=1", "cluster"),
        ("/volumes?name=a%20b", "name"),
        ("/topology?cluster=1", "cluster"),
        ("/topology?limit=1", "query"),
    ] {
        for root in ["", "/v1"] {
            let reply = door.ask("GET", &format!("{root}{path}"), "").await;
            assert_eq!(reply.status, 400, "{root}{path}: {}", reply.body);
            assert!(
                reply.body.contains(&format!("{field}: ")),
                "{root}{path}: {}",
                reply.body
            );
        }
    }
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
    // The order in which Heketi's own structure has them.
    let keys = [
        "clusters",
        "volumes",
        "bricks",
        "nodes",
        "devices",
        "blockvolumes",
        "dbattributes",
        "pendingoperations",
        "totalinconsistencies",
    ];
    let places = keys.map(|key| checked.body.find(&format!("\n    \"{key}\": ")).unwrap());
    assert!(places.is_sorted(), "{}", checked.body);
    assert!(checked.json()["dbattributes"]["inconsistencies"].is_null());
}
