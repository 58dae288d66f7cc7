//! A pool that somebody made by hand is taken under management: nothing on its nodes changes, its data least of all.

use mortar_lab::{DeviceKind, Lab};
use serde_json::{Value, json};

use crate::drift::{as_recorded, findings};
use crate::ground::{Ground, devices, on, until};
use crate::life::Client;
use crate::moves::{fill, sums, sums_in_brick};
use crate::site::Site;

const NODES: [&str; 3] = ["node1", "node2", "node3"];

/// A mounted file system of each node that is nobody's yet.
fn file_system(lab: &Lab, node: &str) -> String {
    let disk = lab.disk(node, 1).unwrap();
    if devices() == DeviceKind::Directory {
        return disk;
    }
    on(lab, node, &["mkfs.xfs", "-q", &disk]);
    on(lab, node, &["mkdir", "-p", "/by-hand"]);
    on(lab, node, &["mount", &disk, "/by-hand"]);
    "/by-hand".to_owned()
}

/// `films` in folders of file systems of its own, `plain` on the nodes' root file systems.
fn made_by_hand(lab: &Lab) -> Vec<String> {
    let addresses: Vec<String> = lab.nodes().iter().map(|node| node.address.to_string()).collect();
    let gluster = |words: &[&str]| on(lab, "node1", &[&["gluster", "--mode=script"], words].concat());
    for address in &addresses[1..] {
        gluster(&["peer", "probe", address]);
    }
    until("the pool is there", || {
        let members = |node: &&str| on(lab, node, &["gluster", "--mode=script", "pool", "list"]);
        NODES
            .iter()
            .all(|node| members(node).matches("Connected").count() == 3)
    });
    let mut films = Vec::new();
    let mut plain = Vec::new();
    for (node, address) in NODES.iter().zip(&addresses) {
        let place = format!("{}/deep/films", file_system(lab, node));
        on(lab, node, &["mkdir", "-p", &place, "/srv"]);
        films.push(format!("{address}:{place}/brick"));
        plain.push(format!("{address}:/srv/plain"));
    }
    let bricks = |bricks: &[String]| bricks.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    for line in [
        format!("volume create films replica 3 {}", bricks(&films)),
        "volume set films performance.readdir-ahead off".into(),
        format!("volume create plain replica 3 arbiter 1 {} force", bricks(&plain)),
        "volume start films".into(),
        "volume start plain".into(),
    ] {
        gluster(&line.split(' ').collect::<Vec<_>>());
    }
    films
}

/// What glusterd has recorded of volumes, and what is there of Mortar, on each node.
fn recorded(lab: &Lab) -> Vec<String> {
    let script = "cd /var/lib && find glusterd/vols mortar -type f ! -path '*/run/*' ! -name '*.json.*' 2>/dev/null \
                  | sort | xargs -r sha256sum";
    let seen = NODES.iter().map(|node| on(lab, node, &["sh", "-c", script]));
    seen.collect()
}

fn adopt(site: &Site, more: &[&str]) -> Value {
    let first = site.lab.nodes()[0].address.to_string();
    let mut words = vec!["adopt", "--node", &first, "--json"];
    words.extend(more);
    serde_json::from_str(&site.server.says(&words)).unwrap()
}

/// Takes up the ids of nodes and cluster, and adds a device of Mortar's to each node.
fn with_devices(site: &mut Site) {
    let topology = site.server.get("/v1/topology").json();
    let cluster = &topology["clusters"][0];
    site.cluster = cluster["id"].as_str().unwrap().to_owned();
    for (name, machine) in NODES.iter().zip(site.lab.nodes()) {
        let address = machine.address.to_string();
        let mut nodes = cluster["nodes"].as_array().unwrap().iter();
        let node = nodes.find(|node| node["storage"] == json!(address)).unwrap();
        let id = node["id"].as_str().unwrap();
        let disk = site.lab.disk(name, 2).unwrap();
        let done = site.server.follow(&site.add_device(id, &disk, false));
        assert_eq!(done.status, 204, "{done:?}\n{}", site.server.log());
    }
}

#[test]
fn a_pool_made_by_hand_is_adopted_with_its_data() {
    let ground = Ground::new('h', 3, 2, 8);
    let films = made_by_hand(&ground.lab);
    let mut site = Site::of_nobody(&ground.lab, 2, "adopt");
    let clients = ["films", "plain"].map(|name| Client::mount(&site, name));
    let data = clients.each_ref().map(|client| {
        fill(client.path());
        sums(client.path())
    });
    let before = recorded(&ground.lab);

    let dry = adopt(&site, &[]);
    assert_eq!(site.server.get("/volumes").json()["volumes"], json!([]));
    let done = adopt(&site, &["--do"]);
    let how = |said: &Value| -> Vec<String> {
        let volumes = said["volumes"].as_array().unwrap().iter();
        volumes
            .map(|volume| format!("{} {}", volume["name"], volume["understanding"]))
            .collect()
    };
    assert_eq!(how(&dry), how(&done));
    assert_eq!(how(&done), ["\"films\" \"understood\"", "\"plain\" \"limited\""]);
    assert_eq!(findings(&site), [] as [&str; 0]);
    assert_eq!(recorded(&ground.lab), before);
    let size = done["volumes"][0]["size"].as_u64().unwrap();
    assert!(
        clients[0].size().abs_diff(size) < size / 50,
        "{size} {}",
        clients[0].size()
    );

    with_devices(&mut site);
    as_recorded(&site);
    let mine = site.created("mine", 1, 3);
    let own = Client::mount(&site, &site.name("mine"));
    fill(own.path());
    assert_eq!(sums(own.path()), data[0]);
    own.unmount();
    for (client, data) in clients.iter().zip(&data) {
        assert_eq!(&sums(client.path()), data);
    }
    site.deleted(&mine);

    // Deleted, it is no volume any more, and all of its files are where they were.
    let [film, plain] = clients;
    film.unmount();
    let id = done["volumes"][0]["id"].as_str().unwrap();
    site.deleted(&json!({ "id": id }));
    for (node, brick) in NODES.iter().zip(&films) {
        let (_, path) = brick.split_once(':').unwrap();
        assert_eq!(sums_in_brick(&site, node, path), data[0], "{node}");
    }
    assert_eq!(sums(plain.path()), data[1]);
    plain.unmount();
    as_recorded(&site);
}
