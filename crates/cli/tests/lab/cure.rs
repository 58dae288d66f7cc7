//! A member whose glusterd is rejected by the others, or does not start, is well again without anybody's help.

use std::io::Write as _;

use mortar_lab::Lab;
use serde_json::{Value, json};

use crate::ground::{on, stormy, until};
use crate::life::Client;
use crate::site::Site;

const KILL: &str = "kill -s KILL \"$(cat /run/glusterd.pid)\"; while kill -0 \"$(cat /run/glusterd.pid)\" 2>/dev/null; do :; done";

/// Runs a script on a node; answers whether it succeeded.
fn script(lab: &Lab, node: &str, text: &str) -> bool {
    let output = lab.exec(node, &["sh", "-c", text], crate::ground::LIMIT);
    output.unwrap_or_else(|error| panic!("{error}")).status.success()
}

/// Cures that have ended, with their phases.
fn cures(site: &Site) -> Vec<Value> {
    let list = site.server.get("/v1/operations?limit=1000").json();
    let all = list["operations"].as_array().unwrap().iter().cloned();
    all.filter(|operation| operation["kind"] == "cure-member")
        .collect()
}

/// How many have ended well.
fn cured(site: &Site) -> usize {
    let all = cures(site);
    all.iter().filter(|cure| cure["phase"] == "done").count()
}

/// Waits until all members count each other as members, and the cure has ended well.
fn is_well(site: &Site, cured_before: usize) {
    until("the member is cured", || cured(site) > cured_before);
    all_count(site);
}

/// Waits until all members count each other as members, and have the same on disk.
fn all_count(site: &Site) {
    let counted = |node: &str| {
        let status = on(&site.lab, node, &["gluster", "--mode=script", "peer", "status"]);
        status.matches("Peer in Cluster (Connected)").count()
    };
    until("all members count each other", || {
        site.nodes
            .iter()
            .all(|(name, ..)| counted(name) == site.nodes.len() - 1)
    });
    let records = |node: &str| {
        on(
            &site.lab,
            node,
            &["sh", "-c", "cat /var/lib/glusterd/vols/*/cksum"],
        )
    };
    let first = records("node1");
    for (name, ..) in &site.nodes {
        assert_eq!(records(name), first, "{name} has what the others have");
    }
}

fn bricks(lab: &Lab, node: &str) -> String {
    on(lab, node, &["pgrep", "-a", "-x", "glusterfsd"])
}

/// Bricks are added, and the server and two of three glusterds end before these two have stored it: only the third has
/// it, in a record of the same version. Nobody can add the bricks, and nobody can take them out, before it is cured.
fn half_expanded(site: &mut Site, volume: &Value) {
    let (id, name) = (volume["id"].as_str().unwrap(), volume["name"].as_str().unwrap());
    let record = format!("/var/lib/glusterd/vols/{name}");
    for node in ["node1", "node2"] {
        assert!(script(
            &site.lab,
            node,
            &format!("cp -a {record} /var/lib/glusterd/before")
        ));
    }
    let more = json!({"by": 1_u64 << 30, "way": "add-bricks"});
    let accepted = site.server.post(&format!("/v1/volumes/{id}/expand"), &more);
    let count = |site: &Site, node: &str| {
        on(
            &site.lab,
            node,
            &["sh", "-c", &format!("grep -c ^brick- {record}/info || true")],
        )
    };
    until("node3 has stored the bricks", || {
        count(site, "node3").trim() == "6"
    });
    let made = cured(site);
    site.server.kill();
    // All of them, so that nobody changes a record, or tells another of it, any more.
    for node in ["node1", "node2", "node3"] {
        assert!(script(&site.lab, node, KILL));
    }
    let version = on(
        &site.lab,
        "node3",
        &["grep", "^version=", &format!("{record}/info")],
    );
    let back = format!(
        "rm -r {record} && mv /var/lib/glusterd/before {record} && sed -i 's/^version=.*/{}/' {record}/info",
        version.trim()
    );
    for node in ["node1", "node2"] {
        assert!(script(&site.lab, node, &back));
    }
    for node in ["node1", "node2", "node3"] {
        assert!(script(&site.lab, node, "exec glusterd -p /run/glusterd.pid"));
    }
    site.server.again_with(&["--cure-after", "4"]);
    let ended = site.server.end(accepted.queue_id());
    is_well(site, made);
    // Whichever came first: it gave up while no member would change anything, or it went on once the member was cured.
    let (size, stored) = match ended.status {
        500 => (1, "3"),
        303 => (2, "6"),
        _ => panic!("{ended:?}"),
    };
    let info = site.server.get(&format!("/volumes/{id}")).json();
    assert_eq!(info["size"], size, "{ended:?}");
    for (node, ..) in &site.nodes {
        assert_eq!(
            count(site, node).trim(),
            stored,
            "{node} has what the others have: {ended:?}"
        );
    }
}

#[test]
fn a_member_that_is_rejected_or_does_not_start_is_cured_while_its_bricks_run_on() {
    let ground = stormy('u');
    let mut site = Site::new(&ground.lab, &[1, 2, 3], 1, "cure");
    site.server.ask_to_stop();
    assert!(site.server.ended().success());
    site.server.again_with(&["--cure-after", "4"]);
    let volume = site.created("v", 1, 3);
    let name = volume["name"].as_str().unwrap();
    let client = Client::mount(&site, name);
    let record = format!("/var/lib/glusterd/vols/{name}/info");
    let before = bricks(&site.lab, "node3");

    // Its record says something else, in the same version.
    assert!(script(
        &site.lab,
        "node3",
        &format!("{KILL}; echo user.note=other >> {record}")
    ));
    assert!(script(&site.lab, "node3", "exec glusterd -p /run/glusterd.pid"));
    until("the member is rejected", || {
        let status = on(
            &site.lab,
            "node1",
            &["gluster", "--mode=script", "peer", "status"],
        );
        status.contains("Peer Rejected")
    });
    std::fs::File::create(client.path().join("meanwhile"))
        .and_then(|mut file| file.write_all(b"written"))
        .unwrap();
    is_well(&site, 0);
    assert_eq!(bricks(&site.lab, "node3"), before, "its bricks run on");

    // A power cut in the middle of writing it.
    let made = cured(&site);
    assert!(script(&site.lab, "node2", &format!("{KILL}; : > {record}")));
    assert!(!script(&site.lab, "node2", "exec glusterd -p /run/glusterd.pid"));
    is_well(&site, made);

    // One that hangs hears nothing.
    let made = cured(&site);
    assert!(script(
        &site.lab,
        "node1",
        "kill -s STOP \"$(cat /run/glusterd.pid)\""
    ));
    is_well(&site, made);

    half_expanded(&mut site, &volume);

    // One that somebody stops stays so.
    let made = cures(&site).len();
    assert!(script(&site.lab, "node3", "kill \"$(cat /run/glusterd.pid)\""));
    until("the server has seen that it was stopped", || {
        site.server.log().contains("it was stopped, not killed")
    });
    assert!(script(&site.lab, "node3", "exec glusterd -p /run/glusterd.pid"));
    all_count(&site);
    assert_eq!(cures(&site).len(), made, "{:?}", cures(&site));

    let aside = on(
        &site.lab,
        "node3",
        &["sh", "-c", "cat /var/lib/glusterd/mortar-aside/*/*/info"],
    );
    assert!(aside.contains("user.note=other"), "what was set aside is kept");
    assert_eq!(
        std::fs::read(client.path().join("meanwhile")).unwrap(),
        b"written"
    );
    drop(client);
    site.deleted(&volume);
    until("the nodes see each other", || {
        on(&site.lab, "node1", &["gluster", "--mode=script", "pool", "list"])
            .matches("Connected")
            .count()
            == 3
    });
    site.assert_bare();
}
