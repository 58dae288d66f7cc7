//! The transcripts.

use crate::server::{ADMIN_KEY, Server};
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

/// The simulated nodes of the transcripts.
const NODES: [&str; 2] = ["--sim-nodes", "n1=10.0.0.1,n2=10.0.0.2,n3=10.0.0.3"];

fn asking(server: &Server) -> Player {
    Player::new()
        .variable("MORTAR_SERVER", &server.url())
        .named(&server.url(), "<server>")
}

#[test]
fn tour() {
    let server = Server::start(&NODES);
    asking(&server)
        .variable("MORTAR_SECRET", ADMIN_KEY)
        .play("tour.txt");
}

#[test]
fn block_volumes() {
    let server = Server::start(&NODES);
    asking(&server)
        .variable("MORTAR_SECRET", ADMIN_KEY)
        .play("blocks.txt");
}

#[test]
fn checks_and_repairs() {
    let server = Server::start(&[NODES[0], NODES[1], "--automatic-repair", "false"]);
    asking(&server)
        .variable("MORTAR_SECRET", ADMIN_KEY)
        .play("check.txt");
}

#[test]
fn refusals() {
    let server = Server::start(&NODES);
    asking(&server)
        .variable("MORTAR_SECRET", ADMIN_KEY)
        .play("refusals.txt");
}

#[test]
fn rebuilds_that_are_refused() {
    let server = Server::start(&NODES);
    asking(&server)
        .variable("MORTAR_SECRET", ADMIN_KEY)
        .play("rebuild.txt");
}

#[test]
fn tokens() {
    let server = Server::start(&NODES);
    asking(&server).play("tokens.txt");
}

#[test]
fn a_restart_forgets_nothing() {
    let mut server = Server::start(&NODES);
    asking(&server)
        .variable("MORTAR_SECRET", ADMIN_KEY)
        .play("before-restart.txt");
    server.restart(&NODES);
    asking(&server)
        .variable("MORTAR_SECRET", ADMIN_KEY)
        .play("after-restart.txt");
}
