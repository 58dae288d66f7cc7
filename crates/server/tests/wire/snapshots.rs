//! Snapshots and clones on simulated nodes: the whole path, and bad input that leaves everything as before.

use mortar_api::{ErrorBody, ErrorKind, SnapshotList};
use serde_json::{Value, json};

use crate::flow::{nodes_with, open, replica};
use crate::support::Door;

const GIB: u64 = 1 << 30;
const DIRECTORY: &str = "/disks/one";

async fn snapshots(door: &Door, query: &str) -> Vec<String> {
    let reply = door.ask("GET", &format!("/v1/snapshots{query}"), "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let list: SnapshotList = serde_json::from_str(&reply.body).unwrap();
    list.snapshots.into_iter().map(|snapshot| snapshot.name).collect()
}

pub(crate) async fn made(door: &Door, path: &str, body: &Value) -> Value {
    let reply = door.finish("POST", path, &body.to_string()).await;
    assert_eq!(reply.status, 303, "{}", reply.body);
    door.ask("GET", reply.header("location").unwrap(), "")
        .await
        .json()
}

pub(crate) async fn refused(door: &Door, method: &str, path: &str, body: &str) -> (u16, ErrorKind, String) {
    let reply = door.ask(method, path, body).await;
    let error: ErrorBody =
        serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {}", reply.body));
    (reply.status, error.error.kind, error.error.message)
}

#[tokio::test]
async fn a_snapshot_comes_and_goes_and_what_is_made_of_it_stays() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&[DIRECTORY]).await;
    let volume = made(&door, "/volumes", &replica(3, 2)).await;
    let id = volume["id"].as_str().unwrap();
    let wanted = json!({"volume": id, "name": "monday"});
    let snapshot = made(&door, "/v1/snapshots", &wanted).await;
    assert_eq!(
        [
            &snapshot["name"],
            &snapshot["volume"],
            &snapshot["size"],
            &snapshot["taken"]
        ],
        [&json!("monday"), &json!(id), &json!(2 * GIB), &json!(6 * GIB)]
    );
    // Asked again by its name, it is the same.
    assert_eq!(made(&door, "/v1/snapshots", &wanted).await, snapshot);
    assert_eq!(snapshots(&door, &format!("?volume={id}")).await, ["monday"]);
    assert_eq!(
        snapshots(&door, &format!("?volume={}", "0".repeat(32))).await,
        [] as [&str; 0]
    );

    let place = format!("/v1/snapshots/{}", snapshot["id"].as_str().unwrap());
    let again = made(&door, &format!("{place}/clone"), &json!({"name": "again"})).await;
    assert_eq!((&again["name"], &again["size"]), (&json!("again"), &json!(2)));
    assert_eq!(
        made(&door, &format!("{place}/clone"), &json!({"name": "again"})).await["id"],
        again["id"]
    );
    let direct = made(&door, &format!("/volumes/{id}/clone"), &json!({})).await;
    assert_eq!(direct["name"], format!("vol_{}", direct["id"].as_str().unwrap()));
    let restored = door.finish("POST", &format!("{place}/restore"), "").await;
    assert_eq!(restored.status, 204, "{}", restored.body);

    let kept = door.ask("DELETE", &format!("/volumes/{id}"), "").await;
    assert_eq!(kept.status, 409, "{}", kept.body);
    assert_eq!(door.finish("DELETE", &place, "").await.status, 204);
    assert_eq!(refused(&door, "GET", &place, "").await.0, 404);
    for gone in [id, again["id"].as_str().unwrap(), direct["id"].as_str().unwrap()] {
        let reply = door.finish("DELETE", &format!("/volumes/{gone}"), "").await;
        assert_eq!(reply.status, 204, "{}", reply.body);
    }
    hosts.world(|world| assert_eq!(world.violations(), Vec::<String>::new()));
    door.stop().await;
}

#[tokio::test]
async fn a_clone_may_have_options_of_its_own() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&[DIRECTORY]).await;
    let volume = made(&door, "/volumes", &replica(3, 1)).await;
    let path = format!("/v1/volumes/{}/clone", volume["id"].as_str().unwrap());
    let wanted =
        json!({"name": "copy", "options": {"nfs.disable": "on", "user.mortar.zone-checking": "none"}});
    let copy = made(&door, &path, &wanted).await;
    let recorded = |id: &Value| format!("/v1/volumes/{}", id.as_str().unwrap());
    let told = door.ask("GET", &recorded(&copy["id"]), "").await.json();
    assert_eq!(told["options"], wanted["options"]);
    assert_eq!(made(&door, &path, &wanted).await["id"], copy["id"]);
    for (options, status) in [
        (json!({"nfs.disable": "off"}), 409),
        (json!({"user.mortar.id": "x"}), 400),
        (json!({"a;b": "x"}), 400),
    ] {
        let name = if status == 409 { "copy" } else { "other" };
        let body = json!({"name": name, "options": options}).to_string();
        assert_eq!(refused(&door, "POST", &path, &body).await.0, status, "{body}");
    }

    // Who takes it to be smaller than it is asked before.
    let path = format!("{}/expand", recorded(&copy["id"]));
    made(&door, &path, &json!({"by": GIB, "from": GIB})).await;
    let again = json!({"by": GIB, "from": GIB}).to_string();
    let (status, kind, _) = refused(&door, "POST", &path, &again).await;
    assert_eq!((status, kind), (409, ErrorKind::Conflict));
    door.stop().await;
}

#[tokio::test]
async fn snapshots_are_listed_by_name_and_page_by_page() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&[DIRECTORY]).await;
    let volume = made(&door, "/volumes", &replica(3, 1)).await;
    for name in ["a", "b", "c"] {
        made(
            &door,
            "/v1/snapshots",
            &json!({"volume": volume["id"], "name": name}),
        )
        .await;
    }
    assert_eq!(snapshots(&door, "?name=b").await, ["b"]);
    assert_eq!(snapshots(&door, "?name=d").await, [] as [&str; 0]);
    let all = snapshots(&door, "").await;
    let first = door.ask("GET", "/v1/snapshots?limit=2", "").await.json();
    assert_eq!(first["snapshots"].as_array().unwrap().len(), 2);
    let next = first["next"].as_str().unwrap();
    let rest = door
        .ask("GET", &format!("/v1/snapshots?limit=2&after={next}"), "")
        .await
        .json();
    assert_eq!(rest["snapshots"][0]["name"], all[2]);
    assert_eq!(rest["next"], Value::Null);
    assert_eq!(refused(&door, "GET", "/v1/snapshots?after=x", "").await.0, 400);
    door.stop().await;
}

#[tokio::test]
async fn bad_input_leaves_everything_as_before() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&[DIRECTORY]).await;
    let volume = made(&door, "/volumes", &replica(3, 40)).await;
    let other = made(&door, "/volumes", &replica(3, 1)).await;
    let id = |volume: &Value| volume["id"].as_str().unwrap().to_owned();
    let snapshot = made(
        &door,
        "/v1/snapshots",
        &json!({"volume": id(&other), "name": "kept"}),
    )
    .await;
    let unknown = "0".repeat(32);
    let clone = format!("/v1/snapshots/{}/clone", id(&snapshot));
    let cases = [
        ("/v1/snapshots", "{".to_owned(), 400, ErrorKind::Invalid),
        (
            "/v1/snapshots",
            json!({"name": "x"}).to_string(),
            400,
            ErrorKind::Invalid,
        ),
        (
            "/v1/snapshots",
            json!({"volume": "data"}).to_string(),
            400,
            ErrorKind::Invalid,
        ),
        (
            "/v1/snapshots",
            json!({"volume": id(&volume), "name": "a;b"}).to_string(),
            400,
            ErrorKind::Invalid,
        ),
        (
            "/v1/snapshots",
            json!({"volume": id(&volume), "size": 1}).to_string(),
            400,
            ErrorKind::Invalid,
        ),
        (
            "/v1/snapshots",
            json!({"volume": unknown}).to_string(),
            404,
            ErrorKind::NotFound,
        ),
        (
            "/v1/snapshots",
            json!({"volume": id(&volume), "name": "kept"}).to_string(),
            409,
            ErrorKind::Conflict,
        ),
        (&clone, json!({"name": "-v"}).to_string(), 400, ErrorKind::Invalid),
        (
            &clone,
            json!({"name": id(&volume), "x": 1}).to_string(),
            400,
            ErrorKind::Invalid,
        ),
        (
            &clone,
            json!({"name": volume["name"]}).to_string(),
            409,
            ErrorKind::Conflict,
        ),
    ];
    let before = door.ask("GET", "/v1/topology", "").await.body;
    for (path, body, status, kind) in cases {
        let (came, said, message) = refused(&door, "POST", path, &body).await;
        assert_eq!((came, said), (status, kind), "{path} {body}: {message}");
    }
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/restore")] {
        let path = format!("/v1/snapshots/{unknown}{path}");
        assert_eq!(refused(&door, method, &path, "").await.0, 404, "{method} {path}");
    }
    assert_eq!(refused(&door, "GET", "/v1/snapshots?volume=x", "").await.0, 400);
    assert_eq!(refused(&door, "GET", "/v1/snapshots?size=1", "").await.0, 400);

    assert_eq!(door.ask("GET", "/v1/topology", "").await.body, before);

    // No room for a second copy of 40 GiB: each device with its rule.
    let body = json!({"volume": id(&volume)}).to_string();
    made(&door, "/v1/snapshots", &json!({"volume": id(&volume)})).await;
    let (status, kind, _) = refused(&door, "POST", "/v1/snapshots", &body).await;
    assert_eq!((status, kind), (507, ErrorKind::NoSpace));

    // What became larger is not brought back.
    let path = format!("/v1/volumes/{}/expand", id(&other));
    made(&door, &path, &json!({"by": GIB, "way": "in-place"})).await;
    let path = format!("/v1/snapshots/{}/restore", id(&snapshot));
    let (status, kind, message) = refused(&door, "POST", &path, "").await;
    assert_eq!((status, kind), (409, ErrorKind::Conflict), "{message}");
    assert!(message.contains("became larger"), "{message}");
    door.stop().await;
}

#[tokio::test]
async fn thin_volumes_without_room_for_it_and_their_clones_are_refused_by_name() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let volume = made(&door, "/volumes", &replica(3, 1)).await;
    let id = volume["id"].as_str().unwrap();
    let body = json!({"volume": id}).to_string();
    let (status, kind, message) = refused(&door, "POST", "/v1/snapshots", &body).await;
    assert_eq!((status, kind), (409, ErrorKind::Conflict));
    assert!(message.contains("one more snapshot needs 1 GiB"), "{message}");
    assert!(message.contains("--snapshot-factor"), "{message}");
    let reply = door.ask("POST", &format!("/volumes/{id}/clone"), "{}").await;
    assert_eq!(reply.status, 500, "{}", reply.body);
    assert!(
        reply.body.contains("mortar device add --pool shared"),
        "{}",
        reply.body
    );
    door.stop().await;
}

#[tokio::test]
async fn a_volume_that_is_kept_by_snapshots_names_them() {
    let door = open(&nodes_with(100 * GIB)).await;
    door.pool(&[DIRECTORY]).await;
    let volume = made(&door, "/volumes", &replica(3, 2)).await;
    let id = volume["id"].as_str().unwrap();
    let path = format!("/v1/volumes/{id}");
    made(&door, "/v1/snapshots", &json!({"volume": id, "name": "monday"})).await;
    made(
        &door,
        "/v1/snapshot-groups",
        &json!({"volumes": [id], "name": "week"}),
    )
    .await;
    let reply = door.ask("DELETE", &path, "").await;
    let ErrorBody { error } = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, error.kind), (409, ErrorKind::Conflict));
    assert_eq!(error.message, format!("volume {id} still holds snapshots"));
    assert_eq!(error.details.len(), 2, "{:?}", error.details);
    assert!(
        error
            .details
            .contains(&"snapshot monday: mortar snapshot delete monday".to_owned()),
        "{:?}",
        error.details
    );
    let of_group = |line: &String| line.ends_with(", of the group week: mortar snapshot group delete week");
    assert!(error.details.iter().any(of_group), "{:?}", error.details);
    // Heketi's route says it in Heketi's words.
    let old = door.ask("DELETE", &format!("/volumes/{id}"), "").await;
    let words = format!(
        "Unable to delete volume {} because it contains 2 snapshots\n",
        volume["name"].as_str().unwrap()
    );
    assert_eq!((old.status, old.body), (409, words));
}
