//! Volumes that are changed while they are in use: their options, and how many copies they keep.

use serde_json::Value;

use crate::drift::findings;
use crate::ground::{self, on};
use crate::life::Client;
use crate::moves::{assert_healed, bricks, fill, sums, sums_in_brick};
use crate::site::Site;

/// What GlusterFS says that the volume's options are.
fn set(site: &Site, volume: &str) -> Vec<String> {
    let words = ["gluster", "--mode=script", "volume", "info", volume];
    let info = on(&site.lab, "node1", &words);
    let options = info.split("Options Reconfigured:").nth(1).unwrap();
    options.lines().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn options_follow_and_what_glusterfs_refuses_changes_nothing() {
    let ground = ground::Ground::new('o', 3, 1, 4);
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "change");
    site.created("data", 1, 3);
    let name = site.name("data");
    let has = |option: &str| set(&site, &name).iter().any(|line| line == option);

    let words = [
        "volume",
        "set",
        &name,
        "network.ping-timeout=21",
        "performance.io-cache=on",
        "--json",
    ];
    let said: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
    let options = said["glustervolumeoptions"].to_string();
    assert!(options.contains("network.ping-timeout 21"), "{options}");
    assert!(has("network.ping-timeout: 21") && has("performance.io-cache: on"));
    assert_eq!(findings(&site), [] as [&str; 0]);

    let before = set(&site, &name);
    for (options, words) in [
        (
            ["network.ping-timeout=30", "no.such-option=1"],
            "no.such-option does not exist",
        ),
        (
            ["network.ping-timeout=30", "performance.cache-size=much"],
            "volume set: failed",
        ),
        (
            ["network.ping-timeout=", "no.such-option="],
            "no.such-option does not exist",
        ),
    ] {
        let said = site.server.cli(&["volume", "set", &name, options[0], options[1]]);
        let text = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(1), "{text}");
        assert!(text.contains(words), "{text}");
        // A value that was taken back stands at another place of the list then.
        let (mut now, mut then) = (set(&site, &name), before.clone());
        now.sort();
        then.sort();
        assert_eq!(now, then);
        assert_eq!(findings(&site), [] as [&str; 0]);
    }

    site.server.says(&[
        "volume",
        "set",
        &name,
        "network.ping-timeout=",
        "performance.io-cache=",
    ]);
    assert!(
        !set(&site, &name)
            .iter()
            .any(|line| line.starts_with("network.ping-timeout"))
    );
    assert_eq!(findings(&site), [] as [&str; 0]);
    // No option was asked for any more, and a rebuild takes it so.
    assert!(has("user.mortar.asked.0: none"), "{:?}", set(&site, &name));
    site.server.says(&["volume", "delete", &name]);
    site.assert_bare();
}

/// What GlusterFS says of the volume's bricks: `1 x 3 = 3`.
fn shape(site: &Site, volume: &str) -> String {
    let words = ["gluster", "--mode=script", "volume", "info", volume];
    let info = on(&site.lab, "node1", &words);
    let mut lines = info.lines();
    let line = lines.find_map(|line| line.strip_prefix("Number of Bricks: "));
    line.unwrap().to_owned()
}

/// From one copy to three, down to two, to an arbiter and back, while a client has it mounted.
#[test]
fn copies_come_and_go_while_the_volume_is_in_use() {
    let ground = ground::Ground::new('u', 3, 1, 8);
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "copies");
    let volume = site.created("data", 1, 0);
    let id = volume["id"].as_str().unwrap();
    let name = site.name("data");
    let client = Client::mount(&site, &name);
    fill(client.path());
    let before = sums(client.path());
    for (words, shown, durability, whole) in [
        (vec!["3"], "1 x 3 = 3", "replicate 3", 3),
        (vec!["2"], "1 x 2 = 2", "replicate 2", 2),
        (vec!["3", "--arbiter"], "1 x (2 + 1) = 3", "arbiter", 2),
        (vec!["2"], "1 x 2 = 2", "replicate 2", 2),
        (vec!["3"], "1 x 3 = 3", "replicate 3", 3),
    ] {
        let mut asked = vec!["volume", "replicas", &name];
        asked.extend(&words);
        let said = site.server.says(&asked);
        assert!(said.contains(durability), "{said}");
        assert_eq!(shape(&site, &name), shown);
        assert_healed(&site, &name);
        assert!(
            site.server
                .says(&["volume", "heal", &name])
                .contains("All copies are alike.")
        );
        assert_eq!(findings(&site), [] as [&str; 0]);
        assert!(sums(client.path()) == before, "what a client reads");
        let copies = bricks(&site, id);
        let full = copies
            .iter()
            .filter(|(_, node, path)| sums_in_brick(&site, node, path) == before);
        assert_eq!(full.count(), whole, "bricks that hold all of it");
        std::fs::write(client.path().join("beside"), durability).unwrap();
        std::fs::remove_file(client.path().join("beside")).unwrap();
    }
    for (words, text) in [
        (vec!["1"], "keeps at least two copies"),
        (vec!["3"], "has replicate 3 already"),
        (vec!["3", "--arbiter"], "ask for 2 first"),
        (vec!["4"], "no place for a brick"),
    ] {
        let mut asked = vec!["volume", "replicas", &name];
        asked.extend(&words);
        let said = site.server.cli(&asked);
        let told = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success() && told.contains(text), "{words:?}: {told}");
        assert_eq!(shape(&site, &name), "1 x 3 = 3");
    }
    client.unmount();
    site.server.says(&["volume", "delete", &name]);
    site.assert_bare();
}
