//! Disks whose bricks share one thin pool: more is promised than there is, and what is cloned outlives what it was made of.

use std::fs;

use mortar_lab::DeviceKind;

use crate::drift::findings;
use crate::ground::{self, on, until, volumes_on};
use crate::life::Client;
use crate::site::Site;

/// Adds the first disk of a node, with one pool that promises four times what it has.
fn add(site: &Site, node: &str) -> std::process::Output {
    let path = site.lab.disk(node, 1).unwrap();
    let nodes = site.nodes.iter();
    let id = nodes.clone().find(|(name, _, _)| name == node).unwrap().1.clone();
    let words = [
        "device",
        "add",
        "--node",
        &id,
        "--name",
        &path,
        "--pool",
        "shared",
        "--overcommit",
        "4.0",
    ];
    site.server.cli(&words)
}

#[test]
fn a_clone_in_a_shared_pool_outlives_its_origin() {
    let ground = ground::Ground::new('p', 2, 1, 8);
    let mut site = Site::new(&ground.lab, &[1, 2], 0, "pools");
    let added: Vec<std::process::Output> = ["node1", "node2"].map(|node| add(&site, node)).into();
    if ground::devices() == DeviceKind::Directory {
        for output in added {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                !output.status.success() && said.contains("needs a block device (below /dev)"),
                "{said}"
            );
        }
        return;
    }
    for output in added {
        assert!(output.status.success(), "{output:?}\n{}", site.server.log());
    }
    let info = |site: &Site, id: &str| site.server.get(&format!("/nodes/{id}")).json();
    for number in 0..site.nodes.len() {
        let node = info(&site, &site.nodes[number].1);
        site.nodes[number].2 = node["devices"][0]["id"].as_str().unwrap().to_owned();
        let total = node["devices"][0]["storage"]["total"].as_u64().unwrap();
        assert!((30 << 20..32 << 20).contains(&total), "{node}");
    }

    let name = site.name("data");
    let origin = site.created("data", 5, 2);
    site.server
        .says(&["volume", "expand", &name, "--by", "1", "--in-place"]);
    let client = Client::mount(&site, &name);
    until("the volume is larger", || client.size() > 11 << 29);
    what_files_held_is_given_back(&site, &client);
    fs::write(client.path().join("kept"), "kept").unwrap();
    site.server
        .says(&["snapshot", "create", &name, "--name", "monday"]);
    let (copy, direct) = (site.name("copy"), site.name("direct"));
    site.server
        .says(&["snapshot", "clone", "monday", "--name", &copy]);
    fs::write(client.path().join("kept"), "of the origin").unwrap();
    fs::write(client.path().join("later"), "later").unwrap();
    site.server.says(&["volume", "clone", &name, "--name", &direct]);
    client.unmount();
    site.server.says(&["snapshot", "restore", "monday"]);
    assert_eq!(findings(&site), [] as [&str; 0]);
    let client = Client::mount(&site, &name);
    assert_eq!(fs::read_to_string(client.path().join("kept")).unwrap(), "kept");
    client.unmount();
    for (node, _, device) in &site.nodes {
        assert_promised(&site, node, device);
        site.server.says(&["device", "resize", device]);
    }

    site.server.says(&["snapshot", "delete", "monday"]);
    site.deleted(&origin);
    for (clone, kept, later) in [(&copy, "kept", false), (&direct, "of the origin", true)] {
        let client = Client::mount(&site, clone);
        assert_eq!(fs::read_to_string(client.path().join("kept")).unwrap(), kept);
        assert_eq!(client.path().join("later").exists(), later, "{clone}");
        fs::write(client.path().join("new"), "new").unwrap();
        client.unmount();
        site.server.says(&["volume", "delete", clone]);
    }
    assert_eq!(findings(&site), [] as [&str; 0]);
    for (node, _, device) in &site.nodes {
        let group = format!("vg_{device}");
        let volumes = on(&site.lab, node, &["lvs", "--noheadings", "-o", "lv_name", &group]);
        assert_eq!(volumes.trim(), "tp_shared");
        site.server.says(&["device", "delete", device]);
        let groups = on(&site.lab, node, &["vgs", "--noheadings", "-o", "vg_name"]);
        assert!(!groups.contains(&group), "{groups}");
    }
}

/// What a file held is free for the other bricks of the pool when it is removed.
fn what_files_held_is_given_back(site: &Site, client: &Client) {
    let (node, _, device) = &site.nodes[0];
    let pool = format!("vg_{device}/tp_shared");
    let full = || {
        on(&site.lab, node, &["sync"]);
        let words = ["lvs", "--noheadings", "-o", "data_percent", &pool];
        on(&site.lab, node, &words).trim().parse::<f64>().unwrap()
    };
    let (before, file) = (full(), client.path().join("large"));
    fs::write(&file, vec![7; 300 << 20]).unwrap();
    until("the pool holds the file", || full() > before + 3.0);
    fs::remove_file(&file).unwrap();
    until("the pool holds the file no more", || full() < before + 1.0);
}

/// Three bricks of 6 GiB and a copy in a pool of less than 8: each brick says whose it is, the one that was brought back too.
fn assert_promised(site: &Site, node: &str, device: &str) {
    let rows = volumes_on(&site.lab, node, device, "lv_name,lv_size,pool_lv,lv_tags");
    let bricks: Vec<_> = rows.iter().filter(|row| row[0].starts_with("brick_")).collect();
    assert_eq!(bricks.len(), 3, "{rows:?}");
    for row in bricks {
        let tag = format!("mortar.brick={}", &row[0]["brick_".len()..]);
        assert_eq!(&row[1..3], ["6.00", "tp_shared"], "{rows:?}");
        assert!(row[3].contains(&tag), "{rows:?}");
    }
    let copies = rows.iter().filter(|row| row[0].starts_with("copy_")).count();
    assert_eq!((rows.len(), copies), (5, 1), "{rows:?}");
}
