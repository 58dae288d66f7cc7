//! Options of a volume that are changed later, over the wire.

use mortar_model::VolumeId;
use serde_json::{Value, json};

use crate::flow::{self, nodes_with, replica};
use crate::support::{Door, Setup};
use mortar_executor::SimHosts;
use std::sync::Arc;

const GIB: u64 = 1 << 30;

async fn open(hosts: &SimHosts) -> (Door, String) {
    let door = flow::open(hosts).await;
    door.pool(&["/dev/sdb"]).await;
    let mut body = replica(3, 4);
    body["name"] = "data".into();
    body["glustervolumeoptions"] = json!(["performance.readdir-ahead off"]);
    let made = door.finish("POST", "/volumes", &body.to_string()).await;
    let place = made.header("location").unwrap().to_owned();
    (door, place)
}

fn body(options: &Value) -> String {
    json!({ "options": options }).to_string()
}

/// Heketi's empty ones left out.
async fn options(door: &Door, place: &str) -> Value {
    let info = door.ask("GET", place, "").await.json();
    let mut options = info["glustervolumeoptions"].as_array().unwrap().clone();
    options.retain(|option| option != "");
    Value::from(options)
}

#[tokio::test]
async fn options_are_set_and_given_back() {
    let (door, place) = open(&nodes_with(100 * GIB)).await;
    let path = format!("/v1{place}/options");
    let wanted = body(&json!({"performance.readdir-ahead": null, "network.ping-timeout": "21"}));
    let reply = door.finish("PATCH", &path, &wanted).await;
    assert_eq!(reply.status, 303, "{}", reply.body);
    assert_eq!(reply.header("location"), Some(place.as_str()));
    assert_eq!(options(&door, &place).await, json!(["network.ping-timeout 21"]));
    // What GlusterFS does not take is told in its words, and nothing has changed.
    let wanted = body(&json!({"network.ping-timeout": "30", "no.such-option": "1"}));
    let reply = door.finish("PATCH", &path, &wanted).await;
    assert_eq!(reply.status, 500, "{}", reply.body);
    assert!(
        reply.body.contains("no.such-option does not exist"),
        "{}",
        reply.body
    );
    assert_eq!(options(&door, &place).await, json!(["network.ping-timeout 21"]));
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused_at_the_door() {
    let (door, place) = open(&nodes_with(100 * GIB)).await;
    let path = format!("/v1{place}/options");
    for (wanted, words) in [
        (json!({}), "no option is named"),
        (json!({"user.mortar.id": "7"}), "user.mortar.id cannot be set"),
        (
            json!({"storage.owner-gid": null}),
            "storage.owner-gid cannot be changed",
        ),
        (json!({"user.note": null}), "user.note cannot be reset"),
        (json!({"a.b": "$(reboot)"}), "option a.b: "),
        (json!({"a.b": ""}), "option a.b: "),
        (json!({"-x": "on"}), "option -x: "),
        (json!({"a b": null}), "option a b: "),
        (json!({"a\nb": null}), "option a\\\\nb: "),
    ] {
        let reply = door.ask("PATCH", &path, &body(&wanted)).await;
        assert_eq!(reply.status, 400, "{wanted}: {}", reply.body);
        assert!(reply.body.contains(words), "{wanted}: {}", reply.body);
    }
    for (text, status) in [
        ("", 422),
        ("{", 422),
        ("{\"options\":7}", 422),
        ("{\"set\":{}}", 422),
    ] {
        let reply = door.ask("PATCH", &path, text).await;
        assert!(
            [400, status].contains(&reply.status),
            "{text}: {} {}",
            reply.status,
            reply.body
        );
    }
    let unknown = format!("/v1/volumes/{}/options", VolumeId::from_u128(7));
    let reply = door.ask("PATCH", &unknown, &body(&json!({"a.b": "1"}))).await;
    assert_eq!(reply.status, 404, "{}", reply.body);
    assert_eq!(
        options(&door, &place).await,
        json!(["performance.readdir-ahead off"])
    );
}

/// The pool is asked what is set before anything is begun: a way back has to lead there.
#[tokio::test]
async fn a_pool_that_says_nothing_is_told() {
    let hosts = nodes_with(100 * GIB);
    let (door, place) = open(&hosts).await;
    hosts.world(|world| ["n1", "n2", "n3"].map(|node| world.stop_glusterd(node)));
    let wanted = body(&json!({"network.ping-timeout": "21"}));
    let reply = door.ask("PATCH", &format!("/v1{place}/options"), &wanted).await;
    assert_eq!(reply.status, 502, "{}", reply.body);
    assert!(
        reply.body.contains("nobody in the pool of volume data tells"),
        "{}",
        reply.body
    );
}

/// As heketi.json's `pre_request_volume_options` and `post_request_volume_options`.
#[tokio::test]
async fn options_of_the_server_stand_around_those_of_a_request() {
    let hosts = nodes_with(100 * GIB);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let door = Setup {
        hosts: Arc::new(hosts.clone()),
        volume_options: mortar_server::VolumeOptions {
            before: texts(&["network.ping-timeout 10"]),
            after: texts(&["features.shard on"]),
        },
        ..Setup::default()
    };
    let door = door.open().await;
    door.pool(&["/dev/sdb"]).await;
    let mut wanted = replica(3, 4);
    wanted["name"] = "data".into();
    wanted["glustervolumeoptions"] = json!(["network.ping-timeout 20"]);
    let made = door.finish("POST", "/volumes", &wanted.to_string()).await;
    let place = made.header("location").unwrap().to_owned();
    let all = [
        "network.ping-timeout 10",
        "network.ping-timeout 20",
        "features.shard on",
    ];
    assert_eq!(options(&door, &place).await, json!(all));
    let seen = hosts.world(|world| {
        let pool = world.pool("n1").unwrap();
        pool.volumes[0].options.clone()
    });
    for (key, value) in [("network.ping-timeout", "20"), ("features.shard", "on")] {
        let set: Vec<&str> = seen
            .iter()
            .filter(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(set, [value], "{key}");
    }
    // Asked again, it is the same volume.
    let again = door.finish("POST", "/volumes", &wanted.to_string()).await;
    assert_eq!(again.header("location"), Some(place.as_str()));
}
