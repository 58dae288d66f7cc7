//! Volumes that are changed while they are in use: their options.

use serde_json::Value;

use crate::drift::findings;
use crate::ground::{self, on};
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
