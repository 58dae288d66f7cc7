//! The store is lost: everything is restored from simulated nodes, and work goes on.
//!
//! The same pools, operations and places to die as in `survive`: after each death the store is lost as well, and what is
//! restored must be sound, promise nothing twice, and name whatever is left over.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells how much it tried"
)]

#[allow(dead_code, reason = "what a case loses is for the crash harness")]
#[path = "../survive/cases.rs"]
mod cases;
mod deaths;
mod ground;
mod pools;
mod shapes;
#[path = "../support/mod.rs"]
mod support;
