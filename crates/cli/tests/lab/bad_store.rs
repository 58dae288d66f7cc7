//! A store whose disk is full, and one that is damaged.

use std::process::Command;

use mortar_lab::Lab;
use serde_json::json;

use crate::door::Said;
use crate::ground::calm;
use crate::server::Server;
use crate::site::Site;

/// A small file system in memory, unmounted when dropped. It lies in the lab's folder: when this process is killed, it
/// goes with the lab.
struct Small(tempfile::TempDir);

impl Small {
    fn new(lab: &Lab) -> Self {
        let folder = tempfile::tempdir_in(lab.folder()).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8M", "mortar-test"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(
            mounted.success(),
            "this test mounts a file system: run it as root"
        );
        Self(folder)
    }

    fn fill(&self) {
        let file = self.0.path().join("fill");
        let mut bytes = 8 << 20;
        // The last page too.
        while bytes > 0 {
            let full = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&file)
                .and_then(|mut file| std::io::Write::write_all(&mut file, &vec![0; bytes]));
            if full.is_err() {
                bytes /= 2;
            }
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.path().join("fill")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // After the server, which holds its store open, is gone; see the order in the test.
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

/// Makes clusters until the store takes no more; gives their ids and the refusals.
///
/// The store's own file has some room left: until that is full too, what it takes is kept. One refusal is not the end,
/// because opening the file again, which follows one, gives back pages that waited for the commit that failed.
fn clusters_until_full(server: &Server) -> (Vec<String>, Vec<Said>) {
    let cluster = json!({"file": true, "block": true});
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    let mut in_a_row = 0;
    while in_a_row < 5 {
        let said = server.post("/clusters", &cluster);
        if said.status == 201 {
            in_a_row = 0;
            made.push(said.json()["id"].as_str().unwrap().to_owned());
            assert!(made.len() < 20_000, "the disk under the store was never full");
        } else {
            in_a_row += 1;
            refused.push(said);
        }
    }
    assert!(!made.is_empty());
    (made, refused)
}

#[test]
fn a_full_disk_under_the_store_stops_new_work_and_loses_nothing() {
    let lab = calm();
    let small = Small::new(lab);
    let server = Server::start_on(
        lab,
        tempfile::tempdir().unwrap(),
        small.0.path().join("store.redb"),
    );
    let mut site = Site::with(lab, server, &[5, 6], 2, "full");
    let kept = site.created("kept", 1, 2);
    small.fill();
    let (clusters, mut refusals) = clusters_until_full(&site.server);
    let before = site.state();
    refusals.push(site.create("new", 1, 2));
    let kept_path = format!("/volumes/{}", kept["id"].as_str().unwrap());
    refusals.push(site.server.delete(&kept_path));
    for said in refusals {
        assert_eq!(said.status, 500, "{said:?}");
        assert!(said.text.contains("cannot record the request"), "{said:?}");
    }
    assert_eq!(site.state(), before);

    // With room again it goes on, and everything that was taken is there, also after a restart.
    small.empty();
    let new = site.created("new", 1, 2);
    site.server.restart();
    let listed = site.server.get("/clusters").json();
    let listed = listed["clusters"].as_array().unwrap();
    assert_eq!(listed.len(), clusters.len() + 1);
    assert!(clusters.iter().all(|id| listed.contains(&json!(id))));
    for volume in [&kept, &new] {
        site.deleted(volume);
    }
    site.assert_bare();
    // The file system goes after the server that has its store there.
    site.server.kill();
}

#[test]
fn a_damaged_store_is_refused_and_left_as_it_is() {
    let lab = calm();
    let mut server = Server::start(lab);
    let made = server.post("/clusters", &json!({"file": true, "block": false}));
    assert_eq!(made.status, 201, "{made:?}");
    server.ask_to_stop();
    assert!(server.ended().success());
    let whole = std::fs::read(server.store()).unwrap();
    let damages: [(&str, Vec<u8>); 4] = [
        ("empty", Vec::new()),
        ("cut in half", whole[..whole.len() / 2].to_vec()),
        ("cut at the end", whole[..whole.len() - 4096].to_vec()),
        ("something else", b"no store at all\n".repeat(1000)),
    ];
    for (what, bytes) in damages {
        std::fs::write(server.store(), &bytes).unwrap();
        let output = server.fails_to_start();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success(), "{what}");
        assert!(said.contains("is damaged or not a store"), "{what}: {said}");
        assert!(said.contains(server.store().to_str().unwrap()), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
        let after = std::fs::read(server.store()).unwrap();
        assert!(after == bytes, "{what}: the file was changed");
    }
    // The whole one is taken again, with what it held.
    std::fs::write(server.store(), &whole).unwrap();
    server.again();
    assert_eq!(
        server.get("/clusters").json()["clusters"],
        json!([made.json()["id"]])
    );
}
