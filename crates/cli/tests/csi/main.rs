//! The CSI driver for real: csi-sanity, and pods' mounts that outlive the plug-in, on real GlusterFS pools of labs.
//!
//! The controller runs inside of a server, as `mortar serve --csi-endpoint` has it, and as a process of its own; the node
//! plug-in on this machine, which reaches the lab's nodes. csi-sanity is a Go program (tests/csi).
//!
//! Ground, server and door are those of tests/lab, which hold more than is used here.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and tells what it did"
)]

mod copies;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/door.rs"]
mod door;
mod driver;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/ground.rs"]
mod ground;
mod mounts;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/remains.rs"]
mod remains;
mod sanity;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/server.rs"]
mod server;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/site.rs"]
mod site;
