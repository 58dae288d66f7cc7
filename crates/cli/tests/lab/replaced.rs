//! A machine burns, and a new one of the same name stands in its place: it gets the node's identity, and the data is healed onto its disks.

use crate::ground::{stormy, until};
use crate::life::Client;
use crate::moves::{assert_healed, bricks, fill, sums, sums_in_brick};
use crate::site::Site;

#[test]
fn a_new_machine_takes_the_place_of_a_burnt_one() {
    let ground = stormy('w');
    let mut site = Site::new(&ground.lab, &[1, 2, 3], 1, "replaced");
    let volume = site.created("data", 2, 3);
    let (id, name) = (volume["id"].as_str().unwrap(), volume["name"].as_str().unwrap());
    let client = Client::mount(&site, name);
    fill(client.path());
    let address = site.lab.nodes()[2].address.to_string();
    let disk = site.lab.disk("node3", 1).unwrap();

    site.lab.kill("node3").unwrap();
    site.lab.wipe("node3").unwrap();
    std::fs::write(client.path().join("meanwhile"), "written").unwrap();
    let before = sums(client.path());
    site.lab.start("node3").unwrap_or_else(|error| panic!("{error}"));

    // It is nobody's peer, and a check says what to do.
    until("a check tells of it", || {
        let told = site.server.cli(&["check"]);
        String::from_utf8_lossy(&told.stdout).contains(&format!("mortar node replace {address}"))
    });
    let begun = std::time::Instant::now();
    let told = site.server.says(&["node", "replace", &address]);
    eprintln!(
        "a new machine has the node's identity after {:?}: {told}",
        begun.elapsed()
    );
    let dead = site.nodes[2].2.clone();
    assert!(
        told.contains(&format!("mortar device drain --dead {dead}")),
        "{told}"
    );
    let again = site.server.cli(&["node", "replace", &address]);
    assert!(!again.status.success(), "{again:?}");
    assert!(
        String::from_utf8_lossy(&again.stderr).contains("nothing to replace"),
        "{again:?}"
    );

    site.server
        .says(&["device", "add", "--node", &address, "--name", &disk]);
    site.server.says(&["device", "drain", "--dead", &dead]);
    eprintln!("its bricks are healed after {:?}", begun.elapsed());
    site.server.says(&["device", "delete", &dead]);
    let info = site.server.get(&format!("/nodes/{}", site.nodes[2].1)).json();
    assert_eq!(info["devices"].as_array().unwrap().len(), 1, "{info}");
    site.nodes[2].2 = info["devices"][0]["id"].as_str().unwrap().to_owned();
    assert_ne!(site.nodes[2].2, dead);

    assert_healed(&site, name);
    assert_eq!(sums(client.path()), before);
    for (brick, node, path) in bricks(&site, id) {
        assert_eq!(
            sums_in_brick(&site, &node, &path),
            before,
            "brick {brick} on {node}"
        );
    }
    until("a check finds nothing", || {
        let told = site.server.cli(&["check"]);
        told.status.success()
    });
    client.unmount();
    site.deleted(&volume);
    site.assert_bare();
}
