//! What drifted apart is found on real nodes, and mended: by the server itself after a reboot, and on command.

use std::time::{Duration, Instant};

use mortar_lab::DeviceKind;
use serde_json::Value;

use crate::ground::{LIMIT, devices, on, stormy, until};
use crate::life::Client;
use crate::site::Site;

/// Starts the server again with other settings.
fn again(site: &mut Site, arguments: &[&str]) {
    site.server.ask_to_stop();
    assert!(site.server.ended().success(), "{}", site.server.log());
    site.server.again_with(arguments);
}

/// What GlusterFS says of each brick of the volume, as XML.
fn bricks(site: &Site, volume: &str) -> Vec<String> {
    let argv = ["gluster", "--mode=script", "volume", "status", volume, "--xml"];
    let output = site.lab.exec("node1", &argv, LIMIT).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let nodes = text.split("<node>");
    nodes
        .filter(|node| node.contains("<path>/var/lib/mortar"))
        .map(str::to_owned)
        .collect()
}

/// How many bricks of the volume run.
fn served(site: &Site, volume: &str) -> usize {
    let bricks = bricks(site, volume);
    bricks
        .iter()
        .filter(|brick| brick.contains("<status>1</status>"))
        .count()
}

/// The process of the volume's brick on that node.
pub(crate) fn process(site: &Site, volume: &str, node: &str) -> String {
    let nodes = site.lab.nodes();
    let node = nodes.iter().find(|other| other.name == node).unwrap();
    let address = format!("<hostname>{}</hostname>", node.address);
    let bricks = bricks(site, volume);
    let brick = bricks.iter().find(|brick| brick.contains(&address)).unwrap();
    let (_, rest) = brick.split_once("<pid>").unwrap();
    rest.split_once("</pid>").unwrap().0.to_owned()
}

/// Ids of what a fresh check finds.
pub(crate) fn findings(site: &Site) -> Vec<String> {
    let output = site.server.cli(&["check", "--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = said["check"]["findings"].as_array().unwrap();
    let clean = said["check"]["clean"].as_bool().unwrap();
    assert_eq!(output.status.code(), Some(if clean { 0 } else { 10 }), "{said}");
    findings
        .iter()
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until a check finds nothing.
pub(crate) fn as_recorded(site: &Site) {
    let begun = Instant::now();
    while !findings(site).is_empty() {
        if begun.elapsed() > LIMIT {
            let said = site.server.cli(&["check"]);
            panic!(
                "not as recorded within {LIMIT:?}: {}",
                String::from_utf8_lossy(&said.stdout)
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn kinds(ids: &[String]) -> Vec<&str> {
    ids.iter().map(|id| id.split('/').next().unwrap()).collect()
}

#[test]
fn bricks_that_a_reboot_left_unmounted_are_served_again() {
    let ground = stormy('d');
    let mut site = Site::new(&ground.lab, &[1, 2, 3], 1, "drift");
    let volumes: Vec<Value> = (0..3)
        .map(|number| site.created(&format!("v{number}"), 1, 3))
        .collect();
    let names: Vec<String> = (0..3).map(|number| site.name(&format!("v{number}"))).collect();
    let client = Client::mount(&site, &names[0]);
    std::fs::write(client.path().join("before"), "written before").unwrap();
    as_recorded(&site);

    site.lab.kill("node2").unwrap();
    std::fs::write(client.path().join("without"), "written without node2").unwrap();
    assert_eq!(kinds(&findings(&site)), ["node_silent"]);
    again(&mut site, &["--check-interval", "2"]);
    site.lab
        .start_without_mounts("node2")
        .unwrap_or_else(|error| panic!("{error}"));
    let began = Instant::now();
    assert_eq!(
        on(
            &site.lab,
            "node2",
            &["grep", "-c", "mortar/mounts", "/var/lib/mortar/fstab"]
        )
        .trim(),
        "3"
    );
    for name in &names {
        until("its bricks run again", || served(&site, name) == 3);
    }
    eprintln!(
        "three bricks mounted and served again {:.1} s after the node's start",
        began.elapsed().as_secs_f64()
    );
    as_recorded(&site);
    until("the pass that mounted them is told with the last check", || {
        let told = site.server.says(&["check", "--last", "--json"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        told["reconciled"]["ended"].is_string()
    });

    // What was written meanwhile is healed to it.
    let brick = |file: &str| {
        let find = format!("cat /var/lib/mortar/mounts/vg_*/brick_*/brick/{file}");
        site.lab.exec("node2", &["sh", "-c", &find], LIMIT).unwrap()
    };
    until("it is healed", || {
        brick("without").stdout == b"written without node2"
    });
    assert_eq!(brick("before").stdout, b"written before");
    client.unmount();
    for volume in &volumes {
        site.deleted(volume);
    }
    site.assert_bare();
    assert_eq!(findings(&site), [] as [&str; 0]);
}

/// The folder of the volume's brick on that node.
fn brick_folder(site: &Site, node: &str, volume: &Value) -> String {
    let id = volume["id"].as_str().unwrap();
    let find = format!("grep -l {id} /var/lib/mortar/mounts/vg_*/brick_*/mortar.json");
    let file = on(&site.lab, node, &["sh", "-c", &find]);
    file.trim().replace("/mortar.json", "/brick")
}

const MARKED: &str = "00000000000000000000000000000bad";
const BARE: &str = "00000000000000000000000000000fad";

/// What looks like a brick of Mortar's: by its marks, or by its name alone.
fn stray(site: &Site, brick: &str, marked: bool) {
    let device = &site.nodes[0].2;
    let script = match devices() {
        DeviceKind::Directory => {
            let disk = site.lab.disk("node1", 1).unwrap();
            let uuid = if marked {
                format!("-m uuid=00000000-0000-0000-0000-{}", &brick[20..])
            } else {
                String::new()
            };
            format!(
                "cd {disk}/mortar-bricks && truncate --size=320M brick_{brick}.img && mkfs.xfs -q {uuid} brick_{brick}.img"
            )
        }
        _ => {
            let tag = if marked {
                format!("--addtag mortar.brick={brick}")
            } else {
                String::new()
            };
            format!(
                "lvcreate --yes --poolmetadataspare=n --size 320M --virtualsize 320M --name brick_{brick} {tag} \
                 --thin vg_{device}/tp_{brick}"
            )
        }
    };
    on(&site.lab, "node1", &["sh", "-c", &script]);
}

/// Names of what is on node 1 that is no brick of a volume.
fn strays(site: &Site) -> Vec<&'static str> {
    let remains = site.remains().join("\n");
    [MARKED, BARE]
        .into_iter()
        .filter(|brick| remains.contains(brick))
        .collect()
}

#[test]
fn what_was_changed_by_hand_is_mended_on_command_and_only_what_is_proven() {
    let ground = stormy('e');
    let mut site = Site::new(&ground.lab, &[1, 2, 3], 1, "hand");
    let volume = site.created("v", 1, 3);
    let name = site.name("v");
    let quiet = site.created("w", 1, 3);
    let quiet_name = site.name("w");
    let folder = brick_folder(&site, "node3", &quiet);
    as_recorded(&site);
    again(&mut site, &["--automatic-repair", "false"]);

    // Somebody sets an option, takes a brick away from under its process, stops a volume and moves a brick of it away, and
    // leaves two things lying about.
    let set = [
        "gluster",
        "--mode=script",
        "volume",
        "set",
        &name,
        "user.mortar.size",
        "7",
    ];
    on(&site.lab, "node3", &set);
    on(
        &site.lab,
        "node1",
        &["gluster", "--mode=script", "volume", "stop", &quiet_name, "force"],
    );
    on(&site.lab, "node3", &["mv", &folder, &format!("{folder}.away")]);
    // The nodes of a lab share their processes' numbers: just this one.
    let unmount = format!(
        "kill -9 {}; until umount {}; do sleep 0.1; done",
        process(&site, &name, "node2"),
        brick_folder(&site, "node2", &volume).trim_end_matches("/brick")
    );
    on(&site.lab, "node2", &["sh", "-c", &unmount]);
    stray(&site, MARKED, true);
    stray(&site, BARE, false);
    let found = findings(&site);
    assert_eq!(
        kinds(&found),
        [
            "brick_unmounted",
            "folder_missing",
            "orphan_brick",
            "orphan_brick",
            "volume_stopped",
            "volume_identity_wrong"
        ]
    );
    until("the brick is seen to be down", || served(&site, &name) == 2);

    // Shown, and nothing done.
    let shown = site.server.says(&["repair"]);
    assert!(shown.contains("Nothing was done."), "{shown}");
    assert_eq!(findings(&site), found);
    assert_eq!(strays(&site), [MARKED, BARE]);

    // One by one: what is proven goes, what is not stays, whatever is said.
    let item = |brick: &str| found.iter().find(|id| id.contains(brick)).unwrap().clone();
    let removed = site.server.says(&["repair", "--do", "--item", &item(MARKED)]);
    assert!(removed.contains("remove remains of brick"), "{removed}");
    assert_eq!(strays(&site), [BARE]);
    let kept = site.server.cli(&["repair", "--do", "--item", &item(BARE)]);
    if devices() == DeviceKind::Directory {
        // Only the node itself can tell what the image holds.
        assert_eq!(kept.status.code(), Some(1), "{kept:?}");
        let said = String::from_utf8(kept.stderr).unwrap();
        assert!(
            said.contains("nothing there proves that Mortar made it"),
            "{said}"
        );
    }
    assert_eq!(strays(&site), [BARE]);

    // All at once: what can be mended is. A brick's folder that is gone is not made anew, and its volume not started without it.
    site.server.cli(&["repair", "--do"]);
    let left = findings(&site);
    assert_eq!(
        (kinds(&left).as_slice(), left[1].contains(BARE)),
        (&["folder_missing", "orphan_brick", "volume_stopped"][..], true)
    );
    assert_eq!(served(&site, &name), 3);
    assert_eq!(served(&site, &quiet_name), 0);
    on(&site.lab, "node3", &["mv", &format!("{folder}.away"), &folder]);
    let started = left[2].clone();
    site.server.says(&["repair", "--do", "--item", &started]);
    assert_eq!(served(&site, &quiet_name), 3);
    assert_eq!(kinds(&findings(&site)), ["orphan_brick"]);
    let info = on(
        &site.lab,
        "node1",
        &["gluster", "--mode=script", "volume", "info", &name],
    );
    assert!(
        info.contains(&format!("user.mortar.size: {}", 1_u64 << 30)),
        "{info}"
    );
    assert_eq!(strays(&site), [BARE]);

    let by_hand = match devices() {
        DeviceKind::Directory => format!(
            "rm {}/mortar-bricks/brick_{BARE}.img",
            site.lab.disk("node1", 1).unwrap()
        ),
        _ => format!(
            "lvremove --yes vg_{0}/brick_{BARE} vg_{0}/tp_{BARE}",
            site.nodes[0].2
        ),
    };
    on(&site.lab, "node1", &["sh", "-c", &by_hand]);
    assert_eq!(findings(&site), [] as [&str; 0]);
    site.deleted(&volume);
    site.deleted(&quiet);
    site.assert_bare();
}
