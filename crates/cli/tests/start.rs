//! What a server says when it starts: of its keys, of heketi.json, of simulated nodes that are behind its store.

use std::process::Output;

use crate::server::{ADMIN_KEY, Server};
use crate::transcript::mortar;

fn list(server: &Server, user: &str, secret: &str) -> Output {
    let mut command = mortar();
    command.args(["--server", &server.url(), "--user", user, "volume", "list"]);
    command.env("MORTAR_SECRET", secret).output().unwrap()
}

#[test]
fn an_admin_key_is_enough() {
    let server = Server::start_with(&[], &[("MORTAR_ADMIN_KEY", ADMIN_KEY)]);
    assert!(list(&server, "admin", ADMIN_KEY).status.success());
    for secret in [ADMIN_KEY, "the user's key"] {
        let refused = list(&server, "user", secret);
        assert_eq!(refused.status.code(), Some(4), "{refused:?}");
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(told.contains("Unknown user"), "{told}");
    }
    assert!(!server.log().contains(" WARN "), "{}", server.log());
}

#[test]
fn weak_keys_are_named_and_taken() {
    let server = Server::start_with(
        &[],
        &[("MORTAR_ADMIN_KEY", "short"), ("MORTAR_USER_KEY", "short")],
    );
    assert!(list(&server, "admin", "short").status.success());
    let log = server.log();
    for told in [
        "the admin key and the user key are the same",
        "the admin key has fewer than 8 bytes",
        "the user key has fewer than 8 bytes",
    ] {
        assert!(log.contains(told), "{log}");
    }
    assert!(!log.contains("short"), "{log}");
}

#[test]
fn a_mistyped_key_of_heketi_json_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heketi.json");
    let text = r#"{"_comment":"x","glusterfs":{"executor":"mock","db":"DB","brick_max_size_db":10,"loglevel":"info"}}"#;
    let db = folder.path().join("heketi.db");
    std::fs::write(&file, text.replace("DB", db.to_str().unwrap())).unwrap();
    let server = Server::start(&["--heketi-config", file.to_str().unwrap()]);
    let log = server.log();
    let line = log.lines().find(|line| line.contains("brick_max_size_db"));
    assert!(
        line.is_some_and(|line| line.contains(" WARN ") && line.contains("see that it is not mistyped")),
        "{log}"
    );
    assert!(!log.contains("_comment"), "{log}");
}

#[test]
fn simulated_nodes_that_are_behind_the_store_are_named() {
    let told = "did not stop in order";
    let mut server = Server::start(&[]);
    server.stop();
    server.start_again(&[]);
    assert!(!server.log().contains(told), "{}", server.log());
    server.kill();
    server.start_again(&[]);
    assert!(server.log().contains(told), "{}", server.log());
    server.stop();
    server.start_again(&[]);
    assert!(!server.log().contains(told), "{}", server.log());
}
