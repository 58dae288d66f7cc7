//! The whole path on simulated nodes: a bare disk becomes a volume, and bad input leaves pool and store as before.

use std::sync::Arc;

use mortar_api::{Explanation, Heal, SightState};
use mortar_engine::Config;
use mortar_executor::SimHosts;
use mortar_simulator::{Effect, Fault, Foreign, When, World, WorldConfig};
use mortar_store::MemoryStore;
use serde_json::json;

use crate::support::hosts::Silent;
use crate::support::{Door, Setup};

const NODES: [&str; 3] = ["n1", "n2", "n3"];
const GIB: u64 = 1 << 30;

fn nodes() -> SimHosts {
    nodes_with(100 * GIB)
}

/// Three blank nodes with two disks of this size each.
pub(crate) fn nodes_with(disk_size: u64) -> SimHosts {
    let mut world = World::new(WorldConfig {
        disks_per_node: 2,
        disk_size,
        directories: vec![("/disks/one".into(), 100 * GIB)],
        ..WorldConfig::default()
    });
    for node in NODES {
        world.add_node(node);
    }
    SimHosts::new(world)
}

/// A server of its own that reaches these nodes.
pub(crate) async fn open(hosts: &SimHosts) -> Door {
    open_on(hosts, &Arc::new(MemoryStore::new())).await
}

pub(crate) async fn open_on(hosts: &SimHosts, store: &Arc<MemoryStore>) -> Door {
    Setup {
        hosts: Arc::new(hosts.clone()),
        store: Arc::clone(store),
        ..Setup::default()
    }
    .open()
    .await
}

impl Door {
    async fn cluster(&self) -> String {
        let made = self
            .ask("POST", "/clusters", r#"{"file":true,"block":true}"#)
            .await;
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// Adds a node; its zone is given. Answers its id.
    async fn node(&self, cluster: &str, host: &str, zone: u32) -> String {
        let body =
            json!({"cluster": cluster, "zone": zone, "hostnames": {"manage": [host], "storage": [host]}});
        let added = self.finish("POST", "/nodes", &body.to_string()).await;
        assert_eq!(added.status, 303, "{}", added.body);
        added
            .header("location")
            .unwrap()
            .trim_start_matches("/nodes/")
            .to_owned()
    }

    /// Adds a device, and finds it at its node as Heketi's clients do. Answers its id.
    async fn device(&self, node: &str, path: &str) -> String {
        let added = self
            .finish(
                "POST",
                "/devices",
                &json!({"node": node, "name": path}).to_string(),
            )
            .await;
        assert_eq!(
            (added.status, added.header("location")),
            (204, None),
            "{}",
            added.body
        );
        let info = self.ask("GET", &format!("/nodes/{node}"), "").await.json();
        let devices = info["devices"].as_array().unwrap();
        let device = devices.iter().find(|device| device["name"] == path).unwrap();
        device["id"].as_str().unwrap().to_owned()
    }

    /// A cluster of all nodes with these devices each. Answers the ids of cluster, nodes and devices.
    pub(crate) async fn pool(&self, paths: &[&str]) -> (String, Vec<String>, Vec<String>) {
        let cluster = self.cluster().await;
        let (mut nodes, mut devices) = (Vec::new(), Vec::new());
        for (zone, host) in (1..).zip(NODES) {
            let node = self.node(&cluster, host, zone).await;
            for path in paths {
                devices.push(self.device(&node, path).await);
            }
            nodes.push(node);
        }
        (cluster, nodes, devices)
    }

    /// Makes a volume. Answers its path.
    async fn volume(&self, body: &serde_json::Value) -> String {
        let made = self.finish("POST", "/volumes", &body.to_string()).await;
        assert_eq!(made.status, 303, "{}", made.body);
        made.header("location").unwrap().to_owned()
    }

    async fn explain(&self, volume: &str) -> Explanation {
        let reply = self.ask("GET", &format!("/v1/explain{volume}"), "").await;
        serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {}", reply.body))
    }
}

pub(crate) fn replica(count: u32, size: u64) -> serde_json::Value {
    json!({"size": size, "durability": {"type": "replicate", "replicate": {"replica": count}}})
}

/// What Heketi's clients ask for is what they read, and what GlusterFS has.
#[tokio::test]
async fn arbiters_and_pieces_are_told_in_heketis_words() {
    let hosts = nodes();
    let door = open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let mut arbiter = replica(3, 4);
    arbiter["glustervolumeoptions"] = json!(["user.heketi.arbiter true", "user.heketi.average-file-size 4"]);
    let pieces =
        json!({"size": 4, "durability": {"type": "disperse", "disperse": {"data": 2, "redundancy": 1}}});
    for (body, mib, shape) in [
        (arbiter, [4096, 4096, 1024], (3, 1, 0, 0)),
        (pieces, [2048; 3], (1, 0, 3, 1)),
    ] {
        let place = door.volume(&body).await;
        let info = door.ask("GET", &place, "").await.json();
        let mut asked = json!({"type": "", "replicate": {}, "disperse": {}});
        for (key, value) in body["durability"].as_object().unwrap() {
            asked[key] = value.clone();
        }
        assert_eq!(info["durability"], asked);
        let options: Vec<_> = body["glustervolumeoptions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let told = info["glustervolumeoptions"].as_array().unwrap();
        assert!(options.iter().all(|option| told.contains(option)), "{told:?}");
        let mut sizes: Vec<u64> = info["bricks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|brick| brick["size"].as_u64().unwrap() >> 10)
            .collect();
        sizes.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
        assert_eq!(sizes, mib);
        let seen = hosts.world(|world| world.volume("n1", info["name"].as_str().unwrap()).unwrap());
        assert_eq!(
            (seen.replica, seen.arbiter, seen.disperse, seen.redundancy),
            shape
        );
        assert_eq!(door.explain(&place).await.volume.sight.state, SightState::Ok);
    }
}

/// From bare disks to a volume, larger, explained, and all the way back to bare disks.
async fn there_and_back(path: &str) {
    let hosts = nodes();
    let bare = hosts.world(|world| NODES.map(|node| world.host(node).unwrap()));
    let door = open(&hosts).await;
    let (cluster, nodes, devices) = door.pool(&[path]).await;
    let place = door.volume(&replica(3, 10)).await;
    let info = door.ask("GET", &place, "").await.json();
    assert_eq!(
        (info["size"].as_u64(), info["bricks"].as_array().unwrap().len()),
        (Some(10), 3)
    );
    let name = info["name"].as_str().unwrap();
    assert_eq!(name, format!("vol_{}", info["id"].as_str().unwrap()));
    let seen = hosts.world(|world| world.volume("n1", name).unwrap());
    assert_eq!(
        (seen.status.as_str(), seen.replica, seen.online.len()),
        ("Started", 3, 3)
    );

    let chain = door.explain(&place).await;
    assert_eq!(
        chain.volume.sight.state,
        SightState::Ok,
        "{:?}",
        chain.volume.sight
    );
    for brick in &chain.bricks {
        for sight in [
            &brick.sight,
            &brick.file_system.sight,
            &brick.space.sight,
            &brick.device.sight,
            &brick.node.sight,
        ] {
            assert_eq!(sight.state, SightState::Ok, "{sight:?} of {brick:?}");
        }
    }

    let grown = door
        .finish("POST", &format!("{place}/expand"), r#"{"expand_size":5}"#)
        .await;
    assert_eq!(
        (grown.status, grown.header("location")),
        (303, Some(place.as_str())),
        "{}",
        grown.body
    );
    let info = door.ask("GET", &place, "").await.json();
    assert_eq!(
        (info["size"].as_u64(), info["bricks"].as_array().unwrap().len()),
        (Some(15), 3),
        "its bricks grew where they are"
    );
    for brick in info["bricks"].as_array().unwrap() {
        assert_eq!(brick["size"], 15 << 20, "{brick}");
    }
    let more = format!(r#"{{"by":{},"way":"add-bricks"}}"#, 2_u64 << 30);
    let grown = door.finish("POST", &format!("/v1{place}/expand"), &more).await;
    assert_eq!(
        (grown.status, grown.header("location")),
        (303, Some(place.as_str()))
    );
    let info = door.ask("GET", &place, "").await.json();
    assert_eq!(
        (info["size"].as_u64(), info["bricks"].as_array().unwrap().len()),
        (Some(17), 6)
    );
    let much = format!(r#"{{"by":{},"way":"in-place"}}"#, 900_u64 << 40);
    let refused = door.ask("POST", &format!("/v1{place}/expand"), &much).await;
    assert_eq!(refused.status, 507, "{}", refused.body);
    assert!(refused.body.contains("cannot become larger where they are"));
    for device in &devices {
        let ended = door
            .finish("POST", &format!("/v1/devices/{device}/resize"), "")
            .await;
        assert_eq!(ended.status, 204, "{}", ended.body);
        let ended = door.finish("GET", &format!("/devices/{device}/resync"), "").await;
        assert_eq!(ended.status, 204, "{}", ended.body);
    }

    let deleted = door.finish("DELETE", &place, "{}").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    assert_eq!(door.ask("GET", &place, "").await.status, 404);
    for device in devices {
        for state in ["offline", "failed"] {
            let body = format!(r#"{{"state":"{state}"}}"#);
            assert_eq!(
                door.finish("POST", &format!("/devices/{device}/state"), &body)
                    .await
                    .status,
                204
            );
        }
        assert_eq!(
            door.finish("DELETE", &format!("/devices/{device}"), "")
                .await
                .status,
            204
        );
    }
    for node in nodes.iter().rev() {
        assert_eq!(
            door.finish("DELETE", &format!("/nodes/{node}"), "").await.status,
            204
        );
    }
    let path = format!("/clusters/{cluster}");
    let gone = door.ask("DELETE", &path, "").await;
    assert_eq!(
        gone.status,
        200,
        "{} {}",
        gone.body,
        door.ask("GET", &path, "").await.body
    );
    assert_eq!(
        hosts.world(|world| NODES.map(|node| world.host(node).unwrap())),
        bare,
        "the nodes are bare again"
    );
    assert_eq!(hosts.world(|world| world.violations()), Vec::<String>::new());
}

#[tokio::test]
async fn a_bare_disk_becomes_a_volume_and_a_bare_disk_again() {
    there_and_back("/dev/sdb").await;
}

#[tokio::test]
async fn a_directory_becomes_a_volume_and_a_directory_again() {
    there_and_back("/disks/one").await;
}

#[tokio::test]
async fn a_disk_that_may_be_somebodys_is_refused() {
    let hosts = nodes();
    hosts.world(|world| {
        for (path, size) in [
            ("/dev/xfs", 100 * GIB),
            ("/dev/parts", 100 * GIB),
            ("/dev/pv", 100 * GIB),
            ("/dev/filtered", 100 * GIB),
            ("/dev/tiny", GIB / 8),
        ] {
            assert!(world.add_disk("n1", path, size));
        }
        assert!(world.spoil_disk("n1", "/dev/xfs", Foreign::Xfs));
        assert!(world.spoil_disk("n1", "/dev/parts", Foreign::Partitions(2)));
        assert!(world.spoil_disk("n1", "/dev/pv", Foreign::PhysicalVolume));
        assert!(world.filter_disk("n1", "/dev/filtered", true));
    });
    let door = open(&hosts).await;
    let cluster = door.cluster().await;
    let node = door.node(&cluster, "n1", 1).await;
    // The server writes the node's file when it comes to it.
    let view = || mortar_simulator::HostView {
        node_file: None,
        ..hosts.world(|world| world.host("n1").unwrap())
    };
    let before = view();
    for (path, destroy, words) in [
        ("/dev/none", false, "/dev/none is not a block device of this node"),
        ("/dev/none", true, "/dev/none is not a block device of this node"),
        ("/dev/xfs", false, "holds a file system (xfs)"),
        ("/dev/parts", false, "has 2 partitions"),
        ("/dev/pv", false, "holds an LVM physical volume"),
        (
            "/dev/filtered",
            false,
            "/dev/filtered out (device is rejected by filter config)",
        ),
        ("/dev/filtered", true, "'global_filter' of /etc/lvm/lvm.conf"),
        ("/dev/tiny", false, "is too small"),
        ("/dev/tiny", true, "is too small"),
        ("/disks/none", false, "/disks/none does not exist on the node"),
        ("/etc", false, "/etc is not empty"),
    ] {
        let body = json!({"node": node, "name": path, "destroydata": destroy}).to_string();
        let reply = door.finish("POST", "/devices", &body).await;
        assert_eq!(reply.status, 500, "{path}");
        assert!(
            reply.body.to_lowercase().contains(&words.to_lowercase()),
            "{path}: {}",
            reply.body
        );
        assert_eq!(view(), before, "{path} {destroy}");
    }
    assert_eq!(
        door.ask("GET", &format!("/nodes/{node}"), "").await.json()["devices"],
        json!([])
    );
    // Told to destroy, that one is wiped, and only that one.
    let body = json!({"node": node, "name": "/dev/xfs", "destroydata": true}).to_string();
    assert_eq!(door.finish("POST", "/devices", &body).await.status, 204);
    let after = view();
    let others = |view: &mortar_simulator::HostView| -> Vec<_> {
        view.devices
            .iter()
            .filter(|device| device.path != "/dev/xfs")
            .cloned()
            .collect()
    };
    assert_eq!(others(&after), others(&before));
}

#[tokio::test]
async fn a_node_that_cannot_join_is_refused() {
    let hosts = nodes();
    hosts.world(|world| {
        for node in ["down", "silent", "stranger", "friend"] {
            world.add_node(node);
        }
        world.stop_glusterd("down");
        world.cut("silent");
        let probe = mortar_argv::Command::new("gluster").args(["--mode=script", "peer", "probe", "friend"]);
        assert!(world.run_one("stranger", &probe).success());
    });
    let door = open(&hosts).await;
    let cluster = door.cluster().await;
    let join = |host: &str| {
        json!({"cluster": cluster, "zone": 1, "hostnames": {"manage": [host], "storage": [host]}}).to_string()
    };
    let first = door.ask("POST", "/nodes", &join("down")).await;
    assert_eq!(
        (first.status, first.body.as_str()),
        (400, "New Node doesn't have glusterd running\n")
    );
    door.node(&cluster, "n1", 1).await;
    for (host, words) in [
        ("silent", "New Node silent does not answer: "),
        (
            "stranger",
            "New Node stranger belongs to another trusted pool, with friend: detach it there first",
        ),
    ] {
        let reply = door.ask("POST", "/nodes", &join(host)).await;
        assert_eq!(reply.status, 400, "{host}");
        assert!(reply.body.contains(words), "{}", reply.body);
        assert_eq!(reply.header("mortar-error-kind"), Some("node-failed"));
    }
    hosts.world(|world| world.stop_glusterd("n1"));
    let reply = door.ask("POST", "/nodes", &join("n2")).await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (400, "None of the nodes in cluster has glusterd running\n")
    );
    let info = door.ask("GET", &format!("/clusters/{cluster}"), "").await.json();
    assert_eq!(info["nodes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_volume_that_fails_is_undone_and_its_name_is_free_again() {
    let hosts = nodes();
    let door = open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let before = hosts.world(|world| world.counts());
    let space = door.ask("GET", "/v1/topology", "").await.body;
    hosts.world(|world| {
        world.inject(Fault {
            when: When::Command {
                kind: "gluster volume create".into(),
                host: None,
                nth: 1,
            },
            effect: Effect::Fail {
                status: 1,
                text: "volume create: w: failed: /x is already part of a volume".into(),
            },
        });
    });
    let mut body = replica(3, 4);
    body["name"] = "w".into();
    let reply = door.finish("POST", "/volumes", &body.to_string()).await;
    assert_eq!(reply.status, 500);
    assert!(reply.body.contains("already part of a volume"), "{}", reply.body);
    assert_eq!(reply.header("mortar-error-kind"), Some("node-failed"));
    assert_eq!(hosts.world(|world| world.counts()), before);
    assert_eq!(door.ask("GET", "/v1/topology", "").await.body, space);
    let place = door.volume(&body).await;
    assert_eq!(door.ask("GET", &place, "").await.json()["name"], "w");
    let metrics = door.ask_as(None, "GET", "/metrics", "").await.body;
    for line in [
        "mortar_operations_total{kind=\"create-volume\",outcome=\"failed\"} 1",
        "mortar_operations_total{kind=\"create-volume\",outcome=\"done\"} 1",
        "mortar_operation_duration_seconds_count{kind=\"create-volume\"} 2",
        "mortar_node_commands_total{command=\"lvcreate\",result=\"ok\"}",
        "mortar_node_batch_duration_seconds_count{batch=\"make brick\"} 6",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test]
async fn what_was_asked_for_before_a_restart_is_done_after_it() {
    let (hosts, store) = (nodes(), Arc::new(MemoryStore::new()));
    let door = open_on(&hosts, &store).await;
    door.pool(&["/dev/sdb"]).await;
    door.stop().await;
    // A server whose commands get no answer is asked for a volume, and stopped.
    let door = Setup {
        store: Arc::clone(&store),
        hosts: Arc::new(Silent),
        ..Setup::default()
    }
    .open()
    .await;
    let accepted = door.ask("POST", "/volumes", &replica(3, 4).to_string()).await;
    let place = accepted.header("location").unwrap().to_owned();
    assert_eq!(
        door.ask("GET", &place, "").await.header("x-pending"),
        Some("true")
    );
    door.stop().await;
    // The next one goes on, and the client finds its result at the same place.
    let door = open_on(&hosts, &store).await;
    let reply = loop {
        let reply = door.ask("GET", &format!("{place}?wait=10"), "").await;
        if reply.header("x-pending").is_none() {
            break reply;
        }
    };
    assert_eq!(reply.status, 303, "{}", reply.body);
    let volume = reply.header("location").unwrap();
    assert_eq!(
        door.ask("GET", volume, "").await.json()["bricks"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    // A restart later it is still there.
    door.stop().await;
    let door = open_on(&hosts, &store).await;
    let again = door.ask("GET", &place, "").await;
    assert_eq!((again.status, again.header("location")), (303, Some(volume)));
}

#[tokio::test]
async fn an_explanation_shows_what_is_not_as_recorded() {
    let hosts = nodes();
    let door = open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let place = door.volume(&replica(3, 4)).await;
    let bricks = door.explain(&place).await.bricks;
    let on = |host: &str| bricks.iter().find(|brick| brick.node.manage == host).unwrap();
    hosts.world(|world| {
        assert!(world.kill_brick("n2", &on("n2").path));
        world.cut("n3");
    });
    let chain = door.explain(&place).await;
    for brick in &chain.bricks {
        let sights = (
            brick.sight.state,
            brick.node.sight.state,
            brick.file_system.sight.state,
        );
        let wanted = match brick.node.manage.as_str() {
            "n1" => (SightState::Ok, SightState::Ok, SightState::Ok),
            "n2" => (SightState::Missing, SightState::Ok, SightState::Ok),
            _ => (SightState::Unknown, SightState::Unknown, SightState::Unknown),
        };
        assert_eq!(sights, wanted, "{brick:?}");
    }
    // Nothing is listed to be healed, and two of three could not be asked: that is not well.
    assert_eq!(chain.volume.heal, Some(Heal::default()));
    let unknown = chain.volume.heal_unknown.unwrap();
    assert!(
        unknown.starts_with("2 of 3 bricks could not be asked: "),
        "{unknown}"
    );
    for host in ["n2", "n3"] {
        assert!(unknown.contains(&format!("{host}:")), "{unknown}");
    }
}

/// A node's state is what is wanted of it; whether it answers is told beside it, and not in Heketi's answers.
#[tokio::test]
async fn a_node_that_is_away_is_not_shown_as_well() {
    let hosts = nodes();
    let door = open(&hosts).await;
    let (_, nodes, _) = door.pool(&["/dev/sdb"]).await;
    let place = door.volume(&replica(3, 4)).await;
    let known = async || {
        let list = door.ask("GET", "/v1/nodes", "").await.json();
        let nodes = list["nodes"].as_array().unwrap().iter();
        let mut known: Vec<String> = nodes
            .map(|node| format!("{} {} {}", node["manage"], node["state"], node["health"]).replace('"', ""))
            .collect();
        known.sort_unstable();
        known
    };
    assert_eq!(
        known().await,
        ["n1 online answers", "n2 online answers", "n3 online answers"]
    );
    hosts.world(|world| world.cut("n3"));
    door.explain(&place).await;
    assert_eq!(
        known().await,
        ["n1 online answers", "n2 online answers", "n3 online away"]
    );
    let topology = door.ask("GET", "/v1/topology", "").await.body;
    assert_eq!(topology.matches("\"health\":\"away\"").count(), 1);
    for path in ["/topology".to_owned(), format!("/nodes/{}", nodes[2])] {
        let old = door.ask("GET", &path, "").await.body;
        assert!(!old.contains("health"), "{old}");
    }
}

/// What the server saw of a volume's copies stands beside what is recorded of it.
#[tokio::test]
async fn the_last_look_at_a_volumes_copies_is_kept() {
    let hosts = nodes();
    let door = open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let place = format!("/v1{}", door.volume(&replica(3, 4)).await);
    let last = async || door.ask("GET", &place, "").await.json()["heal"].clone();
    assert_eq!(last().await, serde_json::Value::Null);
    let looked = door.ask("GET", &format!("{place}/heal"), "").await.json();
    let well = json!({"heal": {"pending": 0, "split_brain": 0}, "looked_at": looked["looked_at"]});
    assert_eq!(last().await, well);
    hosts.world(|world| world.cut("n3"));
    door.ask("GET", &format!("{place}/heal"), "").await;
    let dark = last().await;
    let unknown = dark["unknown"].as_str().unwrap();
    assert!(
        unknown.starts_with("1 of 3 bricks could not be asked: n3:"),
        "{dark}"
    );
}

/// Many clients at once: each gets its volume, and no two bricks of a set share a node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_clients_is_served() {
    let hosts = nodes();
    let engine = Config {
        open_max: 64,
        ..Config::default()
    };
    let door = Setup {
        hosts: Arc::new(hosts.clone()),
        engine,
        ..Setup::default()
    }
    .open()
    .await;
    door.pool(&["/dev/sdb", "/dev/sdc"]).await;
    let body = replica(3, 1);
    let places = futures::future::join_all((0..24).map(|_| door.volume(&body))).await;
    let mut names = std::collections::BTreeSet::new();
    for place in &places {
        let info = door.ask("GET", place, "").await.json();
        let nodes: std::collections::BTreeSet<String> = info["bricks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|brick| brick["node"].to_string())
            .collect();
        assert_eq!(nodes.len(), 3);
        names.insert(info["name"].to_string());
    }
    assert_eq!(names.len(), 24);
    assert_eq!(hosts.world(|world| world.counts().volumes), 24);
    futures::future::join_all(places.iter().map(|place| door.finish("DELETE", place, ""))).await;
    assert_eq!(
        hosts.world(|world| (world.counts().volumes, world.counts().logical_volumes)),
        (0, 0)
    );
}
