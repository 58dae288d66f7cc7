//! Heketi's routes: each answer, byte by byte, and the queue.

use std::sync::Arc;

use mortar_engine::Config;
use mortar_store::{MemoryStore, StoreError};

use crate::support::hosts::Silent;
use crate::support::world::{
    self, A, ADDED_DEVICE, ADDED_NODE, B, C, D1, D3, DATABASE, DELETED, EMPTY_CLUSTER, FAILED, FAILED_DEVICE,
    FAILED_NODE, MADE, OFFLINE_DEVICE, OLD, V,
};
use crate::support::{Door, Setup, admin};

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

#[tokio::test]
async fn answers_of_clusters() {
    let door = door().await;
    let list = door.ask("GET", "/clusters", "").await;
    assert_eq!(
        list.body,
        format!("{{\"clusters\":[\"{C}\",\"{EMPTY_CLUSTER}\"]}}\n")
    );
    assert_eq!(
        list.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
    let info = door.ask("GET", &format!("/clusters/{C}"), "").await;
    assert_eq!(
        info.body,
        format!(
            "{{\"id\":\"{C}\",\"nodes\":[\"{FAILED_NODE}\",\"{A}\",\"{B}\"],\"volumes\":[\"{DATABASE}\",\"{V}\"],\
             \"block\":true,\"file\":true,\"blockvolumes\":[]}}\n"
        )
    );
    for (body, file, block) in [
        ("{}", false, false),
        (r#"{"file":true,"block":true,"more":1}"#, true, true),
    ] {
        let made = door.ask("POST", "/clusters", body).await;
        assert_eq!(made.status, 201);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(
            made.body,
            format!(
                "{{\"id\":\"{id}\",\"nodes\":[],\"volumes\":[],\"block\":{block},\"file\":{file},\"blockvolumes\":[]}}\n"
            )
        );
        let path = format!("/clusters/{id}");
        let set = door
            .ask("POST", &format!("{path}/flags"), r#"{"block":true}"#)
            .await;
        assert_eq!((set.status, set.body.as_str()), (200, ""));
        assert_eq!(
            set.header("content-type"),
            Some("application/json; charset=UTF-8")
        );
        let info = door.ask("GET", &path, "").await.json();
        assert_eq!(
            (info["file"].as_bool(), info["block"].as_bool()),
            (Some(false), Some(true))
        );
        // The Python client sends a body with everything.
        let gone = door.ask("DELETE", &path, "{}").await;
        assert_eq!((gone.status, gone.body.as_str()), (200, ""));
        assert_eq!(door.ask("GET", &path, "").await.status, 404);
    }
}

#[tokio::test]
async fn answers_of_nodes_devices_and_volumes() {
    let door = door().await;
    let used = (15 << 20) + (80 << 10);
    let (total, free) = (100 << 20, (100 << 20) - used);
    let (b1, b2) = (format!("{:032x}", 0xb1), format!("{:032x}", 0xb2));
    let brick = |id: &str, device: &str, node: &str| {
        format!(
            "{{\"id\":\"{id}\",\"path\":\"/var/lib/mortar/mounts/vg_{device}/brick_{id}/brick\",\
             \"device\":\"{device}\",\"node\":\"{node}\",\"volume\":\"{V}\",\"size\":10485760}}"
        )
    };
    let device = format!(
        "{{\"name\":\"/dev/sdb\",\"storage\":{{\"total\":{total},\"free\":{free},\"used\":{used}}},\"id\":\"{D1}\",\
         \"paths\":[\"/dev/sdb\",\"/dev/disk/by-id/one\"],\"pv_uuid\":\"uuid-1\",\"state\":\"online\",\
         \"bricks\":[{}]}}",
        brick(&b1, D1, A)
    );
    assert_eq!(
        door.ask("GET", &format!("/devices/{D1}"), "").await.body,
        format!("{device}\n")
    );
    let empty = format!(
        "{{\"name\":\"/dev/sdc\",\"storage\":{{\"total\":{total},\"free\":{total},\"used\":0}},\"id\":\"{FAILED_DEVICE}\",\
         \"state\":\"failed\",\"bricks\":[]}}"
    );
    assert_eq!(
        door.ask("GET", &format!("/nodes/{A}"), "").await.body,
        format!(
            "{{\"zone\":1,\"hostnames\":{{\"manage\":[\"node-a\"],\"storage\":[\"10.0.0.1\"]}},\"cluster\":\"{C}\",\
             \"tags\":{{\"rack\":\"7\"}},\"id\":\"{A}\",\"state\":\"online\",\"devices\":[{device},{empty}]}}\n"
        )
    );
    assert_eq!(
        door.ask("GET", &format!("/volumes/{V}"), "").await.body,
        format!(
            "{{\"size\":10,\"name\":\"foo\",\
             \"durability\":{{\"type\":\"replicate\",\"replicate\":{{\"replica\":2}},\"disperse\":{{}}}},\
             \"gid\":2000,\"glustervolumeoptions\":[\"\",\"nfs.disable on\",\"\"],\
             \"snapshot\":{{\"enable\":true,\"factor\":1.5}},\"id\":\"{V}\",\"cluster\":\"{C}\",\
             \"mount\":{{\"glusterfs\":{{\"hosts\":[\"10.0.0.3\",\"10.0.0.1\",\"10.0.0.2\"],\"device\":\"10.0.0.3:foo\",\
             \"options\":{{\"backup-volfile-servers\":\"10.0.0.1,10.0.0.2\"}}}}}},\"blockinfo\":{{}},\
             \"bricks\":[{},{}]}}\n",
            brick(&b1, D1, A),
            brick(&b2, D3, B)
        )
    );
}

#[tokio::test]
async fn tags_are_answered_whole() {
    let door = door().await;
    for (place, before) in [
        (format!("/nodes/{A}"), r#""rack":"7""#),
        (format!("/devices/{D1}"), ""),
    ] {
        let path = format!("{place}/tags");
        let comma = if before.is_empty() { "" } else { "," };
        for (body, tags) in [
            (
                r#"{"change_type":"update","tags":{"a":"<1>"}}"#,
                format!("{{\"a\":\"\\u003c1\\u003e\"{comma}{before}}}"),
            ),
            (
                r#"{"change_type":"delete","tags":{"a":"x","none":""}}"#,
                format!("{{{before}}}"),
            ),
            (
                r#"{"change_type":"set","tags":{"b":"2"}}"#,
                r#"{"b":"2"}"#.to_owned(),
            ),
            (r#"{"change_type":"set","tags":{}}"#, "{}".to_owned()),
        ] {
            let reply = door.ask("POST", &path, body).await;
            assert_eq!(
                (reply.status, reply.body),
                (200, format!("{tags}\n")),
                "{path} {body}"
            );
        }
        assert!(door.ask("GET", &place, "").await.json().get("tags").is_none());
    }
    let many: Vec<String> = (0..32).map(|n| format!("\"t{n}\":\"\"")).collect();
    let path = format!("/nodes/{B}/tags");
    let set = format!(r#"{{"change_type":"set","tags":{{{}}}}}"#, many.join(","));
    assert_eq!(door.ask("POST", &path, &set).await.status, 200);
    let reply = door
        .ask("POST", &path, r#"{"change_type":"update","tags":{"more":""}}"#)
        .await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            400,
            "validation failed: tags: too many tags specified (33), up to 32 supported.\n"
        )
    );
}

#[tokio::test]
async fn states_go_through_the_queue() {
    let door = door().await;
    for (place, states) in [
        (format!("/nodes/{B}"), &["offline", "online", "offline"][..]),
        // Heketi's nodes had no way back.
        (
            format!("/nodes/{FAILED_NODE}"),
            &["failed", "offline", "online"][..],
        ),
        (
            format!("/devices/{OFFLINE_DEVICE}"),
            &["online", "offline", "failed", "failed", "offline", "failed"][..],
        ),
    ] {
        for state in states {
            let reply = door
                .finish(
                    "POST",
                    &format!("{place}/state"),
                    &format!(r#"{{"state":"{state}"}}"#),
                )
                .await;
            assert_eq!((reply.status, reply.body.as_str()), (204, ""), "{place} {state}");
            assert_eq!(door.ask("GET", &place, "").await.json()["state"], **state);
        }
    }
    // Its bricks would have to move, and nobody can be asked here: each is named with the reason.
    let reply = door
        .finish("POST", &format!("/nodes/{B}/state"), r#"{"state":"failed"}"#)
        .await;
    assert_eq!(reply.status, 500, "{reply:?}");
    assert!(reply.body.contains(" cannot move: volume "), "{}", reply.body);
    assert_eq!(
        door.ask("GET", &format!("/nodes/{B}"), "").await.json()["state"],
        "offline"
    );
}

#[tokio::test]
async fn bricks_are_moved_or_stay_with_a_reason() {
    let door = door().await;
    let node = door.ask("GET", &format!("/nodes/{B}"), "").await.json();
    let bricks = node["devices"].as_array().unwrap().iter();
    let brick = bricks
        .flat_map(|device| device["bricks"].as_array().unwrap())
        .map(|brick| brick["id"].as_str().unwrap().to_owned())
        .next()
        .unwrap();
    let nobody = "0".repeat(32);
    for (id, body, status, text) in [
        (&nobody, "", 404, "Id not found\n"),
        (
            &brick,
            r#"{"healcheck":"x"}"#,
            400,
            "validation failed: healcheck: x is not valid heal info check.\n",
        ),
        (&brick, r#"{"healcheck":1}"#, 422, ""),
    ] {
        let reply = door.ask("POST", &format!("/bricks/to-evict/{id}"), body).await;
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(text.is_empty() || reply.body == text, "{}", reply.body);
    }
    let reply = door.ask("POST", &format!("/bricks/to-evict/{brick}"), "").await;
    assert_eq!(reply.status, 500, "{reply:?}");
    assert!(
        reply.body.starts_with("Failed to set up brick eviction: "),
        "{}",
        reply.body
    );
    for (path, body, status, kind) in [
        (format!("/v1/bricks/{nobody}/evict"), "{}", 404, "not-found"),
        (
            format!("/v1/bricks/{brick}/evict"),
            r#"{"ded":true}"#,
            400,
            "invalid",
        ),
        (format!("/v1/devices/{nobody}/drain"), "{}", 404, "not-found"),
        (format!("/v1/nodes/{nobody}/drain"), "{}", 404, "not-found"),
        (format!("/v1/nodes/{nobody}/forget"), "", 404, "not-found"),
        (format!("/v1/nodes/{B}/forget"), "", 409, "conflict"),
        (format!("/v1/operations/{nobody}/cancel"), "", 404, "not-found"),
        (format!("/v1/operations/{MADE}/cancel"), "", 409, "conflict"),
    ] {
        let reply = door.ask("POST", &path, body).await;
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        assert_eq!(reply.json()["error"]["kind"], kind, "{path}");
    }
}

#[tokio::test]
async fn results_of_the_queue_can_be_read_again() {
    let door = door().await;
    for _ in 0..2 {
        for (id, status, location) in [
            (MADE, 303, Some(format!("/volumes/{V}"))),
            (ADDED_NODE, 303, Some(format!("/nodes/{A}"))),
            // Heketi answers 204 here, and clients look for the device at the node.
            (ADDED_DEVICE, 204, None),
            (DELETED, 204, None),
        ] {
            let reply = door.ask("GET", &format!("/queue/{id}"), "").await;
            assert_eq!(
                (reply.status, reply.header("location")),
                (status, location.as_deref()),
                "{id}"
            );
            assert_eq!(reply.header("x-pending"), None);
            let page = location
                .map(|place| format!("<a href=\"{place}\">See Other</a>.\n\n"))
                .unwrap_or_default();
            assert_eq!(reply.body, page);
        }
        let reply = door.ask("GET", &format!("/queue/{FAILED}"), "").await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (500, "lvcreate: no free extents\n")
        );
        assert_eq!(reply.header("mortar-error-kind"), Some("node-failed"));
    }
    let reply = door.ask("GET", &format!("/queue/{OLD}"), "").await;
    assert_eq!((reply.status, reply.body.as_str()), (404, "Id not found\n"));
    let reply = door.ask("GET", &format!("/queue/{MADE}?wait=x"), "").await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (400, "validation failed: wait: must be a number of seconds.\n")
    );
}

#[tokio::test]
async fn what_is_under_way_is_pending_and_keeps_others_out() {
    let engine = Config {
        open_max: 2,
        ..Config::default()
    };
    let store = world::recorded();
    let door = Setup {
        store: Arc::clone(&store),
        hosts: Arc::new(Silent),
        engine,
        ..Setup::default()
    }
    .open()
    .await;
    let path = format!("/volumes/{V}");
    let accepted = door.ask("DELETE", &path, "{}").await;
    assert_eq!((accepted.status, accepted.body.as_str()), (202, ""));
    assert_eq!(accepted.header("content-length"), Some("0"));
    let place = accepted.header("location").unwrap().to_owned();
    assert!(place.starts_with("/queue/") && place.len() == 39, "{place}");
    let began = std::time::Instant::now();
    for query in ["", "?wait=1"] {
        let pending = door.ask("GET", &format!("{place}{query}"), "").await;
        assert_eq!((pending.status, pending.body.as_str()), (200, ""));
        assert_eq!(pending.header("x-pending"), Some("true"));
    }
    assert!(
        began.elapsed().as_millis() >= 1000,
        "the answer was not held back"
    );
    // A volume that is just being deleted is not shown, and nobody else may change it.
    assert_eq!(door.ask("GET", &path, "").await.status, 404);
    assert_eq!(
        door.ask("GET", "/volumes", "").await.body,
        format!("{{\"volumes\":[\"{DATABASE}\"]}}\n")
    );
    assert_eq!(
        door.ask("GET", &format!("/devices/{D1}"), "").await.json()["bricks"],
        serde_json::json!([])
    );
    for (method, path, body, status, text) in [
        (
            "DELETE",
            path.clone(),
            "",
            500,
            "Failed to set up volume delete: The target exists, contains other items, or is in use.\n",
        ),
        (
            "POST",
            format!("{path}/expand"),
            r#"{"expand_size":1}"#,
            500,
            "Failed to allocate volume expansion: The target exists, contains other items, or is in use.\n",
        ),
    ] {
        let reply = door.ask(method, &path, body).await;
        assert_eq!((reply.status, reply.body.as_str()), (status, text));
        assert_eq!(reply.header("mortar-error-kind"), Some("conflict"));
    }
    let create = r#"{"size":1}"#;
    assert_eq!(door.ask("POST", "/volumes", create).await.status, 202);
    let busy = door.ask("POST", "/volumes", create).await;
    assert_eq!(
        (busy.status, busy.body.as_str()),
        (429, "Server busy. Retry operation later.\n")
    );
    assert!(busy.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    // The operation, and so its place in the queue, outlives the server.
    door.stop().await;
    let door = Setup {
        store,
        hosts: Arc::new(Silent),
        ..Setup::default()
    }
    .open()
    .await;
    assert_eq!(
        door.ask("GET", &place, "").await.header("x-pending"),
        Some("true")
    );
}

#[tokio::test]
async fn a_full_disk_under_the_store_refuses_and_changes_nothing() {
    let store = Arc::new(MemoryStore::new());
    let door = Setup {
        store: Arc::clone(&store),
        ..Setup::default()
    }
    .open()
    .await;
    let full = StoreError::Full {
        path: "/secret/place".into(),
        reason: "ENOSPC".into(),
    };
    store.fail_apply(1, full);
    let reply = door.ask("POST", "/clusters", "{}").await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            500,
            "The server cannot record the request: its store refuses changes. The server's log has the details.\n"
        )
    );
    assert_eq!(door.ask("GET", "/clusters", "").await.body, "{\"clusters\":[]}\n");
    assert_eq!(door.ask("POST", "/clusters", "{}").await.status, 201);
}

#[tokio::test]
async fn a_store_that_is_busy_asks_to_come_again() {
    let store = Arc::new(MemoryStore::new());
    let door = Setup {
        store: Arc::clone(&store),
        ..Setup::default()
    }
    .open()
    .await;
    store.fail_apply(1, StoreError::Busy { waiting: 4096 });
    let reply = door.ask("POST", "/clusters", "{}").await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (429, "Server busy. Retry operation later.\n")
    );
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert_eq!(reply.header("mortar-error-kind"), Some("busy"));
    assert_eq!(door.ask("POST", "/clusters", "{}").await.status, 201);
}

#[tokio::test]
async fn a_disk_that_fails_meanwhile_is_told_with_the_operation_to_ask_for() {
    let store = Arc::new(MemoryStore::new());
    let door = Setup {
        store: Arc::clone(&store),
        ..Setup::default()
    }
    .open()
    .await;
    let uncertain = StoreError::Uncertain {
        path: "/secret/place".into(),
        reason: "EIO".into(),
    };
    store.fail_apply(1, uncertain);
    let reply = door.ask("POST", "/clusters", "{}").await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.header("mortar-error-kind"), Some("needs-attention"));
    let (_, after) = reply.body.split_once("/queue/").unwrap();
    let (id, _) = after.split_once(' ').unwrap();
    assert!(id.len() == 32 && !reply.body.contains("secret"), "{}", reply.body);
    // It was not recorded, and that is what the place tells.
    assert_eq!(door.ask("GET", &format!("/queue/{id}"), "").await.status, 404);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_no_half_change() {
    use tokio::io::AsyncWriteExt;
    let door = Setup::default().open().await;
    for _ in 0..20 {
        let token = admin("POST", "/clusters");
        let mut stream = door.connect().await;
        let request = format!(
            "POST /clusters HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
    }
    let list = door.ask("GET", "/clusters", "").await.json();
    for id in list["clusters"].as_array().unwrap() {
        let path = format!("/clusters/{}", id.as_str().unwrap());
        assert_eq!(door.ask("DELETE", &path, "").await.status, 200);
    }
}
