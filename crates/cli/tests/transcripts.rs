//! The transcripts.

use crate::transcript::Player;

#[test]
fn without_a_server() {
    // Nothing listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("http://127.0.0.1:{port}");
    Player::new()
        .variable("MORTAR_SERVER", &address)
        .named(&address, "<server>")
        .play("without-a-server.txt");
}

#[test]
fn settings_of_the_server() {
    Player::new().play("settings.txt");
}

#[test]
fn topology_files() {
    Player::new().play("topology-files.txt");
}

#[test]
fn store_files() {
    Player::new().play("store-files.txt");
}
