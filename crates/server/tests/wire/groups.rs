//! Groups of snapshots on simulated nodes: the whole path, and bad input that leaves everything as before.

use mortar_api::{ErrorKind, SnapshotGroupList};
use serde_json::json;

use crate::flow::{nodes_with, open, replica};
use crate::snapshots::{made, refused};
use crate::support::Door;

const GIB: u64 = 1 << 30;
const GROUPS: &str = "/v1/snapshot-groups";

async fn groups(door: &Door, query: &str) -> (Vec<String>, Option<String>) {
    let reply = door.ask("GET", &format!("{GROUPS}{query}"), "").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let list: SnapshotGroupList = serde_json::from_str(&reply.body).unwrap();
    (list.groups.into_iter().map(|group| group.id).collect(), list.next)
}

#[tokio::test]
async fn a_group_comes_and_goes_as_a_whole() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&["/disks/one"]).await;
    let (a, b) = (
        made(&door, "/volumes", &replica(3, 2)).await,
        made(&door, "/volumes", &replica(2, 1)).await,
    );
    let wanted = json!({"volumes": [a["id"], b["id"]], "name": "week"});
    let group = made(&door, GROUPS, &wanted).await;
    assert_eq!(group["name"], "week");
    let members = group["snapshots"].as_array().unwrap();
    for volume in [&a, &b] {
        let mut of = members.iter().filter(|member| member["volume"] == volume["id"]);
        let member = of.next().unwrap();
        assert_eq!(
            (&member["group"], &member["group_name"]),
            (&group["id"], &json!("week"))
        );
        assert_eq!(of.next(), None);
    }
    // Asked again by its name, in whatever order, it is the same.
    let turned = json!({"volumes": [b["id"], a["id"], b["id"]], "name": "week"});
    assert_eq!(made(&door, GROUPS, &turned).await, group);
    let other = json!({"volumes": [a["id"]], "name": "week"}).to_string();
    assert_eq!(refused(&door, "POST", GROUPS, &other).await.0, 409);

    let member = format!("/v1/snapshots/{}", members[0]["id"].as_str().unwrap());
    let (status, kind, text) = refused(&door, "DELETE", &member, "").await;
    assert!(status == 409 && kind == ErrorKind::Conflict, "{text}");
    assert!(text.contains("mortar snapshot group delete week"), "{text}");
    assert_eq!(
        door.finish("POST", &format!("{member}/restore"), "").await.status,
        204
    );

    let id = group["id"].as_str().unwrap().to_owned();
    let second = made(&door, GROUPS, &json!({"volumes": [a["id"]]})).await;
    let second = second["id"].as_str().unwrap().to_owned();
    let mut both = vec![id.clone(), second.clone()];
    both.sort();
    assert_eq!(groups(&door, "").await, (both.clone(), None));
    assert_eq!(groups(&door, "?name=week").await, (vec![id.clone()], None));
    assert_eq!(
        groups(&door, "?limit=1").await,
        (vec![both[0].clone()], Some(both[0].clone()))
    );
    let rest = format!("?limit=1&after={}", both[0]);
    assert_eq!(groups(&door, &rest).await, (vec![both[1].clone()], None));

    let place = format!("{GROUPS}/{id}");
    assert_eq!(door.finish("DELETE", &place, "").await.status, 204);
    assert_eq!(refused(&door, "GET", &place, "").await.0, 404);
    assert_eq!(refused(&door, "DELETE", &place, "").await.0, 404);
    assert_eq!(refused(&door, "GET", &member, "").await.0, 404);
    assert_eq!(groups(&door, "").await, (vec![second], None));
    hosts.world(|world| assert_eq!(world.violations(), Vec::<String>::new()));
    door.stop().await;
}

#[tokio::test]
async fn what_makes_no_group_is_refused() {
    let hosts = nodes_with(100 * GIB);
    let door = open(&hosts).await;
    door.pool(&["/disks/one"]).await;
    let a = made(&door, "/volumes", &replica(3, 1)).await;
    let many: Vec<String> = (0..33).map(|number| format!("{number:032x}")).collect();
    for (body, status) in [
        (json!({"volumes": []}), 400),
        (json!({"volumes": many}), 400),
        (json!({"volumes": ["x"]}), 400),
        (json!({"volumes": [a["id"]], "name": "/"}), 400),
        (json!({"volumes": [a["id"]], "colour": "red"}), 400),
        (json!({"volumes": [a["id"], "9".repeat(32)]}), 404),
    ] {
        let got = refused(&door, "POST", GROUPS, &body.to_string()).await;
        assert_eq!(got.0, status, "{body}: {got:?}");
    }
    for query in ["?after=x", "?name=%2F", "?colour=red"] {
        assert_eq!(
            refused(&door, "GET", &format!("{GROUPS}{query}"), "").await.0,
            400
        );
    }
    assert_eq!(groups(&door, "").await, (Vec::new(), None));
    door.stop().await;
}
