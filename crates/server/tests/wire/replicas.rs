//! More copies of a volume, or fewer, over the wire.

use mortar_model::VolumeId;
use serde_json::json;

use crate::flow::{self, nodes_with, replica};

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn copies_come_and_go_and_what_cannot_be_is_refused() {
    let hosts = nodes_with(100 * GIB);
    let door = flow::open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let mut body = replica(2, 4);
    body["name"] = "data".into();
    let made = door.finish("POST", "/volumes", &body.to_string()).await;
    let place = made.header("location").unwrap().to_owned();
    let path = format!("/v1{place}/replicas");
    let ask = |replicas: u32, arbiter: bool| json!({"replicas": replicas, "arbiter": arbiter}).to_string();
    for (replicas, arbiter, bricks) in [(3, false, 3), (2, false, 2), (3, true, 3), (2, false, 2)] {
        let reply = door.finish("POST", &path, &ask(replicas, arbiter)).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (303, Some(place.as_str())),
            "{}",
            reply.body
        );
        let info = door.ask("GET", &place, "").await.json();
        assert_eq!(info["durability"]["replicate"]["replica"], replicas);
        assert_eq!(info["bricks"].as_array().unwrap().len(), bricks);
        let seen = hosts.world(|world| world.volume("n1", "data").unwrap());
        assert_eq!((u32::from(seen.replica), seen.arbiter > 0), (replicas, arbiter));
    }
    let before = hosts.world(|world| world.counts());
    for (body, status, words) in [
        (ask(2, false), 409, "has replicate 2 already"),
        (ask(1, false), 409, "keeps at least two copies"),
        (ask(0, false), 400, ""),
        (ask(17, false), 400, ""),
        (ask(2, true), 400, "an arbiter stands beside two copies"),
        (ask(4, false), 507, "no place for a brick"),
        ("{\"replicas\":\"3\"}".to_owned(), 422, ""),
        ("{\"replicas\":3,\"force\":true}".to_owned(), 422, ""),
    ] {
        let reply = door.ask("POST", &path, &body).await;
        assert!(
            reply.status == status || (status == 422 && reply.status == 400),
            "{body}: {} {}",
            reply.status,
            reply.body
        );
        assert!(reply.body.contains(words), "{body}: {}", reply.body);
    }
    assert_eq!(hosts.world(|world| world.counts()), before);
    let unknown = format!("/v1/volumes/{}/replicas", VolumeId::from_u128(7));
    assert_eq!(door.ask("POST", &unknown, &ask(3, false)).await.status, 404);
    // A brick that does not run may hold what the others lack.
    door.finish("POST", &path, &ask(3, false)).await;
    hosts.world(|world| world.kill_node("n3"));
    let reply = door.ask("POST", &path, &ask(2, false)).await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert!(reply.body.contains("does not run"), "{}", reply.body);
}
