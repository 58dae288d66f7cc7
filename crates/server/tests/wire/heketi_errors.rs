//! Heketi's routes: each error text, to be read beside a description of Heketi's API.

use std::sync::Arc;

use crate::support::hosts::Silent;
use crate::support::world::{
    self, A, C, D1, DATABASE, EMPTY_CLUSTER, FAILED_DEVICE, FAILED_NODE, OFFLINE_DEVICE, UNKNOWN, V,
};
use crate::support::{Door, Setup};
use mortar_engine::Config;

/// Over the world of `support::world`, whose nodes take what they are told and never answer.
async fn door() -> Door {
    Setup {
        store: world::recorded(),
        hosts: Arc::new(Silent),
        ..Setup::default()
    }
    .open()
    .await
}

/// Asks for each row and compares status and body; a body of an error ends in a newline.
async fn check(door: &Door, rows: &[(&str, String, String, u16, String)]) {
    for (method, path, body, status, text) in rows {
        let reply = door.ask(method, path, body).await;
        assert_eq!(
            (reply.status, reply.body.clone()),
            (*status, format!("{text}\n")),
            "{method} {path} {body}"
        );
        assert_eq!(
            reply.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{method} {path} {body}"
        );
        assert_eq!(
            reply.header("x-content-type-options"),
            Some("nosniff"),
            "{method} {path} {body}"
        );
        assert!(reply.header("mortar-error-kind").is_some());
    }
}

macro_rules! rows {
    ($($method:literal $path:literal $body:literal => $status:literal $text:literal;)+) => {
        [$(($method, format!($path), format!($body), $status, format!($text)),)+]
    };
}

#[tokio::test]
async fn errors_of_all_routes() {
    check(&door().await, &rows! {
        "GET"    "/clusters/{UNKNOWN}"        "" => 404 "Id not found";
        "GET"    "/clusters/0f"               "" => 404 "Id not found";
        "GET"    "/nodes/{UNKNOWN}"           "" => 404 "Id not found";
        "GET"    "/devices/{UNKNOWN}"         "" => 404 "Id not found";
        "GET"    "/volumes/{UNKNOWN}"         "" => 404 "Id not found";
        "GET"    "/queue/{UNKNOWN}"           "" => 404 "Id not found";
        "DELETE" "/clusters/{UNKNOWN}"        "" => 404 "Id not found";
        "DELETE" "/nodes/{UNKNOWN}"           "" => 404 "Id not found";
        "DELETE" "/devices/{UNKNOWN}"         "" => 404 "Id not found";
        "DELETE" "/volumes/{UNKNOWN}"         "" => 404 "Id not found";
        "POST"   "/clusters"                  "" => 422 "request unable to be parsed";
        "POST"   "/clusters"                  "[]" => 422 "request unable to be parsed";
        "POST"   "/clusters"                  "{{}} x" => 422 "request unable to be parsed";
        "POST"   "/clusters/{C}/flags"        "{{" => 422 "request unable to be parsed";
        "POST"   "/nodes"                     "{{\"zone\":\"1\"}}" => 422 "request unable to be parsed";
        "POST"   "/nodes/{A}/state"           "" => 422 "request unable to be parsed";
        "POST"   "/nodes/{A}/tags"            "7" => 422 "request unable to be parsed";
        "POST"   "/devices"                   "\"x\"" => 422 "request unable to be parsed";
        "POST"   "/devices/{D1}/state"        "" => 422 "request unable to be parsed";
        "POST"   "/devices/{D1}/tags"         "" => 422 "request unable to be parsed";
        "DELETE" "/devices/{D1}"              "[]" => 422 "request unable to be parsed";
        "POST"   "/volumes"                   "{{\"size\":1.5}}" => 422 "request unable to be parsed";
        "POST"   "/volumes/{V}/expand"        "null x" => 422 "request unable to be parsed";
        // The body is checked before the thing is looked for.
        "POST"   "/nodes/{UNKNOWN}/state"     "{{\"state\":\"x\"}}" => 400 "validation failed: state: x is not valid state.";
        "POST"   "/volumes/{UNKNOWN}/expand"  "{{}}" => 400 "validation failed: expand_size: cannot be blank.";
    }).await;
}

#[tokio::test]
async fn errors_of_clusters() {
    check(&door().await, &rows! {
        "DELETE" "/clusters/{C}" "" => 409 "Unable to delete cluster [{C}] because it contains volumes and/or nodes";
        "POST" "/clusters/{UNKNOWN}/flags" "{{}}" => 404 "Id not found";
    }).await;
}

#[tokio::test]
async fn errors_of_nodes() {
    let door = Setup {
        store: world::recorded(),
        ..Setup::default()
    }
    .open()
    .await;
    check(&door, &rows! {
        "POST" "/nodes" "{{}}" => 400
            "validation failed: cluster: cannot be blank; hostnames: (manage: cannot be blank; storage: cannot be blank.); zone: cannot be blank.";
        "DELETE" "/nodes/{A}" "" => 409 "Unable to delete node [{A}] because it contains devices";
        "POST" "/nodes/{A}/state" "{{}}" => 400 "validation failed: state: cannot be blank.";
        "POST" "/nodes/{A}/state" "{{\"state\":\"online\",\"healcheck\":\"x\"}}" => 400
            "validation failed: healcheck: x is not valid heal info check.";
        "POST" "/nodes/{UNKNOWN}/state" "{{\"state\":\"online\"}}" => 404 "Id not found";
        "POST" "/nodes/{A}/state" "{{\"state\":\"failed\"}}" => 500
            "Node must be offline before remove operation is performed, node:{A}";
        "POST" "/nodes/{FAILED_NODE}/state" "{{\"state\":\"online\"}}" => 500
            "Cannot move a failed/removed node to online state";
        "POST" "/nodes/{A}/tags" "{{}}" => 400 "validation failed: change_type: cannot be blank.";
        "POST" "/nodes/{A}/tags" "{{\"change_type\":\"x\"}}" => 400 "validation failed: change_type: must be a valid value.";
        "POST" "/nodes/{UNKNOWN}/tags" "{{\"change_type\":\"set\"}}" => 404 "Id not found";
    }).await;
    let node = |cluster: &str, manage: &str| {
        format!(
            r#"{{"zone":1,"cluster":"{cluster}","hostnames":{{"manage":["{manage}"],"storage":["{manage}-s"]}}}}"#
        )
    };
    for (body, status, text) in [
        (
            node(UNKNOWN, "new"),
            404,
            "Cluster id does not exist\n".to_owned(),
        ),
        // Heketi's text has a newline of its own.
        (
            node(C, "node-a"),
            409,
            format!("Hostname node-a already used by node with id {A}\n\n"),
        ),
        (
            node(EMPTY_CLUSTER, "new"),
            400,
            "New Node new does not answer: no route to host\n".to_owned(),
        ),
    ] {
        let reply = door.ask("POST", "/nodes", &body).await;
        assert_eq!((reply.status, reply.body), (status, text), "{body}");
    }
    // Nothing was changed by any of them.
    assert_eq!(
        door.ask("GET", &format!("/clusters/{EMPTY_CLUSTER}"), "")
            .await
            .json()["nodes"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn errors_of_devices() {
    let door = door().await;
    check(&door, &rows! {
        "POST" "/devices" "{{}}" => 400 "validation failed: name: cannot be blank; node: cannot be blank.";
        "POST" "/devices" "{{\"node\":\"x\",\"name\":\"/dev/sdz\"}}" => 400 "validation failed: node: x is not a valid UUID.";
        "DELETE" "/devices/{D1}" "" => 409 "Unable to delete device [{D1}] because it contains bricks";
        "DELETE" "/devices/{OFFLINE_DEVICE}" "" => 400 "device: {OFFLINE_DEVICE} is not in failed state";
        "DELETE" "/devices/{OFFLINE_DEVICE}" "{{\"forceforget\":true}}" => 400
            "device: {OFFLINE_DEVICE} is not in failed state";
        "POST" "/devices/{D1}/state" "{{\"state\":\"bogus\"}}" => 400 "validation failed: state: bogus is not valid state.";
        "POST" "/devices/{UNKNOWN}/state" "{{\"state\":\"online\"}}" => 404 "Id not found";
        "POST" "/devices/{D1}/state" "{{\"state\":\"failed\"}}" => 500
            "Device must be offline before remove operation is performed, device:{D1}";
        "POST" "/devices/{FAILED_DEVICE}/state" "{{\"state\":\"online\"}}" => 500
            "Cannot move a failed/removed device to online state";
        "POST" "/devices/{D1}/tags" "{{\"change_type\":\"set\",\"tags\":{{\"a b\":\"\"}}}}" => 400
            "validation failed: tags: invalid characters in tag name a b.";
    }).await;
    let device = |node: &str, name: &str| format!(r#"{{"node":"{node}","name":"{name}"}}"#);
    for (body, status, text) in [
        (
            device(UNKNOWN, "/dev/sdz"),
            404,
            "Node id does not exist".to_owned(),
        ),
        (
            device(A, "/dev/sdb"),
            409,
            format!(
                "Device /dev/sdb already used by device with id {D1}; another disk is taken there once the node shows that one gone"
            ),
        ),
        (
            device(A, "/dev/$(touch x)"),
            400,
            "validation failed: name: must be in a valid format.".to_owned(),
        ),
        (
            device(A, "/dev/../etc/passwd"),
            400,
            "validation failed: name: must be in a valid format.".to_owned(),
        ),
    ] {
        let reply = door.ask("POST", "/devices", &body).await;
        assert_eq!(
            (reply.status, reply.body),
            (status, format!("{text}\n")),
            "{body}"
        );
    }
}

#[tokio::test]
async fn errors_of_volumes() {
    let door = door().await;
    check(&door, &rows! {
        "POST" "/volumes" "{{}}" => 400 "validation failed: size: cannot be blank.";
        "POST" "/volumes" "{{\"size\":-1}}" => 400 "validation failed: size: must be no less than 1.";
        "POST" "/volumes" "{{\"size\":1,\"name\":\";$(touch x)\"}}" => 400 "validation failed: name: must be in a valid format.";
        "POST" "/volumes" "{{\"size\":1,\"name\":\"a\\nb\"}}" => 400 "validation failed: name: must be in a valid format.";
        "POST" "/volumes" "{{\"size\":1,\"name\":\"../x\"}}" => 400 "validation failed: name: must be in a valid format.";
        "POST" "/volumes" "{{\"size\":1,\"name\":\"-v\"}}" => 400
            "validation failed: name: a volume name cannot begin with a dash.";
        "POST" "/volumes" "{{\"size\":1,\"glustervolumeoptions\":[\"nfs.disable on;reboot\"]}}" => 400
            "validation failed: glustervolumeoptions: option 'nfs.disable on;reboot': a volume option's value is made of letters, digits and . _ - : , / % + @ = !.";
        "POST" "/volumes" "{{\"size\":1,\"clusters\":[\"x\"]}}" => 400 "Cluster id x not found";
        "POST" "/volumes" "{{\"size\":1,\"clusters\":[\"{UNKNOWN}\"]}}" => 400 "Cluster id {UNKNOWN} not found";
        "POST" "/volumes" "{{\"size\":1,\"durability\":{{\"type\":\"raid\"}}}}" => 400 "Unknown durability type";
        "POST" "/volumes" "{{\"size\":1,\"durability\":{{\"type\":\"replicate\",\"replicate\":{{\"replica\":17}}}}}}" => 400
            "Invalid replica value: 1 to 16 can be made";
        "POST" "/volumes" "{{\"size\":1,\"durability\":{{\"type\":\"replicate\",\"replicate\":{{\"replica\":-1}}}}}}" => 400
            "Invalid replica value: 1 to 16 can be made";
        "POST" "/volumes" "{{\"size\":1,\"durability\":{{\"type\":\"disperse\",\"disperse\":{{\"data\":2,\"redundancy\":2}}}}}}" => 400
            "Invalid dispersion combination: 2+2; data is 2 to 16, redundancy at least 1 and less than data";
        "POST" "/volumes" "{{\"size\":1,\"glustervolumeoptions\":[\"user.heketi.arbiter true\"]}}" => 400
            "Arbiters are in volumes of type replicate with replica 3: ask for that, or leave out the option user.heketi.arbiter";
        "POST" "/volumes" "{{\"size\":1,\"gid\":-1}}" => 400 "Bad group id less than zero";
        "POST" "/volumes" "{{\"size\":1,\"gid\":2147483647}}" => 400 "Bad group id equal or greater than 2**32";
        "POST" "/volumes" "{{\"size\":1,\"snapshot\":{{\"enable\":true}}}}" => 400 "Invalid snapshot factor";
        "POST" "/volumes" "{{\"size\":1,\"name\":\"foo\",\"clusters\":[\"{C}\"]}}" => 500
            "Failed to allocate new volume: Volume name 'foo' already in use by a volume with another size (asked 1 GiB, has 10 GiB: it may have been expanded), another durability (asked none, has replicate 2), another group (asked 0, has 2000), another option nfs.disable (asked nothing, has on), another room for snapshots (asked none, has a factor of 1.5)";
        "POST" "/volumes" "{{\"size\":1,\"clusters\":[\"{EMPTY_CLUSTER}\"]}}" => 500
            "Failed to allocate new volume: Cluster has disabled all volume types";
        "POST" "/volumes" "{{\"size\":9000000,\"clusters\":[\"{C}\"]}}" => 500 "Failed to allocate new volume: No space";
        "POST" "/volumes" "{{\"size\":9223372036854775807,\"clusters\":[\"{C}\"]}}" => 500
            "Failed to allocate new volume: No space";
        // Three copies, two nodes.
        "POST" "/volumes" "{{\"size\":1,\"clusters\":[\"{C}\"],\"durability\":{{\"type\":\"replicate\",\"replicate\":{{\"replica\":3}}}}}}" => 500
            "Failed to allocate new volume: No space";
        "POST" "/volumes" "{{\"size\":1,\"clusters\":[\"{C}\"],\"glustervolumeoptions\":[\"user.heketi.device-tag-match bad\"]}}" => 500
            "Failed to allocate new volume: Invalid tag matching rule: Invalid tag match rule: bad";
        "POST" "/volumes" "{{\"size\":9000000}}" => 500
            "Failed to allocate new volume: Unable to create volume on any cluster:\nCluster {C}: No space\nCluster {EMPTY_CLUSTER}: Cluster has disabled all volume types";
        "POST" "/volumes/{V}/expand" "{{}}" => 400 "validation failed: expand_size: cannot be blank.";
        "POST" "/volumes/{V}/expand" "{{\"expand_size\":-3}}" => 400
            "validation failed: expand_size: must be no less than 1.";
        "POST" "/volumes/{UNKNOWN}/expand" "{{\"expand_size\":1}}" => 404 "Id not found";
        "POST" "/volumes/{V}/expand" "{{\"expand_size\":3000}}" => 500
            "Failed to allocate volume expansion: No space";
        "DELETE" "/volumes/{DATABASE}" "" => 409 "Cannot delete volume containing the Heketi database";
    }).await;
    let list = door.ask("GET", "/volumes", "").await;
    assert_eq!(
        list.body,
        format!("{{\"volumes\":[\"{DATABASE}\",\"{V}\"]}}\n"),
        "nothing was made"
    );
    let none = Setup::default().open().await;
    let reply = none.ask("POST", "/volumes", r#"{"size":1}"#).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (400, "No clusters configured\n")
    );
}

#[tokio::test]
async fn more_volumes_than_a_cluster_may_have() {
    let mut engine = Config::default();
    engine.limits.volumes_per_cluster = Some(2);
    let door = Setup {
        hosts: Arc::new(Silent),
        store: world::recorded(),
        engine,
        ..Setup::default()
    }
    .open()
    .await;
    let reply = door
        .ask("POST", "/volumes", &format!(r#"{{"size":1,"clusters":["{C}"]}}"#))
        .await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            500,
            "Failed to allocate new volume: Cluster has 2 volumes and limit is 2\n"
        )
    );
}

#[tokio::test]
async fn smaller_than_the_smallest_brick_and_more_bricks_than_may_be() {
    let mut engine = Config::default();
    engine.limits.brick_min = mortar_model::ByteSize::from_gib(4);
    engine.limits.bricks_per_volume = 3;
    let door = Setup {
        hosts: Arc::new(Silent),
        store: world::recorded(),
        engine,
        ..Setup::default()
    }
    .open()
    .await;
    let reply = door.ask("POST", "/volumes", r#"{"size":3}"#).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            400,
            "Requested volume size (3 GB) is smaller than the minimum supported volume size (4194304)\n"
        )
    );
    let reply = door
        .ask("POST", &format!("/volumes/{V}/expand"), r#"{"expand_size":3000}"#)
        .await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            500,
            "Failed to allocate volume expansion: Maximum number of bricks reached.\n"
        )
    );
}
