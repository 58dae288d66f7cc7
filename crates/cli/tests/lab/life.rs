//! The life of volumes: made, mounted, written to, made larger, deleted, and nothing of them is left.

use std::path::Path;
use std::process::Command;

use mortar_lab::Lab;
use serde_json::{Value, json};

use crate::ground::{calm, until};
use crate::site::Site;

/// A folder where a volume is mounted; unmounted when dropped.
pub(crate) struct Client {
    lab: Lab,
    pub(crate) folder: tempfile::TempDir,
    mounted: bool,
}

impl Client {
    pub(crate) fn mount(site: &Site, volume: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        site.lab
            .mount(volume, folder.path())
            .unwrap_or_else(|error| panic!("{error}"));
        Self {
            lab: site.lab.clone(),
            folder,
            mounted: true,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Size of the file system, in bytes, as `df` tells it.
    pub(crate) fn size(&self) -> u64 {
        let output = Command::new("df")
            .args(["--block-size=1", "--output=size"])
            .arg(self.path())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().nth(1).unwrap().trim().parse().unwrap()
    }

    /// Unmounts it and does not wait for its client to end; the lab's end sees to that.
    pub(crate) fn leave(mut self) {
        let done = Command::new("umount").arg(self.path()).status().unwrap();
        assert!(done.success(), "{done}");
        self.mounted = false;
    }

    pub(crate) fn unmount(mut self) {
        self.lab
            .unmount(self.path())
            .unwrap_or_else(|error| panic!("{error}"));
        self.mounted = false;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.mounted {
            // The test fails already; the lab's end would unmount it too.
            let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
        }
    }
}

pub(crate) fn gib(size: u64) -> u64 {
    size << 30
}

/// GlusterFS and XFS take a part for themselves.
pub(crate) fn about(came: u64, wanted: u64) -> bool {
    came <= wanted && came > wanted / 100 * 90
}

/// By the program's own commands: made, shown, mounted and written to, made larger, deleted.
#[test]
fn volumes_live_and_leave_nothing() {
    let site = Site::new(calm(), &[1, 2, 3], 1, "life");
    site.assert_bare();
    std::thread::scope(|scope| {
        for (name, replica) in [("plain", "0"), ("two", "2"), ("three", "3")] {
            let site = &site;
            scope.spawn(move || live(site, name, replica));
        }
    });
    site.assert_bare();
    // Several at once, of which each is whole.
    let accepted: Vec<_> = (0..4)
        .map(|number| site.create(&format!("many{number}"), 1, 3))
        .collect();
    let volumes: Vec<Value> = accepted
        .iter()
        .map(|said| {
            let made = site.server.follow(said);
            assert_eq!(made.status, 200, "{made:?}\n{}", site.server.log());
            made.json()
        })
        .collect();
    assert_eq!(site.volumes().len(), 4);
    let gone: Vec<_> = volumes
        .iter()
        .map(|volume| {
            site.server
                .delete(&format!("/volumes/{}", volume["id"].as_str().unwrap()))
        })
        .collect();
    for said in gone {
        let ended = site.server.rest(said.queue_id());
        assert_eq!(ended.status, 204, "{ended:?}");
    }
    site.assert_bare();
}

fn live(site: &Site, name: &str, replica: &str) {
    let full = site.name(name);
    let durability = if replica == "0" { "none" } else { "replicate" };
    let mut create = vec![
        "volume",
        "create",
        "--size",
        "1",
        "--name",
        &full,
        "--durability",
        durability,
        "--json",
    ];
    if replica != "0" {
        create.extend(["--replica", replica]);
    }
    let volume: Value = serde_json::from_str(&site.server.says(&create)).unwrap();
    let bricks = replica.parse::<usize>().unwrap().max(1);
    assert_eq!(volume["bricks"].as_array().unwrap().len(), bricks, "{volume}");
    assert!(site.server.says(&["volume", "list"]).contains(&full));
    assert!(site.server.says(&["volume", "info", &full]).contains("1 GiB"));
    assert!(site.volumes().contains(&full));
    explained(site, &volume, bricks);

    let client = Client::mount(site, &full);
    assert!(about(client.size(), gib(1)), "{}", client.size());
    std::fs::write(client.path().join("first"), "before it grew").unwrap();
    // Another set of bricks, seen at the mount without mounting again.
    let words = ["volume", "expand", &full, "--by", "2", "--add-bricks", "--json"];
    let grown: Value = serde_json::from_str(&site.server.says(&words)).unwrap();
    assert_eq!(grown["size"], 3);
    assert_eq!(grown["bricks"].as_array().unwrap().len(), 2 * bricks);
    until("the mount sees the new size", || about(client.size(), gib(3)));
    assert_eq!(
        std::fs::read_to_string(client.path().join("first")).unwrap(),
        "before it grew"
    );
    for number in 0..20 {
        std::fs::write(client.path().join(format!("file{number}")), number.to_string()).unwrap();
    }
    let other = Client::mount(site, &full);
    for number in 0..20 {
        let came = std::fs::read_to_string(other.path().join(format!("file{number}"))).unwrap();
        assert_eq!(came, number.to_string());
    }
    explained(site, &grown, 2 * bricks);
    other.unmount();
    client.unmount();
    site.server.says(&["volume", "delete", &full]);
    assert!(!site.volumes().contains(&full));
    assert!(!site.server.says(&["volume", "list"]).contains(&full));
}

/// The whole chain is there, and seen as recorded.
fn explained(site: &Site, volume: &Value, bricks: usize) {
    let place = format!("/v1/explain/volumes/{}", volume["id"].as_str().unwrap());
    let sights = |chain: &Value| -> Vec<Value> {
        let mut sights = vec![chain["volume"]["sight"].clone()];
        for brick in chain["bricks"].as_array().unwrap() {
            let layers = [
                brick,
                &brick["file_system"],
                &brick["space"],
                &brick["device"],
                &brick["node"],
            ];
            sights.extend(layers.map(|layer| layer["sight"].clone()));
        }
        sights
    };
    // A brick's process is there a moment before glusterd knows its port.
    until("all is seen as recorded", || {
        let chain = site.server.get(&place).json();
        assert_eq!(chain["bricks"].as_array().unwrap().len(), bricks);
        let sights = sights(&chain);
        sights.len() == 1 + 5 * bricks
            && sights
                .iter()
                .all(|sight| sight.is_null() || sight["state"] == json!("ok"))
    });
}
