//! Checks and repairs over the wire, on simulated nodes.

use std::sync::Arc;
use std::time::Duration;

use mortar_api::{CheckAnswer, ErrorBody, ErrorKind, Operation, Phase, RemedyBy, RepairAnswer, RepairState};
use mortar_engine::Config;
use mortar_executor::SimHosts;
use mortar_model::{BrickId, DeviceId, layout};
use mortar_simulator::{World, WorldConfig};
use serde::de::DeserializeOwned;

use crate::support::{Door, Reply, Setup, user};

fn read<T: DeserializeOwned>(reply: &Reply) -> T {
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap_or_else(|error| panic!("{error}: {}", reply.body))
}

/// Three nodes with a disk each, a volume over them, and the nodes' own files written.
async fn open() -> (SimHosts, Door) {
    let mut world = World::new(WorldConfig::default());
    for node in ["n1", "n2", "n3"] {
        world.add_node(node);
    }
    let hosts = SimHosts::new(world);
    let door = Setup {
        hosts: Arc::new(hosts.clone()),
        // Nothing is mended before it is asked for.
        engine: Config {
            recovery_interval: Duration::from_secs(3600),
            ..Config::default()
        },
        ..Setup::default()
    }
    .open()
    .await;
    door.pool(&["/dev/sdb"]).await;
    let body = r#"{"size":1,"name":"films","durability":{"type":"replicate","replicate":{"replica":3}}}"#;
    assert_eq!(door.finish("POST", "/volumes", body).await.status, 303);
    let files: RepairAnswer = read(&door.ask("POST", "/v1/repair", r#"{"dry_run":false}"#).await);
    // The server writes them by itself, a moment after a change: those that it had no time for yet.
    assert!(files.tasks.len() <= 3, "{files:?}");
    assert!(files.tasks.iter().all(|task| task.state == RepairState::Done));
    (hosts, door)
}

/// Unmounts a brick of n2, behind the server's back; answers its id.
async fn unmount(hosts: &SimHosts, door: &Door) -> String {
    let topology: mortar_api::Topology = read(&door.ask("GET", "/v1/topology", "").await);
    let mut nodes = topology.clusters[0].nodes.iter();
    let node = nodes.find(|node| node.manage == "n2").unwrap();
    let device = &node.devices[0];
    let brick = &device.bricks[0];
    let (of, id): (DeviceId, BrickId) = (device.id.parse().unwrap(), brick.id.parse().unwrap());
    assert!(hosts.world(|world| world.lose_mount("n2", &layout::mount_point(of, id))));
    brick.id.clone()
}

#[tokio::test]
async fn a_difference_is_found_shown_and_mended() {
    let (hosts, door) = open().await;
    let clean: CheckAnswer = read(&door.ask("POST", "/v1/check", "").await);
    let check = clean.check.unwrap();
    assert!(check.clean && check.findings.is_empty(), "{check:?}");
    assert_eq!(
        (check.nodes, check.silent, check.volumes, check.bricks),
        (3, 0, 1, 3)
    );

    let brick = unmount(&hosts, &door).await;
    // The last one is told as it was.
    let last: CheckAnswer = read(&door.ask("GET", "/v1/check", "").await);
    assert_eq!(last.check.unwrap().number, check.number);
    let found: CheckAnswer = read(&door.ask("POST", "/v1/check", "").await);
    let check = found.check.unwrap();
    assert!(!check.clean);
    let finding = &check.findings[0];
    assert_eq!(finding.id, format!("brick_unmounted/{brick}"));
    assert_eq!(
        (finding.host.as_str(), finding.severity.as_str()),
        ("n2", "error")
    );
    assert_eq!(finding.remedy.by, RemedyBy::Itself);
    assert!(finding.recorded.contains(&brick) && finding.place.contains(&brick) && !finding.seen.is_empty());

    // Nothing is done unless it is said.
    let shown: RepairAnswer = read(&door.ask("POST", "/v1/repair", "").await);
    assert!(shown.dry_run);
    assert_eq!(
        (shown.tasks.len(), shown.tasks[0].state),
        (1, RepairState::Planned)
    );
    assert_eq!(shown.tasks[0].stages[0].steps[0].host, "n2");
    let request = format!(
        r#"{{"dry_run":false,"items":["{}","orphan_brick/x"]}}"#,
        finding.id
    );
    let begun: RepairAnswer = read(&door.ask("POST", "/v1/repair", &request).await);
    assert_eq!(begun.not_found, ["orphan_brick/x"]);
    let operation = begun.tasks[0].operation.clone().unwrap();
    let ended = loop {
        let path = format!("/v1/operations/{operation}");
        let state: Operation = read(&door.ask("GET", &path, "").await);
        if state.phase.at_rest() {
            break state;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!((ended.phase, ended.warnings.len()), (Phase::Done, 0));
    assert_eq!(
        (ended.kind.as_str(), ended.subject.name.as_str()),
        ("repair", "films")
    );
    let after: CheckAnswer = read(&door.ask("POST", "/v1/check", "").await);
    assert!(after.check.unwrap().clean);
}

#[tokio::test]
async fn before_the_first_check_there_is_none() {
    let door = Setup::default().open().await;
    let none: CheckAnswer = read(&door.ask("GET", "/v1/check", "").await);
    assert_eq!(none, CheckAnswer::default());
}

#[tokio::test]
async fn only_the_admin_may_and_only_what_can_be_read_is_done() {
    let door = Setup::default().open().await;
    for (method, path) in [
        ("GET", "/v1/check"),
        ("POST", "/v1/check"),
        ("POST", "/v1/repair"),
    ] {
        let reply = door.ask_as(Some(&user(method, path)), method, path, "").await;
        assert!(
            [401, 403].contains(&reply.status),
            "{method} {path}: {}",
            reply.body
        );
    }
    for body in [
        r#"{"dryrun":false}"#,
        r#"{"dry_run":"no"}"#,
        r#"{"items":"all"}"#,
        "[",
        "nonsense",
    ] {
        let reply = door.ask("POST", "/v1/repair", body).await;
        let error: ErrorBody = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(
            (reply.status, error.error.kind),
            (400, ErrorKind::Invalid),
            "{body}"
        );
    }
}
