//! Nodes that are reached under another name, over the wire.

use serde_json::{Value, json};

use crate::flow::{self, nodes_with};

const GIB: u64 = 1 << 30;

#[tokio::test]
async fn a_node_is_reached_where_it_answers_and_nowhere_else() {
    let hosts = nodes_with(100 * GIB);
    let door = flow::open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    hosts.world(|world| {
        world.add_alias("n2", "ten-two");
        world.add_node("n9");
    });
    let topology = door.ask("GET", "/v1/topology", "").await.json();
    let nodes = topology["clusters"][0]["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["manage"] == "n2").unwrap();
    let id = node["id"].as_str().unwrap();
    let path = format!("/v1/nodes/{id}/address");
    let body = |manage: &str| json!({ "manage": manage }).to_string();

    let moved = door.finish("POST", &path, &body("ten-two")).await;
    assert_eq!(moved.status, 204, "{}", moved.body);
    let now = door.ask("GET", &format!("/nodes/{id}"), "").await.json();
    assert_eq!(
        now["hostnames"],
        json!({"manage": ["ten-two"], "storage": ["n2"]})
    );

    for (wanted, status, words) in [
        ("n1", 409, "n1"),
        ("n9", 502, "another id"),
        ("nobody", 502, "does not answer"),
        ("not a name", 400, "manage: "),
        ("", 400, "manage: "),
    ] {
        let refused = door.ask("POST", &path, &body(wanted)).await;
        assert_eq!(refused.status, status, "{wanted}: {}", refused.body);
        assert!(refused.body.contains(words), "{wanted}: {}", refused.body);
    }
    let unknown = door
        .ask(
            "POST",
            "/v1/nodes/00000000000000000000000000000001/address",
            &body("n2"),
        )
        .await;
    assert_eq!(unknown.status, 404, "{}", unknown.body);
    let more = json!({"manage": "n2", "storage": "n2"}).to_string();
    assert_eq!(door.ask("POST", &path, &more).await.status, 400);
    let still: Value = door.ask("GET", &format!("/nodes/{id}"), "").await.json();
    assert_eq!(still["hostnames"]["manage"], json!(["ten-two"]));
}

#[tokio::test]
async fn a_new_machine_gets_a_nodes_identity() {
    let hosts = nodes_with(100 * GIB);
    let door = flow::open(&hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let topology = door.ask("GET", "/v1/topology", "").await.json();
    let nodes = topology["clusters"][0]["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["manage"] == "n2").unwrap();
    let path = format!("/v1/nodes/{}/replace", node["id"].as_str().unwrap());

    let itself = door.ask("POST", &path, "").await;
    assert_eq!(itself.status, 502, "{}", itself.body);
    assert!(itself.body.contains("nothing to replace"), "{}", itself.body);
    hosts.world(|world| {
        assert!(world.replace_node("n2"));
        assert!(world.start_new_glusterd("n2"));
    });
    let replaced = door.finish("POST", &path, "").await;
    assert_eq!(replaced.status, 204, "{}", replaced.body);
    let unknown = "/v1/nodes/00000000000000000000000000000001/replace";
    let unknown = door.ask("POST", unknown, "").await;
    assert_eq!(unknown.status, 404, "{}", unknown.body);
}
