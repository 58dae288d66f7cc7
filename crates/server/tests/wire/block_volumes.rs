//! `/v1/block-volumes` on simulated nodes: the whole path, pages, and bad input that leaves everything as before.

use mortar_api::{BlockVolume, BlockVolumeList, ErrorKind};
use serde_json::{Value, json};

use crate::flow::{nodes_with, open};
use crate::snapshots::{made, refused};
use crate::support::Door;

const GIB: u64 = 1 << 30;
const BLOCKS: &str = "/v1/block-volumes";

async fn list(door: &Door, query: &str) -> BlockVolumeList {
    let reply = door.ask("GET", &format!("{BLOCKS}{query}"), "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

async fn ids(door: &Door, query: &str) -> (Vec<String>, Option<String>) {
    let list = list(door, query).await;
    (
        list.block_volumes.into_iter().map(|block| block.id).collect(),
        list.next,
    )
}

async fn one(door: &Door, id: &str) -> BlockVolume {
    let reply = door.ask("GET", &format!("{BLOCKS}/{id}"), "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    serde_json::from_str(&reply.body).unwrap()
}

/// A volume that holds block volumes. Answers its id.
async fn hosting(door: &Door, name: &str) -> String {
    let wanted = json!({"size": 10, "name": name, "block": true, "durability": {"type": "replicate", "replicate": {"replica": 3}}});
    made(door, "/volumes", &wanted).await["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Makes a block volume. Answers its id.
async fn block(door: &Door, wanted: &Value) -> String {
    made(door, BLOCKS, wanted).await["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_block_volume_comes_grows_and_goes() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    let (cluster, _, _) = door.pool(&["/dev/sdb"]).await;
    let volume = hosting(&door, "hosting").await;
    let wanted = json!({"size": 3 * GIB, "name": "disk", "ha": 2, "auth": true});
    let id = block(&door, &wanted).await;
    assert_eq!(
        block(&door, &wanted).await,
        id,
        "what is asked for by name is made once"
    );

    let shown = one(&door, &id).await;
    assert_eq!(
        (
            &*shown.name,
            &*shown.cluster,
            &*shown.hosting,
            &*shown.hosting_name,
            shown.size,
            shown.usable
        ),
        ("disk", &*cluster, &*volume, "hosting", 3 * GIB, 3 * GIB)
    );
    assert_eq!((shown.ha, shown.hosts.len(), shown.auth), (2, 2, true));
    assert!(
        shown.iqn.starts_with("iqn.2016-12.org.gluster-block:"),
        "{}",
        shown.iqn
    );
    let password = shown.password.unwrap();
    assert!(shown.username.is_some() && password.len() == 36);
    // Only who asks for the block volume itself is told its password.
    let all = door.ask("GET", BLOCKS, "").await;
    assert!(all.body.contains(&shown.iqn) && !all.body.contains(&password));

    let place = format!("{BLOCKS}/{id}");
    let expand = format!("{place}/expand");
    let grown = door
        .finish("POST", &expand, &json!({"size": 5 * GIB}).to_string())
        .await;
    assert_eq!(grown.status, 303, "{}", grown.body);
    assert_eq!(one(&door, &id).await.size, 5 * GIB);
    for (body, status, kind) in [
        (json!({"size": 5 * GIB}), 409, ErrorKind::Conflict),
        (json!({"size": GIB}), 409, ErrorKind::Conflict),
        (json!({"size": 50 * GIB}), 507, ErrorKind::NoSpace),
        (json!({"size": 6 * GIB + 1}), 400, ErrorKind::Invalid),
        (json!({"size": 6 * GIB, "by": 1}), 400, ErrorKind::Invalid),
    ] {
        let got = refused(&door, "POST", &expand, &body.to_string()).await;
        assert_eq!((got.0, got.1), (status, kind), "{body}: {}", got.2);
    }
    assert_eq!(one(&door, &id).await.size, 5 * GIB);

    assert_eq!(door.finish("DELETE", &place, "").await.status, 204);
    assert_eq!(refused(&door, "GET", &place, "").await.0, 404);
    assert_eq!(refused(&door, "DELETE", &place, "").await.0, 404);
    assert_eq!(
        refused(&door, "POST", &expand, &json!({"size": GIB}).to_string())
            .await
            .0,
        404
    );
    assert_eq!(ids(&door, "").await, (Vec::new(), None));
    hosts.world(|world| assert!(world.volume("n1", "hosting").unwrap().blocks.is_empty()));
    door.stop().await;
}

#[tokio::test]
async fn a_host_gives_its_place_to_another() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    let (_, nodes, _) = door.pool(&["/dev/sdb"]).await;
    hosting(&door, "hosting").await;
    let id = block(&door, &json!({"size": GIB, "name": "disk", "ha": 2})).await;
    let before = one(&door, &id).await;
    let spare = ["n1", "n2", "n3"]
        .into_iter()
        .find(|host| !before.hosts.iter().any(|known| known == host))
        .unwrap();
    let place = format!("{BLOCKS}/{id}/replace-host");
    let old = before.hosts[0].clone();
    for (body, status) in [
        (json!({"old": spare}), 409),
        (json!({"old": "nobody"}), 409),
        (json!({"old": old, "new": before.hosts[1]}), 507),
        (json!({"old": old, "new": "nobody"}), 507),
        (json!({"old": "no host"}), 400),
        (json!({}), 400),
    ] {
        let got = refused(&door, "POST", &place, &body.to_string()).await;
        assert_eq!(got.0, status, "{body}: {got:?}");
    }
    let moved = door
        .finish("POST", &place, &json!({"old": old}).to_string())
        .await;
    assert_eq!(moved.status, 303, "{}", moved.body);
    let after = one(&door, &id).await;
    assert_eq!(
        (&after.hosts[0][..], &after.hosts[1], &after.iqn),
        (spare, &before.hosts[1], &before.iqn)
    );
    let seen = hosts.world(|world| world.volume("n1", "hosting").unwrap().blocks[0].2.clone());
    assert_eq!(seen, after.hosts);

    // A host that never comes back is not asked. Without that word, the change waits for it.
    let number: usize = after.hosts[1][1..].parse().unwrap();
    let dead = &nodes[number - 1];
    let kept = door.ask("DELETE", &format!("/nodes/{dead}"), "").await;
    assert_eq!(kept.status, 409, "{}", kept.body);
    hosts.world(|world| world.kill_node(&after.hosts[1]));
    let body = json!({"old": after.hosts[1], "dead": true}).to_string();
    let moved = door.finish("POST", &place, &body).await;
    assert_eq!(moved.status, 303, "{}", moved.body);
    assert_eq!(one(&door, &id).await.hosts, [spare.to_owned(), old]);
    door.stop().await;
}

#[tokio::test]
async fn block_volumes_are_listed_by_page_volume_and_name() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let first = hosting(&door, "first").await;
    let a = block(&door, &json!({"size": GIB, "name": "a"})).await;
    // The emptiest is taken.
    let second = hosting(&door, "second").await;
    let b = block(&door, &json!({"size": GIB, "name": "b"})).await;
    let mut both = vec![a.clone(), b.clone()];
    both.sort();
    assert_eq!(ids(&door, "").await, (both.clone(), None));
    assert_eq!(ids(&door, &format!("?hosting={first}")).await, (vec![a], None));
    assert_eq!(
        ids(&door, &format!("?hosting={second}")).await,
        (vec![b.clone()], None)
    );
    assert_eq!(ids(&door, "?name=b").await, (vec![b], None));
    assert_eq!(
        ids(&door, "?limit=1").await,
        (vec![both[0].clone()], Some(both[0].clone()))
    );
    let rest = format!("?limit=1&after={}", both[0]);
    assert_eq!(ids(&door, &rest).await, (vec![both[1].clone()], None));
    for query in ["?after=x", "?hosting=x", "?name=%2F", "?colour=red", "?limit=-1"] {
        assert_eq!(
            refused(&door, "GET", &format!("{BLOCKS}{query}"), "").await.0,
            400,
            "{query}"
        );
    }
    door.stop().await;
}

#[tokio::test]
async fn what_makes_no_block_volume_is_refused() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let without = refused(&door, "POST", BLOCKS, &json!({"size": GIB}).to_string()).await;
    assert_eq!((without.0, without.1), (507, ErrorKind::NoSpace), "{}", without.2);
    hosting(&door, "hosting").await;
    block(&door, &json!({"size": GIB, "name": "disk"})).await;
    for (body, status) in [
        (json!({}), 400),
        (json!({"size": 0}), 400),
        (json!({"size": GIB + 1}), 400),
        (json!({"size": GIB, "ha": 0}), 400),
        (json!({"size": GIB, "name": "../x"}), 400),
        (json!({"size": GIB, "clusters": ["x"]}), 400),
        (json!({"size": GIB, "colour": "red"}), 400),
        (json!({"size": 2 * GIB, "name": "disk"}), 409),
        (json!({"size": 50 * GIB}), 507),
    ] {
        let got = refused(&door, "POST", BLOCKS, &body.to_string()).await;
        assert_eq!(got.0, status, "{body}: {got:?}");
    }
    assert_eq!(list(&door, "").await.block_volumes.len(), 1);
    door.stop().await;
}
