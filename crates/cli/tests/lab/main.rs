//! The whole way, for real: the program as a server, over ssh, on real GlusterFS pools of labs of its own.
//!
//! What is made is mounted and written to, nodes are lost and come back, the server is killed in the middle of its
//! work, and after each deletion the nodes are searched for what may be left. Needs root and the programs of a lab;
//! without them every test fails and says what is missing.
//!
//! Labs are shared by the tests of this binary. They go when it ends, for whatever reason; one whose clean-up was
//! killed too is removed with `mortar lab down --lab NAME`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and tells what it did"
)]

mod adopt;
mod bad_devices;
mod bad_nodes;
mod bad_store;
mod bad_volumes;
mod change;
mod crash;
mod cure;
mod door;
mod drift;
mod ground;
mod groups;
mod growth;
mod life;
mod loss;
mod moves;
mod pieces;
mod pools;
mod rebuild;
mod remains;
mod replaced;
mod server;
mod shapes;
mod site;
mod snapshots;
mod writer;
