//! Mortar's own routes.

use std::sync::Arc;
use std::time::Duration;

use crate::support::hosts::Silent;
use crate::support::world::{self, A, ADDED_DEVICE, C, D1, FAILED, MADE, UNKNOWN, V};
use crate::support::{Door, Reply, Setup};
use mortar_api::{
    Backup, BackupList, BackupReason, BackupState, ErrorBody, ErrorKind, Explanation, Operation,
    OperationList, Phase, PlanAnswer, RebuildAnswer, SightState, Topology,
};
use mortar_engine::{BackupPlan, Config};
use serde::de::DeserializeOwned;

async fn door() -> Door {
    Setup {
        store: world::recorded(),
        ..Setup::default()
    }
    .open()
    .await
}

fn read<T: DeserializeOwned>(reply: &Reply) -> T {
    assert_eq!(
        reply.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
    serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {}", reply.body))
}

async fn plan(door: &Door, body: &str) -> PlanAnswer {
    let reply = door.ask("POST", "/v1/plan", body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    read(&reply)
}

#[tokio::test]
async fn a_plan_says_where_and_why_not_elsewhere() {
    let door = Setup {
        store: world::recorded(),
        hosts: Arc::new(Silent),
        ..Setup::default()
    }
    .open()
    .await;
    let before = door.ask("GET", "/v1/topology", "").await.body;
    let body = r#"{"size":1,"durability":{"type":"replicate","replicate":{"replica":2}}}"#;
    let answer = plan(&door, body).await;
    assert!(answer.possible);
    assert_eq!(
        (answer.cluster.as_deref(), answer.size, answer.durability.as_str()),
        (Some(C), 1 << 30, "replicate 2")
    );
    assert_eq!(answer.sets.len(), 1);
    let hosts: Vec<&str> = answer.sets[0]
        .bricks
        .iter()
        .map(|brick| brick.host.as_str())
        .collect();
    assert!(
        hosts.contains(&"node-a") && hosts.contains(&"node-b"),
        "{hosts:?}"
    );
    for brick in &answer.sets[0].bricks {
        assert_eq!(brick.used_after, brick.used_before + brick.footprint);
        assert!(brick.footprint >= brick.size && brick.size >= 1 << 30);
    }
    let rule = |path: &str| {
        let found = answer
            .not_chosen
            .devices
            .iter()
            .find(|device| device.path == path);
        found.map(|device| (device.rule.clone(), device.refused))
    };
    assert_eq!(rule("/dev/sdc"), Some(("device-offline".into(), true)));
    assert_eq!(rule("/disks/two"), Some(("device-offline".into(), true)));
    assert_eq!(
        door.ask("GET", "/v1/topology", "").await.body,
        before,
        "a plan changes nothing"
    );
}

#[tokio::test]
async fn a_plan_that_cannot_be_names_the_rule_of_each_device() {
    let door = Setup {
        store: world::recorded(),
        hosts: Arc::new(Silent),
        ..Setup::default()
    }
    .open()
    .await;
    let body = format!(
        r#"{{"size":1,"clusters":["{C}"],"durability":{{"type":"replicate","replicate":{{"replica":3}}}}}}"#
    );
    let answer = plan(&door, &body).await;
    let refusal = answer.refusal.unwrap();
    assert!(!answer.possible && answer.sets.is_empty());
    assert_eq!(refusal.kind, ErrorKind::NoSpace);
    assert!(refusal.message.contains("3 to a set"), "{}", refusal.message);
    assert_eq!(refusal.details.len(), 4, "{:?}", refusal.details);
    assert_eq!(answer.not_chosen.devices.len(), 4);
    let taken = plan(&door, &format!(r#"{{"size":1,"name":"foo","clusters":["{C}"]}}"#))
        .await
        .refusal
        .unwrap();
    assert_eq!(taken.kind, ErrorKind::Conflict);
    assert!(taken.message.contains("foo"), "{}", taken.message);
}

#[tokio::test]
async fn errors_are_json_of_one_shape() {
    let door = door().await;
    for (method, path, body, status, kind) in [
        ("POST", "/v1/plan", "", 400, ErrorKind::Invalid),
        ("POST", "/v1/plan", "{}", 400, ErrorKind::Invalid),
        (
            "POST",
            "/v1/plan",
            r#"{"size":1,"clusters":["x"]}"#,
            400,
            ErrorKind::Invalid,
        ),
        (
            "GET",
            &format!("/v1/explain/volumes/{UNKNOWN}"),
            "",
            404,
            ErrorKind::NotFound,
        ),
        (
            "GET",
            &format!("/v1/operations/{UNKNOWN}"),
            "",
            404,
            ErrorKind::NotFound,
        ),
        ("GET", "/v1/operations?limit=x", "", 400, ErrorKind::Invalid),
        ("GET", "/v1/operations?open=maybe", "", 400, ErrorKind::Invalid),
        (
            "POST",
            &format!("/v1/operations/{UNKNOWN}/retry"),
            "",
            404,
            ErrorKind::NotFound,
        ),
        (
            "POST",
            &format!("/v1/operations/{MADE}/retry"),
            "",
            409,
            ErrorKind::Conflict,
        ),
        ("GET", "/v1/explain/volumes/zz", "", 404, ErrorKind::NotFound),
    ] {
        let reply = door.ask(method, path, body).await;
        let error: ErrorBody = read(&reply);
        assert_eq!(
            (reply.status, error.error.kind),
            (status, kind),
            "{method} {path}: {}",
            reply.body
        );
        assert_eq!(reply.header("mortar-error-kind"), Some(kind.name()));
        assert!(!error.error.message.is_empty() && !error.error.message.ends_with('\n'));
    }
}

#[tokio::test]
async fn the_topology_is_all_that_is_recorded() {
    let topology: Topology = read(&door().await.ask("GET", "/v1/topology", "").await);
    assert_eq!(topology.clusters.len(), 2);
    let cluster = &topology.clusters[0];
    assert_eq!(
        (cluster.id.as_str(), cluster.nodes.len(), cluster.volumes.len()),
        (C, 3, 2)
    );
    let node = cluster.nodes.iter().find(|node| node.id == A).unwrap();
    let device = node.devices.iter().find(|device| device.id == D1).unwrap();
    assert_eq!(
        (device.kind.as_str(), device.path.as_str(), device.size),
        ("lvm", "/dev/sdb", 100 << 30)
    );
    assert_eq!(
        (device.bricks[0].volume_name.as_str(), device.bricks[0].footprint),
        ("foo", device.used)
    );
    let volume = cluster.volumes.iter().find(|volume| volume.id == V).unwrap();
    assert_eq!(
        (volume.size, volume.durability.as_str(), volume.bricks),
        (10 << 30, "replicate 2", 2)
    );
}

#[tokio::test]
async fn operations_are_listed_youngest_first() {
    let door = Setup {
        store: world::recorded(),
        hosts: Arc::new(Silent),
        ..Setup::default()
    }
    .open()
    .await;
    let accepted = door.ask("DELETE", &format!("/volumes/{V}"), "").await;
    let open = accepted
        .header("location")
        .unwrap()
        .trim_start_matches("/queue/")
        .to_owned();
    let all: OperationList = read(&door.ask("GET", "/v1/operations", "").await);
    assert_eq!(all.operations[0].id, open);
    assert!(
        all.operations
            .windows(2)
            .all(|pair| pair[0].started >= pair[1].started)
    );
    let failed = all
        .operations
        .iter()
        .find(|operation| operation.id == FAILED)
        .unwrap();
    assert_eq!(
        (failed.phase, failed.error.as_deref()),
        (Phase::Undone, Some("lvcreate: no free extents"))
    );
    let only: OperationList = read(&door.ask("GET", "/v1/operations?open=true", "").await);
    assert_eq!((only.operations.len(), only.more), (1, 0));
    let few: OperationList = read(&door.ask("GET", "/v1/operations?limit=2", "").await);
    assert_eq!(few.operations.len(), 2);
    assert!(few.more > 0);
    let one: Operation = read(&door.ask("GET", &format!("/v1/operations/{open}"), "").await);
    assert_eq!(
        (
            one.kind.as_str(),
            one.subject.id.as_str(),
            one.subject.name.as_str()
        ),
        ("delete-volume", V, "foo")
    );
    assert_eq!(one.stages.len(), 2);
    assert_eq!(
        one.steps_total as usize,
        one.stages.iter().map(|stage| stage.steps.len()).sum::<usize>()
    );
    let ended: Operation = read(
        &door
            .ask("GET", &format!("/v1/operations/{ADDED_DEVICE}"), "")
            .await,
    );
    assert_eq!(
        (ended.phase, ended.subject.name.as_str()),
        (Phase::Done, "/dev/sdb")
    );
    assert!(ended.ended.is_some());
}

#[tokio::test]
async fn an_explanation_without_nodes_says_that_nothing_is_known() {
    let door = door().await;
    let chain: Explanation = read(&door.ask("GET", &format!("/v1/explain/volumes/{V}"), "").await);
    assert_eq!((chain.volume.name.as_str(), chain.bricks.len()), ("foo", 2));
    assert_eq!(chain.volume.sight.state, SightState::Unknown);
    assert_eq!(chain.volume.heal, None);
    let unknown = chain.volume.heal_unknown.unwrap();
    assert!(unknown.contains("no route to host"), "{unknown}");
    assert_eq!(
        chain.volume.mount.line,
        "mount -t glusterfs -o backup-volfile-servers=10.0.0.1,10.0.0.2 10.0.0.3:foo MOUNTPOINT"
    );
    for brick in &chain.bricks {
        assert_eq!(brick.node.sight.state, SightState::Unknown);
        assert!(
            brick.node.sight.text.contains("no route to host"),
            "{}",
            brick.node.sight.text
        );
        assert_eq!(brick.file_system.sight.state, SightState::Unknown);
    }
}

#[tokio::test]
async fn backups_are_taken_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let plan = BackupPlan {
        folder: folder.path().join("backups"),
        interval: Duration::ZERO,
        keep: 3,
    };
    let door = Setup {
        store: world::recorded(),
        engine: Config {
            backups: Some(plan.clone()),
            ..Config::default()
        },
        ..Setup::default()
    }
    .open()
    .await;
    let none: BackupList = read(&door.ask("GET", "/v1/backups", "").await);
    assert_eq!((none.backups.len(), none.interval_seconds, none.keep), (0, 0, 3));
    let reply = door.ask("POST", "/v1/backups", "").await;
    assert_eq!(reply.status, 201, "{}", reply.body);
    let taken: Backup = serde_json::from_str(&reply.body).unwrap();
    let file = plan.folder.join(&taken.name);
    assert_eq!(taken.size, file.metadata().unwrap().len());
    assert_eq!(
        (taken.reason, taken.state, taken.schema),
        (
            BackupReason::Requested,
            BackupState::Verified,
            Some(mortar_store::SCHEMA_VERSION)
        )
    );
    let list: BackupList = read(&door.ask("GET", "/v1/backups", "").await);
    assert_eq!(list.backups, [taken]);
    mortar_store::verify_backup(&file).unwrap();
    // What cannot be: said without the paths of the server.
    std::fs::remove_dir_all(&plan.folder).unwrap();
    std::fs::write(&plan.folder, "in the way").unwrap();
    for method in ["GET", "POST"] {
        let reply = door.ask(method, "/v1/backups", "").await;
        assert_eq!(reply.status, 503, "{method}: {}", reply.body);
        assert!(!reply.body.contains("backups/"), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_store_in_memory_has_no_backups() {
    let door = door().await;
    let reply = door.ask("POST", "/v1/backups", "").await;
    assert_eq!(reply.status, 409);
    assert_eq!(reply.json()["error"]["kind"], "conflict");
    let list: BackupList = read(&door.ask("GET", "/v1/backups", "").await);
    assert_eq!(list, BackupList::default());
}

#[tokio::test]
async fn the_document_is_answered_as_it_is_checked_in() {
    let reply = door().await.ask("GET", "/v1/openapi.json", "").await;
    assert_eq!(reply.body, mortar_server::openapi_document());
    assert_eq!(
        reply.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
}

#[tokio::test]
async fn a_rebuild_that_cannot_be_is_refused_before_any_node_is_asked() {
    let door = door().await;
    for (body, text) in [
        ("", "EOF"),
        (r#"{"nodes":[]}"#, "cannot be empty"),
        (r#"{"nodes":["a b"]}"#, "number 1: a host name"),
        (r#"{"nodes":["n1"],"dryrun":true}"#, "unknown field `dryrun`"),
    ] {
        let reply = door.ask("POST", "/v1/rebuild", body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
        let error: ErrorBody = read(&reply);
        assert_eq!(error.error.kind, ErrorKind::Invalid);
        assert!(error.error.message.contains(text), "{body}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_rebuild_without_an_answer_tells_who_was_silent() {
    let door = Setup::default().open().await;
    let reply = door.ask("POST", "/v1/rebuild", r#"{"nodes":["n1","n2"]}"#).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer: RebuildAnswer = read(&reply);
    assert_eq!((answer.operation, answer.restored), (None, Topology::default()));
    assert_eq!(answer.asked.len(), 2);
    assert!(answer.asked.iter().all(|host| host.silent.is_some()));
    assert_eq!(answer.found.len(), 2, "{:?}", answer.found);
}

/// Also of those that began within one second, which is all that the answer's times tell.
#[tokio::test]
async fn operations_are_listed_the_youngest_first() {
    let door = door().await;
    let mut made = Vec::new();
    for _ in 0..8 {
        let cluster = door.ask("POST", "/clusters", "{}").await.json();
        made.push(cluster["id"].as_str().unwrap().to_owned());
    }
    made.reverse();
    let list: OperationList = read(&door.ask("GET", "/v1/operations?limit=8", "").await);
    let listed: Vec<String> = list.operations.into_iter().map(|one| one.subject.id).collect();
    assert_eq!(listed, made);
}
