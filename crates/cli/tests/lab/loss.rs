//! Nodes are lost in the middle of something, and come back.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::ground::{start, stormy, until};
use crate::life::Client;
use crate::site::Site;

/// Whatever an operation had done when a node was lost: it ends done or undone, at the latest when the node is back, and
/// what was undone has left nothing on any node.
#[test]
fn a_node_lost_in_the_middle_of_a_change_leaves_nothing_behind() {
    let ground = stormy('b');
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "storm");
    for steps in [0, 2, 3] {
        let name = format!("v{steps}");
        let accepted = site.create(&name, 1, 3);
        let id = accepted.queue_id();
        site.server.reaches(id, steps);
        site.lab.kill("node3").unwrap();
        let resting = site.server.rest(id);
        let phase = site.server.operation(id)["phase"].as_str().unwrap().to_owned();
        site.lab.start("node3").unwrap_or_else(|error| panic!("{error}"));
        let ended = site.server.end(id);
        eprintln!("node lost after {steps} steps: {phase} ({resting:?}), then {ended:?}");
        match ended.status {
            303 => {
                let volume = site.server.get(ended.location.as_deref().unwrap()).json();
                works(&site, &volume);
                site.deleted(&volume);
            }
            500 => assert_eq!(site.server.operation(id)["phase"], "undone", "{ended:?}"),
            other => panic!("{other}: {ended:?}"),
        }
        all_answer(&site);
        site.assert_bare();
    }

    // The same in the middle of a deletion.
    let volume = site.created("gone", 1, 3);
    let accepted = site
        .server
        .delete(&format!("/volumes/{}", volume["id"].as_str().unwrap()));
    let id = accepted.queue_id();
    site.lab.kill("node2").unwrap();
    site.server.rest(id);
    site.lab.start("node2").unwrap_or_else(|error| panic!("{error}"));
    let ended = site.server.end(id);
    if ended.status == 204 {
        assert_eq!(
            site.server.get("/volumes").json()["volumes"],
            serde_json::json!([])
        );
    } else {
        // It was undone before anything was lost: the volume is whole and can be deleted.
        assert_eq!(ended.status, 500, "{ended:?}");
        works(&site, &volume);
        site.deleted(&volume);
    }
    all_answer(&site);
    site.assert_bare();
}

/// Operations that have not ended.
fn open(site: &Site) -> Vec<Value> {
    let list = site.server.get("/v1/operations?open=true").json();
    list["operations"].as_array().unwrap().clone()
}

/// A deletion with a node away ends in seconds; what is on the node is removed when it is back, or left on command.
#[test]
fn a_volume_is_deleted_while_a_node_is_away() {
    let ground = stormy('h');
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "away");
    let (kept, given_up) = (site.created("kept", 1, 3), site.created("given_up", 1, 3));
    site.lab.kill("node3").unwrap();
    let delete = |volume: &Value| {
        let begun = std::time::Instant::now();
        let id = volume["id"].as_str().unwrap();
        let accepted = site.server.delete(&format!("/volumes/{id}"));
        let ended = site.server.rest(accepted.queue_id());
        let took = begun.elapsed();
        assert_eq!(ended.status, 204, "{ended:?}\n{}", site.server.log());
        eprintln!("deleted in {took:?} with a node away");
        assert!(took < Duration::from_secs(30), "{took:?}");
        let cleanup = site.server.operation(accepted.queue_id())["cleanup"].clone();
        cleanup.as_str().unwrap().to_owned()
    };
    let cleanups = [delete(&kept), delete(&given_up)];
    assert_eq!(
        site.server.get("/volumes").json()["volumes"],
        serde_json::json!([])
    );
    for id in &cleanups {
        until("it waits for the node", || {
            let operation = site.server.operation(id);
            operation["phase"] == "waiting-for-node"
                && operation["waits_for"] == serde_json::json!([site.lab.nodes()[2].address.to_string()])
        });
    }
    // On the nodes that answer nothing is left but the definitions, which nobody can start by accident.
    let devices: Vec<String> = site.nodes.iter().map(|(_, _, device)| device.clone()).collect();
    let left: Vec<String> = ["node1", "node2"]
        .iter()
        .flat_map(|node| crate::remains::on_node(&site.lab, node, "/disks/disk1", &devices))
        .collect();
    assert_eq!(left, [] as [&str; 0]);
    for name in [site.name("kept"), site.name("given_up")] {
        let start = format!("gluster --mode=script volume start {name} 2>&1 || true");
        let said = crate::ground::on(&site.lab, "node1", &["sh", "-c", &start]);
        assert!(said.contains("Failed to find brick directory"), "{said}");
    }

    let told = site.server.says(&["operation", "abandon", &cleanups[1]]);
    assert!(told.contains("given up: brick "), "{told}");
    assert_eq!(open(&site).len(), 1);

    start(&site.lab, "node3");
    let begun = std::time::Instant::now();
    all_answer(&site);
    eprintln!("cleaned up {:?} after the node's start", begun.elapsed());
    let ended = site.server.operation(&cleanups[0]);
    assert_eq!(ended["phase"], "done", "{ended}");
    // What was given up is there still, and nothing else.
    assert_eq!(site.volumes(), [site.name("given_up")]);
    let brick = |volume: &Value| {
        let bricks = volume["bricks"].as_array().unwrap();
        let on_node = bricks
            .iter()
            .find(|brick| brick["node"] == site.nodes[2].1.as_str());
        on_node.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let remains = site.remains();
    assert!(
        !remains.is_empty() && remains.iter().all(|line| line.contains(&brick(&given_up))),
        "{remains:#?}"
    );
}

/// The volume can be mounted and written to.
fn works(site: &Site, volume: &Value) {
    let client = Client::mount(site, volume["name"].as_str().unwrap());
    std::fs::write(client.path().join("file"), "written").unwrap();
    client.unmount();
}

/// The server knows that all its nodes answer, and has finished what waited for them: a new volume finds its places.
fn all_answer(site: &Site) {
    until("nothing waits any more", || open(site).is_empty());
    let plan = site.request("plan", 1, 3);
    until("the server sees all nodes again", || {
        let said = site.server.post("/v1/plan", &plan);
        said.status == 200 && said.json()["refusal"].is_null()
    });
}

#[test]
fn writing_goes_on_while_a_node_is_lost_and_heals_when_it_is_back() {
    let ground = stormy('c');
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "heal");
    let volume = site.created("v", 1, 3);
    let client = Client::mount(&site, volume["name"].as_str().unwrap());
    let (count, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let written = |number: u64| client.path().join(format!("file{number}"));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let number = count.load(Ordering::SeqCst);
                let mut file = std::fs::File::create(written(number)).unwrap();
                file.write_all(number.to_string().as_bytes()).unwrap();
                file.sync_all().unwrap();
                count.store(number + 1, Ordering::SeqCst);
                // Not as fast as can be: enough to be seen going on.
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let at_least = |more: u64| {
            let from = count.load(Ordering::SeqCst);
            until("writing goes on", || count.load(Ordering::SeqCst) >= from + more);
        };
        at_least(20);
        site.lab.kill("node3").unwrap();
        at_least(50);
        stop.store(true, Ordering::SeqCst);
    });
    // The server tells what is wrong: one node is not seen, and files wait to be healed.
    let place = format!("/v1/explain/volumes/{}", volume["id"].as_str().unwrap());
    let bad = |chain: &Value| {
        let bricks = chain["bricks"].as_array().unwrap();
        bricks
            .iter()
            .filter(|brick| brick["sight"]["state"] != "ok")
            .count()
    };
    until("the server sees what is wrong", || {
        let chain = site.server.get(&place).json();
        bad(&chain) == 1
            && chain["volume"]["heal"]["pending"]
                .as_u64()
                .is_some_and(|files| files > 0)
    });

    start(&site.lab, "node3");
    until("all is healed", || {
        let chain = site.server.get(&place).json();
        bad(&chain) == 0
            && chain["volume"]["heal"]["pending"] == 0
            && chain["volume"]["heal"]["split_brain"] == 0
    });
    // The brick that was away has every file, with its content.
    let path = volume["bricks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|brick| brick["node"] == site.nodes[2].1.as_str())
        .unwrap()["path"]
        .as_str()
        .unwrap()
        .trim_start_matches('/')
        .to_owned();
    let brick = site.lab.node_root("node3").unwrap().join(path);
    for number in 0..count.load(Ordering::SeqCst) {
        let came = std::fs::read_to_string(brick.join(format!("file{number}"))).unwrap();
        assert_eq!(came, number.to_string());
        assert_eq!(
            std::fs::read_to_string(written(number)).unwrap(),
            number.to_string()
        );
    }
    client.unmount();
    all_answer(&site);
    site.deleted(&volume);
    site.assert_bare();
}
