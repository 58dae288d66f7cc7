//! The administrator's modes from outside: set at the start, and left by a signal.

use std::time::{Duration, Instant};

use crate::server::{ADMIN_KEY, Server};
use crate::transcript::mortar;

fn make_cluster(server: &Server) -> std::process::Output {
    mortar()
        .args(["--server", &server.url(), "cluster", "create"])
        .env("MORTAR_SECRET", ADMIN_KEY)
        .output()
        .unwrap()
}

#[test]
fn a_signal_leads_out_of_read_only() {
    let server = Server::start(&["--default-state", "read-only"]);
    let refused = make_cluster(&server);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{told}");
    assert!(told.contains("Service disabled for maintenance"), "{told}");
    server.signal("USR2");
    let patience = Instant::now() + Duration::from_secs(20);
    while !server.log().contains("the server serves others now") {
        assert!(Instant::now() < patience, "{}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(make_cluster(&server).status.success());
}
