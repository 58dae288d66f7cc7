//! Bricks of a dispersed set move one right after the other, and no piece of any file is lost.
//!
//! GlusterFS lists nothing to be healed for a new brick of such a set before its root is healed (decision 8). A move that trusted the
//! list would end with an empty brick, and the next one would take a second piece from a set that can lose only one.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::drift::process;
use crate::ground::{Ground, LIMIT, on, start, until};
use crate::life::Client;
use crate::moves::{assert_healed, bricks, fill, sums};
use crate::site::Site;

/// Five nodes, with a volume on three of them of which any two pieces are enough to read a file.
struct Pieces {
    site: Site,
    volume: Value,
    /// Checksums of its files, by their paths.
    files: BTreeMap<String, String>,
}

impl Pieces {
    fn on(ground: &Ground, prefix: &str) -> Self {
        let mut pieces = Self::empty(ground, prefix);
        pieces.write(fill);
        pieces.healed();
        assert_eq!(pieces.files.len(), 61);
        pieces
    }

    fn empty(ground: &Ground, prefix: &str) -> Self {
        let site = Site::new(&ground.lab, &[1, 2, 3, 4, 5], 1, prefix);
        let name = site.name("data");
        let words = ["volume", "create", "--json", "--name", &name, "--size", "2"];
        let shape = [
            "--durability",
            "disperse",
            "--disperse-data",
            "2",
            "--redundancy",
            "1",
        ];
        let volume = serde_json::from_str(&site.server.says(&[&words[..], &shape].concat())).unwrap();
        Self {
            site,
            volume,
            files: BTreeMap::new(),
        }
    }

    fn name(&self) -> &str {
        self.volume["name"].as_str().unwrap()
    }

    /// Its bricks: id, node's name and path.
    fn bricks(&self) -> Vec<(String, String, String)> {
        bricks(&self.site, self.volume["id"].as_str().unwrap())
    }

    /// Writes through a client that goes again as soon as the roots have a version of what is in them: one that stays looks at the root
    /// of a new brick, and so heals a part of it.
    fn write(&mut self, write: impl FnOnce(&Path)) {
        let client = Client::mount(&self.site, self.name());
        write(client.path());
        self.files = sums(client.path());
        until("the roots have a version", || self.versioned());
        client.leave();
    }

    /// Waits until nothing is to be healed: what a client left half told is, at the daemons' next round in ten minutes or when asked.
    fn healed(&self) {
        let heal = ["gluster", "--mode=script", "volume", "heal", self.name()];
        until("nothing is to be healed", || {
            // Daemons that are at work already say no.
            let asked = self.site.lab.exec("node1", &heal, LIMIT);
            asked.unwrap_or_else(|error| panic!("{error}"));
            let told = on(&self.site.lab, "node1", &[&heal[..], &["info"]].concat());
            told.matches("Number of entries: 0\n").count() == 3
        });
    }

    /// The versions that the bricks' roots have, of what is in them and of what they are like (hexadecimal).
    fn versions(&self) -> Vec<Option<String>> {
        let version = |(_, node, path): &(String, String, String)| {
            let argv = ["getfattr", "-d", "-e", "hex", "-m", "trusted.ec.version", path];
            let told = on(&self.site.lab, node, &argv);
            let mut lines = told.lines();
            lines.find_map(|line| Some(line.strip_prefix("trusted.ec.version=0x")?.to_owned()))
        };
        self.bricks().iter().map(version).collect()
    }

    /// Whether each brick's root has a version of what is in it.
    fn versioned(&self) -> bool {
        let told = |version: &Option<String>| {
            let version = version.as_ref();
            version.is_some_and(|version| !version.starts_with("0000000000000000"))
        };
        self.versions().iter().all(told)
    }

    /// Leaves the roots as a client does that was gone within a second, which depends on how busy this machine is. Whoever looks while
    /// some of them have a version heals the others: so they are taken until nobody has brought one back.
    fn unversion(&self) {
        let mut looks = 0;
        until("no root has a version", || {
            for ((_, node, path), version) in self.bricks().iter().zip(self.versions()) {
                if version.is_some() {
                    looks = 0;
                    on(
                        &self.site.lab,
                        node,
                        &["setfattr", "--remove=trusted.ec.version", path],
                    );
                }
            }
            looks += 1;
            looks > 2
        });
    }

    /// Moves a brick; as soon as that has ended, each brick of the set is whole.
    fn moved(&self, brick: &str, options: &[&str]) {
        let begun = Instant::now();
        let words = [&["brick", "evict"], options, &[brick]].concat();
        let told = self.site.server.cli(&words);
        assert!(told.status.success(), "{told:?}\n{}", self.site.server.log());
        let took = begun.elapsed();
        self.assert_whole();
        eprintln!("{words:?} took {took:?}");
    }

    /// Each brick has a piece of each file, as large as the others have.
    fn assert_whole(&self) {
        let bricks = self.bricks();
        let pieces: Vec<_> = bricks
            .iter()
            .map(|(_, node, path)| sizes(&self.site, node, path))
            .collect();
        for (held, brick) in pieces.iter().zip(&bricks) {
            assert_eq!(held.len(), self.files.len(), "pieces on {brick:?}: {held:?}");
            assert_eq!(held, &pieces[0], "{brick:?} beside {:?}", bricks[0]);
        }
    }

    /// All files read as they were written, by a client that has read nothing before, whichever of the nodes is lost: any two pieces
    /// of a file are right.
    fn assert_readable(&self) {
        for (_, node, _) in self.bricks() {
            let begun = Instant::now();
            self.site.lab.kill(&node).unwrap();
            let client = Client::mount(&self.site, self.name());
            let read = sums(client.path());
            client.leave();
            start(&self.site.lab, &node);
            assert_eq!(read, self.files, "without {node}");
            self.at_rest();
            eprintln!("read without {node} in {:?}", begun.elapsed());
        }
        assert_healed(&self.site, self.name());
    }

    /// The server sees that all bricks run.
    fn at_rest(&self) {
        let explain = format!("/v1/explain/volumes/{}", self.volume["id"].as_str().unwrap());
        until("all bricks are seen to run", || {
            let chain = self.site.server.get(&explain).json();
            let bricks = chain["bricks"].as_array().unwrap();
            bricks.len() == 3 && bricks.iter().all(|brick| brick["sight"]["state"] == "ok")
        });
    }

    /// Nothing is under way, and nothing on any node is left of these bricks.
    fn assert_gone(&self, old: &[(String, String, String)]) {
        until("nothing waits any more", || {
            let open = self.site.server.get("/v1/operations?open=true").json();
            open["operations"] == json!([])
        });
        let mut left = self.site.remains();
        left.retain(|line| old.iter().any(|(brick, ..)| line.contains(brick.as_str())));
        assert_eq!(left, [] as [&str; 0]);
        assert!(self.bricks().iter().all(|brick| !old.contains(brick)));
    }

    fn ends(self) {
        self.site.deleted(&self.volume);
        self.site.assert_bare();
    }
}

/// Sizes of the files in a brick's folder, by their paths.
fn sizes(site: &Site, node: &str, path: &str) -> BTreeMap<String, u64> {
    let find = format!("find {path} -path {path}/.glusterfs -prune -o -type f -printf '%s %P\\n'");
    let told = on(&site.lab, node, &["sh", "-c", &find]);
    let lines = told.lines().map(|line| line.split_once(' ').unwrap());
    lines
        .map(|(size, path)| (path.to_owned(), size.parse().unwrap()))
        .collect()
}

#[test]
fn all_pieces_of_a_set_move() {
    let ground = Ground::new('j', 5, 1, 8);
    let pieces = Pieces::on(&ground, "pieces");
    let old = pieces.bricks();
    for (brick, ..) in &old {
        pieces.moved(brick, &[]);
    }
    pieces.assert_gone(&old);
    pieces.assert_readable();
    pieces.ends();
}

/// Where each client was gone before it told the bricks a version of their roots, GlusterFS heals nothing to a new brick: none gets
/// a place.
#[test]
fn no_piece_moves_while_roots_have_no_version() {
    let ground = Ground::new('v', 5, 1, 8);
    let mut pieces = Pieces::empty(&ground, "versions");
    pieces.write(fill);
    pieces.healed();
    pieces.unversion();
    pieces.assert_whole();

    let old = pieces.bricks();
    let refused = pieces.site.server.cli(&["brick", "evict", &old[0].0]);
    assert!(!refused.status.success(), "{refused:?}");
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("has no version of that"), "{why}");
    assert_eq!(pieces.bricks(), old);

    // As the text says.
    pieces.write(|folder| std::fs::create_dir(folder.join("folder")).unwrap());
    pieces.write(|folder| std::fs::remove_dir(folder.join("folder")).unwrap());
    pieces.healed();
    for (brick, ..) in &old {
        pieces.moved(brick, &[]);
    }
    pieces.assert_gone(&old);
    pieces.assert_readable();
    pieces.ends();
}

/// Ends the self-heal daemon of each node and lets none start, or starts them again.
fn attend(pieces: &Pieces, run: bool) {
    let script = if run {
        "umount --lazy /usr/sbin"
    } else {
        mortar_lab::NO_SELF_HEAL
    };
    for node in pieces.site.lab.nodes() {
        on(&pieces.site.lab, &node.name, &["sh", "-c", script]);
    }
    if run {
        let again = [
            "gluster",
            "--mode=script",
            "volume",
            "start",
            pieces.name(),
            "force",
        ];
        on(&pieces.site.lab, "node1", &again);
    }
}

/// While no self-heal daemon runs, GlusterFS lists nothing to be healed and the new brick stays empty: its move does not end, so that
/// no other one begins.
#[test]
fn a_piece_that_nobody_heals_does_not_count_as_healed() {
    let ground = Ground::new('k', 5, 1, 8);
    let pieces = Pieces::on(&ground, "unhealed");
    let (server, old) = (&pieces.site.server, pieces.bricks());
    attend(&pieces, false);
    let accepted = server.post(&format!("/v1/bricks/{}/evict", old[0].0), &json!({"dead": false}));
    let id = accepted.queue_id();
    until("it tells what it waits for", || {
        let told = server.operation(id);
        assert_ne!(told["phase"], "done", "an empty brick was taken for a healed one");
        told.to_string().contains("is not healed from its root on")
    });
    assert_healed(&pieces.site, pieces.name());
    let refused = server.cli(&["brick", "evict", &old[1].0]);
    assert!(!refused.status.success(), "{refused:?}");

    attend(&pieces, true);
    server.end(id);
    assert_eq!(server.operation(id)["phase"], "done", "{}", server.log());
    pieces.assert_whole();
    for (brick, ..) in &old[1..] {
        pieces.moved(brick, &[]);
    }
    pieces.assert_gone(&old);
    pieces.assert_readable();
    pieces.ends();
}

/// A brick whose process has ended, one whose node lost its power, and the last one, which is well.
#[test]
fn dead_pieces_move_and_a_living_one_right_after_them() {
    let ground = Ground::new('q', 5, 1, 8);
    let mut pieces = Pieces::on(&ground, "dead");
    let old = pieces.bricks();
    // Not the first node: it is asked about the lab.
    let [ended, lost, well] = [2, 1, 0].map(|place| old[place].clone());
    let kill = ["kill", "-9", &process(&pieces.site, pieces.name(), &ended.1)];
    on(&pieces.site.lab, &ended.1, &kill);
    pieces
        .write(|folder| std::fs::write(folder.join("without"), "written without one of the pieces").unwrap());
    let refused = pieces.site.server.cli(&["brick", "evict", &ended.0]);
    assert!(
        String::from_utf8_lossy(&refused.stderr).contains("itself does not run"),
        "{refused:?}"
    );
    pieces.moved(&ended.0, &["--dead"]);
    pieces.site.lab.kill(&lost.1).unwrap();
    pieces.moved(&lost.0, &["--dead"]);
    pieces.moved(&well.0, &[]);
    start(&pieces.site.lab, &lost.1);
    pieces.assert_gone(&old);
    pieces.assert_readable();
    pieces.ends();
}
