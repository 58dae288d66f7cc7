//! The store is lost, and everything comes back from the nodes: records, data, and the next volume.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::drift::{as_recorded, findings};
use crate::ground::Ground;
use crate::life::Client;
use crate::site::Site;

const VOLUMES: usize = 20;

/// Checksum of a file, by the system's own tool.
fn checksum(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}

/// Mounts each volume, does something with a file there, and gives its checksum. A few at a time.
fn at_each<'a>(
    site: &Site,
    names: &[&'a str],
    act: impl Fn(usize, &Path) + Sync,
) -> BTreeMap<&'a str, String> {
    let one = |number: usize| {
        let client = Client::mount(site, names[number]);
        let file = client.path().join("data");
        act(number, &file);
        let sum = checksum(&file);
        client.unmount();
        (names[number], sum)
    };
    let some = |worker: usize| (worker..names.len()).step_by(4).map(one).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|worker| scope.spawn(move || some(worker))).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    })
}

/// Volumes of every shape that directories and disks take.
fn make_volumes(site: &Site) -> Vec<Value> {
    let request = |number: usize| {
        let replica = [3, 3, 2, 3, 0][number % 5];
        let mut request = site.request(&format!("v{number}"), 1, replica);
        if number.is_multiple_of(3) {
            request["gid"] = json!(2000 + number);
        }
        if number.is_multiple_of(4) {
            request["glustervolumeoptions"] = json!(["performance.readdir-ahead off", "user.note n-1"]);
        }
        request
    };
    let accepted: Vec<_> = (0..VOLUMES)
        .map(|number| site.server.post("/volumes", &request(number)))
        .collect();
    let made: Vec<Value> = accepted
        .iter()
        .map(|said| {
            let made = site.server.follow(said);
            assert_eq!(made.status, 200, "{made:?}\n{}", site.server.log());
            made.json()
        })
        .collect();
    for (volume, way) in made.iter().zip(["add-bricks", "in-place"]) {
        let place = format!("/v1/volumes/{}/expand", volume["id"].as_str().unwrap());
        let more = json!({"by": 1_u64 << 30, "way": way});
        let grown = site.server.follow(&site.server.post(&place, &more));
        assert_eq!(grown.status, 200, "{grown:?}");
    }
    made
}

fn set_up(site: &Site) {
    let (_, node, device) = &site.nodes[1];
    let tags = json!({"change_type": "set", "tags": {"rack": "seven"}});
    assert_eq!(
        site.server.post(&format!("/nodes/{node}/tags"), &tags).status,
        200
    );
    let tags = json!({"change_type": "set", "tags": {"media": "fast"}});
    assert_eq!(
        site.server.post(&format!("/devices/{device}/tags"), &tags).status,
        200
    );
}

/// What the server says of everything.
fn everything(site: &Site) -> BTreeMap<String, Value> {
    let topology = site.server.get("/v1/topology").json();
    let mut places = vec!["/clusters".to_owned(), "/volumes".to_owned()];
    for cluster in topology["clusters"].as_array().unwrap() {
        for (kind, list) in [("nodes", &cluster["nodes"]), ("volumes", &cluster["volumes"])] {
            let ids = list
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_str().unwrap());
            places.extend(ids.map(|id| format!("/{kind}/{id}")));
        }
    }
    let mut all: BTreeMap<String, Value> = places
        .into_iter()
        .map(|place| (place.clone(), site.server.get(&place).json()))
        .collect();
    all.insert("/v1/topology".into(), topology);
    all
}

#[test]
fn a_lost_store_is_rebuilt_from_the_nodes() {
    let ground = Ground::new('r', 3, 1, 32);
    let mut site = Site::new(&ground.lab, &[1, 2, 3], 1, "rebuild");
    set_up(&site);
    let volumes = make_volumes(&site);
    let names: Vec<&str> = volumes
        .iter()
        .map(|volume| volume["name"].as_str().unwrap())
        .collect();
    let sums = at_each(&site, &names, |number, file| {
        let data: Vec<u8> = (0..200_000 + number).map(|at| (at * 31 + number) as u8).collect();
        std::fs::write(file, data).unwrap();
    });
    let used_meanwhile = Client::mount(&site, names[1]);
    let before = everything(&site);
    // The nodes' own files too.
    as_recorded(&site);

    site.server.ask_to_stop();
    assert!(site.server.ended().success());
    std::fs::remove_file(site.server.store()).unwrap();
    site.server.again();
    assert!(
        site.server.log().contains("mortar rebuild --node HOST"),
        "{}",
        site.server.log()
    );
    assert_eq!(site.server.get("/volumes").json()["volumes"], json!([]));
    assert_eq!(checksum(&used_meanwhile.path().join("data")), sums[names[1]]);

    let first = site.lab.nodes()[0].address.to_string();
    let dry: Value =
        serde_json::from_str(
            &site
                .server
                .says(&["rebuild", "--node", &first, "--dry-run", "--json"]),
        )
        .unwrap();
    assert_eq!(site.server.get("/volumes").json()["volumes"], json!([]));
    let begun = Instant::now();
    let report: Value =
        serde_json::from_str(&site.server.says(&["rebuild", "--node", &first, "--json"])).unwrap();
    eprintln!("rebuilt 3 nodes with {VOLUMES} volumes in {:?}", begun.elapsed());
    for told in ["gaps", "found", "contradictions"] {
        assert_eq!((&report[told], &dry[told]), (&json!([]), &json!([])), "{told}");
    }
    assert_eq!(report["restored"], before["/v1/topology"]);
    assert_eq!(everything(&site), before);
    assert_eq!(findings(&site), [] as [&str; 0]);
    assert_eq!(at_each(&site, &names, |_, _| {}), sums);

    // Work goes on: another one, a larger one, and all of them gone.
    let next = site.created("next", 1, 3);
    let place = format!("/volumes/{}/expand", volumes[1]["id"].as_str().unwrap());
    let grown = site
        .server
        .follow(&site.server.post(&place, &json!({"expand_size": 1})));
    assert_eq!(grown.status, 200, "{grown:?}\n{}", site.server.log());
    assert_eq!(checksum(&used_meanwhile.path().join("data")), sums[names[1]]);
    used_meanwhile.unmount();
    let all = volumes.iter().chain([&next]);
    let gone: Vec<_> = all
        .map(|volume| {
            site.server
                .delete(&format!("/volumes/{}", volume["id"].as_str().unwrap()))
        })
        .collect();
    for said in gone {
        let ended = site.server.end(said.queue_id());
        assert_eq!(ended.status, 204, "{ended:?}\n{}", site.server.log());
    }
    site.assert_bare();
}
