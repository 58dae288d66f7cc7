//! Bricks move to other devices while their volume is in use, and the data is as it was.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::ground::{Ground, on, until};
use crate::life::Client;
use crate::site::Site;

/// Checksums of the files below a folder, by their paths.
pub(crate) fn sums(folder: &Path) -> BTreeMap<String, String> {
    let output = Command::new("sh")
        .args([
            "-c",
            "find . -path ./.glusterfs -prune -o -type f -print0 | xargs -0 sha256sum",
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    read_sums(&String::from_utf8(output.stdout).unwrap())
}

fn read_sums(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    lines
        .map(|(sum, path)| (path.to_owned(), sum.to_owned()))
        .collect()
}

/// Checksums of the files in a brick's folder on its node.
pub(crate) fn sums_in_brick(site: &Site, node: &str, path: &str) -> BTreeMap<String, String> {
    let find =
        format!("cd {path} && find . -path ./.glusterfs -prune -o -type f -print0 | xargs -0 sha256sum");
    read_sums(&on(&site.lab, node, &["sh", "-c", &find]))
}

/// Folders, small files, and one of 16 MiB.
pub(crate) fn fill(folder: &Path) {
    for number in 0..6 {
        let inner = folder.join(format!("folder{number}"));
        std::fs::create_dir(&inner).unwrap();
        for file in 0..10 {
            std::fs::write(
                inner.join(format!("file{file}")),
                format!("{number} {file}\n").repeat(99),
            )
            .unwrap();
        }
    }
    let large: Vec<u8> = (0..16_u32 << 20)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    std::fs::write(folder.join("large"), large).unwrap();
}

/// The bricks of a volume: id, node's name and path.
pub(crate) fn bricks(site: &Site, volume: &str) -> Vec<(String, String, String)> {
    let info = site.server.get(&format!("/volumes/{volume}")).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let name = |id: &str| {
        let mut nodes = site.nodes.iter();
        nodes.find(|(_, node, _)| node == id).unwrap().0.clone()
    };
    let bricks = info["bricks"].as_array().unwrap().iter();
    bricks
        .map(|brick| {
            (
                text(&brick["id"]),
                name(&text(&brick["node"])),
                text(&brick["path"]),
            )
        })
        .collect()
}

/// Nothing is to be healed in the volume, as GlusterFS tells.
pub(crate) fn assert_healed(site: &Site, name: &str) {
    let told = on(
        &site.lab,
        &site.nodes[0].0,
        &["gluster", "--mode=script", "volume", "heal", name, "info"],
    );
    let counts: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("Number of entries: "))
        .collect();
    assert!(
        !counts.is_empty() && counts.iter().all(|count| *count == "0"),
        "{told}"
    );
}

#[test]
fn a_brick_moves_while_its_volume_is_in_use() {
    let ground = Ground::new('m', 4, 1, 8);
    let site = Site::new(&ground.lab, &[1, 2, 3, 4], 1, "moves");
    let volume = site.created("data", 2, 3);
    let (id, name) = (volume["id"].as_str().unwrap(), volume["name"].as_str().unwrap());
    let client = Client::mount(&site, name);
    fill(client.path());
    let before = sums(client.path());
    assert_eq!(before.len(), 61);

    let old = bricks(&site, id);
    let (brick, from, _) = &old[0];
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) && written < 200 {
                std::fs::write(client.path().join(format!("new{written}")), written.to_string()).unwrap();
                written += 1;
            }
            written
        });
        let begun = std::time::Instant::now();
        let told = site.server.cli(&["brick", "evict", brick]);
        stop.store(true, Ordering::Relaxed);
        eprintln!("a brick moved in {:?}", begun.elapsed());
        assert!(told.status.success(), "{told:?}\n{}", site.server.log());
        writer.join().unwrap()
    });
    eprintln!("{written} files were written meanwhile");
    assert!(written > 10);

    let new = bricks(&site, id);
    let moved: Vec<_> = new.iter().filter(|brick| !old.contains(brick)).collect();
    assert_eq!(moved.len(), 1, "{old:?} {new:?}");
    let (_, to, path) = moved[0];
    assert!(old.iter().all(|(_, node, _)| node != to), "{old:?} {new:?}");
    assert_eq!(site.volumes(), [name]);
    until("all is healed", || {
        let told = on(
            &site.lab,
            to,
            &["gluster", "--mode=script", "volume", "heal", name, "info"],
        );
        told.lines()
            .filter(|line| *line == "Number of entries: 0")
            .count()
            == 3
    });
    assert_healed(&site, name);

    let after = sums(client.path());
    assert!(before.iter().all(|(path, sum)| after.get(path) == Some(sum)));
    assert_eq!(after.len(), before.len() + written);
    assert_eq!(
        sums_in_brick(&site, to, path),
        after,
        "what the new brick itself holds"
    );
    // Nothing of the old one is left on its node.
    let left: Vec<String> = site
        .remains()
        .into_iter()
        .filter(|line| line.contains(brick.as_str()))
        .collect();
    assert_eq!(left, [] as [&str; 0], "on {from}");
    client.unmount();
    site.deleted(&volume);
    site.assert_bare();
}

/// The volume that is mounted reads as it was, and so does each brick that moved.
fn assert_whole(site: &Site, volume: &Value, client: &Client, before: &BTreeMap<String, String>) {
    let id = volume["id"].as_str().unwrap();
    assert_eq!(&sums(client.path()), before);
    for (brick, node, path) in bricks(site, id) {
        assert_eq!(
            &sums_in_brick(site, &node, &path),
            before,
            "brick {brick} on {node}"
        );
    }
}

fn nodes_of(site: &Site, volume: &Value) -> Vec<String> {
    let bricks = bricks(site, volume["id"].as_str().unwrap());
    bricks.into_iter().map(|(_, node, _)| node).collect()
}

/// All bricks of a device move while its node runs, and all of a node that never comes back; that node is forgotten.
#[test]
fn a_device_is_drained_and_a_dead_node_is_left_behind() {
    let ground = Ground::new('n', 5, 1, 8);
    let mut site = Site::new(&ground.lab, &[1, 2, 3, 4, 5], 1, "drain");
    let volumes: Vec<Value> = ["one", "two", "three"]
        .iter()
        .map(|name| site.created(name, 1, 3))
        .collect();
    let clients: Vec<Client> = volumes
        .iter()
        .map(|volume| Client::mount(&site, volume["name"].as_str().unwrap()))
        .collect();
    for client in &clients {
        fill(client.path());
    }
    let before = sums(clients[0].path());
    assert_eq!(before.len(), 61);

    // Not the node by which the clients came.
    let most = |site: &Site| {
        let names = site.nodes.iter().skip(1).map(|(name, _, _)| name.clone());
        let count = |name: &String| {
            let all = volumes.iter().flat_map(|volume| nodes_of(site, volume));
            all.filter(|node| node == name).count()
        };
        names.map(|name| (count(&name), name)).max().unwrap()
    };
    let (held, full) = most(&site);
    assert!(held >= 2, "{held} bricks on {full}");
    let address = |name: &str| {
        let nodes = site.lab.nodes();
        let node = nodes.iter().find(|node| node.name == name).unwrap();
        node.address.to_string()
    };
    let device = format!("{}:{}", address(&full), site.lab.disk(&full, 1).unwrap());
    let begun = std::time::Instant::now();
    let told = site.server.cli(&["device", "drain", &device]);
    assert!(told.status.success(), "{told:?}\n{}", site.server.log());
    eprintln!("{held} bricks moved off a device in {:?}", begun.elapsed());
    for (volume, client) in volumes.iter().zip(&clients) {
        assert!(!nodes_of(&site, volume).contains(&full));
        assert_healed(&site, volume["name"].as_str().unwrap());
        assert_whole(&site, volume, client, &before);
    }
    site.server.says(&["device", "delete", &device]);

    let (held, dead) = most(&site);
    let gone = address(&dead);
    site.lab.kill(&dead).unwrap();
    let refused = site.server.cli(&["node", "forget", &gone]);
    assert!(!refused.status.success(), "it has bricks: {refused:?}");
    let begun = std::time::Instant::now();
    let told = site.server.cli(&["node", "drain", "--dead", &gone]);
    assert!(told.status.success(), "{told:?}\n{}", site.server.log());
    eprintln!("{held} bricks moved off a dead node in {:?}", begun.elapsed());
    let told = site.server.says(&["node", "forget", &gone]);
    eprintln!("{told}");
    site.nodes.retain(|(name, _, _)| *name != dead);
    let members = on(
        &site.lab,
        &site.nodes[0].0,
        &["gluster", "--mode=script", "pool", "list"],
    );
    assert!(!members.contains(&gone), "{members}");
    for (volume, client) in volumes.iter().zip(&clients) {
        assert!(!nodes_of(&site, volume).contains(&dead));
        assert_healed(&site, volume["name"].as_str().unwrap());
        assert_whole(&site, volume, client, &before);
    }
    let open = site.server.get("/v1/operations?open=true").json();
    assert_eq!(open["operations"], serde_json::json!([]));
    // Not waited for: a client that was connected to the lost node may take long to give that up before it ends.
    drop(clients);
    for volume in &volumes {
        site.deleted(volume);
    }
}
