//! Block volumes over the wire, on simulated nodes: made, shown, enlarged, removed; hosting volumes that are made and restricted.

use std::sync::Arc;

use mortar_api::{BlockExplanation, Sight, SightState};
use mortar_executor::SimHosts;
use mortar_model::ByteSize;
use serde_json::{Value, json};

use crate::flow::nodes_with;
use crate::support::{Door, Setup};

const GIB: u64 = 1 << 30;

/// A server that makes hosting volumes of this size, if it makes any.
async fn open(hosts: &SimHosts, hosting: Option<u64>) -> Door {
    let mut setup = Setup {
        hosts: Arc::new(hosts.clone()),
        ..Setup::default()
    };
    setup.engine.limits.blocks.make_hosting = hosting.is_some();
    setup.engine.limits.blocks.hosting_size = ByteSize::from_gib(hosting.unwrap_or(1));
    setup.open().await
}

/// Makes a block volume. Answers its path.
async fn made(door: &Door, body: &Value) -> String {
    let made = door.finish("POST", "/blockvolumes", &body.to_string()).await;
    assert_eq!(made.status, 303, "{}", made.body);
    made.header("location").unwrap().to_owned()
}

fn hosting(size: u64) -> Value {
    json!({"size": size, "name": "hosting", "block": true, "durability": {"type": "replicate", "replicate": {"replica": 3}},
           "glustervolumeoptions": ["group gluster-block"]})
}

#[tokio::test]
async fn a_block_volume_is_made_shown_enlarged_and_removed() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts, None).await;
    let (cluster, _, _) = door.pool(&["/dev/sdb"]).await;
    let refused = door.ask("POST", "/blockvolumes", r#"{"size":3}"#).await;
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (
            500,
            "Failed to allocate new block volume: Block Hosting Volume Creation is disabled. Create a Block hosting volume and try again.\n"
        )
    );
    let volume = door.finish("POST", "/volumes", &hosting(10).to_string()).await;
    let volume = volume.header("location").unwrap().to_owned();
    let seen = hosts.world(|world| world.volume("n1", "hosting").unwrap());
    assert!(seen.options.contains(&("features.shard".into(), "on".into())));

    let place = made(
        &door,
        &json!({"size": 3, "name": "disk", "hacount": 2, "auth": true}),
    )
    .await;
    let again = made(
        &door,
        &json!({"size": 3, "name": "disk", "hacount": 2, "auth": true}),
    )
    .await;
    assert_eq!(again, place, "what is asked for by name is made once");
    let other = door
        .ask("POST", "/blockvolumes", r#"{"size":4,"name":"disk"}"#)
        .await;
    assert_eq!(other.status, 500, "{}", other.body);
    let info = door.ask("GET", &place, "").await;
    let id = place.trim_start_matches("/blockvolumes/");
    let shown = info.json();
    assert!(
        info.body.starts_with(&format!(
            "{{\"size\":3,\"name\":\"disk\",\"hacount\":2,\"id\":\"{id}\",\"blockvolume\":{{\"hosts\":["
        )),
        "{}",
        info.body
    );
    let target = &shown["blockvolume"];
    assert!(
        target["iqn"]
            .as_str()
            .unwrap()
            .starts_with("iqn.2016-12.org.gluster-block:")
    );
    assert!(!target["username"].as_str().unwrap().is_empty());
    let password = target["password"].as_str().unwrap().to_owned();
    assert_eq!(password.len(), 36);
    assert_eq!(shown["cluster"], cluster.as_str());
    assert_eq!(
        shown["blockhostingvolume"],
        volume.trim_start_matches("/volumes/")
    );
    let held = door.ask("GET", &volume, "").await.json()["blockinfo"].clone();
    assert_eq!(
        held,
        json!({"freesize": 6, "reservedsize": 1, "blockvolume": [id]})
    );
    let list = door.ask("GET", &format!("/clusters/{cluster}"), "").await.json();
    assert_eq!(list["blockvolumes"], json!([id]));

    // Nobody but who asks for the block volume itself is told its password.
    for path in [
        "/v1/operations",
        "/metrics",
        "/volumes",
        "/topology",
        "/operations/pending",
    ] {
        assert!(
            !door.ask("GET", path, "").await.body.contains(&password),
            "{path}"
        );
    }
    enlarged(&door, &hosts, &place).await;
    let kept = door.ask("DELETE", &volume, "").await;
    assert_eq!(
        (kept.status, kept.body.as_str()),
        (
            409,
            "Cannot delete a block hosting volume containing block volumes\n"
        )
    );
    let clone = door.ask("POST", &format!("{volume}/clone"), "{}").await;
    assert!(
        clone.status == 500
            && clone
                .body
                .ends_with("Cloning of block hosting volumes is not supported\n"),
        "{}",
        clone.body
    );
    assert_eq!(door.finish("DELETE", &place, "").await.status, 204);
    assert_eq!(door.ask("GET", &place, "").await.status, 404);
    assert_eq!(
        door.ask("GET", "/blockvolumes", "").await.body,
        "{\"blockvolumes\":[]}\n"
    );
    let seen = hosts.world(|world| world.volume("n1", "hosting").unwrap());
    assert!(seen.blocks.is_empty());
    assert_eq!(door.finish("DELETE", &volume, "").await.status, 204);
}

async fn enlarged(door: &Door, hosts: &SimHosts, place: &str) {
    let expand = format!("{place}/expand");
    for (body, status, text) in [
        ("{}", 400, "validation failed: new_size: cannot be blank.\n"),
        (
            r#"{"new_size":2}"#,
            500,
            "Failed to allocate block volume expansion: Requested new-size 2 is less than current block volume size 3, shrinking is \
             not allowed.\n",
        ),
        (
            r#"{"new_size":3}"#,
            500,
            "Failed to allocate block volume expansion: Requested new-size 3 is same as current block volume size 3, nothing to be \
             done.\n",
        ),
        (
            r#"{"new_size":10}"#,
            500,
            "Failed to allocate block volume expansion: No space\n",
        ),
    ] {
        let reply = door.ask("POST", &expand, body).await;
        assert_eq!((reply.status, reply.body.as_str()), (status, text), "{body}");
    }
    let reply = door.finish("POST", &expand, r#"{"new_size":9}"#).await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (303, Some(place)),
        "{}",
        reply.body
    );
    let shown = door.ask("GET", place, "").await.json();
    assert_eq!((&shown["size"], &shown["usablesize"]), (&json!(9), &json!(9)));
    let seen = hosts.world(|world| world.volume("n1", "hosting").unwrap());
    assert_eq!((seen.blocks[0].1, seen.blocks[0].2.len()), (9 * GIB, 2));
}

#[tokio::test]
async fn hosting_volumes_are_made_where_that_is_wanted_and_restricted_ones_left_alone() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts, Some(10)).await;
    door.pool(&["/dev/sdb"]).await;
    let large = door.ask("POST", "/blockvolumes", r#"{"size":10}"#).await;
    assert_eq!(
        (large.status, large.body.as_str()),
        (
            500,
            "Failed to allocate new block volume: The size configured for automatic creation of block hosting volumes (10) is too \
             small to host the requested block volume of size 10. The available size on this block hosting volume, minus overhead, \
             is 9. Please create a sufficiently large block hosting volume manually.\n"
        )
    );
    let volumes = async || {
        door.ask("GET", "/volumes", "").await.json()["volumes"]
            .as_array()
            .unwrap()
            .len()
    };
    let hosting_of =
        async |place: &str| door.ask("GET", place, "").await.json()["blockhostingvolume"].clone();
    let first = made(&door, &json!({"size": 4})).await;
    let second = made(&door, &json!({"size": 5})).await;
    assert_eq!(volumes().await, 1, "the second finds room on the first one's");
    let hosting = hosting_of(&first).await;
    assert_eq!(hosting_of(&second).await, hosting);
    assert_eq!(
        door.ask("GET", &first, "").await.json()["hacount"],
        3,
        "all hosts serve it"
    );
    made(&door, &json!({"size": 1})).await;
    assert_eq!(volumes().await, 2, "the first one is full");

    assert_eq!(door.finish("DELETE", &second, "").await.status, 204);
    let path = format!("/volumes/{}", hosting.as_str().unwrap());
    let restrict = format!("{path}/block-restriction");
    let locked = door
        .finish("POST", &restrict, r#"{"restriction":"locked"}"#)
        .await;
    assert_eq!(
        (locked.status, locked.header("location")),
        (303, Some(path.as_str())),
        "{}",
        locked.body
    );
    assert_eq!(
        door.ask("GET", &path, "").await.json()["blockinfo"]["restriction"],
        "locked"
    );
    let elsewhere = made(&door, &json!({"size": 5})).await;
    assert_ne!(hosting_of(&elsewhere).await, hosting);
    assert_eq!(
        door.finish("POST", &restrict, r#"{"restriction":""}"#)
            .await
            .status,
        303
    );
    let third = made(&door, &json!({"size": 5})).await;
    assert_eq!(hosting_of(&third).await, hosting);
}

/// What cannot be made leaves nothing: neither the block volume nor the volume that was to hold it.
#[tokio::test]
async fn a_host_that_is_away_is_named_and_nothing_is_left() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts, None).await;
    door.pool(&["/dev/sdb"]).await;
    door.finish("POST", "/volumes", &hosting(10).to_string()).await;
    hosts.world(|world| world.stop_glusterd("n3"));
    let failed = door
        .finish("POST", "/blockvolumes", r#"{"size":3,"hacount":3}"#)
        .await;
    assert_eq!(failed.status, 500, "{}", failed.body);
    assert!(failed.body.contains("host n3 returned"), "{}", failed.body);
    let seen = hosts.world(|world| world.volume("n1", "hosting").unwrap());
    assert!(seen.blocks.is_empty());
    assert_eq!(
        door.ask("GET", "/blockvolumes", "").await.body,
        "{\"blockvolumes\":[]}\n"
    );
}

/// The pyramid from the block volume down, recorded beside seen.
#[tokio::test]
async fn a_block_volume_is_explained() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts, None).await;
    door.pool(&["/dev/sdb"]).await;
    door.finish("POST", "/volumes", &hosting(10).to_string()).await;
    let place = made(
        &door,
        &json!({"size": 3, "name": "disk", "hacount": 2, "auth": true}),
    )
    .await;
    let id = place.trim_start_matches("/blockvolumes/");
    let explain = async || {
        let reply = door
            .ask("GET", &format!("/v1/explain/block-volumes/{id}"), "")
            .await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert!(!reply.body.contains("password"), "{}", reply.body);
        serde_json::from_str::<BlockExplanation>(&reply.body).unwrap()
    };
    let chain = explain().await;
    assert_eq!(
        (chain.block.name.as_str(), &chain.block.sight),
        ("disk", &Sight::ok())
    );
    assert_eq!(chain.block.hosts.len(), 2);
    for host in &chain.block.hosts {
        assert_eq!(host.sight, Sight::ok());
        assert_eq!(host.node.as_ref().unwrap().len(), 32);
    }
    assert_eq!(
        (chain.hosting.volume.name.as_str(), chain.hosting.bricks.len()),
        ("hosting", 3)
    );
    assert_eq!(chain.hosting.volume.sight, Sight::ok());

    let broken = chain.block.hosts[0].host.clone();
    assert!(hosts.world(|world| world.break_block("hosting", "disk", &broken)));
    let chain = explain().await;
    assert_ne!(chain.block.hosts[0].sight.state, SightState::Ok);
    assert_eq!(chain.block.hosts[1].sight, Sight::ok());
    assert_eq!(
        chain.block.sight,
        Sight::new(SightState::Different, "1 of 2 hosts serve it")
    );

    hosts.world(|world| ["n1", "n2", "n3"].map(|node| world.cut(node)));
    let chain = explain().await;
    assert_eq!(chain.block.sight.state, SightState::Unknown);
    assert!(!chain.block.sight.text.is_empty());
    let mut sights = chain.block.hosts.iter().map(|host| host.sight.state);
    assert!(sights.all(|state| state == SightState::Unknown));
    assert_eq!(chain.hosting.volume.sight.state, SightState::Unknown);

    let unknown = format!("/v1/explain/block-volumes/{}", "9".repeat(32));
    assert_eq!(door.ask("GET", &unknown, "").await.status, 404);
}
