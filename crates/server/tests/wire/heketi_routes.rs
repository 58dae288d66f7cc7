//! Every route of heketi.md 1.3, in its order, and what it answers here; and the administrator's modes over all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mortar_heketi::admin::{AdminState, LogLevel};
use mortar_model::{BlockRestriction, BlockVolume, ByteSize, HostName, Target, Volume, VolumeName};
use mortar_server::LogDial;
use mortar_store::{Durability, Kind, Store, Write};

use crate::support::hosts::{Nowhere, Silent};
use crate::support::world::{self, A, C, D1, DATABASE, FAILED_NODE, MADE, UNKNOWN, V};
use crate::support::{Door, Setup};

/// Method, path, body, and the status in the recorded world, whose nodes do not answer. 202 stands for what the queue then tells.
/// The order is that of the table; {C}, {A}, … are things of the world.
const ROUTES: [(&str, &str, &str, u16); 45] = [
    ("GET", "/hello", "", 200),
    ("GET", "/metrics", "", 200),
    ("GET", "/queue/{MADE}", "", 303),
    ("POST", "/clusters", "{}", 201),
    ("GET", "/clusters", "", 200),
    ("GET", "/clusters/{C}", "", 200),
    (
        "POST",
        "/clusters/{C}/flags",
        r#"{"file":true,"block":true}"#,
        200,
    ),
    ("DELETE", "/clusters/{C}", "", 409),
    ("POST", "/nodes", "{}", 400),
    ("GET", "/nodes/{A}", "", 200),
    ("DELETE", "/nodes/{A}", "", 409),
    ("POST", "/nodes/{A}/state", r#"{"state":"online"}"#, 202),
    (
        "POST",
        "/nodes/{A}/tags",
        r#"{"change_type":"update","tags":{}}"#,
        200,
    ),
    ("POST", "/devices", "{}", 400),
    ("GET", "/devices/{D1}", "", 200),
    ("DELETE", "/devices/{D1}", "", 409),
    ("POST", "/devices/{D1}/state", r#"{"state":"online"}"#, 202),
    ("GET", "/devices/{D1}/resync", "", 202),
    (
        "POST",
        "/devices/{D1}/tags",
        r#"{"change_type":"update","tags":{}}"#,
        200,
    ),
    ("POST", "/volumes", "{}", 400),
    ("GET", "/volumes", "", 200),
    ("GET", "/volumes/{V}", "", 200),
    ("DELETE", "/volumes/{DATABASE}", "", 409),
    ("POST", "/volumes/{V}/expand", "{}", 400),
    ("POST", "/volumes/{UNKNOWN}/clone", "{}", 404),
    ("POST", "/volumes/{V}/block-restriction", "{}", 500),
    ("POST", "/blockvolumes", "{}", 400),
    ("GET", "/blockvolumes", "", 200),
    ("GET", "/blockvolumes/{UNKNOWN}", "", 404),
    ("DELETE", "/blockvolumes/{UNKNOWN}", "", 404),
    ("POST", "/blockvolumes/{UNKNOWN}/expand", r#"{"new_size":2}"#, 404),
    ("POST", "/bricks/to-evict/{UNKNOWN}", "{}", 404),
    ("GET", "/operations", "", 200),
    ("GET", "/operations/pending", "", 200),
    ("GET", "/operations/pending/{UNKNOWN}", "", 404),
    ("POST", "/operations/pending/cleanup", "{}", 202),
    ("GET", "/backup/db", "", 500),
    ("GET", "/db/dump", "", 200),
    ("GET", "/db/check", "", 200),
    ("GET", "/internal/logging", "", 200),
    (
        "POST",
        "/internal/logging",
        r#"{"loglevel":{"glusterfs":"info"}}"#,
        200,
    ),
    ("GET", "/internal/state/examine/gluster", "", 200),
    ("GET", "/admin", "", 200),
    ("POST", "/admin", r#"{"state":"normal"}"#, 204),
    ("GET", "/topology", "", 200),
];

fn path(pattern: &str) -> String {
    let things = [
        ("{MADE}", MADE),
        ("{C}", C),
        ("{A}", A),
        ("{D1}", D1),
        ("{V}", V),
        ("{DATABASE}", DATABASE),
        ("{UNKNOWN}", UNKNOWN),
    ];
    things
        .iter()
        .fold(pattern.to_owned(), |path, (name, id)| path.replace(name, id))
}

async fn door() -> Door {
    let setup = Setup {
        store: world::recorded(),
        hosts: Arc::new(Nowhere),
        ..Setup::default()
    };
    setup.open().await
}

#[tokio::test]
async fn every_route_is_there() {
    let door = door().await;
    for (method, pattern, body, status) in ROUTES {
        let reply = door.ask(method, &path(pattern), body).await;
        assert_eq!(reply.status, status, "{method} {pattern}: {}", reply.body);
        assert_ne!(reply.body, "Invalid path or request\n", "{method} {pattern}");
        // What fails is one line of text, everything else JSON or nothing.
        if status >= 400 {
            assert_eq!(
                reply.header("content-type"),
                Some("text/plain; charset=utf-8"),
                "{method} {pattern}"
            );
            assert!(reply.body.ends_with('\n'), "{method} {pattern}");
        }
    }
}

#[tokio::test]
async fn the_modes_hold_for_every_route() {
    let door = door().await;
    let maintenance = (503, "Service disabled for maintenance\n");
    for state in ["read-only", "local-client", "normal"] {
        let body = format!("{{\"state\":\"{state}\"}}");
        assert_eq!(door.ask("POST", "/admin", &body).await.status, 204, "{state}");
        let told = door.ask("GET", "/admin", "").await;
        assert_eq!(told.body, format!("{body}\n"));
        for (method, pattern, body, status) in ROUTES {
            if pattern == "/admin" {
                continue;
            }
            let reply = door.ask(method, &path(pattern), body).await;
            // This client is a local one.
            let changes = method != "GET" || pattern.ends_with("/resync");
            if state == "read-only" && changes {
                assert_eq!(
                    (reply.status, reply.body.as_str()),
                    maintenance,
                    "{method} {pattern}"
                );
            } else if method == "GET" {
                // The first pass may have begun what is refused the second time.
                assert!(
                    reply.status == status || pattern.ends_with("/resync"),
                    "{state}: {method} {pattern}: {}",
                    reply.body
                );
            } else {
                assert_ne!(reply.status, 503, "{state}: {method} {pattern}");
            }
        }
        // Order of Heketi: token, role, mode, path.
        assert_eq!(door.ask_as(None, "POST", "/volumes", "{}").await.status, 401);
        let nowhere = door.ask("POST", "/nowhere", "{}").await.status;
        assert_eq!(nowhere, if state == "read-only" { 503 } else { 404 });
        let planned = door.ask("POST", "/v1/plan", r#"{"size":1}"#).await;
        assert_ne!(planned.status, 503, "{state}");
    }
}

/// An address of this machine by which it meets others. Nothing is sent to find it.
fn own_address() -> std::net::IpAddr {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    socket
        .connect("198.51.100.1:9")
        .expect("this test needs a machine with a network: an address besides 127.0.0.1, and a route");
    socket.local_addr().unwrap().ip()
}

/// Who comes to an address that others reach comes from one that is not this machine's loopback.
#[tokio::test]
async fn a_client_from_elsewhere_changes_nothing_in_local_client_mode() {
    let admin = Arc::new(mortar_server::Admin::new(AdminState::LocalClient));
    let setup = Setup {
        store: world::recorded(),
        hosts: Arc::new(Nowhere),
        admin: Arc::clone(&admin),
        listen: own_address(),
        ..Setup::default()
    };
    let door = setup.open().await;
    for (method, pattern, body, status) in ROUTES {
        let reply = door.ask(method, &path(pattern), body).await;
        if method == "GET" && !pattern.ends_with("/resync") {
            assert_eq!(reply.status, status, "{method} {pattern}: {}", reply.body);
        } else {
            let refused = (503, "Service disabled for maintenance\n");
            assert_eq!((reply.status, reply.body.as_str()), refused, "{method} {pattern}");
        }
    }
    let create = door.ask("POST", "/v1/volumes", "{}").await;
    assert_eq!(create.status, 503, "{}", create.body);
    let normal = r#"{"state":"normal"}"#;
    assert_eq!(door.ask("POST", "/admin", normal).await.status, 503);
    assert_eq!(admin.state(), AdminState::LocalClient);
    admin.set(AdminState::Normal);
    assert_eq!(door.ask("POST", "/clusters", "{}").await.status, 201);
}

/// As `--default-state` and SIGUSR2 do it.
#[tokio::test]
async fn the_mode_is_set_from_outside_of_the_wire_too() {
    use mortar_server::Admin;

    let admin = Arc::new(Admin::new(AdminState::LocalClient));
    let setup = Setup {
        store: world::recorded(),
        admin: Arc::clone(&admin),
        ..Setup::default()
    };
    let door = setup.open().await;
    assert_eq!(door.ask("POST", "/clusters", "{}").await.status, 201);
    assert_eq!(admin.state(), AdminState::LocalClient);
    admin.set(AdminState::ReadOnly);
    assert_eq!(door.ask("POST", "/clusters", "{}").await.status, 503);
    assert_eq!(door.ask("GET", "/clusters", "").await.status, 200);
    admin.set(AdminState::Normal);
    assert_eq!(door.ask("POST", "/clusters", "{}").await.status, 201);
}

#[tokio::test]
async fn texts_of_what_cannot_be() {
    let door = door().await;
    let many = (0..33)
        .map(|n| format!("\"{n:032x}\""))
        .collect::<Vec<_>>()
        .join(",");
    let many = format!("{{\"operations\":[{many}]}}");
    let restriction = path("/volumes/{V}/block-restriction");
    let cases: Vec<(&str, &str, &str, u16, &str)> = vec![
        (
            "POST",
            "/admin",
            "",
            400,
            "request unable to be parsed: unexpected end of JSON input",
        ),
        (
            "POST",
            "/admin",
            "{}",
            400,
            "validation failed: state: cannot be blank.",
        ),
        (
            "POST",
            "/admin",
            r#"{"state":"x"}"#,
            400,
            "validation failed: state: must be a valid value.",
        ),
        (
            "POST",
            "/internal/logging",
            "",
            400,
            "request unable to be parsed: unexpected end of JSON input",
        ),
        (
            "POST",
            "/internal/logging",
            "{}",
            422,
            "Only \"glusterfs\" logger may be modified",
        ),
        (
            "POST",
            "/internal/logging",
            r#"{"loglevel":{"glusterfs":"bad"}}"#,
            422,
            "invalid log level: bad",
        ),
        (
            "POST",
            "/operations/pending/cleanup",
            "",
            422,
            "request unable to be parsed",
        ),
        (
            "POST",
            "/operations/pending/cleanup",
            &many,
            400,
            "validation failed: operations: too many ids specified (33), up to 32 supported.",
        ),
        (
            "POST",
            "/operations/pending/cleanup",
            r#"{"operations":["abc"]}"#,
            400,
            "validation failed: operations: abc is not a valid UUID.",
        ),
        (
            "POST",
            "/blockvolumes",
            "{}",
            400,
            "validation failed: size: cannot be blank.",
        ),
        (
            "POST",
            "/blockvolumes",
            r#"{"size":1,"hacount":-1}"#,
            400,
            "validation failed: hacount: must be no less than 1.",
        ),
        (
            "POST",
            "/blockvolumes",
            r#"{"size":1}"#,
            500,
            "Failed to allocate new block volume: Block Hosting Volume Creation is disabled. Create a Block hosting volume and try again.",
        ),
        (
            "POST",
            &restriction,
            r#"{"restriction":"open"}"#,
            400,
            "validation failed: restriction: must be a valid value.",
        ),
        (
            "POST",
            &restriction,
            r#"{"restriction":"locked"}"#,
            500,
            "Failed to set block restriction: Block restrictions can only be set on block hosting volumes",
        ),
        (
            "GET",
            "/backup/db",
            "",
            500,
            "The database cannot be backed up: this server keeps no backups: its store is in memory",
        ),
    ];
    for (method, path, body, status, text) in cases {
        let reply = door.ask(method, path, body).await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (status, format!("{text}\n").as_str()),
            "{method} {path} {body}"
        );
    }
}

#[tokio::test]
async fn the_log_is_turned_up_and_down() {
    let turned = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&turned);
    let dial = LogDial::new(LogLevel::Warning, move |level| {
        assert_eq!(level, LogLevel::Debug);
        seen.fetch_add(1, Ordering::SeqCst);
    });
    let setup = Setup {
        log: Arc::new(dial),
        ..Setup::default()
    };
    let door = setup.open().await;
    let level = |name: &str| format!("{{\"loglevel\":{{\"glusterfs\":\"{name}\"}}}}\n");
    assert_eq!(
        door.ask("GET", "/internal/logging", "").await.body,
        level("warning")
    );
    let set = door.ask("POST", "/internal/logging", &level("debug")).await;
    assert_eq!((set.status, set.body), (200, level("debug")));
    assert_eq!(
        door.ask("GET", "/internal/logging", "").await.body,
        level("debug")
    );
    assert_eq!(turned.load(Ordering::SeqCst), 1);
}

/// Heketi's clean-up answers 204 whatever became of the operations; ids that nobody has are passed over.
#[tokio::test]
async fn a_clean_up_is_followed_by_the_queue() {
    let door = door().await;
    for body in ["{}", &format!("{{\"operations\":[\"{UNKNOWN}\"]}}")] {
        let reply = door.finish("POST", "/operations/pending/cleanup", body).await;
        assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    }
    // What is at work is left at work, and not waited for.
    let setup = Setup {
        store: world::recorded(),
        hosts: Arc::new(Silent),
        ..Setup::default()
    };
    let door = setup.open().await;
    let begun = door.ask("DELETE", &format!("/volumes/{V}"), "").await;
    let operation = begun.header("location").unwrap().strip_prefix("/queue/").unwrap();
    let body = format!("{{\"operations\":[\"{operation}\"]}}");
    let reply = door.finish("POST", "/operations/pending/cleanup", &body).await;
    assert_eq!(reply.status, 204);
    let pending = door.ask("GET", "/operations/pending", "").await;
    assert!(pending.body.contains(operation), "{}", pending.body);
}

#[tokio::test]
async fn a_backup_goes_out_as_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let setup = Setup {
        store: world::recorded(),
        engine: mortar_engine::Config {
            backups: Some(mortar_engine::BackupPlan {
                folder: folder.path().to_owned(),
                interval: std::time::Duration::ZERO,
                keep: 2,
            }),
            ..mortar_engine::Config::default()
        },
        ..Setup::default()
    };
    let door = setup.open().await;
    let reply = door.ask("GET", "/backup/db", "").await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/octet-stream"))
    );
    let name = reply.header("content-disposition").unwrap();
    let name = name
        .strip_prefix("attachment; filename=\"")
        .unwrap()
        .strip_suffix('"')
        .unwrap();
    assert_eq!(
        reply.body,
        std::fs::read_to_string(folder.path().join(name)).unwrap()
    );
    assert!(reply.body.contains(V));
}

/// The records of a hosting volume with a block volume, as a takeover leaves them.
fn with_block_volume() -> Arc<mortar_store::MemoryStore> {
    let store = world::recorded();
    let value = store.get(Kind::Volume, V).unwrap().unwrap();
    let mut hosting: Volume = mortar_store::decode(Kind::Volume, V, &value).unwrap();
    hosting.block = true;
    hosting.block_restriction = BlockRestriction::Locked;
    let block = BlockVolume {
        id: "b10cb10cb10cb10cb10cb10cb10cb10c".parse().unwrap(),
        hosting: hosting.id,
        name: VolumeName::new("blockvol").unwrap(),
        size: ByteSize::from_gib(2),
        usable: ByteSize::from_gib(2),
        ha: 2,
        hosts: ["10.0.0.1", "10.0.0.2"]
            .map(|host| HostName::new(host).unwrap())
            .into(),
        auth: false,
        target: Target {
            iqn: "iqn.2016-12.org.gluster-block:1".into(),
            ..Target::default()
        },
    };
    let writes = [
        Write::put(Kind::Volume, &hosting.id, &hosting).unwrap(),
        Write::put(Kind::BlockVolume, &block.id, &block).unwrap(),
    ];
    store.apply(&writes, Durability::Synced).unwrap();
    store
}

#[tokio::test]
async fn block_volumes_that_were_taken_over_are_shown_and_guarded() {
    let setup = Setup {
        store: with_block_volume(),
        ..Setup::default()
    };
    let door = setup.open().await;
    let block = "b10cb10cb10cb10cb10cb10cb10cb10c";
    let list = door.ask("GET", "/blockvolumes", "").await;
    assert_eq!(list.body, format!("{{\"blockvolumes\":[\"{block}\"]}}\n"));
    let info = door.ask("GET", &format!("/blockvolumes/{block}"), "").await;
    assert_eq!(
        info.body,
        format!(
            "{{\"size\":2,\"name\":\"blockvol\",\"hacount\":2,\"id\":\"{block}\",\"blockvolume\":{{\"hosts\":[\"10.0.0.1\",\
             \"10.0.0.2\"],\"iqn\":\"iqn.2016-12.org.gluster-block:1\",\"lun\":0,\"username\":\"\",\"password\":\"\"}},\
             \"cluster\":\"{C}\",\"blockhostingvolume\":\"{V}\",\"usablesize\":2}}\n"
        )
    );
    let host = door.ask("GET", &format!("/volumes/{V}"), "").await;
    assert!(
        host.body.contains(&format!(
            "\"blockinfo\":{{\"freesize\":7,\"reservedsize\":1,\"blockvolume\":[\"{block}\"],\"restriction\":\"locked\"}}"
        )),
        "{}",
        host.body
    );
    let cluster = door.ask("GET", &format!("/clusters/{C}"), "").await;
    assert!(
        cluster
            .body
            .ends_with(&format!("\"blockvolumes\":[\"{block}\"]}}\n")),
        "{}",
        cluster.body
    );
    for path in [format!("/volumes/{V}"), format!("/v1/volumes/{V}")] {
        let kept = door.ask("DELETE", &path, "").await;
        assert_eq!(kept.status, 409, "{}", kept.body);
        assert!(
            kept.body
                .contains("Cannot delete a block hosting volume containing block volumes")
                || kept.body.contains("still holds block volumes"),
            "{}",
            kept.body
        );
    }
    assert!(
        door.ask("GET", "/metrics", "")
            .await
            .body
            .contains(&format!("heketi_block_volumes_count{{cluster=\"{C}\"}} 1\n"))
    );
}

/// The shape of heketi.md 7.4, with the same parts as the routes of one thing each.
#[tokio::test]
async fn the_topology_is_that_of_the_single_routes() {
    let door = door().await;
    let topology = door.ask("GET", "/topology", "").await;
    assert!(
        topology
            .body
            .starts_with("{\"clusters\":[{\"volumes\":[{\"size\":"),
        "{:.60}",
        topology.body
    );
    let tail = format!("],\"id\":\"{C}\",\"block\":true,\"file\":true}}");
    assert!(topology.body.contains(&tail), "{}", topology.body);
    let json = topology.json();
    let cluster = json["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .find(|cluster| cluster["id"] == C)
        .unwrap();
    for (list, of, ids) in [
        ("volumes", "volumes", [V, DATABASE]),
        ("nodes", "nodes", [A, FAILED_NODE]),
    ] {
        for id in ids {
            let alone = door.ask("GET", &format!("/{of}/{id}"), "").await.json();
            assert!(
                cluster[list].as_array().unwrap().contains(&alone),
                "{of} {id} is another one in the topology"
            );
        }
    }
}

#[tokio::test]
async fn an_examination_tells_what_a_check_finds() {
    let door = door().await;
    let examined = door.ask("GET", "/internal/state/examine/gluster", "").await;
    assert!(
        examined.body.starts_with("{\"heketidb\":{\"clusterentries\":{\""),
        "{:.80}",
        examined.body
    );
    let json = examined.json();
    let report = json["report"].as_array().unwrap();
    assert_eq!(report[0], "OnDemand Examiner invoked while 0 ops are in flight");
    assert_eq!(report[1], "3 of 3 nodes did not answer");
    let nodes = json["clusters"][0]["NodesData"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    assert_eq!(nodes[0]["NodeHeketiID"], FAILED_NODE);
    assert!(nodes[0]["VolumeInfo"].is_null());
}

#[tokio::test]
async fn metrics_stand_under_heketis_names_too() {
    let door = door().await;
    let page = door.ask("GET", "/metrics", "").await.body;
    let device = format!(
        "{{cluster=\"{C}\",device=\"/dev/sdb\",hostname=\"node-a\",id=\"{D1}\",pv_uuid=\"uuid-1\",storage_hostname=\"10.0.0.1\"}}"
    );
    let node = format!("{{cluster=\"{C}\",hostname=\"node-a\",storage_hostname=\"10.0.0.1\"}}");
    let cluster = format!("{{cluster=\"{C}\"}}");
    let used: u64 = 15 * (1 << 20) + 80 * 1024;
    let total: u64 = 100 * (1 << 20);
    for (name, labels, value) in [
        ("heketi_up", "", 1),
        ("heketi_cluster_count", "", 2),
        ("heketi_volumes_count", cluster.as_str(), 2),
        ("heketi_block_volumes_count", &cluster, 0),
        ("heketi_nodes_count", &cluster, 3),
        ("heketi_device_count", &node, 2),
        ("heketi_device_brick_count", &device, 1),
        ("heketi_device_size", &device, total),
        ("heketi_device_free", &device, total - used),
        ("heketi_device_used", &device, used),
        ("heketi_device_size_bytes", &device, total * 1024),
        ("heketi_device_free_bytes", &device, (total - used) * 1024),
        ("heketi_device_used_bytes", &device, used * 1024),
        ("heketi_operations_total_count", "", 0),
        ("heketi_operations_new_count", "", 0),
        ("heketi_operations_stale_count", "", 0),
        ("heketi_operations_failed_count", "", 0),
        ("heketi_operations_inFlight_count", "", 0),
    ] {
        let line = format!("\n{name}{labels} {value}\n");
        assert!(page.contains(&line), "{line} is not in\n{page}");
        assert!(page.contains(&format!("# TYPE {name} gauge\n")), "{name}");
    }
    assert!(page.ends_with("# EOF\n"));
}
