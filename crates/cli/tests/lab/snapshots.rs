//! Snapshots of a volume under a client that writes, clones of them, and the way back.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;

use crate::drift::findings;
use crate::ground::{self, on, until};
use crate::life::Client;
use crate::site::Site;

/// Two files that say how far a writer is: the second follows the first, and each number is on disk before the next is written.
const FIRST: &str = "first";
const SECOND: &str = "second";

/// A snapshot shows one moment: what was written before something else is in it where that is.
#[test]
fn a_snapshot_shows_one_moment_and_what_is_made_of_it_needs_it_no_more() {
    let ground = ground::Ground::new('s', 3, 1, 8);
    let site = Site::new(&ground.lab, &[1, 2, 3], 1, "snapshots");
    let name = site.name("data");
    let origin = site.created("data", 1, 3);
    let client = Client::mount(&site, &name);
    fs::create_dir(client.path().join("folder")).unwrap();
    fs::write(client.path().join("folder/kept"), "kept").unwrap();

    let (before, after) = under_a_writer(client.path(), || {
        let words = ["snapshot", "create", &name, "--name", "monday", "--json"];
        let made: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
        assert_eq!(
            (&made["volume_name"], &made["size"]),
            (&Value::from(name.clone()), &Value::from(1 << 30))
        );
        // The same once more is the same snapshot.
        let again: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
        assert_eq!(again["id"], made["id"]);
    });
    assert_eq!(findings(&site), [] as [&str; 0]);

    // A clone, and what its origin does not see of it.
    let copy = site.name("copy");
    site.server
        .says(&["snapshot", "clone", "monday", "--name", &copy]);
    let cloned = Client::mount(&site, &copy);
    let (first, second) = told(cloned.path());
    assert!(
        (before..=after).contains(&first) && (first == second || first == second + 1),
        "{first} and {second} between {before} and {after}"
    );
    assert_eq!(
        fs::read_to_string(cloned.path().join("folder/kept")).unwrap(),
        "kept"
    );
    let mut names: Vec<String> = fs::read_dir(cloned.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [FIRST, "folder", SECOND], "what the clone holds");
    fs::write(cloned.path().join("folder/kept"), "of the clone").unwrap();
    assert_eq!(
        fs::read_to_string(client.path().join("folder/kept")).unwrap(),
        "kept"
    );
    assert_healed(&site, &copy);

    // The way back.
    fs::remove_file(client.path().join("folder/kept")).unwrap();
    client.unmount();
    site.server.says(&["snapshot", "restore", "monday"]);
    let client = Client::mount(&site, &name);
    assert_eq!(
        fs::read_to_string(client.path().join("folder/kept")).unwrap(),
        "kept"
    );
    assert_eq!(told(client.path()), (first, second), "as the snapshot was");
    fs::write(client.path().join("new"), "new").unwrap();
    assert_healed(&site, &name);

    // A volume is cloned as it is.
    let direct = site.name("direct");
    site.server.says(&["volume", "clone", &name, "--name", &direct]);
    let third = Client::mount(&site, &direct);
    assert_eq!(fs::read_to_string(third.path().join("new")).unwrap(), "new");
    third.unmount();
    assert_eq!(findings(&site), [] as [&str; 0]);

    // Nothing that was made needs what it was made of.
    let id = origin["id"].as_str().unwrap();
    let refused = site.server.delete(&format!("/volumes/{id}"));
    assert_eq!(refused.status, 409, "{refused:?}");
    site.server.says(&["snapshot", "delete", "monday"]);
    client.unmount();
    site.deleted(&origin);
    assert_eq!(
        fs::read_to_string(cloned.path().join("folder/kept")).unwrap(),
        "of the clone"
    );
    site.server
        .says(&["volume", "expand", &copy, "--by", "1", "--in-place"]);
    until("the clone is larger", || cloned.size() > 15 << 26);
    cloned.unmount();
    for gone in [&copy, &direct] {
        site.server.says(&["volume", "delete", gone]);
    }
    assert_eq!(findings(&site), [] as [&str; 0]);
    site.assert_bare();
}

/// Runs `work` while a client writes; how far the client was before and after.
fn under_a_writer(folder: &Path, work: impl FnOnce()) -> (u64, u64) {
    let (written, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut files = [FIRST, SECOND].map(|name| fs::File::create(folder.join(name)).unwrap());
            for number in 1_u64.. {
                for file in &mut files {
                    file.seek(SeekFrom::Start(0)).unwrap();
                    file.write_all(format!("{number:020}").as_bytes()).unwrap();
                    file.sync_all().unwrap();
                }
                written.store(number, Ordering::SeqCst);
                if enough.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        until("the client writes", || written.load(Ordering::SeqCst) > 20);
        let before = written.load(Ordering::SeqCst);
        work();
        let after = written.load(Ordering::SeqCst) + 1;
        until("the client goes on", || {
            written.load(Ordering::SeqCst) > after + 20
        });
        enough.store(true, Ordering::SeqCst);
        writer.join().unwrap();
        (before, after)
    })
}

fn told(folder: &Path) -> (u64, u64) {
    let number = |name| {
        fs::read_to_string(folder.join(name))
            .unwrap()
            .trim()
            .parse()
            .unwrap()
    };
    (number(FIRST), number(SECOND))
}

/// All copies of all files become the same, and none is in doubt.
fn assert_healed(site: &Site, volume: &str) {
    until("the copies are alike", || {
        let said = on(
            &site.lab,
            "node1",
            &[
                "gluster",
                "--mode=script",
                "volume",
                "heal",
                volume,
                "info",
                "summary",
            ],
        );
        said.lines()
            .filter(|line| line.contains("entries") || line.contains("split-brain"))
            .all(|line| line.trim_end().ends_with(": 0"))
    });
}
