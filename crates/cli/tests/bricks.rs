//! Bricks by the first digits of their ids, on a server of its own.

use std::process::Output;

use crate::server::{ADMIN_KEY, Server};
use crate::transcript::mortar;

fn asked(server: &Server, words: &[&str]) -> Output {
    mortar()
        .env("MORTAR_SERVER", server.url())
        .env("MORTAR_SECRET", ADMIN_KEY)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts/files"))
        .args(words)
        .output()
        .unwrap()
}

fn done(server: &Server, words: &[&str]) -> String {
    let output = asked(server, words);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn ids(server: &Server) -> Vec<String> {
    let info: serde_json::Value =
        serde_json::from_str(&done(server, &["--json", "volume", "info", "films"])).unwrap();
    let bricks = info["bricks"].as_array().unwrap();
    bricks
        .iter()
        .map(|brick| brick["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_brick_moves_by_the_digits_that_the_topology_shows() {
    let server = Server::start(&["--sim-nodes", "n1=10.0.0.1,n2=10.0.0.2,n3=10.0.0.3"]);
    done(&server, &["topology", "load", "three-nodes.json"]);
    done(&server, &["volume", "create", "--size", "1", "--name", "films"]);
    let before = ids(&server);
    let shown = done(&server, &["topology", "show"]);
    let short = &before[0][..8];
    assert!(shown.contains(&format!("brick {short} ")), "{shown}");
    // A person sees the whole id as well.
    let info = done(&server, &["volume", "info", "films"]);
    assert!(before.iter().all(|id| info.contains(id.as_str())), "{info}");
    done(&server, &["brick", "evict", &short.to_uppercase()]);
    let after = ids(&server);
    assert!(!after.contains(&before[0]), "{after:?}");
    assert!(
        after.contains(&before[1]) && after.contains(&before[2]),
        "{after:?}"
    );
    let gone = asked(&server, &["brick", "evict", short]);
    assert_eq!(gone.status.code(), Some(5), "{gone:?}");
}
