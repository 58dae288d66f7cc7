//! Disks that are added with one thin pool for all their bricks.

use mortar_api::{ErrorBody, Topology};
use serde_json::{Value, json};

use crate::flow::{nodes_with, open, replica};

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn a_disk_gets_one_pool_that_promises_more_than_it_has() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&[]).await;
    let topology = || async {
        let reply = door.ask("GET", "/v1/topology", "").await;
        serde_json::from_str::<Topology>(&reply.body).unwrap()
    };
    let first = async || {
        let node = topology().await.clusters.remove(0).nodes.remove(0);
        node.devices.into_iter().next().unwrap()
    };
    let nodes = topology().await.clusters.remove(0).nodes;
    let wanted = |node: &str, more: Value| {
        let mut body = json!({"node": node, "name": "/dev/sdb"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    for (wrong, word) in [
        (json!({"overcommit_percent": 200}), "only a shared pool"),
        (
            json!({"pool": "shared", "overcommit_percent": 99}),
            "no overcommit",
        ),
        (
            json!({"pool": "shared", "overcommit_percent": 1001}),
            "no overcommit",
        ),
        (json!({"pool": "shared", "name": "/disks/one"}), "is a directory"),
        (json!({"pool": "each"}), "unknown variant"),
        (json!({"shared": true}), "unknown field"),
        (json!({"name": "sdb"}), "name"),
    ] {
        let reply = door
            .ask("POST", "/v1/devices", &wanted(&nodes[0].id, wrong.clone()))
            .await;
        let error: ErrorBody = serde_json::from_str(&reply.body).unwrap();
        let told = format!("{} {:?}", error.error.message, error.error.details);
        assert!(
            reply.status == 400 && told.contains(word),
            "{wrong}: {} {told}",
            reply.status
        );
    }
    let nobody = "0".repeat(32);
    let reply = door.ask("POST", "/v1/devices", &wanted(&nobody, json!({}))).await;
    assert_eq!(reply.status, 404, "{}", reply.body);

    for node in &nodes {
        let body = wanted(&node.id, json!({"pool": "shared", "overcommit_percent": 250}));
        let reply = door.finish("POST", "/v1/devices", &body).await;
        assert_eq!(reply.status, 204, "{}", reply.body);
    }
    let made = door
        .finish("POST", "/volumes", &replica(3, 150).to_string())
        .await;
    assert_eq!(made.status, 303, "{}", made.body);
    for node in topology().await.clusters.remove(0).nodes {
        let device = &node.devices[0];
        assert_eq!((device.overcommit_percent, device.used), (Some(250), 150 * GIB));
        assert!((240 * GIB..246 * GIB).contains(&device.size), "{device:?}");
        // Heketi's language says the same in its own numbers.
        let reply = door.ask("GET", &format!("/devices/{}", device.id), "").await;
        assert_eq!(reply.json()["storage"]["total"], device.size / 1024);
    }

    // What a pool may promise changes later, down to what it has promised.
    let device = first().await;
    let path = format!("/v1/devices/{}/overcommit", device.id);
    let percent = |percent: u32| json!({ "overcommit_percent": percent }).to_string();
    for (wrong, word) in [(99, "no overcommit"), (120, "has promised 150 GiB")] {
        let reply = door.ask("POST", &path, &percent(wrong)).await;
        assert!(
            reply.status == 400 && reply.body.contains(word),
            "{wrong}: {}",
            reply.body
        );
    }
    let changed = door.finish("POST", &path, &percent(200)).await;
    assert_eq!(changed.status, 204, "{}", changed.body);
    let device = first().await;
    assert_eq!(device.overcommit_percent, Some(200));
    assert!((192 * GIB..197 * GIB).contains(&device.size), "{device:?}");
    door.stop().await;
}
